"""What the NumPy backend runs of a specialisation: nothing is written or compiled for it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from batchgd.compiler.codegen.array_sums import sum_evaluation
from batchgd.compiler.codegen.block_layout import BlockLayout
from batchgd.compiler.codegen.trace_block import pieces_of
from batchgd.compiler.codegen.trace_tick import tick_program
from batchgd.compiler.lower.array_block import ArrayBlock
from batchgd.compiler.lower.array_tick import ArrayTick
from batchgd.compiler.lower.arrays import program_for
from batchgd.kernels import philox

if TYPE_CHECKING:
    from batchgd.compiler.codegen.specialisation import Specialisation


def array_module(of: Specialisation) -> SimpleNamespace:
    """Return the tick, the value at points, what makes starts, and where the loop finds what it reads of a lane."""
    return SimpleNamespace(
        **of.layout.slots(),
        W=of.lanes,
        TRIALS=of.layout.trials,
        IN_KERNEL=of.in_kernel,
        tick=_block(of) if of.blocked else _fused(of),
        value_at=value_function(of),
        uniform_pair=philox.uniform_pair if of.dtype == "float64" else philox.uniform_pair_single,
        place=philox.place,
    )


def _fused(of: Specialisation) -> Callable[..., Any]:
    whole = ArrayTick(tick_program(of), of.dtype)
    return lambda *arrays: np.any(whole(*arrays))


def _block(of: Specialisation) -> Callable[..., Any]:
    pieces = ArrayBlock(pieces_of(of), of.sizes, of.dtype)
    evaluate = evaluation(of)

    def tick(*arrays: Any) -> Any:
        evaluate(*arrays[:4])
        return np.any(pieces(*arrays))

    return tick


def evaluation(of: Specialisation) -> Callable[..., None]:
    """Return what computes the objective at the points in the first slots, and puts it into its slots."""
    dim = of.objective.dim
    what, slots = of.asked
    if of.sum is not None:
        layout = of.layout
        assert isinstance(layout, BlockLayout)
        whole = layout.batch_slots.get("whole", -1)
        return sum_evaluation(of.sum, what, [*slots.values()], layout.counter("nit"), whole)
    program = of.function.program(what)

    def evaluate(ws: Any, index: Any, seed: Any, p: Any) -> None:
        for slot, number in zip(slots.values(), program(ws[:dim], p), strict=True):
            ws[slot] = number

    return evaluate


def value_function(of: Specialisation) -> Callable[..., Any]:
    """Return what computes the value at points."""
    program: Any = of.function.program("value") if of.sum is None else program_for(of.sum.outputs("value"))
    return lambda points, i, p: program(points.T, p)[0]
