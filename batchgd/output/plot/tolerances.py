"""The number of minima against the tolerance that separates them: does the count depend on it?"""

from typing import Any

import numpy as np

from batchgd.output.plot.canvas import finish, given_or_new, headline, name_of, starts_and_minima
from batchgd.output.plot.style import INK, NOTE_SIZE, OKABE_ITO

_LOG_RATIO = 20.0  # most over fewest minima above which the axis is logarithmic


def draw_tolerances(result: Any, x: Any, minima: Any, f: float, ax: Any = None) -> Any:
    """Draw how many minima a result has under ``Identity(x, f)``, for several x, (k,), and one f; returns the axes."""
    ax = given_or_new(ax, (6.4, 3.8))
    order, used = np.argsort(x), result.identity.x
    style: dict[str, Any] = {"color": OKABE_ITO[0], "linewidth": 1.4, "marker": "o", "markersize": 4}
    ax.plot(x[order], minima[order], drawstyle="steps-mid", gid="minima", **style)
    ax.axvline(used, color=INK, linewidth=0.8, linestyle=":", gid="used")
    ax.annotate(f" used: {used:.2g}", (used, 0.03), xycoords=("data", "axes fraction"), fontsize=NOTE_SIZE)
    ax.set_xscale("log")
    least, most = int(minima.min()), int(minima.max())
    if most > _LOG_RATIO * max(least, 1):
        ax.set_yscale("log")
    else:
        from matplotlib.ticker import MaxNLocator

        ax.set_ylim(0, 1.12 * max(most, 1))
        ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    note = f"distinct minima by identity x, with f = {f:.2g}; level: the number does not depend on it"
    headline(ax, f"{name_of(result, 'minima')}: {starts_and_minima(result)}", note)
    return finish(ax, "identity x, box widths", "distinct minima", grid="y")
