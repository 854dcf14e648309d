"""The picture of a 2-D function by itself: its values and its known minima."""

from typing import Any

import numpy as np

from batchgd.output.plot.basins import figure_size
from batchgd.output.plot.canvas import colour_bar, finish_plane, given_or_new, grid_values, headline, shading
from batchgd.output.plot.markers import draw_minima
from batchgd.problem.errors import InputError
from batchgd.problem.wording import minima_counted

_GLOBAL = 1e-6  # minima this close to the lowest value, relative, are global: declared places are rounded


def landscape(function: Any, box: Any = None, ax: Any = None) -> Any:
    """Draw a function of two variables as shaded contours, with its known minima, the global ones starred.

    Parameters
    ----------
    function : str, Landscape or Objective
        A library landscape or its name; or an objective, which then has no known minima.
    box : Box or what makes one, optional
        The region; default: that of the landscape.
    ax : matplotlib Axes, optional
        Where to draw; default: a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If the name is unknown, the function does not have two dimensions, or an objective has no box.
    """
    from batchgd.compiler.resolve import as_objective
    from batchgd.problem import landscapes
    from batchgd.problem.box import Box

    known: Any = landscapes.get(function) if isinstance(function, str) else function
    minima, total = np.empty((0, 2)), None
    objective = known
    if isinstance(known, landscapes.Landscape):
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
    ax = given_or_new(ax, figure_size(box.width, 1.6))
    u, v, values = grid_values(objective, box.lower, box.upper, 301)
    filled = shading(ax, u, v, values, 18, "cividis", "white", 0.4)
    if filled is not None:
        steps = filled.levels
        bar = colour_bar(ax, filled, shrink=0.92, ticks=steps[:: max(1, len(steps) // 6)])
        bar.ax.set_yticklabels([f"{tick:.3g}" for tick in bar.get_ticks()])
    finish_plane(ax, box.lower, box.upper)
    note = "shading: value"
    if len(minima):
        draw_minima(ax, minima, objective.value(minima), equal=_GLOBAL)
        every = max(total or 0, len(minima))
        part = f"{len(minima):,} of " if every > len(minima) else ""
        note += f"; {part}{minima_counted(every)}, global ★"
    headline(ax, title, note)
    return ax
