"""Pictures of results: one file per picture, one row each in ``PICTURES``; matplotlib is loaded when one is drawn.

Every picture takes axes and returns axes. Without axes it draws on a figure of its own that needs no display and leaves
pyplot's state alone: ``result.plot.waterfall().figure`` is that figure.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchgd.problem.check import one_of
from batchgd.problem.errors import InputError
from batchgd.problem.optional import require
from batchgd.problem.registry import Registry
from batchgd.problem.speaker import option

if TYPE_CHECKING:
    from batchgd.minima.results import BatchData


@dataclass(frozen=True)
class Picture:
    """A picture of the table: what it shows, what it is drawn from, and the function that draws it.

    ``drawn_from`` is ``"both"`` trajectories and minima, or one of them alone; ``alone`` says that it needs nothing but
    a result. Without a ``function`` it is the one of the picture's name in the file of that name.
    """

    shows: str
    drawn_from: str = "both"
    alone: bool = True
    function: Callable[..., Any] | None = None


PICTURES: Registry[Picture] = Registry("picture", "pictures")
"""Every picture of a result by its name."""

for _name, _picture in {
    "basins": Picture("each start of a 2-D run, coloured by the minimum that it reached", "trajectories"),
    "slices": Picture("values on planes through the best minimum, for more than two dimensions"),
    "waterfall": Picture("final values in order, coloured by minimum", "trajectories"),
    "iterations": Picture("histogram of the updates made, by status", "trajectories"),
    "fractions": Picture("share of the starts that each minimum owns, with its interval", "minima"),
    "funnel": Picture("values of the minima against their distance from the best one", "minima"),
    "parallel": Picture("minima in parallel coordinates", "minima"),
    "discovery": Picture("distinct minima against the number of starts, and what more starts would show", "minima"),
    "tolerances": Picture("number of minima against the merging tolerance; needs the function", "minima", False),
    "confusion": Picture("minima reached by gradient flow, or in another run of the same starts", alone=False),
    "disconnectivity": Picture("which minima are connected below each level, by result.connect()", "minima", False),
    "network": Picture("local-optima network of a basin-hopping run", alone=False),
    "zoom": Picture("basins of the function and method of a run, ever closer to a border", "minima", False),
}.items():
    PICTURES.register(_name, _picture, Picture)


def register_picture(
    shows: str, *, drawn_from: str = "both", alone: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter the decorated function as the picture of its name: ``result.plot.<name>()``, ``batchgd plot RUN <name>``.

    The function takes a result and axes, those of a new figure if none were given, and returns the axes. A package may
    name its module in an entry point of the group ``batchgd.pictures``; it is then imported when one of its pictures is
    asked for.

    Parameters
    ----------
    shows : str
        What the picture shows.
    drawn_from : "both", "trajectories" or "minima"
        What a result must have: trajectories (``keep="all"``), minima, or both.
    alone : bool
        Whether it needs nothing but the result.

    Raises
    ------
    InputError
        When another picture has this name.

    Examples
    --------
    >>> import batchgd as bgd
    >>> @bgd.register_picture("values of the minima", drawn_from="minima")
    ... def levels(result, ax):
    ...     ax.hlines(result.minima.fun, 0.0, 1.0)
    ...     return ax
    >>> bgd.multistart("himmelblau", starts=100).plot.levels().figure.savefig("levels.png")  # doctest: +SKIP
    """
    kind = one_of("drawn_from", drawn_from, ("both", "trajectories", "minima"))

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def drawn(result: Any, ax: Any = None, **options: Any) -> Any:
            from batchgd.output.plot.canvas import given_or_new

            return function(result, given_or_new(ax, (6.4, 4.2)), **options)

        PICTURES.register(function.__name__, Picture(shows, kind, alone, drawn), function)
        return function

    return enter


class Pictures:
    """The pictures of one result: ``result.plot.<name>(...)``; ``result.plot("file.png")`` draws the one that suits."""

    def __init__(self, result: "BatchData") -> None:
        self._result = result

    def __call__(self, path: str | Path | None = None) -> Any:
        """Draw the picture that suits the dimension; with a path, write it there. Returns the axes."""
        return draw(self._result) if path is None else save_picture(self._result, path)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            name = PICTURES.name(name)
        except InputError as error:
            raise AttributeError(*error.args) from None
        drawn_from = PICTURES[name].drawn_from
        if not self._result.kept and drawn_from != "minima":
            raise InputError(
                f"pictures are drawn from trajectories, and this run kept none: run it with {option('keep', 'all')}"
            )
        if drawn_from != "trajectories" and not len(getattr(self._result, "minima", ())):
            raise InputError(f"the picture '{name}' is of minima, and this result has none; 'waterfall' needs none")
        function = _function(name)

        def picture(*args: Any, **options: Any) -> Any:
            return function(self._result, *args, **options)

        picture.__name__, picture.__doc__ = name, function.__doc__
        return picture

    def __dir__(self) -> list[str]:
        return sorted(PICTURES)


def suitable(result: "BatchData") -> str:
    """Return the name of the picture that suits a result: basins in 2-D, slices beyond, else the waterfall."""
    from batchgd.minima.results import LandscapeData

    if not isinstance(result, LandscapeData) or result.dim == 1:
        return "waterfall"
    return "basins" if result.dim == 2 else "slices"


def draw(result: "BatchData", name: str | None = None) -> Any:
    """Draw a picture by its name, or the one that suits; returns its axes."""
    return getattr(Pictures(result), name or suitable(result))()


def save_picture(result: "BatchData", path: str | Path, name: str | None = None) -> Any:
    """Draw a picture into a file.

    Parameters
    ----------
    result : BatchData
        What ``multistart`` or ``descend`` returned.
    path : str or Path
        The file; its ending chooses the format (.png, .svg, .pdf, ...).
    name : str, optional
        Which picture, a key of ``PICTURES``; the one that suits the dimension when left out.

    Returns
    -------
    Axes
        The axes that were drawn on.

    Raises
    ------
    InputError
        When the ending names no format or the file cannot be written; ImportError without matplotlib.
    """
    from batchgd.output.plot.canvas import check_path, write

    require("matplotlib", "plot")
    check_path(path)
    axes = draw(result, None if name is None else PICTURES.name(name))
    write(axes, path)
    return axes


def landscape(name: Any, box: Any = None, **options: Any) -> Any:
    """Draw a 2-D function with its known minima; see ``batchgd/output/plot/landscapes.py``."""
    require("matplotlib", "plot")
    return import_module("batchgd.output.plot.landscapes").landscape(name, box, **options)


def basin_map_picture(basins: Any, ax: Any = None, **options: Any) -> Any:
    """Draw a basin map; see ``batchgd/output/plot/maps.py``."""
    require("matplotlib", "plot")
    return import_module("batchgd.output.plot.maps").draw_map(basins, ax, **options)


def tree_picture(saddles: Any, ax: Any = None, **options: Any) -> Any:
    """Draw the disconnectivity graph of saddles; see ``batchgd/output/plot/disconnectivity.py``."""
    require("matplotlib", "plot")
    return import_module("batchgd.output.plot.disconnectivity").draw_tree(saddles, ax, **options)


def _function(name: str) -> Any:
    require("matplotlib", "plot")
    if (function := PICTURES[name].function) is not None:
        return function
    return getattr(import_module(f"batchgd.output.plot.{name}"), name)
