"""Trace a tick in block form: programs whose vectors have an axis, and between them operations on whole blocks.

A program is what happens between two operations: all that is done for each lane and for each coordinate of it, with
sums. What it leaves for a later one has a slot. Operations have loops of their own, over coordinates, pairs of them and
a history (``kernels/rule_parts/block_operations.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchgd.compiler.codegen.block_layout import BlockLayout
from batchgd.compiler.codegen.coordinates import Looped, Whole
from batchgd.compiler.codegen.layout import COUNTERS
from batchgd.compiler.codegen.program import Operation, Place, Program, ProgramGraph
from batchgd.compiler.codegen.steps import Step
from batchgd.compiler.codegen.trace_tick import TickTrace
from batchgd.compiler.trace.graph import Axis, Node, reachable
from batchgd.compiler.trace.scalar import Scalar

if TYPE_CHECKING:
    from batchgd.compiler.codegen.specialisation import Specialisation


Piece = Program | Operation


def pieces_of(of: Specialisation) -> list[Piece]:
    """Return what a tick in block form does after the evaluation, in order."""
    return BlockTrace(of).pieces()


class BlockTrace(TickTrace):
    """Traces one tick in pieces."""

    ways = Looped
    layout: BlockLayout

    @staticmethod
    def slots(of: Specialisation) -> BlockLayout:
        """Return where everything is."""
        layout = of.layout
        assert isinstance(layout, BlockLayout)
        return layout

    def __init__(self, of: Specialisation):
        super().__init__(of)
        self.graph = ProgramGraph(0)
        self.leaves: dict[Place, Node] = {}
        self.called: dict[Place, str] = {}
        self.done: list[Piece] = []

    def pieces(self) -> list[Piece]:
        """Trace everything in order."""
        self._trace()
        self._close(ended=True)
        return self._without_the_unread()

    def _leaf(self, name: str, place: Place) -> Scalar:
        if place not in self.leaves:
            self.leaves[place] = self.graph.input(len(self.leaves), (Axis(self.dim),) if place.rows else ())
            self.called[place] = name
        return Scalar(self.leaves[place])

    def _input(self, name: str, array: str, number: int = 0) -> Scalar:
        return self._leaf(name, Place(array, number))

    def _slots(self, name: str) -> Place | None:
        """Where the number or vector of a name is, if it has slots."""
        first = self.layout.slot_of(name)
        return None if first is None else Place("ws", first, self.dim if self.layout.is_vector(name) else 0)

    def _stored(self, name: str) -> Scalar:
        place = self._slots(name)
        assert place is not None, name
        return self._leaf(name, place)

    def _read_state(self) -> None:
        ending, rule = self.layout.ending, self.rule
        given = [*self.layout.per_start, *self.layout.vectors_per_start]
        state = ["x", *rule.vectors, *rule.scalars, *given, *ending.numbers, *ending.vectors]
        for name in [*state, *COUNTERS[: COUNTERS.index("code")]]:
            self.names[name] = self._stored(name)

    def _side(self, name: str, k: int) -> Any:
        return super()._side(name, k) if self.of.cubic else self._bound(name, k)

    def _bound(self, name: str, k: int) -> Any:
        return self._leaf(name, Place("box", k * self.dim, self.dim))

    def _axis(self) -> Whole:
        return Whole(self._leaf("axis", Place("axis", 0, self.dim)))

    def _evaluate(self) -> None:
        for name in ("f", "g") if self.of.has_value else ("g",):
            self.names[name] = self._stored(name)
        if self.of.batches:
            self.names["whole"] = self._stored("whole") > 0.5

    def _block(self, step: Step) -> None:
        """Leave what has been computed where the operation finds it, and go on with what that has made of it."""
        self._close()
        slots = {}
        for name in step.asks[1:]:
            place = self._slots(name)
            assert place is not None, name
            slots[name] = place.number
            if name in self.names:
                self.names[name] = self._stored(name)
        self.done.append(Operation(step.function, slots))

    def _close(self, *, ended: bool = False) -> None:
        """End a program: put whatever it has computed into its slots, where the next one finds it."""
        outputs, writes = {}, {}
        if ended:
            outputs["ended"] = self.names["ended"].node
        for name, value in self.names.items():
            place = self._slots(name)
            if place is None:
                continue
            node, kept = self.graph.number(value.node), self._leaf(name, place)
            if node is not kept.node:
                outputs[name], writes[name], self.names[name] = node, place, kept
        self.done.append(Program(self.graph, {}, {}, outputs, writes))

    def _without_the_unread(self) -> list[Piece]:
        """Return the pieces without outputs that neither a later one nor the next tick reads."""
        read = {*self.layout.lasting.values()}
        kept: list[Piece] = []
        places = {node.id: place for place, node in self.leaves.items()}
        for piece in reversed(self.done):
            if isinstance(piece, Operation):
                kept.append(piece)
                read.update(piece.slots.values())
                continue
            outputs = {
                name: node
                for name, node in piece.outputs.items()
                if name not in piece.writes or piece.writes[name].number in read
            }
            writes = {name: place for name, place in piece.writes.items() if name in outputs}
            read.difference_update(place.number for place in writes.values())
            needed = [places[node.id] for node in reachable(outputs.values()) if node.id in places]
            read.update(place.number for place in needed if place.array == "ws")
            inputs = {self.called[place]: self.leaves[place] for place in needed}
            reads = {self.called[place]: place for place in needed}
            if outputs:
                kept.append(Program(self.graph, inputs, reads, outputs, writes))
        return kept[::-1]
