"""The mapper: points -> labels, which of the known minima the descent from each point reaches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from batchgd.kernels.status import AT_REST
from batchgd.minima.classes import moved_onto
from batchgd.minima.collect import batch_from, collect, endpoints_of
from batchgd.minima.merge import UNPOLISHED
from batchgd.minima.pairs import labels_onto
from batchgd.minima.scale import typical_value
from batchgd.problem.arrays import host
from batchgd.problem.bounds import kept_within
from batchgd.problem.identity import SAME, Identity

if TYPE_CHECKING:
    from batchgd.engine.batch import Batch
    from batchgd.minima.results import LandscapeData
    from batchgd.minima.tables import Minima
    from batchgd.problem.box import Box
    from batchgd.problem.methods import Method
    from batchgd.problem.symmetry import Symmetry

Labelling = Callable[[NDArray[np.float64]], NDArray[np.int64]]
"""A mapper as its callers see it: a function from points, (n, d), to labels, (n,); -1: no minimum."""

FLOW_UPDATES = 100_000
"""The smallest ``maxiter`` of gradient flow, which takes small steps."""

_CLOSE = 1e-6  # relative, of values: endpoints are not polished


class Mapped(NamedTuple):
    """Labels of points, (n,), and the minima that were not known before: the k-th has the label ``known + k``."""

    label: NDArray[np.int64]
    new: Minima


@dataclass(frozen=True)
class Mapper:
    """Which minimum the descent from a point reaches: ``mapper(points)`` returns labels, (n,), with -1 for none.

    There are three ways from endpoints to labels:

    * *collect*, while no minimum is known: endpoints are polished, merged and classified, which gives the minima as
      well as the labels (:class:`batchgd.minima.collector.Collector`; runs, maps and sweeps).
    * *collect and pair*, :meth:`collect`: the same, and the minima that come out are paired with those of the mapper
      (fidelity, comparisons, the flow down from saddles). Minima without a partner get labels of their own.
    * *nearest*, calling the mapper: an endpoint belongs to the minimum that is as near to it as unpolished copies are,
      or to the set of minima that has its value. Nothing is polished and no minimum is searched for, so it serves
      searches that ask for a few labels at a time (borders, stability).

    Attributes
    ----------
    batch : Batch
        How to descend: objective, box, method, stopping rule, backend. Its starts are not used.
    minima : Minima
        The known minima; labels are their rows.
    identity : Identity
        When two polished endpoints are one minimum.

    Examples
    --------
    >>> import batchgd as bgd
    >>> mapper = Mapper.of(bgd.multistart("himmelblau", starts=100))
    >>> points = mapper.minima.x + 0.1
    >>> mapper(points).tolist(), mapper.collect(points).label.tolist()
    ([0, 1, 2, 3], [0, 1, 2, 3])
    """

    batch: Batch
    minima: Minima
    identity: Identity = SAME

    @classmethod
    def of(cls, result: LandscapeData) -> Mapper:
        """The mapper that labels points as the result's own run labels starts, however long it takes.

        Raises InputError if the function is not available, or the result was not made by a run.
        """
        batch = batch_from(result)
        batch = replace(batch, stopping=replace(batch.stopping, max_time=None))
        return cls(batch, result.minima, result.identity)

    def by(self, method: Method, maxiter: int = 0, *, double: bool = False) -> Mapper:
        """The mapper of another method, with at least ``maxiter`` updates; ``double``: in float64 throughout."""
        stopping = replace(self.batch.stopping, maxiter=max(self.batch.stopping.maxiter, maxiter))
        batch = replace(self.batch, method=method, stopping=stopping)
        return replace(self, batch=batch.in_dtype("float64") if double else batch)

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        """The labels of points, (n, d), by the nearest known minimum; the descents are in float64.

        Points outside the bounds count as the nearest ones within.
        """
        if len(points) == 0:
            return np.empty(0, np.int64)
        points = kept_within(self.batch.bounds, points)
        ends = endpoints_of(self.batch.in_dtype("float64").again(starts=points))
        batch = self.batch
        x, known = batch.coordinates.inward(ends.x), batch.coordinates.inward(self.minima.x)
        label = nearest_minimum(x, known, batch.coordinates.inside_box, self.identity.symmetry)
        rest = np.flatnonzero((label < 0) & np.isin(ends.status, AT_REST))
        sets = np.asarray(self.minima.free > 0)
        if sets.any() and len(rest):
            label[rest] = set_of_value(ends.fun[rest], np.where(sets, self.minima.fun, np.inf), self._unit)
        return label

    def collect(self, starts: Any, **changes: Any) -> Mapped:
        """The labels of starts (anything that ``parse_starts`` takes) and the new minima that they lead to.

        ``changes`` are those of :meth:`Batch.again`.
        """
        other = collect(self.batch.again(starts=starts, **changes), self.identity)
        batch = self.batch
        mine, theirs = (replace(each, x=batch.coordinates.inward(each.x)) for each in (self.minima, other.minima))
        place, alone = labels_onto(mine, theirs, batch.coordinates.inside_box, self.identity.symmetry)
        return Mapped(place[host(other.label)], other.minima[alone])

    @cached_property
    def _unit(self) -> float:
        """How much values typically differ over the box."""
        return typical_value(self.batch.objective, self.batch.box)


def set_of_value(fun: NDArray[np.float64], sets: NDArray[np.float64], unit: float) -> NDArray[np.int64]:
    """The row whose value is nearest, (n,), for endpoints that may be anywhere on a set; -1 if none is near.

    >>> set_of_value(np.array([1e-12, 0.5, 2.0]), np.array([0.0, np.inf, 2.0]), 1.0).tolist()
    [0, -1, 2]
    """
    off = np.abs(fun[:, None] - sets)
    row = off.argmin(axis=1)
    limit = np.maximum(_CLOSE * np.abs(fun), 1e-3 * _CLOSE * unit)
    return np.where(off[np.arange(len(fun)), row] <= limit, row, -1)


def nearest_minimum(
    x: ArrayLike, minima: NDArray[np.float64], box: Box, symmetry: Symmetry | None = None
) -> NDArray[np.int64]:
    """The row of the minimum that each endpoint has reached, (n,); -1 if none is as near as unpolished copies are.

    With a symmetry an endpoint has reached a minimum if one of its copies is that near.

    >>> from batchgd.problem.box import Box
    >>> nearest_minimum([[0.50001], [0.7], [np.nan]], np.array([[0.5]]), Box([0.0], [1.0])).tolist()
    [0, -1, -1]
    """
    from scipy.spatial import cKDTree

    reach = 10 * UNPOLISHED.identity.x
    u = (moved_onto(symmetry, box, minima, np.asarray(x, np.float64), reach) - box.lower) / box.width
    label = np.full(len(u), -1)
    known = np.flatnonzero(np.isfinite(u).all(axis=1))
    if len(known) and len(minima):
        tree = cKDTree((minima - box.lower) / box.width)
        distance, row = tree.query(u[known], p=np.inf, distance_upper_bound=reach)
        label[known] = np.where(np.isfinite(distance), row, -1)
    return label
