"""How well lanes and threads were used, from the number of evaluations of each start."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

_MANY = 4096


def lane_ends(nfev: ArrayLike, lanes: int) -> np.ndarray:
    """Return the tick at which each lane of one block runs dry, if a lane that ends takes the next start at once.

    Starts are taken in their order, in one tick by the lanes in their order: that is what the engine does, so this is
    exact for a block and not an estimate.

    >>> lane_ends([5, 1, 1, 1], lanes=2).tolist()
    [5, 3]
    """
    work = np.asarray(nfev, np.int64)
    if lanes >= _MANY:
        return _many_lane_ends(work, lanes)
    heap = [int(ticks) * lanes + lane for lane, ticks in enumerate(work[:lanes])]  # sorts by tick, then by lane
    heapq.heapify(heap)
    for ticks in work[lanes:].tolist():
        heapq.heapreplace(heap, heap[0] + ticks * lanes)
    ends = np.zeros(lanes, np.int64)
    for key in heap:
        ends[key % lanes] = key // lanes
    return ends


def _many_lane_ends(work: np.ndarray, lanes: int) -> np.ndarray:
    """The same, all lanes that end in one tick at once: faster if there are many."""
    ends = np.zeros(lanes, np.int64)
    ends[: len(work)] = work[:lanes]
    following = lanes
    while following < len(work):
        free = np.flatnonzero(ends == ends.min())[: len(work) - following]
        ends[free] += work[following : following + len(free)]
        following += len(free)
    return ends


def lane_ticks(nfev: ArrayLike, lanes: int, shards: Iterable[tuple[int, int]], group: int | None = None) -> int:
    """Return the lane-ticks that blocks of ``lanes`` lanes spend on shards of starts, idle ones included.

    Parameters
    ----------
    nfev : (n,)
        Evaluations of each start: a lane works on it for as many ticks.
    lanes : int
        Lanes that take starts from one queue.
    shards : iterable of (first, stop)
        The ranges of starts, each with a queue of its own.
    group : int, optional
        Lanes that stay together until the last of them is done: the whole block by default (a CPU's lane block);
        32 for a GPU, where a warp's threads do, if all warps run at the same speed.

    >>> lane_ticks([5, 1, 1, 1], 2, [(0, 4)]), lane_ticks([5, 1, 1, 1], 2, [(0, 4)], group=1)
    (10, 8)
    """
    work, group = np.asarray(nfev, np.int64), group or lanes
    total = 0
    for first, stop in shards:
        ends = lane_ends(work[first:stop], lanes)
        total += int(np.maximum.reduceat(ends, np.arange(0, lanes, group)).sum()) * group
    return total
