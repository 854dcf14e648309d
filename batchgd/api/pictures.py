"""The pictures of a result and of paths; numbers that a picture needs are computed by an analysis and passed to it."""

from pathlib import Path as File
from types import MethodType
from typing import Any

import numpy as np

from batchgd.minima.results import LandscapeData
from batchgd.output.plot import PICTURES, draw, register_picture, save_picture
from batchgd.output.plot.canvas import given_axes, given_or_new, name_of
from batchgd.output.summary import method_name
from batchgd.problem.errors import InputError


class Pictures:
    """The pictures of one result: ``result.plot.<name>(...)``; ``result.plot("file.png")`` draws the one that suits."""

    def __init__(self, result: Any) -> None:
        self._result = result

    def __call__(self, path: str | File | None = None) -> Any:
        """Draw the picture that suits the dimension; with a path, write it there. Returns the axes."""
        return draw(self._result) if path is None else save_picture(self._result, path)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return MethodType(PICTURES.find(name).draw, self._result)
        except InputError as error:
            raise AttributeError(*error.args) from None

    def __dir__(self) -> list[str]:
        return sorted(PICTURES)


@register_picture(
    "number of minima against the tolerance that separates them; needs the function", trajectories=False, special=True
)
def tolerances(result: Any, ax: Any = None, *, x: Any = None, f: float | None = None) -> Any:
    """Draw how many minima the result has under ``Identity(x, f)``, for several x.

    A level stretch around the tolerance that was used (dotted) shows that the number of minima does not depend on it.
    The result must have its function, and endpoints or cells; see ``result.recluster``.

    Parameters
    ----------
    x : (k,) array, optional
        Tolerances in box widths; default: 24 from 1e-12 to 0.3.
    f : float, optional
        Default: that of the result.
    """
    from batchgd.analysis.basins.recluster import minima_against_tolerance
    from batchgd.output.plot.tolerances import draw_tolerances

    counts = minima_against_tolerance(result, x, f)
    return draw_tolerances(result, counts.x, counts.minima, counts.f, ax)


@register_picture(
    "where the starts of each minimum end under gradient flow, or in another run of the same starts", special=True
)
def confusion(result: Any, other: Any = None, ax: Any = None, *, names: tuple[str, str] | None = None) -> Any:
    """Draw where the starts of each minimum end under gradient flow, in another run of the same starts, or by counts.

    Parameters
    ----------
    other : MultistartResult or (r, c) array, optional
        The columns: a run of the same starts (another method, step or precision), whose minima are matched with
        those of ``result`` by place and value (those that only it found follow, and -1 is last); or the counts
        themselves. Default: gradient flow, for a sample of 1,000 starts, as in ``result.fidelity()``.
    names : (str, str), optional
        Names of rows and columns; default: the methods.

    Returns
    -------
    Axes
        A cell's colour is its share of the row; up to 12 rows have the counts written in.

    Raises
    ------
    InputError
        If the runs do not have the same starts, or the matrix is not a table of counts.
    """
    from batchgd.analysis.basins.confusion import confusion_with, confusion_with_flow
    from batchgd.output.plot.confusion import draw_confusion

    if ax is not None:
        given_or_new(ax, (1.0, 1.0))
    name = name_of(result, "")
    if not (other is None or isinstance(other, LandscapeData)):
        return draw_confusion(other, names=names or ("from", "to"), name=name, ax=ax)
    counts, rows, columns = confusion_with_flow(result) if other is None else confusion_with(result, other)
    ways = _way(result), "label by gradient flow" if other is None else _way(other)
    return draw_confusion(counts, rows, columns, names or ways, name, ax)


def _way(result: Any) -> str:
    return f"label by {method_name(result.method) or 'a run'}"


@register_picture(
    "which minima are connected below each level, by the saddles of result.connect()", trajectories=False, special=True
)
def disconnectivity(result: Any, ax: Any = None, *, levels: int | None = None) -> Any:
    """Draw the disconnectivity graph of ``result.saddles``, which are searched for if that was not done before.

    Each line ends below at the value of its minimum. Going up, lines meet where the lowest path between their minima
    has its highest saddle.

    Parameters
    ----------
    levels : int, optional
        Number of even steps of the level; see :func:`batchgd.analysis.saddles.tree.disconnectivity`.
    """
    found = vars(result).get("saddles")
    return (result.connect() if found is None else found).plot(ax, levels=levels)


@register_picture(
    "basins of the function and method of a run, ever closer to a border", trajectories=False, special=True
)
def zoom(
    result: Any,
    center: Any = None,
    *,
    factor: float = 10.0,
    panels: int = 3,
    resolution: int = 256,
    plane: Any = None,
    axes: Any = None,
) -> np.ndarray:
    """Draw the basins of a result's function and method, and zoom in on a border: is it a line, or does it have detail?

    Each panel is a basin map of its own (:func:`batchgd.map`), by the method and the stopping rule of the result,
    so what it shows is computed, not enlarged. A border of the function itself becomes a straight line; one that the
    method's steps draw shows new islands at every size.

    Parameters
    ----------
    center : (float, float), optional
        The point of the plane to zoom in on. Default: in each panel the border point with the most border around
        it, where borders meet or are rough.
    factor : float
        How much narrower each window is than the one before, above 1.
    panels : int
        How many, 2 to 6.
    resolution : int
        Pixels along each side of a panel.
    plane : (int, int) or (3, d) array, optional
        As in :func:`batchgd.map`. Default beyond two dimensions: through the three best minima, or if there
        are two, through both and the centre of the box.
    axes : sequence of matplotlib Axes, optional
        One for each panel; default: a new figure.

    Returns
    -------
    array of Axes
        One for each panel; each but the last has the next window drawn in.

    Raises
    ------
    InputError
        If there is no border, the function is not available, or an argument is outside its range.
    """
    from batchgd.analysis.basins.zoom import zoomed_maps
    from batchgd.output.plot.maps import draw_zoom

    axes = None if axes is None else given_axes(axes, panels)
    maps = zoomed_maps(result, center, factor=factor, panels=panels, resolution=resolution, plane=plane)
    return draw_zoom(maps, factor, axes, f"{name_of(result, 'basins')}: basins by {method_name(result.method)}")


class PathPictures:
    """The pictures of some paths: ``paths.plot.<name>(...)``; ``paths.plot("file.png")`` draws the one that suits."""

    def __init__(self, paths: Any) -> None:
        self._paths = paths

    def __call__(self, path: str | File | None = None) -> Any:
        """Draw contours in 2-D, else the convergence; with a path, write it there. Returns the axes."""
        from batchgd.output.plot.paths import compare_paths

        return compare_paths([self._paths], path)

    def contours(self, ax: Any = None) -> Any:
        """Draw the paths over contours of the function; see :func:`batchgd.output.plot.paths.contours`."""
        from batchgd.output.plot.paths import contours

        return contours(self._paths, ax)

    def convergence(self, axes: Any = None, *, optimum: float | None = None) -> Any:
        """Draw value and gradient norm against updates; see :func:`batchgd.output.plot.paths.convergence`."""
        from batchgd.output.plot.paths import convergence

        return convergence([self._paths], axes, optimum=optimum)

    def animation(self, path: str | File, **options: Any) -> File:
        """Write an animation; see :func:`batchgd.output.plot.animation.animate`."""
        from batchgd.output.plot.animation import animate

        return animate([self._paths], path, **options)
