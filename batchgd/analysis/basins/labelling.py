"""Labels of points that were no starts of a run: descend from them, and look which minimum is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from batchgd.kernels.status import AT_REST
from batchgd.minima.collect import batch_from
from batchgd.minima.merge import UNPOLISHED
from batchgd.minima.scale import typical_value

_CLOSE = 1e-6  # of values, relative: endpoints are not polished

if TYPE_CHECKING:
    from batchgd.minima.results import LandscapeData
    from batchgd.problem.box import Box

Labelling = Callable[[NDArray[np.float64]], NDArray[np.int64]]
"""A function from points, (n, d), to labels, (n,); -1 for those that belong to no minimum."""


def labelling(result: LandscapeData, method: Any = None, maxiter: int = 0) -> Labelling:
    """Return the function that labels points as the result's own method, or another one, labels starts.

    Parameters
    ----------
    result : LandscapeData
        With its function; labels are rows of its ``minima``, -1 for points that lead to none of them.
    method : Method, optional
        Another method than that of the result.
    maxiter : int
        At least so many updates.

    Raises
    ------
    InputError
        When the function is not at hand.
    """
    from batchgd.minima.collect import endpoints_of

    batch = batch_from(result)
    stopping = replace(batch.stopping, maxiter=max(batch.stopping.maxiter, maxiter), max_time=None)
    batch = batch.in_dtype("float64")
    sets = np.asarray(result.minima.free > 0)
    unit = typical_value(batch.objective, batch.box) if sets.any() else 1.0

    def label(points: NDArray[np.float64]) -> NDArray[np.int64]:
        if len(points) == 0:
            return np.empty(0, np.int64)
        ends = endpoints_of(batch.again(starts=points, method=method, stopping=stopping))
        found = nearest_minimum(ends.x, result.minima.x, batch.box)
        rest = np.flatnonzero((found < 0) & np.isin(ends.status, AT_REST))
        if sets.any() and len(rest):
            found[rest] = set_of_value(ends.fun[rest], np.where(sets, result.minima.fun, np.inf), unit)
        return found

    return label


def set_of_value(fun: NDArray[np.float64], sets: NDArray[np.float64], unit: float) -> NDArray[np.int64]:
    """The row whose value is nearest, (n,), for endpoints that may be anywhere on a set; -1 where none is near.

    >>> set_of_value(np.array([1e-12, 0.5, 2.0]), np.array([0.0, np.inf, 2.0]), 1.0).tolist()
    [0, -1, 2]
    """
    off = np.abs(fun[:, None] - sets)
    row = off.argmin(axis=1)
    limit = np.maximum(_CLOSE * np.abs(fun), 1e-3 * _CLOSE * unit)
    return np.where(off[np.arange(len(fun)), row] <= limit, row, -1)


def nearest_minimum(x: ArrayLike, minima: NDArray[np.float64], box: Box) -> NDArray[np.int64]:
    """The row of the minimum that each endpoint has reached, (n,); -1 where none is as near as unpolished copies are.

    >>> from batchgd.problem.box import Box
    >>> nearest_minimum([[0.50001], [0.7], [np.nan]], np.array([[0.5]]), Box([0.0], [1.0])).tolist()
    [0, -1, -1]
    """
    from scipy.spatial import cKDTree

    u = (np.asarray(x, np.float64) - box.lower) / box.width
    label = np.full(len(u), -1)
    known = np.flatnonzero(np.isfinite(u).all(axis=1))
    if len(known) and len(minima):
        tree = cKDTree((minima - box.lower) / box.width)
        distance, row = tree.query(u[known], p=np.inf, distance_upper_bound=10 * UNPOLISHED.identity.x)
        label[known] = np.where(np.isfinite(distance), row, -1)
    return label
