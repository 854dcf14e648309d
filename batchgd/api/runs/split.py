"""How the starts of a run are split into parts: ranges of start numbers, from first to before stop."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Iterator

from batchgd.engine.batch import Batch

Range = tuple[int, int]

SECONDS = 10.0
"""Seconds of descents that a part should take: what a killed process loses at most, and 1,000 times a part's file."""

SIZE: int | None = None
"""Starts per part, if a test forces a number (``api.testing``)."""

_FIRST, _FIRST_CALLED = 4096, 64
"""Starts of the first part, from which the size of the others follows; fewer for plain Python."""

_GROWTH, _TELLING = 16, 1.0
"""How many times larger the next part may be, until a part has taken this many seconds."""

_PARTS, _SHORT = 512, 0.5
"""Parts that workers share; fewer if a part would take less than this many seconds."""

_BYTES = 1 << 28
"""What the rows of a part may take in memory."""


def first_size(batch: Batch) -> int:
    """Return the number of starts of the part that is made to measure the speed."""
    return SIZE or (_FIRST_CALLED if batch.objective.plain else _FIRST)


def size_of_parts(batch: Batch, done: int, seconds: float, *, rows: bool, shared: int = 0) -> int:
    """Return the number of starts per part, a power of two, when ``done`` starts took so many seconds.

    If workers share a number of starts, parts are smaller, so that all end at about the same time.
    """
    if SIZE is not None:
        return SIZE
    each = max(seconds, 1e-6) / done
    wanted = SECONDS / each
    if shared:
        wanted = min(wanted, max(_SHORT / each, shared / _PARTS))
    if rows:
        wanted = min(wanted, _BYTES / (8 * batch.objective.dim + 33))
    return max(16, 1 << int(math.log2(max(wanted, 16))))


def next_size(batch: Batch, done: int, seconds: float, *, rows: bool, shared: int = 0) -> tuple[int, bool]:
    """Return the size of the part after one of ``done`` starts, and whether it is that of all further ones.

    It is not as long as parts end too soon to show how long larger ones take, because a first call has work of its own:
    parts then grow, and each is timed.
    """
    size = size_of_parts(batch, done, seconds, rows=rows, shared=shared)
    if seconds >= _TELLING or size <= done:
        return size, True
    return min(size, _GROWTH * done), False


def cover(have: Iterable[Range], first: int, stop: int, size: int) -> Iterator[Range]:
    """Split a range into parts, using as much as possible of those there are.

    Parts overlap if the sizes of parts differed; a part depends on nothing but its range, so every cover gives the same
    result. What is missing is split at the multiples of ``size``.

    >>> list(cover([(0, 300), (600, 700), (250, 350)], 0, 1000, 300))
    [(0, 300), (300, 600), (600, 700), (700, 900), (900, 1000)]
    """
    for begin, end in [*_most_covered(have, first, stop), (stop, stop)]:
        while first < begin:
            after = min(begin, first - first % size + size)
            yield first, after
            first = after
        if begin < end:
            yield begin, end
        first = end


def _most_covered(have: Iterable[Range], first: int, stop: int) -> list[Range]:
    """The disjoint ranges, of those within a range, that together have the most starts."""
    parts = sorted((part for part in have if first <= part[0] and part[1] <= stop), key=lambda part: part[::-1])
    ends = [end for _, end in parts]
    before = [bisect.bisect_right(ends, begin) for begin, _ in parts]
    most = [0]
    for k, (begin, end) in enumerate(parts):
        most.append(max(most[-1], end - begin + most[before[k]]))
    chosen, k = [], len(parts)
    while k:
        if most[k] == most[k - 1]:
            k -= 1
        else:
            chosen.append(parts[k - 1])
            k = before[k - 1]
    return chosen[::-1]


def share(n: int, number: int, of: int) -> Range:
    """Return the starts of one shard of a run of n starts; shards are counted from 1.

    >>> [share(10, k, 3) for k in (1, 2, 3)]
    [(0, 3), (3, 6), (6, 10)]
    """
    return n * (number - 1) // of, n * number // of
