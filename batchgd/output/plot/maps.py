"""Pictures of basin maps: one colour per minimum, darker the more updates were made, borders and contours over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from batchgd.output.plot.basins import borders, figure_size
from batchgd.output.plot.canvas import fit_aspect, given_or_new, headline, levels, new_axes, tidy
from batchgd.output.plot.markers import coloured_key, draw_minima
from batchgd.output.plot.style import INK, LABEL_SIZE, NO_LABEL, TITLE_SIZE, blend, palette

if TYPE_CHECKING:
    from batchgd.analysis.basins.map import BasinMap

_FILL_SHARE = 0.80  # of the pure colour, where few updates were made
_DARKEST = 0.45  # of that, where many were
_SHOWN = 1200  # pixels of the picture along the longer side; a finer map is thinned
_FRACTAL = 0.12  # share of border pixels beyond which drawing them would hide the map
_KEYED = 12  # minima listed beside the map
_CONTOURS = 201  # values along each side from which contours are drawn
_IN_PLANE = 1e-3  # of the window: a minimum nearer to the plane lies in it


def draw_map(
    basins: BasinMap,
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
        Where to draw; a new figure without.
    shade : bool
        Darken pixels by the updates that their descents took, by rank.
    contours : bool
        Draw contours of the function over it.
    key : bool, optional
        List the minima beside the map; when left out, up to 12 of them.
    title, note : str, optional
        In place of what is told otherwise; "" for none.

    Returns
    -------
    Axes
        White lines part the basins, unless more than 12 % of the pixels lie at a border. Minima in the plane are
        marked, the best one starred.
    """
    count, size = len(basins.minima), basins.window[:, 1] - basins.window[:, 0]
    keyed = 0 < count <= _KEYED if key is None else key and count > 0
    ax = given_or_new(ax, figure_size(size, keyed))
    ax.imshow(
        pixels(basins, shade),
        origin="lower",
        extent=basins.window.ravel().tolist(),
        interpolation="nearest",
        aspect="auto",
        zorder=0,
    )
    if contours:
        _contours(ax, basins)
    ax.set_xlim(*basins.window[0])
    ax.set_ylim(*basins.window[1])
    draw_minima(ax, _projected(basins, size), numbered=keyed)
    headline(ax, *(_headline(basins, shade) if title is None else (title, note or "")))
    ax.set_xlabel(basins.plane.names[0], fontsize=LABEL_SIZE)
    ax.set_ylabel(basins.plane.names[1], fontsize=LABEL_SIZE)
    fit_aspect(ax, *size)
    tidy(ax)
    if keyed:
        coloured_key(ax, basins, int(np.count_nonzero(basins.label < 0)), _FILL_SHARE)
    return ax


def draw_maps(maps: dict[str, BasinMap], title: str, reference: str | None = None, columns: int = 3) -> Any:
    """Draw several maps of one window side by side, such as those of several methods.

    Parameters
    ----------
    maps : dict of BasinMap
        By title. Colours agree where labels do: give ``known=`` the minima of the first map when making the others.
    title : str
        Above all of them.
    reference : str, optional
        The title of the map that the others are held against: each tells its share of pixels with another label.
    columns : int
        Panels in a row.

    Returns
    -------
    array of Axes
    """
    rows = -(-len(maps) // columns)
    size = next(iter(maps.values())).window[:, 1] - next(iter(maps.values())).window[:, 0]
    tall = 3.1 * float(np.clip(size[1] / size[0], 0.4, 1.6)) + 0.45
    axes = np.asarray(new_axes((3.1 * columns, tall * rows + 0.5), rows, columns), dtype=object).ravel()
    for ax, (name, made) in zip(axes, maps.items(), strict=False):
        note = "true basins" if name == reference else ""
        if reference is not None and name != reference:
            note = f"{100 * np.mean(made.label != maps[reference].label):.2g} % of the pixels have another label"
        draw_map(made, ax, key=False, contours=False, title=name, note=note)
        ax.set_xlabel("")
        ax.set_ylabel("")
    for spare in axes[len(maps) :]:
        spare.remove()
    axes[0].figure.suptitle(title, x=0.012, ha="left", fontsize=TITLE_SIZE + 2, fontweight="bold", color=INK)
    return axes[: len(maps)]


def pixels(basins: BasinMap, shade: bool = True) -> NDArray[np.float64]:
    """The map as an RGB image, row 0 at the bottom."""
    from matplotlib.colors import to_rgb

    step = max(1, -(-max(basins.label.shape) // _SHOWN))
    label, nit = basins.label[::step, ::step], basins.nit[::step, ::step]
    table = np.concatenate([blend(palette(len(basins.minima)), _FILL_SHARE), [to_rgb(NO_LABEL)]])
    image = table[label]
    if shade:
        image = image * (1.0 - (1.0 - _DARKEST) * _rank(nit, label))[..., None]
    edge = borders(label)
    if edge.mean() <= _FRACTAL:
        image[edge] = 1.0
    return image


def _rank(nit: NDArray, label: NDArray) -> NDArray[np.float64]:
    """How many updates a pixel took, from 0 (few) to 1 (many): by size, so that outliers do not darken the rest."""
    some = np.log1p(nit[label >= 0].astype(np.float64))
    if not some.size:
        return np.zeros(nit.shape)
    low, high = np.quantile(some, (0.02, 0.995))
    scaled = np.clip((np.log1p(nit) - low) / max(high - low, 1e-9), 0.0, 1.0)
    return np.where(label >= 0, scaled, 0.0)


def _contours(ax: Any, basins: BasinMap) -> None:
    u, v = (np.linspace(low, high, _CONTOURS) for low, high in basins.window)
    with np.errstate(all="ignore"):
        points = basins.plane.points(*np.meshgrid(u, v)).reshape(-1, basins.box.dim)
        values = np.asarray(basins.objective.value(points), float).reshape(_CONTOURS, _CONTOURS)
    values = np.where(np.isfinite(values), values, np.nan)
    steps = levels(values, 12 if len(basins.minima) <= 20 else 6)
    if len(steps):
        ax.contour(u, v, values, levels=steps, colors=INK, linewidths=0.4, alpha=0.4, linestyles="solid", zorder=2)


class _Projected:
    """Minima that lie in the plane, in its coordinates."""

    def __init__(self, x: NDArray, fun: NDArray) -> None:
        self.x, self.fun = x, fun


def _projected(basins: BasinMap, size: NDArray) -> _Projected:
    u, v, away = basins.plane.coordinates(basins.minima.x)
    x = np.stack([u, v], axis=-1)
    x[away > _IN_PLANE * size.min()] = np.inf  # off the plane: outside the axes, so that numbers stay labels
    return _Projected(x, basins.minima.fun)


def _headline(basins: BasinMap, shade: bool) -> tuple[str, str]:
    rows, columns = basins.label.shape
    kinds = "1 minimum" if len(basins.minima) == 1 else f"{len(basins.minima):,} minima"
    note = f"{columns} x {rows} pixels, {basins.descents:,} descents"
    return f"{basins.objective.name}: basins, {kinds}", note + ("; darker: more updates" if shade else "")
