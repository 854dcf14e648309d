"""A result on stdout: as text, as one JSON object, or its minima as CSV; ``--limit`` is for all three."""

from typing import Annotated, Any

import typer

from batchgd.cli.console import Console, show
from batchgd.cli.options import LIMIT
from batchgd.problem.errors import InputError

LimitOfRows = Annotated[str | None, typer.Option(LIMIT.flag, metavar=LIMIT.kind.metavar, help=LIMIT.help)]


def read_limit(text: str | None) -> int | str | None:
    """Return the value of ``--limit``, checked.

    >>> read_limit("1e3"), read_limit("all"), read_limit(None)
    (1000, 'all', None)
    """
    return None if text is None else LIMIT.read(text)


def one_format(options: dict[str, Any]) -> None:
    """Raise InputError if both --json and --csv were given."""
    if options.get("json") and options.get("csv"):
        raise InputError("--json and --csv were both given: give only one of them")


def show_result(result: Any, options: dict[str, Any], parts: dict[str, Any], console: Console) -> None:
    """Print a result, and analyses of it by name; what JSON and CSV leave out is also reported on stderr."""
    from batchgd.minima.results import LandscapeData
    from batchgd.problem.limits import RECORDS, cut, printoptions, rows_shown

    if options.get("csv"):
        _show_csv(result, options)
    else:
        show(
            options,
            lambda: "\n\n".join([str(result), *(f"{name}:\n{part}" for name, part in parts.items())]),
            lambda: result.record() | {name: part.to_dict() for name, part in parts.items()},
        )
    if (options.get("csv") or options.get("json")) and isinstance(result, LandscapeData):
        total = len(result.minima)
        with printoptions(limit=options.get("limit")):
            if left_out := cut(total, "minimum", "minima", rows_shown(total, RECORDS)):
                console.say(left_out)


def _show_csv(result: Any, options: dict[str, Any]) -> None:
    from batchgd.api.fit_result import FitResult
    from batchgd.output.json_text import csv_text
    from batchgd.output.summary import minima_columns
    from batchgd.problem.limits import printoptions
    from batchgd.problem.tables import listed

    if isinstance(result, FitResult):
        print(result.to_csv(), end="")
        return
    with printoptions(limit=options.get("limit")):
        print(csv_text(listed(minima=minima_columns(result))["minima"]), end="")
