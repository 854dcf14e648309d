"""The tick of a block of lanes in block form, as LLVM text.

``tick(ws, index, seed, p, box, h, limits)`` calls the evaluation by the address that is in ``index``, then does one
piece after another for all lanes at work, some of them at a time: programs whose vectors have an axis, in loops over
the coordinates, and the rule's operations on the block, whose Python functions are run once and leave their loops.
Each is a function of its own, for a group of lanes. It says whether a lane has ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

from batchgd.compiler.codegen.program import ARRAYS, Operation, Place, Program
from batchgd.compiler.lower.evaluation import Evaluation
from batchgd.compiler.lower.functions import INLINED, Functions
from batchgd.compiler.lower.operations import append_operation
from batchgd.compiler.lower.outputs import Lowering
from batchgd.compiler.lower.processor import Processor
from batchgd.compiler.lower.program import Program as FusedProducts
from batchgd.compiler.lower.to_llvm import Task
from batchgd.compiler.lower.values import Surroundings, Values, spread_out
from batchgd.compiler.lower.vectors import INTEGER, LINE, POINTER, Vectors, integer
from batchgd.compiler.trace.graph import Axis, Node
from batchgd.compiler.trace.operations import OPERATIONS
from batchgd.kernels.cpu_places import EVALUATE
from batchgd.kernels.vecmath.ir import Real

SYMBOL = "tick"
_INT32 = ir.IntType(32)


def block_tick(
    pieces: Sequence[Program | Operation],
    constants: dict[str, int],
    *,
    lanes: int,
    dtype: str,
    processor: Processor,
    width: int | None = None,
) -> Evaluation:
    """Return the function for a block of ``lanes``; ``constants`` are what operations are compiled for.

    ``width`` is the number of lanes in a group, by default what two vectors of the processor have. It does not change a
    bit of any result.
    """
    width = width or min(2 * processor.lanes(dtype), lanes)
    return Evaluation(SYMBOL, _Writer(pieces, constants, lanes, dtype, processor, width).text(), (), 0)


class _Writer:
    """Writes the module: a function for each piece, and the tick, which calls them."""

    def __init__(
        self,
        pieces: Sequence[Program | Operation],
        constants: dict[str, int],
        lanes: int,
        dtype: str,
        processor: Processor,
        width: int,
    ) -> None:
        self.pieces, self.constants, self.lanes, self.processor = pieces, constants, lanes, processor
        self.form = processor.form(dtype, width)
        self.module = ir.Module("batchgd")
        self.module.triple = processor.triple
        programs = [piece for piece in pieces if isinstance(piece, Program)]
        nodes = [node for program in programs for node in program.nodes]
        calls = sum(OPERATIONS[node.op].cost == "transcendentals" for node in nodes if node.op in OPERATIONS)
        self.functions = Functions(self.module, inlined=calls <= INLINED)

    def text(self) -> str:
        """Return the module."""
        groups = [self._group(number, piece) for number, piece in enumerate(self.pieces)]
        self._tick(groups)
        return self.processor.written(self.module)

    def _group(self, number: int, piece: Program | Operation) -> ir.Function:
        """Append the function of a piece for a group of lanes; it returns whether one of them has ended."""
        given = [INTEGER if name == "seed" else POINTER for name in ARRAYS]
        group = ir.Function(self.module, ir.FunctionType(ir.IntType(1), given), f"piece{number}")
        group.linkage = "internal"
        group.attributes.alignstack = LINE
        for attribute in ("nounwind", "noinline"):
            group.attributes.add(attribute)
        body = Vectors(ir.IRBuilder(group.append_basic_block()), self.form)
        ended = ir.Constant(ir.IntType(1), 0)
        if isinstance(piece, Operation):
            append_operation(piece, self.constants, body, group.args[0], self.lanes, fuses=self.processor.fuses)
        else:
            arrays = dict(zip(ARRAYS, group.args, strict=True))
            code = PieceCode(piece, body, arrays, self.lanes, self.functions, fuses=self.processor.fuses)
            ended = code.write() or ended
        body.builder.ret(ended)
        return group

    def _tick(self, groups: list[ir.Function]) -> None:
        given = [INTEGER if name == "seed" else POINTER for name in ARRAYS]
        function = ir.Function(self.module, ir.FunctionType(_INT32, [POINTER, POINTER, *given]), SYMBOL)
        function.attributes.add("nounwind")
        result, _, *arrays = function.args
        ws, index, seed, p, *others = arrays
        vectors = Vectors(ir.IRBuilder(function.append_basic_block()), self.form)
        builder = vectors.builder
        nothing, address = builder.alloca(INTEGER), vectors.at(index, integer(self.lanes + 1 + EVALUATE), INTEGER)
        kind = ir.FunctionType(_INT32, [POINTER, POINTER, POINTER, POINTER, INTEGER, POINTER])
        evaluate = builder.inttoptr(vectors.position(address), kind.as_pointer())
        builder.call(evaluate, [nothing, nothing, ws, index, seed, p])
        some = builder.alloca(ir.IntType(1))
        builder.store(ir.Constant(ir.IntType(1), 0), some)

        def turn(lane: Any, _: list[Real]) -> list[Real]:
            with builder.if_then(vectors.at_work(index, lane)):
                mine = [vectors.at(ws, lane, vectors.scalar), vectors.at(index, lane, INTEGER), seed, p, *others]
                for group in groups:
                    ended = builder.call(group, mine)
                builder.store(builder.or_(builder.load(some), ended), some)
            return []

        vectors.loop(0, self.lanes, self.form.lanes, [], turn)
        vectors.builder.store(vectors.builder.zext(vectors.builder.load(some), _INT32), result)
        vectors.builder.ret(ir.Constant(_INT32, 0))


class PieceCode(Lowering):
    """Appends a program whose vectors have an axis."""

    def __init__(
        self,
        program: Program,
        vectors: Vectors,
        arrays: dict[str, ir.Value],
        lanes: int,
        functions: Functions,
        *,
        fuses: bool,
    ):
        self.piece, self.arrays, self.lanes = program, arrays, lanes
        self.origins = {node.id: program.reads[name] for name, node in program.inputs.items()}
        self.targets: dict[int, Place] = {}
        absent: Any = None
        around = Surroundings(absent, absent, absent, absent, absent, absent)
        outputs = [*program.outputs.values()]
        super().__init__(vectors, functions, FusedProducts(outputs, fuses=fuses), around)

    def write(self) -> ir.Value | None:
        """Append all of it, and return whether a lane of the group has ended, if the program says so.

        Every number is computed before a vector is written, and vectors in one loop: what it was is read before.
        """
        outputs, writes = self.piece.outputs, self.piece.writes
        vectors = {name: place for name, place in writes.items() if place.rows}
        numbers = {name: node for name, node in outputs.items() if name not in vectors}
        needed = [node for node in self.region(outputs[name] for name in vectors) if not node.axes]
        self.level([*numbers.values(), *needed], [])
        if vectors:
            self._loop(Axis(next(iter(vectors.values())).rows), [self._task(outputs[n], p) for n, p in vectors.items()])
        ended = None
        for name, node in numbers.items():
            (value,) = self.values(node)
            if name in writes:
                self.vectors.store(value, self._slot(integer(writes[name].number)))
            else:
                ended = self.vectors.any_of(value)
        return ended

    def _task(self, node: Node, place: Place) -> Task:
        axis = Axis(place.rows)
        rows = node.graph.intern("rows", (node,), float(place.number), attr="rows", axes=(axis,))
        self.targets[rows.id] = place
        return Task(rows, (node,), (axis,))

    def _put(self, task: Task) -> None:
        """Write some coordinates of a vector."""
        (values,), rows = (self.values(need) for need in task.needs), self.levels[-1].rows
        for row, value in zip(rows, spread_out(values, len(rows)), strict=True):
            self.vectors.store(value, self._slot(self._element(self.targets[task.node.id], row)))

    def _element(self, place: Place, row: ir.Value) -> ir.Value:
        return self.vectors.builder.add(row, integer(place.number))

    def _slot(self, number: ir.Value) -> ir.Value:
        vectors = self.vectors
        return vectors.at(self.arrays["ws"], vectors.builder.mul(number, integer(self.lanes)), vectors.scalar)

    def _computed(self, node: Node) -> Values:
        if node.op == "input":
            return self._input(node, self.origins[node.id])
        return super()._computed(node)

    def _input(self, node: Node, place: Place) -> Values:
        vectors = self.vectors
        if place.rows:
            rows = self._rows(node.axes[0])
            if place.array == "axis":
                return [vectors.spread(vectors.builder.sitofp(row, vectors.scalar)) for row in rows]
            elements = [self._element(place, row) for row in rows]
            if place.array == "ws":
                return [vectors.frozen(vectors.load(self._slot(element))) for element in elements]
            array = self.arrays[place.array]
            return [vectors.uniform(vectors.at(array, element, vectors.scalar)) for element in elements]
        if place.array == "ws":
            return [vectors.frozen(vectors.load(self._slot(integer(place.number))))]
        return self._given(place)

    def _given(self, place: Place) -> Values:
        """A number that the lanes do not remember."""
        vectors, array = self.vectors, self.arrays[place.array]
        if place.array == "index":
            lanes = vectors.form.lanes
            kind = INTEGER if lanes == 1 else ir.VectorType(INTEGER, lanes)
            return [vectors.real(vectors.builder.load(array, typ=kind, align=8))]
        if place.array == "seed":
            return [vectors.spread(array)]
        return [vectors.uniform(vectors.at(array, integer(place.number), vectors.scalar))]
