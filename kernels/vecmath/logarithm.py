"""Logarithms and areas: x = 2^k m with m in [sqrt(1/2), sqrt(2)), and a polynomial in s = (m - 1)/(m + 1)."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchgd.kernels.vecmath.constants import LN2, LOG, LOG2_E, LOG10_2, LOG10_E
from batchgd.kernels.vecmath.emitters import emitted
from batchgd.kernels.vecmath.ir import Real, fma, polynomial, select, two_product, two_sum, word_to_real


def log(x: Any) -> Any:
    """Natural logarithm; -inf at zero, NaN below.

    >>> float(log(1.0))
    0.0
    """
    return np.log(x)


def log1p(x: Any) -> Any:
    """log(1 + x) without the rounding of 1 + x.

    >>> float(log1p(1e-20))
    1e-20
    """
    return np.log1p(x)


def log2(x: Any) -> Any:
    """Logarithm to base 2, exact for powers of two.

    >>> float(log2(8.0))
    3.0
    """
    return np.log2(x)


def log10(x: Any) -> Any:
    """Logarithm to base 10.

    >>> float(log10(1000.0))
    3.0
    """
    return np.log10(x)


def asinh(x: Any) -> Any:
    """Inverse hyperbolic sine, log(x + sqrt(x^2 + 1)).

    >>> float(asinh(0.0))
    0.0
    """
    return np.arcsinh(x)


def acosh(x: Any) -> Any:
    """Inverse hyperbolic cosine, log(x + sqrt(x^2 - 1)); NaN below 1.

    >>> float(acosh(1.0))
    0.0
    """
    return np.arccosh(x)


def split(x: Real) -> tuple[Real, Real]:
    """k and m of x = 2^k m, m in [sqrt(1/2), sqrt(2)), for positive finite x, denormals included."""
    form = x.format
    tiny = x < 2.0 ** (1 - form.bias)
    bits = select(tiny, x * 2.0**form.precision, x).bits()
    root_half = 0x3FE6A09E00000000 if form.bits == 64 else 0x3F3504F3
    one = form.bias << form.mantissa
    raised = bits + (one - root_half)
    k = word_to_real(raised >> form.mantissa) - select(tiny, float(form.bias + form.precision), float(form.bias))
    m = ((raised & ((1 << form.mantissa) - 1)) + root_half).as_real()
    return k, m


def with_limits(x: Real, value: Real) -> Real:
    """`value` where x is positive and finite; else the logarithm's limit there."""
    infinity, nan = float("inf"), float("nan")
    limit = select(x.equals(0.0), -infinity, select(x > 0.0, infinity, nan))
    return select((x > 0.0) & (x < infinity), value, limit)


def _pieces(m: Real) -> tuple[Real, Real, Real]:
    """f = m - 1, f^2/2 and s (f^2/2 + R): log m = f - (f^2/2 - s (f^2/2 + R)), so f enters unrounded."""
    f = m - 1.0
    half = f * f * 0.5
    s = f / (f + 2.0)
    z = s * s
    return f, half, s * fma(z, polynomial(z, LOG[m.format.bits]), half)


@emitted(log)
def _log(x: Real) -> Real:
    high, low = LN2[x.format.bits]
    k, m = split(x)
    f, half, rest = _pieces(m)
    return with_limits(x, fma(k, high, f - (half - fma(k, low, rest))))


@emitted(log1p)
def _log1p(x: Real) -> Real:
    high, low = LN2[x.format.bits]
    total, lost = two_sum(x, 1.0)
    k, m = split(total)
    f, half, rest = _pieces(m)
    value = fma(k, high, f - (half - (fma(k, low, rest) + lost / total)))
    return select(x.equals(0.0), x, with_limits(total, value))


def _log1p_or_double(x: Real, size: Real) -> Real:
    """log(1 + x), or log(2 size) if `size` is so large that adding 1 to its square changes nothing."""
    high, low = LN2[x.format.bits]
    large = size > 2.0 ** (x.format.precision // 2 + 2)
    total, lost = two_sum(x, 1.0)
    total, lost = select(large, size, total), select(large, 0.0, lost)
    k, m = split(total)
    k = k + select(large, x.constant(1.0), 0.0)
    f, half, rest = _pieces(m)
    return with_limits(total, fma(k, high, f - (half - (fma(k, low, rest) + lost / total))))


@emitted(asinh)
def _asinh(x: Real) -> Real:
    size = x.magnitude()
    square = size * size
    more = square / ((square + 1.0).root() + 1.0)  # sqrt(x^2 + 1) - 1
    value = _log1p_or_double(size + more, size)
    return select(size < 2.0**-x.format.precision, size, value).with_sign_of(x)


@emitted(acosh)
def _acosh(x: Real) -> Real:
    above = x - 1.0
    value = _log1p_or_double(above + (above * (above + 2.0)).root(), x)
    return select(x < 1.0, float("nan"), value)


def _scaled(x: Real, scale: tuple[float, float], unit: tuple[float, float]) -> Real:
    """k unit + log(m) scale, with both factors and log(m) in two parts."""
    k, m = split(x)
    f, half, rest = _pieces(m)
    main = f - half
    rest = ((f - main) - half) + rest
    product, error = two_product(main, scale[0])
    error = error + fma(main, scale[1], rest * scale[0])
    whole = k * unit[0]
    error = error + fma(k, unit[1], fma(k, unit[0], -whole))
    total, lost = two_sum(whole, product)
    return with_limits(x, total + (lost + error))


@emitted(log2)
def _log2(x: Real) -> Real:
    return _scaled(x, LOG2_E[x.format.bits], (1.0, 0.0))


@emitted(log10)
def _log10(x: Real) -> Real:
    return _scaled(x, LOG10_E[x.format.bits], LOG10_2[x.format.bits])
