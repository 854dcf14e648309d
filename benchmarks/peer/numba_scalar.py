"""Numba: the obvious loop, one trajectory per iteration of a ``prange``, with batchgd's flags."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .cases import MERGING, Case
from .own import CENTRES, DEPTHS
from .table import Endpoints, Run

FLAGS: dict[str, Any] = {"fastmath": {"contract"}, "error_model": "numpy"}


def prepare(case: Case, dtype: str, starts: np.ndarray, variant: str) -> Run:
    """Return a run; the dimension is a constant of the compiled code."""
    from numba import njit, prange

    real = np.dtype(dtype).type
    dim, maxiter = case.dim, case.maxiter
    rate, zero, gtol_squared = real(case.learning_rate), real(0.0), real(case.gtol[dtype] ** 2)
    gradient = njit(**FLAGS)(GRADIENTS[case.scalar](dim, real))

    @njit(parallel=True, **FLAGS)
    def descend(starts, out, nit):
        for i in prange(starts.shape[0]):
            x, g = out[i], np.empty(dim, starts.dtype)
            for j in range(dim):
                x[j] = starts[i, j]
            k = 0
            while True:
                gradient(x, g)
                gg = zero
                for j in range(dim):
                    gg += g[j] * g[j]
                if gg <= gtol_squared or k >= maxiter:
                    break
                for j in range(dim):
                    x[j] -= rate * g[j]
                k += 1
            nit[i] = k

    def run() -> Endpoints:
        out, nit = np.empty_like(starts), np.empty(len(starts), np.int64)
        descend(starts, out, nit)
        return Endpoints(out, nit)

    return run


# Constants are typed, because one float64 literal would lift float32 arithmetic to float64.


def _rastrigin(dim: int, real: Any) -> Any:
    two, wave, depth = real(2.0), real(2.0 * math.pi), real(20.0 * math.pi)

    def gradient(x, g):
        for j in range(dim):
            g[j] = two * x[j] + depth * math.sin(wave * x[j])

    return gradient


def _styblinski_tang(dim: int, real: Any) -> Any:
    two, sixteen, tilt = real(2.0), real(16.0), real(2.5)

    def gradient(x, g):
        for j in range(dim):
            g[j] = x[j] * (two * x[j] * x[j] - sixteen) + tilt

    return gradient


def _himmelblau(dim: int, real: Any) -> Any:
    two, four, seven, eleven = real(2.0), real(4.0), real(7.0), real(11.0)

    def gradient(x, g):
        a, b = x[0] * x[0] + x[1] - eleven, x[0] + x[1] * x[1] - seven
        g[0] = four * a * x[0] + two * b
        g[1] = two * a + four * b * x[1]

    return gradient


def _rosenbrock(dim: int, real: Any) -> Any:
    one, two, slope, bend = real(1.0), real(2.0), real(200.0), real(400.0)

    def gradient(x, g):
        g[dim - 1] = real(0.0)
        before = real(0.0)
        for j in range(dim - 1):
            a = x[j + 1] - x[j] * x[j]
            g[j] = before - bend * a * x[j] - two * (one - x[j])
            before = slope * a
        g[dim - 1] = before

    return gradient


def _heavy_tail(dim: int, real: Any) -> Any:
    one, barrier = real(1.0), real(MERGING)

    def gradient(x, g):
        g[0] = x[0] * (x[0] - barrier) * (x[0] - one)
        g[1] = x[1]

    return gradient


def _wells(dim: int, real: Any) -> Any:
    centres, depths = CENTRES.astype(real), (4.0 * DEPTHS).astype(real)
    sharp, flat = real(-2.0), real(0.1)

    def gradient(x, g):
        for j in range(dim):
            g[j] = flat * x[j]
        for k in range(len(depths)):
            square = real(0.0)
            for j in range(dim):
                square += (x[j] - centres[k, j]) * (x[j] - centres[k, j])
            pull = depths[k] * math.exp(sharp * square)
            for j in range(dim):
                g[j] += pull * (x[j] - centres[k, j])

    return gradient


def _chain(dim: int, real: Any) -> Any:
    flat = real(0.1)

    def gradient(x, g):
        sine, cosine = real(0.0), math.cos(x[0])
        for j in range(dim):
            own = math.sin(x[j])
            g[j] = flat * x[j] - sine * own
            if j + 1 < dim:
                following = math.cos(x[j + 1])
                g[j] += cosine * following
                cosine = following
            sine = own

    return gradient


def _barrier(dim: int, real: Any) -> Any:
    half, one, two, three, four, tenth = real(0.5), real(1.0), real(2.0), real(3.0), real(4.0), real(0.1)

    def gradient(x, g):
        for j in range(dim):
            u = x[j] * x[j]
            below, above = one + u, four - u
            g[j] = two * x[j] * ((u - one) * (u + three) / (below * below) + tenth / (above * above))
            if j > 0:
                g[j] += half * (x[j] - x[j - 1])
            if j + 1 < dim:
                g[j] -= half * (x[j + 1] - x[j])

    return gradient


GRADIENTS = {
    "rastrigin": _rastrigin,
    "styblinski_tang": _styblinski_tang,
    "himmelblau": _himmelblau,
    "rosenbrock": _rosenbrock,
    "heavy_tail": _heavy_tail,
    "wells": _wells,
    "chain": _chain,
    "barrier": _barrier,
}
"""For each function, the factory of its scalar gradient for a dimension and a dtype."""
