"""What a sweep counts, value by value, in memory that does not grow with the number of starts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from batchgd.kernels.plan import Endpoints
from batchgd.kernels.status import CUT, SUCCESSES, Status

REGIMES = ("slow", "monotone", "oscillating", "lost")
"""The fate of a start: it ran out of updates, evaluations or time; it converged, without any turn or with one; or it
never will: it diverged, left, met a value that is not finite, jumps back and forth, or wanders without improvement."""

SLOW = (Status.MAXITER, Status.MAXFEV, *CUT)


class Tally:
    """Counts of K values; ``add`` counts some starts at every value."""

    def __init__(self, values: int, wandering_is_lost: bool) -> None:
        self.successes = [status for status in SUCCESSES if not (wandering_is_lost and status == Status.PLATEAU)]
        self.n, self.interrupted = 0, False
        self.status = np.zeros((values, len(Status)), np.int64)
        self.regimes = np.zeros((values, len(REGIMES)), np.int64)
        self.best = np.full(values, np.inf)
        self.kept = np.zeros(values, np.int64)
        self.with_basin = 0
        self._updates: list[tuple[NDArray, NDArray]] = [(np.empty(0, np.int64),) * 2 for _ in range(values)]

    def converged(self, rows: Endpoints) -> NDArray[np.bool_]:
        """Which endpoints are points of convergence."""
        return np.isin(rows.status, self.successes)

    def add(self, rows: Endpoints) -> None:
        """Count n starts at every value: the rows of the first value, then those of the second, ..."""
        converged, slow = self.converged(rows), np.isin(rows.status, SLOW)
        turned = np.zeros(len(rows), bool) if rows.turned is None else rows.turned
        regime = np.select([slow, converged & ~turned, converged], [0, 1, 2], 3)
        shape = len(self.best), -1
        fun = np.where(np.isfinite(rows.fun), rows.fun, np.inf).reshape(shape)
        self.n += fun.shape[1]
        self.best = np.minimum(self.best, fun.min(axis=1))
        regime, status, nit = regime.reshape(shape), rows.status.reshape(shape), rows.nit.reshape(shape)
        for k in range(len(self.best)):
            self.regimes[k] += np.bincount(regime[k], minlength=len(REGIMES))
            self.status[k] += np.bincount(status[k], minlength=len(Status))
            self._updates[k] = _merged(self._updates[k], nit[k][regime[k] != 3])

    def compare(self, label: NDArray, true: NDArray) -> None:
        """Count the starts that reached, at each value, the minimum that they belong to (-1: none)."""
        belongs = true >= 0
        self.with_basin += int(belongs.sum())
        self.kept += (label.reshape(len(self.best), -1) == true)[:, belongs].sum(axis=1)

    def updates(self, share: float) -> NDArray[np.float64]:
        """The quantile of the updates of starts that are not lost, slow ones included; NaN if all are lost."""
        out = np.full(len(self.best), np.nan)
        for k, (nit, count) in enumerate(self._updates):
            if len(nit):
                out[k] = nit[np.searchsorted(np.cumsum(count), share * count.sum())]
        return out


def _merged(seen: tuple[NDArray, NDArray], more: NDArray) -> tuple[NDArray, NDArray]:
    """Distinct numbers with their counts, ascending."""
    number, count = np.unique(more, return_counts=True)
    numbers, place = np.unique(np.concatenate([seen[0], number]), return_inverse=True)
    return numbers, np.bincount(place, np.concatenate([seen[1], count]), len(numbers)).astype(np.int64)
