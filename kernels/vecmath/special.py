"""The error function."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.extending import overload

from batchgd.kernels.vecmath.ir import JIT_OPTIONS, result_type


def erf(x: Any) -> Any:
    """erf."""
    from scipy.special import erf as reference

    return reference(x)


@overload(erf, jit_options=JIT_OPTIONS)
def _erf(x):
    real = result_type(x)
    return None if real is None else lambda x: math.erf(real(x))

