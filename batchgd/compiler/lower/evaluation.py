"""The function that evaluates an objective in every lane of a block, as LLVM text.

``evaluate(ws, index, seed, p)`` reads every lane's x from the first slots of ``ws`` and writes each output to its slot,
a vector of lanes after another. Rows of data and memory for intermediate rows are found by the addresses in the tail of
``index`` (``kernels/cpu_places.py``). The two pointers in front of the arguments, and the 0 that is returned, are
what Numba's code expects of a function that it calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from batchgd.compiler.lower.functions import INLINED, Functions
from batchgd.compiler.lower.outputs import Lowering
from batchgd.compiler.lower.processor import Processor
from batchgd.compiler.lower.program import Program, positions_of
from batchgd.compiler.lower.values import Surroundings
from batchgd.compiler.lower.vectors import INTEGER, LINE, POINTER, Vectors, integer
from batchgd.compiler.trace.graph import Node, reachable
from batchgd.compiler.trace.loops import with_steps
from batchgd.compiler.trace.operations import OPERATIONS
from batchgd.kernels.cpu_places import ALL_LANES, MEMORY, TABLES, places
from batchgd.kernels.vecmath.ir import Real

_TEMPORARY = 6
"""Registers that the polynomial of an elementary function takes."""


@dataclass(frozen=True)
class Evaluation:
    """The text of a function of this name, the tables that it reads, and the bytes of memory that it needs."""

    name: str
    text: str
    tables: tuple[NDArray[Any], ...]
    memory: int


def evaluation(
    name: str,
    outputs: Mapping[int, Node],
    *,
    lanes: int,
    dtype: str,
    processor: Processor,
    width: int | None = None,
    own: bool = False,
) -> Evaluation:
    """Return the function of this name that computes nodes, each for its slot, in a block of ``lanes``.

    ``width`` is the number of lanes in a vector: by default what the processor has, or twice as many, in two registers,
    if there are enough of them. With ``own`` the params of a lane are in ``p`` from its own place on.
    """
    return Writer(name, outputs, lanes, dtype, processor, width, own=own).evaluation()


def vector_width(outputs: list[Node], lanes: int, dtype: str, processor: Processor) -> int:
    """Return how many lanes to compute at once.

    In loops over rows these are two vectors, if there are registers for what is added up and for what stays the same:
    one computes while the other waits. Straight-line code gains nothing from that, and takes twice as long to compile.
    """
    nodes = with_steps(reachable(outputs))
    totals = sum(bool(node.bound) for node in nodes)
    same = {arg.id for node in nodes if node.axes for arg in node.args if not (arg.axes or arg.is_constant)}
    together = 2 if totals and 2 * (totals + len(same) + _TEMPORARY) <= processor.registers else 1
    return min(together * processor.lanes(dtype), lanes)


class Writer:
    """Writes one function."""

    def __init__(
        self,
        name: str,
        outputs: Mapping[int, Node],
        lanes: int,
        dtype: str,
        processor: Processor,
        width: int | None,
        *,
        own: bool = False,
    ) -> None:
        self.own = own
        self.outputs, self.lanes, self.dtype, self.processor = outputs, lanes, np.dtype(dtype), processor
        nodes = [*outputs.values()]
        self.width = width or vector_width(nodes, lanes, dtype, processor)
        self.module = ir.Module("batchgd")
        self.module.triple = processor.triple
        self.name = name
        self.form = processor.form(dtype, self.width)
        steps = with_steps(reachable(nodes))
        calls = sum(OPERATIONS[node.op].cost == "transcendentals" for node in steps if node.op in OPERATIONS)
        self.functions = Functions(self.module, inlined=calls <= INLINED)
        self.tables: dict[Any, NDArray[Any]] = {}
        self.pointers: dict[Any, Any] = {}
        self.entries = 0

    def evaluation(self) -> Evaluation:
        """Return the text with what it needs."""
        self._block()
        text = self.processor.written(self.module)
        return Evaluation(
            self.name, text, (*self.tables.values(),), self.entries * self.form.lanes * self.dtype.itemsize
        )

    def _block(self) -> None:
        """Append the function itself: a loop over the vectors of the block."""
        group = self.group("group", self._whole)
        kind = ir.FunctionType(ir.IntType(32), [*[POINTER] * 4, INTEGER, POINTER])
        function = ir.Function(self.module, kind, self.name)
        function.attributes.add("nounwind")
        _, _, ws, index, seed, p = function.args
        vectors = Vectors(ir.IRBuilder(function.append_basic_block()), self.form)
        tables, memory, every = (
            vectors.at(index, integer(self.lanes + 1 + place), INTEGER) for place in (TABLES, MEMORY, ALL_LANES)
        )
        tables, memory, builder = vectors.pointer(tables), vectors.pointer(memory), vectors.builder
        every = builder.icmp_signed("!=", vectors.position(every), integer(0))

        def turn(lane: Any, _: list[Real]) -> list[Real]:
            with builder.if_then(builder.or_(every, vectors.at_work(index, lane))):
                of_group = vectors.at(ws, lane, vectors.scalar)
                starts = vectors.at(index, lane, INTEGER)
                self.call(vectors, group, [of_group, of_group, p, tables, memory, starts, seed])
            return []

        vectors.loop(0, self.lanes, self.width, [], turn)
        vectors.builder.ret(ir.Constant(ir.IntType(32), 0))

    def call(self, vectors: Vectors, group: ir.Function, arguments: list[ir.Value]) -> None:
        """Append what is done for a vector of lanes."""
        vectors.builder.call(group, arguments)

    def group(self, name: str, body: Callable[[list[ir.Value]], None]) -> ir.Function:
        """Append the function of one vector of lanes.

        It is one of its own because LLVM's passes over loops take long for thousands of loads and stores. What is read
        and what is written are different parts of the same array, which its arguments say.
        """
        group = ir.Function(self.module, ir.FunctionType(ir.VoidType(), [*[POINTER] * 6, INTEGER]), name)
        group.linkage = "internal"
        group.attributes.alignstack = LINE
        group.attributes.add("nounwind")
        group.attributes.add("noinline")
        for argument in group.args[:-1]:
            argument.add_attribute("noalias")
        self.point, self.out, self.p, self.addresses, self.memory, *others = group.args
        entry = ir.IRBuilder(group.append_basic_block("entry"))
        self.vectors = Vectors(ir.IRBuilder(group.append_basic_block("start")), self.form)
        self.at_entry, self.pointers = Vectors(entry, self.form), {}
        if self.own:
            self.places = self.at_entry.whole_numbers(self.at_entry.at(others[0], integer(places(self.lanes)), INTEGER))
        body(others)
        self.vectors.builder.ret_void()
        entry.branch(group.blocks[1])
        self.entries = max(self.entries, self.vectors.entries)
        return group

    def _whole(self, others: list[ir.Value]) -> None:
        self.put(self.outputs, self._leaf, lambda slot, value: self.vectors.store(value, self.slot(slot)))

    def put(self, outputs: Mapping[int, Node], leaf: Callable[[Node], Real], store: Callable[[Any, Real], Any]) -> None:
        """Append the code of some outputs."""
        around = Surroundings(
            leaf=leaf,
            coordinate=lambda number: self._element(self.point, number),
            store=store,
            table=self._table,
            positions=self._positions,
            memory=lambda number: self.vectors.at(self.memory, number),
            own=self._own if self.own else None,
            numbers=self._numbers,
        )
        program = Program([*outputs.values()], fuses=self.processor.fuses, own=self.own)
        Lowering(self.vectors, self.functions, program, around).put(outputs)

    def slot(self, number: Any) -> Any:
        """The address of what these lanes have in a slot that is written."""
        return self._element(self.out, number)

    def _leaf(self, node: Node) -> Real:
        number = int(node.value)
        if node.op == "x":
            return self.vectors.load(self._element(self.point, integer(number)))
        if self.own:
            return self._own(integer(number))
        return self.vectors.uniform(self.vectors.at(self.p, integer(number), self.vectors.scalar))

    def _element(self, base: Any, slot: Any) -> Any:
        """The address of a slot of these lanes."""
        return self.vectors.at(base, self.vectors.builder.mul(slot, integer(self.lanes)), self.vectors.scalar)

    def _own(self, number: Any) -> Real:
        return self.vectors.of_each(self.p, self.places, number)

    def _positions(self, node: Node) -> NDArray[Any]:
        return positions_of(node, own=self.own)

    def _table(self, node: Node) -> Any:
        """The address of a node's table."""
        return self._numbers(node.table if node.op == "data" else self._positions(node))

    def _numbers(self, array: NDArray[Any]) -> Any:
        """The address of an array; each is passed once."""
        kept = np.ascontiguousarray(array, np.int64 if array.dtype.kind in "iu" else self.dtype)
        key = kept.tobytes(), kept.dtype
        self.tables.setdefault(key, kept)
        if key not in self.pointers:
            place = self.at_entry.at(self.addresses, integer([*self.tables].index(key)), POINTER)
            self.pointers[key] = self.at_entry.pointer(place)
        return self.pointers[key]
