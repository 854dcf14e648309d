"""`batchgd show`: a saved run, and analyses of it."""

from typing import Annotated, Any

import typer

from batchgd.cli import destinations
from batchgd.cli.console import Console
from batchgd.cli.options import CSV
from batchgd.cli.printing import LimitOfRows, one_format, read_limit, show_result
from batchgd.cli.target import FunctionOfRun, SavedRun, load_target
from batchgd.problem.errors import InputError


def show(
    run: SavedRun,
    identity_x: Annotated[
        float | None, typer.Option("--identity-x", help="Endpoints this close, in box widths, are one minimum ...")
    ] = None,
    identity_f: Annotated[
        float | None,
        typer.Option("--identity-f", help="... if their values are this close, relative to |f| or to a typical value."),
    ] = None,
    identity_symmetry: Annotated[
        str | None, typer.Option("--identity-symmetry", help="Points that it transforms into each other are one.")
    ] = None,
    coverage: Annotated[bool, typer.Option("--coverage", help="Show all estimates of what was not seen.")] = False,
    fidelity: Annotated[
        int | None,
        typer.Option("--fidelity", help="Compare this many labels with those of gradient flow."),
    ] = None,
    stability: Annotated[
        bool, typer.Option("--stability", help="Show how far each minimum is from the border of its basin.")
    ] = False,
    fun: FunctionOfRun = None,
    out: Annotated[
        str | None, typer.Option("--out", metavar="PATH", help="Save the run with these tolerances in a new file.")
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help=CSV.help)] = False,
    limit: LimitOfRows = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the table.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No messages on stderr.")] = False,
) -> None:
    """Print a saved run: its minima, also under other tolerances; coverage, fidelity, stability."""
    options = {"json": json, "csv": csv, "limit": read_limit(limit)}
    one_format(options)
    import batchgd as bgd
    from batchgd.api.fit_result import FitResult
    from batchgd.minima.results import LandscapeData

    if out is not None:
        destinations.check_result(out, overwrite=False)
    console = Console(quiet=quiet)
    with console.guard_stdout():
        result = bgd.load(run, fun=None if fun is None else load_target(fun))
        given = {"x": identity_x, "f": identity_f, "symmetry": identity_symmetry}
        analysed = coverage or stability or any(value is not None for value in (fidelity, *given.values()))
        if isinstance(result, FitResult):
            if analysed:
                raise InputError(f"{run} contains a fit: omit the options, or analyse fit.landscape in Python")
        elif (analysed or csv) and not isinstance(result, LandscapeData):
            raise InputError(f"{run} has endpoints but no minima: omit the options, or give a run of multistart")
        identity = {name: value for name, value in given.items() if value is not None}
        if identity:
            result = result.recluster(identity)
        parts: dict[str, Any] = {"coverage": result.coverage} if coverage else {}
        if fidelity is not None:
            parts["fidelity"] = result.fidelity(fidelity)
        if stability:
            parts["stability"] = result.stability()
    show_result(result, options, parts, console)
    if out is not None:
        console.say(destinations.save(result, out))
