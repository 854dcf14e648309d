"""Metadata as JSON and back without loss.

JSON has no tuples, arrays, NaN or infinities: each is written as an object with one telling key. Floats are written in
full, so they come back bit for bit.
"""

import math
from typing import Any

import numpy as np


def encode(value: Any) -> Any:
    """Return the value in JSON's own types.

    >>> encode((1.5, float("inf")))
    {'tuple': [1.5, {'float': 'inf'}]}
    """
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
    """Return what was encoded.

    >>> decode(encode({"a": (1, [2.5]), "b": np.arange(2)}))
    {'a': (1, [2.5]), 'b': array([0, 1])}
    """
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"array", "dtype"}:
        return np.asarray(decode(value["array"]), dtype=np.dtype(value["dtype"]))
    if set(value) == {"tuple"}:
        return tuple(decode(item) for item in value["tuple"])
    if set(value) == {"float"}:
        return float(value["float"])
    return {key: decode(item) for key, item in value.items()}
