"""Values on planes through the best minimum: the picture for more than two dimensions."""

from itertools import combinations
from typing import Any

import numpy as np

from batchgd.output.plot.basins import region
from batchgd.output.plot.canvas import (
    figure_title,
    finish_plane,
    given_axes,
    name_of,
    new_panels,
    shading,
    starts_and_minima,
)
from batchgd.output.plot.limits import draw_bounds, values_within, with_margin
from batchgd.output.plot.pictures import register_picture
from batchgd.output.plot.style import INK, NOTE_SIZE, OKABE_ITO, STAR, palette
from batchgd.problem import check
from batchgd.problem.arrays import host
from batchgd.problem.errors import InputError, quoted

_PANELS = 6
_IN_PLANE = 1e-3  # of the box: a minimum this close to the plane is in it
_SIDE = 121
_DOTS = 4_000
_PROJECTED = 300  # projected minima marked on a panel: more would hide what is below them
_MARKED = 1_000  # minima in the plane marked on a panel


@register_picture(
    "values on planes through the best minimum, for more than two dimensions", dims=(2, None), instead="waterfall"
)
def slices(result: Any, pairs: Any = None, axes: Any = None) -> np.ndarray:
    """Draw the function on planes through the best minimum, each along two coordinates with the others held there.

    Shading and contours show the function's value on the plane. Minima in the plane are filled circles, and the
    best is starred. All others are small open circles at their projections, where the shading is not their value. If
    the function is not available, the projected starts are drawn instead, coloured by minimum.

    Parameters
    ----------
    pairs : sequence of (int, int), optional
        Pairs of coordinates; default: up to six, all of them in 3-D and 4-D, neighbours beyond.
    axes : sequence of matplotlib Axes, optional
        One for each pair; default: a new figure.

    Returns
    -------
    array of Axes
        One for each pair.

    Raises
    ------
    InputError
        If a pair does not name two different coordinates.
    """
    chosen = choose_pairs(result.dim, pairs)
    panels = None if axes is None else np.array(given_axes(axes, len(chosen)), dtype=object)
    starts = None if result.starts is None else result.start_points(0, min(result.n, _DOTS))
    lower, upper = region(result.box, np.asarray(result.minima.x) if starts is None else starts)
    away = np.abs(np.asarray(result.minima.x) - result.minima.x[0]) > _IN_PLANE * np.asarray(upper - lower)
    inside = [away.sum(axis=1) == away[:, i].astype(np.int64) + away[:, j] for i, j in chosen]
    panels = _figure(result, chosen, _key(inside)) if panels is None else panels
    for ax, pair, within in zip(panels, chosen, inside, strict=True):
        _panel(ax, result, pair, lower, upper, starts, within)
    return panels


def choose_pairs(dim: int, pairs: Any = None) -> list[tuple[int, int]]:
    """Return the pairs of coordinates to draw.

    >>> choose_pairs(3), choose_pairs(7)[:2]
    ([(0, 1), (0, 2), (1, 2)], [(0, 1), (2, 3)])
    """
    if pairs is None:
        every = list(combinations(range(dim), 2))
        return every if len(every) <= _PANELS else [(j, (j + 1) % dim) for j in range(0, dim, 2)][:_PANELS]
    wanted = f"give at least one pair of different coordinates, 0 to {dim - 1}, as in [(0, 1)], or omit it"
    chosen = check.reals("pairs holds", pairs, wanted)
    if chosen.ndim != 2 or chosen.shape[1] != 2 or len(chosen) == 0 or chosen.dtype.kind not in "iu":
        raise InputError(f"pairs is {quoted(pairs)}: {wanted}")
    for i, j in chosen.tolist():
        if i == j or not 0 <= min(i, j) <= max(i, j) < dim:
            raise InputError(f"({i}, {j}) is not a pair of coordinates: give two different ones of 0..{dim - 1}")
    return [(i, j) for i, j in chosen.tolist()]


def _figure(result: Any, chosen: list[tuple[int, int]], key: str) -> Any:
    columns = 2 if len(chosen) in (2, 4) else min(3, len(chosen))
    axes = new_panels(len(chosen), columns, lambda rows: (max(2.9 * columns, 5.8) + 0.4, 2.55 * rows + 0.85))
    figure_title(axes[0], f"{name_of(result, 'slices')}, {result.dim}-D: {starts_and_minima(result)}")
    best = "the best minimum ★" if result.minima.inside[0] else "the best minimum, which is outside the box"
    what = f"value on planes through {best}, the other coordinates held there"
    if not result.has_function:
        what = f"starts, projected, in the colour of their minimum; {best}"
    axes[0].figure.supxlabel(
        f"{what}\n{key}",
        x=0.012,
        ha="left",
        fontsize=NOTE_SIZE,
        color="#555555",
    )
    return axes


def _key(inside: list[np.ndarray]) -> str:
    """Explain the marks; ``inside``: for each panel, which minima are in its plane."""
    filled, few = "● minimum in the plane", "○ minimum elsewhere, projected"
    filled += f" (the {_MARKED:,} lowest)" if max(np.sum(within) for within in inside) > _MARKED + 1 else ""
    few += f" (the {_PROJECTED} lowest)" if max(np.sum(~within) for within in inside) > _PROJECTED else ""
    return f"{filled}   {few}"


def _panel(ax: Any, result: Any, pair: tuple[int, int], lower: Any, upper: Any, starts: Any, inside: Any) -> None:
    i, j = pair
    low, high = lower[[i, j]], upper[[i, j]]
    best = np.asarray(result.minima.x[0], dtype=float)
    if result.has_function:
        u, v, values = values_within(result.objective, result.bounds, low, high, _SIDE, best, pair)
        shading(ax, u, v, values, 14, "Blues_r", INK, 0.35)
    elif starts is not None:
        label = host(result.label)[: len(starts)]
        colours = np.concatenate([palette(len(result.minima.fun)), [[0.79] * 3]])[label]
        ax.scatter(starts[:, i], starts[:, j], s=5, c=colours, linewidths=0, alpha=0.6, zorder=1)
    _mark(ax, result.minima, pair, np.asarray(upper - lower), inside)
    finish_plane(ax, *with_margin(result.bounds, low, high, pair), (f"x{i}", f"x{j}"))
    draw_bounds(ax, result.bounds, pair)


def _mark(ax: Any, minima: Any, pair: tuple[int, int], width: np.ndarray, inside: np.ndarray) -> None:
    """Mark the minima, those inside the plane filled."""
    points = np.asarray(minima.x, dtype=float)
    projected = np.flatnonzero(~inside)[:_PROJECTED]
    places = np.unique(np.round(points[projected][:, list(pair)] / width[list(pair)], 4), axis=0) * width[list(pair)]
    ax.scatter(*places.T, s=13, facecolors="none", edgecolors=INK, linewidths=0.6, zorder=3, gid="projected")
    here = np.flatnonzero(inside)[1 : 1 + _MARKED]
    inner, best = points[here][:, list(pair)].T, points[:1, list(pair)].T
    ax.scatter(*inner, s=26, color=OKABE_ITO[1], edgecolors=INK, linewidths=0.7, zorder=4, gid="minima")
    ax.scatter(*best, s=150, marker="*", color=STAR, edgecolors=INK, linewidths=0.8, zorder=5, gid="best")
