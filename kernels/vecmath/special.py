"""The error function."""

from __future__ import annotations

from typing import Any

from batchgd.kernels.vecmath.constants import ERF, ERFCX
from batchgd.kernels.vecmath.exponential import exponential
from batchgd.kernels.vecmath.ir import Real, emitted, fma, polynomial, select


def erf(x: Any) -> Any:
    """The error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x.

    >>> float(erf(0.0))
    0.0
    """
    from scipy.special import erf as reference

    return reference(x)


@emitted(erf)
def _erf(x: Real) -> Real:
    bits = x.format.bits
    size = x.magnitude()
    z = size * size
    near = fma(size, polynomial(z, ERF[bits]), size)
    end, centre = (6.0, 3.5) if bits == 64 else (4.0, 2.5)
    size = select(size > end, end, size)  # 1 - erf is below a quarter ulp here
    far = 1.0 - exponential(-(size * size)) * polynomial(size - centre, ERFCX[bits])
    return select(size < 1.0, near, far).with_sign_of(x)
