"""A result as another program reads it: the summary that ``--json`` prints."""

import dataclasses
import math
from typing import Any

import numpy as np

from batchgd.minima.results import BatchData, LandscapeData
from batchgd.problem.identity import Identity
from batchgd.problem.tables import Rows, listed

_LIST_LIMIT = 16  # longer hyperparameters (one learning rate per start) are summarised by their range
_OF_MINIMA = ("x", "fun", "count", "fraction", "fraction_low", "fraction_high", "kind", "free", "inside")
_OF_BOUNDED = ("active", "multipliers")


def summary(result: BatchData) -> dict[str, Any]:
    """Return the result without its arrays, ready for JSON; numbers that are not finite are None (null).

    Keys: objective, dim, n_starts, sampling, seed, box, bounds and domain (only if there are any), method (name and
    hyperparameters), backend, dtype, seconds, status (name -> count), interrupted, warnings; for a multi-start also
    minima (a list of ``x, fun, count, fraction, fraction_low, fraction_high, kind, free, inside``, with bounds of None
    if they are withheld, and with bounds of x ``active, multipliers``), total and shown (how many minima there are, and
    how many of them are listed: the lowest 10,000 unless :func:`batchgd.printoptions` sets another limit), best (the
    lowest value reached: ``x, fun, label``; None if there is none), stationary (kind -> number of points), unlabelled
    (starts with label -1), identity (when two points are one minimum: ``x, f, symmetry``, as text or None), strategy
    (how starts were chosen and what it cost; None for a plain multi-start), coverage (what the counts show about minima
    not seen), stopped (what ended a run with ``until=``) and interval_note.
    """
    return json_ready(record(result))


def record(result: BatchData) -> dict[str, Any]:
    """Return what :func:`summary` returns, with arrays and tables of columns."""
    out: dict[str, Any] = {
        "objective": getattr(result.objective, "name", None),
        "dim": result.dim,
        "n_starts": result.n,
        "sampling": sampling_name(result),
        "seed": getattr(result, "seed", None),
        "box": None if result.box is None else np.stack([result.box.lower, result.box.upper], axis=1),
        **({} if result.bounds is None else {"bounds": np.stack([result.bounds.lower, result.bounds.upper], axis=-1)}),
        **({} if result.domain is None else {"domain": list(result.domain.kinds)}),
        "method": method_record(result.method),
        "backend": result.backend,
        "dtype": result.dtype,
        "seconds": result.seconds,
        "status": result.status_counts(),
        "interrupted": result.interrupted,
        "warnings": list(result.warnings),
    }
    if isinstance(result, LandscapeData):
        out |= listed(minima=minima_columns(result))
        out["best"] = None if result.best is None else result.best._asdict()
        out["stationary"] = stationary_counts(result)
        out["strategy"] = None if result.strategy is None else result.strategy.to_dict()
        out["unlabelled"] = result.unlabelled
        out["identity"] = identity_record(result.identity)
        out["coverage"] = result.coverage.to_dict()
        out["stopped"] = None if result.stopped is None else result.stopped.to_dict()
        out["interval_note"] = result.minima.interval_note
    return out


def minima_columns(result: LandscapeData) -> dict[str, Any]:
    """Return the columns of the table of minima that other programs read."""
    names = _OF_MINIMA if result.minima.active is None else (*_OF_MINIMA, *_OF_BOUNDED)
    return {name: getattr(result.minima, name) for name in names}


def identity_record(identity: Identity) -> dict[str, Any]:
    """Return when two points are one minimum, with the symmetry as ``bgd.Identity`` takes it, or None."""
    symmetry = identity.symmetry
    return {"x": identity.x, "f": identity.f, "symmetry": None if symmetry is None else str(symmetry)}


def sampling_name(result: BatchData) -> str | None:
    """Return how the starts were chosen; None if unknown."""
    name = getattr(result.starts, "name", None)
    return str(name) if name else None


def stationary_counts(result: Any) -> dict[str, int]:
    """Return how many stationary points of each kind were found, not counting minima."""
    kinds, counts = np.unique(np.asarray(result.stationary.kind, dtype=str), return_counts=True)
    return {str(kind): int(count) for kind, count in zip(kinds, counts, strict=True)}


def method_name(method: Any) -> str:
    """Return the name of a method as a person writes it: its class, or the string that chose it."""
    if method is None or isinstance(method, str):
        return method or ""
    return getattr(method, "method_name", None) or type(method).__name__


def method_record(method: Any) -> dict[str, Any] | None:
    """Return the method's name with its hyperparameters; a long one (per start) by its shape and range."""
    if method is None:
        return None
    record: dict[str, Any] = {"name": method_name(method)}
    for name, value in method_parameters(method).items():
        array = np.asarray(value) if hasattr(value, "__len__") and not isinstance(value, str | dict) else None
        if array is not None and array.size > _LIST_LIMIT:
            value = {"shape": list(array.shape), "min": array.min(), "max": array.max()}
        record[name] = value
    return record


def method_parameters(method: Any) -> dict[str, Any]:
    """Return the hyperparameters of a method: the fields of its dataclass, and those of a schedule among them."""
    if isinstance(getattr(method, "parameters", None), dict):  # a method read from a file, without its class
        return dict(method.parameters)
    if dataclasses.is_dataclass(method) and not isinstance(method, type):
        fields = {field.name: getattr(method, field.name) for field in dataclasses.fields(method)}
        return {name: value.settings() if hasattr(value, "settings") else value for name, value in fields.items()}
    return {}


def json_ready(value: Any) -> Any:
    """Return the value in JSON's own types; numbers that are not finite become None.

    >>> json_ready({"a": np.float64("nan"), "b": np.arange(2), "c": (True, None)})
    {'a': None, 'b': [0, 1], 'c': [True, None]}
    """
    if isinstance(value, dict):
        return {str(key): json_ready(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return json_ready(value.tolist())
    if isinstance(value, Rows):
        return value.to_list() if value.plain else [json_ready(row) for row in value]
    if isinstance(value, list | tuple):
        return [json_ready(item) for item in value]
    if isinstance(value, np.generic):
        return json_ready(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)
