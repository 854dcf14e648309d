"""The discovery curve: how many distinct minima the starts show, and how many more starts would show."""

from typing import Any

import numpy as np

from batchgd.output.plot.canvas import finish, given_or_new, headline, name_of
from batchgd.output.plot.pictures import register_picture
from batchgd.output.plot.style import INK, NOTE_SIZE, OKABE_ITO
from batchgd.problem.wording import minima_counted, plural

_POINTS = 200  # along the curve
_ROOM = 1.6  # times the minima seen: a Chao1 bound higher than that is not drawn
_FIRST = 1e-3  # of the starts: the curve begins there if its axis is logarithmic
_EARLY = 0.05  # of the starts: if they show nearly all minima, the axis is logarithmic


@register_picture("distinct minima against the number of starts, and what more starts would show", trajectories=False)
def discovery(result: Any, ax: Any = None) -> Any:
    """Draw the discovery curve: the expected number of distinct minima against the number of starts.

    Up to the starts of the run it is exact (rarefaction); beyond, up to twice as many, it is an extrapolation (dashed),
    drawn if the starts are independent. A dotted line is Chao1's lower bound on the number of minima. The axis is
    logarithmic if a twentieth of the starts shows nine tenths of the minima.
    """
    coverage = result.coverage
    seen, n = coverage.seen, coverage.n
    ax = given_or_new(ax, (6.4, 4.0))
    log = n > 1 / _FIRST and float(coverage.curve(_EARLY * n)) > 0.9 * seen
    inside = np.geomspace(max(1.0, _FIRST**1.5 * n), n, _POINTS) if log else np.linspace(0, n, _POINTS)
    ax.plot(inside, coverage.curve(inside), color=OKABE_ITO[0], linewidth=1.8, zorder=3, gid="seen")
    if not coverage.note:
        beyond = np.linspace(n, 2 * n, _POINTS // 4)
        curve = coverage.curve(beyond)
        ax.plot(beyond, curve, color=OKABE_ITO[0], linewidth=1.8, linestyle=(0, (4, 2)), zorder=3, gid="foreseen")
    ax.scatter([n], [seen], s=34, color=OKABE_ITO[0], edgecolors="white", linewidths=0.8, zorder=4, gid="run")
    if log:
        ax.set_xscale("log")
    least, top = coverage.chao1, 1.08 * max(float(ax.get_lines()[-1].get_ydata()[-1]), seen)
    if seen < least <= _ROOM * seen:
        top = max(top, 1.05 * least)
        ax.axhline(least, color=INK, linewidth=0.8, linestyle=":", zorder=2, gid="chao1")
        at = (0.01, least), (2, 3)
        ax.annotate(
            f"at least {least:,.0f} minima (Chao1)", *at, ("axes fraction", "data"), "offset points", fontsize=NOTE_SIZE
        )
    ax.set_ylim(0, top)
    return _finish(ax, result, coverage)


def _finish(ax: Any, result: Any, coverage: Any) -> Any:
    from matplotlib.ticker import MaxNLocator

    note = coverage.sentence() if not coverage.note else "expected minima among that many of the starts"
    dashed = "" if coverage.note else f"\n– – what another {result.n:,} starts would show"
    title = f"{name_of(result, 'minima')}: {plural(result.n, 'start')}, {minima_counted(coverage.seen)}"
    headline(ax, title, f"{note.split(';')[0]}{dashed}")
    if ax.get_xscale() == "linear":
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    return finish(ax, "starts", "distinct minima", grid="y")
