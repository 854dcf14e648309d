"""Ranges of starts that belong together, of one run or of several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.problem.samplings import Points, Starts


class JoinedStarts(Starts):
    """Ranges of starts, of one run or of several, one after another: what the parts of a run that are done have.

    >>> from batchgd.problem.samplings import ArrayStarts
    >>> joined = JoinedStarts([(ArrayStarts(np.arange(8.0).reshape(4, 2)), 2, 4), (ArrayStarts(np.ones((1, 2))), 0, 1)])
    >>> joined.points(1, 3)
    array([[6., 7.],
           [1., 1.]])
    """

    def __init__(self, ranges: Sequence[tuple[Starts, int, int]]) -> None:
        whole = ranges[0][0]
        super().__init__(sum(stop - first for _, first, stop in ranges), whole.dim)
        self._ranges = ranges
        self._ends = np.cumsum([stop - first for _, first, stop in ranges])
        self.name, self.interval_note = whole.name, whole.interval_note
        self.independent = all(starts.independent for starts, _, _ in ranges)  # type: ignore[misc]

    def points(self, first: int, stop: int) -> Points:
        """Return starts first..stop-1."""
        return np.concatenate([*self._pieces(first, stop, "points"), np.empty((0, self.dim))])

    def rows(self, first: int, stop: int) -> NDArray[Any]:
        """Return the same in their stored precision."""
        return np.concatenate(self._pieces(first, stop, "rows") or [np.empty((0, self.dim))])

    def _pieces(self, first: int, stop: int, how: str) -> list[NDArray[Any]]:
        found = []
        for k in range(int(np.searchsorted(self._ends, first, "right")), len(self._ranges)):
            (starts, begin, end), before = self._ranges[k], int(self._ends[k - 1]) if k else 0
            if before >= stop:
                break
            found.append(getattr(starts, how)(begin + max(first - before, 0), min(begin + stop - before, end)))
        return found
