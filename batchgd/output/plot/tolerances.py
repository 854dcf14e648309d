"""The number of minima against the tolerance that tells them apart: does the count hang on it?"""

from typing import Any

import numpy as np

from batchgd.output.plot.canvas import given_or_new, headline, tidy
from batchgd.output.plot.style import INK, LABEL_SIZE, NOTE_SIZE, OKABE_ITO

_LOG_RATIO = 20.0  # most over fewest minima above which the axis is logarithmic


def tolerances(result: Any, ax: Any = None, *, x: Any = None, f: float | None = None) -> Any:
    """Draw how many minima the result has by ``Identity(x, f)``, for many x.

    A level stretch around the tolerance that was used (dotted) says that the number of minima does not hang on it.

    Parameters
    ----------
    result : MultistartResult
        With its function, and endpoints or cells; see ``result.recluster``.
    ax : matplotlib Axes, optional
        Where to draw; a new figure without.
    x : (k,) array, optional
        Tolerances in box widths; 24 from 1e-12 to 0.3 when left out.
    f : float, optional
        That of the result when left out.

    Returns
    -------
    Axes
    """
    from batchgd.analysis.basins.recluster import minima_against_tolerance

    counts = minima_against_tolerance(result, x, f)
    ax = given_or_new(ax, (6.4, 3.8))
    order = np.argsort(counts.x)
    ax.plot(
        counts.x[order],
        counts.minima[order],
        color=OKABE_ITO[0],
        linewidth=1.4,
        marker="o",
        markersize=4,
        drawstyle="steps-mid",
        gid="minima",
    )
    used = result.identity.x
    ax.axvline(used, color=INK, linewidth=0.8, linestyle=":", gid="used")
    ax.annotate(
        f" used: {result.identity.x:.2g}",
        (result.identity.x, 0.03),
        xycoords=("data", "axes fraction"),
        fontsize=NOTE_SIZE,
    )
    ax.set_xscale("log")
    least, most = int(counts.minima.min()), int(counts.minima.max())
    if most > _LOG_RATIO * max(least, 1):
        ax.set_yscale("log")
    else:
        from matplotlib.ticker import MaxNLocator

        ax.set_ylim(0, 1.12 * max(most, 1))
        ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    name = getattr(result.objective, "name", None) or "minima"
    headline(
        ax,
        f"{name}: {result.n:,} starts, {len(result.minima):,} minima",
        f"distinct minima by identity x, with f = {counts.f:.2g}; level: the number does not depend on it",
    )
    ax.set_xlabel("identity x, box widths", fontsize=LABEL_SIZE)
    ax.set_ylabel("distinct minima", fontsize=LABEL_SIZE)
    ax.grid(axis="y", color=INK, alpha=0.12, linewidth=0.5)
    ax.spines[["top", "right"]].set_visible(False)
    tidy(ax)
    return ax
