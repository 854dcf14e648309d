"""Inverse trigonometric functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.extending import overload

from batchgd.kernels.vecmath.ir import JIT_OPTIONS, result_type


def asin(x: Any) -> Any:
    """asin."""
    return np.arcsin(x)


@overload(asin, jit_options=JIT_OPTIONS)
def _asin(x):
    real = result_type(x)
    return None if real is None else lambda x: math.asin(real(x))


def acos(x: Any) -> Any:
    """acos."""
    return np.arccos(x)


@overload(acos, jit_options=JIT_OPTIONS)
def _acos(x):
    real = result_type(x)
    return None if real is None else lambda x: math.acos(real(x))


def atan(x: Any) -> Any:
    """atan."""
    return np.arctan(x)


@overload(atan, jit_options=JIT_OPTIONS)
def _atan(x):
    real = result_type(x)
    return None if real is None else lambda x: math.atan(real(x))


def atan2(y: Any, x: Any) -> Any:
    """atan2."""
    return np.arctan2(y, x)


@overload(atan2, jit_options=JIT_OPTIONS)
def _atan2(y, x):
    real = result_type(y, x)
    return None if real is None else lambda y, x: math.atan2(real(y), real(x))

