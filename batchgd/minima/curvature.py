"""Curvature at a point: modes in box widths, which of them are too soft to decide, and what values show about those."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.newton_step import SOFT
from batchgd.minima.eigen import eigh
from batchgd.minima.newton import doubtful
from batchgd.minima.scale import EPS, Derivable, Scale, rounding, scaled, values
from batchgd.minima.within import tangent
from batchgd.problem.box import Box

_EQUILIBRATIONS = 4  # rounds after which the largest entries of all rows differ by less than a tenth
_DISTANCES = 10.0 ** np.arange(-8.0, -0.75, 0.5)  # box widths at which values are evaluated
_FACTOR = 2.0  # by which values may differ from what the curvature predicts


def modes(objective: Derivable, box: Box, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eigenvalues (ascending; NaN if the Hessian is not finite) and eigenvectors, in box widths."""
    return eigh(hessians(objective, box, x))


def falling_modes(value: NDArray, scale: Scale) -> NDArray[np.bool_]:
    """Which eigenvalues, (m, d) in box widths, are negative, and not so soft that they decide nothing."""
    return (value < 0) & ~in_doubt(value, scale)


def in_doubt(value: NDArray, scale: Scale) -> NDArray[np.bool_]:
    """Which eigenvalues, (m, d) in box widths, are so soft that rounding may have produced them."""
    size = np.abs(value)
    return np.asarray(size <= np.maximum(SOFT * size.max(axis=1, keepdims=True), doubtful(scale)))


def curvature(
    objective: Derivable, box: Box, x: NDArray[np.float64], fun: NDArray[np.float64], scale: Scale
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Curvature along d directions of each point, the directions (columns, of length 1), and which are soft.

    Directions are the eigenvectors in box widths. If an eigenvalue is so soft that it may be rounding, the directions
    are those of the equilibrated Hessian instead, which do not depend on the units of coordinates, and values decide: a
    mode is soft unless the value changes along it as the curvature predicts.
    """
    value, vector = modes(objective, box, x)
    soft = in_doubt(value, scale)
    rows = np.flatnonzero(soft.any(axis=1) & np.isfinite(value).all(axis=1))
    if len(rows):
        value[rows], vector[rows] = _equilibrated_modes(hessians(objective, box, x[rows]))
        soft[rows] = in_doubt(value[rows], scale)
        point, mode = np.nonzero(soft[rows])
        point = rows[point]
        soft[point, mode] = ~_confirmed(
            objective, box, x[point], fun[point], value[point, mode], vector[point, :, mode]
        )
    return value, vector, soft


def hessians(objective: Derivable, box: Box, x: NDArray) -> NDArray[np.float64]:
    """Hessians in box widths, (m, d, d)."""
    with np.errstate(all="ignore"):
        return scaled(objective.hessian(x), box)


def _equilibrated_modes(hessian: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""H-orthogonal directions v of length 1, from the eigenvectors of S H S, and the curvatures ``v^T H v``.

    S is diagonal and makes the largest entry of each row about 1 (Ruiz 2001, "A scaling algorithm to equilibrate both
    rows and columns norms in matrices"); for a positive matrix it is about ``diag(H)^-1/2``. Signs are those of the
    eigenvalues of H (Sylvester).
    """
    entry = np.abs(hessian)
    most = 1.0 / np.sqrt(EPS * np.maximum(entry.max(axis=(1, 2)), np.finfo(np.float64).tiny))
    size = np.ones(hessian.shape[:2])
    for _ in range(_EQUILIBRATIONS):
        largest = (entry * size[:, :, None] * size[:, None, :]).max(axis=2)
        # A row that is nothing but rounding is not blown up: it stays measured in box widths.
        size = np.minimum(size / np.sqrt(np.where(largest > 0, largest, 1.0)), most[:, None])
    value, vector = eigh(hessian * size[:, :, None] * size[:, None, :])
    way = size[:, :, None] * vector
    length = np.linalg.norm(way, axis=1)
    return value / length**2, way / length[:, None, :]


def _confirmed(
    objective: Derivable, box: Box, x: NDArray, fun: NDArray, along: NDArray, way: NDArray
) -> NDArray[np.bool_]:
    """Whether values change by ``along h^2 / 2`` both ways at two neighbouring distances h, beyond rounding.

    Two distances, because rounding, or a quartic rise, agrees with any curvature at one.
    """
    noise = rounding(objective, box, x, fun)
    sure = np.zeros(len(x), np.bool_)
    before = np.zeros(len(x), np.bool_)
    sides = [tangent(objective, x, s * way[:, None])[:, 0] for s in (1, -1)]
    for h in _DISTANCES:
        predicted = 0.5 * along * h * h
        rows = np.flatnonzero((np.abs(predicted) > noise) & ~sure)
        agree = np.zeros(len(x), np.bool_)
        with np.errstate(all="ignore"):
            both = [
                (values(objective, x[rows] + h * side[rows] * box.width) - fun[rows]) / predicted[rows]
                for side in sides
            ]
        agree[rows] = np.all([(ratio > 1 / _FACTOR) & (ratio < _FACTOR) for ratio in both], axis=0)
        sure |= agree & before
        before = agree
    return sure
