"""The functions that are one instruction or a select."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchgd.kernels.vecmath.emitters import EMITTERS, emitted
from batchgd.kernels.vecmath.ir import Bool, Real, select


def where(condition: Any, yes: Any, no: Any) -> Any:
    """`yes` where the condition holds, else `no`; both are evaluated (a select, no branch).

    >>> float(where(True, 1.0, 2.0))
    1.0
    """
    chosen = np.where(condition, yes, no)
    return chosen[()] if isinstance(chosen, np.ndarray) else chosen  # a traced number is not an array


def minimum(x: Any, y: Any) -> Any:
    """The smaller of x and y; NaN if either is NaN.

    >>> float(minimum(1.0, 2.0))
    1.0
    """
    return np.minimum(x, y)


def maximum(x: Any, y: Any) -> Any:
    """The larger of x and y; NaN if either is NaN.

    >>> float(maximum(1.0, 2.0))
    2.0
    """
    return np.maximum(x, y)


def absolute(x: Any) -> Any:
    """|x|.

    >>> float(absolute(-2.0))
    2.0
    """
    return np.absolute(x)


def sign(x: Any) -> Any:
    """-1, 0 or 1 with the sign of x; NaN for NaN.

    >>> float(sign(-2.0))
    -1.0
    """
    return np.sign(x)


def floor(x: Any) -> Any:
    """The largest integer not above x, as a floating-point number.

    >>> float(floor(-0.5))
    -1.0
    """
    return np.floor(x)


def copysign(x: Any, y: Any) -> Any:
    """|x| with the sign of y, zeros included.

    >>> float(copysign(2.0, -0.0))
    -2.0
    """
    return np.copysign(x, y)


def sqrt(x: Any) -> Any:
    """The correctly rounded square root; NaN for x < 0.

    >>> float(sqrt(4.0))
    2.0
    """
    return np.sqrt(x)


def square(x: Any) -> Any:
    """x x.

    >>> float(square(-3.0))
    9.0
    """
    return np.square(x)


def isfinite(x: Any) -> Any:
    """True where x is neither infinite nor NaN.

    >>> bool(isfinite(float("inf")))
    False
    """
    return np.isfinite(x)


@emitted(floor)
def _floor(x: Real) -> Real:
    return x.floor()


@emitted(copysign, arity=2)
def _copysign(x: Real, y: Real) -> Real:
    return x.with_sign_of(y)


# The functions above of which Numba gets a body that takes integers too (``overloads.py``), as what appends them.


def _emit_minimum(x: Real, y: Real) -> Real:
    return select((x <= y) | x.is_nan(), x, y)


def _emit_maximum(x: Real, y: Real) -> Real:
    return select((x >= y) | x.is_nan(), x, y)


def _emit_sign(x: Real) -> Real:
    return select(x > 0.0, x.constant(1.0), select(x < 0.0, x.constant(-1.0), x))


def _emit_isfinite(x: Real) -> Bool:
    return (x - x).equals(0.0)


EMITTERS |= {
    "where": select,
    "minimum": _emit_minimum,
    "maximum": _emit_maximum,
    "absolute": Real.magnitude,
    "sign": _emit_sign,
    "sqrt": Real.root,
    "square": lambda x: x * x,
    "isfinite": _emit_isfinite,
}
