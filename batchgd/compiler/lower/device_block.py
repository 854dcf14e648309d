"""What a tick in block form does after the evaluation, appended in a CUDA kernel for the lane of a thread.

The pieces are those of the CPU (``block.py``): programs are loops over the coordinates, one coordinate after another,
and a rule's operations on the block leave theirs. CUDA's compiler unrolls the loops of a lane that fits in registers;
those of a larger one stay loops over local memory: unrolled, they would spill most of what they read ahead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from llvmlite import ir
from numba import types

from batchgd.compiler.codegen.program import ARRAYS, Operation, Place, Program
from batchgd.compiler.lower.block import PieceCode
from batchgd.compiler.lower.device_call import Call, device_function
from batchgd.compiler.lower.operations import append_operation
from batchgd.compiler.lower.values import Values

REGISTERS = 255
"""What a thread can have, of 32 bits."""


def pieces_function(pieces: Sequence[Program | Operation], constants: dict[str, int], size: int) -> Any:
    """Return ``advance``: it does the pieces for a lane of ``size`` numbers, and returns whether the lane has ended."""

    def append(call: Call) -> ir.Value:
        ended = None
        call.vectors.rolled = size * call.vectors.form.bits > 32 * REGISTERS
        for piece in pieces:
            if isinstance(piece, Operation):
                append_operation(piece, constants, call.vectors, call.base("ws"), 1, fuses=False)
            else:
                ended = _DevicePiece(piece, call).write()
        assert ended is not None
        return call.vectors.builder.zext(ended, ir.IntType(32))

    return device_function("advance", ARRAYS, types.int32, append)


class _DevicePiece(PieceCode):
    """Appends a program for one lane."""

    few = 1 << 30
    starts: ClassVar = {**PieceCode.starts, "sum": -0.0}  # to which a number is added without an instruction

    def __init__(self, program: Program, call: Call):
        arrays = {name: call.base(name) for name in ("ws", "box")}
        super().__init__(program, call.vectors, arrays, 1, call.functions, fuses=False)
        self._call = call

    def _together(self, *_: Any) -> tuple[int, bool]:
        """One coordinate at a time, in the order in which NumPy adds them up."""
        return 1, False

    def _given(self, place: Place) -> Values:
        return [self.vectors.real(self._call.element(place.array, place.number))]
