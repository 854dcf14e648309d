"""Minima marked on a map, and the key that lists them next to a picture."""

from typing import Any

import numpy as np

from batchgd.output.plot.canvas import legend_beside
from batchgd.output.plot.style import INK, NO_LABEL, NOTE_SIZE, STAR, blend, palette
from batchgd.output.plot.thinning import MARKS, left_out
from batchgd.problem import check
from batchgd.problem.wording import format_values

KEYED = 12  # largest number of minima that are listed next to a picture
_NUMBER_SIZE = 7


def draw_minima(ax: Any, points: Any, fun: Any, *, numbered: bool = False, equal: float = 1e-9) -> int:
    """Mark minima as circles, the best ones as stars, numbered or not; returns how many are outside the axes.

    Values closer than ``equal``, relative or absolute below 1, are equally good. Of very many only the lowest are
    marked, see :func:`marked`.
    """
    low, high = np.sort(np.array([ax.get_xlim(), ax.get_ylim()]), axis=1).T
    points, fun = np.asarray(points, dtype=float), np.asarray(fun, dtype=float)
    shown = np.all((points >= low) & (points <= high), axis=1)
    stars = fun <= np.min(fun, initial=np.inf) + equal * np.maximum(1.0, np.abs(fun))
    best, others = np.flatnonzero(shown & stars)[:MARKS], np.flatnonzero(shown & ~stars)
    others = others[np.argsort(fun[others], kind="stable")[:MARKS]]
    if numbered:
        ax.scatter(*points[others].T, s=95, color="white", edgecolors=INK, linewidths=0.8, zorder=4, gid="minima")
        for k in np.concatenate([others, best]):
            ax.text(*points[k], str(k), size=_NUMBER_SIZE, color=INK, ha="center", va="center_baseline", zorder=7)
    else:
        size = float(np.clip(1_200 / max(len(points), 1), 3, 22))
        ax.scatter(*points[others].T, s=size, color="white", edgecolors=INK, linewidths=0.5, zorder=4, gid="minima")
    size = 340 if numbered else float(np.clip(1_800 / max(len(best), 1), 40, 230))
    ax.scatter(*points[best].T, s=size, marker="*", color=STAR, edgecolors=INK, linewidths=0.9, zorder=6, gid="best")
    return int(np.count_nonzero(~shown))


def marked(count: int) -> str:
    """Return the note that not all of so many minima are marked, or nothing."""
    return left_out(MARKS, count, "minimum", "minima", "the lowest").replace("drawn", "marked")


def wants_key(key: bool | None, count: int) -> bool:
    """Whether to list the minima next to a picture: as the caller chose, otherwise only if there are few."""
    return 0 < count <= KEYED if key is None else check.flag("key", key) and count > 0


def coloured_key(ax: Any, result: Any, unlabelled: int, share: float = 1.0, most: int = KEYED) -> None:
    """List the minima to the right of the axes: colour, label, value, share of the starts."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    minima = result.minima
    count = min(len(minima.fun), most)
    values = format_values(minima.fun[:count])
    width = max((len(value) for value in values), default=0)
    handles: list[Any] = []
    for k, colour in enumerate(blend(palette(count), share)):
        fraction = "" if np.isnan(minima.fraction[k]) else f"  {100 * minima.fraction[k]:5.2f} %"
        text = f"{k:<2d} {values[k]:>{width}}{fraction}"
        handles.append(Patch(facecolor=colour, edgecolor=INK, linewidth=0.4, label=text))
    if len(minima.fun) > count:
        handles.append(Line2D([], [], linestyle="none", label=f"… {len(minima.fun) - count:,} more"))
    if unlabelled:
        text = f"-1 {'none':>{width}}  {100 * unlabelled / max(result.n, 1):5.2f} %"
        handles.append(Patch(facecolor=NO_LABEL, edgecolor=INK, linewidth=0.4, label=text))
    legend_beside(
        ax, (1.01, 1.0), handles=handles, borderaxespad=0.0, handlelength=1.0, handleheight=1.0,
        title="minimum, value, share", prop={"family": "monospace", "size": NOTE_SIZE - 0.5},
    ).set_zorder(10)  # fmt: skip
