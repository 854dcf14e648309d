"""Ever smaller windows on the border of a basin: is it a line, or does it have more structure?"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.basins import map as maps_of
from batchgd.analysis.basins.map import BasinMap
from batchgd.minima.collect import batch_from
from batchgd.minima.results import LandscapeData
from batchgd.output.plot.basins import borders
from batchgd.problem import check
from batchgd.problem.box import Box
from batchgd.problem.errors import InputError

_AROUND = 16  # a place is judged by the labels within 1/16 of the window


def zoomed_maps(
    result: LandscapeData,
    center: Any = None,
    *,
    factor: float = 10.0,
    panels: int = 3,
    resolution: int = 256,
    plane: Any = None,
) -> list[BasinMap]:
    """Return maps of ever smaller windows; see :func:`batchgd.api.pictures.zoom`."""
    panels = check.whole("panels", panels, 2, 6)
    factor = check.Interval(1.0, 1e6).one("factor", factor)
    center = None if center is None else check.finite("center holds", center, "give the two coordinates in the plane")
    if center is not None and center.shape != (2,):
        raise InputError(f"center has shape {center.shape}: give the two coordinates in the plane")
    batch = batch_from(result)
    plane = _through_minima(result, batch.box) if plane is None and result.dim > 2 else plane
    seen = maps_of.map(
        batch.objective, batch.box, resolution, plane=plane, method=batch.method, stopping=batch.stopping,
        known=result.minima, scale=batch.scale, dtype=batch.compute.dtype, backend=batch.backend.name,
        threads=batch.threads, identity=result.identity, bounds=batch.bounds, domain=batch.domain,
    )  # fmt: skip
    maps = [seen]
    for _ in range(panels - 1):
        middle = border_point(maps[-1]) if center is None else center
        half = (maps[-1].window[:, 1] - maps[-1].window[:, 0]) / (2.0 * factor)
        maps.append(maps[-1].zoom(np.stack([middle - half, middle + half], axis=1)))
    return maps


def _through_minima(result: LandscapeData, box: Box) -> NDArray[np.float64]:
    """Three points of a plane that has a border on it: two basins reach into it."""
    points = np.concatenate([result.minima.x[:3], [box.center]])[:3]
    if len(points) < 3:
        raise InputError("there is no border to zoom in on: there is one minimum")
    return np.asarray(points, dtype=np.float64)


def border_point(basins: BasinMap) -> NDArray[np.float64]:
    """The point (u, v) of a map's border with the most border around it; of equal ones, the one nearest to the middle.

    Raises InputError if the map has no border.
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
