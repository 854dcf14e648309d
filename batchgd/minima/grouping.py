"""Grouping by 64-bit keys: which rows have the same key, by a sort or, if few keys are different, by a small table."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Rows = NDArray[np.int64]

_BITS = 16  # the table of as many entries stays in the L2 cache
_FEW = 1 << 12  # keys up to which hardly two share an entry of the table
_SAMPLE = 1 << 10


def group_keys(key: Keys, ids: Rows) -> tuple[Keys, Rows, Rows, Rows]:
    """Distinct non-zero keys, how often each occurs, its lowest start index and the row of that start.

    >>> [column.tolist() for column in group_keys(np.array([7, 0, 5, 7], np.uint64), np.array([3, 1, 2, 0]))]
    [[5, 7], [1, 2], [2, 0], [2, 3]]
    """
    some = key[:: max(1, len(key) // _SAMPLE)]
    if len(np.unique(some)) <= len(some) // 2 and (np.diff(ids) > 0).all():
        return _by_table(key, ids)
    rows = np.flatnonzero(key)
    order, head = sorted_groups(key[rows], ids[rows])
    row = rows[order[head]]
    return key[row], np.diff(np.r_[head, len(order)]), ids[row], row


def sorted_groups(key: Keys, first: Rows) -> tuple[Rows, Rows]:
    """The rows in the order of their keys, and where each key begins, at the row that has the lowest ``first``.

    No two rows of one key have the same ``first``.
    """
    order = np.argsort(key)
    sorted_key = key[order]
    head = np.flatnonzero(np.r_[np.ones(len(key[:1]), np.bool_), sorted_key[1:] != sorted_key[:-1]])
    if len(head) < len(key):
        size = np.diff(np.r_[head, len(key)])
        lowest = np.repeat(np.minimum.reduceat(first[order], head), size)
        place = np.flatnonzero(first[order] == lowest)
        order[head], order[place] = order[place], order[head]
    return order, head


def _by_table(key: Keys, ids: Rows) -> tuple[Keys, Rows, Rows, Rows]:
    """The same for ascending ``ids``: each key is represented by its first row."""
    leader = np.full(len(key), -1)
    for rows, winner in _rounds(key, np.flatnonzero(key)):
        leader[rows] = winner
    rows = np.flatnonzero(leader == np.arange(len(key)))
    rows = rows[np.argsort(key[rows])]
    count = np.bincount(leader[leader >= 0], minlength=len(key))[rows]
    return key[rows], count, ids[rows], rows


def _rounds(key: Keys, rows: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Rows, and the first row with the same key; in each round an entry of the table belongs to one key."""
    shift = 0
    while len(rows):
        here = key[rows]
        slot = ((here >> np.uint64(shift)) & np.uint64((1 << _BITS) - 1)).astype(np.int64)
        table = np.empty(1 << _BITS, np.int64)
        table[slot[::-1]] = rows[::-1]  # of several, the last that is written stays
        winner = table[slot]
        same = key[winner] == here
        yield rows[same], winner[same]
        rows, shift = rows[~same], (shift + 11) % (64 - _BITS)


class Lookup:
    """A number for each of some distinct non-zero keys, ascending; -1 for all other keys.

    >>> Lookup(np.array([5, 7], np.uint64), np.array([0, 1]))(np.array([7, 7, 6, 0], np.uint64)).tolist()
    [1, 1, -1, -1]
    """

    def __init__(self, keys: Keys, numbers: NDArray) -> None:
        self.keys, self.numbers = keys, numbers
        self._table: tuple[int, Keys, NDArray] | None = None
        for shift in range(0, 64 - _BITS, 3) if 0 < len(keys) <= _FEW else ():
            slot = self._slot(keys, shift)
            if len(np.unique(slot)) == len(keys):
                known, number = np.zeros(1 << _BITS, np.uint64), np.full(1 << _BITS, -1, numbers.dtype)
                known[slot], number[slot] = keys, numbers
                self._table = shift, known, number
                break

    def __call__(self, key: Keys) -> NDArray:
        """Return the number of each of these keys."""
        if self._table is not None:
            shift, known, number = self._table
            slot = self._slot(key, shift)
            return np.where((known[slot] == key) & (key != 0), number[slot], -1)
        if len(self.keys) == 0:
            return np.full(len(key), -1, self.numbers.dtype)
        place = np.minimum(np.searchsorted(self.keys, key), len(self.keys) - 1)
        return np.where(self.keys[place] == key, self.numbers[place], -1)

    @staticmethod
    def _slot(key: Keys, shift: int) -> Rows:
        return ((key >> np.uint64(shift)) & np.uint64((1 << _BITS) - 1)).astype(np.int64)
