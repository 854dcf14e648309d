"""The confusion matrix: where a second run brings the starts that a first run brings to each minimum."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from batchgd.output.plot.canvas import colour_bar, finish, given_or_new, headline
from batchgd.output.plot.style import INK, NOTE_SIZE
from batchgd.problem import check
from batchgd.problem.errors import InputError, told

_WRITTEN = 12  # largest number of rows for which counts are written into the cells
_TICKS = 10
_STEPS = (2, 5, 10, 20, 50, 100, 200, 500, 1000)  # from one tick to the next, along many names
_PALE = 0.55  # share of a row above which the figure in a cell is white


def draw_confusion(
    counts: Any,
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    names: tuple[str, str] = ("from", "to"),
    name: str = "",
    ax: Any = None,
) -> Any:
    """Draw a table of counts, (r, c), coloured by the share of each row; up to 12 rows have the counts written in.

    ``rows`` and ``columns`` are the names of each row and column (default: their numbers), ``names`` are the labels of
    the two axes, and ``name`` is that of the function. Returns the axes; raises InputError if ``counts`` is not a table
    of counts.
    """
    if not isinstance(names, tuple | list) or [type(each) for each in names] != [str, str]:
        raise InputError(f"names is {told(names)}: give two texts, for the rows and for the columns")
    counts = _checked(counts)
    down, across = (
        list(map(str, range(n))) if each is None else list(each)
        for n, each in zip(counts.shape, (rows, columns), strict=True)
    )
    side = float(np.clip(0.5 * max(counts.shape), 2.6, 5.0))
    height, width = (side * n / max(counts.shape) for n in counts.shape)
    ax = given_or_new(ax, (width + 2.2, height + 1.5))
    _draw(ax, counts, down, across)
    same = float(np.trace(counts)) / max(float(counts.sum()), 1.0)
    note = f"{100 * same:.4g} % on the diagonal; colour: share of the row"
    headline(ax, f"{name + ': ' if name else ''}{int(counts.sum()):,} starts, two ways", note)
    return finish(ax, names[1], names[0], hide=())


def _checked(matrix: Any) -> np.ndarray:
    counts = check.reals("other holds", matrix, "give a result of bgd.multistart, or a table of counts")
    if counts.ndim != 2 or counts.size == 0 or not np.all((counts >= 0) & np.isfinite(counts)):
        raise InputError(f"a confusion matrix is a table of counts of at least 0, not an array of shape {counts.shape}")
    return counts


def _draw(ax: Any, counts: np.ndarray, rows: list[str], columns: list[str]) -> None:
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = ax.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="nearest", gid="counts")
    if len(rows) <= _WRITTEN:
        for (i, j), count in np.ndenumerate(counts):
            if count:
                colour = "white" if share[i, j] > _PALE else INK
                ax.text(j, i, f"{count:,}", ha="center", va="center", fontsize=NOTE_SIZE - 1, color=colour)
    for axis, names in ((ax.yaxis, rows), (ax.xaxis, columns)):
        step = 1 if len(names) <= 2 * _TICKS else next(s for s in _STEPS if len(names) <= s * _TICKS)
        axis.set_ticks(range(0, len(names), step), names[::step])
    colour_bar(ax, image, aspect=30)
