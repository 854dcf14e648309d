"""One descent kernel, launched by itself: how long it takes, without the host's share and in any configuration."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from gpu_parts.place import Place
from gpu_parts.workers import Record

ENOUGH_SECONDS = 0.25
"""Of one launch: the ends, where some threads have nothing left to do, are then short."""
BYTES = 1 << 31
"""What the endpoints of a launch may take."""


class Launched:
    """The kernel of a batch, compiled for the current device."""

    def __init__(self, batch: Any, how: Any = None) -> None:
        from batchgd.engine.prepare import prepare
        from batchgd.kernels import launch_cuda
        from batchgd.kernels.cuda import assemble
        from batchgd.kernels.plan import Endpoints

        def nothing(*_: Any) -> None: ...

        self.module, self.plan = prepare(
            batch,
            None,
            None,
            control=np.zeros(1, np.int32),
            rows=partial(Endpoints.empty, dim=batch.objective.dim, dtype=batch.dtype),
            ready=nothing,
            done=nothing,
            pause=nothing,
            merge=None,
        )
        self.width = launch_cuda.threads_per_trajectory(self.module)
        self.chosen = launch_cuda.configuration(self.module, batch.dtype)
        self.stream = launch_cuda.Stream(0)
        self._numbers = self.stream.put_all(assemble.by_value(self.plan.numbers))
        self._control = self.stream.control(self.plan.control)
        self._rows: Any = None
        self._room = 0
        self.use(how or self.chosen)

    def use(self, how: Any) -> None:
        """Launch it like this from now on, compiled under the bound on registers if there is one."""
        from batchgd.kernels import launch_cuda
        from batchgd.kernels.cuda import assemble

        self.how, self.kernel = how, self.module.descend_kernel
        if not launch_cuda.simulated():
            if how.max_registers is not None:
                self.kernel = launch_cuda.bounded(self.module, how.max_registers)
            self.compiled = self.kernel.compile(assemble.signatures(self.plan.dtype)["descend_kernel"])

    def once(self, n: int) -> float:
        """Descend from n starts; the seconds until the device is done."""
        from batchgd.kernels.cuda.occupancy import grid

        if n > self._room:
            self._rows, self._room = self.stream.zero_ends(n, self.plan), n
        starts = self.stream.put_all(self.plan.starts(0, n))
        self.stream.zero(self._rows.status)
        blocks, threads = grid(n * self.width, self.how, self.stream.multiprocessors)
        self.stream.wait()
        began = time.perf_counter()
        self.stream.launch(self.kernel, blocks, threads, starts, self._numbers, self._control, self._rows)
        self.stream.wait()
        return time.perf_counter() - began

    def enough(self, place: Place, wanted: float = ENOUGH_SECONDS) -> int:
        """Return a number of starts that keeps the device busy for long enough."""
        most = self.plan.n
        n = min(most, 1 << 14)
        self.once(n)
        if not place.real:
            return n
        while (seconds := self.once(n)) < wanted and n < most:
            n = min(most, int(n * min(16.0, max(1.5, 1.2 * wanted / seconds))))
        return n

    def column(self, name: str, n: int) -> Any:
        """Return a column of the endpoints of the last launch."""
        came = self.stream.fetch(name, getattr(self._rows, name), n)
        self.stream.wait()
        return came

    def values(self, n: int) -> None:
        """Compute the values at the endpoints, which is a launch of its own."""
        nowhere = self.stream.put("places", np.zeros(1, np.int64))
        self.stream.sweep(self.module.values_kernel, n, self._rows.x, n, self._numbers.p, nowhere, self._rows.fun)
        self.stream.wait()

    @property
    def rows(self) -> Any:
        """The endpoints of the last launch, on the device."""
        return self._rows

    def needs(self) -> Record:
        """Return how it is launched, and what a thread takes."""
        found = {
            "threads_per_trajectory": self.width,
            "block": self.how.threads,
            "blocks_per_multiprocessor": self.how.blocks_per_multiprocessor,
            "register_bound": self.how.max_registers,
        }
        if hasattr(self, "compiled"):
            found |= {"registers": self.compiled.regs_per_thread, "local_bytes": self.compiled.local_mem_per_thread}
        return found

    def rate(self, n: int, repeats: int) -> Record:
        """Return updates and evaluations per second; every repeat does the same work."""
        seconds = [self.once(n) for _ in range(repeats)]
        updates, evaluations = (int(np.sum(self.column(name, n))) for name in ("nit", "nfev"))
        return {
            "starts": n,
            "seconds": seconds,
            "updates": updates,
            "updates_per_s": updates / median(seconds),
            "evaluations_per_s": evaluations / median(seconds),
            "spread": max(seconds) / min(seconds),
        }


def batch_of(place: Place, case: Any, method: str, dtype: str) -> Any:
    """Return the batch of one row of the standard set, with as many starts as a launch may have."""
    from batchgd.analysis.bench.measure import batch_of

    case = case if place.real else replace(case, maxiter=4)
    return batch_of(case, method, "cuda", dtype, most_starts(place, case.dim, dtype), 1)


def most_starts(place: Place, dim: int, dtype: str) -> int:
    """Return how many starts a launch may have."""
    return place.of(min(1 << 24, BYTES // (dim * np.dtype(dtype).itemsize + 33)), 16)
