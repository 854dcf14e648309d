"""What a CUDA module calls and is not text: its tick, the evaluation, and the value at points.

They are appended to Numba's code by ``lower/device_code.py``, ``device_block.py`` and ``device_batches.py``. Numba's
simulator, which runs kernels as plain Python, calls NumPy instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.codegen.array_module import evaluation, value_function
from batchgd.compiler.codegen.block_layout import BlockLayout
from batchgd.compiler.codegen.program import Program
from batchgd.compiler.codegen.trace_block import Piece, pieces_of
from batchgd.compiler.codegen.trace_tick import tick_program
from batchgd.compiler.codegen.typed_constants import source_of
from batchgd.compiler.trace.graph import Node, listing
from batchgd.kernels.rule_parts.stages import with_callees

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
    if of.shared:
        return Device({}, np.zeros(0), "")
    if of.in_text:
        pieces = pieces_of(of)
        return Device({"advance": _advance(of, pieces)}, np.zeros(0), _text_of(pieces))
    objective = of.function if of.sum is None else of.sum
    (value,) = objective.outputs("value")
    pieces = pieces_of(of) if of.blocked else []
    if of.blocked:
        what, slots = of.asked
        program: Program | None = None
        outputs = dict(zip(slots.values(), objective.outputs(what), strict=True))
    else:
        program = tick_program(of)
        outputs = dict(enumerate(program.outputs.values()))
    text = [listing([value]), *map(str, outputs), listing([*outputs.values()])]
    if of.sum is not None:
        text += [listing(of.sum.element.outputs(of.what)), repr((of.sum.rows, of.sum.batch_size, of.sum.replace))]
    if program is not None:
        text += [repr((program.reads, program.writes))]
    if of.simulated:
        functions, tables = _simulated(of, program), np.zeros(0)
    else:
        functions, tables = _compiled(of, value, program, outputs)
    if pieces:
        functions["advance"] = _advance(of, pieces)
        text.append(_text_of(pieces))
    return Device(functions, tables, "\n".join(text))


def _text_of(pieces: Sequence[Piece]) -> str:
    """Text that is equal for equal pieces."""
    lines = []
    for piece in pieces:
        if isinstance(piece, Program):
            lines.append(str(piece))
        else:
            sources = [source_of(function) for function in with_callees(piece.function).values()]
            lines += [repr(piece.slots), *sources]
    return "\n".join(lines)


def _advance(of: Specialisation, pieces: Sequence[Piece]) -> Any:
    """What a tick in block form does after the evaluation."""
    if not of.simulated:
        from batchgd.compiler.lower.device_block import pieces_function

        return pieces_function(pieces, of.sizes, of.layout.size)
    from batchgd.compiler.lower.array_block import ArrayBlock

    whole = ArrayBlock(pieces, of.sizes, of.dtype)

    def advance(ws: Any, *more: Any) -> Any:
        return whole(ws[:, None], *more)[0]

    return advance


def _compiled(
    of: Specialisation, value: Node, program: Program | None, outputs: dict[int, Node]
) -> tuple[dict[str, Any], NDArray[Any]]:
    from batchgd.compiler.lower.device_code import DeviceCode, OneByOne, Tables, evaluation_of, tick_of, value_of

    element = dict(zip(outputs, of.sum.element.outputs(of.what), strict=True)) if of.batches and of.sum else {}
    tables = Tables([value, *outputs.values(), *element.values()], len(of.objective.numbers), own=of.own)
    functions = {"value_at": value_of(value, of.objective.dim, tables)}
    if of.batches:
        from batchgd.compiler.lower.device_batches import batch_evaluation_of

        assert of.sum is not None
        assert isinstance(of.layout, BlockLayout)
        slots = {"nit": of.layout.counter("nit"), **of.layout.batch_slots}
        functions["evaluate"] = batch_evaluation_of(of.sum, outputs, element, slots, tables)
    elif program is None:
        functions["evaluate"] = evaluation_of(outputs, tables, DeviceCode if of.sum is None else OneByOne)
    else:
        functions["tick"] = tick_of(program, tables)
    return functions, tables.numbers


def _simulated(of: Specialisation, program: Program | None) -> dict[str, Any]:
    from batchgd.compiler.lower.array_tick import ArrayTick

    value, dim = value_function(of), of.objective.dim

    def own(p: Any, place: int) -> Any:
        return p[place : place + of.objective.n_params] if of.own else p

    def value_at(points: Any, i: int, p: Any, place: int) -> Any:
        return value(np.array([[points[i, k] for k in range(dim)]]), 0, own(p, place))[0]

    if program is not None:
        whole = ArrayTick(program, of.dtype)

        def tick(ws: Any, index: Any, seed: Any, p: Any, *more: Any) -> Any:
            return whole(ws, index[0], seed, own(p, index[-1]), *more)

        return {"value_at": value_at, "tick": tick}
    every = evaluation(of)

    def evaluate(ws: Any, index: Any, seed: Any, p: Any) -> None:
        every(ws[:, None], index[:1], seed, own(p, index[-1]))

    return {"value_at": value_at, "evaluate": evaluate}
