"""The values of nodes: computed where the lowering is, kept in memory, or loaded again."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from batchgd.compiler.lower.functions import Functions
from batchgd.compiler.lower.order import frugal
from batchgd.compiler.lower.program import Program, progression
from batchgd.compiler.lower.random_words import uniform_pair
from batchgd.compiler.lower.vectors import INTEGER, Rows, Vectors, integer
from batchgd.compiler.trace.graph import Axis, Entry, Node
from batchgd.kernels.vecmath.ir import Bool, Real, fma

Values = list[Any]
"""A number per lane for each of the rows that are computed together, or one for all of them."""

FEW = 32
"""The number of nodes up to which their order does not matter."""


@dataclass
class Level:
    """One of the loops that are open: its axis, the rows that are computed together, and the values so far."""

    axis: Axis | None = None
    rows: list[Any] = field(default_factory=list)
    values: dict[int, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Surroundings:
    """What the code of nodes finds around it.

    Parameters
    ----------
    leaf : callable
        Appends the code of an ``x``, a ``p`` or an ``input`` where it is first used, and returns its value.
    coordinate : callable
        The address of a coordinate for these lanes, from its number, which the code computes.
    store : callable
        ``store(slot, value)`` appends the code that puts a value into a slot, whose number the code computes.
    table : callable
        The address of a node's table, whose numbers are of the format's type or whole.
    positions : callable
        The table of a pick or a spread as it is at that address.
    memory : callable
        The address of a vector in memory, from its number.
    own : callable, optional
        The value of a param, from its number, which the code computes, if each lane has its own.
    numbers : callable, optional
        The address of an array of numbers, if there may be further ones than those of nodes.
    """

    leaf: Callable[[Node], Real]
    coordinate: Callable[[Any], Any]
    store: Callable[[Any, Real], None]
    table: Callable[[Node], Any]
    positions: Callable[[Node], NDArray[Any]]
    memory: Callable[[Any], Any]
    own: Callable[[Any], Real] | None = None
    numbers: Callable[[NDArray[Any]], Any] | None = None


class Computed:
    """The values of nodes at the place where code is appended; ``levels`` are the open loops, from outside to inside.

    ``laid_out`` has the numbers of the first vectors in memory of what rows pick from, and of carries; ``sums`` those
    of what rows spread to, once for each further row that is computed together; ``last`` what the carries of a
    recurrence are after all rows.
    """

    few = FEW

    def __init__(self, vectors: Vectors, functions: Functions, program: Program, around: Surroundings):
        self.vectors, self.functions, self.program, self.around = vectors, functions, program, around
        self.levels = [Level()]
        self.laid_out: dict[Any, int] = {}
        self.sums: dict[int, list[int]] = {}
        self.last: dict[int, list[Values]] = {}

    @property
    def open(self) -> set[Axis]:
        """The axes of the loops around what is appended next."""
        return {level.axis for level in self.levels if level.axis is not None}

    def known(self, node: Node) -> None:
        """Called when a node has been computed."""

    def parts(self, node: Node) -> list[int]:
        """Where in memory a number of a spread is."""
        return [first + int(node.value) for first in self.sums[node.args[0].id]]

    def region(self, wanted: Iterable[Node]) -> list[Node]:
        """The nodes that are still to be computed for others, in an order of computation."""
        found: dict[int, Node] = {}
        stack = list(wanted)
        while stack:
            node = stack.pop()
            if node.id not in found and self.found(node) is None:
                found[node.id] = node
                stack.extend(self.program.needs(node))
        return [found[key] for key in sorted(found)]

    def found(self, node: Node) -> Any:
        """What has been computed of a node: its value, where it is in memory, or None."""
        for level in reversed(self.levels):
            if node.id in level.values:
                return level.values[node.id]
        return None

    def values(self, node: Node) -> Values:
        """The value of a node that has been computed, loaded if it is in memory."""
        found = self.found(node)
        if isinstance(found, Rows):
            found = [self.vectors.load(address) for address in self.addresses(found)]
            self.levels[-1].values[node.id] = found
        assert found is not None, node
        return found

    def compute(self, wanted: Iterable[Node]) -> None:
        """Append the code of nodes whose sums have been computed."""
        region = self.region(wanted)
        for node in frugal(region, self.program.needs) if len(region) > self.few else region:
            if self.found(node) is not None:  # the other one of a sine and a cosine
                continue
            if node.id in self.program.pairs:
                pairs = [self.functions.call("sincos", [value]) for value in self.values(node.args[0])]
                for place, other in enumerate(self.program.pairs[node.id]):
                    self.levels[-1].values[other.id] = [pair[place] for pair in pairs]
            else:
                self.levels[-1].values[node.id] = self._computed(node)
            self.known(node)

    def _computed(self, node: Node) -> Values:
        vectors = self.vectors
        match node.op:
            case "const":
                return [vectors.number(node.value)]
            case "x" | "p" | "input":
                return [self.around.leaf(node)]
            case "uniform":
                return self._uniform(node)
            case "part" if node.args[0].op == "uniform":
                return [pair[int(node.value)] for pair in self.values(node.args[0])]
            case "data":
                places, table = self.places(node.axes), self.around.table(node)
                return [vectors.uniform(vectors.at(table, place, vectors.scalar)) for place in places]
            case "pick":
                return self._picked(node)
            case "entry":
                return self._entry(node)
            case "part":
                return [vectors.load(self.around.memory(integer(place))) for place in self.parts(node)]
        arguments = [self.values(need) for need in self.program.needs(node)]
        count = max(map(len, arguments))
        together = zip(*(spread_out(values, count) for values in arguments), strict=True)
        return [self.applied(node, list(each)) for each in together]

    def _uniform(self, node: Node) -> Values:
        """Pairs of random numbers."""
        values = [self.values(arg) for arg in node.args]
        count = max(map(len, values))
        pairs = []
        for seed, start, update, *counter in zip(*(spread_out(each, count) for each in values), strict=True):
            pairs.append(uniform_pair(seed.value, start.value, update, *(counter or [int(node.value)])))
        return pairs

    def _entry(self, node: Node) -> Values:
        (arg,), number, builder = node.args, int(node.value), self.vectors.builder
        if self.program.is_last(node):
            return self.last[arg.id][number]
        assert isinstance(node.attr, Entry)
        places = self.positions(node, node.attr.axes)
        if arg.op == "scan":
            first, size = integer(self.laid_out[arg.id, number]), integer(arg.bound[0].length + 1)
            begins = [builder.add(builder.mul(place, size), first) for place in self.places(arg.axes)]
        else:
            begins = [integer(first) for first in self.sums[arg.id]]
        count = max(len(places), len(begins))
        pairs = zip(spread_out(places, count), spread_out(begins, count), strict=True)
        places = [builder.add(*pair) for pair in pairs]
        return [self.vectors.load(self.around.memory(place)) for place in places]

    def _picked(self, node: Node) -> Values:
        vectors = self.vectors
        places = self.positions(node, node.axes)
        if self.program.picks_coordinates(node):
            return [vectors.load(self.around.coordinate(place)) for place in places]
        if self.around.own is not None and self.program.picks_own(node):
            return [self.around.own(place) for place in places]
        first = integer(self.laid_out[self.program.arguments(node)])
        return [vectors.load(self.around.memory(vectors.builder.add(place, first))) for place in places]

    def applied(self, node: Node, arguments: list[Any]) -> Any:
        """One operation; three numbers of a sum or difference are those of a product and a sum in one."""
        if len(arguments) == 3 and node.op in ("add", "sub"):
            a, b, c = arguments
            if node.op == "add":
                return fma(a, b, c)
            return fma(a, b, -c) if self.program.absorbed(node) == 0 else fma(-a, b, c)
        if node.op in ("where", "and", "or", "not"):
            truths = 1 if node.op == "where" else 2
            arguments[:truths] = [each if isinstance(each, Bool) else ~each.equals(0.0) for each in arguments[:truths]]
        if node.op in _OPERATORS:
            return _OPERATORS[node.op](*arguments)
        return self.functions.call(node.op, arguments)

    # Memory

    def instances(self, axes: Iterable[Axis]) -> int:
        """For how many rows together something with these axes is computed."""
        axes = set(axes)
        return max((len(level.rows) for level in self.levels if level.axis in axes), default=1)

    def addresses(self, rows: Rows) -> list[Any]:
        """Where the vectors of the current row are."""
        builder, count = self.vectors.builder, rows.together
        places = self.places(rows.axes)
        if count > 1:
            (place,) = places
            places = [builder.add(builder.mul(place, integer(count)), integer(k)) for k in range(count)]
        return [self.around.memory(builder.add(place, integer(rows.first))) for place in places]

    def lay_out(self, picks: Iterable[Node]) -> None:
        """Put numbers from which rows pick into memory."""
        for node in picks:
            key = self.program.arguments(node)
            if self.program.picks_coordinates(node) or self.program.picks_own(node) or key in self.laid_out:
                continue
            first = self.laid_out[key] = self.vectors.reserve(len(node.args))
            for k, value in enumerate(node.args):
                self.vectors.store(self.values(value)[0], self.around.memory(integer(first + k)))

    def places(self, axes: Sequence[Axis]) -> list[Any]:
        """The number of the row in an array with these axes, for each of the rows that are computed together."""
        builder = self.vectors.builder
        places: list[Any] = [integer(0)]
        for axis in axes:
            rows = self._rows(axis)
            count = max(len(places), len(rows))
            pairs = zip(spread_out(places, count), spread_out(rows, count), strict=True)
            places = [builder.add(builder.mul(place, integer(axis.length)), row) for place, row in pairs]
        return places

    def _rows(self, axis: Axis) -> list[Any]:
        return next(level.rows for level in reversed(self.levels) if level.axis == axis)

    def positions(self, node: Node, axes: Sequence[Axis]) -> list[Any]:
        """What the table of a pick or a spread says: read, or computed if it is an arithmetic progression."""
        vectors, builder = self.vectors, self.vectors.builder
        table = self.around.positions(node)
        found = progression(table)
        if found is None:
            address = self.around.table(node)
            return [vectors.position(vectors.at(address, row, INTEGER)) for row in self.places(axes)]
        first, steps = found
        places: list[Any] = [integer(first)]
        for axis, by in zip(axes, steps, strict=True):
            rows = [builder.mul(row, integer(by)) for row in self._rows(axis)] if by else [integer(0)]
            count = max(len(places), len(rows))
            pairs = zip(spread_out(places, count), spread_out(rows, count), strict=True)
            places = [builder.add(*pair) for pair in pairs]
        return places


_OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "neg": operator.neg,
    "mul": operator.mul,
    "div": operator.truediv,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "eq": Real.equals,
    "ne": lambda a, b: ~a.equals(b),
    "and": operator.and_,
    "or": operator.or_,
    "not": operator.invert,
}


def spread_out(values: Values, count: int) -> Values:
    """Return a value for each of the rows that are computed together."""
    return values if len(values) == count else values * count
