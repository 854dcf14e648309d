"""Bisection: two points with different labels, brought together until a border lies between them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from batchgd.minima.mapper import Labelling

_HALVINGS = 60


def bisect(
    label: Labelling, a: NDArray[np.float64], b: NDArray[np.float64], side: NDArray, tolerance: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Halve each segment from a to b, (n, d), until its ends are ``tolerance`` apart in every coordinate.

    A middle with the label ``side`` of a takes the place of a, any other that of b: so the end at a keeps its label,
    and a border of its basin stays between the ends.

    >>> a, b = bisect(lambda x: (x[:, 0] > 0.3).astype(int), np.array([[0.0]]), np.array([[1.0]]), np.array([0]), 1e-3)
    >>> bool(a[0, 0] <= 0.3 < b[0, 0] <= a[0, 0] + 1e-3)
    True
    """
    a, b = a.copy(), b.copy()
    for _ in range(_HALVINGS):
        wide = np.flatnonzero((np.abs(b - a) > tolerance).any(axis=1))
        if len(wide) == 0:
            break
        middle = 0.5 * (a[wide] + b[wide])
        same = label(middle) == side[wide]
        a[wide[same]], b[wide[~same]] = middle[same], middle[~same]
    return a, b
