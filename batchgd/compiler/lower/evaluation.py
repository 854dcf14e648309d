"""The function that evaluates an objective in every lane of a block, as LLVM text.

``evaluate(ws, index, seed, p)`` reads every lane's x from the first slots of ``ws`` and writes each output to its slot,
a vector of lanes after another. Rows of data and memory for intermediate rows are found by the addresses in the tail of
``index`` (``kernels/cpu_intrinsics.py``). The two pointers in front of the arguments, and the 0 that is returned, are
what Numba's code expects of a function that it calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from batchgd.compiler.lower.functions import INLINED, Functions
from batchgd.compiler.lower.processor import Processor
from batchgd.compiler.lower.to_llvm import Lowering, Program
from batchgd.compiler.lower.vectors import INTEGER, LINE, POINTER, Vectors, integer
from batchgd.compiler.trace.graph import Node, reachable
from batchgd.compiler.trace.operations import OPERATIONS
from batchgd.kernels.cpu_intrinsics import MEMORY, TABLES
from batchgd.kernels.vecmath.ir import FLOAT32, FLOAT64, Format, Real

SYMBOL = "evaluate"

_TEMPORARY = 6
"""Registers that the polynomial of an elementary function takes."""


@dataclass(frozen=True)
class Evaluation:
    """The text of a function, the tables that it reads, and the bytes of memory that it needs."""

    text: str
    tables: tuple[NDArray[Any], ...]
    memory: int


def evaluation(
    outputs: Mapping[int, Node], *, lanes: int, dtype: str, processor: Processor, width: int | None = None
) -> Evaluation:
    """Return the function that computes these nodes, each for its slot, in a block of ``lanes``.

    ``width`` is the number of lanes in a vector: by default what the processor has, or twice as many, in two registers,
    if there are enough of them.
    """
    return _Writer(outputs, lanes, dtype, processor, width).evaluation()


def vector_width(outputs: list[Node], lanes: int, dtype: str, processor: Processor) -> int:
    """Return how many lanes to compute at once: two vectors if the registers suffice, so that one fills waits."""
    width = processor.lanes(dtype)
    together = 2 if 2 * (pressure(outputs) + _TEMPORARY) <= processor.registers else 1
    return min(together * width, lanes)


def pressure(outputs: list[Node]) -> int:
    """Return roughly how many vectors are in use at the same time."""
    nodes = reachable(outputs)
    if any(node.axes for node in nodes):
        totals = sum(bool(node.bound) for node in nodes)
        inside = {arg.id for node in nodes if node.axes for arg in node.args if not (arg.axes or arg.is_constant)}
        return totals + len(inside)
    last = {arg.id: node.id for node in nodes for arg in node.args} | {node.id: -1 for node in outputs}
    ends = sorted(number for number in last.values() if number >= 0)
    alive = most = done = 0
    for node in nodes:
        while done < len(ends) and ends[done] < node.id:
            done, alive = done + 1, alive - 1
        alive += not node.is_constant
        most = max(most, alive)
    return most


class _Writer:
    """Writes one function."""

    def __init__(
        self, outputs: Mapping[int, Node], lanes: int, dtype: str, processor: Processor, width: int | None
    ) -> None:
        self.outputs, self.lanes, self.dtype, self.processor = outputs, lanes, np.dtype(dtype), processor
        nodes = [*outputs.values()]
        self.width = width or vector_width(nodes, lanes, dtype, processor)
        form: Format = FLOAT64 if dtype == "float64" else FLOAT32
        module = ir.Module("batchgd")
        module.triple = processor.triple
        pointers = [POINTER] * 4
        kind = ir.FunctionType(ir.IntType(32), [*pointers, INTEGER, POINTER])
        self.function = ir.Function(module, kind, SYMBOL)
        self.function.attributes.alignstack = LINE
        self.function.attributes.add("nounwind")
        _, _, self.ws, self.index, _, self.p = self.function.args
        self.entry = ir.IRBuilder(self.function.append_basic_block("entry"))
        builder = ir.IRBuilder(self.function.append_basic_block("start"))
        self.vectors = Vectors(builder, form.over(self.width))
        self.at_entry = Vectors(self.entry, self.vectors.form)
        calls = sum(OPERATIONS[node.op].cost == "transcendentals" for node in reachable(nodes) if node.op in OPERATIONS)
        self.functions = Functions(module, inlined=calls <= INLINED)
        self.tables: dict[Any, tuple[NDArray[Any], Any]] = {}
        self.group: Any = None
        self.memory = self._in_tail(MEMORY)

    def evaluation(self) -> Evaluation:
        """Return the text with what it needs."""
        self.vectors.loop(0, self.lanes, self.width, [], self._group)
        self.vectors.builder.ret(ir.Constant(ir.IntType(32), 0))
        self.entry.branch(self.function.blocks[1])
        tables = tuple(table for table, _ in self.tables.values())
        return Evaluation(self._text(), tables, self.vectors.entries * self.vectors.bytes)

    def _text(self) -> str:
        bits = 8 * self.processor.vector_bytes
        attributes = f'attributes #0 = {{ "prefer-vector-width"="{bits}" "min-legal-vector-width"="{bits}" }}'
        return str(self.function.module).replace("\n{\n", " #0\n{\n") + attributes + "\n"

    def _group(self, lane: Any, _: list[Real]) -> list[Real]:
        """One vector of lanes, from the given one on."""
        vectors = self.vectors
        self.group = vectors.at(self.ws, lane, vectors.scalar)
        lowering = Lowering(
            vectors,
            self.functions,
            [*self.outputs.values()],
            leaf=self._leaf,
            coordinate=self._coordinate,
            table=self._table,
            positions=self._positions,
            memory=lambda entry: vectors.at(self.memory, entry),
            fuses=self.processor.fuses,
        )
        lowering.compute(self.outputs.values())
        for slot, node in self.outputs.items():
            vectors.store(lowering.value(node), self._slot(slot))
        return []

    def _slot(self, slot: int) -> Any:
        return self.vectors.at(self.group, integer(slot * self.lanes), self.vectors.scalar)

    def _leaf(self, node: Node) -> Real:
        number = int(node.value)
        if node.op == "x":
            return self.vectors.load(self._slot(number))
        return self.vectors.uniform(self.vectors.at(self.p, integer(number), self.vectors.scalar))

    def _coordinate(self, number: Any) -> Any:
        elements = self.vectors.builder.mul(number, integer(self.lanes))
        return self.vectors.at(self.group, elements, self.vectors.scalar)

    def _table(self, node: Node) -> Any:
        """The address of a node's table; each table is passed once."""
        array = self._positions(node) if node.op in ("pick", "spread") else node.table
        kept = np.ascontiguousarray(array, np.int64 if array.dtype.kind in "iu" else self.dtype)
        key = kept.tobytes(), kept.dtype
        if key not in self.tables:
            place = self.at_entry.at(self._all_tables, integer(len(self.tables)), POINTER)
            self.tables[key] = kept, self.at_entry.pointer(place)
        return self.tables[key][1]

    @staticmethod
    def _positions(node: Node) -> NDArray[Any]:
        """The numbers in the table of a pick or a spread; for a pick from coordinates, the coordinates' numbers."""
        if node.op == "pick" and Program.picks_coordinates(node):
            return np.array([int(arg.value) for arg in node.args])[node.table]
        return node.table

    @property
    def _all_tables(self) -> Any:
        return self._in_tail(TABLES)

    def _in_tail(self, place: int) -> Any:
        return self.at_entry.pointer(self.at_entry.at(self.index, integer(self.lanes + 1 + place), INTEGER))
