"""A program: what one tick computes of what it is given, as a graph with named inputs and outputs.

The functions of rules, schedules, modifiers and stopping tests are called with traced numbers, and their operations
kept as they are written: simplified like those of an objective, they would round differently. Random numbers are one
operation, ``uniform``, of seed, start and update (``value`` is the rest of the counter of Philox), whose two results
are read by ``part``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from batchgd.compiler.trace.emit import sine_cosine_pairs
from batchgd.compiler.trace.graph import Axes, Graph, Loop, Node, reachable
from batchgd.compiler.trace.loops import with_bodies
from batchgd.compiler.trace.operations import LEAVES, OPERATIONS, REDUCTIONS

ARRAYS = ("ws", "index", "seed", "p", "box", "h", "limits")
"""What a tick is given: the state of the lanes, their starts, and what is the same for all of them."""
BOX = ("inverse_width", "outer_lower", "outer_upper")
"""What a tick is told about the box, per coordinate in ``box``, or once for a cubic one, behind ``limits``.

Lower and upper bounds, if there are any, are behind them in ``box``, per coordinate.
"""


class ProgramGraph(Graph):
    """Makes operations as they are written, but for truth values: what is known of them is used at once."""

    def make(self, op: str, *args: Node) -> Node:
        """Return the node of an operation."""
        args = self._coerced(op, args)
        if op == "where" and args[0].is_constant:
            return args[1] if args[0].value != 0.0 else args[2]
        if op in ("and", "or") and any(arg.is_constant for arg in args):
            known, other = args if args[0].is_constant else args[::-1]
            return known if (known.value != 0.0) is (op == "or") else other
        if op == "not" and (args[0].op == "not" or args[0].is_constant):
            return args[0].args[0] if args[0].op == "not" else self.constant(args[0].value == 0.0)
        if op in ("eq", "ne") and args[1].is_constant and args[1].value == 0.0:
            true = self._not_zero(args[0])
            if true is not None:
                return true if op == "ne" else self.make("not", true)
        return self.intern(op, args)

    def _not_zero(self, number: Node) -> Node | None:
        """Whether a number is not 0, if that can be said without it: of constants, and of choices between them."""
        if number.is_constant:
            return self.constant(number.value != 0.0)
        if number.op != "where" or not any(arg.is_constant for arg in number.args[1:]):
            return None
        condition, yes, no = number.args
        not_yes, not_no = (self.make("ne", each, self.constant(0.0)) for each in (yes, no))
        if not_yes.is_constant:
            other = not_no
        else:
            condition, other = self.make("not", condition), not_yes
        decided = not_yes if not_yes.is_constant else not_no
        if decided.value != 0.0:
            return self.make("or", condition, other)
        return self.make("and", self.make("not", condition), other)

    def input(self, number: int, axes: Axes = ()) -> Node:
        """Return an input that is neither a coordinate nor a parameter of the objective; with an axis, a vector."""
        return self.intern("input", (), float(number), axes=axes)

    def uniform_pair(self, seed: Node, start: Node, update: Node, counter: int | Node) -> tuple[Node, Node]:
        """Return two random numbers in [0, 1), by ``philox.uniform_pair``."""
        if isinstance(counter, Node):
            pair = self.intern("uniform", (seed, start, update, counter))
        else:
            pair = self.intern("uniform", (seed, start, update), float(counter))
        return self.intern("part", (pair,), 0.0), self.intern("part", (pair,), 1.0)

    def imported(self, outputs: Sequence[Node]) -> list[Node]:
        """Return the same operations on the same leaves as nodes of this graph."""
        new: dict[int, Node] = {}
        for node in with_bodies(outputs):
            args, attr = tuple(new[arg.id] for arg in node.args), node.attr
            if isinstance(attr, Loop):
                parts = (tuple(new[each.id] for each in several) for several in (attr.carries, attr.following))
                attr = Loop(attr.axis, attr.reverse, *parts)
            new[node.id] = self.intern(node.op, args, node.value, attr, node.axes)
            self.tables.update(node.graph.tables)
        return [new[node.id] for node in outputs]


@dataclass(frozen=True)
class Place:
    """Where an input or an output is: which of ``ARRAYS``, and the number of its element (of its slot, in ``ws``).

    With ``rows`` it is a vector of this length, and the number is that of its first element; the array ``axis`` has the
    numbers of the coordinates.
    """

    array: str
    number: int = 0
    rows: int = 0


@dataclass(frozen=True)
class Program:
    """Named inputs, and outputs that are computed from them.

    ``inputs`` and ``outputs`` map names to nodes, ``reads`` and ``writes`` to places. The output ``ended``, whether the
    lane has ended, is not stored; ``going`` is whether the lane is at work and has not ended, in the program of a
    whole tick.
    """

    graph: ProgramGraph
    inputs: dict[str, Node]
    reads: dict[str, Place]
    outputs: dict[str, Node]
    writes: dict[str, Place]
    going: Node | None = None

    @property
    def nodes(self) -> list[Node]:
        """Everything that the outputs need, in an order of computation."""
        return reachable(self.outputs.values())

    @property
    def needed(self) -> dict[str, Node]:
        """The inputs that some output depends on."""
        ids = {node.id for node in self.nodes}
        return {name: node for name, node in self.inputs.items() if node.id in ids}

    @property
    def renewed(self) -> dict[Place, Node]:
        """What is written where; not what its place contains already, because it is the input that was read there."""
        given = {place: self.inputs[name] for name, place in self.reads.items()}
        written = ((place, self.outputs[name]) for name, place in self.writes.items())
        return {place: node for place, node in written if node is not given.get(place)}

    def while_going(self) -> dict[str, Node]:
        """Return the outputs that a tick reads again, by their inputs' names, if the lane goes on."""
        state = {self.reads[name]: name for name in self.needed}
        names = {name: state[place] for name, place in self.writes.items() if place in state}
        assert self.going is not None
        new: dict[int, Node] = {self.going.id: self.graph.constant(1.0)}
        for node in reachable(self.outputs[name] for name in names):
            if node.id not in new:
                args = tuple(new[arg.id] for arg in node.args)
                same = all(a is b for a, b in zip(args, node.args, strict=True))
                new[node.id] = node if same else self.graph.make(node.op, *args)
        return {names[name]: new[self.outputs[name].id] for name in names}

    def __str__(self) -> str:
        """The operations, one a line, then the outputs."""
        names = {node.id: name for name, node in self.inputs.items()}
        lines = [f"{names[node.id]} <- {_place(self.reads[name])}" for name, node in self.needed.items()]
        for node in self.nodes:
            if node.op == "const":
                names[node.id] = repr(node.value)
            elif node.id not in names:
                names[node.id] = f"t{len(names)}"
                lines.append(f"{names[node.id]} = {_written(node, names)}")
        lines += [
            f"{_place(self.writes.get(name))} <- {name} = {names[node.id]}" for name, node in self.outputs.items()
        ]
        return "\n".join(lines)

    def operations(self) -> dict[str, int]:
        """Return how often each kind of operation is done.

        Keys are ``adds`` (with subtractions, comparisons, selections, minima and maxima), ``multiplies``, ``divides``,
        and the name of each elementary function, ``sincos`` where both are asked for, ``uniform_pair`` for the random
        numbers. Operations that the compiler merges are still counted.
        """
        nodes = self.nodes
        paired = {sine.id: cosine.id for sine, cosine in sine_cosine_pairs(nodes).values()}
        counts: Counter[str] = Counter()
        for node in nodes:
            if node.id in paired.values() or node.op in LEAVES or node.op == "part":
                continue
            if node.op in REDUCTIONS:
                counts[node.op] += 1
                continue
            if node.op == "uniform":
                counts["uniform_pair"] += 1
            elif OPERATIONS[node.op].cost in ("adds", "multiplies"):
                counts[OPERATIONS[node.op].cost] += 1
            elif node.op == "div":
                counts["divides"] += 1
            else:
                counts["sincos" if node.id in paired else node.op] += 1
        return dict(counts)


@dataclass(frozen=True)
class Operation:
    """What is done between two programs on a whole block: a function of ``block_operations.py``'s kind.

    ``slots`` has the first slot of each of its arguments but the block itself, by its name.
    """

    function: Callable[..., Any]
    slots: dict[str, int]


def _place(place: Place | None) -> str:
    if place is None:
        return "result"
    if place.rows:
        return place.array if place.array == "axis" else f"{place.array}[{place.number}:{place.number + place.rows}]"
    return place.array if place.array in ("index", "seed") else f"{place.array}[{place.number}]"


def _written(node: Node, names: dict[int, str]) -> str:
    operands = [names[arg.id] for arg in node.args]
    if node.op == "part":
        return f"{operands[0]}[{int(node.value)}]"
    if node.op == "uniform":
        counter = [] if len(operands) == 4 else [str(int(node.value))]
        return f"uniform_pair({', '.join([*operands, *counter])})"
    if node.op in REDUCTIONS:
        return f"{node.op}({operands[0]})"
    return OPERATIONS[node.op].text.format(*operands)
