"""`batchgd compare`: methods beside each other on several landscapes."""

from typing import Annotated, Any

import typer

from batchgd.cli import destinations
from batchgd.cli.console import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, Console, print_json
from batchgd.cli.options import INTEGER, NUMBER, Kind, Option
from batchgd.cli.target import load_target
from batchgd.problem.errors import InputError


def compare(
    landscapes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[LANDSCAPE...]", help="NAME or NAME:DIM, or all; a standard set without."),
    ] = None,
    method: Annotated[
        list[str] | None, typer.Option("--method", metavar="TEXT", help="Update rule; repeatable; all of them without.")
    ] = None,
    starts: Annotated[
        str | None, typer.Option("--starts", metavar="INTEGER", help="Starts of each cell; 1000 when not given.")
    ] = None,
    seed: Annotated[
        str | None, typer.Option("--seed", metavar="INTEGER", help="Seed of the starts; 0 when not given.")
    ] = None,
    gtol: Annotated[
        str | None, typer.Option("--gtol", metavar="NUMBER", help="Stop at this gradient norm; 1e-6 when not given.")
    ] = None,
    maxiter: Annotated[
        str | None, typer.Option("--maxiter", metavar="INTEGER", help="Updates at most; 10000 when not given.")
    ] = None,
    backend: Annotated[
        str, typer.Option("--backend", metavar="TEXT", help="auto, cuda, cpu, or numpy, which compiles nothing.")
    ] = "auto",
    plot: Annotated[
        str | None, typer.Option("--plot", metavar="PATH", help="Draw the performance profile into this file.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the table.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress on stderr.")] = False,
) -> int:
    """Compare methods: how often each finds the global minimum, at what cost, and how true its basins are.

    Each method takes the settings that it is tried with, and each landscape is first brought to the units that these
    settings suit. All methods on the standard set take some minutes.
    """
    if markdown and json:
        raise InputError("--markdown and --json exclude each other: leave one out")
    console = Console(quiet=quiet)
    if plot is not None:
        destinations.check_picture(plot)
    numbers = _read(INTEGER, starts=starts, seed=seed, maxiter=maxiter) | _read(NUMBER, gtol=gtol)

    import batchgd as bgd
    from batchgd.analysis.comparison import EVERY

    places: Any = EVERY if landscapes == [EVERY] else [_landscape(text) for text in landscapes or []] or None

    def progress(cell: Any) -> None:
        told = cell.error or f"{100 * cell.success:.1f} % in {cell.compile_seconds + cell.seconds:.2f} s"
        console.say(f"{cell.landscape}, {cell.method}: {told}")

    with console.guard_stdout():
        table = bgd.compare(method or None, places, backend=backend, progress=progress, **numbers)
    if json:
        print_json(table.to_dict())
    else:
        print(table.markdown() if markdown else table)
    if plot is not None:
        from batchgd.output.plot.canvas import write

        write(table.profile(), plot)
        console.say(f"picture written to {plot}")
    if table.interrupted:
        return EXIT_INTERRUPTED
    return EXIT_FAILED if table.failures else EXIT_DONE


def _read(kind: Kind, **given: str | None) -> dict[str, Any]:
    """Read the options of a kind that were given."""
    return {name: Option(name, kind, "").read(text) for name, text in given.items() if text is not None}


def _landscape(text: str) -> tuple[Any, int | None]:
    """Read NAME or NAME:DIM."""
    name, colon, dim = text.partition(":")
    return load_target(name), Option("dim", INTEGER, "").read(dim) if colon else None
