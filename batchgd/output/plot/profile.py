"""The performance profile of a comparison: how often each method is within a factor of the cheapest one."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.output.plot.canvas import finish, given_or_new, headline, legend_beside
from batchgd.output.plot.style import palette
from batchgd.problem.errors import InputError

_WIDEST = 1e3  # largest factor shown
_DASHES = ("-", "--", ":", "-.")  # the dashes change each time the colours repeat in lightness


def profile(table: Any, ax: Any = None) -> Any:
    """Draw the share ρ(τ) of problems on which a method needs at most τ times the evaluations of the cheapest method.

    A problem is one start on one landscape; a method that does not come to rest at a minimum never solves it.
    ρ(1) is how often a method is the cheapest, and ρ at the right is how often it solves a problem at all.

    Parameters
    ----------
    table : Comparison
        What ``bgd.compare`` returned.
    ax : matplotlib Axes, optional
        Where to draw; default: a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If no landscape has a result of every method.

    References
    ----------
    E. D. Dolan and J. J. Moré, Math. Program. 91 (2002) 201, equation 2.1.
    """
    names, ratio = ratios(table)
    ax = given_or_new(ax, (8.2, 4.6))
    factors = np.geomspace(1.0, _WIDEST, 400)
    order = np.argsort([-float(np.mean(row <= _WIDEST)) for row in ratio], kind="stable")
    for k, (row, colour) in enumerate(zip(order, palette(len(names)), strict=True)):
        share = np.searchsorted(np.sort(ratio[row]), factors, side="right") / ratio.shape[1]
        dashes = _DASHES[k // 7 % len(_DASHES)]
        ax.plot(factors, 100 * share, color=colour, linewidth=1.4, linestyle=dashes, label=names[row], gid="profile")
    ax.set_xscale("log")
    ax.set_xlim(1.0, _WIDEST)
    ax.set_ylim(-2, 102)
    problems = (
        f"{ratio.shape[1]:,} problems: {table.starts:,} starts on each of {ratio.shape[1] // table.starts:,} landscapes"
    )
    headline(ax, "performance profile", problems)
    legend_beside(ax, (1.02, 1.02))
    finish(ax, "evaluations, as a multiple of the cheapest method's", "problems solved, %", grid="both")
    return ax


def ratios(table: Any) -> tuple[list[str], NDArray[np.float64]]:
    """Return the methods, and the ratios of their evaluations to the cheapest, (methods, problems); inf if unsolved.

    Landscapes on which a cell is missing are omitted, and problems that no method solves count against all.
    """
    names = table.methods
    cells = {(cell.method, cell.landscape): cell for cell in table if cell.error is None}
    complete = [place for place in table.landscapes if all((name, place) in cells for name in names)]
    if not complete:
        raise InputError("no landscape has a result of every method: there is no profile to draw")
    cost = np.array([np.concatenate([cells[name, place].evaluations for place in complete]) for name in names])
    cheapest = cost.min(axis=0)
    with np.errstate(invalid="ignore"):
        return names, np.where(np.isfinite(cost), cost / cheapest, np.inf)
