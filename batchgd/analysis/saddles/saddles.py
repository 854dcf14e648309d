"""The table of saddles: where they are, which minima each joins, how high its barriers are, and the paths over them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.saddles.tree import connected, disconnectivity
from batchgd.minima.tables import Points, points_table
from batchgd.problem import check
from batchgd.problem.errors import InputError
from batchgd.problem.limits import cut, rows_shown
from batchgd.problem.optional import require
from batchgd.problem.tables import TextTable, listed
from batchgd.problem.wording import format_values, minima_counted, plural


@dataclass(frozen=True, eq=False)
class Nodes:
    """The minima that saddles join: those of the result, in its numbering, and then those found on the way.

    Attributes
    ----------
    x : (m, d), fun : (m,)
        Points and values.
    known : int
        How many of them the result has; the others are new.
    """

    x: NDArray[np.float64]
    fun: NDArray[np.float64]
    known: int

    def __len__(self) -> int:
        return len(self.fun)


class LowestPath(NamedTuple):
    """The path between two minima whose highest saddle is lowest.

    >>> print(LowestPath((0, 2, 1), (1, 0), -40.66))
    lowest path, up to -40.660000: minimum 0 - saddle 1 - minimum 2 - saddle 0 - minimum 1
    """

    minima: tuple[int, ...]
    saddles: tuple[int, ...]
    highest: float

    def __str__(self) -> str:
        steps = [f"saddle {over} - minimum {to}" for over, to in zip(self.saddles, self.minima[1:], strict=True)]
        return f"lowest path, up to {format_values([self.highest])[0]}: " + " - ".join(
            [f"minimum {self.minima[0]}", *steps]
        )


@dataclass(frozen=True, eq=False, repr=False)
class Saddles(Points):
    """Saddles of index 1 inside the box, lowest value first: ``result.connect()``.

    Attributes
    ----------
    x : (s, d), fun : (s,)
        The polished points, where the gradient is zero to rounding, and their values.
    eigenvalues : (s, d)
        Of the Hessian, ascending: the first is negative, the others are not (zero modes count as neither).
    mode : (s, d)
        The unit eigenvector of the negative one: the way down on both sides.
    joins : (s, 2)
        The minima that gradient flow reaches on either side: rows of ``nodes``, -1 for none.
    barrier : (s, 2)
        How far the saddle is above each of them, NaN for none.
    zero : (s,)
        Number of eigenvalues that are zero within rounding: if there are any, the saddle is one point of a continuum.
    count : (s,)
        Walkers that found it; ``from_border`` (s,) of them set out from a border, the others from minima.
    nodes : Nodes
        The minima, those that only this search found included.
    walkers : dict
        How many walkers ended in each way.
    walked_from : int
        How many of the minima walkers set out from.
    name : str
        Of the function.
    active : (s, d) of int, or None
        With bounds: on which each saddle is, as in :class:`batchgd.Minima`; eigenvalues are then those of the
        coordinates that no bound holds, followed by NaN for the others.

    Examples
    --------
    >>> import batchgd as bgd
    >>> saddles = bgd.multistart("mueller_brown", starts=200).connect()
    >>> saddles.fun.round(4).tolist(), saddles.joins.tolist(), saddles.barrier.round(3).tolist()
    ([-72.2489, -40.6648], [[1, 2], [0, 2]], [[35.918, 8.519], [106.035, 40.103]])
    >>> path = saddles.lowest_path(0, 1)
    >>> path.minima, path.saddles, round(path.highest, 4)
    ((0, 2, 1), (1, 0), -40.6648)
    """

    x: NDArray[np.float64]
    fun: NDArray[np.float64]
    eigenvalues: NDArray[np.float64]
    mode: NDArray[np.float64]
    joins: NDArray[np.int64]
    barrier: NDArray[np.float64]
    zero: NDArray[np.int64]
    count: NDArray[np.int64]
    from_border: NDArray[np.int64]
    nodes: Nodes
    walkers: dict[str, int]
    walked_from: int
    name: str = ""
    active: NDArray[np.int8] | None = None

    @cached_property
    def spanning(self) -> NDArray[np.int64]:
        """Rows at which sets of minima first meet as the level rises: a minimum spanning forest, lowest first."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import minimum_spanning_tree

        a, b = np.sort(self.joins, axis=1).T
        rows = np.flatnonzero((a >= 0) & (a != b))
        rows = rows[np.argsort(self.fun[rows], kind="stable")]
        pairs, rank = np.unique(np.stack([a[rows], b[rows]]), axis=1, return_index=True)  # of each pair the lowest
        ranks = coo_array((rank + 1.0, pairs), shape=(len(self.nodes),) * 2)  # from 1 on: a 0 would not be an edge
        return rows[np.sort(minimum_spanning_tree(ranks).data).astype(np.int64) - 1]

    @property
    def components(self) -> list[list[int]]:
        """Labels of the minima that saddles connect, one list per connected set, the largest first."""
        sets = connected(len(self.nodes), self.joins[self.spanning])
        return sorted(sets, key=lambda labels: (-len(labels), labels))

    @property
    def unconnected(self) -> list[int]:
        """Minima that no saddle found joins to another minimum."""
        return [group[0] for group in self.components if len(group) == 1]

    def lowest_path(self, a: int, b: int) -> LowestPath:
        """Return the path from minimum a to minimum b whose highest saddle is lowest: the one in the spanning forest.

        Raises InputError if no saddles found connect them, or a label does not exist.
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import breadth_first_order

        m, rows = len(self.nodes), self.spanning
        a, b = (check.whole("the label of a minimum", label, 0, m - 1) for label in (a, b))
        u, v = self.joins[rows].T
        over = coo_array((np.r_[rows, rows] + 1, (np.r_[u, v], np.r_[v, u])), shape=(m, m)).tocsr()
        predecessor = breadth_first_order(over, a)[1]
        minima, passes = [b], []
        while minima[-1] != a:
            before = int(predecessor[minima[-1]])
            if before < 0:
                raise InputError(
                    f"no saddles found connect minima {a} and {b}: connect with more walkers, or run more starts"
                )
            passes.append(int(over[before, minima[-1]]) - 1)
            minima.append(before)
        highest = float(self.fun[passes].max()) if passes else float(self.nodes.fun[a])
        return LowestPath(tuple(minima[::-1]), tuple(passes[::-1]), highest)

    @property
    def graph(self) -> Any:
        """A networkx MultiGraph: a node per minimum, an edge per saddle that joins two, keyed by its row.

        Nodes have ``fun`` and ``x``; edges ``fun`` and ``barrier``, the lesser of the two heights.
        """
        graph = require("networkx", "graph").MultiGraph()
        for label in range(len(self.nodes)):
            graph.add_node(label, fun=float(self.nodes.fun[label]), x=self.nodes.x[label])
        for row in np.flatnonzero((self.joins >= 0).all(axis=1)):
            a, b = map(int, self.joins[row])
            graph.add_edge(a, b, key=int(row), fun=float(self.fun[row]), barrier=float(self.barrier[row].min()))
        return graph

    def to_dataframe(self) -> Any:
        """Return a pandas DataFrame, one row per saddle: those of a table of points, and joins, barriers and mode."""
        frame = super().to_dataframe().rename_axis("saddle")
        for name in ("joins", "barrier", "mode"):
            for k, column in enumerate(getattr(self, name).T):
                frame[f"{name}{k}"] = column
        return frame

    def plot(self, ax: Any = None, *, levels: int | None = None) -> Any:
        """Draw the disconnectivity graph; returns the axes."""
        from batchgd.output.plot.disconnectivity import draw_tree

        title = f"{self.name}: {minima_counted(len(self.nodes))}, {plural(len(self), 'saddle')}"
        return draw_tree(disconnectivity(self, levels), len(self.nodes), title, ax)

    def summary(self) -> dict[str, Any]:
        """The table as a dict that ``json.dumps`` takes, what ``--json`` prints; a barrier to no minimum is None."""
        from batchgd.output.summary import json_ready

        names: tuple[str, ...] = ("x", "fun", "eigenvalues", "mode", "joins", "barrier", "zero", "count", "from_border")
        names = names if self.active is None else (*names, "active")
        new = np.arange(len(self.nodes)) >= self.nodes.known
        return json_ready(
            {
                "objective": self.name,
                **listed(
                    saddles={name: getattr(self, name) for name in names},
                    minima={"x": self.nodes.x, "fun": self.nodes.fun, "new": new},
                    unconnected=self.unconnected,
                ),
                "components": len(self.components),
                "walkers": self.walkers,
                "walked_from": self.walked_from,
            }
        )

    def text_table(self) -> TextTable:
        """Return the first rows as a text table."""
        shown = self[: rows_shown(len(self))]
        columns = {
            "saddle": [str(k) for k in range(len(shown))],
            "value": format_values(shown.fun),
            "joins": [" - ".join(str(label) if label >= 0 else "none" for label in pair) for pair in shown.joins],
            "barriers": [", ".join(f"{height:.6g}" for height in pair) for pair in shown.barrier],
        }
        if shown.active is not None:
            columns["on bounds"] = [str(count) for count in np.count_nonzero(shown.active, axis=1)]
        scale = np.ptp(np.concatenate([self.x, self.nodes.x]), axis=0) if len(self) else 0.0
        return points_table(columns, shown.x, scale, cut(len(self), "saddle"), ("barriers",))

    def __repr__(self) -> str:
        table = ["", str(self.text_table()), ""] if len(self) else []
        return "\n".join([self._counted(), *table, *self._remarks()])

    def _counted(self) -> str:
        return f"{plural(len(self), 'saddle')} of index 1, between {minima_counted(len(self.nodes))}"

    def _remarks(self) -> list[str]:
        lines, new, alone = [], len(self.nodes) - self.nodes.known, self.unconnected
        if new:
            new_minima = (
                "a minimum that the run had not seen has"
                if new == 1
                else f"{new:,} minima that the run had not seen have"
            )
            lines.append(f"{new_minima} labels from {self.nodes.known:,} on")
        if alone and len(self.nodes) > 1:
            most = rows_shown(len(alone))
            named = ", ".join(map(str, alone[:most])) + (f", … ({len(alone):,})" if len(alone) > most else "")
            lines.append(f"unconnected, no saddle found joins them to another minimum: {named}")
        groups = len(self.components) - len(alone)
        if groups > 1:
            lines.append(f"the others form {groups:,} sets that no saddle found joins")
        ended = ", ".join(f"{count:,} {name}" for name, count in self.walkers.items() if count)
        if self.walked_from < len(self.nodes):
            lines.append(
                f"walkers set out from {self.walked_from:,} of the minima: not from new ones outside the box, nor "
                "beyond most_minima= and rounds="
            )
        return [*lines, f"walkers: {ended or 'none set out, as there is no minimum'}"]
