"""The picture of a 2-D function by itself: its values, and the minima that are known."""

from typing import Any

import numpy as np

from batchgd.output.plot.canvas import fit_aspect, given_or_new, grid_values, headline, levels, tidy
from batchgd.output.plot.style import INK, LABEL_SIZE, NOTE_SIZE, STAR
from batchgd.problem.errors import InputError

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
    from matplotlib.colors import BoundaryNorm

    width, height = box.width
    ratio = float(np.clip(height / width, 0.5, 2.0)) if 0.5 <= height / width <= 2.0 else 1.0
    ax = given_or_new(ax, (5.0 / max(ratio, 1.0) + 1.6, 5.0 * min(ratio, 1.0) + 0.8))
    u, v, values = grid_values(objective, box.lower, box.upper, 301)
    steps = levels(values, 18)
    if len(steps) > 1:
        norm = BoundaryNorm(steps, 256, extend="both")
        filled = ax.contourf(u, v, values, levels=steps, cmap="cividis", norm=norm, extend="both", zorder=0)
        ax.contour(u, v, values, levels=steps, colors="white", linewidths=0.3, alpha=0.4, linestyles="solid", zorder=1)
        bar = ax.figure.colorbar(filled, ax=ax, shrink=0.92, pad=0.02, ticks=steps[:: max(1, len(steps) // 6)])
        bar.ax.set_yticklabels([f"{tick:.3g}" for tick in bar.get_ticks()])
        bar.ax.tick_params(labelsize=NOTE_SIZE, width=0.6, length=3)
        bar.outline.set_linewidth(0.6)
    note = "shading: value" + _mark(ax, objective, minima, total)
    headline(ax, title, note)
    ax.set_xlim(box.lower[0], box.upper[0])
    ax.set_ylim(box.lower[1], box.upper[1])
    ax.set_xlabel("x0", fontsize=LABEL_SIZE)
    ax.set_ylabel("x1", fontsize=LABEL_SIZE)
    fit_aspect(ax, width, height)
    tidy(ax)
    return ax


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
    return f"; {'1 minimum' if len(minima) == 1 else f'{len(minima):,} minima'}, global ★"
