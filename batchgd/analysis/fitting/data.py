"""The data of a fit: x, y and sigma as arrays that fit together, without the rows in which something is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.problem import check
from batchgd.problem.errors import InputError, quoted

Floats = NDArray[np.float64]
Variables = Floats | dict[str, Floats]
"""x: an array whose last axis is that of the data, or one such array for each name."""

_REMEDY = "give numbers, NaN where one is missing"


@dataclass(frozen=True)
class Data:
    """Observations y at x with standard deviations, and how many rows were left out because of NaN.

    x is what the model takes: ``Variables``, or a list of them for several data sets, whose y and sigma are joined.
    """

    x: Any
    y: Floats
    sigma: Floats | None
    dropped: int

    def __len__(self) -> int:
        return len(self.y)


def as_variables(x: Any) -> Variables:
    """Return x as one array, or as arrays by name: a dict or a data frame."""
    if isinstance(x, Mapping) or hasattr(x, "columns"):
        named = {str(name): as_numbers(f"x[{name!r}] contains", x[name]) for name in x}
        if not named:
            raise InputError("x has no columns: give at least one array")
        return named
    if isinstance(x, tuple | list) and len({np.size(each) for each in x}) > 1:
        raise InputError(f"x is a list of arrays of different lengths {[np.size(each) for each in x]}: make them equal")
    if isinstance(x, tuple):
        return np.atleast_1d(np.stack([as_numbers("x contains", each) for each in x]))
    return np.atleast_1d(as_numbers("x contains", x))


def take_data(x: Any, y: Any, sigma: Any = None) -> Data:
    """Check x, y and sigma and drop rows with NaN; InputError in one line if they do not fit together.

    >>> data = take_data([0.0, 1.0, 2.0], [1.0, np.nan, 3.0])
    >>> data.x, len(data), data.dropped
    (array([0., 2.]), 2, 1)
    """
    observed = as_numbers("y contains", y)
    if observed.ndim != 1 or len(observed) == 0:
        raise InputError(f"y has shape {observed.shape}: give one number per observation, shape (m,)")
    variables = as_variables(x)
    columns = variables if isinstance(variables, dict) else {"": variables}
    missing = np.isnan(observed)
    for name, column in columns.items():
        if column.shape[-1] != len(observed):
            place = f"x[{name!r}]" if name else "x"
            raise InputError(f"{place} has {column.shape[-1]} points and y has {len(observed)}: give as many of each")
        missing |= np.isnan(column).reshape(-1, len(observed)).any(axis=0)
    spread = _sigma(sigma, len(observed))
    if spread is not None:
        missing |= np.isnan(spread)
    kept = ~missing
    if not kept.any():
        raise InputError(f"all {len(observed)} rows of the data contain NaN: give at least one without")
    for name, column in [("y", observed), *columns.items()]:
        if np.isinf(column[..., kept]).any():
            raise InputError(f"{name or 'x'} contains inf: give finite numbers, or NaN for a missing one")
    taken = {name: np.ascontiguousarray(column[..., kept]) for name, column in columns.items()}
    return Data(
        taken if isinstance(variables, dict) else taken[""],
        observed[kept],
        None if spread is None else spread[kept],
        int(missing.sum()),
    )


def as_numbers(subject: str, value: Any) -> Floats:
    """Return numbers as an array; masked entries are NaN."""
    if hasattr(value, "mask") and hasattr(value, "filled") and value.dtype.kind in "iuf":
        value = value.astype(np.float64).filled(np.nan)
    return np.array(check.reals(subject, value, _REMEDY), dtype=np.float64)


def _sigma(sigma: Any, m: int) -> Floats | None:
    if sigma is None:
        return None
    found = as_numbers("sigma contains", sigma)
    if found.shape not in ((), (m,)):
        raise InputError(f"sigma has shape {found.shape}, y has shape ({m},): give one per observation, or one number")
    bad = found[(found <= 0.0) | np.isinf(found)]
    if bad.size:
        raise InputError(f"sigma contains {quoted(float(bad.flat[0]))}: give positive standard deviations")
    return np.broadcast_to(found, (m,)).copy()
