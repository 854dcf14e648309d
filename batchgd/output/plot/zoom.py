"""The border zoom: a basin map, and ever smaller windows on one of its borders."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.output.plot.basins import borders
from batchgd.output.plot.canvas import given_axes, new_axes
from batchgd.output.plot.maps import draw_map
from batchgd.output.plot.style import INK, TITLE_SIZE
from batchgd.output.summary import method_name
from batchgd.problem import check
from batchgd.problem.errors import InputError

_AROUND = 16  # a place is judged by the labels within 1/16 of the window
_PANEL = 3.1  # inches


def zoom(
    result: Any,
    center: Any = None,
    *,
    factor: float = 10.0,
    panels: int = 3,
    resolution: int = 256,
    plane: Any = None,
    axes: Any = None,
) -> NDArray[Any]:
    """Draw the basins of a result's function and method, and zoom in on a border: is it a line, or is it made of more?

    Each panel is a basin map of its own (:func:`batchgd.basin_map`), by the method and the stopping rule of the result,
    so what it shows is computed, not enlarged. A border of the function itself becomes a straight line; one that the
    method's steps draw shows new islands at every size.

    Parameters
    ----------
    result : MultistartResult
        With its function, in two or more dimensions.
    center : (float, float), optional
        The point of the plane to zoom in on. Left out: in each panel the border point with the most border around it,
        where borders meet or are rough.
    factor : float
        How much narrower each window is than the one before, above 1.
    panels : int
        How many, 2 to 6.
    resolution : int
        Pixels along each side of a panel.
    plane : (int, int) or (3, d) array, optional
        As in :func:`batchgd.basin_map`. Left out, beyond two dimensions: through the three best minima, or where there
        are two, through both and the centre of the box.
    axes : sequence of matplotlib Axes, optional
        One for each panel; a new figure without.

    Returns
    -------
    array of Axes
        One for each panel; each but the last has the next window drawn in.

    Raises
    ------
    InputError
        When there is no border, the function is not at hand, or an argument lies outside its range.
    """
    from batchgd.analysis.basins.map import basin_map
    from batchgd.minima.collect import batch_from

    panels = check.whole("panels", panels, 2, 6)
    factor = check.Interval(1.0, 1e6).one("factor", factor)
    axes = None if axes is None else given_axes(axes, panels)
    center = None if center is None else check.finite("center holds", center, "give the two coordinates in the plane")
    if center is not None and center.shape != (2,):
        raise InputError(f"center has shape {center.shape}: give the two coordinates in the plane")
    batch = batch_from(result)
    plane = _through_minima(result) if plane is None and result.dim > 2 else plane
    settings = {
        "scale": batch.scale,
        "dtype": batch.dtype,
        "backend": batch.backend.name,
        "x_tol": result.x_tol,
        "f_tol": result.f_tol,
    }
    seen = basin_map(
        batch.objective, batch.box, resolution, plane=plane, method=batch.method, stopping=batch.stopping,
        known=result.minima, **settings,
    )  # fmt: skip
    maps = [seen]
    for _ in range(panels - 1):
        middle = border_point(maps[-1]) if center is None else center
        half = (maps[-1].window[:, 1] - maps[-1].window[:, 0]) / (2.0 * factor)
        maps.append(maps[-1].zoom(np.stack([middle - half, middle + half], axis=1)))
    if axes is None:
        wide, high = maps[0].window[:, 1] - maps[0].window[:, 0]
        tall = high / wide if 0.5 <= high / wide <= 2.0 else 1.0  # as maps are drawn
        axes = new_axes((_PANEL * panels, _PANEL * tall + 0.9), 1, panels, squeeze=False).ravel()
        name = getattr(batch.objective, "name", None) or "basins"
        title = f"{name}: basins by {method_name(batch.method)}"
        axes[0].figure.suptitle(title, x=0.012, ha="left", fontsize=TITLE_SIZE, fontweight="bold", color=INK)
    flat = np.asarray(axes, dtype=object)
    _draw(flat, maps, factor, "the whole box" if result.dim == 2 else "a plane of the box")
    return flat


def _through_minima(result: Any) -> NDArray[np.float64]:
    """Three points of a plane that has a border on it: two basins reach into it."""
    points = np.concatenate([result.minima.x[:3], [result.box.center]])[:3]
    if len(points) < 3:
        raise InputError("there is no border to zoom in on: there is one minimum")
    return np.asarray(points, dtype=np.float64)


def border_point(basins: Any) -> NDArray[np.float64]:
    """The point (u, v) of a map's border with the most border around it, the nearest to the middle of those alike.

    Raises InputError where the map has no border.
    """
    from scipy.ndimage import uniform_filter

    edge = borders(basins.label)
    if not edge.any():
        raise InputError("there is no border to zoom in on: one basin fills the window")
    size = max(3, min(basins.label.shape) // _AROUND)
    around = np.where(edge, uniform_filter(edge.astype(float), size, mode="constant"), 0.0)
    row, column = np.nonzero(around >= around.max() - 1e-9)
    height, width = basins.label.shape
    nearest = np.argmin(((row + 0.5) / height - 0.5) ** 2 + ((column + 0.5) / width - 0.5) ** 2)
    return np.array([basins.u[column[nearest]], basins.v[row[nearest]]])


def _draw(axes: NDArray[Any], maps: list[Any], factor: float, whole: str) -> None:
    from matplotlib.patches import Rectangle

    for k, (ax, basins) in enumerate(zip(axes, maps, strict=True)):
        share = 100 * float(borders(basins.label).mean())
        title = whole if k == 0 else f"{factor**k:,.4g} times closer"
        draw_map(basins, ax, contours=k == 0, key=False, title=title, note=f"{share:.2g} % of the pixels at a border")
        ax.locator_params(nbins=4)
        ax.tick_params(axis="x", labelrotation=30 if k else 0)
        if k + 1 < len(maps):
            (u0, u1), (v0, v1) = maps[k + 1].window
            for colour, width in (("white", 2.6), (INK, 1.2)):
                ax.add_patch(
                    Rectangle(
                        (u0, v0), u1 - u0, v1 - v0, fill=False, edgecolor=colour, linewidth=width, zorder=8,
                        gid="window" if colour == INK else None,
                    )
                )  # fmt: skip
