"""Pictures: axes in, axes out; matplotlib is loaded when one is drawn.

A picture of a result is a function with :func:`register_picture` above it, which makes it a row of ``PICTURES``.
Without axes it draws on a new figure that needs no display and leaves pyplot's state alone:
``result.plot.waterfall().figure`` is that figure.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

from batchgd.minima.results import BatchData, LandscapeData
from batchgd.output.plot.canvas import drawn
from batchgd.output.plot.pictures import PICTURES, register_picture

__all__ = ["PICTURES", "draw", "register_picture", "save_picture", "suitable"]

for _name in ("basins", "slices", "waterfall", "iterations", "fractions", "funnel", "parallel", "discovery", "network"):
    import_module(f"batchgd.output.plot.{_name}")


def suitable(result: BatchData) -> str:
    """Return the name of the picture that suits a result: basins in 2-D, slices beyond, else the waterfall."""
    if not isinstance(result, LandscapeData) or result.dim == 1:
        return "waterfall"
    return "basins" if result.dim == 2 else "slices"


def draw(result: BatchData, name: str | None = None) -> Any:
    """Draw a picture by its name, or the one that suits; returns its axes."""
    return PICTURES.find(name or suitable(result)).draw(result)


def save_picture(result: BatchData, path: str | Path, name: str | None = None) -> Any:
    """Draw a picture into a file.

    Parameters
    ----------
    result : BatchData
        What ``multistart`` or ``descend`` returned.
    path : str or Path
        The file; its ending chooses the format (.png, .svg, .pdf, ...).
    name : str, optional
        Which picture, a key of ``PICTURES``; default: the one that suits the dimension.

    Returns
    -------
    Axes
        The axes that were drawn on.

    Raises
    ------
    InputError
        If the ending is not a picture format or the file cannot be written; ImportError without matplotlib.
    """
    chosen = suitable(result) if name is None else PICTURES.name(name)
    return drawn(path, lambda: draw(result, chosen))
