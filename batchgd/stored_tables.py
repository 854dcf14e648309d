"""Tables of a result as named arrays and plain fields, and back."""

import dataclasses
from importlib import import_module
from typing import Any

import numpy as np

TABLES = {
    "minima": ("minima.tables", "Minima"),
    "stationary": ("minima.tables", "Stationary"),
    "strategy": ("strategies.record", "Record"),
    "saddles": ("saddles.table", "Saddles"),
}
"""Parts of a result that are tables: where their classes live."""

_INNER = {"nodes": ("saddles.table", "Nodes")}
"""Fields of tables that are tables: their columns are stored as ``<field>.<column>``."""


def split(table: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The array columns of a table, and its other fields."""
    columns: dict[str, np.ndarray] = {}
    rest: dict[str, Any] = {}
    for field in dataclasses.fields(table):
        value = getattr(table, field.name)
        if field.name in _INNER:
            inner, rest[field.name] = split(value)
            columns |= {f"{field.name}.{name}": column for name, column in inner.items()}
        elif isinstance(value, np.ndarray) or field.name == "kind":
            columns[field.name] = value if field.name != "kind" else np.asarray(value, dtype=str)
        else:
            rest[field.name] = value
    return columns, rest


def join(name: str, columns: dict[str, np.ndarray], rest: dict[str, Any]) -> Any:
    """Make the table of that name again from what :func:`split` returned."""
    home, kind = (TABLES | _INNER)[name]
    for field in _INNER.keys() & rest.keys():
        inner = {key.removeprefix(f"{field}."): columns[key] for key in columns if key.startswith(f"{field}.")}
        columns = {key: column for key, column in columns.items() if not key.startswith(f"{field}.")}
        rest = rest | {field: join(field, inner, rest[field])}
    return getattr(import_module(f"batchgd.{home}"), kind)(**columns, **rest)
