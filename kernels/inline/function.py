"""What Numba must know about a function that is turned into instructions where it is called, while it lives.

Numba's `intrinsic` does the same, but enters every function into lists that it never shortens, and with it all that the
function refers to: half a megabyte for every new objective.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from numba import types
from numba.core.datamodel import default_manager
from numba.core.registry import cpu_target
from numba.core.typing.templates import AbstractTemplate
from numba.extending import typeof_impl

Lower = Callable[[Any, Any, Any, Any], Any]
"""What appends instructions: of the target, the builder, the signature and the arguments."""


class InlinedFunction:
    """A function of compiled code; ``make(typing_context, kinds)`` returns its result's type and its ``Lower``."""

    def __init__(self, name: str, make: Callable[[Any, tuple[Any, ...]], tuple[Any, Lower]]):
        self.name = name
        self._make = make
        self._made: dict[tuple[Any, ...], tuple[Any, Lower, Any]] = {}
        reference = weakref.ref(self)  # Numba keeps the type, and this the type's maker
        template = {"key": f"{name} {id(self):x}", "inlined": property(lambda template: reference())}
        self.kind = types.Function(type(name, (_Template,), template))
        # Entries that would keep themselves alive.
        _at_the_end(self, default_manager._cache.pop, self.kind, None)
        _at_the_end(self, cpu_target.target_context._get_constants._cache.pop, (self.kind,), None)

    def made(self, context: Any, kinds: tuple[Any, ...]) -> tuple[Any, Lower, Any]:
        """Return the result's type, what appends the instructions, and the key by which Numba finds that."""
        if kinds not in self._made:
            result, lower = self._make(context, kinds)
            reference, key, target = weakref.ref(lower), object(), cpu_target.target_context
            target.insert_func_defn([(lambda *arguments: reference()(*arguments), key, kinds)])  # type: ignore[misc]
            _at_the_end(self, target.remove_user_function, key)
            self._made[kinds] = result, lower, key
        return self._made[kinds]


def _at_the_end(inlined: InlinedFunction, do: Callable[..., Any], *arguments: Any) -> None:
    weakref.finalize(inlined, do, *arguments).atexit = False


class _Template(AbstractTemplate):
    """How Numba finds the type of a call, and the key of its instructions."""

    inlined: Any

    def generic(self, args: Any, kws: Any) -> Any:
        kinds = tuple(types.unliteral(kind) for kind in args)
        return self.inlined.made(self.context, kinds)[0](*kinds)

    def get_impl_key(self, sig: Any) -> Any:
        return self.inlined.made(self.context, sig.args)[2]


@typeof_impl.register(InlinedFunction)
def _kind_of(function: InlinedFunction, context: Any) -> Any:
    return function.kind
