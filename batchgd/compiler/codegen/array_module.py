"""What the NumPy backend runs of a specialisation whose tick is one program: nothing is written or compiled for it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from batchgd.compiler.codegen.trace_tick import tick_program
from batchgd.compiler.lower.array_tick import ArrayTick
from batchgd.kernels import philox

if TYPE_CHECKING:
    from batchgd.compiler.codegen.specialisation import Specialisation


def array_module(of: Specialisation) -> SimpleNamespace:
    """Return the tick, the value at points, what makes starts, and where the loop finds what it reads of a lane."""
    program, value = ArrayTick(tick_program(of), of.dtype), of.function.program("value")

    def tick(*arrays: Any) -> Any:
        return np.any(program(*arrays))

    def value_at(points: Any, i: None, p: Any) -> Any:
        return value(points.T, p)[0]

    return SimpleNamespace(
        **of.layout.slots(),
        W=of.lanes,
        TRIALS=of.layout.trials,
        IN_KERNEL=of.in_kernel,
        tick=tick,
        value_at=value_at,
        uniform_pair=philox.uniform_pair if of.dtype == "float64" else philox.uniform_pair_single,
        place=philox.place,
    )
