"""The basin map of a 2-D run: each start at its place, in the colour of the minimum that it reached."""

from typing import Any

import numpy as np

from batchgd.output.plot.canvas import (
    contour_lines,
    finish_plane,
    given_or_new,
    headline,
    name_of,
    starts_and_minima,
)
from batchgd.output.plot.limits import draw_bounds, values_within, with_margin
from batchgd.output.plot.markers import coloured_key, draw_minima, marked, wants_key
from batchgd.output.plot.pictures import register_picture
from batchgd.output.plot.style import NO_LABEL, blend, palette
from batchgd.problem import check
from batchgd.problem.arrays import host
from batchgd.problem.errors import InputError
from batchgd.problem.wording import plural

_DOTS_AT_MOST = 3_000  # starts drawn one by one; more become an image, which stays sharp and quick
_SIDE = 600  # pixels along the longer side of that image
_FILL_SHARE = 0.72  # of the pure colour: contours and markers must show on it
_REACH = 4.0  # mean distances between starts; a pixel further from every start stays white
FRACTAL = 0.12  # share of border pixels beyond which drawing them would hide the map
_CONTOURED = 200  # largest number of minima for which contours are drawn: beyond, they hide the map


@register_picture(
    "each start of a 2-D run, coloured by the minimum that it reached",
    minima=False,
    labels=True,
    dims=(2, 2),
    instead="slices",
)
def basins(result: Any, ax: Any = None, *, contours: bool = True, key: bool | None = None) -> Any:
    """Draw the basins of a 2-D result as its starts show them.

    Up to 3,000 starts are drawn as dots. More become an image: a pixel has the label that most of its starts have, or
    without a start that of the nearest one; white lines separate the
    basins, unless more than 12 % of the pixels are at a border. Grey is label -1. Contours of the
    function are drawn over it, by equal factors above the lowest value if the range is large. Minima are marked, and
    the best one is starred, together with those that equal it.

    Parameters
    ----------
    contours : bool
        Draw contours, if the function is available and there are at most 200 minima.
    key : bool, optional
        List the minima next to the map; default: only if there are at most 12.
    """
    starts, label = result.x0, host(result.label)
    lower, upper = region(result.box, starts)
    count = len(result.minima.fun)
    contours, keyed = check.flag("contours", contours), wants_key(key, count)
    ax = given_or_new(ax, figure_size(upper - lower, 2.2 if keyed else 0.8))
    colours = blend(palette(count), _FILL_SHARE)
    if len(starts) <= _DOTS_AT_MOST:
        _draw_dots(ax, starts, label, palette(count))
        note = "each dot: a start, in the colour of its minimum"
    else:
        _draw_image(ax, starts, label, colours, lower, upper)
        note = "each pixel: the minimum that most starts in it reached"
        if len(starts) < _SIDE * _SIDE:
            note = "each pixel: the minimum that its starts, or the nearest one, reached"
    if contours and result.has_function and count <= _CONTOURED:
        u, v, values = values_within(result.objective, result.bounds, lower, upper)
        contour_lines(ax, u, v, values, contour_count(count), linewidths=0.45, alpha=0.45)
    finish_plane(ax, *with_margin(result.bounds, lower, upper))
    draw_bounds(ax, result.bounds)
    hidden = draw_minima(ax, result.minima.x, result.minima.fun, numbered=keyed)
    note += marked(count) + _outside(result.minima, hidden, lower, upper)
    headline(ax, f"{name_of(result, 'basins')}: {starts_and_minima(result)}", note)
    if keyed:
        coloured_key(ax, result, int(np.count_nonzero(label < 0)), _FILL_SHARE)
    return ax


def region(box: Any, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners to draw: the box if the starts fill it, otherwise the range of the starts."""
    if box is not None and (len(starts) == 0 or bool(np.all(box.contains(starts)))):
        return np.asarray(box.lower), np.asarray(box.upper)
    if len(starts) == 0:
        raise InputError("there are no starts to draw: run with at least one")
    lower, upper = starts.min(axis=0), starts.max(axis=0)
    margin = np.where(upper > lower, 0.03 * (upper - lower), 1.0)
    return lower - margin, upper + margin


def pixel_labels(starts: Any, label: Any, lower: Any, upper: Any, shape: tuple[int, int]) -> np.ndarray:
    """Return an image of labels, shape (rows, columns), row 0 at the bottom; -2 where no start is near.

    >>> starts = np.array([[0.1, 0.1], [0.9, 0.1], [0.2, 0.1]])
    >>> pixel_labels(starts, np.array([0, 1, 0]), np.zeros(2), np.ones(2), (1, 4)).tolist()
    [[0, 0, 1, 1]]
    """
    from scipy.ndimage import distance_transform_edt

    rows, columns = shape
    cell = np.floor((starts - lower) / (upper - lower) * [columns, rows]).astype(np.int64)
    cell = np.clip(cell, 0, [columns - 1, rows - 1])
    kinds = int(label.max(initial=-1)) + 2
    votes, counts = np.unique((cell[:, 1] * columns + cell[:, 0]) * kinds + label + 1, return_counts=True)
    order = np.lexsort((-votes, counts))  # the last entry of a pixel wins: most votes, then the lowest label
    image = np.full(rows * columns, -2, dtype=np.int64)
    image[votes[order] // kinds] = votes[order] % kinds - 1
    image = image.reshape(shape)
    empty = image == -2
    if empty.any() and not empty.all():
        distance, nearest = distance_transform_edt(empty, return_indices=True)
        image = image[tuple(nearest)]
        image[distance > _REACH * max(1.0, np.sqrt(rows * columns / len(starts)))] = -2
    return image


def _draw_dots(ax: Any, starts: np.ndarray, label: np.ndarray, colours: np.ndarray) -> None:
    size = float(np.clip(9_000 / max(len(starts), 1), 4, 40))
    ax.scatter(*starts[label < 0].T, s=size, color=NO_LABEL, linewidths=0, zorder=1)
    ax.scatter(*starts[label >= 0].T, s=size, c=colours[label[label >= 0]], linewidths=0, zorder=1.1)


def _draw_image(ax: Any, starts: Any, label: Any, colours: Any, lower: Any, upper: Any) -> None:
    width, height = upper - lower
    shape = (_SIDE, _SIDE)
    if 0.5 <= width / height <= 2.0:
        shape = (round(_SIDE * min(1.0, height / width)), round(_SIDE * min(1.0, width / height)))
    image = pixel_labels(starts, label, lower, upper, shape)
    pixels = label_pixels(image, colours)
    edge = borders(image)
    if edge.mean() <= FRACTAL:
        pixels[edge] = 1.0
    show_pixels(ax, pixels, lower, upper)


def borders(image: np.ndarray) -> np.ndarray:
    """Pixels whose right or upper neighbour belongs to another minimum; label -1 has no border of its own."""
    edge = np.zeros(image.shape, dtype=bool)
    edge[:, :-1] |= (image[:, :-1] != image[:, 1:]) & (image[:, :-1] >= 0) & (image[:, 1:] >= 0)
    edge[:-1] |= (image[:-1] != image[1:]) & (image[:-1] >= 0) & (image[1:] >= 0)
    return edge


def label_pixels(image: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """The colour of each label, (rows, columns, 3); -1 is grey, -2 white."""
    from matplotlib.colors import to_rgb

    return np.concatenate([colours, [(1.0, 1.0, 1.0), to_rgb(NO_LABEL)]])[image]


def show_pixels(ax: Any, pixels: np.ndarray, lower: Any, upper: Any) -> None:
    """Draw an image, row 0 at the bottom, over a region."""
    extent = (lower[0], upper[0], lower[1], upper[1])
    ax.imshow(pixels, origin="lower", extent=extent, interpolation="nearest", aspect="auto", zorder=0)


def figure_size(width: np.ndarray, beside: float) -> tuple[float, float]:
    """Size in inches of a map of this width and height, with what is next to it."""
    ratio = float(width[1] / width[0])
    ratio = ratio if 0.5 <= ratio <= 2.0 else 1.0
    return (5.0 / max(ratio, 1.0) + beside, 5.0 * min(ratio, 1.0) + 0.8)


def contour_count(minima: int) -> int:
    """How many contours to draw over this number of minima."""
    return 12 if minima <= 20 else 6


def _outside(minima: Any, hidden: int, lower: Any, upper: Any) -> str:
    """The note about minima that are outside the axes."""
    if not hidden:
        return ""
    note = f"\n{plural(hidden, 'minimum is', 'minima are')} outside"
    away = np.any((minima.x < lower) | (minima.x > upper), axis=1)
    if np.min(minima.fun[~away], initial=np.inf) > minima.fun[0] + 1e-9:
        note += ", the best of all among them" if hidden > 1 else ", the best of all"
    return note
