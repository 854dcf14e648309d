"""What each elementwise NumPy function is on traced numbers, by the name of its ufunc."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from batchgd.compiler.trace.scalar import Scalar, apply

Formula = Callable[..., Any]


def _op(name: str) -> Formula:
    return lambda *values: apply(name, *values)


def choose(condition: Any, yes: Any, no: Any) -> Any:
    """Return ``yes`` where the condition holds, else ``no``; any of the three may be plain."""
    if isinstance(condition, Scalar) and not condition.node.is_constant:
        return apply("where", condition, yes, no)
    return yes if condition else no


def _arctanh(a: Any) -> Any:
    return (apply("log1p", a) - apply("log1p", -a)) * 0.5


def _logaddexp(a: Any, b: Any) -> Any:
    # Where a = b both terms follow a, and the slopes add up to 1/2 each; -|a - b| would have slope 0 there.
    return apply("maximum", a, b) + apply("log1p", apply("exp", choose(b > a, a - b, b - a)))


def _expit(a: Any) -> Any:
    # 1 / (1 + exp(-a)) overflows for large negative a, and its derivative is then 0 * inf.
    small = apply("exp", choose(a >= 0.0, -a, a))
    return choose(a >= 0.0, 1.0, small) / (1.0 + small)


def _xlogy(a: Any, b: Any) -> Any:
    # 0 for a = 0, except for b = NaN; the derivative by a is log b there too.
    if a.node.is_constant and float(a) == 0.0:
        return choose(b == b, a, b)
    return a * choose((a == 0.0) & ((b <= 0.0) | (b == math.inf)), 0.0, apply("log", b))


def _rint(a: Any) -> Any:
    """The nearest whole number, an even one for a half."""
    below = apply("floor", a)
    rest, half = a - below, below * 0.5
    odd = choose(half > apply("floor", half), 1.0, 0.0)
    return below + choose(rest > 0.5, 1.0, choose(rest < 0.5, 0.0, odd))


def _trunc(a: Any) -> Any:
    return choose(a < 0.0, -apply("floor", -a), apply("floor", a))


def _heaviside(a: Any, at_zero: Any) -> Any:
    return choose(a == 0.0, at_zero, apply("maximum", apply("sign", a), 0.0))  # NaN stays NaN


def _opposed(rest: Any, b: Any) -> Any:
    """Whether a remainder with the sign of the dividend does not have the sign of the divisor."""
    return choose(b < 0.0, rest > 0.0, rest < 0.0)


def _remainder(a: Any, b: Any) -> Any:
    rest = apply("fmod", a, b)
    return rest + choose(_opposed(rest, b), b, 0.0)


def _floor_divide(a: Any, b: Any) -> Any:
    rest = apply("fmod", a, b)
    quotient = (a - rest) / b  # whole except for rounding
    below = apply("floor", quotient)
    whole = below + choose(quotient - below > 0.5, 1.0, 0.0)
    return choose(b == 0.0, a / b, whole - choose(_opposed(rest, b), 1.0, 0.0))


def _same(a: Any) -> Any:
    return a


def _passing_over_nan(op: str) -> Formula:
    return lambda a, b: choose(a != a, b, choose(b != b, a, apply(op, a, b)))


ELEMENTWISE: dict[str, Formula] = {
    "add": _op("add"),
    "subtract": _op("sub"),
    "multiply": _op("mul"),
    "divide": _op("div"),
    "true_divide": _op("div"),
    "floor_divide": _floor_divide,
    "remainder": _remainder,
    "mod": _remainder,
    "fmod": _op("fmod"),
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
    "rint": _rint,
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
    "arcsinh": _op("asinh"),
    "arccosh": _op("acosh"),
    "arctanh": _arctanh,
    "exp": _op("exp"),
    "exp2": _op("exp2"),
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
    "fmax": _passing_over_nan("maximum"),
    "fmin": _passing_over_nan("minimum"),
    "clip": lambda a, low, high: apply("minimum", apply("maximum", a, low), high),
    "heaviside": _heaviside,
    "copysign": _op("copysign"),
    "signbit": lambda a: apply("copysign", 1.0, a) < 0.0,
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
    "erfc": _op("erfc"),
    "expit": _expit,
    "xlogy": _xlogy,
    "log_expit": lambda a: -_logaddexp(-a, a * 0.0),
}
"""The derivatives follow from the graph; each formula sees traced numbers, at least one of which is not a constant."""
