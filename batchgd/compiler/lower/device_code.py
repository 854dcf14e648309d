"""The tick of a lane, and what evaluates an objective, as functions that a CUDA kernel calls: appended where it does.

A thread's state is read and written at places that are known, so that it stays in registers. Rows are loops, whose data
all threads of a warp read at the same time from the array ``p``, behind the objective's own numbers. Only what code
looks up by computed places is in a thread's local memory: the coordinates from which rows pick, what they spread to,
carries that are used later.

Products and sums are not fused here: CUDA's assembler decides that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import NDArray

from batchgd.compiler.codegen.program import ARRAYS, Program
from batchgd.compiler.lower.device_call import Call, device_function
from batchgd.compiler.lower.outputs import Lowering
from batchgd.compiler.lower.program import Program as Products
from batchgd.compiler.lower.program import positions_of, progression
from batchgd.compiler.lower.values import Surroundings
from batchgd.compiler.lower.vectors import Vectors, integer
from batchgd.compiler.trace.graph import Node, reachable
from batchgd.compiler.trace.loops import substituted, with_steps
from batchgd.kernels.vecmath.ir import Real


class Tables:
    """The tables of some outputs' rows in the array ``p``: each once, from the place ``first`` on.

    The outputs may be of several graphs. ``own`` is whether each start has its own parameters of the objective, which
    are elsewhere in ``p``.
    """

    def __init__(self, outputs: Iterable[Node], first: int, *, own: bool = False):
        self.own = own
        self._size = self._first = first
        self._places: dict[tuple[str, bytes], int] = {}
        self._arrays: list[NDArray[Any]] = []
        graphs: dict[int, list[Node]] = {}
        for output in outputs:
            graphs.setdefault(id(output.graph), []).append(output)
        for node in (node for each in graphs.values() for node in with_steps(reachable(each))):
            if node.op == "data":
                self._add(node.table)
            elif node.op in ("pick", "spread", "entry") and progression(self.positions(node)) is None:
                self._add(self.positions(node))

    def _add(self, table: NDArray[Any]) -> None:
        key = _key(table)
        if key not in self._places:
            self._places[key] = self._size
            self._arrays.append(table.ravel())
            self._size += table.size

    def place(self, node: Node) -> int:
        """Where the table of a node begins."""
        return self._places[_key(node.table if node.op == "data" else self.positions(node))]

    def positions(self, node: Node) -> NDArray[Any]:
        """The whole numbers in the table of a node."""
        return positions_of(node, own=self.own)

    @property
    def numbers(self) -> NDArray[Any]:
        """All of them."""
        return np.concatenate([np.zeros(0), *self._arrays])


def _key(table: NDArray[Any]) -> tuple[str, bytes]:
    return table.dtype.kind, table.tobytes()


class DeviceCode(Lowering):
    """Appends the operations of a program for one lane."""

    few = 1 << 30


class OneByOne(DeviceCode):
    """Appends loops that do one row at a time and are not unrolled, for which a thread needs fewer registers."""

    def __init__(self, vectors: Vectors, *more: Any):
        super().__init__(vectors, *more)
        vectors.rolled = True

    def _together(self, *_: Any) -> tuple[int, bool]:
        return 1, False


def numbers(
    call: Call,
    outputs: Iterable[Node],
    tables: Tables,
    leaf: Callable[[Node], ir.Value],
    coordinate: Callable[[ir.Value], ir.Value] | None = None,
    kind: type[DeviceCode] = DeviceCode,
) -> list[Any]:
    """Append what outputs need, and return their values; without ``coordinate`` the point gets an array, if needed."""
    outputs, vectors, memory = list(outputs), call.vectors, call.memory()
    picks = [n for n in with_steps(reachable(outputs)) if n.op == "pick" and Products.picks_coordinates(n)]
    if picks and coordinate is None:
        first = vectors.reserve(1 + max(int(arg.value) for node in picks for arg in node.args))
        for arg in {arg.id: arg for node in picks for arg in node.args}.values():
            vectors.store(vectors.real(leaf(arg)), memory(integer(first + int(arg.value))))
        coordinate = memory
    around = Surroundings(
        leaf=lambda node: vectors.real(leaf(node)),
        coordinate=coordinate or memory,
        store=_nothing_stored,
        table=lambda node: call.at("p", integer(tables.place(node))),
        positions=tables.positions,
        memory=memory,
        own=(lambda number: vectors.real(call.param(number))) if tables.own else None,
    )
    code = kind(vectors, call.functions, Products(outputs, fuses=False, own=tables.own), around)
    code.level(outputs, [])
    memory.make_room(vectors.entries)
    return [code.values(node)[0] for node in outputs]


def _own_place(call: Call, tables: Tables) -> ir.Value | None:
    """Where the parameters of a thread's start begin, if it has its own (``descend.py``)."""
    return call.vectors.builder.load(call.at("index", integer(1))) if tables.own else None


def _nothing_stored(slot: Any, value: Real) -> None:
    raise AssertionError("outputs are returned")


def tick_of(program: Program, tables: Tables) -> Any:
    """Return the ``tick`` of a thread's lane; it returns whether the lane has ended."""
    names = {node.id: name for name, node in program.inputs.items()}
    written = program.renewed
    nodes = _by_code(program, [*written.values(), program.outputs["ended"]])

    def append(call: Call) -> ir.Value:
        call.own = _own_place(call, tables)

        def leaf(node: Node) -> ir.Value:
            if node.op == "p":
                return call.param(integer(int(node.value)))
            name = f"x{int(node.value)}" if node.op == "x" else names[node.id]
            return call.element(program.reads[name].array, program.reads[name].number)

        *values, ended = numbers(call, nodes, tables, leaf)
        for place, value in zip(written, values, strict=True):
            call.vectors.store(value, call.at("ws", integer(place.number)))
        return call.vectors.builder.zext(ended.value, ir.IntType(32))

    return device_function("tick", ARRAYS, types.int32, append)


def _by_code(program: Program, outputs: list[Node]) -> list[Node]:
    """Return outputs for which a lane has ended if its code is not 0.

    The program says so in terms of the tests, for the CPU, which works out the code of lanes that have ended only.
    """
    assert program.going is not None
    graph, zero = program.graph, program.graph.constant(0.0)
    ended = graph.intern("ne", (program.outputs["code"], zero))
    working = graph.intern("gt", (program.inputs["busy"], zero))
    going = graph.intern("and", (working, graph.intern("not", (ended,))))
    return substituted(outputs, {program.outputs["ended"].id: ended, program.going.id: going})


def evaluation_of(outputs: Mapping[int, Node], tables: Tables, kind: type[DeviceCode] = DeviceCode) -> Any:
    """Return ``evaluate``, which computes nodes at a thread's point, each for its slot."""

    def append(call: Call) -> None:
        call.own = _own_place(call, tables)

        def leaf(node: Node) -> ir.Value:
            number = int(node.value)
            return call.element("ws", number) if node.op == "x" else call.param(integer(number))

        for slot, value in zip(outputs, numbers(call, outputs.values(), tables, leaf, kind=kind), strict=True):
            call.vectors.store(value, call.at("ws", integer(slot)))

    return device_function("evaluate", ARRAYS[:4], types.none, append)


def value_of(output: Node, dim: int, tables: Tables) -> Any:
    """Return ``value_at``: the value at a row of points."""

    def append(call: Call) -> ir.Value:
        builder = call.vectors.builder
        call.own = call.values["place"] if tables.own else None
        row = builder.mul(call.values["i"], integer(dim))

        def coordinate(number: ir.Value) -> ir.Value:
            return call.at("points", builder.add(row, number))

        def leaf(node: Node) -> ir.Value:
            number = integer(int(node.value))
            return builder.load(coordinate(number)) if node.op == "x" else call.param(number)

        (value,) = numbers(call, [output], tables, leaf, coordinate)
        return value.value

    return device_function("value_at", ("points", "i", "p", "place"), None, append)
