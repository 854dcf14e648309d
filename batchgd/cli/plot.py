"""`batchgd plot`: a picture of a saved run."""

from typing import Annotated, Any

import typer

from batchgd.cli import destinations
from batchgd.cli.console import Console
from batchgd.cli.target import FunctionOfRun, SavedRun, load_target
from batchgd.problem.errors import InputError

_NAMES = (
    "basins, slices, waterfall, iterations, fractions, funnel, parallel, discovery, network, tolerances, confusion, "
    "disconnectivity, zoom"  # written out: to load the table for --help would take 10 ms
)
_OF_FITS = ("fit", "residuals", "correlation", "waterfall", "profiles")


def plot(
    run: SavedRun,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help=f"{_NAMES} (default: the one that suits the run); of a fit {', '.join(_OF_FITS)}."
        ),
    ] = None,
    out: Annotated[str | None, typer.Option("--out", metavar="FILE", help="File to write (.png, .svg, .pdf).")] = None,
    other: Annotated[
        str | None, typer.Option("--with", metavar="RUN2", help="A second run of the same starts, for confusion.")
    ] = None,
    fun: FunctionOfRun = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")] = False,
) -> None:
    """Draw a picture of a saved run into a file."""
    if out is None:
        raise InputError("no file was given: add --out FILE, such as --out picture.png")
    destinations.check_picture(out, "--out")
    console = Console(quiet=quiet)
    with console.guard_stdout():
        _draw(run, name, out, other, fun)
    console.say(f"picture written to {out}")


def _draw(run: str, name: str | None, out: str, other: str | None, fun: str | None) -> None:
    import batchgd as bgd
    from batchgd.api.fit_result import FitResult
    from batchgd.api.pictures import PICTURES
    from batchgd.output.plot import suitable
    from batchgd.output.plot.canvas import write
    from batchgd.problem.registry import find_name

    if name is not None and name not in _OF_FITS:
        name = PICTURES.name(name)
    function = None if fun is None else load_target(fun)
    result = bgd.load(run, fun=function)
    if isinstance(result, FitResult):
        name = "fit" if name is None else find_name("picture of a fit", name, _OF_FITS)
        pictures: dict[str, Any] = {"fit": result.plot, "profiles": lambda: result.profile().plot()}
        picture = pictures.get(name) or getattr(result.plot, name)
    else:
        name = suitable(result) if name is None else PICTURES.name(name)
        picture = getattr(result.plot, name)
    if name != "confusion" and other is not None:
        raise InputError(f"the picture {name!r} shows one run: omit --with")
    write(picture() if other is None else picture(bgd.load(other, fun=function)), out)
