"""`batchgd merge`: one result from the folders of runs in parts."""

from typing import Any

from batchgd.cli import destinations
from batchgd.cli.console import EXIT_DONE, EXIT_INTERRUPTED, Console
from batchgd.cli.options import (
    CSV,
    FLAG,
    FUNCTION,
    IDENTITY,
    LIMIT,
    PRINTING,
    SAVING,
    TEXT,
    TEXTS,
    Kind,
    Option,
    picked,
)
from batchgd.cli.parameters import takes
from batchgd.cli.printing import one_format, show_result
from batchgd.cli.solver import arguments_of
from batchgd.cli.target import load_target
from batchgd.engine.interrupts import heeded
from batchgd.problem.errors import InputError

RUNS = Option(
    "runs",
    Kind("RUN...", "the folders of some runs", TEXTS.convert, repeatable=True),
    "Folders of `batchgd run --run`.",
)
OPTIONS = (
    Option("fun", FUNCTION, "The runs' function, FILE.py:FUNCTION, if it is not a landscape."),
    Option("partial", FLAG, "Merge what there is, although parts are missing or damaged."),
    Option("keep", TEXT, "all, or minima: do not read the rows of the parts."),
    *IDENTITY,
    *picked("threads"),
    *SAVING,
    CSV,
    LIMIT,
    *PRINTING,
)


@takes(OPTIONS, RUNS)
def merge(options: dict[str, Any]) -> int:
    """Merge runs in parts: shards of one run, and runs of other seeds; print the minima.

    RUN... are folders of `batchgd run --run`. Runs that differ in anything but their seeds are refused.
    """
    console = Console(quiet=options.get("quiet", False))
    with console.guard_stdout():
        one_format(options)
        destinations.check(options)
        if "runs" not in options:
            raise InputError("RUN is missing: give the folders of some runs, as in batchgd merge runs/1 runs/2")
        import batchgd as bgd

        arguments = arguments_of(bgd.merge, options)
        if "fun" in options:
            arguments["fun"] = load_target(options["fun"])
    with heeded() as interrupt:
        with console.guard_stdout(), console.progress() as printer:
            result = bgd.merge(**arguments, progress=printer)
        show_result(result, options, {}, console)
        with console.guard_stdout():
            destinations.keep(result, options, console)
        return EXIT_INTERRUPTED if interrupt.seen else EXIT_DONE
