"""The labels of one result in the numbering of another, and the table of both."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from batchgd.analysis.basins.diff import diff


def labels_onto(result: Any, other: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels of ``result`` for those of ``other``, -1 included at the end; and other's labels that only it found.

    With m minima in ``result``, the k-th minimum that only ``other`` found has the label m + k, so
    ``place[other.label]`` are the labels of other's starts.
    """
    mine, theirs = len(result.minima), len(other.minima)
    place = np.full(theirs + 1, -1)
    pairs = diff(result, other).both
    place[pairs[:, 1]] = pairs[:, 0]
    alone = np.flatnonzero(place[:-1] < 0)
    place[alone] = mine + np.arange(len(alone))
    return place, alone


def confusion_counts(rows: ArrayLike, columns: ArrayLike, n_rows: int, n_columns: int) -> NDArray[np.int64]:
    """How many starts have each pair of labels, (n_rows + 1, n_columns + 1); label -1 is the last row and column.

    >>> confusion_counts([0, 0, 1, -1], [0, 1, 1, 1], 2, 2).tolist()
    [[1, 1, 0], [0, 1, 0], [0, 1, 0]]
    """
    counts = np.zeros((n_rows + 1, n_columns + 1), np.int64)
    np.add.at(counts, (np.asarray(rows, np.int64), np.asarray(columns, np.int64)), 1)  # -1 counts from the end
    return counts
