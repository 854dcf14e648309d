"""From nodes to LLVM: straight-line code for numbers per lane, loops for numbers per lane and row.

What a sum over rows needs that is itself a sum makes it wait: sums that depend on no other form the first stage, those
that depend on these the second. A stage is one loop per axis, in which everything that has the axis is computed where
it is used, so that no array of rows is kept. A sum that still has an axis is a loop within that axis' loop. Only what
would be computed again for every row of an axis on which it does not depend is kept in memory.

The operations of a lane, and which products and sums are fused, are decided here by the nodes alone, and not by LLVM:
they are the same for every width of a vector, and for every processor that fuses.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.lower.functions import Functions
from batchgd.compiler.lower.order import frugal
from batchgd.compiler.lower.vectors import INTEGER, Rows, Vectors, integer
from batchgd.compiler.trace.emit import sine_cosine_pairs
from batchgd.compiler.trace.graph import Axis, Node, Scatter, reachable, rows_of
from batchgd.compiler.trace.operations import OPERATIONS, REDUCTIONS
from batchgd.kernels.vecmath.ir import Bool, Real, fma

Values = list[Any]
"""A number per lane for each of the rows that are computed together, or one for all of them."""

TOGETHER = 4
"""Rows that are computed together if each has little to do or a loop of its own: one does not wait for another."""

LITTLE = 24
"""The cost below which a row has little to do."""

MUCH = 200
"""The cost from which on rows with a loop of their own are computed one by one, because code grows with them."""

KEPT = 12
"""The cost from which on a value is kept in memory rather than computed again for every row of another axis."""

FEW = 32
"""The number of nodes up to which their order does not matter."""

_COSTS = {"transcendentals": 30, "divides": 8, "square_roots": 8}
_LOOP = 1000


def cost_of(node: Node) -> int:
    """Return roughly how many instructions a node is."""
    if node.op in REDUCTIONS or node.op == "spread":
        return _LOOP
    return _COSTS.get(OPERATIONS[node.op].cost, 1) if node.op in OPERATIONS else 1


@dataclass
class Level:
    """One of the loops that are open: its axis, the rows that are computed together, and the values so far."""

    axis: Axis | None = None
    rows: list[Any] = field(default_factory=list)
    values: dict[int, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """Something that is done for every row of some axes: add to a sum, to the numbers of a spread, keep a value."""

    node: Node
    needs: tuple[Node, ...]
    axes: tuple[Axis, ...]
    memory: Rows | None = None

    def inside(self, axis: Axis) -> Task:
        """What is left of it within a loop over one axis."""
        return Task(self.node, self.needs, tuple(other for other in self.axes if other != axis), self.memory)


class Lowering:
    """Appends the code of some outputs, all at once or in several parts. ``few`` is ``FEW``.

    Parameters
    ----------
    vectors : Vectors
        Where to, and in which format.
    functions : Functions
        The elementary functions of the module.
    outputs : iterable of Node
        Everything that will be computed.
    store : callable
        Appends the code that puts a value into a slot.
    leaf : callable
        Appends the code of an ``x`` or a ``p`` where it is first used, and returns its value.
    coordinates : callable
        ``coordinates(k, pointer)``: the address of coordinate k, an index of the code, for lanes of this vector.
    table : callable
        The address of a node's table, whose numbers are of the format's type or whole.
    positions : callable
        The table of a pick or a spread as it is at that address.
    memory : callable
        The address of a vector in memory, from its number.
    fuses : bool
        Whether a product and a sum are one operation here.
    """

    few = FEW

    def __init__(
        self,
        vectors: Vectors,
        functions: Functions,
        outputs: Iterable[Node],
        *,
        store: Callable[[int, Real], None],
        leaf: Callable[[Node], Real],
        coordinate: Callable[[Any], Any],
        table: Callable[[Node], Any],
        positions: Callable[[Node], NDArray[Any]],
        memory: Callable[[Any], Any],
        fuses: bool,
    ):
        self.vectors, self.functions, self.store = vectors, functions, store
        self.leaf, self.coordinate, self.memory = leaf, coordinate, memory
        self.table, self.positions = table, positions
        self.program = Program([*outputs], fuses=fuses)
        self.levels = [Level()]
        self.laid_out: dict[Any, int] = {}
        self.slots: dict[int, list[int]] = {}

    def write(self, outputs: Mapping[int, Node]) -> None:
        """Append what some of the outputs need, and put them into their slots."""
        for slot, node in outputs.items():
            self.slots.setdefault(node.id, []).append(slot)
        self.level(outputs.values(), [])
        for node in outputs.values():
            self._store(node)

    def values(self, outputs: Sequence[Node]) -> list[Any]:
        """Append what some of the outputs need, and return their values."""
        self.level(outputs, [])
        return [self._values(node)[0] for node in outputs]

    def _store(self, node: Node) -> None:
        """Store an output as soon as it is known, so that it takes no register."""
        for slot in self.slots.pop(node.id, ()):
            self.store(slot, self._values(node)[0])

    # Loops

    @property
    def open(self) -> set[Axis]:
        """The axes of the loops around what is appended next."""
        return {level.axis for level in self.levels if level.axis is not None}

    def level(self, wanted: Iterable[Node], tasks: Iterable[Task]) -> None:
        """Append all stages of the open loops' innermost turn: some tasks, and whatever wanted nodes need."""
        wanted, tasks, inside = list(wanted), list(tasks), self.open
        stages: dict[int, list[Task]] = {}
        stage: dict[int, int] = {}
        for node in self._region([*wanted, *(need for task in tasks for need in task.needs)]):
            now = max((stage.get(need.id, 0) for need in self.program.needs(node)), default=0)
            if node.bound and inside.issuperset(node.axes):
                now += 1
                stages.setdefault(now, []).append(Task(node, self.program.needs(node), node.bound))
            stage[node.id] = now
        for task in tasks:
            now = 1 + max(stage.get(need.id, 0) for need in task.needs)
            stages.setdefault(now, []).append(task)
        for now in sorted(stages):
            self._stage(stages[now])
        self._compute(wanted)

    def _stage(self, tasks: list[Task]) -> None:
        """One loop for each axis that a task has outermost."""
        for task in tasks:
            if task.node.op == "spread" and task.memory is None and len(self.levels) == 1:
                self._clear(task.node)
        by_axis: dict[Axis, list[Task]] = {}
        for task in tasks:
            if len(task.axes) == 1:
                by_axis.setdefault(task.axes[0], []).append(task)
        for task in tasks:
            if len(task.axes) > 1:
                by_axis.setdefault(self._outermost(task, by_axis), []).append(task)
        for axis in sorted(by_axis):
            self._loop(axis, by_axis[axis])

    def _outermost(self, task: Task, others: Iterable[Axis]) -> Axis:
        """The axis to loop over first: the one for which least must be kept in memory, and if possible another's."""
        region = self._region(task.needs)
        inside = self.open

        def kept(axis: Axis) -> int:
            return sum(bool(n.bound) and axis not in n.axes and not inside.issuperset(n.axes) for n in region)

        return min(task.axes, key=lambda axis: (kept(axis), axis not in others, axis))

    def _loop(self, axis: Axis, tasks: list[Task]) -> None:
        """Append the loop over one axis that does these tasks, and what must be done before it."""
        needs = [need for task in tasks for need in task.needs]
        for node in self._kept(axis, needs):
            self._keep(node)
        region, inside = self._region(needs), self.open
        self._compute(node for node in region if inside.issuperset(node.axes))
        if len(self.levels) == 1:
            self._lay_out(node for node in region if node.op == "pick")
        together, nested = self._together(axis, tasks, region)
        sums = [task.node for task in tasks if task.node.op in REDUCTIONS and task.memory is None]
        parts = [max(self._instances(node.axes), 1 if nested else together) for node in sums]
        carried = [[self.vectors.number(_START[node.op])] * n for node, n in zip(sums, parts, strict=True)]
        whole = axis.length - axis.length % together
        carried = self._turns(axis, (0, whole, together), tasks, sums, carried)
        if whole < axis.length:
            carried = self._turns(axis, (whole, axis.length, 1), tasks, sums, carried)
        for node, values in zip(sums, carried, strict=True):
            while len(values) > self._instances(node.axes):
                values = [self._combined(node.op, *values[k : k + 2]) for k in range(0, len(values), 2)]
            self.levels[-1].values[node.id] = values
        for task in tasks:
            if task.node.op == "spread" and task.memory is None and len(self.levels) == 1:
                self.levels[-1].values[task.node.id] = []

    def _together(self, axis: Axis, tasks: list[Task], region: list[Node]) -> tuple[int, bool]:
        """How many rows are computed together, and whether there are further loops in this one."""
        nested = any(node.bound for node in region) or any(len(task.axes) > 1 for task in tasks)
        cost = sum(cost_of(node) for node in region if not node.bound)
        most = MUCH if nested else LITTLE
        alone = cost >= most or axis.length < 2 * TOGETHER or self._instances(self.open) > 1
        return 1 if alone else TOGETHER, nested

    def _instances(self, axes: Iterable[Axis]) -> int:
        """For how many rows together something with these axes is computed."""
        axes = set(axes)
        return max((len(level.rows) for level in self.levels if level.axis in axes), default=1)

    def _turns(
        self, axis: Axis, turns: tuple[int, int, int], tasks: list[Task], sums: list[Node], carried: list[Values]
    ) -> list[Values]:
        first, last, step = turns
        sizes = [len(values) for values in carried]

        def body(index: Any, entering: list[Real]) -> list[Real]:
            rows = [index, *(self.vectors.builder.add(index, integer(k)) for k in range(1, step))]
            given = iter(entering)
            totals = [[next(given) for _ in range(size)] for size in sizes]
            self.levels.append(Level(axis, rows))
            within = [task.inside(axis) for task in tasks]
            now = [task for task in within if not task.axes]
            self.level([need for task in now for need in task.needs], [task for task in within if task.axes])
            for task in now:
                if task.node in sums and task.memory is None:
                    self._add(task, totals[sums.index(task.node)], step)
                else:
                    self._put(task)
            self.levels.pop()
            return [value for values in totals for value in values]

        flat = self.vectors.loop(first, last, step, [value for values in carried for value in values], body)
        left = iter(flat)
        return [[next(left) for _ in range(size)] for size in sizes]

    def _add(self, task: Task, totals: Values, step: int) -> None:
        """Add the rows that are computed together to the parts of a total."""
        count = max(step, self._instances(task.node.axes))
        factors = [_spread_out(self._values(need), count) for need in task.needs]
        for k in range(count):
            part = k % len(totals)
            if len(factors) == 2:
                totals[part] = fma(factors[0][k], factors[1][k], totals[part])
            else:
                totals[part] = self._combined(task.node.op, totals[part], factors[0][k])

    def _combined(self, op: str, a: Real, b: Real) -> Real:
        if op == "sum":
            return a + b
        if op == "prod":
            return a * b
        return self.functions.call("minimum" if op == "least" else "maximum", [a, b])

    # Memory

    def _kept(self, axis: Axis, needs: Iterable[Node]) -> list[Node]:
        """What a loop over an axis would compute again and again, although it depends on other axes alone."""
        inside, region = self.open, self._region(needs)
        again = {node.id: node for node in region if axis not in node.axes and not inside.issuperset(node.axes)}
        if not again:
            return []
        outside = [node for node in region if node.id not in again]
        asked = {need.id for node in outside for need in self.program.needs(node)} | {need.id for need in needs}
        return [node for node in again.values() if node.id in asked and self._cost(node) >= KEPT]

    def _cost(self, node: Node) -> int:
        return sum(map(cost_of, self._region([node])))

    def _keep(self, node: Node) -> None:
        """Compute a value for all rows of its axes, as far as they are not open, and keep it in memory."""
        axes = tuple(axis for axis in node.axes if axis not in self.open)
        together = self._instances(node.axes)
        kept = Rows(self.vectors.reserve(rows_of(axes) * together), axes, together)
        self.level([], [Task(node, (node,), axes, kept)])
        self.levels[-1].values[node.id] = kept

    def _clear(self, spread: Node) -> None:
        """Make room for the numbers of a spread, and set them to 0."""
        count = scatter(spread).outputs
        first = self.vectors.reserve(count)
        self.laid_out[spread.id] = first

        def body(index: Any, _: list[Real]) -> list[Real]:
            self.vectors.store(self.vectors.number(0.0), self.memory(index))
            return []

        self.vectors.loop(first, first + count, 1, [], body)

    def _put(self, task: Task) -> None:
        """Store a value in its row, or add it to the number of a spread that the row's position names."""
        (values,) = (self._values(need) for need in task.needs)
        builder = self.vectors.builder
        if task.memory is not None:
            addresses = self._addresses(task.memory)
            for address, value in zip(addresses, _spread_out(values, len(addresses)), strict=True):
                self.vectors.store(value, address)
            return
        first = integer(self.laid_out[task.node.id])
        places = self._positions(task.node, scatter(task.node).axes)
        for place, value in zip(places, _spread_out(values, len(places)), strict=True):
            address = self.memory(builder.add(place, first))
            self.vectors.store(self.vectors.load(address) + value, address)

    def _addresses(self, rows: Rows) -> list[Any]:
        """Where the vectors of the current row are."""
        builder, count = self.vectors.builder, rows.together
        places = self._places(rows.axes)
        if count > 1:
            (place,) = places
            places = [builder.add(builder.mul(place, integer(count)), integer(k)) for k in range(count)]
        return [self.memory(builder.add(place, integer(rows.first))) for place in places]

    def _lay_out(self, picks: Iterable[Node]) -> None:
        """Put numbers from which rows pick into memory."""
        for node in picks:
            key = self.program.arguments(node)
            if self.program.picks_coordinates(node) or key in self.laid_out:
                continue
            first = self.laid_out[key] = self.vectors.reserve(len(node.args))
            for k, value in enumerate(node.args):
                self.vectors.store(self._values(value)[0], self.memory(integer(first + k)))

    def _places(self, axes: Sequence[Axis]) -> list[Any]:
        """The number of the row in an array with these axes, for each of the rows that are computed together."""
        builder = self.vectors.builder
        places: list[Any] = [integer(0)]
        for axis in axes:
            rows = self._rows(axis)
            count = max(len(places), len(rows))
            pairs = zip(_spread_out(places, count), _spread_out(rows, count), strict=True)
            places = [builder.add(builder.mul(place, integer(axis.length)), row) for place, row in pairs]
        return places

    def _rows(self, axis: Axis) -> list[Any]:
        return next(level.rows for level in reversed(self.levels) if level.axis == axis)

    def _positions(self, node: Node, axes: Sequence[Axis]) -> list[Any]:
        """What the table of a pick or a spread says: read, or computed if it is an arithmetic progression."""
        vectors, builder = self.vectors, self.vectors.builder
        table = self.positions(node)
        found = progression(table)
        if found is None:
            address = self.table(node)
            return [vectors.position(vectors.at(address, row, INTEGER)) for row in self._places(axes)]
        first, steps = found
        places: list[Any] = [integer(first)]
        for axis, by in zip(axes, steps, strict=True):
            rows = [builder.mul(row, integer(by)) for row in self._rows(axis)] if by else [integer(0)]
            count = max(len(places), len(rows))
            pairs = zip(_spread_out(places, count), _spread_out(rows, count), strict=True)
            places = [builder.add(*pair) for pair in pairs]
        return places

    # Values

    def _region(self, wanted: Iterable[Node]) -> list[Node]:
        """The nodes that are still to be computed for others, in an order of computation."""
        found: dict[int, Node] = {}
        stack = list(wanted)
        while stack:
            node = stack.pop()
            if node.id not in found and self._found(node) is None:
                found[node.id] = node
                stack.extend(self.program.needs(node))
        return [found[key] for key in sorted(found)]

    def _found(self, node: Node) -> Any:
        for level in reversed(self.levels):
            if node.id in level.values:
                return level.values[node.id]
        return None

    def _values(self, node: Node) -> Values:
        """The value of a node that has been computed, loaded if it is in memory."""
        found = self._found(node)
        if isinstance(found, Rows):
            found = [self.vectors.load(address) for address in self._addresses(found)]
            self.levels[-1].values[node.id] = found
        assert found is not None, node
        return found

    def _compute(self, wanted: Iterable[Node]) -> None:
        """Append the code of nodes whose sums have been computed."""
        region = self._region(wanted)
        for node in frugal(region, self.program.needs) if len(region) > self.few else region:
            if self._found(node) is not None:  # the other one of a sine and a cosine
                continue
            if node.id in self.program.pairs:
                pairs = [self.functions.call("sincos", [value]) for value in self._values(node.args[0])]
                for place, other in enumerate(self.program.pairs[node.id]):
                    self.levels[-1].values[other.id] = [pair[place] for pair in pairs]
            else:
                self.levels[-1].values[node.id] = self._computed(node)
            if node.id in self.slots:
                self._store(node)

    def _computed(self, node: Node) -> Values:
        vectors = self.vectors
        match node.op:
            case "const":
                return [vectors.number(node.value)]
            case "x" | "p" | "input":
                return [self.leaf(node)]
            case "data":
                places, table = self._places(node.axes), self.table(node)
                return [vectors.uniform(vectors.at(table, place, vectors.scalar)) for place in places]
            case "pick":
                return self._picked(node)
            case "part":
                first = self.laid_out[node.args[0].id]
                return [vectors.load(self.memory(integer(first + int(node.value))))]
        arguments = [self._values(need) for need in self.program.needs(node)]
        count = max(map(len, arguments))
        together = zip(*(_spread_out(values, count) for values in arguments), strict=True)
        return [self._applied(node, list(each)) for each in together]

    def _picked(self, node: Node) -> Values:
        vectors = self.vectors
        places = self._positions(node, node.axes)
        if self.program.picks_coordinates(node):
            return [vectors.load(self.coordinate(place)) for place in places]
        first = integer(self.laid_out[self.program.arguments(node)])
        return [vectors.load(self.memory(vectors.builder.add(place, first))) for place in places]

    def _applied(self, node: Node, arguments: list[Any]) -> Any:
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


_START = {"sum": 0.0, "prod": 1.0, "least": float("inf"), "greatest": float("-inf")}

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


class Program:
    """What the lowering knows of the nodes that the outputs need: which are fused, and which come in pairs."""

    def __init__(self, outputs: Sequence[Node], *, fuses: bool):
        nodes = reachable(outputs)
        self.pairs = sine_cosine_pairs(nodes)
        self._absorbed: dict[int, int] = {}
        self._needs: dict[int, tuple[Node, ...]] = {}
        uses = Counter(arg.id for node in nodes for arg in node.args) + Counter(node.id for node in outputs)
        for node in nodes:
            if node.op == "pick" and self.picks_coordinates(node):
                self._needs[node.id] = ()
            elif fuses and node.op in ("add", "sub", "sum"):
                self._absorb(node, uses)

    def _absorb(self, node: Node, uses: Counter[int]) -> None:
        """Let a sum or difference take in a product that nothing else uses, and that is computed as often."""
        for place, arg in enumerate(node.args):
            if arg.op == "mul" and uses[arg.id] == 1 and (node.op == "sum" or arg.axes == node.axes):
                others = node.args[:place] + node.args[place + 1 :]
                self._absorbed[node.id], self._needs[node.id] = place, (*arg.args, *others)
                return

    def needs(self, node: Node) -> tuple[Node, ...]:
        """The nodes whose values a node's code uses."""
        return self._needs.get(node.id, node.args)

    def absorbed(self, node: Node) -> int:
        """Which argument of a sum or difference is a product that it takes in."""
        return self._absorbed[node.id]

    @staticmethod
    def picks_coordinates(node: Node) -> bool:
        """Whether rows pick from the coordinates themselves, which are in memory anyway."""
        return all(arg.op == "x" for arg in node.args)

    @staticmethod
    def arguments(node: Node) -> tuple[int, ...]:
        """What two picks from the same numbers have in common."""
        return tuple(arg.id for arg in node.args)


def scatter(spread: Node) -> Scatter:
    """What a spread needs to know."""
    assert isinstance(spread.attr, Scatter)
    return spread.attr


def progression(table: NDArray[Any]) -> tuple[int, list[int]] | None:
    """Return the first number of a table and its steps along each axis, if these are the same everywhere.

    >>> progression(np.array([[3, 4, 5], [13, 14, 15]]))
    (3, [10, 1])
    >>> progression(np.array([0, 1, 0])) is None
    True
    """
    first = int(table.flat[0])
    steps = []
    for axis in range(table.ndim):
        step = np.take(table, 1, axis).flat[0] - first if table.shape[axis] > 1 else 0
        steps.append(int(step))
    grid: Any = first
    for axis, step in enumerate(steps):
        grid = grid + step * np.arange(table.shape[axis]).reshape(-1, *[1] * (table.ndim - 1 - axis))
    return (first, steps) if np.array_equal(table, np.broadcast_to(grid, table.shape)) else None


def _spread_out(values: Values, count: int) -> Values:
    return values if len(values) == count else values * count
