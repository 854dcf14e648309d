"""Arrays: the dtypes that a descent may have, and copies on the host."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchgd.problem.registry import find_name

DTYPES = ("float64", "float32")
MIXED = "mixed"
"""Given as a run's dtype: float32 first, then float64."""


def check_dtype(dtype: Any, *, mixed: bool = False) -> str:
    """Return the dtype's name, or raise InputError; with ``mixed``, "mixed" is accepted too.

    >>> check_dtype(float), check_dtype("mixed", mixed=True)
    ('float64', 'mixed')
    """
    known = (*DTYPES, MIXED) if mixed else DTYPES
    try:
        name = "" if dtype is None else str(np.dtype(dtype).name)
    except Exception:  # NumPy reads strings, lists and dicts as descriptions and raises whatever it finds in them
        name = ""
    listed = f"choose {', '.join(known[:-1])} or {known[-1]}"
    return name if name in known else find_name("dtype", dtype, known, listed)


def host(array: Any) -> np.ndarray:
    """Return the array as NumPy: a CuPy array is copied from the device, anything else passes through.

    >>> host([1.0, 2.0])
    array([1., 2.])
    """
    return array.get() if hasattr(array, "get") and hasattr(array, "device") else np.asarray(array)
