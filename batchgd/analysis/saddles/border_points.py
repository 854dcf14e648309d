"""Walkers from borders: starts of two basins, brought together by bisection, that descend on both sides of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.basins.stability import bisect
from batchgd.minima.eigen import eigvalsh
from batchgd.minima.mapper import Labelling
from batchgd.minima.scale import Derivable
from batchgd.minima.within import moved_within
from batchgd.problem.arrays import host
from batchgd.problem.box import Box

if TYPE_CHECKING:
    from batchgd.minima.results import LandscapeData

_STARTS = 20_000  # looked at for neighbours of different labels
_NEIGHBOURS = 6
_CLOSE = 1e-4  # box widths between the two sides of a border
_APART = 1e-2  # box widths at which two descending sides count as parted
_STEP = 5e-3  # longest step of that descent, box widths
_STEPS = 500


def border_walkers(
    result: LandscapeData, objective: Derivable, box: Box, label: Labelling, most: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return walkers near borders between basins, (n, d), and the direction across the border at each, (n, d).

    Neighbouring starts with different labels are bisected until they are 1e-4 box widths apart, one on either side of
    the border. Both then descend until they part: up to there their middle slides along the border, towards a saddle on
    it.

    Parameters
    ----------
    label : function
        The labels of points by gradient flow, on whose borders the saddles are.
    most : int
        The most walkers; every pair of neighbouring basins gets one before any gets a second.
    """
    a, b = _neighbours(result, box, most)
    side, other = label(a), label(b)
    apart = side != other
    a, b = bisect(label, a[apart], b[apart], side[apart], _CLOSE * box.width)
    return _descend(objective, box, a, b)


def _neighbours(result: LandscapeData, box: Box, most: int) -> tuple[NDArray, NDArray]:
    """Near starts with different labels: for each pair of labels the nearest first, pair by pair in turn."""
    from scipy.spatial import cKDTree

    n = min(result.n, _STARTS) if result.starts is not None and result.kept else 0
    label = host(result.label)[:n]
    x0 = result.start_points(0, n)[label >= 0].astype(np.float64) if n else np.empty((0, box.dim))
    label = label[label >= 0]
    if len(x0) < 2 or len(result.minima) < 2:
        return np.empty((0, box.dim)), np.empty((0, box.dim))
    count = min(_NEIGHBOURS, len(x0))
    distance, near = cKDTree((x0 - box.lower) / box.width).query(x0 / box.width - box.lower / box.width, k=count)
    first, second, distance = np.repeat(np.arange(len(x0)), count), near.ravel(), distance.ravel()
    keep = label[first] != label[second]
    first, second, distance = first[keep], second[keep], distance[keep]
    low, high = np.minimum(label[first], label[second]), np.maximum(label[first], label[second])
    order = np.lexsort((distance, high, low))
    pair = low[order].astype(np.int64) * len(result.minima) + high[order]
    head = np.flatnonzero(np.r_[np.ones(len(pair[:1]), bool), np.diff(pair) != 0])
    rank = np.arange(len(pair)) - np.repeat(head, np.diff(np.r_[head, len(pair)]))
    chosen = order[np.argsort(rank, kind="stable")[:most]]
    return x0[first[chosen]], x0[second[chosen]]


def _descend(objective: Derivable, box: Box, a: NDArray, b: NDArray) -> tuple[NDArray, NDArray]:
    """Descend from both sides, at most half a box width per unit of the steepest curvature, until they part."""
    a, b = a.copy(), b.copy()
    moving = np.arange(len(a))
    for _ in range(_STEPS):
        moving = moving[(np.abs(b[moving] - a[moving]) < _APART * box.width).all(axis=1)]
        if len(moving) == 0:
            break
        for x in (a, b):
            x[moving] = moved_within(objective, x[moving] + _small_step(objective, box, x[moving]))
    across = (b - a) / box.width
    size = np.sqrt((across**2).sum(axis=1, keepdims=True))
    return 0.5 * (a + b), across / np.where(size > 0, size, 1.0)


def _small_step(objective: Derivable, box: Box, x: NDArray) -> NDArray[np.float64]:
    """A step of gradient descent in x, -g / (2 max |λ|), cut to a small share of the box."""
    with np.errstate(all="ignore"):
        gradient = objective.value_and_gradient(x)[1]
        stiff = np.abs(eigvalsh(np.nan_to_num(objective.hessian(x)))).max(axis=1)
        step = np.nan_to_num(-gradient / (2 * stiff[:, None]), posinf=0.0, neginf=0.0)
    length = np.abs(step / box.width).max(axis=1)
    return step * np.minimum(1.0, _STEP / np.maximum(length, np.finfo(np.float64).tiny))[:, None]
