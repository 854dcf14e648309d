"""Functions of plain arithmetic and counted loops, turned into LLVM instructions where they are called.

Numba takes about 4 ms for every line that it compiles and 20 ms for a loop (bytecode, types, a dozen passes over its
own representation), and makes machine code of every function, even of one that is only ever inlined. What a lane does
is a list of assignments, and a pass over the lanes is a loop around one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from numba import types
from numba.extending import intrinsic

from batchgd.kernels import for_numba  # noqa: F401 - what is turned into instructions calls our functions
from batchgd.kernels.inline.function import InlinedFunction
from batchgd.kernels.inline.program import Program, refused, statements


def inlined(*, fused: bool, rolled: bool = False, on_cuda: bool = False) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that puts the operations of a function into compiled code where it is called.

    The function takes positional arguments without defaults and assigns to names, tuples of names, and items of arrays.
    It may loop over ``range``, upwards by a number known beforehand, choose by ``if``, and call functions that return
    nothing. What it returns, a number or a tuple, it returns in its last line. A name keeps its type in a loop or a
    choice, and one that is new there is gone after it, as the variable of a loop is. Names that it does not assign are
    those of its module. Indices count from the front.

    Parameters
    ----------
    fused : bool
        Whether a product and a sum in it may become one operation that rounds once, even if the caller's may not. (If
        the caller's may, they may here.)
    rolled : bool
        Whether its loops stay loops: unrolling the passes of a method with history took half of its compile time.
    on_cuda : bool
        Whether it is for CUDA, whose compiler knows only `intrinsic`.

    Raises
    ------
    NotImplementedError
        If, when it is first compiled into another one, there is anything else in it, or a call does not have as many
        arguments as the function.

    Examples
    --------
    >>> import numba
    >>> @inlined(fused=True)
    ... def norm_squared(x, y):
    ...     a = x * x
    ...     return a + y * y
    >>> numba.njit(lambda x: norm_squared(x, 2.0))(1.0)
    5.0
    """

    def decorate(function: Callable[..., Any]) -> Any:
        body = cache(partial(statements, function))

        def program(typing_context: Any, kinds: tuple[Any, ...]) -> Program:
            if len(kinds) != count:
                raise refused(f"{function.__name__} of {len(kinds)} arguments")
            return Program(function, body(), typing_context, kinds, fused=fused, rolled=rolled)

        def made(typing_context: Any, kinds: tuple[Any, ...]) -> tuple[Any, Callable[..., Any]]:
            made = program(typing_context, kinds)
            return made.result, made.lower

        signature = inspect.signature(function)
        count = len(signature.parameters)
        if not on_cuda:
            return InlinedFunction(function.__name__, made)

        def core(typing_context: Any, *arguments: Any) -> Any:
            made = program(typing_context, tuple(types.unliteral(kind) for kind in arguments))
            return made.result(*made.arguments), made.lower

        first = inspect.Parameter("typing_context", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        core.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[first, *signature.parameters.values()]
        )
        core.__name__ = function.__name__
        return intrinsic(core)

    return decorate
