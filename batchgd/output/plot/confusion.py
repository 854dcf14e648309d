"""The confusion matrix: of the starts that one run brings to a minimum, where another brings them."""

from typing import Any

import numpy as np

from batchgd.output.plot.canvas import given_or_new, headline, tidy
from batchgd.output.plot.style import INK, LABEL_SIZE, NOTE_SIZE
from batchgd.problem import check
from batchgd.problem.errors import InputError, told
from batchgd.problem.speaker import said

_WRITTEN = 12  # rows at most whose cells are written out
_TICKS = 10
_STEPS = (2, 5, 10, 20, 50, 100, 200, 500, 1000)  # from one tick to the next, along many names
_MOST = 5_000  # minima: more make a matrix of more cells than any picture shows, and more than memory holds
_PALE = 0.55  # share of a row above which the figure in a cell is white


def confusion(result: Any, other: Any = None, ax: Any = None, *, names: tuple[str, str] | None = None) -> Any:
    """Draw where the starts of each minimum end by gradient flow, in another run of the same starts, or as counts say.

    Parameters
    ----------
    result : MultistartResult
        Gives the rows.
    other : MultistartResult or (r, c) array, optional
        Gives the columns. A run of the same starts (another method, step or precision): its minima are matched with
        those of ``result`` by place and value, those that only it found come after them, -1 last. Left out: gradient
        flow, for a sample of 1,000 starts, as in ``result.fidelity()``. Or the counts themselves, where ``result`` may
        be None.
    ax : matplotlib Axes, optional
        Where to draw; a new figure without.
    names : (str, str), optional
        What rows and columns stand for; the methods when left out.

    Returns
    -------
    Axes
        A cell's colour is its share of the row; up to 12 rows have the counts written in.

    Raises
    ------
    InputError
        When the runs do not have the same starts, or the matrix is no table of counts.
    """
    if ax is not None:
        given_or_new(ax, (1.0, 1.0))
    if names is not None and (not isinstance(names, tuple | list) or [type(name) for name in names] != [str, str]):
        raise InputError(f"names is {told(names)}: give two texts, for the rows and for the columns")
    if other is None:
        counts, rows, columns = flow_matrix(result)
        ways = (_method(result), "label by gradient flow")
    elif hasattr(other, "minima"):
        counts, rows, columns = confusion_matrix(result, other)
        ways = (_method(result), _method(other))
    else:
        counts = _checked(other)
        rows, columns = ([str(k) for k in range(n)] for n in counts.shape)
        ways = ("from", "to")
    down, across = ways if names is None else names
    side = float(np.clip(0.5 * max(counts.shape), 2.6, 5.0))
    height, width = (side * n / max(counts.shape) for n in counts.shape)
    ax = given_or_new(ax, (width + 2.2, height + 1.5))
    _draw(ax, counts, rows, columns)
    ax.set_ylabel(down, fontsize=LABEL_SIZE)
    ax.set_xlabel(across, fontsize=LABEL_SIZE)
    same = float(np.trace(counts)) / max(float(counts.sum()), 1.0)
    note = f"{100 * same:.4g} % on the diagonal; colour: share of the row"
    name = getattr(getattr(result, "objective", None), "name", None)
    headline(ax, f"{name + ': ' if name else ''}{int(counts.sum()):,} starts, two ways", note)
    return ax


def confusion_matrix(result: Any, other: Any) -> tuple[np.ndarray, list[str], list[str]]:
    """Counts (rows of ``result``, columns of ``other``), and the names of rows and columns; -1 comes last."""
    from batchgd.analysis.basins.relabel import confusion_counts, labels_onto
    from batchgd.problem.arrays import host

    if not (hasattr(result, "minima") and result.kept and other.kept and result.n == other.n):
        raise InputError("a confusion matrix needs two runs of the same starts, with keep='all'")
    if not np.array_equal(result.x0, other.x0):
        raise InputError("these runs have other starts: run the second one with starts=result.x0")
    mine = len(result.minima)
    place, alone = labels_onto(result, other)
    if mine + len(alone) > _MOST:
        raise InputError(
            f"a confusion matrix of {mine + len(alone):,} minima cannot be drawn; "
            f"{said('bgd.match(a, b)', 'batchgd diff')} lists them"
        )
    counts = confusion_counts(host(result.label), place[host(other.label)], mine, mine + len(alone))
    rows = [*map(str, range(mine)), "-1"]
    columns = [*map(str, range(mine)), *(f"+{k}" for k in alone), "-1"]
    return _without_unlabelled(counts, rows, columns)


def flow_matrix(result: Any) -> tuple[np.ndarray, list[str], list[str]]:
    """The same for a sample of the starts, with gradient flow in the columns."""
    from batchgd.analysis.basins.fidelity import fidelity

    counts = fidelity(result).confusion
    mine, theirs = counts.shape[0] - 1, counts.shape[1] - 1
    rows, columns = (
        [*map(str, range(mine)), "-1"],
        [*map(str, range(mine)), *(f"+{k}" for k in range(theirs - mine)), "-1"],
    )
    return _without_unlabelled(counts, rows, columns)


def _without_unlabelled(counts: np.ndarray, rows: list[str], columns: list[str]) -> Any:
    """Leave label -1 out where it does not occur."""
    if counts[-1].any() or counts[:, -1].any():
        return counts, rows, columns
    return counts[:-1, :-1], rows[:-1], columns[:-1]


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
    bar = ax.figure.colorbar(image, ax=ax, pad=0.02, aspect=30)
    bar.ax.tick_params(labelsize=NOTE_SIZE, width=0.6, length=3)
    bar.outline.set_linewidth(0.6)
    tidy(ax)


def _method(result: Any) -> str:
    from batchgd.output.summary import method_name

    return f"label by {method_name(result.method) or 'a run'}"
