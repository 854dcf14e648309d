"""A trajectory per warp: templates that take the place of those of ``descend.py`` and ``lanes.py`` for one thread.

Coordinate ``i * WIDTH + thread()`` is in slot i of a vector, and numbers of the trajectory are in every thread of the
warp alike: each thread computes them from the same operands in the same order. Sums over the coordinates are added up
within a thread and then between threads in pairs, in an order that is always the same. Beyond the last coordinate,
threads carry a copy of it that counts in no sum. What is named here is declared for readers and type checkers only.
"""

from typing import Any

import numba.cuda
import numpy as np

from batchgd.kernels.philox import place, uniform_pair
from batchgd.kernels.vecmath import where

Array = Any
cuda: Any = numba.cuda
D = 1  # coordinates of a thread
DIM = 1  # coordinates
WIDTH = 32  # threads of a trajectory, a power of two
SHIFT = 5  # its binary logarithm
STATE = PER_START = N_PER_START = 0
NIT = NFEV = BUSY = CODE = ACCEPTED = SLOTS = 0
TRIALS = False
IN_KERNEL = True
OWN = False
DRAWN = DIM * 4  # elements of shared memory for a block's starts
real: Any = np.float64
ALL = 0xFFFFFFFF
claim: Any = None
load_first: Any = None

WARPS = 4
"""Warps of a block at most: what they share is laid out for this number."""


def partner(value, distance):
    """Return the value of the thread at this distance."""
    return cuda.shfl_xor_sync(ALL, value, distance)


def of_first(value):
    """Return the value of the first thread of the warp."""
    return cuda.shfl_sync(ALL, value, 0)


def settle():
    """Let every thread see what the others wrote to shared memory."""
    cuda.syncwarp()


# In the simulator, which has no shuffles, threads of a block exchange through shared memory. A block is one trajectory.


def partner_simulated(value, distance):
    """Return the value of the thread at this distance."""
    board = cuda.shared.array(WIDTH, real)
    board[thread()] = value
    cuda.syncthreads()
    seen = board[thread() ^ distance]
    cuda.syncthreads()
    return seen


def of_first_simulated(value):
    """Return the value of the first thread of the block."""
    board = cuda.shared.array(1, np.int64)
    if thread() == 0:
        board[0] = value
    cuda.syncthreads()
    seen = board[0]
    cuda.syncthreads()
    return seen


def settle_simulated():
    """Let every thread see what the others wrote to shared memory."""
    cuda.syncthreads()


# Copied into every specialisation for warps from here on.


def thread():
    """Return the number of this thread within its trajectory."""
    return cuda.threadIdx.x & (WIDTH - 1)


def team():
    """Return the number of this thread's trajectory within the block."""
    return cuda.threadIdx.x >> SHIFT


def coordinate(i):
    """Return the coordinate in slot i of a vector."""
    return min(i * WIDTH + thread(), DIM - 1)


def owned(i):
    """Whether that coordinate counts in sums here, and is not a copy."""
    return i * WIDTH + thread() < DIM


def total(value):
    """Return the sum over the threads of a trajectory, the same bits in each: both of a pair add the same two."""
    distance = WIDTH // 2
    while distance > 0:
        value += partner(value, distance)
        distance //= 2
    return value


def largest(value):
    """Return the largest value, as ``larger`` finds it; both of a pair compare in the same order, for NaN's sake."""
    distance = WIDTH // 2
    while distance > 0:
        other = partner(value, distance)
        lower = (thread() & distance) == 0
        a, b = where(lower, value, other), where(lower, other, value)
        value = where(a > b, a, b)
        distance //= 2
    return value


def smallest(value):
    """Return the smallest value, as ``smaller`` finds it: a < b is -a > -b, for zeros and NaN too."""
    return -largest(-value)


def dot(ws, a, b, out):
    """out <- a'b, a number (see ``rule_parts/block_operations.py``)."""
    share = real(0.0)
    for i in range(D):
        share += where(owned(i), ws[a + i] * ws[b + i], real(0.0))
    ws[out] = total(share)


def claim_together(queue):
    """Take the next start of ``queue = [next, stop]`` for the whole warp, or -1."""
    following = np.int64(0)
    if thread() == 0:
        following = cuda.atomic.add(queue, 0, 1)
    following = of_first(following)
    if following >= queue[1]:
        return -1
    return following


def look_of_first(control):
    """Return ``control[0]``, which is in the host's memory, as the first thread sees it."""
    return of_first(load_first(control))


def look_together(control):
    """Return ``control[0]``, as the first thread sees it, in the simulator."""
    return of_first(control[0])


def draw(ws, start, starts):
    """Draw a start: each thread some pairs of neighbouring coordinates, exchanged in shared memory."""
    shared = cuda.shared.array(DRAWN, real)
    mine = DIM * team()
    for turn in range(((DIM + 1) // 2 + WIDTH - 1) // WIDTH):
        # No thread leaves the others here: if it could, shuffles would cost registers. The last pair is drawn
        # repeatedly.
        pair = min(turn * WIDTH + thread(), (DIM - 1) // 2)
        k, other = 2 * pair, min(2 * pair + 1, DIM - 1)
        u, v = uniform_pair(starts.seed, start, pair)
        shared[np.uint64(mine + k)] = place(u, starts.lower[k], starts.width[k])
        shared[np.uint64(mine + other)] = place(where(other > k, v, u), starts.lower[other], starts.width[other])
    settle()
    for i in range(D):
        ws[i] = shared[np.uint64(mine + coordinate(i))]
    settle()


def refill(ws, index, lane, starts):
    """Give the warp the next start, or park it; 0 or 1 (see ``descend.refill``)."""
    start = claim(starts.queue)
    index[lane] = start
    if OWN:
        index[1] = starts.places[max(start - starts.base, 0)]
    for k in range(STATE, SLOTS):
        ws[k] = real(0.0)
    if start < 0:
        return 0
    if IN_KERNEL:
        draw(ws, start, starts)
    else:
        for i in range(D):
            ws[i] = starts.points[start - starts.base, coordinate(i)]
    for k in range(N_PER_START):
        ws[PER_START + k] = starts.per_start[start - starts.base, k]
    ws[BUSY] = real(1.0)
    return 1


def store(ws, index, lane, code, ends, base):
    """Write the endpoint to its row, each thread its coordinates (see ``descend.store``)."""
    row = index[lane] - base
    interrupted = TRIALS and code == 0 and ws[NFEV] > 0
    for i in range(D):
        ends.x[row, coordinate(i)] = where(interrupted, ws[ACCEPTED + i], ws[i])
    ends.nit[row] = int(ws[NIT])
    ends.nfev[row] = int(ws[NFEV]) if TRIALS else ends.nit[row] + int(code != 0)
    ends.status[row] = code
