"""Further arguments of a function, and how a function is called: with one point, params, and those arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from batchgd.compiler.trace.escape import definition_of, name_of
from batchgd.problem.errors import TraceError


class WithArgs:
    """A function whose last arguments are fixed: ``fun(x, *args)``, like SciPy's ``args``.

    >>> WithArgs(pow, (2,))(3)
    9
    """

    def __init__(self, func: Callable[..., Any], args: tuple[Any, ...]):
        self.func, self.args = func, args
        self.__qualname__ = getattr(func, "__qualname__", type(func).__name__)

    def __call__(self, *given: Any) -> Any:
        """Call the function with the given arguments and then its own."""
        return self.func(*given, *self.args)


def with_args(function: Any, args: Any) -> Any:
    """Return a function with further arguments; one that is not a tuple is a single argument, as in SciPy."""
    args = args if isinstance(args, tuple) else () if args is None else (args,)
    return WithArgs(function, args) if args and callable(function) else function


def check_call(what: str, function: Any, has_params: bool) -> None:
    """Raise TraceError if, by its signature, a function does not take what it will be called with."""
    func, args = (function.func, function.args) if isinstance(function, WithArgs) else (function, ())
    try:
        signature = inspect.signature(func)
    except (TypeError, ValueError):  # a function of C
        return
    arguments = ["x", *(["params"] if has_params else []), *(f"args[{i}]" for i in range(len(args)))]
    try:
        signature.bind(*arguments)
    except TypeError as error:
        name, takes = name_of(func), ", ".join(signature.parameters)
        called = f"{definition_of(func)}: {name}({takes}) is called as {name}({', '.join(arguments)})"
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
