"""What each elementwise NumPy function is on traced numbers, by the name of its ufunc."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from batchgd.trace.scalar import Scalar, apply

Formula = Callable[..., Any]


def _op(name: str) -> Formula:
    return lambda *values: apply(name, *values)


def choose(condition: Any, yes: Any, no: Any) -> Any:
    """Return ``yes`` where the condition holds, else ``no``; any of the three may be plain."""
    if isinstance(condition, Scalar) and not condition.node.is_constant:
        return apply("where", condition, yes, no)
    return yes if condition else no


def _arcsinh(a: Any) -> Any:
    # log1p keeps the digits near 0, the sign those of large negative arguments.
    size = abs(a)
    square = size * size
    root = apply("sqrt", square + 1.0)
    return apply("sign", a) * apply("log1p", size + square / (root + 1.0))


def _arctanh(a: Any) -> Any:
    return (apply("log1p", a) - apply("log1p", -a)) * 0.5


def _logaddexp(a: Any, b: Any) -> Any:
    return apply("maximum", a, b) + apply("log1p", apply("exp", -abs(a - b)))


def _trunc(a: Any) -> Any:
    return choose(a < 0.0, -apply("floor", -a), apply("floor", a))


def _heaviside(a: Any, at_zero: Any) -> Any:
    return choose(a == 0.0, at_zero, choose(a > 0.0, 1.0, 0.0))


def _divmod(a: Any, b: Any) -> Any:
    return a - apply("floor", a / b) * b


def _same(a: Any) -> Any:
    return a


def _copysign(a: Any, b: Any) -> Any:
    return choose(b < 0.0, -abs(a), abs(a))


ELEMENTWISE: dict[str, Formula] = {
    "add": _op("add"),
    "subtract": _op("sub"),
    "multiply": _op("mul"),
    "divide": _op("div"),
    "true_divide": _op("div"),
    "floor_divide": lambda a, b: apply("floor", a / b),
    "remainder": _divmod,
    "mod": _divmod,
    "fmod": lambda a, b: a - _trunc(a / b) * b,
    "negative": _op("neg"),
    "positive": _same,
    "conjugate": _same,
    "power": _op("power"),
    "float_power": _op("power"),
    "square": lambda a: a * a,
    "reciprocal": lambda a: 1.0 / a,
    "sqrt": _op("sqrt"),
    "cbrt": _op("cbrt"),
    "absolute": _op("absolute"),
    "fabs": _op("absolute"),
    "sign": _op("sign"),
    "floor": _op("floor"),
    "ceil": lambda a: -apply("floor", -a),
    "trunc": _trunc,
    "sin": _op("sin"),
    "cos": _op("cos"),
    "tan": _op("tan"),
    "arcsin": _op("asin"),
    "arccos": _op("acos"),
    "arctan": _op("atan"),
    "arctan2": _op("atan2"),
    "hypot": _op("hypot"),
    "sinh": _op("sinh"),
    "cosh": _op("cosh"),
    "tanh": _op("tanh"),
    "arcsinh": _arcsinh,
    "arccosh": lambda a: apply("log", a + apply("sqrt", a - 1.0) * apply("sqrt", a + 1.0)),
    "arctanh": _arctanh,
    "exp": _op("exp"),
    "exp2": lambda a: apply("exp", a * math.log(2.0)),
    "expm1": _op("expm1"),
    "log": _op("log"),
    "log2": _op("log2"),
    "log10": _op("log10"),
    "log1p": _op("log1p"),
    "logaddexp": _logaddexp,
    "deg2rad": lambda a: a * (math.pi / 180.0),
    "radians": lambda a: a * (math.pi / 180.0),
    "rad2deg": lambda a: a * (180.0 / math.pi),
    "degrees": lambda a: a * (180.0 / math.pi),
    "maximum": _op("maximum"),
    "minimum": _op("minimum"),
    "fmax": _op("maximum"),
    "fmin": _op("minimum"),
    "clip": lambda a, low, high: apply("minimum", apply("maximum", a, low), high),
    "heaviside": _heaviside,
    "copysign": _copysign,
    "less": _op("lt"),
    "less_equal": _op("le"),
    "greater": _op("gt"),
    "greater_equal": _op("ge"),
    "equal": _op("eq"),
    "not_equal": _op("ne"),
    "logical_and": _op("and"),
    "logical_or": _op("or"),
    "logical_not": _op("not"),
    "bitwise_and": _op("and"),
    "bitwise_or": _op("or"),
    "invert": _op("not"),
    "isnan": lambda a: a != a,
    "isfinite": lambda a: abs(a) < math.inf,
    "isinf": lambda a: abs(a) == math.inf,
    # scipy.special
    "erf": _op("erf"),
    "erfc": lambda a: 1.0 - apply("erf", a),
    "expit": lambda a: 1.0 / (1.0 + apply("exp", -a)),
    "xlogy": lambda a, b: choose(a == 0.0, 0.0, a * apply("log", b)),
    "log_expit": lambda a: -_logaddexp(-a, a * 0.0),
}
"""The derivatives follow from the graph; each formula sees traced numbers, at least one of which is no constant."""
