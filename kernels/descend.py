"""CUDA's loop of a thread: refill its lane, tick (evaluate, test, advance), store what ended.

The functions here are a template. A specialisation copies their text after the constants and functions that they
name (``D``, the slots, ``tick``, ``claim``), which are declared below for readers and type checkers only. The loop for
the CPU, over W lanes, is written in LLVM (``compiler/lower/loop.py``), and that of NumPy is ``launch_numpy.py``.

The arguments of a call are grouped in the named tuples of ``plan.py``: ``starts``, ``numbers`` and ``ends``.

The workspace ``ws`` is one flat array of reals, slot k of a lane at ``ws[k * W + lane]``: x, the rule's vectors and
scalars, learning rates and the like that differ per start, and the lane's own counters. A thread has one lane, W is 1.
``index[lane]`` is the start that a lane descends from, -1 for one that is parked because no start is left. If each
start has its own parameters of the objective, ``index[W + lane]`` is where they begin in ``p``.
"""

from typing import Any

from batchgd.kernels.philox import STREAM_STARTS, place, uniform_pair

Array = Any

D = 1  # dimensions
W = 1  # lanes of a block: one thread's
OWN = False  # whether each start has its own parameters of the objective
ACCEPTED = 0  # first slot of the last accepted point
STATE = 0  # first slot of what a start resets to zero
PER_START = 0  # first slot of hyperparameters that differ per start
N_PER_START = 0
NIT = NFEV = BUSY = CODE = SLOTS = 0
TRIALS = False  # whether points can be rejected: updates and evaluations are then counted separately
IN_KERNEL = True  # whether starts are made here, or read from an array
real: Any = float


def tick(ws: Array, index: Array, seed: Any, p: Array, box: Array, h: Array, limits: Array) -> int:
    """Advance every lane by one evaluation; return whether one of them ended (emitted per specialisation)."""
    raise NotImplementedError


def evaluate(ws: Array, index: Array, seed: Any, p: Array) -> None:
    """Evaluate the objective at a lane's point."""
    raise NotImplementedError


def advance(ws: Array, index: Array, seed: Any, p: Array, box: Array, h: Array, limits: Array) -> int:
    """Do the rest of a tick in block form; return what ``tick`` does."""
    raise NotImplementedError


def claim(queue: Array) -> int:
    """Return the next start that nobody has taken, or -1 (an atomic)."""
    raise NotImplementedError


def look_due(ticks: int) -> bool:
    """Whether it is time to look at what the host wrote: now and then, in the simulator always."""
    raise NotImplementedError


def look(control: Array) -> int:
    """Return ``control[0]`` as it is now."""
    raise NotImplementedError


# Copied into every specialisation from here on.


def always(ticks):
    """Say that it is time."""
    return True


def look_here(control):
    """Return ``control[0]``, which is in the same memory."""
    return control[0]


def tick_in_block(ws, index, seed, p, box, h, limits):
    """Do a tick in block form."""
    evaluate(ws, index, seed, p)
    return advance(ws, index, seed, p, box, h, limits)


def draw(ws, lane, start, starts):
    """Draw a start into the first slots of a lane, two coordinates at a time."""
    for block in range((D + 1) // 2):
        k = 2 * block
        u, v = uniform_pair(starts.seed, start, block, STREAM_STARTS)
        ws[k * W + lane] = place(u, starts.lower[k], starts.width[k])
        if k + 1 < D:
            ws[(k + 1) * W + lane] = place(v, starts.lower[k + 1], starts.width[k + 1])


def refill(ws, index, lane, starts):
    """Give a lane the next start, or park it; return the number of lanes that this leaves at work, 0 or 1."""
    start = claim(starts.queue)
    index[lane] = start
    if OWN:
        index[W + lane] = starts.places[max(start - starts.base, 0)]  # parked lanes evaluate as well
    for k in range(STATE, SLOTS):
        ws[k * W + lane] = real(0.0)
    live = 0
    if start >= 0:
        live = 1
        if IN_KERNEL:
            draw(ws, lane, start, starts)
        else:
            for k in range(D):
                ws[k * W + lane] = starts.points[start - starts.base, k]
        for k in range(N_PER_START):
            ws[(PER_START + k) * W + lane] = starts.per_start[start - starts.base, k]
        ws[BUSY * W + lane] = real(1.0)
    return live


def store(ws, index, lane, code, ends, base):
    """Write the endpoint of a lane to its row; an interrupted one falls back to its last accepted point."""
    row = index[lane] - base
    # Two loops and not one with a variable first slot: that would put a CUDA thread's state into local memory.
    if TRIALS & (code == 0) & (ws[NFEV * W + lane] > 0):
        for k in range(D):
            ends.x[row, k] = ws[(ACCEPTED + k) * W + lane]
    else:
        for k in range(D):
            ends.x[row, k] = ws[k * W + lane]
    ends.nit[row] = int(ws[NIT * W + lane])
    if TRIALS:
        ends.nfev[row] = int(ws[NFEV * W + lane])
    else:
        ends.nfev[row] = ends.nit[row] + int(code != 0)
    ends.status[row] = code


def descend(ws, index, starts, numbers, control, ends):
    """Descend from every start of the queue; ``control[0]``, once not 0, ends all lanes with that status."""
    live = 0
    for lane in range(W):
        live += refill(ws, index, lane, starts)
    ticks = 0
    while True:  # whether lanes are left is asked where that changes
        ended = tick(ws, index, starts.seed, numbers.p, numbers.box, numbers.h, numbers.limits) != 0
        # One branch for all that is seldom: on CUDA every further one costs five instructions of each tick.
        if ended | look_due(ticks):
            if ended:
                for lane in range(W):
                    code = int(ws[CODE * W + lane])
                    if code != 0:
                        store(ws, index, lane, code, ends, starts.base)
                        live += refill(ws, index, lane, starts) - 1
            if look_due(ticks):
                ending = look(control)
                if ending != 0:
                    for lane in range(W):
                        if index[lane] >= 0:
                            code = int(ws[CODE * W + lane])  # 0: for the literal, Numba would compile `store` again
                            store(ws, index, lane, code, ends, starts.base)
                            ends.status[index[lane] - starts.base] = ending
                    live = 0
            if live <= 0:
                break
        ticks += 1


CARRIED = (refill, store)
"""What the loop calls besides the tick and ``draw``."""
