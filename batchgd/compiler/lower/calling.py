"""The evaluation of a block of lanes that calls a function by its address: one lane after another, in float64.

The address comes first in the evaluation's list of tables, the units of the point second (``compiler/own/entry.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from llvmlite import ir
from numpy.typing import NDArray

from batchgd.compiler.lower.evaluation import Evaluation
from batchgd.compiler.lower.processor import Processor
from batchgd.compiler.lower.vectors import INTEGER, POINTER, Vectors, integer
from batchgd.kernels.cpu_places import ALL_LANES, MEMORY, TABLES
from batchgd.kernels.vecmath.ir import Real

_DOUBLE = ir.DoubleType()


def calling(
    name: str,
    slots: Sequence[tuple[int, int]],
    tables: tuple[NDArray[Any], ...],
    *,
    dim: int,
    width: int,
    n_params: int,
    lanes: int,
    dtype: str,
    processor: Processor,
) -> Evaluation:
    """Return the function of this name, which passes a lane's point on and stores outputs in slots.

    Parameters
    ----------
    slots : sequence of (int, int)
        Which outputs are stored: the number of an output, and its slot.
    tables : tuple of arrays
        The address to call, as a table that begins there, and the units.
    dim, width, n_params : int
        How many numbers are passed on, come back, and are parameters.
    """
    module = ir.Module("batchgd")
    module.triple = processor.triple
    function = ir.Function(module, ir.FunctionType(ir.IntType(32), [*[POINTER] * 4, INTEGER, POINTER]), name)
    function.attributes.add("nounwind")
    _, _, ws, index, _, p = function.args
    builder = ir.IRBuilder(function.append_basic_block())
    vectors = Vectors(builder, processor.form(dtype))
    block, at, real = _Block(vectors, lanes), vectors.at, vectors.scalar
    every, addresses, memory = (
        builder.load(at(index, integer(lanes + 1 + place), INTEGER), typ=kind, align=8)
        for place, kind in ((ALL_LANES, INTEGER), (TABLES, POINTER), (MEMORY, POINTER))
    )
    address = builder.load(at(addresses, integer(0), INTEGER), typ=INTEGER, align=8)
    called = builder.inttoptr(address, ir.FunctionType(ir.VoidType(), [*[POINTER] * 4, INTEGER]).as_pointer())
    units = builder.load(at(addresses, integer(1), POINTER), typ=POINTER, align=8)
    point, out, numbers = (at(memory, integer(first), _DOUBLE) for first in (0, dim, dim + width))
    if n_params:
        block.loop(n_params, lambda k: block.copy(at(p, k, real), real, at(numbers, k, _DOUBLE), _DOUBLE))

    def coordinate(lane: Any, i: Any) -> None:
        block.copy(block.slot(ws, i, lane), real, at(point, i, _DOUBLE), _DOUBLE)

    def result(lane: Any, first: int, slot: int, i: Any) -> None:
        place = block.slot(ws, builder.add(i, integer(slot)), lane)
        block.copy(at(out, builder.add(i, integer(first)), _DOUBLE), _DOUBLE, place, real)

    def turn(lane: Any) -> None:
        start = builder.load(at(index, lane, INTEGER), typ=INTEGER, align=8)
        at_work = builder.icmp_signed("!=", start, integer(-1))
        with builder.if_then(builder.or_(builder.icmp_signed("!=", every, integer(0)), at_work)):
            block.loop(dim, partial(coordinate, lane))
            builder.call(called, [point, out, numbers, units, integer(1)])
            for first, slot, count in _runs(slots):
                block.loop(count, partial(result, lane, first, slot))

    block.loop(lanes, turn)
    builder.ret(ir.Constant(ir.IntType(32), 0))
    return Evaluation(name, str(module), tables, 8 * (dim + width + max(n_params, 1)))


class _Block:
    """Appends what moves numbers between a block of lanes and the memory of one point."""

    def __init__(self, vectors: Vectors, lanes: int):
        self.vectors, self.builder, self.real, self.lanes = vectors, vectors.builder, vectors.scalar, lanes

    def slot(self, ws: Any, slot: Any, lane: Any) -> Any:
        """The address of a slot of a lane."""
        place = self.builder.add(self.builder.mul(slot, integer(self.lanes)), lane)
        return self.vectors.at(ws, place, self.real)

    def loop(self, n: int, turn: Callable[[Any], None]) -> None:
        """Append a loop over n whole numbers."""

        def body(number: Any, _: list[Real]) -> list[Real]:
            turn(number)
            return []

        self.vectors.loop(0, n, 1, [], body)

    def copy(self, source: Any, kind: Any, target: Any, other: Any) -> None:
        """Copy a number from one address to another, each of its own type."""
        value = self.builder.load(source, typ=kind, align=8 if kind == _DOUBLE else 4)
        if kind != other:
            value = (self.builder.fpext if other == _DOUBLE else self.builder.fptrunc)(value, other)
        self.builder.store(value, target, align=8 if other == _DOUBLE else 4)


def _runs(slots: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Outputs that are stored one after another: the first output, its slot, and how many.

    >>> _runs([(2, 5), (0, 3), (1, 4), (7, 0)])
    [(0, 3, 3), (7, 0, 1)]
    """
    runs: list[tuple[int, int, int]] = []
    for output, slot in sorted(slots):
        if runs and (output, slot) == (runs[-1][0] + runs[-1][2], runs[-1][1] + runs[-1][2]):
            runs[-1] = (*runs[-1][:2], runs[-1][2] + 1)
        else:
            runs.append((output, slot, 1))
    return runs
