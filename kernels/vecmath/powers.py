"""Powers, cube root, the length of a vector, and the remainder of a division."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchgd.kernels.vecmath.constants import CBRT, LN2, LOG_TAIL, THIRD
from batchgd.kernels.vecmath.emitters import emitted
from batchgd.kernels.vecmath.exponential import clamp, exponential
from batchgd.kernels.vecmath.ir import Bool, Real, fast_two_sum, fma, polynomial, quotient, select, two_product, two_sum
from batchgd.kernels.vecmath.logarithm import split


def power(x: Any, y: Any) -> Any:
    """x^y with C's special cases: NaN for x < 0 unless y is an integer, 1 for y = 0 and for x = 1.

    >>> float(power(-2.0, 3.0))
    -8.0
    """
    return np.power(x, y)


def cbrt(x: Any) -> Any:
    """The real cube root.

    >>> float(cbrt(-8.0))
    -2.0
    """
    return np.cbrt(x)


def hypot(x: Any, y: Any) -> Any:
    """sqrt(x^2 + y^2) without overflow or underflow in between.

    >>> float(hypot(3.0, 4.0))
    5.0
    """
    return np.hypot(x, y)


def fmod(x: Any, y: Any) -> Any:
    """x - n y, exactly, n being x / y rounded towards zero; NaN for y = 0 and infinite x.

    In compiled code NaN beyond |x / y| = 2^106 (float32: 2^48), unless y divides what two divisions leave.

    >>> float(fmod(-7.0, 3.0))
    -1.0
    """
    return np.fmod(x, y)


def _long_logarithm(x: Real) -> tuple[Real, Real]:
    """log x to about ten bits more than the format has, for positive finite x.

    log m = 2 (s + s q) with q = z (1/3 + z (1/5 + ...)): s, z = s^2 and the first term of q are kept in two parts.
    """
    bits = x.format.bits
    k, m = split(x)
    bottom, bottom_lost = two_sum(m, 1.0)
    s, s_low = quotient(m - 1.0, m.constant(0.0), bottom, bottom_lost)
    s, s_low = fast_two_sum(s, s_low)
    z, z_low = two_product(s, s)
    z_low = fma(s + s, s_low, z_low)
    inner, inner_low = two_sum(z * polynomial(z, LOG_TAIL[bits]), THIRD[bits][0])
    inner_low = inner_low + THIRD[bits][1]
    q, q_low = two_product(z, inner)
    q_low = q_low + fma(z, inner_low, z_low * inner)
    rest, rest_low = two_product(s, q)
    rest_low = rest_low + fma(s, q_low, fma(s_low, q, s_low))
    main, lost = fast_two_sum(s, rest)
    low = lost + rest_low
    whole, whole_low = two_product(k, LN2[bits][0])
    whole_low = fma(k, LN2[bits][1], whole_low)
    total, error = two_sum(whole, main * 2.0)
    return fast_two_sum(total, error + fma(low, 2.0, whole_low))


def _integer_and_odd(y: Real) -> tuple[Bool, Bool]:
    integer = y.floor().equals(y)
    half = y * 0.5
    return integer, integer & ~half.floor().equals(half)


@emitted(power, arity=2)
def _power(x: Real, y: Real) -> Real:
    infinity, nan = float("inf"), float("nan")
    base = x.magnitude()
    log_high, log_low = _long_logarithm(base)
    high, error = two_product(log_high, y)
    low = fma(log_low, y, error)
    limit = 2.0 * x.format.bias  # |y log x| beyond this overflows or vanishes whatever the correction
    inside = (high < limit) & (high > -limit)
    result = exponential(clamp(high, -limit, limit), select(inside, low, 0.0))

    integer, odd = _integer_and_odd(y)
    extreme = base.equals(0.0) | base.equals(infinity) | y.magnitude().equals(infinity)
    grows = (base > 1.0) ^ (y < 0.0)
    result = select(extreme, select(grows, x.constant(infinity), 0.0), result)
    result = select(odd, result.with_sign_of(x), result)
    result = select((x < 0.0) & (base < infinity) & ~integer, nan, result)
    result = select(x.is_nan() | y.is_nan(), nan, result)
    unit = x.equals(1.0) | y.equals(0.0) | (base.equals(1.0) & y.magnitude().equals(infinity))
    return select(unit, 1.0, result)


@emitted(cbrt)
def _cbrt(x: Real) -> Real:
    form = x.format
    lift = 54 if form.bits == 64 else 24
    tiny = x.magnitude() < 2.0 ** (8 - form.bias)
    size = (x * select(tiny, x.constant(2.0**lift), 2.0**-6)).magnitude()  # normal, and 3 size is finite
    if form.bits == 64:
        guess = (size.bits() >> 32) * 0x55555556 + (715094163 << 32)
    else:
        guess = (size.bits() >> 16) * 0x5556 + 709958130
    t = guess.as_real()
    t = t * polynomial((t * t) * (t / size), CBRT)
    square, square_low = two_product(t, t)
    excess = fma(square_low, t, fma(square, t, -size))
    root = fma(excess / fma(square * t, 2.0, size), -t, t)  # Halley's step: 23 good bits become more than 60
    root = (root * select(tiny, x.constant(2.0 ** (-lift // 3)), 4.0)).with_sign_of(x)
    return select(x.equals(0.0) | ~(x.magnitude() < float("inf")), x, root)


@emitted(hypot, arity=2)
def _hypot(x: Real, y: Real) -> Real:
    infinity = float("inf")
    a, b = x.magnitude(), y.magnitude()
    large, small = select(b > a, b, a), select(b > a, a, b)
    half = float(x.format.bias // 2 - 4)
    shift = float(x.format.bias // 2 + x.format.precision + 8)
    down, up = large > 2.0**half, large < 2.0**-half
    scale = select(down, x.constant(2.0**-shift), select(up, x.constant(2.0**shift), 1.0))
    back = select(down, x.constant(2.0**shift), select(up, x.constant(2.0**-shift), 1.0))
    u, v = large * scale, small * scale
    length = fma(u, u, v * v).root() * back
    return select(a.equals(infinity) | b.equals(infinity), infinity, length)


@emitted(fmod, arity=2)
def _fmod(x: Real, y: Real) -> Real:
    """With q the rounded quotient, x - q y is a number of the format, so fma gives it exactly.

    The first step leaves less than 2^-53 of the quotient (float32: 2^-24), the second the rest; if the quotient is
    rounded up to an integer, one y too much has been subtracted. What is then in [0, y) is congruent to x: the result.
    """
    size, divisor = x.magnitude(), y.magnitude()
    rest = size
    for _ in range(2):
        rest = fma(-(rest / divisor).floor(), divisor, rest)
    rest = select(rest < 0.0, rest + divisor, rest)
    rest = select((rest >= 0.0) & (rest < divisor), rest, float("nan"))
    return select(size < divisor, size, rest).with_sign_of(x)
