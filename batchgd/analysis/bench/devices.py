"""Published figures of named GPUs: multiprocessors and clock of each, and what a multiprocessor starts per clock.

Rates are lanes per clock and multiprocessor. Those of arithmetic are from NVIDIA's CUDA C++ programming guide,
"Arithmetic instructions", table of throughput of native arithmetic instructions; load/store units are from the diagrams
of a multiprocessor in NVIDIA's architecture whitepapers (A100, "Ada", H100). Each multiprocessor has four schedulers,
each of which starts one instruction of a warp per clock: 128 lanes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from batchgd.analysis.bench.listing import pipe_of
from batchgd.kernels.cuda.assemble import ComputeCapability
from batchgd.problem.errors import InputError

ISSUE = 128


@dataclass(frozen=True)
class Rates:
    """Lanes per clock of one multiprocessor.

    ``fp32`` and ``multiply`` (of integers) share a pipe, ``special`` (elementary functions, counting bits, conversions
    of 32 bits) and ``convert`` (from and to 64 bits) another; ``integer`` is everything else: additions, logic, shifts,
    comparisons, selections.
    """

    fp64: float
    fp32: float
    memory: float
    convert: float
    integer: float = 64.0
    multiply: float = 64.0
    special: float = 16.0


RATES: dict[ComputeCapability, Rates] = {
    (8, 0): Rates(fp64=32, fp32=64, memory=32, convert=16),
    (8, 9): Rates(fp64=2, fp32=128, memory=16, convert=2),
    (9, 0): Rates(fp64=64, fp32=128, memory=32, convert=16),
}


@dataclass(frozen=True)
class Device:
    """A GPU: compute capability, multiprocessors, and boost clock in Hz."""

    name: str
    capability: ComputeCapability
    multiprocessors: int
    clock: float

    @property
    def rates(self) -> Rates:
        """What one of its multiprocessors starts per clock."""
        return RATES[self.capability]

    @property
    def peak(self) -> dict[str, float]:
        """Operations per second, two to a fused multiply-add, as data sheets state them."""
        per_rate = 2.0 * self.multiprocessors * self.clock
        return {"float32": per_rate * self.rates.fp32, "float64": per_rate * self.rates.fp64}


DEVICES = {
    device.name: device
    for device in (
        Device("H100", (9, 0), 132, 1.980e9),  # SXM, as the H200: data sheets, 67 and 34 TFLOPS
        Device("H200", (9, 0), 132, 1.980e9),
        Device("A100", (8, 0), 108, 1.410e9),  # A100 whitepaper, 19.5 and 9.7 TFLOPS
        Device("L4", (8, 9), 58, 2.040e9),  # data sheet, 30.3 TFLOPS
        Device("RTX 4090", (8, 9), 128, 2.520e9),  # "Ada" whitepaper, 82.6 and 1.3 TFLOPS
    )
}


def device_of(name: str) -> Device:
    """Return the device of a name, or of the longer name that its driver gives it.

    >>> device_of("NVIDIA H200").name, device_of("NVIDIA GeForce RTX 4090").multiprocessors
    ('H200', 128)
    """
    words = name.upper().replace("-", " ").split()
    for known, device in DEVICES.items():
        wanted = known.upper().split()
        if any(words[k : k + len(wanted)] == wanted for k in range(len(words))):
            return device
    raise InputError(f"nothing is known of the device {name!r}: give one of {', '.join(DEVICES)}")


def clocks(names: Mapping[str, int], rates: Rates) -> dict[str, float]:
    """Return how many clocks each pipe of a multiprocessor takes per lane for instructions, counted by name.

    >>> clocks({"DFMA": 64, "FADD": 64, "IMAD": 64, "MUFU.EX2": 8}, RATES[9, 0]) == {
    ...     "fp64": 1.0, "fp32": 1.0, "integer": 1.0, "special": 0.5, "memory": 0.0, "issue": 200 / 128
    ... }
    True
    """
    counts = dict.fromkeys(("fp64", "fp32", "integer", "multiply", "special", "convert", "memory", "control"), 0)
    for name, count in names.items():
        counts[_class_of(name)] += count
    return {
        "fp64": counts["fp64"] / rates.fp64,
        "fp32": (counts["fp32"] + counts["multiply"]) / rates.fp32,
        "integer": max(counts["integer"] / rates.integer, counts["multiply"] / rates.multiply),
        "special": counts["special"] / rates.special + counts["convert"] / rates.convert,
        "memory": counts["memory"] / rates.memory,
        "issue": sum(counts.values()) / ISSUE,
    }


def _class_of(name: str) -> str:
    base, *modifiers = name.split(".")
    if base == "IMAD":
        return "multiply"
    if base in ("F2F", "F2I", "I2F", "FRND") and any("64" in each for each in modifiers):
        return "convert"
    return pipe_of(name)
