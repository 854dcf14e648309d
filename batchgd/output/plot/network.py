"""The local-optima network of a basin-hopping run: the most frequent downhill move from each minimum."""

from typing import Any

import numpy as np

from batchgd.output.plot.canvas import given_or_new, headline, name_of
from batchgd.output.plot.funnel import distance_to_best, finish_against_distance
from batchgd.output.plot.pictures import register_picture
from batchgd.output.plot.style import INK, palette
from batchgd.output.plot.thinning import MARKS, left_out
from batchgd.problem.wording import plural


@register_picture("local-optima network of a basin-hopping run", special=True)
def network(result: Any, ax: Any = None) -> Any:
    """Draw the minima of a basin-hopping run as a funnel plot, each with its most frequent move to a better minimum.

    Following the lines leads to the bottom of the funnel to which a minimum belongs: a minimum from which walkers set
    out without reaching a better one, drawn as a diamond. Minima of one funnel have the colour of its bottom. From the
    minima that are open circles no walker set out, so their funnels are unknown.

    Raises
    ------
    InputError
        If the run made no moves between minima.
    """
    moves = result.network()
    ax = given_or_new(ax, (7.0, 4.6))
    away, fun = distance_to_best(result), np.asarray(moves.fun, dtype=float)
    onward = downhill(moves.counts, fun)
    bottom = _bottoms(onward)
    left = np.asarray(moves.counts.sum(axis=1)).ravel() > 0
    ends = onward == np.arange(len(fun))
    bottoms, unknown = np.flatnonzero(ends & left), np.flatnonzero(ends & ~left)
    funnels, untried = len(bottoms), len(unknown)
    bottoms, unknown = bottoms[:MARKS], unknown[:MARKS]
    colours = palette(len(fun))[bottom]
    _draw_edges(ax, away, fun, onward, colours)
    size = float(np.clip(6_000 / max(len(fun), 1), 7, 60))
    inner = np.flatnonzero(~ends)[:MARKS]
    ax.scatter(
        away[unknown],
        fun[unknown],
        s=size,
        facecolors="white",
        edgecolors=INK,
        linewidths=0.6,
        zorder=2.5,
        gid="unknown",
    )
    ax.scatter(away[inner], fun[inner], s=size, c=colours[inner], linewidths=0, zorder=3, gid="minima")
    ax.scatter(
        away[bottoms], fun[bottoms], s=2.2 * size + 12, marker="D", c=colours[bottoms], edgecolors=INK, linewidths=0.8,
        zorder=4, gid="bottoms",
    )  # fmt: skip
    title = f"{int(moves.counts.sum()):,} moves between {len(fun):,} minima, {plural(funnels, 'funnel')}"
    note = "lines: the most frequent move to a better minimum; ◆ bottom: no better minimum was reached from it"
    note += f"\n○ no walker set out from here ({untried:,})" if untried else ""
    note += left_out(MARKS, len(fun), "minimum", "minima", "the lowest of each kind") if len(fun) > MARKS else ""
    headline(ax, f"{name_of(result, 'local-optima network')}: {title}", note)
    return finish_against_distance(ax, result)


def downhill(counts: Any, fun: np.ndarray) -> np.ndarray:
    """For each minimum, the better one to which walkers moved most often, (m,); itself if there is none.

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

    rows = np.flatnonzero(onward != np.arange(len(onward)))[:MARKS]
    points = np.column_stack([away, fun])
    ends = [points[[row, onward[row]]] for row in rows]
    width = float(np.clip(60 / max(len(rows), 1), 0.35, 1.2))
    ax.add_collection(LineCollection(ends, colors=colours[rows], linewidths=width, alpha=0.6, zorder=2, gid="moves"))
