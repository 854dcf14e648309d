"""`batchgd compare`: methods beside each other on several landscapes."""

from typing import Any

from batchgd.cli import destinations
from batchgd.cli.console import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, Console, show
from batchgd.cli.options import COMPUTE, FLAG, IDENTITY, INTEGER, PRINTING, STOPPING, TEXTS, Kind, Option, plot_option
from batchgd.cli.parameters import takes
from batchgd.cli.solver import arguments_of
from batchgd.cli.target import load_target
from batchgd.problem.errors import InputError

LANDSCAPES = Option(
    "landscapes",
    Kind("[LANDSCAPE...]", "names of landscapes", TEXTS.convert, repeatable=True),
    "NAME or NAME:DIM, or all; a standard set without.",
)
COMPARE_OPTIONS = (
    Option("method", TEXTS, "Update rule; repeatable; all of them without."),
    Option("starts", INTEGER, "Starts of each cell; 1000 when not given."),
    Option("seed", INTEGER, "Seed of the starts; 0 when not given."),
    *STOPPING,
    *COMPUTE,
    *IDENTITY,
    plot_option("the performance profile"),
    Option("markdown", FLAG, "Print the table as Markdown."),
    *PRINTING,
)


@takes(COMPARE_OPTIONS, LANDSCAPES)
def compare(options: dict[str, Any]) -> int:
    """Compare methods: how often each finds the global minimum, at what cost, and how true its basins are.

    Each method takes the settings that it is tried with, and each landscape is first brought to the units that these
    settings suit. All methods on the standard set take some minutes.
    """
    if options.get("markdown") and options.get("json"):
        raise InputError("--markdown and --json exclude each other: leave one out")
    console = Console(quiet=options.get("quiet", False))
    destinations.check(options)

    import batchgd as bgd
    from batchgd.analysis.comparison import EVERY

    def progress(cell: Any) -> None:
        told = cell.error or f"{100 * cell.success:.1f} % in {cell.compile_seconds + cell.seconds:.2f} s"
        console.say(f"{cell.landscape}, {cell.method}: {told}")

    named = options.get("landscapes")
    if named is not None:
        options["landscapes"] = EVERY if named == [EVERY] else [_landscape(text) for text in named]
    with console.guard_stdout():
        arguments = arguments_of(bgd.compare, options) | {"progress": progress}
        table = bgd.compare(options.get("method"), **arguments)
    show(options, table.markdown if options.get("markdown") else table.__str__, table.to_dict)
    if "plot" in options:
        from batchgd.output.plot.canvas import write

        write(table.profile(), options["plot"])
        console.say(f"picture written to {options['plot']}")
    if table.interrupted:
        return EXIT_INTERRUPTED
    return EXIT_FAILED if table.failures else EXIT_DONE


def _landscape(text: str) -> tuple[Any, int | None]:
    """Read NAME or NAME:DIM."""
    name, colon, dim = text.partition(":")
    return load_target(name), Option("dim", INTEGER, "").read(dim) if colon else None
