"""Newton's step at many points: from a Cholesky factor where the Hessian is positive, else from its eigenvectors."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.newton_step import PIVOT, SOFT
from batchgd.minima.eigen import eigh, single_threaded
from batchgd.minima.scale import Derivable, Scale, scaled
from batchgd.problem.box import Box

INDEFINITE, POSITIVE, CLEAR = 0, 1, 2
"""What is known of a Hessian: a pivot is not positive; all are; all modes are stiffer than those in doubt."""

_NEAR = 1e-3  # root finding only starts with a step below this: further away an indefinite point is not at a saddle yet
_ZERO = 1e-12  # modes this small against the largest get no Newton step
_SOFT_BOX = 1e-10  # modes this soft against the typical curvature of the box are in doubt
_LAPACK = 24  # dimension from which on one call for each matrix costs less than a pass over all


@dataclass
class Local:
    """Value, gradient and Newton's step at points, per box width; ``stiffest`` is the largest entry of each Hessian.

    The step is meaningful unless ``kind`` is INDEFINITE.
    """

    f: NDArray[np.float64]
    g: NDArray[np.float64]
    step: NDArray[np.float64]
    kind: NDArray[np.int8]
    stiffest: NDArray[np.float64]

    def take(self, rows: NDArray) -> Local:
        """Some of the points."""
        return Local(*(getattr(self, field.name)[rows] for field in fields(self)))

    def put(self, rows: NDArray, other: Local) -> None:
        """Replace some of the points."""
        for field in fields(self):
            getattr(self, field.name)[rows] = getattr(other, field.name)


def compiled(objective: Any) -> bool:
    """Whether Newton's step comes at the price of a value."""
    return bool(getattr(objective, "has_newton", False))


def doubtful(scale: Scale) -> float:
    """Curvatures this small may be rounding anywhere in the box."""
    return _SOFT_BOX * scale.curvature


def newton(objective: Any, box: Box, x: NDArray[np.float64], scale: Scale) -> Local:
    """Evaluate everything at points, (m, d)."""
    if compiled(objective):
        found = objective.newton(x, box.width, doubtful(scale))
        g, step = found.gradient * box.width, found.step / box.width
        kind = np.where(np.isfinite(step).all(axis=1), found.kind, INDEFINITE).astype(np.int8)
        return Local(found.fun, g, step, kind, found.stiffest)
    f, g = objective.value_and_gradient(x)
    return with_hessian(objective, box, x, f, g * box.width)


def with_hessian(objective: Derivable, box: Box, x: NDArray, f: NDArray, g: NDArray) -> Local:
    """The same from a value and a gradient per box width."""
    hessian = scaled(objective.hessian(x), box)
    step, positive = solve_positive(hessian, g)
    return Local(f, g, step, positive.astype(np.int8), np.abs(hessian).max(axis=(1, 2)))


def clear(hessian: NDArray[np.float64], scale: Scale) -> NDArray[np.bool_]:
    """Which Hessians in box widths have no mode that is in doubt: they stay positive less the curvature that is."""
    soft = np.maximum(SOFT * np.trace(hessian, axis1=1, axis2=2), doubtful(scale))
    shifted = hessian - soft[:, None, None] * np.eye(hessian.shape[1])
    return solve_positive(shifted, np.zeros(hessian.shape[:2]))[1]


def indefinite_steps(
    g: NDArray, hessian: NDArray, scale: Scale, *, downhill: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Newton's step per point, whether it is root finding, and whether its end would be a stationary point.

    With ``downhill`` falling modes are never solved for a root.
    """
    value, mode = eigh(hessian)
    c = np.einsum("kij,ki->kj", mode, g)
    size = np.abs(value)
    largest = size.max(axis=1, keepdims=True)
    zero = (size <= _ZERO * largest) | (size == 0)
    to_root = np.where(zero, 0.0, -c / np.where(zero, 1.0, value))
    short = np.abs(np.einsum("kij,kj->ki", mode, to_root)).max(axis=1) <= _NEAR
    idle = (np.abs(np.where(zero, c, 0.0)) <= 1e-7 * scale.slope).all(axis=1)
    falling = ((value < 0) & ~zero).any(axis=1)
    near = short & idle & ~(downhill & falling)
    down = -c / np.maximum(size, np.maximum(1e-8 * largest, 1e-8 * scale.slope))
    step = np.einsum("kij,kj->ki", mode, np.where(near[:, None], to_root, down))
    return step, near & falling, near


def falls(hessian: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether a mode falls, beyond rounding."""
    from batchgd.minima.eigen import eigvalsh

    value = eigvalsh(hessian)
    return np.asarray(value[:, 0] < -_ZERO * np.abs(value).max(axis=1))


def solve_positive(hessian: NDArray, g: NDArray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Newton's step by L D L^T, where H > 0: over the whole batch, ten times faster than LAPACK for small d."""
    if g.shape[1] >= _LAPACK:
        return _solve_one_by_one(hessian, g)
    a = hessian.copy()
    step = -g
    d = g.shape[1]
    positive = np.ones(len(g), np.bool_)
    for k in range(d):
        positive &= a[:, k, k] > PIVOT * np.abs(hessian[:, k, k])
        if k + 1 < d:
            factor = a[:, k + 1 :, k] / a[:, k, k, None]
            step[:, k + 1 :] -= factor * step[:, k, None]
            a[:, k + 1 :, k + 1 :] -= factor[:, :, None] * a[:, None, k, k + 1 :]
            a[:, k + 1 :, k] = factor
    for k in range(d - 1, -1, -1):
        step[:, k] /= a[:, k, k]
        for i in range(k + 1, d):
            step[:, k] -= a[:, i, k] * step[:, i]
    return step, positive & np.isfinite(step).all(axis=1)


def _solve_one_by_one(hessian: NDArray, g: NDArray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    from scipy.linalg.lapack import dposv

    step, positive = np.zeros_like(g), np.zeros(len(g), np.bool_)
    diagonal = np.abs(np.diagonal(hessian, axis1=1, axis2=2))
    good = np.isfinite(hessian).all(axis=(1, 2)) & np.isfinite(g).all(axis=1)
    with single_threaded():
        for k in np.flatnonzero(good):
            factor, solution, info = dposv(hessian[k], -g[k], lower=1)
            if info == 0 and (np.diagonal(factor) ** 2 > PIVOT * diagonal[k]).all():
                step[k], positive[k] = solution.ravel(), True
    return step, positive & np.isfinite(step).all(axis=1)
