"""The emitters of the elementary functions, by name, and what Numba and CUDA need to make functions of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Emitter = Callable[..., Any]

EMITTERS: dict[str, Emitter] = {}
"""What appends each function of this package, by its name."""


class Emitted(NamedTuple):
    """A function of real scalars, what appends it, and its numbers of arguments and results."""

    function: Callable[..., Any]
    emitter: Emitter
    arity: int
    results: int


EMITTED: list[Emitted] = []
"""The functions that Numba gets an overload of (``kernels/for_numba.py``)."""


def emitted(function: Callable[..., Any], arity: int = 1, results: int = 1) -> Callable[[Emitter], Emitter]:
    """Decorator: what appends ``function`` to compiled code, for Numba an overload for real scalars with that body."""

    def register(emitter: Emitter) -> Emitter:
        EMITTERS[function.__name__] = emitter
        EMITTED.append(Emitted(function, emitter, arity, results))
        return emitter

    return register
