"""The graph of minima and saddles: connected sets, and the paths whose highest saddle is lowest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from batchgd.minima.merge import linked
from batchgd.problem.errors import InputError
from batchgd.problem.optional import require

if TYPE_CHECKING:
    from batchgd.analysis.saddles.table import Saddles


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
    sets = connected(len(saddles.nodes), saddles.joins[spanning(saddles)])
    return sorted(sets, key=lambda labels: (-len(labels), labels))


def spanning(saddles: Saddles) -> NDArray[np.int64]:
    """Rows of the saddles at which sets of minima first meet as the level rises: a minimum spanning forest."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    a, b = np.sort(saddles.joins, axis=1).T
    rows = np.flatnonzero((a >= 0) & (a != b))
    rows = rows[np.argsort(saddles.fun[rows], kind="stable")]
    pairs, rank = np.unique(np.stack([a[rows], b[rows]]), axis=1, return_index=True)  # of each pair the lowest saddle
    m = len(saddles.nodes)
    tree = minimum_spanning_tree(coo_array((rank + 1.0, pairs), shape=(m, m)))  # ranks from 1 on: 0 would be no edge
    return rows[np.sort(tree.data).astype(np.int64) - 1]


def connected(n: int, pairs: NDArray[np.int64]) -> list[list[int]]:
    """The sets into which pairs, (k, 2), join 0 .. n - 1, each ascending, in the order of their lowest members."""
    number = linked(n, pairs)
    sets = np.split(np.argsort(number, kind="stable"), np.cumsum(np.bincount(number))[:-1])
    return [one.tolist() for one in sets if len(one)]


def lowest_path(saddles: Saddles, a: int, b: int) -> tuple[tuple[int, ...], tuple[int, ...], float]:
    """Minima and saddles on the way from a to b in the minimum spanning forest, which is the minimax path."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import breadth_first_order

    rows = spanning(saddles)
    u, v = saddles.joins[rows].T
    over = coo_array((np.r_[rows, rows] + 1, (np.r_[u, v], np.r_[v, u])), shape=(len(saddles.nodes),) * 2).tocsr()
    came = breadth_first_order(over, a)[1]
    minima, passes = [b], []
    while minima[-1] != a:
        before = int(came[minima[-1]])
        if before < 0:
            raise InputError(
                f"no saddles found connect the minima {a} and {b}: connect with more walkers, or run more starts"
            )
        passes.append(int(over[before, minima[-1]]) - 1)
        minima.append(before)
    highest = float(saddles.fun[passes].max()) if passes else float(saddles.nodes.fun[a])
    return tuple(minima[::-1]), tuple(passes[::-1]), highest
