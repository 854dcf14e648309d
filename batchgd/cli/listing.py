"""`batchgd list`: the library of landscapes, or the methods, as a table."""

from typing import Annotated, Any

import typer

from batchgd.cli.console import print_json
from batchgd.problem.tables import TextTable


def list_table(
    methods: Annotated[bool, typer.Option("--methods", help="List the methods instead.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the table.")] = False,
) -> None:
    """Show the library of landscapes with what is known about each, or the methods with their settings."""
    if methods:
        return _list_methods(json)
    from batchgd.problem import landscapes

    records = [_record(landscapes.get(name)) for name in landscapes.names()]
    if json:
        print_json({"landscapes": records})
        return
    print(TextTable([_row(record) for record in records], words=("name", "box", "title")))
    print("\ndim: the default of --dim, to which box, minima and global value refer; ?: unknown")


def _list_methods(json: bool) -> None:
    from batchgd.engine.backends import BACKENDS
    from batchgd.problem.methods import METHODS

    records = [
        {
            "name": name,
            "class": cls.__name__,
            "backends": list(BACKENDS),
            "takes": cls.takes(),
            "title": cls.title(),
        }
        for name, cls in METHODS.items()
    ]
    if json:
        print_json({"methods": records})
        return
    rows = [
        {"name": name, "class": cls.__name__, "backends": ", ".join(BACKENDS), "description": cls.title()}
        for name, cls in METHODS.items()
    ]
    print(TextTable(rows, words=rows[0]))
    print("\nsettings and how to choose them: python -c 'import batchgd as bgd; help(bgd.Adam)'")


def _record(landscape: Any) -> dict[str, Any]:
    """Return what is known about a landscape in its default dimension, ready for JSON."""
    box = landscape.box()
    return {
        "name": landscape.name,
        "title": landscape.title,
        "dims": list(landscape.dims),
        "default_dim": landscape.default_dim,
        "box": [[float(low), float(high)] for low, high in zip(box.lower, box.upper, strict=True)],
        "n_minima": landscape.n_minima(),
        "global_value": landscape.global_value(),
    }


def _row(record: dict[str, Any]) -> dict[str, str]:
    least, greatest = record["dims"]
    dims = f"{least}+" if greatest is None else f"{least}" if least == greatest else f"{least}-{greatest}"
    sides = [f"[{low:g}, {high:g}]" for low, high in record["box"]]
    alike = len(set(sides)) == 1 and len(sides) > 1
    box = f"{sides[0]}^{len(sides)}" if alike else " x ".join(sides)
    minima = "?" if record["n_minima"] is None else str(record["n_minima"])
    value = "?" if record["global_value"] is None else f"{record['global_value']:.8g}"
    return {
        "name": record["name"],
        "dims": dims,
        "dim": str(record["default_dim"]),
        "box": box,
        "minima": minima,
        "global value": value,
        "title": record["title"],
    }
