"""A sweep at a glance: stacked shares of the four regimes over the value, updates and fidelity below."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from batchgd.analysis.sweeps.tally import REGIMES
from batchgd.output.plot.canvas import check_path, headline, new_axes, tidy, write
from batchgd.output.plot.style import INK, LABEL_SIZE, NOTE_SIZE
from batchgd.output.plot.sweep_maps import draw_maps, is_grid, logarithmic
from batchgd.problem.errors import InputError
from batchgd.problem.optional import require

if TYPE_CHECKING:
    from batchgd.analysis.sweeps.sweep_result import SweepResult

REGIME_COLOURS = {"slow": "#B9C4CE", "monotone": "#0072B2", "oscillating": "#E69F00", "lost": "#333333"}
_ABOUT = {
    "slow": "slow: not there yet",
    "monotone": "converges monotonically",
    "oscillating": "converges with oscillation",
    "lost": "lost: diverges or never settles",
}
_RECOMMENDED = "#D55E00"
_APART = 0.07  # of the axis: names of thresholds that are closer would overlap


def draw_sweep(result: SweepResult, path: str | Path | None = None) -> Any:
    """Draw the picture of a sweep over one or two hyperparameters, and write it where a path is given.

    Over one: regimes, updates and, where it was asked for, fidelity, from the top. Thresholds of theory (plain gradient
    descent only) and the recommended value are marked in all. Over every combination of two: maps of the share that
    converges, of the updates and of fidelity. Returns the axes.

    Raises
    ------
    InputError
        When the sweep has one value only or combines more hyperparameters, or the file cannot be written.
    """
    require("matplotlib", "plot")
    if path is not None:
        check_path(path)
    if len(result.values) == 2 and is_grid(result):
        axes = draw_maps(result)
        if path is not None:
            write(axes, path)
        return axes
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
    if logarithmic(values):
        axes[0].set_xscale("log")
    axes[0].set_xlim(values.min(), values.max())
    for ax in axes:
        _marks(ax, result, name, named=ax is axes[0])
        ax.spines[["top", "right"]].set_visible(False)
        tidy(ax)
    axes[-1].set_xlabel(name.replace("_", " ") + (" η" if name == "learning_rate" else ""), fontsize=LABEL_SIZE)
    if path is not None:
        write(axes, path)
    return axes


def _regimes(ax: Any, result: SweepResult, values: Any, order: Any) -> None:
    shares = [100.0 * getattr(result, regime)[order] for regime in REGIMES]
    colours = [REGIME_COLOURS[regime] for regime in REGIMES]
    ax.stackplot(values[order], *shares, colors=colours, labels=[_ABOUT[regime] for regime in REGIMES], linewidth=0)
    ax.set_ylim(0.0, 100.0)
    ax.set_ylabel("% of the starts", fontsize=LABEL_SIZE)
    name = next(iter(result.values))
    note = f"{result.n_starts:,} starts at each of {result.n_values:,} values"
    if result.recommended is not None:
        ax.plot([], [], color=_RECOMMENDED, linewidth=1.4, label=f"recommended: {result.recommended.values[name]:.4g}")
    objective = f"{result.batch.objective.name}, {result.batch.objective.dim}-D"
    headline(ax, f"{objective}: what the {name.replace('_', ' ')} does", note + "\n ")
    options = {"frameon": False, "fontsize": NOTE_SIZE, "alignment": "left"}
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.4, reverse=True, **options)


def _updates(ax: Any, result: SweepResult, values: Any, order: Any) -> None:
    median, tail = np.maximum(result.nit_median[order], 1.0), np.maximum(result.nit_tail[order], 1.0)
    ax.fill_between(values, median, tail, color=REGIME_COLOURS["monotone"], alpha=0.2, linewidth=0)
    ax.plot(values, median, color=REGIME_COLOURS["monotone"], linewidth=1.6, marker=".", markersize=4, label="median")
    ax.plot(values, tail, color=REGIME_COLOURS["monotone"], linewidth=0.8, linestyle=":", label="90 % of the starts")
    ax.set_yscale("log")
    ax.set_ylabel("updates", fontsize=LABEL_SIZE)
    ax.legend(
        loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.4, frameon=False, fontsize=NOTE_SIZE, title=None
    )


def _fidelity(ax: Any, result: SweepResult, values: Any, order: Any) -> None:
    assert result.fidelity is not None
    ax.plot(
        values, 100.0 * result.fidelity[order], color="#009E73", linewidth=1.6, label="landed where\ngradient flow does"
    )
    if result.fidelity_low is not None and result.fidelity_high is not None:
        low, high = 100.0 * result.fidelity_low[order], 100.0 * result.fidelity_high[order]
        ax.fill_between(values, low, high, color="#009E73", alpha=0.25, linewidth=0)
    ax.set_ylim(-3.0, 103.0)
    ax.set_ylabel("fidelity, %", fontsize=LABEL_SIZE)
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.4, frameon=False, fontsize=NOTE_SIZE)


def _marks(ax: Any, result: SweepResult, name: str, *, named: bool) -> None:
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


def _thresholds(result: SweepResult, low: float, high: float) -> dict[str, float]:
    """The thresholds of theory that lie in the picture; the last one only where it can be told from the second."""
    if result.curvatures is None or not result.constant_rate:
        return {}
    one, two, last = result.curvatures.thresholds.values()
    apart = np.log(last / two) / np.log(high / low) if low > 0.0 else (last - two) / (high - low)
    marks = {"1/L": one, "2/L": two} | ({"last 2/L": last} if apart > _APART else {})
    return {label: at for label, at in marks.items() if low <= at <= high}


def _name(ax: Any, label: str, at: float) -> None:
    place = {
        "xycoords": ("data", "axes fraction"),
        "textcoords": "offset points",
        "ha": "center",
        "fontsize": NOTE_SIZE,
    }
    ax.annotate(label, (at, 1.0), (0, 3), color=INK, **place)
