"""Powers and roots."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.extending import overload

from batchgd.kernels.vecmath.ir import JIT_OPTIONS, result_type


def power(x: Any, y: Any) -> Any:
    """power."""
    return np.power(x, y)


@overload(power, jit_options=JIT_OPTIONS)
def _power(x, y):
    real = result_type(x, y)
    return None if real is None else lambda x, y: math.pow(real(x), real(y))


def cbrt(x: Any) -> Any:
    """cbrt."""
    return np.cbrt(x)


@overload(cbrt, jit_options=JIT_OPTIONS)
def _cbrt(x):
    real = result_type(x)
    return None if real is None else lambda x: np.cbrt(real(x))


def hypot(x: Any, y: Any) -> Any:
    """hypot."""
    return np.hypot(x, y)


@overload(hypot, jit_options=JIT_OPTIONS)
def _hypot(x, y):
    real = result_type(x, y)
    return None if real is None else lambda x, y: math.hypot(real(x), real(y))

