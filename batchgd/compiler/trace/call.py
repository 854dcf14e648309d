"""Further arguments of a function, and how a function is called: with one point, params, and those arguments.

Params are one array, passed on as such, or several arrays by name, which are one flat array everywhere else.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.trace.escape import definition_of, name_of
from batchgd.problem.errors import TraceError

Shapes = dict[str, tuple[int, ...]]
"""The shape of each of the params that are passed on by name."""


class WithArgs:
    """A function whose last arguments are fixed: ``fun(x, *args)``, like SciPy's ``args``.

    With ``shapes`` the params, a flat array behind x, are passed on in parts, by name.

    >>> WithArgs(pow, (2,))(3)
    9
    >>> WithArgs(lambda x, a, y: a * x + y.sum(), (), {"a": (), "y": (2,)})(10.0, np.array([1.0, 2.0, 3.0]))
    np.float64(15.0)
    """

    def __init__(self, func: Callable[..., Any], args: tuple[Any, ...], shapes: Shapes | None = None):
        self.func, self.args, self.shapes = func, args, shapes
        self.__qualname__ = getattr(func, "__qualname__", type(func).__name__)

    def __call__(self, *given: Any) -> Any:
        """Call the function with the given arguments and then its own."""
        if self.shapes is None:
            return self.func(*given, *self.args)
        x, params = given
        return self.func(x, *self.args, **parts_of(params, self.shapes))


def with_args(function: Any, args: Any, shapes: Shapes | None = None) -> Any:
    """Return a function with further arguments; one that is not a tuple is a single argument, as in SciPy."""
    args = args if isinstance(args, tuple) else () if args is None else (args,)
    if isinstance(function, WithArgs) and function.shapes is not None and not args:
        return function
    return WithArgs(function, args, shapes) if (args or shapes) and callable(function) else function


def parts_of(params: Any, shapes: Shapes) -> dict[str, Any]:
    """Return the arrays of which a flat array, traced or not, consists."""
    found, first = {}, 0
    for name, shape in shapes.items():
        size = math.prod(shape)
        found[name] = params[first : first + size].reshape(shape) if shape else params[first]
        first += size
    return found


def flat(arrays: Mapping[str, NDArray[np.float64]], shapes: Shapes) -> NDArray[np.float64]:
    """Return arrays by name as rows of one, over the dimensions that they have in front of these shapes.

    >>> flat({"y": np.ones((5, 2)), "a": np.zeros(5)}, {"a": (), "y": (2,)}).shape
    (5, 3)
    """
    ahead = [arrays[name].shape[: arrays[name].ndim - len(shape)] for name, shape in shapes.items()]
    return np.concatenate(
        [arrays[name].reshape(*front, -1) for front, name in zip(ahead, shapes, strict=True)], axis=-1
    )


def check_call(what: str, function: Any, has_params: bool) -> None:
    """Raise TraceError if, by its signature, a function does not take what it will be called with."""
    func, args = (function.func, function.args) if isinstance(function, WithArgs) else (function, ())
    shapes = function.shapes if isinstance(function, WithArgs) else None
    try:
        signature = inspect.signature(func)
    except (TypeError, ValueError):  # a function of C
        return
    params = ["params"] if has_params and shapes is None else []
    arguments = ["x", *params, *(f"args[{i}]" for i in range(len(args)))]
    try:
        signature.bind(*arguments, **(shapes or {}))
    except TypeError as error:
        name, takes = name_of(func), ", ".join(signature.parameters)
        given = ", ".join([*arguments, *(f"{each}=..." for each in shapes or {})])
        called = f"{definition_of(func)}: {name}({takes}) is called as {name}({given})"
        if shapes is not None:
            raise TraceError(f"{called}: {error}: let its arguments have the names of params") from None
        raise TraceError(f"{called}: {_call_advice(what, func, signature, arguments, str(error))}") from None


def _call_advice(what: str, func: Any, signature: inspect.Signature, given: list[str], why: str) -> str:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    positional = [each for each in signature.parameters.values() if each.kind in kinds]
    missing = [each.name for each in positional[len(given) :] if each.default is each.empty]
    if not missing:
        return f"{why}: let it take {', '.join(given)}"
    first, names = positional[0].name, ", ".join(each.name for each in positional)
    unpack = f"x contains all unknowns: unpack it inside as {names} = x"
    if what == "jac":
        return unpack
    model = "model" if name_of(func) == "<lambda>" else name_of(func)
    fit = f"a fit to data is fun=lambda p: np.sum(({model}({first}, *p) - y) ** 2)"
    if what == "residuals":
        fit = f"residuals of data are lambda p: {model}({first}, *p) - y"
    return f"{unpack}, or give constants as args=(...); {fit}"
