"""Clustering: which polished points are one and the same point, decided by sorting on projections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.engine.progress import MEASURING, UNWATCHED, Watch
from batchgd.kernels.splitmix import FARTHEST, GOLDEN, finalise
from batchgd.minima.grouping import group_keys
from batchgd.minima.scale import EPS
from batchgd.problem.identity import Identity

_FINE = 1000  # where sorting does not suffice, points are thinned to one per cell of identity.x / 1000 first
_PROJECTIONS = 3
_SIFTED = 200_000  # points from which on they are sifted first
_WIDE = 50.0  # tolerances across a cell of the grid over projections
_BLOCK = 1 << 14  # points whose neighbours are looked for together


@dataclass(frozen=True)
class Clustering:
    """Which points are the same by an :class:`Identity`: the connected components of pairs that are close enough.

    Parameters
    ----------
    identity : Identity
        Its tolerance of places is in box widths, and so are the points.
    unit : float
        F, the typical difference between values over the box (``Scale.value``), so that units do not matter.
    cells : int
        Groups that sorting cannot decide are thinned to one point per cell of side ``identity.x / cells``, which blurs
        the tolerance by as much.

    Examples
    --------
    >>> import numpy as np
    >>> u = np.array([[0.2], [0.5], [0.2 + 1e-9], [0.2]])
    >>> Clustering(Identity()).components(u, np.array([0.0, 0.0, 0.0, 1.0])).tolist()
    [0, 1, 0, 2]
    """

    identity: Identity
    unit: float = 1.0
    cells: int = _FINE

    def components(
        self, u: NDArray[np.float64], fun: NDArray[np.float64], noise: NDArray[np.float64] | None = None
    ) -> NDArray[np.int64]:
        """The component of each point, (m,), numbered in the order of their first members.

        ``noise`` is the rounding in each value: differences below it never separate points.
        """
        tol_f = self.value_tolerance(fun, np.zeros(len(u)) if noise is None else noise)
        parts = Parts(len(u))
        own = [(fun, tol_f), *((column, self.identity.x) for column in u.T)]
        projections = projected(u, self.identity.x)
        parts.sift(projections)
        parts.cut(projections)
        parts.close(own)
        parts.split(own)
        parts.close(own)
        rows = parts.rows
        if len(rows):
            parts.assign(self._linked(u[rows], fun[rows], tol_f[rows]))
        return parts.numbers()

    def nearest(self, u: NDArray[np.float64], within: float, watch: Watch = UNWATCHED) -> tuple[float, int, int]:
        """Distance and rows of the nearest two different minima, if they are less than ``within`` box widths apart."""
        return nearest_pair(u, watch, within)

    def value_tolerance(self, fun: NDArray, noise: NDArray) -> NDArray[np.float64]:
        """How far values may differ."""
        return np.maximum(self.identity.f * np.maximum(self.unit, np.abs(fun)), noise)

    def _thin(
        self, u: NDArray, fun: NDArray, tol_f: NDArray, cells: int
    ) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Keys of cells of side tolerance / cells, and the first point of each."""
        # arcsinh is linear for small values and then grows like log |f|: equal cells are equal relative differences.
        linear = max(self.unit, float((tol_f / self.identity.f).min()))
        keys = mix(np.floor(np.column_stack([u / self.identity.x, np.arcsinh(fun / linear) / self.identity.f]) * cells))
        return keys, group_keys(keys, np.arange(len(u)))[3]

    def _linked(self, u: NDArray, fun: NDArray, tol_f: NDArray) -> NDArray[np.int64]:
        """Connected components by a neighbour search, for groups that projections cannot split."""
        from scipy.spatial import cKDTree

        keys, row = self._thin(u, fun, tol_f, self.cells)
        if len(row) > 100_000:  # a continuum: within a quarter of the tolerance its points are not told apart
            keys, row = self._thin(u, fun, tol_f, min(4, self.cells))
        pairs = cKDTree(u[row]).query_pairs(self.identity.x, p=np.inf, output_type="ndarray")
        near = np.abs(fun[row][pairs[:, 0]] - fun[row][pairs[:, 1]]) <= tol_f[row][pairs].max(axis=1)
        return linked(len(row), pairs[near])[_inverse(keys, keys[row])]


UNPOLISHED = Clustering(Identity(x=1e-4, f=1e-3), cells=4)
"""When raw endpoints count as one minimum, during a run, before anything has been polished: they scatter, so cells are
wide."""


def linked(n: int, pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """The set of each of 0 .. n - 1 that chains of pairs, (k, 2), join; numbered in the order of lowest members.

    >>> linked(5, np.array([[3, 1], [1, 4]])).tolist()
    [0, 1, 2, 1, 1]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(pairs), np.bool_), tuple(pairs.T)), shape=(n, n))
    return connected_components(graph, directed=False)[1].astype(np.int64)


Column = tuple[NDArray[np.float64], Any]
"""A number of each point, and how far those of two close points may differ: a number, or one per point."""


def projected(u: NDArray[np.float64], tolerance: float) -> list[Column]:
    """Three fixed pseudo-random directions, over which a close pair is at most ``tolerance sum |w_i|`` apart."""
    weights = np.random.default_rng(u.shape[1]).uniform(0.5, 1.0, (_PROJECTIONS, u.shape[1]))
    return [(np.einsum("ij,j->i", u, w), tolerance * w.sum() * (1 + 1e-9)) for w in weights]


class Parts:
    """Groups of points such that no chain of close pairs leaves one, refined by sorting.

    A point that is alone, or in a group that was closed, is done with; ``rows`` are the others, group by group. A few
    sorts suffice, whatever the dimension; 3^d neighbour cells are never visited.

    >>> parts = Parts(4)
    >>> parts.split([(np.array([0.0, 3.0, 0.1, 5.0]), 1.0)])
    >>> parts.rows.tolist()
    [0, 2]
    """

    def __init__(self, n: int) -> None:
        self.rows = np.arange(n)
        self._group = np.zeros(n, np.int64)  # of each of ``rows``
        self._leader = np.arange(n)

    def sift(self, columns: Sequence[Column]) -> None:
        """Leave out points that are alone in a cell of a grid over these columns, and not near its border.

        In a single column all of very many points have others nearby. Comes before anything else.
        """
        places = np.stack([column / (_WIDE * tolerance) for column, tolerance in columns], axis=1)
        cells = np.floor(places)
        if len(places) < _SIFTED or not np.abs(places).max() < 1e-4 / EPS:
            return
        places -= cells
        near: NDArray[np.bool_] = np.asarray(((places < 1 / _WIDE) | (places > 1 - 1 / _WIDE)).any(axis=1))
        key = mix(cells)
        order = np.argsort(key)
        apart = np.r_[True, np.diff(key[order]) != 0, True]
        near[order[~(apart[:-1] & apart[1:])]] = True
        self._keep(near)

    def cut(self, columns: Sequence[Column]) -> None:
        """Cut at every gap of every column."""
        for column, tolerance in columns:
            self._cut(column, tolerance)

    def split(self, columns: Sequence[Column]) -> None:
        """Cut until nothing changes."""
        before = None
        while len(self.rows) and (now := (len(self.rows), len(self._heads()))) != before:
            before = now
            self.cut(columns)

    def close(self, columns: Sequence[Column]) -> None:
        """Close the groups whose members are all within the tolerances: each is one component."""
        if len(self.rows) == 0:
            return
        head = self._heads()
        wide = np.zeros(len(head), np.bool_)
        for column, tolerance in columns:
            here = column[self.rows]
            extent = np.maximum.reduceat(here, head) - np.minimum.reduceat(here, head)
            wide |= extent > (np.minimum.reduceat(tolerance[self.rows], head) if np.ndim(tolerance) else tolerance)
        size = np.diff(np.r_[head, len(self.rows)])
        closed = np.repeat(~wide, size)
        self._leader[self.rows[closed]] = np.repeat(np.minimum.reduceat(self.rows, head), size)[closed]
        self._keep(~closed)

    def assign(self, component: NDArray[np.int64]) -> None:
        """Close all groups: these are the components of ``rows``."""
        order = np.lexsort((self.rows, component))
        self.rows, self._group = self.rows[order], component[order]
        self.close([])

    def numbers(self) -> NDArray[np.int64]:
        """The number of each point's component, in the order of their first members."""
        number = np.cumsum(self._leader == np.arange(len(self._leader))) - 1
        return number[self._leader]

    def _cut(self, column: NDArray, tolerance: Any) -> None:
        if len(self.rows) == 0:
            return
        here = column[self.rows]
        one = self._group[0] == self._group[-1]
        order = np.argsort(here) if one else np.lexsort((here, self._group))
        self.rows, here = self.rows[order], here[order]
        if np.ndim(tolerance):
            tolerance = tolerance[self.rows]
            tolerance = np.maximum(tolerance[1:], tolerance[:-1])
        apart = np.r_[True, (np.diff(here) > tolerance) | (np.diff(self._group[order]) != 0), True]
        self._group = np.cumsum(apart[:-1])
        self._keep(~(apart[:-1] & apart[1:]))  # a group of one is never split again

    def _keep(self, which: NDArray[np.bool_]) -> None:
        self.rows, self._group = self.rows[which], self._group[which]

    def _heads(self) -> NDArray[np.int64]:
        return np.flatnonzero(np.diff(self._group, prepend=-1))


def nearest_pair(u: NDArray[np.float64], watch: Watch = UNWATCHED, within: float = np.inf) -> tuple[float, int, int]:
    """Distance (largest coordinate difference) and rows of the nearest two points; inf if there are fewer than two.

    Only pairs that are at most ``within`` apart count. If ``watch`` ends the work, the nearest two of those examined.
    """
    nearest = np.inf, -1, -1
    if len(u) < 2 or not watch.go_on(MEASURING, 0, len(u)):
        return nearest
    rows = np.arange(len(u))
    if within < np.inf:
        parts = Parts(len(u))
        projections = projected(u, within)
        parts.sift(projections)
        parts.cut(projections)
        parts.split([(column, within) for column in u.T])
        rows = np.sort(parts.rows)
    return _nearest(u, rows, within, watch) if len(rows) else nearest


def _nearest(u: NDArray, rows: NDArray[np.int64], within: float, watch: Watch) -> tuple[float, int, int]:
    from scipy.spatial import cKDTree

    nearest, points = (np.inf, -1, -1), u[rows]
    tree = cKDTree(points)
    # The result for a few points bounds the search over all: without it, a hundred thousand points in 10-D take
    # seconds.
    bound = tree.query(points[:: max(1, len(rows) // 1000)], k=2, p=np.inf)[0][:, 1].min()
    bound = min(bound, within)
    for begin in range(0, len(rows), _BLOCK):
        if not watch.go_on(MEASURING, begin, len(rows)):
            break
        limit = np.nextafter(min(bound, nearest[0]), np.inf)
        distance, partner = tree.query(points[begin : begin + _BLOCK], k=2, p=np.inf, distance_upper_bound=limit)
        row = int(np.argmin(distance[:, 1]))
        if distance[row, 1] < nearest[0]:
            a = begin + row
            b = int(partner[row, 0] if partner[row, 1] == a else partner[row, 1])
            a, b = int(rows[a]), int(rows[b])
            nearest = float(distance[row, 1]), min(a, b), max(a, b)
    return nearest


def mix(cells: NDArray[np.float64]) -> NDArray[np.uint64]:
    """A 64-bit key per row of whole numbers."""
    key = np.full(len(cells), np.uint64(1))
    for column in cells.T:
        key = finalise(key ^ np.clip(column, -FARTHEST, FARTHEST).astype(np.int64).view(np.uint64)) + GOLDEN
    return np.maximum(key, np.uint64(1))


def _inverse(keys: NDArray[np.uint64], distinct: NDArray[np.uint64]) -> NDArray[np.int64]:
    order = np.argsort(distinct)
    return order[np.searchsorted(distinct[order], keys)]
