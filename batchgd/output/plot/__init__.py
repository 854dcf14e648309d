"""Pictures of results: one file per picture, one row each in ``PICTURES``; matplotlib is loaded when one is drawn.

Every picture takes axes and returns axes. Without axes it draws on a figure of its own that needs no display and leaves
pyplot's state alone: ``result.plot.waterfall().figure`` is that figure.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchgd.problem.errors import InputError, did_you_mean, told
from batchgd.problem.optional import require
from batchgd.problem.speaker import option

if TYPE_CHECKING:
    from batchgd.minima.results import BatchData

PICTURES = {
    "basins": "each start of a 2-D run, coloured by the minimum that it reached",
    "slices": "values on planes through the best minimum, for more than two dimensions",
    "waterfall": "final values in order, coloured by minimum",
    "iterations": "histogram of the updates made, by status",
    "fractions": "share of the starts that each minimum owns, with its interval",
    "funnel": "values of the minima against their distance from the best one",
    "parallel": "minima in parallel coordinates",
    "discovery": "distinct minima against the number of starts, and what more starts would show",
}
"""Every picture of a result: its name, which is also the name of its file and function, and what it shows."""

SPECIAL_PICTURES = {
    "tolerances": "number of minima against the tolerance that tells them apart; needs the function",
    "confusion": "where the starts of each minimum end by gradient flow, or in another run of the same starts",
    "disconnectivity": "which minima are connected below each level, by the saddles of result.connect()",
    "network": "local-optima network of a basin-hopping run",
    "zoom": "basins of the function and method of a run, ever closer to a border",
}
"""Pictures of results of one kind, or of a result and something else, in the same way."""

_WITHOUT_MINIMA = ("basins", "waterfall", "iterations")  # these can be drawn where no minimum was reached
_OF_MINIMA = (
    "fractions",
    "funnel",
    "parallel",
    "discovery",
    "tolerances",
    "zoom",
    "disconnectivity",
)  # these need no trajectories


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
            check_name(name)
        except InputError as error:
            raise AttributeError(*error.args) from None
        if not self._result.kept and name not in _OF_MINIMA:
            raise InputError(
                f"pictures are drawn from trajectories, and this run kept none: run it with {option('keep', 'all')}"
            )
        if name not in _WITHOUT_MINIMA and not len(getattr(self._result, "minima", ())):
            raise InputError(f"the picture '{name}' is of minima, and this result has none; 'waterfall' needs none")
        function = _function(name)

        def picture(*args: Any, **options: Any) -> Any:
            return function(self._result, *args, **options)

        picture.__name__, picture.__doc__ = name, function.__doc__
        return picture

    def __dir__(self) -> list[str]:
        return sorted(PICTURES | SPECIAL_PICTURES)


def check_name(name: str) -> None:
    """Raise InputError unless there is a picture of that name."""
    known = PICTURES | SPECIAL_PICTURES
    if name not in known:
        raise InputError(f"there is no picture {told(name)}; {did_you_mean(name, known)}there are {', '.join(known)}")


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
    if name is not None:
        check_name(name)
    axes = draw(result, name)
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
    return getattr(import_module(f"batchgd.output.plot.{name}"), name)
