"""Tables of a result as named arrays and plain fields, and back; and the checks of a result's arrays.

The type of a column is the type hint of its field; shapes and ranges are defined here.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.saddles.saddles import Saddles
from batchgd.analysis.strategies.info import StrategyInfo
from batchgd.api.storage.typed import typed
from batchgd.kernels.status import Status
from batchgd.minima.classify import NAMES
from batchgd.minima.tables import Minima, Stationary
from batchgd.problem.errors import InputError

TABLES = {"minima": Minima, "stationary": Stationary, "strategy": StrategyInfo, "saddles": Saddles}
"""Parts of a result that are tables: their columns are stored as ``<table>.<column>``."""

Sizes = dict[str, int]
"""n starts, d coordinates, m minima; r rows of a table, and k nodes of saddles."""

PER_START: dict[str, tuple[str, Any]] = {
    "x": ("nd", NDArray[np.float64]),
    "fun": ("n", NDArray[np.float64]),
    "nit": ("n", NDArray[np.int64]),
    "nfev": ("n", NDArray[np.int64]),
    "status": ("n", NDArray[np.int8]),
    "label": ("n", NDArray[np.int32]),
    "x0": ("nd", NDArray[np.float64]),
    "jac": ("nd", NDArray[np.float64]),
    "lower_bound": ("nd", NDArray[np.float64]),
    "upper_bound": ("nd", NDArray[np.float64]),
}
"""Shape and type of the arrays with one entry per start."""

OPTIONAL = ("x0", "jac", "lower_bound", "upper_bound")
"""Those that a result may lack."""

_SHAPES = {
    "active": "rd",
    "multipliers": "rd",
    "x": "rd",
    "eigenvalues": "rd",
    "mode": "rd",
    "joins": "r2",
    "barrier": "r2",
    "origin": "s",
    "accepted": "s",
}
"""Shapes of table columns that do not have one entry per row; s counts all starts, n those that were kept."""

_RANGES: dict[str, Callable[[Sizes], tuple[float, float]]] = {
    "nit": lambda size: (0, np.inf),
    "nfev": lambda size: (0, np.inf),
    "label": lambda size: (-1, size["m"] - 1),
    "count": lambda size: (0, size["s"]),
    "fraction": lambda size: (0, 1),
    "fraction_low": lambda size: (0, 1),
    "fraction_high": lambda size: (0, 1),
    "spread": lambda size: (0, np.inf),
    "negative": lambda size: (0, size["d"]),
    "zero": lambda size: (0, size["d"]),
    "free": lambda size: (0, size["d"]),
    "active": lambda size: (-1, 1),
    "joins": lambda size: (-1, size["k"] - 1),
    "from_border": lambda size: (0, np.inf),
    "origin": lambda size: (-1, size["s"] - 1),
    "known": lambda size: (0, size["k"]),
    "walked_from": lambda size: (0, size["k"]),
    "drawn": lambda size: (0, size["s"]),
    "sampled": lambda size: (0, np.inf),
    "evaluations": lambda size: (0, np.inf),
}
"""Smallest and largest value of columns and fields, NaN excepted."""


def split(name: str, table: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The columns of a table, named ``<table>.<column>``, and its other fields; a field may itself be a table."""
    columns: dict[str, np.ndarray] = {}
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(table):
        value, place = getattr(table, field.name), f"{name}.{field.name}"
        if dataclasses.is_dataclass(value):
            inner, fields[field.name] = split(place, value)
            columns |= inner
        elif isinstance(value, np.ndarray):
            columns[place] = value
        else:
            fields[field.name] = value
    return columns, fields


def join(columns: dict[str, np.ndarray], fields: dict[str, Any]) -> dict[str, Any]:
    """Rebuild the tables from what :func:`split` returned; raise InputError for a wrong type."""
    for place, column in columns.items():
        *tables, name = place.split(".")
        inner: Any = fields
        for table in tables:
            inner = inner.get(table) if isinstance(inner, dict) else None
        if not isinstance(inner, dict):
            raise InputError(f"{place} does not belong to a table")
        inner[name] = column
    return {name: typed(fields[name], cls, name) for name, cls in TABLES.items() if fields.get(name) is not None}


def rows(array: np.ndarray) -> int:
    """Entries along the first axis; 0 for a single number, whose shape is refused afterwards."""
    return array.shape[0] if array.ndim else 0


def check_per_start(arrays: dict[str, np.ndarray], sizes: Sizes) -> None:
    """Raise InputError unless the arrays have one entry per start, of the right type, and within its range."""
    for name, array in arrays.items():
        shape, hint = PER_START[name]
        _check(typed(array, hint, name), shape, sizes, name, name)
    if not np.isin(arrays["status"], list(Status)).all():
        raise InputError("status contains a code that no trajectory ends with")


def check_table(table: Any, sizes: Sizes, where: str) -> None:
    """Raise InputError unless the columns of a table agree in length and dimension, and are within their ranges."""
    own = {"k": rows(table.nodes.fun)} if hasattr(table, "nodes") else {}
    size = {**sizes, **own}  # the first column adds the number of rows
    for field in dataclasses.fields(table):
        value, place = getattr(table, field.name), f"{where}.{field.name}"
        if dataclasses.is_dataclass(value):
            check_table(value, {**sizes, **own}, place)
        elif isinstance(value, np.ndarray | int | float):
            scalar = not isinstance(value, np.ndarray)
            _check(np.asarray(value), "" if scalar else _SHAPES.get(field.name, "r"), size, field.name, place)
            if field.name in ("x", "fun") and not np.isfinite(value).all():
                raise InputError(f"{place} contains numbers that are not finite")


def check_counts(label: np.ndarray | None, minima: Any, stationary: Any, sizes: Sizes) -> None:
    """Raise InputError unless the counts of minima match the labels, and the counts add up to at most all starts."""
    if label is not None and not np.array_equal(np.bincount(label + 1, minlength=sizes["m"] + 1)[1:], minima.count):
        raise InputError("minima.count does not match the labels")
    if sum(minima.count.tolist()) + sum(stationary.count.tolist()) > sizes["s"]:
        raise InputError(f"the counts of minima and stationary add up to more than the {sizes['s']:,} starts")
    low, high = minima.fraction_low, minima.fraction_high
    if (low is None) != (high is None) or (low is not None and not (low <= high).all()):
        raise InputError("minima has intervals with a missing end, or with fraction_low above fraction_high")


def _check(array: np.ndarray, shape: str, sizes: Sizes, name: str, where: str) -> None:
    """Raise InputError unless an array has this shape, whose letters refer to ``sizes``, and is within its range."""
    if array.ndim == len(shape):  # the first column of a table sets how many rows the others must have
        wanted = tuple(
            int(one) if one.isdigit() else sizes.setdefault(one, length)
            for one, length in zip(shape, array.shape, strict=True)
        )
    if array.ndim != len(shape) or array.shape != wanted:
        raise InputError(f"{where} has shape {array.shape}, which does not fit the other arrays")
    if name == "kind" and not np.isin(array, NAMES).all():
        raise InputError(f"{where} contains something other than {', '.join(sorted({*NAMES}))}")
    low, high = _RANGES[name](sizes) if name in _RANGES else (-np.inf, np.inf)
    if array.dtype.kind in "iuf" and ((array < low) | (array > high)).any():
        raise InputError(f"{where} is outside {low:,} to {high:,}")
