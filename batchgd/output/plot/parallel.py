"""Minima in parallel coordinates: one line per minimum, one vertical axis per coordinate."""

from typing import Any

import numpy as np

from batchgd.output.plot.canvas import colour_bar, finish, given_or_new, headline, name_of, starts_and_minima
from batchgd.output.plot.markers import KEYED, coloured_key
from batchgd.output.plot.pictures import register_picture
from batchgd.output.plot.style import INK, LABEL_SIZE, palette

_DRAWN = 1_000  # largest number of lines: the best minima
_ENDS = 12  # largest number of coordinates for which the ends of the box are written


@register_picture("minima in parallel coordinates", trajectories=False, dims=(2, None), instead="fractions")
def parallel(result: Any, ax: Any = None) -> Any:
    """Draw each minimum as a line over its coordinates, each coordinate from the lower to the upper end of the box.

    Where all lines meet, the minima agree in that coordinate. Up to 12 minima have the colours that they have in every
    picture; with more, darker lines are lower, and the best is drawn in black on top. At most 1,000 are drawn.

    References
    ----------
    A. Inselberg, "The plane with parallel coordinates", The Visual Computer 1, 1985.
    """
    minima, count, dim = result.minima, len(result.minima.fun), result.dim
    keyed, drawn = count <= KEYED, min(count, _DRAWN)
    ax = given_or_new(ax, (min(3.4 + 0.55 * dim, 9.0) + (1.8 if keyed else 1.0), 4.2))
    lower, upper = _ends(result)
    u = (np.asarray(minima.x[:drawn], dtype=float) - lower) / (upper - lower)
    _draw_lines(ax, u, np.asarray(minima.fun[:drawn], dtype=float), keyed)
    for k in range(dim):
        ax.axvline(k, color=INK, linewidth=0.6, zorder=1)
    _axes(ax, u, lower, upper)
    more = "" if drawn == count else f", the best {drawn:,} of {count:,}"
    title = f"{name_of(result, 'minima')}, {dim}-D: {starts_and_minima(result)}"
    headline(ax, title, f"each line: a minimum{more}; each axis: the box of a coordinate")
    if keyed:
        coloured_key(ax, result, 0)
    return ax


def _ends(result: Any) -> tuple[np.ndarray, np.ndarray]:
    if result.box is not None:
        return result.box.lower, result.box.upper
    lower, upper = np.min(result.minima.x, axis=0), np.max(result.minima.x, axis=0)
    return lower, np.where(upper > lower, upper, lower + 1.0)


def _draw_lines(ax: Any, u: np.ndarray, fun: np.ndarray, keyed: bool) -> None:
    """Worst first, so that the best are on top."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.collections import LineCollection
    from matplotlib.colors import Normalize

    lines = [np.column_stack([np.arange(u.shape[1]), row]) for row in u[::-1]]
    if keyed:
        ax.add_collection(LineCollection(lines, colors=palette(len(u))[::-1], linewidths=1.8, zorder=3, gid="minima"))
        return
    height = Normalize(float(fun.min()), float(fun.max()))
    colours = colormaps["cividis"](0.92 * height(fun[::-1]))
    colours[:, 3] = float(np.clip(40 / len(u), 0.12, 0.6)) + 0.35 * (1 - height(fun[::-1])) ** 2
    ax.add_collection(LineCollection(lines[:-1], colors=colours[:-1], linewidths=0.9, zorder=2, gid="minima"))
    ax.add_collection(LineCollection(lines[-1:], colors=[INK], linewidths=2.0, zorder=4, gid="best"))
    colour_bar(ax, ScalarMappable(height, "cividis"), aspect=30).set_label("fun", fontsize=LABEL_SIZE)


def _axes(ax: Any, u: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> None:
    dim = len(lower)
    ax.set_xlim(-0.15, dim - 0.85)
    ax.set_ylim(min(0.0, float(u.min())) - 0.03, max(1.0, float(u.max())) + 0.03)
    step = -(-dim // 20)
    ends = dim <= _ENDS
    names = [f"x{k}\n{lower[k]:.4g}\nto {upper[k]:.4g}" if ends else f"x{k}" for k in range(0, dim, step)]
    ax.set_xticks(range(0, dim, step), names)
    ax.axhspan(0, 1, color=INK, alpha=0.03, linewidth=0)
    finish(ax, y="place within the box (0 to 1)", hide=("top", "right", "bottom"))
