"""`batchgd compare`: methods side by side on several landscapes."""

from dataclasses import replace
from typing import Any

from batchgd.cli import destinations
from batchgd.cli.console import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, Console, show
from batchgd.cli.options import (
    BOUNDED,
    COMPUTE,
    FLAG,
    IDENTITY,
    INTEGER,
    LIMIT_OF_ALL,
    PRINTING,
    STOPPING,
    TEXTS,
    Kind,
    Option,
    plot_option,
)
from batchgd.cli.parameters import takes
from batchgd.cli.solver import arguments_of
from batchgd.cli.target import load_target
from batchgd.problem.errors import InputError

LANDSCAPES = Option(
    "landscapes",
    Kind("[LANDSCAPE...]", "names of landscapes", TEXTS.convert, repeatable=True),
    "NAME, NAME:DIM, or all (default: a standard set).",
)
COMPARE_OPTIONS = (
    Option("method", TEXTS, "Update rule; repeatable (default: all)."),
    Option("starts", INTEGER, "Starts for each method and landscape (default: 1000)."),
    Option("seed", INTEGER, "Seed of the starts (default: 0)."),
    replace(BOUNDED, help="Interval that a coordinate never leaves, of each landscape; one for all, or one for each."),
    *STOPPING,
    *COMPUTE,
    *IDENTITY,
    plot_option("the performance profile"),
    Option("markdown", FLAG, "Print the table as Markdown."),
    LIMIT_OF_ALL,
    *PRINTING,
)


@takes(COMPARE_OPTIONS, LANDSCAPES)
def compare(options: dict[str, Any]) -> int:
    """Compare methods: how often each finds the global minimum, at what cost, and how true its basins are.

    Each method has its example settings (see `batchgd list --methods`), and each landscape is first scaled to the units
    that these settings suit. All methods on the standard set take a few minutes.
    """
    if options.get("markdown") and options.get("json"):
        raise InputError("--markdown and --json were both given: give only one of them")
    console = Console(quiet=options.get("quiet", False))
    destinations.check(options)

    import batchgd as bgd
    from batchgd.analysis.comparison import EVERY

    def progress(cell: Any) -> None:
        outcome = cell.error or f"{100 * cell.success:.1f} % in {cell.compile_seconds + cell.seconds:.2f} s"
        console.say(f"{cell.landscape}, {cell.method}: {outcome}")

    names = options.get("landscapes")
    if names is not None:
        options["landscapes"] = EVERY if names == [EVERY] else [_landscape(text) for text in names]
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
