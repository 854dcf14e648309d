"""The funnel: values of the minima against their distance from the best one."""

from typing import Any

import numpy as np

from batchgd.output.plot.canvas import colour_bar, finish, given_or_new, headline, name_of, starts_and_minima
from batchgd.output.plot.pictures import register_picture
from batchgd.output.plot.style import INK, LABEL_SIZE, NOTE_SIZE, STAR, palette
from batchgd.output.plot.thinning import CLOUD, draw_cloud

_NAMED = 12  # largest number of minima for which labels are written
_NUMBERS = 1 << 22  # of fingerprints in memory at once
_COLOURED = 40  # beyond this number of minima, colours would mean nothing


def distance_to_best(result: Any) -> np.ndarray:
    """Distance of each minimum from the best one, (m,): the root mean square over coordinates, in box widths.

    With a symmetry, over the numbers of the fingerprint: which point of a class is listed is arbitrary.
    """
    x = np.asarray(result.minima.x, dtype=float)
    width = np.ptp(x, axis=0) if result.box is None else result.box.width
    width = np.where(width > 0, width, 1.0)
    if not _classes(result):
        return np.sqrt(np.mean(((x - x[0]) / width) ** 2, axis=1))
    mark = result.identity.symmetry.fingerprint
    best, away = mark(x[0]), np.empty(len(x))
    step = max(1, _NUMBERS // max(best.size, 1))
    for begin in range(0, len(x), step):
        away[begin : begin + step] = np.sqrt(np.mean((mark(x[begin : begin + step]) - best) ** 2, axis=1))
    return away / width.max()


def _classes(result: Any) -> bool:
    symmetry = result.identity.symmetry
    return symmetry is not None and bool(symmetry.parts)


@register_picture("values of the minima against their distance from the best one", trajectories=False)
def funnel(result: Any, ax: Any = None) -> Any:
    """Draw every minimum at its distance from the best one and its value; the area of a dot grows with its starts.

    A single funnel is a cloud that rises with the distance: going downhill from minimum to minimum leads to the best.
    Low minima far from the best one are the bottoms of other funnels, where searches get stuck. The distance is the
    root mean square over coordinates, in box widths; with a symmetry, over fingerprints. More than 10,000 minima become
    an image of how many there are in each pixel.

    References
    ----------
    R. H. Leary, "Global optimization on funneling landscapes", J. Global Optim. 18, 2000.
    """
    minima = result.minima
    count = len(minima)
    ax = given_or_new(ax, (6.4, 4.2))
    away, fun = distance_to_best(result), np.asarray(minima.fun, dtype=float)
    _limits(ax, away, fun, result.identity.f)
    note = "★ the best; the area of a dot grows with the starts that reached the minimum"
    if count > CLOUD:
        note = "★ the best; colour: how many minima are in a pixel"
        colour_bar(ax, draw_cloud(ax, away, fun)).set_label("minima", fontsize=LABEL_SIZE)
    else:
        _draw_dots(ax, minima, away, fun)
    ax.scatter(away[:1], fun[:1], s=190, marker="*", color=STAR, edgecolors=INK, linewidths=0.9, zorder=5, gid="best")
    headline(ax, f"{name_of(result, 'funnel')}: {starts_and_minima(result)}", note)
    return finish_against_distance(ax, result)


def _draw_dots(ax: Any, minima: Any, away: np.ndarray, fun: np.ndarray) -> None:
    """Draw each minimum but the best, with its label if there are few."""
    count = len(fun)
    share = np.asarray(minima.count) / max(float(np.max(minima.count)), 1.0)
    largest = float(np.clip(9_000 / count, 22, 160))
    colours = palette(count) if count <= _COLOURED else np.full((count, 3), palette(1))
    ax.scatter(
        away[1:], fun[1:], s=6 + largest * share[1:], c=colours[1:], linewidths=0.4, edgecolors="white",
        alpha=0.95 if count <= _COLOURED else 0.6, zorder=3, gid="minima",
    )  # fmt: skip
    if count <= _NAMED:
        for k in range(1, count):
            offset = 4 + 0.5 * np.sqrt(6 + largest * share[k])
            ax.annotate(
                str(k), (away[k], fun[k]), (offset, 0), textcoords="offset points", fontsize=NOTE_SIZE, va="center"
            )


def _limits(ax: Any, away: np.ndarray, fun: np.ndarray, same: float) -> None:
    reach, height, size = max(float(away.max()), 1e-3), float(np.ptp(fun)), max(abs(float(fun[0])), 1.0)
    height = height if height > same * size else size  # values that are one, rounding aside
    ax.set_xlim(-0.04 * reach, 1.06 * reach)
    ax.set_ylim(float(fun.min()) - 0.08 * height, float(fun.max()) + 0.06 * height)


def finish_against_distance(ax: Any, result: Any) -> Any:
    """Give axes of values against :func:`distance_to_best` their labels; returns them."""
    ax.yaxis.set_major_formatter("{x:.6g}")
    what = "distance of fingerprints" if _classes(result) else "distance"
    return finish(ax, f"{what} from the best minimum, box widths (root mean square)", "fun", grid="both")
