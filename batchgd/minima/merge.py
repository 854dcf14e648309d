"""Clustering: which polished points are one and the same point, decided by sorting on projections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batchgd.engine.progress import MEASURING, UNWATCHED, Watch
from batchgd.kernels.splitmix import FARTHEST, GOLDEN, finalise
from batchgd.minima.catalogue import group_keys
from batchgd.problem.identity import Identity

_FINE = 1000  # points are thinned to one per cell of identity.x / 1000 first: a million copies become a handful
_PROJECTIONS = 2
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
        Points are first thinned to one per cell of side ``identity.x / cells``, which blurs the tolerance by as much.

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
        noise = np.zeros(len(u)) if noise is None else noise
        if len(u) == 0:
            return np.empty(0, np.int64)
        tol_f = self.value_tolerance(fun, noise)
        keys, row = self._thin(u, fun, tol_f, self.cells)
        sub = self._components(u[row], fun[row], tol_f[row])
        return _renumber(sub[_inverse(keys, keys[row])])

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

    def _components(self, u: NDArray, fun: NDArray, tol_f: NDArray) -> NDArray[np.int64]:
        group = split_at_gaps(u, fun, self.identity.x, tol_f)
        # A group whose members are all within the tolerance is one component; others may hide several.
        order = np.argsort(group, kind="stable")
        head = np.flatnonzero(np.r_[True, np.diff(group[order]) != 0])
        spread = np.zeros(len(head))
        for column, tol in [(fun, tol_f), *((c, np.full(len(u), self.identity.x)) for c in u.T)]:
            extent = np.maximum.reduceat(column[order], head) - np.minimum.reduceat(column[order], head)
            limit = np.minimum.reduceat(tol[order], head)
            spread = np.maximum(spread, extent / limit)
        doubtful = np.isin(group, group[order[head[spread > 1.0]]])
        if doubtful.any():
            rows = np.flatnonzero(doubtful)
            group[rows] = self._linked(u[rows], fun[rows], tol_f[rows]) + int(group.max()) + 1
        return group

    def _linked(self, u: NDArray, fun: NDArray, tol_f: NDArray) -> NDArray[np.int64]:
        """Connected components by a neighbour search, for groups that projections cannot split."""
        from scipy.spatial import cKDTree

        if len(u) > 100_000:  # a continuum: within a quarter of the tolerance its points are not told apart
            keys, row = self._thin(u, fun, tol_f, 4)
        else:
            keys, row = np.arange(len(u), dtype=np.uint64), np.arange(len(u))
        pairs = cKDTree(u[row]).query_pairs(self.identity.x, p=np.inf, output_type="ndarray")
        near = np.abs(fun[row][pairs[:, 0]] - fun[row][pairs[:, 1]]) <= tol_f[row][pairs].max(axis=1)
        label = linked(len(row), pairs[near])
        return label if len(row) == len(u) else label[_inverse(keys, keys[row])]


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


def split_at_gaps(u: NDArray, fun: NDArray, tol_x: float, tol_f: NDArray) -> NDArray[np.int64]:
    """Groups such that no chain of close pairs leaves one: cut at every gap of every projection until nothing changes.

    Projections are the value, the coordinates and two fixed pseudo-random directions (over which a close pair is at
    most ``tol_x sum |w_i|`` apart). Costs a few sorts, whatever the dimension; 3^d neighbour cells are never visited.
    """
    m, d = u.shape
    weights = np.random.default_rng(d).uniform(0.5, 1.0, (_PROJECTIONS, d))
    columns = [(fun, tol_f), *((u @ w, tol_x * w.sum() * (1 + 1e-9)) for w in weights)]
    columns += [(column, tol_x) for column in u.T]
    group, rows = np.zeros(m, np.int64), np.arange(m)
    found = following = 1
    while True:
        for column, tol in columns:
            order = rows[np.lexsort((column[rows], group[rows]))]
            tolerance = np.broadcast_to(tol, m)[order]
            gap = np.diff(column[order]) > np.maximum(tolerance[1:], tolerance[:-1])
            apart = np.r_[True, gap | (np.diff(group[order]) != 0), True]
            group[order] = following + np.cumsum(apart[:-1])
            following += len(order) + 1
            rows = order[~(apart[:-1] & apart[1:])]  # a group of one is never split again
            if len(rows) == 0:
                return group
        now = m - len(rows) + len(np.unique(group[rows]))
        if now == found:
            return group
        found = now


def nearest_pair(u: NDArray[np.float64], watch: Watch = UNWATCHED) -> tuple[float, int, int]:
    """Distance (largest coordinate difference) and rows of the nearest two points; inf if there are fewer than two.

    If ``watch`` ends the work, the nearest two of those examined.
    """
    nearest = np.inf, -1, -1
    if len(u) < 2 or not watch.go_on(MEASURING, 0, len(u)):
        return nearest
    from scipy.spatial import cKDTree

    tree = cKDTree(u)
    # The result for a few points bounds the search over all: without it, a hundred thousand points in 10-D take
    # seconds.
    bound = tree.query(u[:: max(1, len(u) // 1000)], k=2, p=np.inf)[0][:, 1].min()
    for begin in range(0, len(u), _BLOCK):
        if not watch.go_on(MEASURING, begin, len(u)):
            break
        within = np.nextafter(min(bound, nearest[0]), np.inf)
        distance, partner = tree.query(u[begin : begin + _BLOCK], k=2, p=np.inf, distance_upper_bound=within)
        row = int(np.argmin(distance[:, 1]))
        if distance[row, 1] < nearest[0]:
            a = begin + row
            b = int(partner[row, 0] if partner[row, 1] == a else partner[row, 1])
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


def _renumber(group: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same partition, numbered by first appearance."""
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]
