"""What a grid of labels resolves: the width of its basins in cells, and the scales below that."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from batchgd.problem.errors import InputError

APART = 4
"""A distance or box is at most this part of a basin's width: up to there the uncertain points of a smooth border grow
in proportion to it."""
_SMALL = 0.05  # of the borders may be next to narrower basins
_LARGEST = 20  # the largest distance or box is this part of the shortest side of a grid
_RANGE = 5  # cells that it reaches at least: with fewer, the exponent would be that of the pixels
_FACTOR = 1.5  # between successive sizes
_CROWDED = 0.5  # from this share on nothing is resolved


class Scales(NamedTuple):
    """The scales at which the borders in a grid are examined.

    ``size``, in cells, goes from a cell to a quarter of ``width``, or to 5 cells if that is less, and to a twentieth of
    the shortest side at most; ``width`` is that of the smallest basins that matter: at most 5 % of the borders are next
    to narrower ones. ``crowded`` is the share of the borders next to basins narrower than four times the largest size.
    """

    size: NDArray[np.int64]
    width: float
    crowded: float

    @property
    def resolved(self) -> bool:
        """Whether most borders are next to basins that are wide enough."""
        return self.crowded < _CROWDED

    @property
    def doubt(self) -> float:
        """How far narrow basins may lower the exponent α of smooth borders below 1.

        Next to them, a share q of the borders, the share of uncertain points stops growing at once in the worst case:
        from size 1 to s it grows by the factor (1 - q) s + q in all, while a factor of s would be α = 1.
        """
        largest = float(self.size.max())
        return 1.0 - float(np.log((1.0 - self.crowded) * largest + self.crowded) / np.log(largest))


def scales(grid: NDArray[np.int64]) -> Scales:
    """Return the scales for a grid; raises InputError for fewer than 40 cells along a side."""
    side = min(grid.shape)
    if side < 2 * _LARGEST:
        raise InputError(f"labels have a side of {side} cells: give {2 * _LARGEST} or more along each")
    widths = border_widths(grid)
    width = float(np.quantile(widths, _SMALL, method="lower")) if len(widths) else np.inf
    largest = int(min(side // _LARGEST, max(width // APART, _RANGE)))
    crowded = float(np.mean(widths < APART * largest)) if len(widths) else 0.0
    count = max(3, 1 + int(np.log(largest) / np.log(_FACTOR)))
    return Scales(np.unique(np.rint(np.geomspace(1, largest, count)).astype(np.int64)), width, crowded)


def border_widths(grid: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return, for each piece of border, the width in cells of the narrower of the two basins next to it.

    A piece of border is between two neighbouring cells with different labels. The width of a basin is the side of the
    largest cube of its cells, to within a cell: for a fractal basin that of its largest part, which grows with the
    grid; for many small basins the size that has to be resolved. Cells without a minimum (-1) have no width.

    >>> squares = np.add.outer(100 * (np.arange(90) // 9), np.arange(90) // 9)
    >>> np.unique(border_widths(squares)).tolist()
    [9.0]
    """
    from scipy.ndimage import distance_transform_cdt

    label, basin = np.unique(grid, return_inverse=True)
    basin = basin.reshape(grid.shape)
    border, pairs = np.zeros(grid.shape, np.bool_), []
    for axis in range(grid.ndim):
        along, edge = np.moveaxis(basin, axis, 0), np.moveaxis(border, axis, 0)
        differ = along[1:] != along[:-1]
        edge[1:] |= differ
        edge[:-1] |= differ
        pairs.append(np.stack([along[1:][differ], along[:-1][differ]]))
    width = np.zeros(len(label))
    if border.any():
        depth = distance_transform_cdt(~border, "chessboard").ravel()
        np.maximum.at(width, basin.ravel(), 2.0 * depth + 1.0)
    width[label < 0] = np.inf
    return width[np.concatenate(pairs, axis=1)].min(axis=0)
