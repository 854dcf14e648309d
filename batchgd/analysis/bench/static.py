"""The resources that the CUDA kernels of the standard set need, assembled without a device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from functools import cache
from types import ModuleType
from typing import Any

from batchgd.analysis.bench import cases, printing
from batchgd.analysis.bench.measure import batch_of
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
    chosen: Iterable[cases.Case] | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> list[Needs]:
    """Return registers, stack, spills and occupancy of every CUDA kernel of the standard set.

    Raises
    ------
    BackendError
        If numba-cuda or the assembler's package is missing.
    """
    from importlib.util import find_spec

    from batchgd.compiler.codegen import warp_choice
    from batchgd.compiler.codegen.loading import load

    if find_spec("numba_cuda") is None or find_spec("cuda") is None or find_spec("cuda.core") is None:
        raise BackendError('numba-cuda and cuda-core are needed to assemble kernels: pip install "batchgd[cu13]"')
    from batchgd.kernels.cuda import assemble as assembler
    from batchgd.kernels.cuda.assemble import Resources

    @cache
    def resources(module: ModuleType, dtype: str) -> Resources:
        return assembler.resources(assembler.ptx(module.descend_kernel, dtype, capability))

    def in_registers(module: ModuleType, dtype: str) -> bool:
        return resources(module, dtype).stack == 0

    found = []
    for dtype in [check_dtype(name) for name in dtypes or DTYPES]:
        for case in chosen if chosen is not None else cases.QUICK if quick else cases.CASES:
            for method in cases.METHODS:
                say(f"{dtype} {case.landscape} {case.dim} {method}")
                batch = batch_of(case, method, "cuda", dtype, 1 << 20, 1)
                specialisation = warp_choice.chosen(specialisation_of(batch), in_registers)
                needs = resources(load(specialisation), dtype)
                found.append(
                    {
                        "dtype": dtype,
                        "landscape": case.landscape,
                        "dim": case.dim,
                        "method": method,
                        "threads": specialisation.threads,
                        **asdict(needs),
                        "occupancy": occupancy(needs.registers, BLOCK_SIZES[0], limits_of(capability)),
                    }
                )
    return found


def markdown(needs: Sequence[Needs], capability: tuple[int, int]) -> str:
    """Return them as a table."""
    note = (
        f"- threads of a trajectory; the rest per thread, assembled for sm_{capability[0]}{capability[1]} without a "
        f"device; stack and spills in bytes; occupancy as the registers allow it, {BLOCK_SIZES[0]} threads a block"
    )
    return f"{printing.needs_table(needs)}\n\n{note}"
