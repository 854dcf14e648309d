"""The CUDA shell: persistent threads that refill from a work counter, in bounded launches on several streams.

Starts are made in the kernel, endpoints are merged into cells on the device if only cells are needed, and while one
launch runs, the results of another are copied and processed.
"""

import time
from dataclasses import dataclass
from functools import cache, partial
from types import ModuleType
from typing import Any

import numpy as np

from batchgd.kernels.cuda import assemble
from batchgd.kernels.cuda.merge import Merger, jitted
from batchgd.kernels.cuda.occupancy import BLOCK_SIZES, Configuration, configure, grid, limits_of
from batchgd.kernels.cuda.schedule import FIRST_LAUNCH, Pace, drive
from batchgd.kernels.cuda.stream import SIMULATED, Stream, cuda, devices, multiprocessors, simulated
from batchgd.kernels.cuda.warp import WARPS
from batchgd.kernels.plan import Endpoints, Ends, Plan

Array = Any
STREAMS = 2
"""Launches in flight on each device: one runs while the results of the other are processed."""
BUFFER_BYTES = 1 << 28
"""What the endpoints of one launch take at most, on the device and, page-locked, on the host; and with them parameters
of the objective, where each start has its own."""


def launch(module: ModuleType, plan: Plan, threads: int) -> None:
    """Descend from every start of the plan; returns when all launches are over or ended by ``control``."""
    if plan.trails is not None:
        _record(module, plan)
        return
    own = 0 if plan.problems is None else plan.problems.numbers.shape[1]
    most = max(1, min(plan.shard, BUFFER_BYTES // ((plan.dim + own) * np.dtype(plan.dtype).itemsize + 33)))
    launches = -(-plan.n // min(most, FIRST_LAUNCH))
    paces = [Pace(most) for _ in range(min(devices(), launches))]
    order = [(device, pace) for _ in range(STREAMS) for device, pace in enumerate(paces)]
    flights = [_Flight(module, plan, Stream(device), pace) for device, pace in order[:launches]]
    plan.ready()
    drive(plan, flights)


class _Flight:
    """One stream with the buffers of a launch (see ``schedule.Flight``)."""

    def __init__(self, module: ModuleType, plan: Plan, stream: Stream, pace: Pace) -> None:
        self.pace = pace
        self._module, self._plan, self._stream = module, plan, stream
        self._kernels = stream.on_device(lambda: _kernels(module, plan))
        self._numbers = stream.put_all(assemble.by_value(plan.numbers))
        self._control = stream.control(plan.control)
        self._kept = plan.merge is None or plan.merge.keys is not None
        self._came: list[Array] = []
        self._room = 0
        self._rows: Ends | None = None
        self._merger = None if plan.merge is None else Merger(stream, plan.merge, self._kernels.merge)

    def begin(self, first: int, stop: int) -> None:
        """Queue the descents from these starts, and the copies of the results."""
        plan, stream, n = self._plan, self._stream, stop - first
        self._make_room(n)
        assert self._rows is not None
        starts, p = plan.shipped(first, stop)
        starts, numbers = stream.put_all(starts), self._numbers
        if plan.problems is not None:
            numbers = numbers._replace(p=stream.put("p", p))
        stream.zero(self._rows.status)
        blocks, threads = grid(n * threads_per_trajectory(self._module), self._kernels.how, stream.multiprocessors)
        stream.launch(self._kernels.descend, blocks, threads, starts, numbers, self._control, self._rows)
        stream.sweep(self._kernels.values, n, self._rows.x, n, numbers.p, starts.places, self._rows.fun)
        self._range = first, stop
        if self._merger is not None:
            self._merger.begin(self._rows, n, first)
        if self._kept:  # after the merge, which names what is not finite
            self._came = [stream.fetch(f"rows {k}", array, n) for k, array in enumerate(self._rows)]
        stream.mark()

    def ended(self) -> bool:
        """Whether they are done."""
        return self._stream.ended()

    def take(self) -> None:
        """Pass the results to the plan."""
        plan = self._plan
        if self._merger is None or plan.merge is None:
            plan.done(self._rows_at_home())
            return
        rows = self._rows_at_home() if self._kept else None
        cells, tally, left = self._merger.take()
        plan.merge.done(cells, tally)
        if len(left):
            plan.done(left)
            if rows is not None:
                left.scatter(rows)

    def tell(self, control: int) -> None:
        """Let the descents that are running end with this status."""
        if not simulated():
            self._control[0] = control

    def wait(self) -> None:
        """Wait for what is queued."""
        self._stream.wait()

    def _rows_at_home(self) -> Endpoints:
        rows = self._plan.rows(*self._range)
        for target, source in zip(rows.ends, self._came, strict=True):
            target[:] = source
        return rows

    def _make_room(self, n: int) -> None:
        if n > self._room:
            self._room = n
            self._rows = self._stream.zero_ends(n, self._plan)


@dataclass(frozen=True)
class _Kernels:
    """The kernels of a run, compiled for the current device, and how the descent is launched."""

    descend: Any
    values: Any
    merge: dict[str, Any]
    how: Configuration


def _kernels(module: Any, plan: Plan) -> _Kernels:
    """Compile what is not on disk, before the clock starts."""
    merge = {} if plan.merge is None else jitted()
    how, descend = configuration(module, plan.dtype), module.descend_kernel
    if not simulated():
        signatures = assemble.signatures(plan.dtype)
        for kernel in merge.values():
            if hasattr(module, "keep_shared"):
                module.keep_shared(kernel)
        if how.max_registers is not None:
            descend = bounded(module, how.max_registers)
        for kernel in (descend, module.values_kernel, *merge.values()):
            kernel.compile(signatures[kernel.__name__])
    return _Kernels(descend, module.values_kernel, merge, how)


@cache
def bounded(module: Any, max_registers: int) -> Any:
    """Return the descent of a module as a kernel of at most this many registers per thread."""
    kernel = cuda.jit(max_registers=max_registers)(module.descend_kernel.py_func)
    if hasattr(module, "keep"):  # if there is such a place on disk
        module.keep(kernel, variant=f"_{max_registers}_registers")
    return kernel


def configuration(module: Any, dtype: str) -> Configuration:
    """Return how the descent of a module is launched on the current device."""
    if simulated():
        width = threads_per_trajectory(module)
        return SIMULATED if width == 1 else Configuration(width, blocks_per_multiprocessor=1)
    return _configuration(module, dtype, cuda.get_current_device().compute_capability)


@cache
def _configuration(module: Any, dtype: str, capability: assemble.ComputeCapability) -> Configuration:
    kernel = module.descend_kernel.compile(assemble.signatures(dtype)["descend_kernel"])

    def needs(bound: int | None) -> assemble.Resources:
        if bound is None:
            return assemble.Resources(kernel.regs_per_thread, kernel.local_mem_per_thread, 0, 0)
        return assemble.machine_code(kernel.library, capability, bound).resources

    width = threads_per_trajectory(module)
    sizes = BLOCK_SIZES if width == 1 else (width * WARPS,)
    return configure(needs, limits_of(capability), sizes=sizes, shared=kernel.shared_mem_per_block)


def shape(module: Any, dtype: str, n: int) -> tuple[int, int]:
    """Return (blocks, threads of a block) of a launch over n starts on the current device."""
    return grid(n * threads_per_trajectory(module), configuration(module, dtype), multiprocessors())


def keeps_state_in_registers(module: Any, dtype: str) -> bool:
    """Whether the descent of a module needs no local memory on the current device."""
    kernel = module.descend_kernel.compile(assemble.signatures(dtype)["descend_kernel"])
    return bool(kernel.local_mem_per_thread == 0)


def threads_per_trajectory(module: Any) -> int:
    """Return how many threads share a trajectory."""
    return int(getattr(module, "WIDTH", 1))


def shared_bytes(module: Any, dtype: str) -> int:
    """Return how much shared memory a block of the descent takes on the current device."""
    kernel = module.descend_kernel.compile(assemble.signatures(dtype)["descend_kernel"])
    return int(kernel.shared_mem_per_block)


_NAP = 1e-3


def _record(module: Any, plan: Plan) -> None:
    """Descend from every start of the plan and write the paths to its trails: few, so one launch of one stream."""
    assert plan.trails is not None
    stream, n = Stream(0), plan.n
    if not simulated():
        signatures = assemble.signatures(plan.dtype)
        for kernel in (module.record_kernel, module.values_kernel):
            stream.on_device(partial(kernel.compile, signatures[kernel.__name__]))
    plan.ready()
    given, p = plan.shipped(0, n)
    starts, numbers, trails = (
        stream.put_all(given),
        stream.put_all(assemble.by_value(plan.numbers._replace(p=p))),
        stream.put_all(plan.trails),
    )
    control, ends = stream.control(plan.control), stream.zero_ends(n, plan)
    # A warp on each multiprocessor: few trajectories, and the simulator's shape suits them.
    blocks, threads = grid(n, SIMULATED, stream.multiprocessors)
    stream.launch(module.record_kernel, blocks, threads, starts, numbers, control, ends, trails)
    stream.sweep(module.values_kernel, n, ends.x, n, numbers.p, starts.places, ends.fun)
    came = [stream.fetch(f"rows {k}", array, n) for k, array in enumerate((*ends, *trails))]
    stream.mark()
    while not stream.ended():
        time.sleep(_NAP)
        plan.pause()
        if not simulated():
            control[0] = plan.control[0]
    rows = plan.rows(0, n)
    for target, source in zip((*rows.ends, *plan.trails), came, strict=True):
        target[:] = source
    plan.done(rows)
