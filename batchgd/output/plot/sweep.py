"""A sweep at a glance: stacked shares of the four regimes over the value, updates and fidelity below."""

from pathlib import Path
from typing import Any

import numpy as np

from batchgd.output.plot.canvas import drawn, finish, headline, legend_beside, new_axes
from batchgd.output.plot.style import INK, LABEL_SIZE, NOTE_SIZE
from batchgd.problem.errors import InputError

REGIMES = {
    "slow": ("#B9C4CE", "slow: not there yet"),
    "monotone": ("#0072B2", "converges monotonically"),
    "oscillating": ("#E69F00", "converges with oscillation"),
    "lost": ("#333333", "lost: diverges or never settles"),
}
"""The regimes that a sweep counts: the colour and the legend of each."""

_RECOMMENDED, _FIDELITY = "#D55E00", "#009E73"
_LOG_RATIO = 10.0  # of the largest over the smallest value: beyond, the axis is logarithmic
_APART = 0.07  # of the axis: the names of thresholds closer than this would overlap


def draw_sweep(result: Any, path: str | Path | None = None) -> Any:
    """Draw the picture of a sweep over one or two hyperparameters, and write it if a path is given.

    Over one: from the top, regimes, updates and, if it was asked for, fidelity. The theoretical thresholds (plain
    gradient descent only) and the recommended value are marked in all. Over every combination of two: maps of the share
    that converges, of the updates and of fidelity. Returns the axes.

    Raises
    ------
    InputError
        If the sweep has only one value or combines more hyperparameters, or the file cannot be written.
    """
    draw = _draw_maps if len(result.values) == 2 and _is_grid(result) else _draw_curves
    return drawn(path, lambda: draw(result))


def _draw_curves(result: Any) -> Any:
    """Draw panels over one hyperparameter, one below the other."""
    name, values = next(iter(result.values.items()))
    if len(np.unique(values)) < len(values) or len(values) < 2:
        raise InputError(
            "the picture of a sweep needs two or more values of one hyperparameter, or every combination of two: "
            "use to_dataframe()"
        )
    order = np.argsort(values)
    rows = 2 if result.fidelity is None else 3
    ratios = [2.2, 1.2, 1.2][:rows]
    axes = new_axes((7.2, 2.4 + 1.5 * rows), rows, 1, sharex=True, gridspec_kw={"height_ratios": ratios})
    _regimes(axes[0], result, values, order)
    _updates(axes[1], result, values[order], order)
    if rows == 3:
        _fidelity(axes[2], result, values[order], order)
    if _logarithmic(values):
        axes[0].set_xscale("log")
    axes[0].set_xlim(values.min(), values.max())
    for ax in axes:
        _marks(ax, result, name, named=ax is axes[0])
    finish(axes[-1], _spaced(name) + (" η" if name == "learning_rate" else ""))
    return axes


def _regimes(ax: Any, result: Any, values: Any, order: Any) -> None:
    shares = [100.0 * getattr(result, regime)[order] for regime in REGIMES]
    colours, names = zip(*REGIMES.values(), strict=True)
    ax.stackplot(values[order], *shares, colors=colours, labels=names, linewidth=0)
    ax.set_ylim(0.0, 100.0)
    name = next(iter(result.values))
    if result.recommended is not None:
        ax.plot([], [], color=_RECOMMENDED, linewidth=1.4, label=f"recommended: {result.recommended.values[name]:.4g}")
    headline(ax, f"{_function(result)}: what the {_spaced(name)} does", _starts_and_values(result) + "\n ")
    legend_beside(ax, borderaxespad=0.4, reverse=True)
    finish(ax, y="% of the starts")


def _updates(ax: Any, result: Any, values: Any, order: Any) -> None:
    median, tail = np.maximum(result.nit_median[order], 1.0), np.maximum(result.nit_tail[order], 1.0)
    colour, _ = REGIMES["monotone"]
    ax.fill_between(values, median, tail, color=colour, alpha=0.2, linewidth=0)
    ax.plot(values, median, color=colour, linewidth=1.6, marker=".", markersize=4, label="median")
    ax.plot(values, tail, color=colour, linewidth=0.8, linestyle=":", label="90 % of the starts")
    ax.set_yscale("log")
    legend_beside(ax, borderaxespad=0.4)
    finish(ax, y="updates")


def _fidelity(ax: Any, result: Any, values: Any, order: Any) -> None:
    landed = 100.0 * result.fidelity[order]
    ax.plot(values, landed, color=_FIDELITY, linewidth=1.6, label="landed where\ngradient flow does")
    if result.fidelity_low is not None and result.fidelity_high is not None:
        low, high = 100.0 * result.fidelity_low[order], 100.0 * result.fidelity_high[order]
        ax.fill_between(values, low, high, color=_FIDELITY, alpha=0.25, linewidth=0)
    ax.set_ylim(-3.0, 103.0)
    legend_beside(ax, borderaxespad=0.4)
    finish(ax, y="fidelity, %")


def _marks(ax: Any, result: Any, name: str, *, named: bool) -> None:
    """Mark thresholds and the recommended value; name them above the top panel."""
    marks = _thresholds(result, *ax.get_xlim())
    lines = [(at, {"color": INK, "linewidth": 0.9, "linestyle": "--"}) for at in marks.values()]
    if result.recommended is not None:
        lines.append((result.recommended.values[name], {"color": _RECOMMENDED, "linewidth": 1.4}))
    for at, style in lines:
        if named:  # on the filled areas
            ax.axvline(at, color="white", linewidth=2.4, alpha=0.8)
        ax.axvline(at, **style, zorder=2 if named else 1)
    if named:
        for label, at in marks.items():
            _name(ax, label, at)


def _thresholds(result: Any, low: float, high: float) -> dict[str, float]:
    """The theoretical thresholds within the picture; the last one only if it is not too close to the second."""
    if result.curvatures is None or not result.constant_rate:
        return {}
    one, two, last = result.curvatures.thresholds.values()
    apart = np.log(last / two) / np.log(high / low) if low > 0.0 else (last - two) / (high - low)
    marks = {"1/L": one, "2/L": two} | ({"last 2/L": last} if apart > _APART else {})
    return {label: at for label, at in marks.items() if low <= at <= high}


def _name(ax: Any, label: str, at: float) -> None:
    place = ("data", "axes fraction"), "offset points"
    ax.annotate(label, (at, 1.0), (0, 3), *place, color=INK, ha="center", fontsize=NOTE_SIZE)


def _logarithmic(values: np.ndarray) -> bool:
    """Whether an axis of these values is logarithmic."""
    return bool(values.min() > 0.0 and values.max() > _LOG_RATIO * values.min())


def _is_grid(result: Any) -> bool:
    """Whether the values are every combination of two or more of each of two hyperparameters."""
    first, second = result.values.values()
    sides = len(np.unique(first)), len(np.unique(second))
    return min(sides) > 1 and len(np.unique([first, second], axis=1).T) == result.n_values == sides[0] * sides[1]


def _draw_maps(result: Any) -> Any:
    """Draw one map per quantity, the first hyperparameter across, the second up; a cross marks the recommendation."""
    from matplotlib.colors import LogNorm

    (across, x), (up, y) = result.values.items()
    shares = {"vmin": 0.0, "vmax": 100.0, "cmap": "viridis"}
    converged = 100.0 * (result.monotone + result.oscillating)
    panels: list[tuple[str, np.ndarray, dict]] = [("converges, % of the starts", converged, shares)]
    finite = np.isfinite(result.nit_median)
    if finite.any():
        updates = np.maximum(result.nit_median, 1.0)
        norm = LogNorm(updates[finite].min(), max(updates[finite].max(), 1.01 * updates[finite].min()))
        panels.append(("median updates", updates, {"norm": norm, "cmap": "cividis_r"}))
    if result.fidelity is not None:
        panels.append(("fidelity, % of the starts", 100.0 * result.fidelity, shares))
    columns, rows = np.unique(x, return_inverse=True), np.unique(y, return_inverse=True)
    axes = np.atleast_1d(new_axes((1.0 + 3.6 * len(panels), 3.9), 1, len(panels), sharey=True))
    for ax, (title, values, colours) in zip(axes, panels, strict=True):
        cells = np.full((len(rows[0]), len(columns[0])), np.nan)
        cells[rows[1], columns[1]] = values
        image = ax.pcolormesh(columns[0], rows[0], np.ma.masked_invalid(cells), shading="nearest", **colours)
        ax.set_facecolor("#DDDDDD")
        ax.figure.colorbar(image, ax=ax, location="bottom", aspect=30).ax.tick_params(labelsize=NOTE_SIZE)
        place: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "ha": "center"}
        ax.annotate(title, (0.5, 1.0), (0, 4), fontsize=LABEL_SIZE, **place)  # a title would move with the headline
        if _logarithmic(columns[0]):
            ax.set_xscale("log")
        if _logarithmic(rows[0]):
            ax.set_yscale("log")
        if result.recommended is not None:
            at = result.recommended.values
            ax.plot(at[across], at[up], "X", color=_RECOMMENDED, markeredgecolor="white", markersize=9)
        finish(ax, _spaced(across), _spaced(up) if ax is axes[0] else "", hide=())
    note = f"{_starts_and_values(result)}; the cross is the recommended one\n "
    headline(axes[0], f"{_function(result)}: what {_spaced(across)} and {_spaced(up)} do", note)
    return axes


def _function(result: Any) -> str:
    return f"{result.batch.objective.name}, {result.batch.objective.dim}-D"


def _starts_and_values(result: Any) -> str:
    return f"{result.n_starts:,} starts at each of {result.n_values:,} values"


def _spaced(name: str) -> str:
    return name.replace("_", " ")
