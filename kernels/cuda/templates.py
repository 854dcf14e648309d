"""The kernels of a specialisation: templates, whose text it copies after its own ``descend`` and ``value_at``.

What they name is declared here for readers and type checkers only.
"""

from typing import Any

import numba.cuda
import numpy as np

Array = Any
SLOTS = 1
INDEX = 1  # numbers in ``index``
OWN = False
real: Any = np.float64
cuda: Any = numba.cuda  # untyped: kernels are written in a language that type checkers do not know
descend: Any = None
load_first: Any = None
record: Any = None
value_at: Any = None


def claim_atomic(queue: Array) -> int:
    """Take the next start of ``queue = [next, stop]``, or -1."""
    following = cuda.atomic.add(queue, 0, 1)
    if following >= queue[1]:
        return -1
    return following


def now_and_then(ticks: int) -> bool:
    """Whether this is a 4096th tick: the host's memory is a microsecond away."""
    return ticks & 4095 == 0


def look_there(control: Array) -> int:
    """Return ``control[0]``, which is in the host's memory."""
    return load_first(control)


def descend_kernel(starts, numbers, control, ends):
    """Persistent threads: each descends from start after start until none is left."""
    ws = cuda.local.array(SLOTS, real)
    index = cuda.local.array(INDEX, np.int64)
    descend(ws, index, starts, numbers, control, ends)


def record_kernel(starts, numbers, control, ends, trail):
    """Descend as ``descend_kernel`` does, and record the paths."""
    ws = cuda.local.array(SLOTS, real)
    index = cuda.local.array(INDEX, np.int64)
    record(ws, index, starts, numbers, control, ends, trail)


def values_kernel(points, n, p, places, f):
    """Evaluate the function at the first n rows of ``points``, each with its own parameters if it has such."""
    for i in range(cuda.grid(1), n, cuda.gridsize(1)):
        f[i] = value_at(points, i, p, places[i] if OWN else 0)
