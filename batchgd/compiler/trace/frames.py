"""pandas' series and frames in a traced function: small ones stay what they are, large ones become plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

PRIORITY = 5000
"""Above that of pandas' types, whose operators then leave traced values to us."""


def is_frame(value: Any) -> bool:
    """Whether a value is a series or a frame of pandas."""
    return str(type(value).__module__).split(".")[0] == "pandas" and hasattr(value, "to_numpy")


def unframed(value: Any) -> Any:
    """Return the array in a series or a frame; everything else as it is."""
    return np.asarray(value.values).view(np.ndarray) if is_frame(value) else value


def on_frames(ufunc: np.ufunc, a: Any, b: Any) -> Any:
    """Apply a ufunc to a traced number and a series or frame."""
    result, frame = ufunc(unframed(a), unframed(b)), a if is_frame(a) else b
    if not isinstance(result, np.ndarray):  # it has rows
        return result
    labels = {"columns": frame.columns} if frame.ndim == 2 else {"name": frame.name}
    return type(frame)(result.view(np.ndarray), index=frame.index, **labels)


def ufunc_of(operation: str) -> np.ufunc:
    """Return the ufunc of an operator of the graph."""
    names = {"sub": "subtract", "mul": "multiply", "div": "true_divide", "lt": "less", "le": "less_equal"}
    names |= {"gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal"}
    names |= {"and": "bitwise_and", "or": "bitwise_or"}
    ufunc = getattr(np, names.get(operation, operation))
    assert isinstance(ufunc, np.ufunc)
    return ufunc
