"""Sums over the rows of a data set: which rows an update sees, and their weights.

The rows are functions only of the seed, the start, the number of updates and the place in the batch.
"""

import numpy as np

from batchgd.kernels.jitable import jitable
from batchgd.kernels.philox import STREAM_BATCHES, STREAM_EPOCHS, random_words
from batchgd.kernels.splitmix import GOLDEN, finalise
from batchgd.kernels.vecmath import floor, where

_FLAGS = {"fastmath": False, "error_model": "numpy", "forceinline": True}
_32 = np.uint64(32)
_1 = np.uint64(1)

ROUNDS = 16
"""Rounds of the shuffle. Two places keep their distance with a probability that is 2^-ROUNDS = 0.000015 too high."""


@jitable(**_FLAGS)
def due(nit, every):
    """Whether this update is made with the whole sum: the first one, and every ``every``-th after it."""
    return floor(nit / every) * every == nit


@jitable(**_FLAGS)
def row_replaced(seed, start, nit, turn, batch, rows):
    """Return a row that is drawn independently of all others (to rows / 2^32)."""
    word, _, _, _ = random_words(seed, start, np.int64(nit), (np.int64(turn) << 8) | np.int64(STREAM_BATCHES))
    return np.int64((word * np.uint64(rows)) >> _32)


@jitable(**_FLAGS)
def row_of_epoch(seed, start, nit, turn, batch, rows):
    """Return the row at a place of the epoch's permutation; after the last place, one already in the batch."""
    updates = (rows + batch - 1) // batch
    epoch = np.int64(floor(nit / np.float32(updates)))  # exact; vectors have no division of integers
    begin = (np.int64(nit) - epoch * updates) * batch
    place = begin + turn
    high, low, _, _ = random_words(seed, start, epoch, np.int64(STREAM_EPOCHS))
    return shuffled((high << _32) | low, where(place < rows, place, begin), rows)


@jitable(**_FLAGS)
def shuffled(key, place, rows):
    """Return where the permutation of a key sends a place of 0..rows-1: the swap-or-not shuffle.

    In every round a keyed reflection pairs the places, x with K - x mod rows, and one random bit per pair decides
    whether its two swap: a permutation for any number of rows, without branches and without memory (Hoang, Morris and
    Rogaway 2012, CRYPTO, arXiv:1208.1176). A keyed rotation comes first, so that a place which no round moves can be
    anywhere.

    Examples
    --------
    >>> sorted(shuffled(np.array([5], np.uint64), np.arange(7), 7).tolist())
    [0, 1, 2, 3, 4, 5, 6]
    """
    # In parts that are short enough to be unrolled.
    key = finalise(key + GOLDEN)
    x = place + np.int64(((key >> _32) * np.uint64(rows)) >> _32)
    key, x = _some_rounds(key, where(x < rows, x, x - rows), rows)
    key, x = _some_rounds(key, x, rows)
    key, x = _some_rounds(key, x, rows)
    return _some_rounds(key, x, rows)[1]


@jitable(**_FLAGS)
def _some_rounds(key, x, rows):
    """Return the key and the place after a quarter of the rounds."""
    for _ in range(ROUNDS // 4):
        key = finalise(key + GOLDEN)
        partner = np.int64(((key >> _32) * np.uint64(rows)) >> _32) - x
        partner = where(partner < 0, partner + rows, partner)
        larger = where(partner > x, partner, x)
        swaps = (finalise(key ^ np.uint64(larger)) & _1) != 0
        x = where(swaps, partner, x)
    return key, x


@jitable(**_FLAGS)
def share_in_epoch(nit, turn, batch, rows, share, last_share):
    """Return the weight of a row of a batch: 0 after the end of an epoch, whose last batch may be smaller."""
    updates = (rows + batch - 1) // batch
    number = np.int64(nit) - np.int64(floor(nit / np.float32(updates))) * updates
    left = rows - number * batch
    return where(turn < left, where(left < batch, last_share, share), share - share)
