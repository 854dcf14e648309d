"""The picture of a 2-D function by itself: its values, and the minima that are known."""

from typing import Any

import numpy as np

from batchgd.output.plot.canvas import colour_bar, finish_plane, given_or_new, grid_values, headline, shading
from batchgd.output.plot.style import INK, STAR
from batchgd.problem.errors import InputError
from batchgd.problem.wording import minima_counted

_GLOBAL = 1e-6  # minima this close to the least value, in units of the value, are global


def landscape(function: Any, box: Any = None, ax: Any = None) -> Any:
    """Draw a function of two variables as shaded contours, with its known minima, the global ones starred.

    Parameters
    ----------
    function : str, Landscape or Objective
        A library landscape or its name; or an objective, which then has no known minima.
    box : Box or what makes one, optional
        The region; the landscape's own when left out.
    ax : matplotlib Axes, optional
        Where to draw; a new figure without.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        For an unknown name, a function that has not two dimensions, or an objective without a box.
    """
    from batchgd.compiler.resolve import as_objective
    from batchgd.problem import landscapes
    from batchgd.problem.box import Box

    known: Any = landscapes.get(function) if isinstance(function, str) else function
    minima, total = np.empty((0, 2)), None
    objective = known
    if hasattr(known, "minima"):
        objective, minima, total = as_objective(known, 2), np.asarray(known.minima(2)), known.n_minima(2)
        box = known.box(2) if box is None else box
    if getattr(objective, "dim", 2) != 2:
        raise InputError(f"a picture of a function needs 2 dimensions, this one has {objective.dim}")
    box = getattr(objective, "box", None) if box is None else box
    if box is None:
        raise InputError("a picture needs a region; pass box=[(lo, hi), (lo, hi)]")
    region = Box.parse(box, dim=2)
    title = getattr(known, "title", None) or getattr(objective, "name", None) or "landscape"
    return draw_landscape(objective, region, minima, title, ax, total)


def draw_landscape(
    objective: Any, box: Any, minima: np.ndarray, title: str, ax: Any = None, total: int | None = None
) -> Any:
    """Draw values and minima on a region, ``total`` being how many there are in all; see :func:`landscape`."""
    width, height = box.width
    ratio = float(np.clip(height / width, 0.5, 2.0)) if 0.5 <= height / width <= 2.0 else 1.0
    ax = given_or_new(ax, (5.0 / max(ratio, 1.0) + 1.6, 5.0 * min(ratio, 1.0) + 0.8))
    u, v, values = grid_values(objective, box.lower, box.upper, 301)
    filled = shading(ax, u, v, values, 18, "cividis", "white", 0.4)
    if filled is not None:
        steps = filled.levels
        bar = colour_bar(ax, filled, shrink=0.92, ticks=steps[:: max(1, len(steps) // 6)])
        bar.ax.set_yticklabels([f"{tick:.3g}" for tick in bar.get_ticks()])
    headline(ax, title, "shading: value" + _mark(ax, objective, minima, total))
    return finish_plane(ax, box.lower, box.upper)


def _mark(ax: Any, objective: Any, minima: np.ndarray, total: int | None) -> str:
    """Circles on the known minima, stars on the global ones; returns what to say about them."""
    if len(minima) == 0:
        return ""
    values = np.asarray(objective.value(minima))
    best = values <= values.min() + _GLOBAL * max(1.0, abs(float(values.min())))
    few = float(np.clip(1_500 / len(minima), 3, 22))
    ax.scatter(*minima[~best].T, s=few, color="white", edgecolors=INK, linewidths=0.5, zorder=4, gid="minima")
    size = float(np.clip(1_200 / int(best.sum()), 60, 190))
    ax.scatter(*minima[best].T, s=size, marker="*", color=STAR, edgecolors=INK, linewidths=0.8, zorder=5, gid="best")
    if total is not None and total > len(minima):
        return f"; {len(minima):,} of {total:,} minima, global ★"
    return f"; {minima_counted(len(minima))}, global ★"
