"""The graph of minima and saddles: connected sets, and the paths whose highest saddle is lowest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from batchgd.problem.errors import InputError
from batchgd.problem.optional import require

if TYPE_CHECKING:
    from batchgd.analysis.saddles.saddles import Saddles


def graph(saddles: Saddles) -> Any:
    """Return a networkx MultiGraph: a node per minimum, an edge per saddle that joins two, keyed by its row.

    Nodes have ``fun`` and ``x``; edges ``fun`` and ``barrier``, the lesser of the two heights.
    """
    made = require("networkx", "graph").MultiGraph()
    for label in range(len(saddles.nodes)):
        made.add_node(label, fun=float(saddles.nodes.fun[label]), x=saddles.nodes.x[label])
    for row in np.flatnonzero((saddles.joins >= 0).all(axis=1)):
        a, b = map(int, saddles.joins[row])
        made.add_edge(a, b, key=int(row), fun=float(saddles.fun[row]), barrier=float(saddles.barrier[row].min()))
    return made


def components(saddles: Saddles) -> list[list[int]]:
    """Labels of each connected set, the largest first."""
    merges = spanning(saddles)
    group = Groups(len(saddles.nodes))
    for row in merges:
        group.join(*saddles.joins[row])
    root = np.array([group.root(k) for k in range(len(saddles.nodes))], dtype=np.int64)
    sets = [np.flatnonzero(root == r).tolist() for r in np.unique(root)]
    return sorted(sets, key=lambda labels: (-len(labels), labels))


def spanning(saddles: Saddles) -> list[int]:
    """Rows of the saddles at which sets of minima first meet as the level rises: a minimum spanning forest."""
    group = Groups(len(saddles.nodes))
    rows = np.flatnonzero((saddles.joins >= 0).all(axis=1))
    return [int(row) for row in rows[np.argsort(saddles.fun[rows], kind="stable")] if group.join(*saddles.joins[row])]


def lowest_path(saddles: Saddles, a: int, b: int) -> tuple[tuple[int, ...], tuple[int, ...], float]:
    """Minima and saddles on the way from a to b in the minimum spanning forest, which is the minimax path."""
    onward: dict[int, list[tuple[int, int]]] = {}
    for row in spanning(saddles):
        u, v = map(int, saddles.joins[row])
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
    highest = float(saddles.fun[passes].max()) if passes else float(saddles.nodes.fun[a])
    return tuple(minima[::-1]), tuple(passes[::-1]), highest


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
