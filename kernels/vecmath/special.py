"""The error function and its complement."""

from __future__ import annotations

from typing import Any

from batchgd.kernels.vecmath.constants import ERF, ERFC_TAIL, ERFCX
from batchgd.kernels.vecmath.emitters import emitted
from batchgd.kernels.vecmath.exponential import exponential
from batchgd.kernels.vecmath.ir import Real, fma, polynomial, select, two_product


def erf(x: Any) -> Any:
    """The error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x.

    >>> float(erf(0.0))
    0.0
    """
    from scipy.special import erf as reference

    return reference(x)


def erfc(x: Any) -> Any:
    """1 - erf(x) without the cancellation for large x: accurate until it underflows (26.5, float32: 10.05).

    >>> float(erfc(0.0))
    1.0
    """
    from scipy.special import erfc as reference

    return reference(x)


@emitted(erf)
def _erf(x: Real) -> Real:
    bits = x.format.bits
    size = x.magnitude()
    z = size * size
    near = fma(size, polynomial(z, ERF[bits]), size)
    end, centre = (6.0, 3.5) if bits == 64 else (4.0, 2.5)
    size = select(size > end, end, size)  # 1 - erf is below a quarter ulp here
    far = fma(-exponential(-(size * size)), polynomial(size - centre, ERFCX[bits]), 1.0)
    return select(size < 1.0, near, far).with_sign_of(x)


@emitted(erfc)
def _erfc(x: Real) -> Real:
    bits = x.format.bits
    size = x.magnitude()
    z = size * size
    near = fma(-x, polynomial(z, ERF[bits]), 1.0 - x)
    end, centre = (28.0, 4.0) if bits == 64 else (11.0, 3.0)
    size = select(size > end, end, size)  # erfc is below half the smallest number here
    high, low = two_product(size, size)
    ratio = polynomial((size - centre) / (size + centre), ERFC_TAIL[bits]) / fma(size, 2.0, 1.0)
    tail = exponential(-high, -low) * ratio
    return select(x.magnitude() < 1.0, near, select(x < 0.0, 2.0 - tail, tail))
