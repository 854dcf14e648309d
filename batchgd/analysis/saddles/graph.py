"""Connected sets of minima, and the paths between them whose highest saddle is lowest.

Of n minima ``joins`` (s, 2) names the two that each saddle joins, -1 for none, and ``fun`` (s,) its value.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from batchgd.problem.errors import InputError


def components(n: int, joins: NDArray[np.int64], fun: NDArray[np.float64]) -> list[list[int]]:
    """Labels of each connected set, the largest first."""
    group = Groups(n)
    for row in spanning(n, joins, fun):
        group.join(*joins[row])
    root = np.array([group.root(k) for k in range(n)], dtype=np.int64)
    sets = [np.flatnonzero(root == r).tolist() for r in np.unique(root)]
    return sorted(sets, key=lambda labels: (-len(labels), labels))


def spanning(n: int, joins: NDArray[np.int64], fun: NDArray[np.float64]) -> list[int]:
    """Rows of the saddles at which sets of minima first meet as the level rises: a minimum spanning forest."""
    group = Groups(n)
    rows = np.flatnonzero((joins >= 0).all(axis=1))
    return [int(row) for row in rows[np.argsort(fun[rows], kind="stable")] if group.join(*joins[row])]


def lowest_path(
    n: int, joins: NDArray[np.int64], fun: NDArray[np.float64], a: int, b: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Minima and saddles on the way from a to b in the minimum spanning forest, which is the minimax path."""
    onward: dict[int, list[tuple[int, int]]] = {}
    for row in spanning(n, joins, fun):
        u, v = map(int, joins[row])
        onward.setdefault(u, []).append((v, row))
        onward.setdefault(v, []).append((u, row))
    came: dict[int, tuple[int, int]] = {a: (a, -1)}
    rest = [a]
    while rest:
        here = rest.pop()
        for there, row in onward.get(here, []):
            if there not in came:
                came[there] = here, row
                rest.append(there)
    if b not in came:
        raise InputError(
            f"no saddles found connect the minima {a} and {b}: connect with more walkers, or run more starts"
        )
    minima, passes = [b], []
    while minima[-1] != a:
        before, row = came[minima[-1]]
        minima.append(before)
        passes.append(row)
    return tuple(minima[::-1]), tuple(passes[::-1])


class Groups:
    """Disjoint sets of 0 .. n - 1 that can be joined."""

    def __init__(self, n: int) -> None:
        self._parent: NDArray[np.int64] = np.arange(n)

    def root(self, k: int) -> int:
        """The member that stands for the set of k."""
        while self._parent[k] != k:
            self._parent[k] = self._parent[self._parent[k]]
            k = int(self._parent[k])
        return int(k)

    def join(self, a: int, b: int) -> bool:
        """Join two sets; returns whether they were two. The lower member stands for both."""
        low, high = sorted((self.root(int(a)), self.root(int(b))))
        self._parent[high] = low
        return low != high
