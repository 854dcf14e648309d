"""Shares of the starts with their intervals: how large each basin is, and how certain that is."""

from typing import Any

import numpy as np

from batchgd.output.plot.canvas import finish, given_or_new, headline, name_of, starts_and_minima
from batchgd.output.plot.pictures import register_picture
from batchgd.output.plot.style import INK, NOTE_SIZE, blend, palette
from batchgd.output.plot.thinning import evenly, left_out
from batchgd.problem.errors import InputError
from batchgd.problem.wording import format_values

_NAMED = 25  # minima at most that are named one by one
_LOG_RATIO = 50.0  # largest over smallest share above which the axis is logarithmic
_LABELS = 8  # ticks along many minima
_LARGEST = 100  # shares that are drawn however many minima there are


@register_picture("share of the starts that each minimum owns, with its interval", trajectories=False)
def fractions(result: Any, ax: Any = None) -> Any:
    """Draw the fraction of every minimum with its interval, in the order of their values.

    Up to 25 minima are drawn one below the other with label and value; more are side by side. The axis is logarithmic
    if shares differ by more than a factor of 50; a minimum of fraction 0, which only chosen starts reached, is an open
    triangle at its edge, with the upper end of its interval. Without intervals there are only points, and a note gives
    the reason. Of more than 4,000 minima, 4,000 are drawn and those of the 100 largest shares.

    Raises
    ------
    InputError
        If there are no fractions, because of how the starts were chosen.
    """
    minima = result.minima
    share = 100 * np.asarray(minima.fraction)
    if np.isnan(share).any():
        raise InputError(f"this result has no fractions: {minima.interval_note}")
    count, named = len(share), len(share) <= _NAMED
    low, high = (
        (share, share) if minima.fraction_low is None else (100 * minima.fraction_low, 100 * minima.fraction_high)
    )
    edge, log = _edge(share, high)
    top = float(high.max())
    ax = given_or_new(ax, (6.4, 1.5 + 0.24 * count) if named else (7.6, 4.2))
    place = _drawn(share)
    share, low, high, seen = share[place], low[place], high[place], share[place] > 0
    shown = np.where(seen, share, edge)
    error = np.abs(np.stack([np.maximum(low, edge) - shown, high - shown]))
    error[0, ~seen] = 0.0
    colours = palette(count) if named else np.full((len(place), 3), palette(1))
    width = 1.6 if named else float(np.clip(260 / count, 0.5, 1.4))
    across = (lambda v, k: (v, k)) if named else (lambda v, k: (k, v))
    bars = ax.hlines if named else ax.vlines
    pale = colours if named else blend(colours, 0.35)
    bars(place, shown - error[0], shown + error[1], colors=pale, linewidth=width, zorder=2)
    size = 34 if named else float(np.clip(4_000 / count, 5, 24))
    ax.scatter(*across(shown[seen], place[seen]), s=size, c=colours[seen], linewidths=0, zorder=3, gid="fractions")
    marker = "<" if named else "v"
    ax.scatter(
        *across(shown[~seen], place[~seen]), s=size, marker=marker, facecolors="white", edgecolors=INK, gid="unseen"
    ).set_clip_on(False)
    _axes(ax, minima, named, edge, top, log)
    note = "95 % intervals" if minima.fraction_low is not None else f"no intervals: {_short(minima.interval_note)}"
    if result.strategy is not None:
        note += f", of the first {result.strategy.drawn:,} starts"
    note += "" if seen.all() else f";  {'◁' if named else '▽'} reached only by later starts"
    which = f"evenly over the labels, and the {_LARGEST} most frequent"
    note += left_out(len(place), count, "minimum", "minima", which)
    headline(ax, f"{name_of(result, 'fractions')}: {starts_and_minima(result)}", note)
    return ax


def _drawn(share: np.ndarray) -> np.ndarray:
    """Rows to draw: all, or of very many evenly spaced ones and those of the largest shares."""
    rows = evenly(len(share))
    if len(rows) == len(share):
        return rows
    return np.union1d(rows, np.argpartition(-share, _LARGEST)[:_LARGEST])


def _edge(share: np.ndarray, high: np.ndarray) -> tuple[float, bool]:
    """Where the axis of shares begins, and whether it is logarithmic."""
    least = float(np.min(share, initial=np.inf, where=share > 0))
    if np.isfinite(least) and share.max() > _LOG_RATIO * least:
        return 0.4 * least, True
    return 0.0, False


def _axes(ax: Any, minima: Any, named: bool, edge: float, top: float, log: bool) -> None:
    """Scales, ticks and labels."""
    from matplotlib.ticker import FuncFormatter

    count = len(minima.fun)
    values, places = (ax.xaxis, ax.yaxis) if named else (ax.yaxis, ax.xaxis)
    (ax.set_xlim if named else ax.set_ylim)(edge, (1.5 if log else 1.06) * top)
    if log:
        (ax.set_xscale if named else ax.set_yscale)("log")
        values.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if named:
        ax.set_ylim(count - 0.4, -0.6)
        texts = format_values(minima.fun)
        places.set_ticks(np.arange(count), [f"{k}   {value}" for k, value in enumerate(texts)])
    else:
        ax.set_xlim(-0.02 * count, 1.02 * count)
        places.get_major_locator().set_params(nbins=_LABELS, integer=True)
        places.set_major_formatter("{x:,.0f}")
    share = "share of the starts, %"
    if named:
        finish(ax, share, "minimum, value", grid="x")
        ax.tick_params(axis="y", length=0, labelsize=NOTE_SIZE, labelfontfamily="monospace")
    else:
        finish(ax, "minimum (label; in the order of values)", share, grid="y")


def _short(note: str | None) -> str:
    """The reason without its consequence."""
    return (note or "not known").split(", so ")[0]
