"""Metadata as JSON and back without loss.

JSON has no tuples, arrays, NaN or infinities: each is written as an object whose key names the type. Floats are
written in full, so they come back bit for bit.
"""

import dataclasses
import math
import re
from typing import Any

import numpy as np

from batchgd.problem.errors import InputError, told

_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
_DTYPES = re.compile(r"[<>|=]?[biuf][1248]")
"""Only arrays of numbers: the dtype of a text names a width that may be far larger than the text."""


def encode(value: Any) -> Any:
    """Return the value in JSON's own types.

    >>> encode((1.5, float("inf")))
    {'tuple': [1.5, {'float': 'inf'}]}
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return {"array": encode(value.tolist()), "dtype": value.dtype.str}
    if isinstance(value, list | tuple):
        return [encode(item) for item in value] if isinstance(value, list) else {"tuple": [encode(v) for v in value]}
    if isinstance(value, np.generic):
        return encode(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def decode(value: Any) -> Any:
    """Return what was encoded; raise InputError for an object that :func:`encode` does not write.

    >>> decode(encode({"a": (1, [2.5]), "b": np.arange(2)}))
    {'a': (1, [2.5]), 'b': array([0, 1])}
    """
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"array", "dtype"}:
        return _array(decode(value["array"]), value["dtype"])
    if value.keys() == {"tuple"} and isinstance(value["tuple"], list):
        return tuple(decode(value["tuple"]))
    if value.keys() == {"float"} and isinstance(value["float"], str) and value["float"] in _NOT_FINITE:
        return _NOT_FINITE[value["float"]]
    return {key: decode(item) for key, item in value.items()}


def _array(items: Any, dtype: Any) -> np.ndarray:
    try:
        if not isinstance(dtype, str) or not _DTYPES.fullmatch(dtype):
            raise TypeError
        with np.errstate(over="ignore"):
            return np.asarray(items, dtype=np.dtype(dtype))
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{told(items)} cannot be converted to an array of {told(dtype)}") from None
