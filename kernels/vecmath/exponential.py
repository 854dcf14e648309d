"""Exponentials and hyperbolic functions: x = n ln 2 + r, a polynomial in r, and 2^n put back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from batchgd.kernels.vecmath.constants import EXP, LN2
from batchgd.kernels.vecmath.emitters import emitted
from batchgd.kernels.vecmath.ir import (
    Bool,
    Real,
    Word,
    fast_two_sum,
    fma,
    polynomial,
    power_of_two,
    quotient,
    round_to_word,
    scaled,
    select,
    two_sum,
)


def exp(x: Any) -> Any:
    """e^x; infinite above 709.8 (float32: 88.7), denormal and then zero below -708.4 (-87.3).

    >>> float(exp(0.0))
    1.0
    """
    return np.exp(x)


def exp2(x: Any) -> Any:
    """2^x, exact for integers.

    >>> float(exp2(-3.0))
    0.125
    """
    return np.exp2(x)


def expm1(x: Any) -> Any:
    """e^x - 1 without the cancellation near zero.

    >>> float(expm1(1e-20))
    1e-20
    """
    return np.expm1(x)


def sinh(x: Any) -> Any:
    """Hyperbolic sine, (e^x - e^-x) / 2.

    >>> float(sinh(0.0))
    0.0
    """
    return np.sinh(x)


def cosh(x: Any) -> Any:
    """Hyperbolic cosine, (e^x + e^-x) / 2.

    >>> float(cosh(0.0))
    1.0
    """
    return np.cosh(x)


def tanh(x: Any) -> Any:
    """Hyperbolic tangent, (e^x - e^-x) / (e^x + e^-x).

    >>> float(tanh(0.0))
    0.0
    """
    return np.tanh(x)


def clamp(x: Real, low: float, high: float) -> Real:
    """x limited to [low, high]; NaN stays NaN."""
    x = select(x > high, high, x)
    return select(x < low, low, x)


def exponential(x: Real, tail: Real | None = None) -> Real:
    """e^(x + tail) for any x; `tail` is a correction below ulp(x), for x that is not infinite."""
    form = x.format
    high, low = LN2[form.bits]
    top = (form.bias + 1) * math.log(2.0)
    x = clamp(x, -top - (form.mantissa + 2) * math.log(2.0), top + 0.25)
    n, word = round_to_word(x, 1.0 / high)
    r = fma(n, -high, x)  # exact: both are multiples of ulp(1/4)
    if tail is None:
        r = fma(n, -low, r)
        mantissa = 1.0 + fma(r * r, polynomial(r, EXP[form.bits]), r)
    else:
        r, rest = fast_two_sum(r, fma(n, -low, tail))
        base, lost = fast_two_sum(r.constant(1.0), r)
        mantissa = base + (lost + fma(r * r, polynomial(r, EXP[form.bits]), rest))
    return _shifted(mantissa, n, word, x < 0.0)


def _shifted(mantissa: Real, n: Real, word: Word, below: Bool) -> Real:
    """mantissa 2^n, n also in the low bits of a word and negative if `below` holds, as far as the numbers go.

    Without an instruction for it, in two factors: the second is exact unless the result overflows or turns denormal,
    and then rounds once. A format that scales has the same bits, in one operation and not nine.
    """
    if mantissa.format.scales:
        return scaled(mantissa, n)
    shift = 2 * mantissa.format.mantissa
    factor = select(below, 2.0**-shift, 4.0)
    offset = word + below.choose(shift, -2)
    return mantissa * power_of_two(offset) * factor


def _quarter_expm1(x: Real) -> tuple[Real, Real]:
    """(e^x - 1)/4 as a number and a correction, for x from -1.3 mantissa bits to the last x with a finite sinh."""
    form = x.format
    high, low = LN2[form.bits]
    n, word = round_to_word(x, 1.0 / high)
    near = fma(n, -high, x)
    r = fma(n, -low, near)
    tail = fma(n, -low, near - r)
    rest = fma(r * r, polynomial(r, EXP[form.bits]), tail)
    main, rest = fast_two_sum(r, rest)
    scale = power_of_two(word - 2)
    base = scale - 0.25
    lost = (scale - base) - 0.25
    total, error = two_sum(base, scale * main)
    return total, error + fma(scale, rest, lost)


def _last(x: Real) -> float:
    """Above this both sinh and cosh overflow; the scale 2^(n - 2) is still finite here."""
    return (x.format.bias + 2) * math.log(2.0) + 0.2


@emitted(exp)
def _exp(x: Real) -> Real:
    return exponential(x)


@emitted(exp2)
def _exp2(x: Real) -> Real:
    form = x.format
    high, low = LN2[form.bits]
    x = clamp(x, -float(form.bias + form.mantissa + 2), form.bias + 1.5)
    n, word = round_to_word(x, 1.0)
    part = x - n
    r = fma(part, high, part * low)
    return _shifted(1.0 + fma(r * r, polynomial(r, EXP[form.bits]), r), n, word, x < 0.0)


@emitted(expm1)
def _expm1(x: Real) -> Real:
    lowest = -1.3 * x.format.mantissa * math.log(2.0)
    high, low = _quarter_expm1(clamp(x, lowest, _last(x)))
    return select(x.magnitude() < 2.0**-x.format.precision, x, (high + low) * 4.0)


@emitted(sinh)
def _sinh(x: Real) -> Real:
    size = x.magnitude()
    high, low = _quarter_expm1(select(size > _last(x), _last(x), size))
    whole, lost = two_sum(high * 4.0, 1.0)
    large = size > float(x.format.precision)
    ratio, rest = quotient(high, low, select(large, 1.0, whole), fma(low, 4.0, lost))
    ratio, rest = select(large, 0.25, ratio), select(large, 0.0, rest)
    total, error = two_sum(high, ratio)
    value = 2.0 * (total + (error + (low + rest)))
    return select(size < 2.0**-x.format.precision, size, value).with_sign_of(x)


@emitted(cosh)
def _cosh(x: Real) -> Real:
    size = x.magnitude()
    high, low = _quarter_expm1(select(size > _last(x), _last(x), size))
    total, error = two_sum(high, 0.25)
    return 2.0 * (total + fma(1.0 / (4.0 * total), 0.25, error + low))


@emitted(tanh)
def _tanh(x: Real) -> Real:
    size = x.magnitude()
    highest = float(x.format.precision)
    high, low = _quarter_expm1(select(size > 0.5 * highest, highest, size + size))
    total, error = two_sum(high, 0.5)
    ratio, rest = quotient(high, low, total, error + low)
    return select(size < 2.0**-x.format.precision, size, ratio + rest).with_sign_of(x)
