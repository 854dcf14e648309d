"""How many updates the trajectories made, by their status."""

from typing import Any

import numpy as np

from batchgd.kernels.status import Status
from batchgd.output.plot.canvas import finish, given_or_new, headline, legend_beside, name_of
from batchgd.output.plot.pictures import register_picture
from batchgd.output.plot.style import STATUS_COLOURS
from batchgd.problem.arrays import host

_BINS = 50
_LOG_RATIO = 50


@register_picture("histogram of the updates made, by status", minima=False)
def iterations(result: Any, ax: Any = None) -> Any:
    """Draw a histogram of ``nit``, one outline for each status; bars are not stacked.

    The horizontal axis is logarithmic if the longest trajectory made over 50 times as many updates as the median one,
    the vertical axis if the tallest bar is over 50 times as high as the lowest.
    """
    ax = given_or_new(ax, (6.4, 4.0))
    nit, status = host(result.nit), host(result.status)
    edges, log_x = _edges(nit)
    zeros = log_x and int(nit.min()) == 0
    nit = np.maximum(nit, 1) if zeros else nit
    heights: list[np.ndarray] = []
    for name, count in result.status_counts().items():
        counts, _ = np.histogram(nit[status == Status[name]], bins=edges)
        heights.append(counts)
        ax.stairs(counts, edges, fill=True, color=STATUS_COLOURS[name], alpha=0.5, label=f"{name}  {count:,}", zorder=2)
        ax.stairs(counts, edges, color=STATUS_COLOURS[name], linewidth=1.0, zorder=3)
    filled = np.concatenate(heights) if heights else np.zeros(0, dtype=int)
    filled = filled[filled > 0]
    if len(filled) and filled.max() > _LOG_RATIO * filled.min():
        ax.set_yscale("log")
        ax.set_ylim(0.5, 2.0 * filled.max())
    if log_x:
        ax.set_xscale("log")
    median = f"median {np.median(host(result.nit)):,.0f}, longest {nit.max():,}" if len(nit) else "no trajectories"
    headline(ax, f"{name_of(result, 'updates')}: updates of {result.n:,} trajectories", median)
    if heights:
        legend_beside(ax, title="ended by")
    return finish(ax, "updates (nit; 0 is drawn at 1)" if zeros else "updates (nit)", "trajectories", grid="y")


def _edges(nit: np.ndarray) -> tuple[np.ndarray, bool]:
    """Bin edges between whole numbers, and whether they grow by equal factors."""
    if len(nit) == 0:
        return np.array([-0.5, 0.5]), False
    low, high = int(nit.min()), int(nit.max())
    if high > _LOG_RATIO * max(float(np.median(nit)), 1.0):
        return np.unique(np.round(np.geomspace(max(low, 1), high + 1, _BINS + 1))) - 0.5, True
    step = max(1, -(-(high - low + 1) // _BINS))
    return np.arange(low, high + step + 1, step) - 0.5, False
