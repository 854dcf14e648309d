"""Pictures of basin maps: one colour per minimum, darker the more updates were made, borders and contours over it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.output.plot.basins import FRACTAL, borders, contour_count, figure_size, label_pixels, show_pixels
from batchgd.output.plot.canvas import (
    contour_lines,
    figure_title,
    finish_plane,
    given_or_new,
    headline,
    name_of,
    new_axes,
)
from batchgd.output.plot.limits import draw_bounds, with_margin
from batchgd.output.plot.markers import coloured_key, draw_minima, marked, wants_key
from batchgd.output.plot.style import INK, blend, palette
from batchgd.problem.bounds import kept_within
from batchgd.problem.wording import minima_counted

_FILL_SHARE = 0.80  # of the pure colour, where few updates were made
_DARKEST = 0.45  # of that, where many were
_SHOWN = 1200  # pixels of the picture along the longer side; a finer map is thinned
_CONTOURS = 201  # values along each side from which contours are drawn
_IN_PLANE = 1e-3  # of the window: a minimum nearer to the plane is in it
_ROUNDED = 1e-9  # box widths: a point less far outside the bounds is there by rounding
_PANEL = 3.1  # inches


def draw_map(
    basins: Any,
    ax: Any = None,
    *,
    shade: bool = True,
    contours: bool = True,
    key: bool | None = None,
    title: str | None = None,
    note: str | None = None,
) -> Any:
    """Draw a basin map.

    Parameters
    ----------
    basins : BasinMap
        What ``bgd.map`` returned.
    ax : matplotlib Axes, optional
        Where to draw; default: a new figure.
    shade : bool
        Darken pixels by the updates that their descents took, by rank.
    contours : bool
        Draw contours of the function over it.
    key : bool, optional
        List the minima next to the map; default: only if there are at most 12.
    title, note : str, optional
        Replacements for the usual ones; "" for none.

    Returns
    -------
    Axes
        White lines separate the basins, unless more than 12 % of the pixels are at a border. Minima in the plane are
        marked, the best one starred.
    """
    count, size = len(basins.minima), basins.window[:, 1] - basins.window[:, 0]
    keyed = wants_key(key, count)
    ax = given_or_new(ax, figure_size(size, 2.2 if keyed else 0.8))
    low, high = basins.window.T
    show_pixels(ax, pixels(basins, shade), low, high)
    if contours:
        _contours(ax, basins)
    axes = _axes_of(basins)
    bounds = None if axes is None else basins.bounds
    finish_plane(ax, *with_margin(bounds, low, high, axes), basins.plane.names)
    draw_bounds(ax, bounds, axes)
    draw_minima(ax, _projected(basins, size), basins.minima.fun, numbered=keyed)
    headline(ax, *(_headline(basins, shade) if title is None else (title, note or "")))
    if keyed:
        coloured_key(ax, basins, basins.unlabelled, _FILL_SHARE)
    return ax


def draw_zoom(maps: Sequence[Any], factor: float, axes: Any = None, title: str = "basins") -> NDArray[Any]:
    """Draw maps of windows, each ``factor`` times narrower than the one before and outlined in it; returns the axes."""
    if axes is None:
        wide, high = maps[0].window[:, 1] - maps[0].window[:, 0]
        tall = high / wide if 0.5 <= high / wide <= 2.0 else 1.0  # as maps are drawn
        axes = new_axes((_PANEL * len(maps), _PANEL * tall + 0.9), 1, len(maps), squeeze=False).ravel()
        figure_title(axes[0], title)
    whole = "the whole box" if maps[0].box.dim == 2 else "a plane of the box"
    for k, (ax, basins) in enumerate(zip(axes, maps, strict=True)):
        note = f"{100 * float(borders(basins.label).mean()):.2g} % of the pixels at a border"
        heading = whole if k == 0 else f"{factor**k:,.4g} times closer"
        draw_map(basins, ax, contours=k == 0, key=False, title=heading, note=note)
        ax.locator_params(nbins=4)
        ax.tick_params(axis="x", labelrotation=30 if k else 0)
    for ax, inner in zip(axes[:-1], maps[1:], strict=True):
        _frame(ax, inner.window)
    return np.asarray(axes, dtype=object)


def _frame(ax: Any, window: NDArray[np.float64]) -> None:
    """Draw the border of a window, in ink on white."""
    from matplotlib.patches import Rectangle

    (left, right), (bottom, top) = window
    for colour, width, gid in (("white", 2.6, None), (INK, 1.2, "window")):
        style: dict[str, Any] = {"fill": False, "edgecolor": colour, "linewidth": width, "zorder": 8, "gid": gid}
        ax.add_patch(Rectangle((left, bottom), right - left, top - bottom, **style))


def pixels(basins: Any, shade: bool = True) -> NDArray[np.float64]:
    """The map as an RGB image, row 0 at the bottom."""
    step = max(1, -(-max(basins.label.shape) // _SHOWN))
    label, nit = basins.label[::step, ::step], basins.nit[::step, ::step]
    image = label_pixels(label, blend(palette(len(basins.minima)), _FILL_SHARE))
    if shade:
        image = image * (1.0 - (1.0 - _DARKEST) * _rank(nit, label))[..., None]
    edge = borders(label)
    if edge.mean() <= FRACTAL:
        image[edge] = 1.0
    if basins.within is not None:
        image[~basins.within[::step, ::step]] = 1.0
    return image


def _rank(nit: NDArray, label: NDArray) -> NDArray[np.float64]:
    """How many updates a pixel took, from 0 (few) to 1 (many): by size, so that outliers do not darken the rest."""
    some = np.log1p(nit[label >= 0].astype(np.float64))
    if not some.size:
        return np.zeros(nit.shape)
    low, high = np.quantile(some, (0.02, 0.995))
    scaled = np.clip((np.log1p(nit) - low) / max(high - low, 1e-9), 0.0, 1.0)
    return np.where(label >= 0, scaled, 0.0)


def _contours(ax: Any, basins: Any) -> None:
    u, v = (np.linspace(low, high, _CONTOURS) for low, high in basins.window)
    with np.errstate(all="ignore"):
        points = basins.plane.points(*np.meshgrid(u, v)).reshape(-1, basins.box.dim)
        inside = kept_within(basins.bounds, points)
        beyond = (np.abs(points - inside) > _ROUNDED * basins.box.width).any(axis=1)
        values = np.where(beyond, np.nan, np.asarray(basins.objective.value(inside), float))
    values = values.reshape(_CONTOURS, _CONTOURS)
    values = np.where(np.isfinite(values), values, np.nan)
    contour_lines(ax, u, v, values, contour_count(len(basins.minima)), linewidths=0.4, alpha=0.4, zorder=2)


def _axes_of(basins: Any) -> tuple[int, int] | None:
    """The coordinates of a plane of two axes; None for another plane."""
    ways = basins.plane.first, basins.plane.second
    if any(np.count_nonzero(way) != 1 for way in ways):
        return None
    return int(np.argmax(ways[0] != 0)), int(np.argmax(ways[1] != 0))


def _projected(basins: Any, size: NDArray) -> NDArray[np.float64]:
    """The minima in the coordinates of the plane."""
    u, v, away = basins.plane.coordinates(basins.minima.x)
    x = np.stack([u, v], axis=-1)
    x[away > _IN_PLANE * size.min()] = np.inf  # off the plane: outside the axes, so that numbers stay labels
    return x


def _headline(basins: Any, shade: bool) -> tuple[str, str]:
    rows, columns = basins.label.shape
    note = f"{columns} x {rows} pixels, {basins.descents:,} descents"
    title = f"{name_of(basins, 'a function')}: basins, {minima_counted(len(basins.minima))}"
    return title, note + ("; darker: more updates" if shade else "") + marked(len(basins.minima))
