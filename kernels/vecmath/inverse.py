"""Inverse trigonometric functions: arguments folded into a short interval, one polynomial, and the angle unfolded."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchgd.kernels.vecmath.constants import ASIN, ATAN, HALF_PI
from batchgd.kernels.vecmath.emitters import emitted
from batchgd.kernels.vecmath.ir import Real, fast_two_sum, fma, polynomial, quotient, select, two_sum

TAN_PI_8 = 0.4142135623730950


def asin(x: Any) -> Any:
    """Inverse sine in [-pi/2, pi/2]; NaN for |x| > 1.

    >>> float(asin(0.0))
    0.0
    """
    return np.arcsin(x)


def acos(x: Any) -> Any:
    """Inverse cosine in [0, pi]; NaN for |x| > 1.

    >>> float(acos(1.0))
    0.0
    """
    return np.arccos(x)


def atan(x: Any) -> Any:
    """Inverse tangent in [-pi/2, pi/2].

    >>> float(atan(0.0))
    0.0
    """
    return np.arctan(x)


def atan2(y: Any, x: Any) -> Any:
    """The angle of the point (x, y) in [-pi, pi]; signed zeros choose the side of the cut, as in C.

    >>> float(atan2(0.0, 1.0))
    0.0
    """
    return np.arctan2(y, x)


def _half_angle(size: Real) -> tuple[Real, Real]:
    """t and asin(t) - t, where t = sqrt((1 - |x|)/2) for |x| above 1/2 (asin|x| = pi/2 - 2 asin(t)), else t = |x|."""
    large = size > 0.5
    z = select(large, fma(size, -0.5, 0.5), size * size)
    t = select(large, z.root(), size)
    return t, t * z * polynomial(z, ASIN[size.format.bits])


@emitted(asin)
def _asin(x: Real) -> Real:
    high, low, _ = HALF_PI[x.format.bits]
    size = x.magnitude()
    t, rest = _half_angle(size)
    main, lost = fast_two_sum(x.constant(high), t * -2.0)
    large = main + fma(rest, -2.0, lost + low)
    return select(size > 0.5, large, t + rest).with_sign_of(x)


@emitted(acos)
def _acos(x: Real) -> Real:
    high, low, _ = HALF_PI[x.format.bits]
    size = x.magnitude()
    t, rest = _half_angle(size)
    signed, signed_rest = t.with_sign_of(x), rest.with_sign_of(x)
    middle = high - (signed + (signed_rest - low))
    near_one = 2.0 * (t + rest)
    near_minus_one = 2.0 * (high - (t + (rest - low)))
    return select(size > 0.5, select(x > 0.0, near_one, near_minus_one), middle)


def _tail(high: Real, low: Real) -> Real:
    """atan(high + low) - high, for |high| <= tan(pi/8)."""
    z = high * high
    return fma(high * z, polynomial(z, ATAN[high.format.bits]), low)


def _fold(small: Real, large: Real) -> tuple[Real, Real, Real]:
    """Write atan(small/large) as j pi/4 + atan(t + tail) for 0 <= small <= large: t, tail, and j = 0 or 1."""
    middle = small > large * TAN_PI_8
    top, top_lost = two_sum(small, -large)
    bottom, bottom_lost = two_sum(small, large)
    high, low = quotient(
        select(middle, top, small),
        select(middle, top_lost, 0.0),
        select(middle, bottom, large),
        select(middle, bottom_lost, 0.0),
    )
    return high, low, select(middle, high.constant(1.0), 0.0)


def _unfold(quarters: Real, turn: Real, high: Real, low: Real) -> Real:
    """quarters pi/4 + turn atan(high + low), quarters = 0..4 and turn = 1 or -1."""
    first, second, _ = HALF_PI[high.format.bits]
    base = quarters * (0.5 * first)
    lost = fma(quarters, 0.5 * first, -base)
    rest = fma(turn, _tail(high, low), fma(quarters, 0.5 * second, lost))
    total, error = two_sum(base, turn * high)
    return total + (error + rest)


@emitted(atan)
def _atan(x: Real) -> Real:
    size = x.magnitude()
    size = select(size > 1e30, 1e30, size)  # 1/size is below half an ulp of pi/2 long before that
    steep = size > 1.0
    small, large = select(steep, x.constant(1.0), size), select(steep, size, 1.0)
    high, low, quarters = _fold(small, large)
    turn = select(steep, high.constant(-1.0), 1.0)
    return _unfold(select(steep, 2.0 - quarters, quarters), turn, high, low).with_sign_of(x)


@emitted(atan2, arity=2)
def _atan2(y: Real, x: Real) -> Real:
    across, up = x.magnitude(), y.magnitude()
    steep = up > across
    small, large = select(steep, across, up), select(steep, up, across)
    infinite = large.equals(float("inf"))
    small = select(infinite, select(small.equals(large), y.constant(1.0), 0.0), small)
    large = select(infinite | large.equals(0.0), 1.0, large)
    # keep sum, product and reciprocal in range; the exponents leave small its last bits
    limit = float(y.format.bias - 4)
    scale = select(large > 2.0**limit, y.constant(2.0**-8), 1.0)
    scale = select(large < 2.0 ** (2 * y.format.precision - limit), 2.0 ** (2 * y.format.precision), scale)
    high, low, quarters = _fold(small * scale, large * scale)
    turn = select(steep, high.constant(-1.0), 1.0)
    quarters = select(steep, 2.0 - quarters, quarters)
    backward = (x.bits() >> (x.format.bits - 1)).equals(1)
    turn = select(backward, -turn, turn)
    quarters = select(backward, 4.0 - quarters, quarters)
    angle = _unfold(quarters, turn, high, low).with_sign_of(y)
    return select(x.is_nan() | y.is_nan(), float("nan"), angle)
