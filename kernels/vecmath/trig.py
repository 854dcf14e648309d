"""Sine, cosine and tangent: a reduction by pi/2 in three parts, and one pair of polynomials.

A sine alone takes two thirds of the operations: it is reduced by pi, and is one polynomial. A cosine is not: near 1 it
would be rounded twice, and functions with their minima there rely on cos(0) = 1 and on the values next to it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from batchgd.kernels.vecmath.constants import COS, HALF_PI, SIN, SIN_HALF_TURN
from batchgd.kernels.vecmath.emitters import emitted
from batchgd.kernels.vecmath.ir import (
    Real,
    Word,
    fast_two_sum,
    fma,
    polynomial,
    quotient,
    round_to_word,
    select,
    two_product,
    two_sum,
)


def sin(x: Any) -> Any:
    """Sine of x in radians.

    In compiled code NaN from |x| = 2^50 (float32: 2^21) on, where neighbouring numbers are a quarter radian apart.

    >>> float(sin(0.0))
    0.0
    """
    return np.sin(x)


def cos(x: Any) -> Any:
    """Cosine of x in radians; same range as `sin`.

    >>> float(cos(0.0))
    1.0
    """
    return np.cos(x)


def sincos(x: Any) -> tuple[Any, Any]:
    """Sine and cosine of x for little more than the price of one: (sin(x), cos(x)), the sine up to rounding.

    >>> [float(part) for part in sincos(0.0)]
    [0.0, 1.0]
    """
    return np.sin(x), np.cos(x)


def tan(x: Any) -> Any:
    """Tangent of x in radians; same range as `sin`.

    >>> float(tan(0.0))
    0.0
    """
    return np.tan(x)


def _in_range(x: Real) -> Real:
    """|x|, or NaN if it is too large to be reduced."""
    size = x.magnitude()
    return select(size < 2.0 ** (x.format.precision - 3), size, float("nan"))


def _reduce(x: Real, careful: bool = False) -> tuple[Real, Real, Word]:
    """Write |x| = n pi/2 + r + tail, |r| <= 0.84: r (NaN out of range), tail, and n in the low bits of a word.

    With fma the first product and difference are exact up to n = 2^mantissa: |x| and the first part of pi/2 are both
    multiples of ulp(1), and so is their difference, which is below 2. The second step rounds once, relative to r; if
    half an ulp of r matters (`careful`), the tail takes it in. The third part goes into the tail as well: it can reach
    the size of r near multiples of pi/2, where omitting it costs 30 ulp at 1e12.
    """
    first, second, third = HALF_PI[x.format.bits]
    size = _in_range(x)
    n, word = round_to_word(size, 1.0 / first)
    near = fma(n, -first, size)
    if not careful:
        return fma(n, -second, near), n * -third, word
    product, error = two_product(n, -second)
    r, lost = two_sum(near, product)
    return r, fma(n, -third, lost + error), word


def _flip(value: Real, sign: Word) -> Real:
    return (value.bits() ^ sign).as_real()


def _kernels(r: Real, tail: Real) -> tuple[Real, Real]:
    """What sin(r + tail) adds to r, and cos(r + tail); the tail is too small to change the cosine."""
    z = r * r
    below = fma(r * z, polynomial(z, SIN[r.format.bits]), tail)
    return below, fma(z, fma(z, polynomial(z, COS[r.format.bits]), -0.5), 1.0)


def _signs(x: Real, word: Word) -> tuple[Word, Word]:
    """The sign bits that the quadrant (and x, for the sine) give to sine and cosine."""
    lift = x.format.bits - 2  # brings bit 1 of the quadrant to the top
    sine = ((word << lift) ^ x.bits()) & x.format.sign
    return sine, ((word + 1) << lift) & x.format.sign


@emitted(sin)
def _sin(x: Real) -> Real:
    """(-1)^n sin(r + tail) with |x| = n pi + r + tail as in `_reduce`; the tail matters only if r is small."""
    first, second, third = (2.0 * part for part in HALF_PI[x.format.bits])
    leading, *others = SIN_HALF_TURN[x.format.bits]
    size = _in_range(x)
    n, word = round_to_word(size, 1.0 / first)
    r = fma(n, -second, fma(n, -first, size))
    z = r * r
    sine = fma(r * z, fma(z, polynomial(z, others), leading), fma(n, -third, r))
    return _flip(sine, ((word << (x.format.bits - 1)) ^ x.bits()) & x.format.sign)


@emitted(cos)
def _cos(x: Real) -> Real:
    return sincos_of(x)[1]


@emitted(sincos, results=2)
def sincos_of(x: Real) -> tuple[Real, Real]:
    """Append both; what a caller does not use, LLVM removes."""
    r, tail, word = _reduce(x)
    below, cosine = _kernels(r, tail)
    sine = r + below
    even = (word & 1).equals(0)
    sign_sine, sign_cosine = _signs(x, word)
    return _flip(select(even, sine, cosine), sign_sine), _flip(select(even, cosine, sine), sign_cosine)


@emitted(tan)
def _tan(x: Real) -> Real:
    r, tail, word = _reduce(x, careful=True)
    below, cosine = _kernels(r, tail)
    sine, low = fast_two_sum(r, below)
    even = (word & 1).equals(0)
    zero = low.constant(0.0)
    high, rest = quotient(
        select(even, sine, cosine), select(even, low, zero), select(even, cosine, sine), select(even, zero, low)
    )
    odd = (word ^ (x.bits() >> (x.format.bits - 1))) << (x.format.bits - 1)
    return _flip(high + rest, odd)
