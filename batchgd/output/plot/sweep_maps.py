"""A sweep over two hyperparameters: maps of the share that converges, of the updates and of fidelity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from batchgd.output.plot.canvas import headline, new_axes, tidy
from batchgd.output.plot.style import LABEL_SIZE, NOTE_SIZE

if TYPE_CHECKING:
    from batchgd.analysis.sweeps.sweep_result import SweepResult

_LOG_RATIO = 10.0  # of the largest over the smallest value: beyond, the axis is logarithmic


def logarithmic(values: np.ndarray) -> bool:
    """Whether an axis of these values is logarithmic."""
    return bool(values.min() > 0.0 and values.max() > _LOG_RATIO * values.min())


def is_grid(result: SweepResult) -> bool:
    """Whether the values are every combination of two or more of each of two hyperparameters."""
    first, second = result.values.values()
    sides = len(np.unique(first)), len(np.unique(second))
    return min(sides) > 1 and len(np.unique([first, second], axis=1).T) == result.n_values == sides[0] * sides[1]


def draw_maps(result: SweepResult) -> Any:
    """Draw one map per quantity, the first hyperparameter to the right, the second upwards; a cross is recommended."""
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
        ax.set_xlabel(across.replace("_", " "), fontsize=LABEL_SIZE)
        if logarithmic(columns[0]):
            ax.set_xscale("log")
        if logarithmic(rows[0]):
            ax.set_yscale("log")
        if result.recommended is not None:
            at = result.recommended.values
            ax.plot(at[across], at[up], "X", color="#D55E00", markeredgecolor="white", markersize=9)
        tidy(ax)
    axes[0].set_ylabel(up.replace("_", " "), fontsize=LABEL_SIZE)
    objective = f"{result.batch.objective.name}, {result.batch.objective.dim}-D"
    note = f"{result.n_starts:,} starts at each of {result.n_values:,} values; the cross is recommended\n "
    headline(axes[0], f"{objective}: what {across.replace('_', ' ')} and {up.replace('_', ' ')} do", note)
    return axes
