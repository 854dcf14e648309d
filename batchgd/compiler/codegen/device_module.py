"""What a CUDA module calls and is not text: its tick in the fused form, the evaluation, and the value at points.

They are appended to Numba's code by ``lower/device_code.py``. Numba's simulator, which runs kernels as plain Python,
calls NumPy instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.codegen.program import Program
from batchgd.compiler.codegen.trace_tick import tick_program
from batchgd.compiler.trace.graph import Node, listing

if TYPE_CHECKING:
    from batchgd.compiler.codegen.specialisation import Specialisation


@dataclass(frozen=True)
class Device:
    """Functions by the names by which a module calls them, and text that is equal for equal functions.

    ``tables`` is what they read in ``p`` behind the numbers of the objective.
    """

    functions: dict[str, Any]
    tables: NDArray[Any]
    text: str


def device(of: Specialisation) -> Device:
    """Return what the module of a specialisation calls; nothing if it is text altogether."""
    if of.shared or of.in_text:
        return Device({}, np.zeros(0), "")
    (value,) = of.function.outputs("value")
    if of.blocked:
        what, slots = of.asked
        program: Program | None = None
        outputs = dict(zip(slots.values(), of.function.outputs(what), strict=True))
    else:
        program = tick_program(of)
        outputs = dict(enumerate(program.outputs.values()))
    text = [listing([value]), *map(str, outputs), listing([*outputs.values()])]
    if program is not None:
        text += [repr((program.reads, program.writes))]
    if of.simulated:
        return Device(_simulated(of, program, outputs), np.zeros(0), "\n".join(text))
    return Device(*_compiled(of, value, program, outputs), "\n".join(text))


def _compiled(
    of: Specialisation, value: Node, program: Program | None, outputs: dict[int, Node]
) -> tuple[dict[str, Any], NDArray[Any]]:
    from batchgd.compiler.lower.device_code import Tables, evaluation_of, tick_of, value_of

    tables = Tables([value, *outputs.values()], len(of.objective.numbers))
    functions = {"value_at": value_of(value, of.objective.dim, tables)}
    if program is None:
        functions["evaluate"] = evaluation_of(outputs, tables)
    else:
        functions["tick"] = tick_of(program, tables)
    return functions, tables.numbers


def _simulated(of: Specialisation, program: Program | None, slots: dict[int, Node]) -> dict[str, Any]:
    from batchgd.compiler.lower.array_tick import ArrayTick

    value, dim = of.function.program("value"), of.objective.dim

    def value_at(points: Any, i: int, p: Any) -> Any:
        return value(np.array([[points[i, k]] for k in range(dim)]), p)[0, 0]

    if program is not None:
        whole = ArrayTick(program, of.dtype)

        def tick(ws: Any, index: Any, *more: Any) -> Any:
            return whole(ws, index[0], *more)

        return {"value_at": value_at, "tick": tick}
    every = of.function.program(of.what)

    def evaluate(ws: Any, index: Any, seed: Any, p: Any) -> None:
        for slot, number in zip(slots, every(ws[:dim, None], p)[:, 0], strict=True):
            ws[slot] = number

    return {"value_at": value_at, "evaluate": evaluate}
