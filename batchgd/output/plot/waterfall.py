"""The waterfall: final values from the best to the worst, a step for every minimum."""

from typing import Any

import numpy as np

from batchgd.minima.results import LandscapeData
from batchgd.output.plot.canvas import finish, given_or_new, headline, name_of
from batchgd.output.plot.markers import coloured_key, wants_key
from batchgd.output.plot.pictures import register_picture
from batchgd.output.plot.style import NO_LABEL, palette
from batchgd.output.plot.thinning import MARKS, evenly, left_out
from batchgd.problem.arrays import host
from batchgd.problem.wording import plural

_LOG_RATIO = 1e3  # ratio of the largest to the smallest step above which the axis is logarithmic
_OUTLYING = 20.0  # times the range of the minima: unlabelled starts further up do not stretch the axis
_EQUAL = 1e-9  # values of raw endpoints closer than this (relative, or absolute below 1) are one value


@register_picture("final values in order, coloured by minimum", minima=False)
def waterfall(result: Any, ax: Any = None, *, key: bool | None = None) -> Any:
    """Draw the final values in order: wide low steps are minima that are found often and are good.

    Starts are ordered by their minimum and then by value, so a step is a minimum and its width the share of the starts;
    those without a minimum (grey) come last. The axis is logarithmic in the distance to the best value if steps differ
    by more than a factor of 1,000. Values far above all minima, or not finite, are triangles at the edge.

    Parameters
    ----------
    key : bool, optional
        List the minima next to it; default: only if there are at most 12.
    """
    from matplotlib.colors import to_rgb

    fun = host(result.fun).astype(float)
    labelled = isinstance(result, LandscapeData)
    label = host(result.label) if labelled else np.zeros(len(fun), dtype=int)
    count = len(result.minima.fun) if labelled else 1
    keyed = labelled and wants_key(key, count)
    ax = given_or_new(ax, (7.6 if keyed else 6.4, 4.0))
    order = np.lexsort((np.where(np.isfinite(fun), fun, np.inf), np.where(label < 0, np.iinfo(np.int32).max, label)))
    rank = _thinned(label[order])
    chosen = order[rank]
    low, top, log = _axis(ax, fun, label)
    height = np.where(np.isfinite(fun[chosen]), fun[chosen], np.inf)
    over = height > top
    colours = np.concatenate([palette(count), [to_rgb(NO_LABEL)]])[np.where(label[chosen] < 0, count, label[chosen])]
    share = 100.0 * (rank + 0.5) / max(len(fun), 1)
    shown = height[~over] - (low if log else 0.0)
    ax.scatter(share[~over], shown, s=11, c=colours[~over], linewidths=0, zorder=3, gid="values")
    if over.any():
        edge, place = np.full(int(over.sum()), 0.985), ax.get_xaxis_transform()
        ax.scatter(
            share[over], edge, s=16, c=colours[over], marker="^", linewidths=0, zorder=3, gid="beyond", transform=place
        )
    _finish(ax, result, int(np.count_nonzero(~(fun <= top))), log, len(rank))
    if keyed:
        coloured_key(ax, result, int(np.count_nonzero(label < 0)))
    return ax


def _thinned(label: np.ndarray) -> np.ndarray:
    """Ranks to draw: evenly spaced ones, and both ends of every step unless there are very many."""
    ranks, ends = evenly(len(label)), np.flatnonzero(np.diff(label))
    if len(ranks) == len(label) or len(ends) > MARKS:
        return ranks
    return np.unique(np.concatenate([ranks, ends, ends + 1]))


def _axis(ax: Any, fun: np.ndarray, label: np.ndarray) -> tuple[float, float, bool]:
    """Set limits and scale of the value axis; returns the best value, the highest shown, and whether it is log."""
    finite = fun[np.isfinite(fun)]
    of_minima = fun[(label >= 0) & np.isfinite(fun)]
    if len(finite) == 0:
        return 0.0, 1.0, False
    low = float(finite.min())
    top = float(of_minima.max()) if len(of_minima) else float(np.quantile(finite, 0.98))
    rest = finite[finite > top]
    if len(rest) and np.quantile(rest, 0.9) - low < _OUTLYING * max(top - low, 1e-300):
        top = float(np.quantile(rest, 0.9))
    noise = _EQUAL * max(abs(low), abs(top), 1.0)
    gaps = of_minima[of_minima > low + noise] - low
    log = len(gaps) > 0 and float(gaps.max()) > _LOG_RATIO * float(gaps.min())
    if log:
        smallest = float(gaps.min())
        ax.set_yscale("symlog", linthresh=smallest, linscale=0.6)
        ax.set_ylim(-0.25 * smallest, 3.0 * (top - low))
        ax.set_yticks([0.0, *_decades(smallest, top - low)])
        return low, top, True
    ax.yaxis.set_major_formatter("{x:.6g}")
    margin = 0.06 * (top - low) if top - low > noise else 0.5 * max(abs(low), 1.0)
    ax.set_ylim(low - margin, top + 1.6 * margin)
    return low, top, False


def _decades(low: float, high: float) -> np.ndarray:
    """Powers of ten from low to high, at most about eight; those nearer to zero would collide with its tick."""
    first, last = int(np.ceil(np.log10(low) - 1e-9)), int(np.floor(np.log10(high) + 1e-9))
    return 10.0 ** np.arange(first, last + 1, max(1, -(-(last - first + 1) // 8)))


def _finish(ax: Any, result: Any, beyond: int, log: bool, drawn: int) -> None:
    note = "final values in order; a step is a minimum, its width the share of the starts"
    if not isinstance(result, LandscapeData):
        note = "final values in order"
    if beyond:
        note += f"\n▲ {plural(beyond, 'start ends', 'starts end')} above the axis or not finite"
    note += left_out(drawn, len(result.fun), "start", "starts", "evenly over the order")
    headline(ax, f"{name_of(result, 'final values')}: {plural(result.n, 'start')}", note)
    ax.set_xlim(-1, 101)
    finish(ax, "starts, % of all", "fun − best" if log else "fun", grid="y")
