"""Adaptive refinement of a label image: descend on a coarse lattice, and between its points only where labels differ.

A cell of the lattice is *filled in* if its four corners and those of its eight neighbours have one label; every pixel
in it then takes that label. Other cells are halved, down to single pixels. What this can miss is a piece of a basin
that fits between the points of the coarse lattice, further than one cell from any border that was seen; an audit of
filled-in pixels measures how often that happens.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Visit = Callable[[Rows, Rows], None]
"""Descend from pixels given by row and column."""
Labels = Callable[[], NDArray[np.int32]]
"""The labels of all pixels visited so far, in the order of the visits."""

_COARSEST, _LEAST_CELLS = 8, 16


def stride_of(shape: tuple[int, int]) -> int:
    """Pixels between the points of the coarse lattice: 8, or fewer if that leaves fewer than 16 cells a side.

    At 8 the coarse lattice costs 1.6 % of the pixels; wider strides save little and miss more.

    >>> stride_of((512, 512)), stride_of((40, 512)), stride_of((8, 8))
    (8, 2, 1)
    """
    stride = _COARSEST
    while stride > 1 and min(shape) < stride * _LEAST_CELLS:
        stride //= 2
    return stride


def extent(shape: tuple[int, int], stride: int) -> tuple[int, int]:
    """Rows and columns of the lattice's frame: the shape, rounded up to whole cells, and the last row of points."""
    rows, columns = (-(-(side - 1) // stride) * stride + 1 for side in shape)
    return rows, columns


def refine(shape: tuple[int, int], stride: int, visit: Visit, labels: Labels) -> NDArray[np.bool_]:
    """Visit the pixels that decide the image; returns which, in the lattice's frame.

    With a stride of 1 that is every pixel.
    """
    from scipy.ndimage import binary_dilation

    side = extent(shape, stride)
    known = np.zeros(side, np.bool_)
    image = np.full(side, -2, np.int32)
    visited: list[tuple[Rows, Rows]] = []
    want = np.ones_like(known[::stride, ::stride])
    active = np.ones(tuple(n - 1 for n in want.shape), np.bool_)
    while True:
        row, column = (stride * index for index in np.nonzero(want & ~known[::stride, ::stride]))
        if len(row):
            visit(row, column)
            visited.append((row, column))
            known[row, column] = True
        if stride == 1:
            return known
        rows, columns = (np.concatenate(parts) for parts in zip(*visited, strict=True))
        image[rows, columns] = labels()
        at = image[::stride, ::stride]
        same = (at[:-1, :-1] == at[1:, :-1]) & (at[:-1, :-1] == at[:-1, 1:]) & (at[:-1, :-1] == at[1:, 1:])
        divided = binary_dilation(active & ~same, np.ones((3, 3), np.bool_))
        want = np.zeros(tuple(2 * n + 1 for n in divided.shape), np.bool_)
        for i in range(3):
            for j in range(3):
                want[i : i + 2 * divided.shape[0] : 2, j : j + 2 * divided.shape[1] : 2] |= divided
        active = np.repeat(np.repeat(divided, 2, axis=0), 2, axis=1)
        stride //= 2


def fill(known: NDArray[np.bool_], stride: int, copied: list[NDArray], blended: list[NDArray]) -> None:
    """Give the other pixels the values of the lattice around them, in place, from coarse to fine.

    ``copied`` arrays (labels) take a neighbour's entry, ``blended`` ones (updates, values) the mean of two or four.
    """
    while stride > 1:
        half, fine = stride // 2, known[:: stride // 2, :: stride // 2]
        for array, mean in [*((array, False) for array in copied), *((array, True) for array in blended)]:
            at = array[::half, ::half]
            for between, sources in _between(at):
                empty = ~fine[between]
                with np.errstate(all="ignore"):
                    value = np.mean(sources, axis=0) if mean else sources[0]
                target = at[between]
                target[empty] = value[empty].astype(at.dtype)
        known[::half, ::half] |= True
        stride = half


def _between(at: NDArray) -> list[tuple[tuple[slice, slice], list[NDArray]]]:
    """Points between those of the coarser lattice, and their neighbours on it: edges first, then centres."""
    even, odd = slice(0, None, 2), slice(1, None, 2)
    low, high = slice(0, -2, 2), slice(2, None, 2)
    return [
        ((odd, even), [at[low, even], at[high, even]]),
        ((even, odd), [at[even, low], at[even, high]]),
        ((odd, odd), [at[low, low], at[low, high], at[high, low], at[high, high]]),
    ]
