"""The table of pictures of a result: what each shows and needs, declared with the function that draws it."""

import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from batchgd.minima.results import LandscapeData
from batchgd.output.plot.canvas import given_or_new
from batchgd.problem.errors import InputError
from batchgd.problem.optional import require
from batchgd.problem.registry import Registry
from batchgd.problem.speaker import a_run, option, picture

_SIZE = (6.4, 4.2)  # inches of a new figure
_SECTIONS = re.compile(r"\n\n(?=(?:Parameters|Returns|Raises|References)\n-+\n)")


@dataclass(frozen=True)
class Picture:
    """One row of the table; see :func:`register_picture`."""

    name: str
    shows: str
    draw: Callable[..., Any]
    minima: bool
    labels: bool
    trajectories: bool
    dims: tuple[int, int | None]
    instead: str
    special: bool

    def check(self, result: Any) -> None:
        """Raise InputError for a result that lacks what this picture needs."""
        require("matplotlib", "plot")
        shown, labelled = f"the picture {self.name!r}", isinstance(result, LandscapeData)
        least, most = self.dims
        if self.trajectories and not result.kept:
            raise InputError(f"{shown} needs trajectories, and this run kept none: run it with {option('keep', 'all')}")
        if self.labels and not labelled:
            raise InputError(f"{shown} needs labels: run {a_run()}, or draw {picture('waterfall')}")
        if result.dim < least or (most is not None and result.dim > most):
            dims = f"at least {least}" if most is None else f"{least}" if most == least else f"{least} to {most}"
            raise InputError(
                f"{shown} needs {dims} dimensions, this result has {result.dim}: draw {picture(self.instead)}"
            )
        if self.minima and not (labelled and len(result.minima)):
            raise InputError(f"{shown} needs minima, and this result has none: draw {picture('waterfall')}")


PICTURES: Registry[Picture] = Registry("picture", "pictures")
"""Every picture of a result by its name; :func:`register_picture` adds one."""


def register_picture(
    shows: str,
    *,
    minima: bool = True,
    labels: bool = False,
    trajectories: bool = True,
    dims: tuple[int, int | None] = (1, None),
    instead: str = "waterfall",
    special: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make the decorated function a picture of results: ``result.plot.<its name>()``, ``batchgd plot RUN <its name>``.

    The function takes the result, axes to draw on and options of its own, and returns the axes. If its ``ax`` has no
    default, those of a new figure are passed if none were given. A result that lacks what is declared here is refused
    before the function is called. The parameters that all pictures share are added to its docstring. A package may name
    its module in an entry point of the group ``batchgd.pictures``; it is then imported when one of its pictures is
    asked for.

    Parameters
    ----------
    shows : str
        What the picture shows, in one line.
    minima, labels, trajectories : bool
        Whether it needs at least one minimum, a label per start, one entry per start.
    dims : (int, int or None)
        The smallest and the largest number of coordinates.
    instead : str
        The picture to suggest if the dimensions do not fit.
    special : bool
        Whether it needs more than most results have: a second run, saddles, the function.

    Raises
    ------
    InputError
        If another picture has this name.

    Examples
    --------
    >>> import batchgd as bgd
    >>> @bgd.register_picture("values of the minima", trajectories=False)
    ... def levels(result, ax):
    ...     ax.hlines(result.minima.fun, 0.0, 1.0)
    ...     return ax
    >>> bgd.multistart("himmelblau", starts=100).plot.levels().figure.savefig("levels.png")  # doctest: +SKIP
    """

    def register(draw: Callable[..., Any]) -> Callable[..., Any]:
        ax = inspect.signature(draw).parameters.get("ax")

        @functools.wraps(draw)
        def checked(result: Any, *args: Any, **options: Any) -> Any:
            row.check(result)
            if ax is not None and ax.default is ax.empty and not args:
                options["ax"] = given_or_new(options.get("ax"), _SIZE)
            return draw(result, *args, **options)

        row = Picture(draw.__name__, shows, checked, minima, labels, trajectories, dims, instead, special)
        PICTURES.register(row.name, row, draw)
        checked.__doc__ = _documented(draw, row)
        return checked

    return register


def _documented(draw: Callable[..., Any], row: Picture) -> str:
    """The function's docstring, with the parameters, the return value and the error that all pictures share."""
    about, *rest = _SECTIONS.split(inspect.getdoc(draw) or row.shows)
    sections = {section.split("\n")[0]: section.split("\n", 2)[2] for section in rest}
    needs = ["at least one minimum"] * row.minima + ["labels"] * row.labels + ["one entry per start"] * row.trajectories
    shared = f"result : BatchResult\n    With {', '.join(needs)}." if needs else "result : BatchResult"
    if "ax" in inspect.signature(draw).parameters:
        shared += "\nax : matplotlib Axes, optional\n    Where to draw; default: a new figure."
    own = sections["Raises"].rstrip(".") + ", or if" if "Raises" in sections else "InputError\n    If"
    parts = {
        "Parameters": "\n".join([shared, *([sections["Parameters"]] if "Parameters" in sections else [])]),
        "Returns": sections.get("Returns", "Axes"),
        "Raises": f"{own} the result lacks what is needed.",
    }
    parts |= {"References": sections["References"]} if "References" in sections else {}
    return "\n\n".join([about, *(f"{title}\n{'-' * len(title)}\n{body}" for title, body in parts.items())])
