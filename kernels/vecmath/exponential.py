"""Exponentials and hyperbolic functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba.extending import overload

from batchgd.kernels.vecmath.ir import JIT_OPTIONS, result_type


def exp(x: Any) -> Any:
    """exp."""
    return np.exp(x)


@overload(exp, jit_options=JIT_OPTIONS)
def _exp(x):
    real = result_type(x)
    return None if real is None else lambda x: math.exp(real(x))


def expm1(x: Any) -> Any:
    """expm1."""
    return np.expm1(x)


@overload(expm1, jit_options=JIT_OPTIONS)
def _expm1(x):
    real = result_type(x)
    return None if real is None else lambda x: math.expm1(real(x))


def sinh(x: Any) -> Any:
    """sinh."""
    return np.sinh(x)


@overload(sinh, jit_options=JIT_OPTIONS)
def _sinh(x):
    real = result_type(x)
    return None if real is None else lambda x: math.sinh(real(x))


def cosh(x: Any) -> Any:
    """cosh."""
    return np.cosh(x)


@overload(cosh, jit_options=JIT_OPTIONS)
def _cosh(x):
    real = result_type(x)
    return None if real is None else lambda x: math.cosh(real(x))


def tanh(x: Any) -> Any:
    """tanh."""
    return np.tanh(x)


@overload(tanh, jit_options=JIT_OPTIONS)
def _tanh(x):
    real = result_type(x)
    return None if real is None else lambda x: math.tanh(real(x))

