"""The data of many fits of one model: y of N data sets at the same x, with weight 0 where something is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.fitting.data import Data, Variables, as_numbers, as_variables, take_data
from batchgd.problem.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ManyData:
    """y, (N, m), at x, without points at which x is missing.

    ``sigma`` is what the residuals of every data set are divided by, (m,) or None; ``weights`` are 1/sigma of each, and
    0 where y or sigma is NaN, (N, m), or None if sigma says it all. ``dropped``, (N,), counts the points that are
    missing, those in x included.
    """

    x: Variables
    y: Floats
    sigma: Floats | None
    weights: Floats | None
    dropped: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.y)

    @property
    def ndata(self) -> NDArray[np.int64]:
        """How many points each data set has, (N,)."""
        if self.weights is None:
            return np.full(len(self), self.y.shape[1])
        return np.count_nonzero(self.weights, axis=1)

    @property
    def has_sigma(self) -> bool:
        """Whether standard deviations were given."""
        return self.sigma is not None or (self.weights is not None and not np.isin(self.weights, (0.0, 1.0)).all())

    def one(self, k: int) -> Data:
        """Return the data of one of them, without the points that are missing."""
        kept = np.ones(self.y.shape[1], bool) if self.weights is None else self.weights[k] > 0.0
        columns = self.x if isinstance(self.x, dict) else {"": self.x}
        taken: Any = {name: each[..., kept] for name, each in columns.items()}
        sigma = self.sigma[kept] if self.sigma is not None else None
        if self.weights is not None and self.has_sigma:
            sigma = 1.0 / self.weights[k, kept]
        return Data(taken if isinstance(self.x, dict) else taken[""], self.y[k, kept], sigma, int(self.dropped[k]))


def take_many(x: Any, y: Any, sigma: Any = None) -> ManyData:
    """Check x, y of shape (N, m) and sigma; InputError in one line if they do not fit together.

    >>> data = take_many([0.0, 1.0, 2.0], [[1.0, np.nan, 3.0], [4.0, 5.0, 6.0]])
    >>> data.ndata.tolist(), data.dropped.tolist()
    ([2, 3], [1, 0])
    """
    observed = as_numbers("y contains", y)
    if observed.ndim != 2 or 0 in observed.shape:
        raise InputError(f"y has shape {observed.shape}: give one row per data set, shape (N, m)")
    count, m = observed.shape
    spread = _sigma(sigma, count, m)
    variables = as_variables(x)
    kept = ~_missing_in_x(variables, count, m)
    at_x = take_data(x, np.where(kept, 0.0, np.nan), None)  # which checks x, and drops its NaN
    observed = observed if kept.all() else observed[:, kept]
    bad = np.isinf(observed)
    if bad.any():
        raise InputError(f"y contains inf in data set {int(np.argmax(bad.any(axis=1)))}: give NaN for a missing one")
    missing = np.isnan(observed)
    if spread is not None:
        spread = spread[..., kept]
        missing |= np.isnan(spread)
    if not missing.any() and (spread is None or spread.ndim == 1):
        dropped = np.full(count, m - len(at_x.y))
        return ManyData(at_x.x, np.ascontiguousarray(observed), spread, None, dropped)
    weights = np.where(missing, 0.0, 1.0 if spread is None else 1.0 / np.where(np.isnan(spread), 1.0, spread))
    dropped = missing.sum(axis=1) + (m - len(at_x.y))
    return ManyData(at_x.x, np.where(missing, 0.0, observed), None, weights, dropped)


def _missing_in_x(variables: Variables, count: int, m: int) -> NDArray[np.bool_]:
    columns = [*variables.values()] if isinstance(variables, dict) else [variables]
    missing = np.zeros(m, bool)
    for column in columns:
        if column.ndim == 3 and column.shape[-2:] == (count, m):
            raise InputError(
                f"x and y have the shape {(count, m)} of one image, but each row of y is a data set: for one fit, give "
                "x.reshape(len(x), -1) and y.ravel()"
            )
        if column.shape[-1] != m:
            raise InputError(f"x has {column.shape[-1]} points and y has {m} in each row: give as many of each")
        missing |= np.isnan(column).reshape(-1, m).any(axis=0)
    if missing.all():
        raise InputError(f"all {m} points of x contain NaN: give at least one without")
    return missing


def _sigma(sigma: Any, count: int, m: int) -> Floats | None:
    if sigma is None:
        return None
    found = as_numbers("sigma contains", sigma)
    if found.shape not in ((), (m,), (count, m)):
        raise InputError(f"sigma has shape {found.shape}, y has {(count, m)}: give (N, m), (m,) or one number")
    bad = found[(found <= 0.0) | np.isinf(found)]
    if bad.size:
        raise InputError(f"sigma contains {float(bad.flat[0]):g}: give positive standard deviations")
    return found if found.ndim == 2 else np.broadcast_to(found, (m,)).copy()
