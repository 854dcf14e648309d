"""This GPU's own ceilings, measured with CUDA's events: fused multiply-adds, a copy, and single slow operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from batchgd.analysis.bench.ceiling import Ceiling

CHAINS = 8
ITERATIONS = 4096
THREADS = 256
BLOCKS_PER_MULTIPROCESSOR = 16
SPECIAL_UNITS = 16
"""Special functions (sin, exp2, log2, reciprocal, root) that a multiprocessor starts per clock, 7.5 to 9.0 (NVIDIA,
CUDA C++ programming guide, table of arithmetic throughput)."""

_COPY_BYTES = 1 << 30
_NAMES = {
    "divides": "T(1) / v",
    "power": "pow(v, T(1.5))",
    **{name: f"{name}(v, T(1.5))" for name in ("atan2", "hypot", "fmod")},
}


def source(dtype: str, function: str | None = None) -> str:
    """Return CUDA C++: each thread runs independent chains of multiply-adds, or of x <- 0.1 f(x) + 0.5.

    >>> "fma(x[k], m, c)" in source("float64"), "exp(v)" in source("float32", "exp")
    (True, True)
    """
    real = "double" if dtype == "float64" else "float"
    change = "x[k] = fma(x[k], m, c);"
    if function == "sincos":
        change = "T s, o; sincos(x[k], &s, &o); x[k] = fma(T(0.1), s + o, T(0.5));"
    elif function is not None:
        expression = _NAMES.get(function, f"{function}(v)")
        change = f"T v = x[k]; x[k] = fma(T(0.1), {expression}, T(0.5));"
    return f"""
typedef {real} T;
extern "C" __global__ void ceiling(T* out, T m, T c, int iterations) {{
    T x[{CHAINS}];
    #pragma unroll
    for (int k = 0; k < {CHAINS}; ++k) x[k] = T(0.5) + T(0.01) * k + T(1e-6) * threadIdx.x;
    for (int i = 0; i < iterations; ++i) {{
        #pragma unroll
        for (int k = 0; k < {CHAINS}; ++k) {{ {change} }}
    }}
    T sum = 0;
    #pragma unroll
    for (int k = 0; k < {CHAINS}; ++k) sum += x[k];
    out[blockIdx.x * blockDim.x + threadIdx.x] = sum;
}}
"""


def measure_cuda(dtype: str, functions: Sequence[str] = (), repeats: int = 5) -> Ceiling:
    """Measure the ceilings of the current device."""
    rates = [_rate(source(dtype), dtype, ITERATIONS) for _ in range(repeats)]
    return Ceiling(
        device="cuda",
        dtype=dtype,
        threads=1,
        operations=2.0 * max(rates),
        copied=_copy(),
        functions={name: function_rate(name, dtype) for name in functions},
        steadiness=min(rates) / max(rates),
    )


def function_rate(name: str, dtype: str, repeats: int = 3) -> float:
    """Return calls per second of a division or an elementary function, as CUDA's own library computes it."""
    return max(_rate(source(dtype, name), dtype, ITERATIONS // 16) for _ in range(repeats))


@dataclass(frozen=True)
class DeviceFacts:
    """Compute capability, and special functions started per second."""

    capability: tuple[int, int]
    special_functions: float


def device_facts() -> DeviceFacts:
    """Read them from the current device."""
    import cupy

    device = cupy.cuda.Device()
    has, capability = device.attributes, device.compute_capability
    return DeviceFacts(
        capability=(int(capability[:-1]), int(capability[-1])),
        special_functions=SPECIAL_UNITS * has["MultiProcessorCount"] * has["ClockRate"] * 1e3,
    )


def _rate(text: str, dtype: str, iterations: int) -> float:
    """Return chain steps per second of one kernel."""
    import cupy
    import numpy as np

    blocks = cupy.cuda.Device().attributes["MultiProcessorCount"] * BLOCKS_PER_MULTIPROCESSOR
    kernel = cupy.RawKernel(text, "ceiling")
    out = cupy.empty(blocks * THREADS, dtype)
    real = np.dtype(dtype).type
    arguments = (out, real(0.75), real(0.25), np.int32(iterations))
    seconds = _timed(lambda: kernel((blocks,), (THREADS,), arguments))
    return blocks * THREADS * CHAINS * iterations / seconds


def _copy() -> float:
    import cupy

    origin, target = cupy.ones(_COPY_BYTES, cupy.uint8), cupy.empty(_COPY_BYTES, cupy.uint8)
    return (
        2.0
        * _COPY_BYTES
        / min(
            _timed(lambda: target.data.copy_from_device_async(origin.data, _COPY_BYTES, cupy.cuda.get_current_stream()))
            for _ in range(5)
        )
    )


def _timed(work: Callable[[], Any]) -> float:
    """Return the seconds between two events around the work, warm."""
    import cupy

    work()
    first, last = cupy.cuda.Event(), cupy.cuda.Event()
    first.record()
    work()
    last.record()
    last.synchronize()
    return cupy.cuda.get_elapsed_time(first, last) * 1e-3
