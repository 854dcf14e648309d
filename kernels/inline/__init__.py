"""Functions of plain arithmetic and counted loops, turned into LLVM instructions where they are called.

Numba takes about 4 ms for every line that it compiles and 20 ms for a loop (bytecode, types, a dozen passes over its
own representation), and makes machine code of every function, even of one that is only ever inlined. What a lane does
is a list of assignments, and a pass over the lanes is a loop around one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from numba import types
from numba.extending import intrinsic

from batchgd.kernels import for_numba  # noqa: F401 - what is turned into instructions calls our functions
from batchgd.kernels.inline.program import Program, refused, statements


def inlined(function: Callable[..., Any]) -> Any:
    """Put the operations of a function into compiled code where it is called (a decorator).

    The function takes positional arguments without defaults and assigns to names, tuples of names, and items of arrays.
    It may loop over ``range``, upwards by a number known beforehand, choose by ``if``, and call functions that return
    nothing. What it returns, a number or a tuple, it returns in its last line. A name keeps its type in a loop or a
    choice, and one that is new there is gone after it, as the variable of a loop is. Names that it does not assign are
    those of its module. Indices count from the front. No product is marked as one that may be fused with a sum: CUDA's
    assembler decides that.

    Raises
    ------
    NotImplementedError
        If, when it is first compiled into another one, there is anything else in it, or a call does not have as many
        arguments as the function.

    Examples
    --------
    >>> import numba
    >>> @inlined
    ... def norm_squared(x, y):
    ...     a = x * x
    ...     return a + y * y
    >>> numba.njit(lambda x: norm_squared(x, 2.0))(1.0)
    5.0
    """

    def core(typing_context: Any, *arguments: Any) -> Any:
        if len(arguments) != len(signature.parameters):
            raise refused(f"{function.__name__} of {len(arguments)} arguments")
        made = Program(function, statements(function), typing_context, tuple(map(types.unliteral, arguments)))
        return made.result(*made.arguments), made.lower

    signature = inspect.signature(function)
    first = inspect.Parameter("typing_context", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = [first, *signature.parameters.values()]
    core.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    core.__name__ = function.__name__
    return intrinsic(core)
