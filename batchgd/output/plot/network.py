"""The local-optima network of a basin-hopping run: from each minimum, the move downhill that was made most often."""

from typing import Any

import numpy as np

from batchgd.output.plot.canvas import given_or_new, headline, tidy
from batchgd.output.plot.funnel import distance_to_best
from batchgd.output.plot.style import INK, LABEL_SIZE, palette

_EDGES = 3_000  # arrows drawn at most


def network(result: Any, ax: Any = None) -> Any:
    """Draw the minima of a basin-hopping run as a funnel plot, each with its most frequent move to a better minimum.

    Following the lines leads to the bottom of the funnel that a minimum belongs to: a minimum that walkers set out from
    without reaching a better one, drawn as a diamond. Minima of one funnel have its bottom's colour. From those that
    are open circles no walker set out, so nothing is known of them.

    Parameters
    ----------
    result : MultistartResult
        A run with ``strategy=bgd.BasinHopping(...)``.
    ax : matplotlib Axes, optional
        Where to draw; a new figure without.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        When the run made no moves between minima.
    """
    moves = result.network()
    ax = given_or_new(ax, (7.0, 4.6))
    away, fun = distance_to_best(result), np.asarray(moves.fun, dtype=float)
    onward = downhill(moves.counts, fun)
    bottom = _bottoms(onward)
    left = np.asarray(moves.counts.sum(axis=1)).ravel() > 0
    ends = onward == np.arange(len(fun))
    bottoms, untold = np.flatnonzero(ends & left), np.flatnonzero(ends & ~left)
    colours = palette(len(fun))[bottom]
    _draw_edges(ax, away, fun, onward, colours)
    size = float(np.clip(6_000 / max(len(fun), 1), 7, 60))
    inner = np.flatnonzero(~ends)
    ax.scatter(
        away[untold], fun[untold], s=size, facecolors="white", edgecolors=INK, linewidths=0.6, zorder=2.5, gid="untold"
    )
    ax.scatter(away[inner], fun[inner], s=size, c=colours[inner], linewidths=0, zorder=3, gid="minima")
    ax.scatter(
        away[bottoms], fun[bottoms], s=2.2 * size + 12, marker="D", c=colours[bottoms], edgecolors=INK, linewidths=0.8,
        zorder=4, gid="bottoms",
    )  # fmt: skip
    name = getattr(result.objective, "name", None) or "local-optima network"
    kinds = "1 funnel" if len(bottoms) == 1 else f"{len(bottoms):,} funnels"
    note = "lines: the most frequent move to a better minimum; ◆ bottom: no better minimum was reached from it"
    note += f"\n○ no walker set out from here ({len(untold):,})" if len(untold) else ""
    headline(ax, f"{name}: {int(moves.counts.sum()):,} moves between {len(fun):,} minima, {kinds}", note)
    ax.set_xlabel("distance from the best minimum, box widths (root mean square)", fontsize=LABEL_SIZE)
    ax.set_ylabel("fun", fontsize=LABEL_SIZE)
    ax.yaxis.set_major_formatter("{x:.6g}")
    ax.grid(color=INK, alpha=0.12, linewidth=0.5)
    ax.spines[["top", "right"]].set_visible(False)
    tidy(ax)
    return ax


def downhill(counts: Any, fun: np.ndarray) -> np.ndarray:
    """Of each minimum, the better one that it was most often left for, (m,); itself where there is none.

    >>> from scipy.sparse import csr_array
    >>> downhill(csr_array(np.array([[5, 1, 0], [2, 0, 3], [1, 4, 0]])), np.array([0.0, 1.0, 2.0])).tolist()
    [0, 0, 1]
    """
    moves = counts.tocoo()
    down = fun[moves.col] < fun[moves.row]
    row, column, count = moves.row[down], moves.col[down], moves.data[down]
    order = np.lexsort((-column, count))  # the last of a row wins: most moves, then the best minimum
    onward = np.arange(len(fun))
    onward[row[order]] = column[order]
    return onward


def _bottoms(onward: np.ndarray) -> np.ndarray:
    """Where following the moves ends."""
    while not np.array_equal(onward, onward[onward]):
        onward = onward[onward]
    return onward


def _draw_edges(ax: Any, away: np.ndarray, fun: np.ndarray, onward: np.ndarray, colours: np.ndarray) -> None:
    from matplotlib.collections import LineCollection

    rows = np.flatnonzero(onward != np.arange(len(onward)))[:_EDGES]
    points = np.column_stack([away, fun])
    ends = [points[[row, onward[row]]] for row in rows]
    width = float(np.clip(60 / max(len(rows), 1), 0.35, 1.2))
    ax.add_collection(LineCollection(ends, colors=colours[rows], linewidths=width, alpha=0.6, zorder=2, gid="moves"))
