"""`batchgd plot`: a picture of a saved run."""

from typing import Annotated

import typer

from batchgd.cli import destinations
from batchgd.cli.console import Console
from batchgd.cli.target import FunctionOfRun, SavedRun, load_target
from batchgd.problem.errors import InputError

_NAMES = (
    "basins, slices, waterfall, iterations, fractions, funnel, parallel, discovery, network, tolerances, confusion, "
    "disconnectivity, zoom"  # written out: to load the table for --help would take 10 ms
)


def plot(
    run: SavedRun,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help=f"{_NAMES} (default: the one that suits the run).")
    ] = None,
    out: Annotated[str | None, typer.Option("--out", metavar="FILE", help="File to write (.png, .svg, .pdf).")] = None,
    other: Annotated[
        str | None, typer.Option("--with", metavar="RUN2", help="A second run of the same starts, for confusion.")
    ] = None,
    fun: FunctionOfRun = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")] = False,
) -> None:
    """Draw a picture of a saved run into a file."""
    from batchgd.api.pictures import PICTURES

    if name is not None:
        name = PICTURES.name(name)
    if out is None:
        raise InputError("no file was given: add --out FILE, such as --out picture.png")
    destinations.check_picture(out, "--out")
    console = Console(quiet=quiet)
    with console.guard_stdout():
        _draw(run, name, out, other, fun)
    console.say(f"picture written to {out}")


def _draw(run: str, name: str | None, out: str, other: str | None, fun: str | None) -> None:
    import batchgd as bgd
    from batchgd.output.plot import suitable
    from batchgd.output.plot.canvas import write

    function = None if fun is None else load_target(fun)
    result = bgd.load(run, fun=function)
    name = suitable(result) if name is None else name
    picture = getattr(result.plot, name)
    if name != "confusion" and other is not None:
        raise InputError(f"the picture {name!r} shows one run: omit --with")
    write(picture() if other is None else picture(bgd.load(other, fun=function)), out)
