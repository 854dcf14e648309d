"""The local-optima network: minima, and how often a perturbed descent led from one to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from batchgd.problem.arrays import host
from batchgd.problem.errors import InputError
from batchgd.problem.optional import require

if TYPE_CHECKING:
    from batchgd.minima.results import LandscapeData


@dataclass(frozen=True, eq=False)
class Network:
    """A weighted directed graph over the minima of a result: ``result.network()``.

    Attributes
    ----------
    fun : (m,)
        Values of the minima; a node is a label.
    counts : (m, m) sparse array
        ``counts[a, b]``: hops that set out from minimum a and whose descent ended in b, whether or not the walker went
        there. Rows over their sums estimate the probability of each move.

    Examples
    --------
    >>> import batchgd as bgd
    >>> result = bgd.multistart("six_hump_camel", starts=100, strategy=bgd.BasinHopping(hops=5, step=0.2))
    >>> moves = result.network()
    >>> moves.counts.shape, int(moves.counts.sum()) == 500
    ((6, 6), True)

    References
    ----------
    G. Ochoa, S. Verel, F. Daolio and M. Tomassini, "Local optima networks: a new model of combinatorial fitness
    landscapes", in Recent Advances in the Theory and Application of Fitness Landscapes, Springer, 2014 (escape edges).
    """

    fun: NDArray[np.float64]
    counts: Any

    def __len__(self) -> int:
        return len(self.fun)

    def to_networkx(self) -> Any:
        """Return a networkx DiGraph: nodes with ``fun``, edges with ``weight`` (hops).

        Raises ImportError if networkx is not installed, with the command that installs it.
        """
        graph = require("networkx", "graph").DiGraph()
        graph.add_nodes_from((k, {"fun": float(value)}) for k, value in enumerate(self.fun))
        moves = self.counts.tocoo()
        columns = (moves.row.tolist(), moves.col.tolist(), moves.data.tolist())
        graph.add_weighted_edges_from(zip(*columns, strict=True))
        return graph


def network(result: LandscapeData) -> Network:
    """Count the moves of a basin-hopping run from label to label, if both ends are minima."""
    from scipy.sparse import coo_array

    origin = None if result.strategy is None else result.strategy.origin
    if origin is None:
        raise InputError("this run made no moves between minima: run with strategy='basin_hopping' to get a network")
    label = host(result.label)
    hop = np.flatnonzero(origin >= 0)
    a, b = label[origin[hop]], label[hop]
    known = (a >= 0) & (b >= 0)
    m = len(result.minima)
    moves = coo_array((np.ones(int(known.sum()), np.int64), (a[known], b[known])), shape=(m, m))
    return Network(np.asarray(result.minima.fun), moves.tocsr())
