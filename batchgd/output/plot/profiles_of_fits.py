"""Profiles of a fit: chi-square against each parameter, with the levels, the interval, the parabola and the basins."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchgd.output.plot.canvas import figure_title, finish, given_axes, given_or_new, headline, new_panels
from batchgd.output.plot.style import INK, NOTE_SIZE, TITLE_SIZE, blend, palette
from batchgd.problem.wording import plural

COLUMNS = 3
HEIGHT = 1.6
"""The highest rise shown, in those of the highest level."""

AROUND = 0.25
"""How much is shown on each side of an interval, in widths of it."""

OPEN = 4.0
"""How far an open side is shown, in distances of the other end or of the standard error's interval."""

BASINS = 5
"""How many basins have a line in the key."""


def profiles(found: Any, axes: Any = None) -> Any:
    """Draw the profiles of a fit, a panel for each parameter.

    Points are fits with the parameter held, in the colour of their basin (blue: that of the best fit); the line is the
    lowest. Small points are other optima. The dashed parabola is what the standard error assumes, dotted lines are the
    levels of confidence, and the grey band is the interval of the highest.

    Parameters
    ----------
    found : Profiles
        What ``fit.profile`` returned.
    axes : list of Axes, optional
        One for each parameter; default: a new figure.

    Returns
    -------
    list of Axes
    """
    names = list(found)
    new = axes is None
    if new:
        columns = 2 if len(names) == 4 else min(COLUMNS, len(names))
        axes = new_panels(len(names), columns, lambda rows: (0.6 + 3.3 * columns, 0.7 + 2.7 * rows))
        kept = "" if found.better is None else ", of a better fit than the best"
        shown = "" if found.model == "<lambda>" else f" of {found.model}"
        figure_title(axes[0], f"profiles{shown}{kept}", TITLE_SIZE)
    else:
        axes = given_axes(axes, len(names))
    for ax, name in zip(axes, names, strict=True):
        first = not ax.get_subplotspec() or ax.get_subplotspec().is_first_col()
        _panel(ax, found, name, f"rise of χ²{'' if found.test.absolute else ' / s²'}" if first else "")
    if new:
        lines, texts = axes[0].get_legend_handles_labels()
        axes[0].figure.legend(lines, texts, loc="outside lower left", ncols=4, frameon=False, fontsize=NOTE_SIZE)
    return axes


def _panel(ax: Any, found: Any, name: str, label: str) -> None:
    profile, intervals = found[name], found.intervals[name]
    intervals = intervals if isinstance(intervals, tuple) else (intervals,)
    widest = intervals[-1]
    top = HEIGHT * float(found.test.rise(widest.level))
    low, high = _span(profile, widest)
    shade = {"color": INK, "alpha": 0.07, "linewidth": 0, "gid": "interval"}
    log, small = profile.scale == "log", {"fontsize": NOTE_SIZE - 1, "color": INK, "ha": "right", "va": "bottom"}
    ax.axvspan(max(widest.low, low), min(widest.high, high), label=f"interval at {100 * widest.level:.4g} %", **shade)
    for other in widest.others:
        ax.axvspan(*other, **shade)
    for each in intervals:
        rise = float(found.test.rise(each.level))
        ax.axhline(rise, color=INK, linewidth=0.7, linestyle=":", gid="level")
        ax.text(1, rise, f"{100 * each.level:.4g} % ", transform=ax.get_yaxis_transform(), **small)
    _points(ax, profile, top, low, high)
    _parabola(ax, profile, top, low, high)
    if log:
        ax.set_xscale("log")
    ax.set_xlim(low, high)
    ax.set_ylim(-0.04 * top, top)
    note = _note(widest)
    ax.set_title(note, loc="left", fontsize=NOTE_SIZE, color="#555555")
    finish(ax, name, label)


def _points(ax: Any, profile: Any, top: float, low: float, high: float) -> None:
    """Draw the lowest fits as a line with points in the colour of their basin, and other optima as small points."""
    numbers = profile.branch.astype(int)
    colours = palette(int(max(profile.optima[:, 2].max(), numbers.max())) + 1)
    value, rise, branch = profile.optima.T
    seen = (rise <= top) & (value >= low) & (value <= high)
    others = branch[seen].astype(int)
    small = {"s": 5, "linewidths": 0, "alpha": 0.7, "zorder": 3}
    ax.scatter(value[seen], rise[seen], c=colours[others], label="other optima", gid="optima", **small)
    ax.plot(profile.values, profile.rise, color=INK, linewidth=0.8, alpha=0.5, zorder=2, gid="profile")
    large = {"s": 16, "linewidths": 0, "zorder": 4, "label": "lowest, in the colour of its basin"}
    ax.scatter(profile.values, profile.rise, c=colours[numbers], gid="lowest", **large)
    ax.axvline(profile.value, color=INK, linewidth=0.6, alpha=0.5)


def _parabola(ax: Any, profile: Any, top: float, low: float, high: float) -> None:
    if profile.stderr is None:
        return
    values = np.geomspace(low, high, 300) if profile.scale == "log" else np.linspace(low, high, 300)
    rise = ((values - profile.value) / profile.stderr) ** 2
    shown = {"color": "#777777", "linewidth": 1.0, "linestyle": "--", "zorder": 1}
    ax.plot(values, np.where(rise <= 2 * top, rise, np.nan), label="by the standard error", gid="parabola", **shown)


def _span(profile: Any, widest: Any) -> tuple[float, float]:
    """Return which values are shown: all intervals of the highest level, and of an open side as much as is useful."""
    log = profile.scale == "log"
    inward, outward = (np.log, np.exp) if log else (float, float)
    first, last = float(inward(profile.values[0])), float(inward(profile.values[-1]))
    ends = [end for span in ((widest.low, widest.high), *widest.others) for end in span if np.isfinite(end)]
    with np.errstate(divide="ignore"):
        places = [place for place in map(float, map(inward, ends)) if first <= place <= last]
    best = float(inward(profile.value))
    if not log and not widest.closed:
        known = [abs(place - best) for place in places if first < place < last]
        reach = OPEN * max([*known, 3.0 * (profile.stderr or 0.0)]) or last - first
        places = [min(max(place, best - reach), best + reach) for place in [*places, first, last]]
    elif not widest.closed:
        places = [*places, *([first] if widest.open_left else []), *([last] if widest.open_right else [])]
    low, high = min([*places, best]), max([*places, best])
    margin = AROUND * (high - low)
    low, high = max(low - margin, first), min(high + margin, last)
    if high <= low:
        low, high = first, last
    return float(outward(low)), float(outward(high))


def _note(widest: Any) -> str:
    if widest.closed:
        note = f"{widest.low:.5g} to {widest.high:.5g}"
    elif widest.open_left and widest.open_right:
        note = "open on both sides"
    else:
        end = f"from {widest.low:.5g}" if widest.open_right else f"to {widest.high:.5g}"
        note = f"{end}, open to the {'right' if widest.open_right else 'left'}"
    return note + (f", and {plural(len(widest.others), 'other interval')}" if widest.others else "")


def plane(found: Any, ax: Any = None) -> Any:
    """Draw the joint profile of two parameters: the regions of its levels of confidence, darker the lower the level.

    Parameters
    ----------
    found : Plane
        What ``fit.profile2d`` returned.
    ax : matplotlib Axes, optional
        Where to draw; default: a new figure.

    Returns
    -------
    Axes
    """
    ax = given_or_new(ax, (5.4, 4.4))
    edges = [0.0, *(float(found.test.rise(level, held=2)) for level in found.levels)]
    rise = np.where(np.isfinite(found.rise), found.rise, 1e3 * edges[-1])
    shades = np.array([blend(palette(1)[0], 0.65 * 0.6**k) for k in range(len(found.levels))])
    ax.contourf(found.x, found.y, np.maximum(rise, 0.0), levels=edges, colors=shades)
    lines = ax.contour(found.x, found.y, rise, levels=edges[1:], colors=INK, linewidths=0.7)
    words = {edge: f"{100 * level:.4g} %" for edge, level in zip(edges[1:], found.levels, strict=True)}
    ax.clabel(lines, fmt=words, fontsize=NOTE_SIZE - 1)
    ax.plot(*found.best, "+", color=INK, markersize=7, gid="best")
    for scale, setter in zip(found.scales, (ax.set_xscale, ax.set_yscale), strict=True):
        if scale == "log":
            setter("log")
    note = "regions of joint confidence" + ("" if found.better is None else ", of a better fit than the best")
    headline(ax, f"{found.names[0]} and {found.names[1]}", note)
    return finish(ax, *found.names)
