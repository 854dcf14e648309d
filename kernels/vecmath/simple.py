"""The functions that are one instruction or a select: the same generic overload serves the CPU and CUDA."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

from batchgd.kernels.vecmath.ir import Bool, Real, select
from batchgd.kernels.vecmath.overloads import EMITTERS, NO_WRAPPERS, emitted, freeze, result_type

OPTIONS: Any = {"fastmath": {"contract"}, "error_model": "numpy", **NO_WRAPPERS}


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


def _common_type(*arguments: Any) -> Any:
    """What the arguments are converted to: their floating type, or nothing among integers (counters stay integers)."""
    if not any(isinstance(a, types.Float) for a in arguments):
        return None if result_type(*arguments) is None else _as_is
    return result_type(*arguments)


@register_jitable
def _as_is(x):
    return x


@overload(where, jit_options=OPTIONS)
def _where(condition, yes, no):
    real = _common_type(yes, no)
    if real is None or result_type(condition) is None:
        return None

    # Frozen: LLVM 22 makes a masked store of "store where(condition, new, old)" where old was loaded from the same
    # place, and without AVX-512 that is slow on the processors of AMD (llvm/llvm-project,
    # pull request 214187): in plain descent on 10-D Rastrigin they took a fifth of the time.
    def body(condition, yes, no):
        return freeze(real(yes)) if condition else freeze(real(no))

    return body


@overload(minimum, jit_options=OPTIONS)
def _minimum(x, y):
    real = _common_type(x, y)
    if real is None:
        return None

    def body(x, y):
        a, b = real(x), real(y)
        return a if (a <= b) | (a != a) else b

    return body


@overload(maximum, jit_options=OPTIONS)
def _maximum(x, y):
    real = _common_type(x, y)
    if real is None:
        return None

    def body(x, y):
        a, b = real(x), real(y)
        return a if (a >= b) | (a != a) else b

    return body


@overload(absolute, jit_options=OPTIONS)
def _absolute(x):
    real = result_type(x)
    return None if real is None else lambda x: abs(real(x))


@overload(sign, jit_options=OPTIONS)
def _sign(x):
    real = result_type(x)
    if real is None:
        return None
    one, minus_one = _typed(real, 1.0), _typed(real, -1.0)

    def body(x):
        a = real(x)
        below = minus_one if a < 0 else a  # what is left, 0 and NaN, is its own sign
        return one if a > 0 else below

    return body


@overload(sqrt, jit_options=OPTIONS)
def _sqrt(x):
    real = result_type(x)
    return None if real is None else lambda x: math.sqrt(real(x))


@overload(square, jit_options=OPTIONS)
def _square(x):
    real = result_type(x)
    return None if real is None else lambda x: real(x) * real(x)


@overload(isfinite, jit_options=OPTIONS)
def _isfinite(x):
    real = result_type(x)
    return None if real is None else lambda x: real(x) - real(x) == 0


@emitted(floor)
def _floor(x: Real) -> Real:
    return x.floor()


@emitted(copysign, arity=2)
def _copysign(x: Real, y: Real) -> Real:
    return x.with_sign_of(y)


def _typed(real: Any, number: float) -> Any:
    return np.float32(number) if real == types.float32 else np.float64(number)


# The functions above that have a body of their own for integers, as what appends them to vectors.


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
