"""`batchgd rows`: the rows of a run in parts as one Parquet file."""

import os
from typing import Any

from batchgd.cli.console import EXIT_DONE, Console
from batchgd.cli.options import FLAG, PATH, PRINTING, TEXT, Kind, Option
from batchgd.cli.parameters import takes
from batchgd.problem.errors import InputError
from batchgd.problem.wording import plural, quantity

RUN = Option("run", Kind("RUN", "the folder of a run", TEXT.convert), "A folder of `batchgd run --run --keep disk`.")
OPTIONS = (
    Option("out", PATH, "The new file, in Parquet's format (default: only print how many rows there are)."),
    Option("overwrite", FLAG, "Replace an existing file."),
    *(option for option in PRINTING if option.name == "quiet"),
)


@takes(OPTIONS, RUN)
def rows(options: dict[str, Any]) -> int:
    """Write the rows of a run into a Parquet file: where each start ended, and how.

    RUN is a folder of `batchgd run --run` with --keep disk or all. Its parts are read one after another, so that rows
    need not fit in memory.
    """
    console = Console(quiet=options.get("quiet", False))
    with console.guard_stdout():
        if "run" not in options:
            raise InputError("RUN is missing: write batchgd rows RUN --out FILE.parquet")
        import batchgd as bgd

        found = bgd.rows(options["run"])
        if "out" in options:
            file = found.to_parquet(options["out"], overwrite=options.get("overwrite", False))
            console.say(f"{plural(len(found), 'row')} written to {file}, {quantity(os.path.getsize(file), 'B')}")
            return EXIT_DONE
    print(found)
    return EXIT_DONE
