"""The CUDA shell: one thread a lane, a work counter on the device, bounded launches.

The only hand-written module that imports ``numba.cuda``. The functions at the top are templates: a specialisation
copies their text behind its own ``descend`` and ``value_at``, which are declared here for readers only.
"""

import math
import time
from types import ModuleType
from typing import Any

import numba.cuda
import numpy as np
from numba import config

from batchgd.kernels.plan import Endpoints, Plan

Array = Any
SLOTS = 1
real: Any = np.float64
cuda: Any = numba.cuda  # untyped: kernels are written in a language that type checkers do not know
descend: Any = None
value_at: Any = None

THREADS_PER_BLOCK = 128
FIRST_LAUNCH = 1 << 18
LAUNCH_SECONDS = 1.0
BLOCKS_PER_MULTIPROCESSOR = 16


def claim_atomic(queue: Array) -> int:
    """Take the next start of ``queue = [next, stop]``, or -1."""
    following = cuda.atomic.add(queue, 0, 1)
    if following >= queue[1]:
        return -1
    return following


def descend_kernel(
    queue, seed, lower, width, points, per_start, p, box, h, limits, control, x, nit, nfev, status, base
):
    """Persistent threads: each descends from start after start until none is left."""
    ws = cuda.local.array(SLOTS, real)
    index = cuda.local.array(1, np.int64)
    descend(
        ws, index, queue, seed, lower, width, points, per_start, p, box, h, limits, control, x, nit, nfev, status, base
    )


def values_kernel(points, p, f):
    """Evaluate the function at every row of ``points``."""
    i = cuda.grid(1)
    if i < points.shape[0]:
        f[i] = value_at(points, i, p)


def simulated() -> bool:
    """Whether Numba's CUDA simulator stands in for a device."""
    return bool(getattr(config, "ENABLE_CUDASIM", 0))


class _Host:
    """Arrays for the simulator: NumPy's."""

    @staticmethod
    def put(array: Any) -> Any:
        return array

    @staticmethod
    def empty(shape: Any, dtype: Any) -> Any:
        return np.empty(shape, dtype)

    @staticmethod
    def get(array: Any) -> Any:
        return array


class _Device:
    """Arrays on the device: CuPy's."""

    @staticmethod
    def put(array: Any) -> Any:
        import cupy

        return cupy.asarray(array)

    @staticmethod
    def empty(shape: Any, dtype: Any) -> Any:
        import cupy

        return cupy.empty(shape, dtype)

    @staticmethod
    def get(array: Any) -> Any:
        import cupy

        return cupy.asnumpy(array)


def grid(n: int, persistent: bool) -> tuple[int, int]:
    """Return (blocks, threads per block): one thread a point, or only as many as the device holds at once."""
    if simulated():
        threads = min(32, n)
        return (min(2, math.ceil(n / threads)) if persistent else math.ceil(n / threads)), threads
    blocks = math.ceil(n / THREADS_PER_BLOCK)
    if persistent:
        multiprocessors = cuda.get_current_device().MULTIPROCESSOR_COUNT
        blocks = min(blocks, multiprocessors * BLOCKS_PER_MULTIPROCESSOR)
    return blocks, THREADS_PER_BLOCK


def launch(module: ModuleType, plan: Plan, threads: int) -> None:
    """Descend from every start of the plan, one bounded launch a shard."""
    arrays = _Host if simulated() else _Device
    fixed = [arrays.put(a) for a in (plan.lower, plan.width)]
    problem = [arrays.put(a) for a in (plan.p, plan.box, plan.h, plan.limits, plan.control)]
    plan.ready()
    first, size = 0, min(plan.shard, FIRST_LAUNCH)
    while first < plan.n and plan.control[0] == 0:
        rows = plan.rows(first, min(first + size, plan.n))
        began = time.perf_counter()
        _descend_shard(module, plan, arrays, fixed, problem, rows)
        first, size = first + len(rows), next_launch(size, time.perf_counter() - began, plan.shard)
        plan.done(rows)
        plan.pause()


def next_launch(size: int, seconds: float, most: int) -> int:
    """Return how many starts the next launch takes, so that it lasts about a second.

    Displays and watchdogs want short launches, and an interrupt or ``max_time`` is seen between them. A launch grows
    or shrinks fourfold at most: the first one also compiles.

    >>> next_launch(1000, 0.5, 10**6), next_launch(1000, 0.001, 10**6), next_launch(1000, 60.0, 10**6)
    (2000, 4000, 250)
    """
    return max(1, min(most, int(size * min(4.0, max(0.25, LAUNCH_SECONDS / max(seconds, 1e-9))))))


def _descend_shard(module: Any, plan: Plan, arrays: Any, fixed: list, problem: list, rows: Endpoints) -> None:
    first, n = rows.first, len(rows)
    stop = first + n
    points, per_start = (arrays.put(a) for a in plan.inputs(first, stop))
    queue = arrays.put(np.array([first, stop], np.int64))
    x = arrays.empty((n, plan.dim), plan.dtype)
    nit, nfev = arrays.empty(n, np.int64), arrays.empty(n, np.int64)
    status, fun = arrays.empty(n, np.int8), arrays.empty(n, plan.dtype)
    module.descend_kernel[grid(n, persistent=True)](
        queue, np.uint64(plan.seed), *fixed, points, per_start, *problem, x, nit, nfev, status, first
    )
    module.values_kernel[grid(n, persistent=False)](x, problem[0], fun)
    targets = (rows.x, rows.nit, rows.nfev, rows.status, rows.fun)
    for target, source in zip(targets, (x, nit, nfev, status, fun), strict=True):
        target[:] = arrays.get(source)
