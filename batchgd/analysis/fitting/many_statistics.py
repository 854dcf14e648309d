"""Covariances of many fits at once: from J'J where that loses no digits, and else from the singular values of J."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.fitting.statistics import UNDETERMINED

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

CLEAR = 1e5
"""The condition of J'J, columns scaled to length 1, up to which its inverse has ten correct digits."""


def cholesky(matrix: Floats) -> tuple[Floats, Flags]:
    """Return the lower factors of many matrices (p, p, n), and which are positive definite.

    >>> factor, ok = cholesky(np.array([[4.0, 2.0], [2.0, 5.0]])[:, :, None])
    >>> factor[:, :, 0].tolist(), ok.tolist()
    ([[2.0, 0.0], [1.0, 2.0]], [True])
    """
    p, lower = len(matrix), np.zeros_like(matrix)
    ok = np.ones(matrix.shape[2], bool)
    for j in range(p):
        pivot = matrix[j, j] - np.einsum("kn,kn->n", lower[j, :j], lower[j, :j])
        ok &= pivot > 0.0
        lower[j, j] = np.sqrt(np.where(pivot > 0.0, pivot, 1.0))
        for i in range(j + 1, p):
            lower[i, j] = (matrix[i, j] - np.einsum("kn,kn->n", lower[i, :j], lower[j, :j])) / lower[j, j]
    return lower, ok


def inverse_of(lower: Floats) -> Floats:
    """Return the inverses of many matrices, (p, p, n), from their factors."""
    p, back = len(lower), np.zeros_like(lower)
    for j in range(p):
        back[j, j] = 1.0 / lower[j, j]
        for i in range(j + 1, p):
            back[i, j] = -np.einsum("kn,kn->n", lower[i, j:i], back[j:i, j]) / lower[i, i]
    found = np.empty_like(lower)
    for i in range(p):
        for j in range(i + 1):
            found[i, j] = found[j, i] = np.einsum("kn,kn->n", back[i:, i], back[i:, j])
    return found


def solved(lower: Floats, right: Floats) -> Floats:
    """Return the solutions, (p, n), of many equations."""
    p, found = len(lower), right.copy()
    for i in range(p):
        found[i] = (found[i] - np.einsum("kn,kn->n", lower[i, :i], found[:i])) / lower[i, i]
    for i in reversed(range(p)):
        found[i] = (found[i] - np.einsum("kn,kn->n", lower[i + 1 :, i], found[i + 1 :])) / lower[i, i]
    return found


def scaled(matrix: Floats, held: Flags) -> tuple[Floats, Floats]:
    """Return S A S with 1 on the diagonal, and S, (p, n), which is 0 where a coordinate is held."""
    diagonal = np.einsum("iin->in", matrix)
    with np.errstate(all="ignore"):
        units = np.where(held | ~(diagonal > 0.0), 0.0, 1.0 / np.sqrt(np.abs(diagonal)))
        found = matrix * units[:, None] * units[None]
    for i in range(len(matrix)):
        found[i, i] = np.where(held[i], 1.0, found[i, i])
    return found, units


def covariances(
    matrix: Floats, held: Flags, jacobian: Callable[[NDArray[np.intp]], Floats]
) -> tuple[Floats, NDArray[np.int64]]:
    """Return (J'J)⁻¹ of the coordinates that are not held, (p, p, n), NaN for others, and the rank of J, (n,).

    ``matrix`` is J'J, (p, p, n); ``jacobian`` returns J itself, (k, m, p), for those fits whose numbers are asked for.
    """
    unit, units = scaled(matrix, held)
    lower, ok = cholesky(unit)
    inverse = inverse_of(lower)
    with np.errstate(all="ignore"):
        condition = np.sqrt(np.einsum("ijn->n", unit**2) * np.einsum("ijn->n", inverse**2))
        found = inverse * units[:, None] * units[None]
    rank = np.sum(~held, axis=0)
    known = ~held[:, None] & ~held[None]
    found = np.where(known, found, np.nan)
    doubtful = np.flatnonzero(~(ok & (condition < CLEAR)))
    for part in np.array_split(doubtful, len(doubtful) // 4096 + 1) if len(doubtful) else []:
        found[:, :, part], rank[part] = _by_singular_values(jacobian(part), held[:, part])
    return found, rank


def _by_singular_values(jacobian: Floats, held: Flags) -> tuple[Floats, NDArray[np.int64]]:
    """Do the same as ``statistics.linearised``, for many fits."""
    n, m, p = jacobian.shape
    found, rank = np.full((p, p, n), np.nan), np.zeros(n, np.int64)
    for pattern in np.unique(held, axis=1).T:
        rows, free = np.flatnonzero((held == pattern[:, None]).all(axis=0)), np.flatnonzero(~pattern)
        inner = jacobian[np.ix_(rows, np.arange(m), free)]
        finite = np.isfinite(inner).all(axis=(1, 2))
        rows, inner = rows[finite], inner[finite]
        if not len(rows) or not len(free):
            continue
        lengths = np.linalg.norm(inner, axis=1)
        units = np.where(lengths > 0.0, lengths, 1.0)
        _, singular, directions = np.linalg.svd(inner / units[:, None], full_matrices=m < len(free))
        singular = np.concatenate([singular, np.zeros((len(rows), len(free) - singular.shape[1]))], axis=1)
        kept = singular > max(m, len(free)) * np.finfo(np.float64).eps * singular[:, :1]
        weights = np.where(kept, 1.0 / np.where(kept, singular, 1.0), 0.0)
        parts = directions * weights[:, :, None] / units[:, None]
        inverse = np.einsum("nki,nkj->ijn", parts, parts)
        unknown = ((np.abs(directions) > UNDETERMINED) & ~kept[:, :, None]).any(axis=1).T
        inverse[unknown[:, None] | unknown[None]] = np.nan
        found[np.ix_(free, free, rows)], rank[rows] = inverse, kept.sum(axis=1)
    return found, rank
