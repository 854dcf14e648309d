"""Logarithms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.extending import overload

from batchgd.kernels.vecmath.ir import JIT_OPTIONS, result_type


def log(x: Any) -> Any:
    """log."""
    return np.log(x)


@overload(log, jit_options=JIT_OPTIONS)
def _log(x):
    real = result_type(x)
    return None if real is None else lambda x: math.log(real(x))


def log1p(x: Any) -> Any:
    """log1p."""
    return np.log1p(x)


@overload(log1p, jit_options=JIT_OPTIONS)
def _log1p(x):
    real = result_type(x)
    return None if real is None else lambda x: math.log1p(real(x))


def log2(x: Any) -> Any:
    """log2."""
    return np.log2(x)


@overload(log2, jit_options=JIT_OPTIONS)
def _log2(x):
    real = result_type(x)
    return None if real is None else lambda x: np.log2(real(x))


def log10(x: Any) -> Any:
    """log10."""
    return np.log10(x)


@overload(log10, jit_options=JIT_OPTIONS)
def _log10(x):
    real = result_type(x)
    return None if real is None else lambda x: math.log10(real(x))

