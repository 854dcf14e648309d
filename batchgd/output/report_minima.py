"""The minima of a result in words: the table, the best point in full, and what copies of one value share."""

from typing import Any

import numpy as np

from batchgd.minima.results import same_value
from batchgd.output.report import aligned, format_point, format_values, plural, share_in_words
from batchgd.problem.speaker import said

_ROWS = 12  # minima shown before the table is cut: it fits on a screen together with the lines around it
_COORDINATES = 4  # coordinates shown at most before the point is cut
_WIDTH = 98  # columns of the table; fewer coordinates are shown rather than more columns used
_UNNAMED = 6  # coordinates that a reader can count; of more, each has its name


def minima_lines(result: Any) -> list[str]:
    """Return the table of minima as lines of text."""
    return aligned(*minima_rows(result))


def minima_rows(result: Any) -> tuple[list[str], list[list[str]], str]:
    """Return the table of minima: its head, its rows, and a line that names what was omitted."""
    minima = result.minima
    head = ["label", "value", "share", "95 % interval", "starts", "kind", "x"]
    shown = _shown(minima)
    values = format_values(minima.fun[shown])
    rows = []
    for k, value in zip(shown.tolist(), values, strict=True):
        share, interval = share_in_words(minima, k)
        kind = kind_in_words(minima, k) + ("" if minima.inside[k] else ", outside")
        rows.append([str(k), value, share, interval, f"{int(minima.count[k]):,}", kind])
    untold = {"95 % interval"} if minima.fraction_low is None else set()
    untold |= {"share"} if np.isnan(minima.fraction).any() else set()
    rows = [[cell for cell, name in zip(row, head[:-1], strict=True) if name not in untold] for row in rows]
    head = [name for name in head if name not in untold]
    used = sum(max(map(len, column)) + 2 for column in zip(head[:-1], *rows, strict=True))
    points = _points(minima.x[shown], 0.0 if result.box is None else result.box.width, _WIDTH - used)
    rows = [[*row, point] for row, point in zip(rows, points, strict=True)]
    return head, rows, _left_out(minima, shown) if rows else "no minimum was found"


def _shown(minima: Any) -> Any:
    """The labels of the rows that are shown: if not all, those inside the box first."""
    labels = np.arange(len(minima.fun))
    if len(labels) <= _ROWS:
        return labels
    return labels[np.argsort(~np.asarray(minima.inside, bool), kind="stable")][:_ROWS]


def _left_out(minima: Any, shown: Any) -> str:
    more = np.delete(np.asarray(minima.inside, bool), shown)
    if len(more) == 0:
        return ""
    outside = int(np.count_nonzero(~more))
    where = f", {outside:,} of them outside the box" if outside else ""
    return f"… {plural(len(more), 'more minimum', 'more minima')}{where} ({said('result.minima', '--json')})"


def kind_in_words(minima: Any, k: int) -> str:
    """Return the kind of a row; of a set of equal minima with the number of its free directions."""
    free = int(minima.free[k])
    return str(minima.kind[k]) + (f", {plural(free, 'free direction')}" if free else "")


def _points(x: Any, scale: Any, width: int) -> list[str]:
    """Points with as many coordinates as fit the width, at least one."""
    for most in range(_COORDINATES, 0, -1):
        points = [format_point(row, scale, most) for row in x]
        if max(map(len, points), default=0) <= width:
            break
    return points


def best_lines(result: Any) -> list[str]:
    """Return the lowest value reached with its whole x; if that is outside the box, also the lowest inside."""
    best = result.best
    if best is None:
        return []
    inside = result.box is None or bool(np.all(result.box.contains(best.x[None])))
    beside = "" if inside else ", outside the box"
    beside += "" if best.label >= 0 else "; it has no label"
    lines = [f"best value reached: {_whole(best.fun, best.x, result.box)}{beside}"]
    within = np.flatnonzero(result.minima.inside)
    if not inside and len(within):
        row = within[0]
        place = _whole(result.minima.fun[row], result.minima.x[row], result.box)
        lines.append(f"lowest minimum inside the box: label {row}, {place}")
    return lines


def _whole(fun: float, x: Any, box: Any) -> str:
    """A value and all coordinates of its point.

    >>> _whole(0.25, np.array([1.0, -2.5]), None)
    '0.25 at x = (1, -2.5)'
    >>> _whole(0.25, np.arange(7.0), None)
    '0.25 at x0=0, x1=1, x2=2, x3=3, x4=4, x5=5, x6=6'
    """
    scale = 0.0 if box is None else box.width
    point = format_point(x, scale, len(x), digits=9)
    if len(x) > _UNNAMED:
        point = ", ".join(f"x{i}={number}" for i, number in enumerate(point[1:-1].split(", ")))
    return f"{fun + 0.0:.10g} at {point if len(x) > _UNNAMED else f'x = {point}'}"


def copies_note(result: Any) -> str | None:
    """Explain the shares if the lowest value belongs to several rows."""
    minima = result.minima
    if len(minima.fun) < 2:
        return None
    same = minima.fun <= minima.fun[0] + same_value(result, float(minima.fun[0]))
    if np.count_nonzero(same) < 2 or np.isnan(minima.fraction[same]).any():
        return None
    together = 100 * float(np.sum(minima.fraction[same]))
    return (
        f"{np.count_nonzero(same):,} minima share the lowest value (a symmetry, a period, or several exact solutions): "
        f"together {together:.3g} % of the starts"
    )
