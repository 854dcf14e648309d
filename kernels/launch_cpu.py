"""Run the compiled loop on worker threads, each over one shard of starts after another.

Threads rather than ``prange``: shards are assigned as workers become free, an interrupt is seen between shards and
within them, and nothing clashes with an executor that calls from its own threads. The compiled code holds no lock.
"""

import contextlib
import ctypes
import queue
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.kernels.cpu_places import (
    ALL_LANES,
    CALL,
    ENDS,
    EVALUATE,
    FIRST_SLOT,
    LINE,
    MEMORY,
    MOST_TICKS,
    RUN,
    SLOTS,
    TABLES,
    TICK,
    TICKS,
    places,
)
from batchgd.kernels.plan import Endpoints, Plan, columns

MOST = 32
"""Ticks between two looks at whether the run is to end; a path is recorded after each."""

LEAST = 256
"""Starts of the smallest shard: in smaller ones the lanes that have run out of starts would cost too much."""


def launch(module: Any, plan: Plan, threads: int) -> None:
    """Descend from every start of the plan; returns when all shards are finished or ended by ``control``."""
    functions = _Functions(module, plan)  # what is not compiled yet is compiled here
    plan.ready()
    shards = shards_of(plan.n, plan.shard, threads)
    lock = threading.Lock()
    # Bounded: if rows are dropped once they have been read, workers wait for the main thread instead of filling memory.
    finished: queue.Queue[Endpoints | BaseException | None] = queue.Queue(4 * threads)

    def work() -> None:
        try:
            state = _State(functions, plan)
            while plan.control[0] == 0:
                with lock:
                    shard = next(shards, None)
                if shard is None:
                    break
                finished.put(state.descend(plan, *shard))
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


_FUNCTION = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 3)
"""How the loop is called; it holds none of Python's locks."""


class _Functions:
    """The compiled functions of a launch."""

    def __init__(self, module: Any, plan: Plan):
        self.lanes, self.slots = module.W, module.slots
        self.descend = _FUNCTION(module.descend.address())
        self.values = _FUNCTION(module.values.address())
        self.tick = module.tick.address()
        self.evaluate: Any = getattr(module, "evaluate", None)
        self.evaluate_value = getattr(module, "evaluate_value", self.evaluate)
        for function in (self.evaluate, self.evaluate_value):
            if function is not None:
                function.address()
        self.module = module  # whose code is freed with it


class _Call(ctypes.Structure):
    """The arguments of a call of the loop."""

    _fields_ = [(name, ctypes.c_uint64 if name == "seed" else ctypes.c_int64) for name in CALL]

    def point(self, **arrays: NDArray[Any]) -> None:
        """Put the addresses of these arrays where the loop finds them."""
        for name, array in arrays.items():
            assert array.flags.c_contiguous, name
            setattr(self, name, array.ctypes.data)


class _State:
    """One worker's lane block, and the arguments of its calls."""

    def __init__(self, functions: _Functions, plan: Plan):
        self.functions, lanes, slots = functions, functions.lanes, functions.slots
        self.workspace = _aligned((slots[SLOTS.index("SLOTS")] + plan.dim) * lanes, plan.dtype)
        self.index = np.zeros(places(lanes) + lanes, np.int64)
        self.tail = tail = self.index[lanes + 1 : places(lanes)]
        tail[MOST_TICKS] = MOST if plan.trails is None else 1
        tail[[RUN, TICKS, ENDS]] = 1, 0, 0
        tail[FIRST_SLOT:] = slots
        tail[TICK] = functions.tick
        self.evaluate = _Evaluation(functions.evaluate)
        alone = functions.evaluate_value is not functions.evaluate
        self.evaluate_value = _Evaluation(functions.evaluate_value) if alone else self.evaluate
        self.call = _Call(seed=plan.seed)
        numbers = plan.numbers._asdict()
        if plan.problems is not None:
            numbers["p"] = plan.problems.numbers
        self.call.point(lower=plan.lower, width=plan.width, control=plan.control, **numbers)
        self.arguments = self.workspace.ctypes.data, self.index.ctypes.data, ctypes.addressof(self.call)

    def descend(self, plan: Plan, first: int, stop: int) -> Endpoints:
        """Descend from the starts of a shard, and evaluate the function at the endpoints."""
        rows, starts, call = plan.rows(first, stop), plan.starts(first, stop), self.call
        call.next, call.stop = starts.queue
        call.base, call.rows = starts.base, len(rows)
        call.point(per_start=starts.per_start, **columns(rows))
        if plan.points is not None:
            call.point(points=starts.points)
        if plan.problems is not None:
            self.places = starts.places
            call.point(places=self.places)
        if plan.trails is not None:
            trails = plan.trails.part(first, stop)
            call.trail_latest = trails.updates.shape[1] - 1
            call.point(**{f"trail_{name}": array for name, array in trails._asdict().items()})
        self.evaluate.use(self.tail, everywhere=False)
        self.functions.descend(*self.arguments)
        self.evaluate_value.use(self.tail, everywhere=True)
        self.functions.values(*self.arguments)
        return rows


class _Evaluation:
    """A function that evaluates, and what it reads besides its arguments."""

    def __init__(self, function: Any):
        self.address = 0 if function is None else function.address()
        self.tables = getattr(function, "tables", ())
        self.addresses = np.array([table.ctypes.data for table in self.tables], np.uintp)
        self.memory = _aligned(getattr(function, "memory", 0), np.uint8)

    def use(self, tail: NDArray[np.int64], *, everywhere: bool) -> None:
        """Have it called, for lanes at work or everywhere."""
        tail[ALL_LANES] = everywhere
        tail[EVALUATE], tail[TABLES], tail[MEMORY] = self.address, self.addresses.ctypes.data, self.memory.ctypes.data


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
