"""This CPU's own ceilings, measured: fused multiply-adds in registers, a memory copy, and single slow operations."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

SECONDS = 0.02
"""One measurement; the best of several counts, because a ceiling is what can be reached when nothing disturbs."""

_COPY_BYTES = 1 << 28  # source and target of all threads together: beyond every cache
_ELEMENTS = 1024  # of an array that stays in the first-level cache


@dataclass
class Ceiling:
    """The most that one device can do in one dtype, in units per second; None if it could not be measured.

    ``operations`` are additions and multiplications, two to a fused multiply-add. ``copied`` counts bytes read and
    written. ``functions`` contains calls per second of division, square root and elementary functions. ``steadiness``
    is the slowest over the fastest repeat of the first: 1 on a quiet machine.
    """

    device: str
    dtype: str
    threads: int
    operations: float | None = None
    copied: float | None = None
    functions: dict[str, float] = field(default_factory=dict)
    steadiness: float | None = None

    def least_seconds(self, operations: float, slow: dict[str, int]) -> float | None:
        """Return the time that one mix of operations takes at these ceilings, one after the other."""
        if not self.operations or any(not self.functions.get(name) for name in slow):
            return None
        return operations / self.operations + sum(count / self.functions[name] for name, count in slow.items())


def measure_cpu(dtype: str, threads: int, functions: Sequence[str] = (), repeats: int = 7) -> Ceiling:
    """Measure the ceilings of this CPU with this many threads."""
    chains, per_iteration = _fma(dtype)
    rates = [_rate(chains, per_iteration, threads) for _ in range(repeats)]
    return Ceiling(
        device="cpu",
        dtype=dtype,
        threads=threads,
        operations=2.0 * max(rates),
        copied=max(_copy(threads) for _ in range(3)),
        functions={name: function_rate(name, dtype, threads) for name in functions},
        steadiness=min(rates) / max(rates),
    )


def again(ceiling: Ceiling, functions: Sequence[str] = (), repeats: int = 2) -> None:
    """Measure once more, later in the run, and keep the extremes: on a shared machine one moment is not enough."""
    assert ceiling.operations is not None
    chains, per_iteration = _fma(ceiling.dtype)
    rates = [2.0 * _rate(chains, per_iteration, ceiling.threads) for _ in range(repeats)]
    slowest = min(*rates, ceiling.operations * (ceiling.steadiness or 1.0))
    ceiling.operations = max(*rates, ceiling.operations)
    ceiling.steadiness = slowest / ceiling.operations
    for name in functions:
        rate = function_rate(name, ceiling.dtype, ceiling.threads)
        ceiling.functions[name] = max(rate, ceiling.functions.get(name, 0.0))


def function_rate(name: str, dtype: str, threads: int, repeats: int = 3) -> float:
    """Return calls per second of a division or an elementary function in a lane loop over a small array."""
    sweep = _sweep(name, dtype)
    return max(_rate(sweep, _ELEMENTS, threads) for _ in range(repeats))


def _rate(work: Callable[[int], None], per_iteration: int, threads: int) -> float:
    """Return units per second of ``work(iterations)`` on this many threads at once."""
    work(1)
    iterations, elapsed = 16, 0.0
    while elapsed < 0.2 * SECONDS:
        iterations *= 4
        began = time.perf_counter()
        work(iterations)
        elapsed = time.perf_counter() - began
    iterations = max(1, int(iterations * SECONDS / elapsed))
    return threads * iterations * per_iteration / _together([lambda: work(iterations)] * threads)


def _together(jobs: Sequence[Callable[[], Any]]) -> float:
    """Run the jobs at once, one thread each; the seconds from the common start until the last one is done."""
    gate = threading.Barrier(len(jobs) + 1)

    def enter(job: Callable[[], Any]) -> None:
        gate.wait()
        job()

    workers = [threading.Thread(target=enter, args=(job,)) for job in jobs]
    for worker in workers:
        worker.start()
    gate.wait()
    began = time.perf_counter()
    for worker in workers:
        worker.join()
    return time.perf_counter() - began


def _copy(threads: int) -> float:
    size = _COPY_BYTES // (2 * threads)
    pairs = [(np.ones(size, np.uint8), np.ones(size, np.uint8)) for _ in range(threads)]
    seconds = _together([lambda pair=pair: np.copyto(*pair) for pair in pairs])  # type: ignore[misc]
    return 2.0 * size * threads / seconds


@cache
def _fma(dtype: str) -> tuple[Callable[[int], None], int]:
    """Return a loop of multiply-adds that never leaves the registers, and how many it does in an iteration."""
    from llvmlite import binding
    from numba import njit

    from batchgd.analysis.bench.chains import multiply_add_chains

    wide = binding.get_host_cpu_features().get("avx512f", False)
    # Eight registers or more: the latency of the instruction (4) times its units (2), and room for the two constants.
    lanes = (512 if wide else 256) // np.dtype(dtype).itemsize
    chains = multiply_add_chains(lanes, dtype)

    @njit(nogil=True, error_model="numpy")
    def loop(iterations, start):
        return chains(iterations, start)

    start = np.dtype(dtype).type(0.5)
    return lambda iterations: loop(iterations, start), lanes


@cache
def _sweep(name: str, dtype: str) -> Callable[[int], None]:
    """Return ``a <- 0.1 f(a) + 0.5`` over a small array, repeated: every value depends on the one before."""
    from numba import njit

    from batchgd.kernels import for_numba, vecmath  # noqa: F401 - registers what vecmath's functions are

    text = {"divides": "real(1.0) / a[i]", "sincos": "sum2(sincos(a[i]))"}.get(name, f"{name}(a[i])")
    if name in ("power", "atan2", "hypot", "fmod"):
        text = f"{name}(a[i], real(1.5))"
    source = (
        "def sum2(pair):\n    return pair[0] + pair[1]\n"
        "def sweep(a, iterations):\n    for k in range(iterations):\n        for i in range(SIZE):\n"
        f"            a[i] = real(0.1) * ({text}) + real(0.5)\n"
    )
    flags: dict[str, Any] = {"nogil": True, "fastmath": {"contract"}, "error_model": "numpy"}
    names: dict[str, Any] = {key: getattr(vecmath, key) for key in vecmath.CUDA_MATH}
    names |= {"real": np.dtype(dtype).type, "SIZE": _ELEMENTS}
    exec(source, names)
    names["sum2"] = njit(**flags)(names["sum2"])
    sweep = njit(**flags)(names["sweep"])
    return lambda iterations: sweep(np.full(_ELEMENTS, 0.5, dtype), iterations)
