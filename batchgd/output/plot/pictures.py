"""The table of pictures of a result: what each shows and needs, declared with the function that draws it."""

import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from batchgd.minima.results import LandscapeData
from batchgd.problem.errors import InputError, did_you_mean, told
from batchgd.problem.optional import require
from batchgd.problem.speaker import a_run, option, picture

PICTURES: "dict[str, Picture]" = {}
"""Every picture of a result by its name; :func:`register_picture` adds one."""

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
            raise InputError(f"{shown} is of trajectories, and this run kept none: run it with {option('keep', 'all')}")
        if self.labels and not labelled:
            raise InputError(f"{shown} needs labels: run {a_run()}, or draw {picture('waterfall')}")
        if result.dim < least or (most is not None and result.dim > most):
            dims = f"at least {least}" if most is None else f"{least}" if most == least else f"{least} to {most}"
            raise InputError(
                f"{shown} needs {dims} dimensions, this result has {result.dim}: draw {picture(self.instead)}"
            )
        if self.minima and not (labelled and len(result.minima)):
            raise InputError(f"{shown} is of minima, and this result has none; 'waterfall' needs none")


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

    The function takes the result, axes to draw on (``ax=None``: a new figure) and options of its own, and returns the
    axes. A result that lacks what is declared here is refused before it is called. What all pictures share is added to
    its docstring.

    Parameters
    ----------
    shows : str
        What the picture shows, in one line.
    minima, labels, trajectories : bool
        Whether it needs at least one minimum, a label per start, one entry per start.
    dims : (int, int or None)
        The least and the largest number of coordinates.
    instead : str
        The picture to name if the dimensions do not fit.
    special : bool
        Whether it needs more than most results have: a second run, saddles, the function.

    Examples
    --------
    >>> import batchgd as bgd
    >>> from batchgd.output.plot.canvas import given_or_new
    >>> @register_picture("how often each minimum was reached")
    ... def counts(result, ax=None):
    ...     ax = given_or_new(ax, (6, 4))
    ...     ax.bar(range(len(result.minima)), result.minima.count)
    ...     return ax
    >>> bgd.multistart("himmelblau", starts=50).plot.counts()
    <Axes: >
    >>> del PICTURES["counts"]
    """

    def register(draw: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(draw)
        def checked(result: Any, *args: Any, **options: Any) -> Any:
            row.check(result)
            return draw(result, *args, **options)

        row = Picture(draw.__name__, shows, checked, minima, labels, trajectories, dims, instead, special)
        PICTURES[row.name] = row
        checked.__doc__ = _documented(draw, row)
        return checked

    return register


def check_name(name: str) -> None:
    """Raise InputError unless there is a picture of that name."""
    if name not in PICTURES:
        names = ", ".join(PICTURES)
        raise InputError(f"there is no picture {told(name)}; {did_you_mean(name, PICTURES)}there are {names}")


def _documented(draw: Callable[..., Any], row: Picture) -> str:
    """The function's docstring, with the parameters, the return value and the error that all pictures share."""
    about, *given = _SECTIONS.split(inspect.getdoc(draw) or row.shows)
    sections = {section.split("\n")[0]: section.split("\n", 2)[2] for section in given}
    needs = ["at least one minimum"] * row.minima + ["labels"] * row.labels + ["one entry per start"] * row.trajectories
    shared = f"result : BatchResult\n    With {', '.join(needs)}." if needs else "result : BatchResult"
    if "ax" in inspect.signature(draw).parameters:
        shared += "\nax : matplotlib Axes, optional\n    Where to draw; a new figure if not given."
    own = sections["Raises"].rstrip(".") + ", or when" if "Raises" in sections else "InputError\n    When"
    parts = {
        "Parameters": "\n".join([shared, *([sections["Parameters"]] if "Parameters" in sections else [])]),
        "Returns": sections.get("Returns", "Axes"),
        "Raises": f"{own} the result lacks what is needed.",
    }
    parts |= {"References": sections["References"]} if "References" in sections else {}
    return "\n\n".join([about, *(f"{title}\n{'-' * len(title)}\n{body}" for title, body in parts.items())])
