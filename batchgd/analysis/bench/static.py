"""What the CUDA kernels of the standard set need and execute, assembled without a device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from batchgd.analysis.bench import cases, devices, predict, printing
from batchgd.analysis.bench.measure import batch_of
from batchgd.analysis.bench.operations import necessary, tick_operations
from batchgd.engine.prepare import specialisation_of
from batchgd.kernels.cuda.occupancy import BLOCK_SIZES, limits_of, occupancy
from batchgd.problem.arrays import DTYPES, check_dtype
from batchgd.problem.errors import BackendError, InputError

Needs = dict[str, Any]


def parse_capability(text: str) -> tuple[int, int]:
    """Read a compute capability.

    >>> parse_capability("9.0")
    (9, 0)
    """
    major, dot, minor = text.partition(".")
    if not (dot and major.isdigit() and minor.isdigit()):
        raise InputError(f"--assemble is {text!r}: give a compute capability such as 9.0")
    return int(major), int(minor)


def assemble(
    capability: tuple[int, int],
    dtypes: Sequence[str] | None = None,
    *,
    quick: bool = False,
    methods: Sequence[str] | None = None,
    chosen: Iterable[cases.Case] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> list[Needs]:
    """Return what every CUDA kernel of the standard set needs and executes, and the speed that is predicted from it.

    With ``methods`` these, as ``cases.method_of`` reads them, on the landscapes of ``cases.EVERY_METHOD``.

    Raises
    ------
    InputError
        If the compute capability or a method is unknown.
    BackendError
        If numba-cuda, the assembler's package or nvdisasm is missing.
    """
    from importlib.util import find_spec

    if find_spec("numba_cuda") is None or find_spec("cuda") is None or find_spec("cuda.core") is None:
        raise BackendError('numba-cuda and cuda-core are needed to assemble kernels: pip install "batchgd[cu13]"')
    from batchgd.kernels.cuda.assemble import capabilities

    if capability not in capabilities():
        known = ", ".join(f"{major}.{minor}" for major, minor in capabilities())
        raise InputError("--assemble is {}.{}: give one of {}".format(*capability, known))
    setups = cases.EVERY_METHOD if methods else cases.QUICK if quick else cases.CASES
    names = cases.named(methods) if methods else cases.METHODS
    found = []
    for dtype in [check_dtype(name) for name in dtypes or DTYPES]:
        for case in chosen if chosen is not None else setups:
            for method in names:
                say(f"{dtype} {case.landscape} {case.dim} {method}")
                found.append(_needs(case, method, dtype, capability))
    return found


def _needs(case: cases.Case, method: str, dtype: str, capability: tuple[int, int]) -> Needs:
    specialisation = specialisation_of(batch_of(case, method, "cuda", dtype, 1 << 20, 1))
    cost = predict.cost_of(specialisation, capability)
    executed, resources = cost.threads * cost.tick.total, cost.resources
    least = None if cost.tick.loops else necessary(tick_operations(specialisation), dtype)
    return {
        "dtype": dtype,
        "landscape": case.landscape,
        "dim": case.dim,
        "method": method,
        "threads": cost.threads,
        **asdict(resources),
        "occupancy": occupancy(resources.registers, BLOCK_SIZES[0], limits_of(capability)),
        "instructions": cost.tick.pipes,
        "loops": cost.tick.loops,
        "local_bytes": cost.tick.local,
        "executed": executed,
        "necessary": least,
        "ratio": executed / least if least else None,
        "predicted": {
            device.name: asdict(predict.predict(cost, device))
            for device in devices.DEVICES.values()
            if device.capability == capability
        },
    }


def markdown(needs: Sequence[Needs], capability: tuple[int, int]) -> str:
    """Return them as tables."""
    arch = "sm_{}{}".format(*capability)
    notes = (
        f"threads of a trajectory; the rest per thread, assembled for {arch} without a device; stack and spills in "
        f"bytes; occupancy as the registers allow it, {BLOCK_SIZES[0]} threads a block",
        "instructions that a thread executes in one tick (one evaluation and one decision, an update of x), by pipe; "
        "integer with logic, comparisons and selections, control with what is done once for a warp; local: bytes to "
        "and from local memory; refill, stores and slow paths of divisions and roots are not counted",
        "necessary: operations of the tick as it is written, 12 and 7 for a division in float64 and float32 and so on; "
        "ratio: all instructions over these; – where loops within a tick are counted once",
        "predicted, not measured: updates per second if the busiest pipe never waits, at published rates and the boost "
        "clock; issue is the four instructions of a warp that a multiprocessor starts per clock",
    )
    return "\n\n".join(
        [printing.needs_table(needs), printing.ticks_table(needs), "\n".join(f"- {note}" for note in notes)]
    )
