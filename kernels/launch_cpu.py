"""Run the compiled loop on worker threads, each over one shard of starts after another.

Threads rather than ``prange``: shards are assigned as workers become free, an interrupt is seen between shards and
within them, and nothing clashes with an executor that calls from its own threads. The compiled code holds no lock.
"""

import contextlib
import queue
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.kernels.cpu_intrinsics import (
    ALL_LANES,
    ENDS,
    EVALUATE,
    FIRST_SLOT,
    LINE,
    MEMORY,
    MOST_TICKS,
    P_SIZE,
    RUN,
    SLOTS,
    TABLES,
    TAIL,
    TICK,
    TICKS,
    WS_SIZE,
    arguments_of,
)
from batchgd.kernels.plan import Endpoints, Plan

MOST = 32
"""Ticks between two looks at whether the run is to end; a path is recorded after each."""

LEAST = 256
"""Starts of the smallest shard: in smaller ones the lanes that have run out of starts would cost too much."""


def launch(module: Any, plan: Plan, threads: int) -> None:
    """Descend from every start of the plan; returns when all shards are finished or ended by ``control``."""
    _descend_shard(module, plan, _State(module, plan), 0, 0)  # no starts: what is not compiled yet is compiled here
    plan.ready()
    shards = shards_of(plan.n, plan.shard, threads)
    lock = threading.Lock()
    # Bounded: if rows are dropped once they have been read, workers wait for the main thread instead of filling memory.
    finished: queue.Queue[Endpoints | BaseException | None] = queue.Queue(4 * threads)

    def work() -> None:
        try:
            state = _State(module, plan)
            while plan.control[0] == 0:
                with lock:
                    shard = next(shards, None)
                if shard is None:
                    break
                finished.put(_descend_shard(module, plan, state, *shard))
        except BaseException as error:
            finished.put(error)  # before the others are stopped, so that it is seen before what they leave behind
            plan.control[0] = -1
        finally:
            finished.put(None)

    workers = [threading.Thread(target=work, daemon=True) for _ in range(threads)]
    for worker in workers:
        worker.start()
    try:
        _collect(finished, plan, len(workers))
    except BaseException:
        plan.control[0] = -1
        raise
    finally:
        for worker in workers:
            while worker.is_alive():
                # A worker that waits for room in the queue would never see that the run is over.
                with contextlib.suppress(queue.Empty):
                    finished.get_nowait()
                worker.join(timeout=0.01)


def shards_of(n: int, largest: int, threads: int) -> Iterator[tuple[int, int]]:
    """Ranges of n starts: each takes a part of what is left, so that all workers finish together."""
    least = max(LEAST, n // (32 * threads))  # not too many: each costs the main thread 0.03 ms
    first = 0
    while first < n:
        part = max(least, (n - first) // (2 * threads))
        stop = min(first + min(part, largest), n)
        yield first, stop
        first = stop


def _aligned(size: int, dtype: Any) -> NDArray[Any]:
    """Zeros that begin at a line of the cache: a vector that crosses a line is read in two parts."""
    raw = np.zeros(size + LINE, dtype)
    first = -raw.ctypes.data % LINE // raw.itemsize
    return raw[first : first + size]


class _State:
    """One worker's lane block."""

    def __init__(self, module: Any, plan: Plan):
        size = module.slots[SLOTS.index("SLOTS")] + plan.dim
        self.workspace = _aligned(size * module.W, plan.dtype)
        self.index = np.empty(module.W + 1 + TAIL, np.int64)
        tail = self.index[-TAIL:]
        tail[WS_SIZE], tail[P_SIZE] = self.workspace.size, plan.numbers.p.size
        tail[MOST_TICKS] = MOST if plan.trails is None else 1
        tail[[RUN, TICKS, ENDS]] = 1, 0, 0
        tail[FIRST_SLOT:] = module.slots
        tail[TICK] = _address(module, "tick", plan.dtype)
        self.evaluate = _Evaluation(module, "evaluate", plan.dtype)
        alone = hasattr(module, "evaluate_value")
        self.evaluate_value = _Evaluation(module, "evaluate_value", plan.dtype) if alone else self.evaluate
        self.x = self.workspace[: plan.dim * module.W].reshape(plan.dim, module.W).T


class _Evaluation:
    """A function that evaluates, and what it reads besides its arguments."""

    def __init__(self, module: Any, name: str, dtype: str):
        self.address = _address(module, name, dtype) if hasattr(module, name) else 0
        function = getattr(module, name, None)
        self.tables = getattr(function, "tables", ())
        self.addresses = np.array([table.ctypes.data for table in self.tables], np.uintp)
        self.memory = _aligned(getattr(function, "memory", 0), np.uint8)

    def use(self, tail: NDArray[np.int64], *, everywhere: bool) -> None:
        """Have it called, for lanes at work or everywhere."""
        tail[ALL_LANES] = everywhere
        tail[EVALUATE], tail[TABLES], tail[MEMORY] = self.address, self.addresses.ctypes.data, self.memory.ctypes.data


def _address(module: Any, name: str, dtype: str) -> int:
    """The address of a function of the module, valid as long as the module lives."""
    address: int = getattr(module, name).address(arguments_of(name, dtype))
    return address


def _descend_shard(module: Any, plan: Plan, state: _State, first: int, stop: int) -> Endpoints:
    rows, starts = plan.rows(first, stop), plan.starts(first, stop)
    block, arguments = (state.workspace, state.index), (starts, plan.numbers, plan.control, rows.ends)
    state.evaluate.use(state.index[-TAIL:], everywhere=False)
    if plan.trails is None:
        module.descend(*block, *arguments)
    else:
        module.record(*block, *arguments, plan.trails.part(first, stop))
    state.evaluate_value.use(state.index[-TAIL:], everywhere=True)
    module.values(rows.x, state.x, *block, starts.seed, plan.numbers.p, rows.fun)
    return rows


def _collect(finished: "queue.Queue[Any]", plan: Plan, workers: int) -> None:
    """Report shards as they finish; between them let the caller look at the clock."""
    failure = None
    while workers:
        try:
            item = finished.get(timeout=plan.pause_seconds)
        except queue.Empty:
            plan.pause()
            continue
        if item is None:
            workers -= 1
        elif isinstance(item, BaseException):
            failure = failure or item
        elif failure is None:
            plan.done(item)
            plan.pause()
    if failure is not None:
        raise failure
