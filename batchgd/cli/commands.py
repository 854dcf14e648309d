"""The table of commands: a new command is a file in this folder and a row here.

A command is a function with Typer annotations that returns an exit code or None (0). What it raises becomes one line
on stderr (see ``app.py``). Its file imports nothing heavy at the top, because ``--help`` loads all of them.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from batchgd.cli import (
    bench,
    cache,
    compare,
    connect,
    curvature,
    diff,
    doctor,
    fit,
    listing,
    map,
    merge,
    path,
    plot,
    rows,
    run,
    show,
    sweep,
)
from batchgd.cli.parameters import PairsCommand


class Row(NamedTuple):
    """One command: its name, its function, and extra settings for Typer."""

    name: str
    function: Callable[..., int | None]
    settings: Mapping[str, Any] = MappingProxyType({})


COMMANDS = (
    Row("run", run.run, {"epilog": run.EPILOG, "cls": PairsCommand}),
    Row("fit", fit.fit, {"epilog": run.EPILOG}),
    Row("path", path.path, {"cls": PairsCommand}),
    Row("compare", compare.compare, {"cls": PairsCommand}),
    Row("curvature", curvature.curvature, {"cls": PairsCommand}),
    Row("map", map.map_basins, {"cls": PairsCommand}),
    Row("merge", merge.merge),
    Row("rows", rows.rows),
    Row("connect", connect.connect, {"cls": PairsCommand}),
    Row("sweep", sweep.sweep, {"epilog": run.EPILOG, "cls": sweep.SweepCommand}),
    Row("list", listing.list_table),
    Row("show", show.show),
    Row("diff", diff.diff),
    Row("plot", plot.plot),
    Row("doctor", doctor.doctor),
    Row("cache", cache.cache),
    Row("bench", bench.bench),
)
