"""From nodes to LLVM: straight-line code for numbers per lane, loops for numbers per lane and row.

What a sum over rows needs that is itself a sum makes it wait: sums that depend on no other form the first stage, those
that depend on these the second. A stage is one loop per axis, in which everything that has the axis is computed where
it is used, so that no array of rows is kept. A sum that still has an axis is a loop within that axis' loop. Only what
would be computed again for every row of an axis on which it does not depend is kept in memory.

The operations of a lane, and which products and sums are fused, are decided here by the nodes alone, and not by LLVM:
they are the same for every width of a vector, and for every processor that fuses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from batchgd.compiler.lower.functions import Functions
from batchgd.compiler.lower.products import MANY, ROWS, ProductSums
from batchgd.compiler.lower.program import Program, cost_of, scatter
from batchgd.compiler.lower.values import Computed, Level, Surroundings, Values, spread_out
from batchgd.compiler.lower.vectors import Rows, Vectors, integer
from batchgd.compiler.trace.graph import Axis, Node, rows_of
from batchgd.compiler.trace.loops import loop_of, places_of
from batchgd.compiler.trace.operations import REDUCTIONS
from batchgd.kernels.vecmath.ir import Real, fma

TOGETHER = 4
"""Rows that are computed together if each has little to do or a loop of its own: one does not wait for another.

With 8, products with a matrix take as long: 4 multiply-adds fill the wait for the first.
"""

LITTLE = 24
"""The cost below which a row has little to do. For a network (400), 4 at a time took 1.05 times as long."""

MUCH = 200
"""The cost from which on rows with a loop of their own are computed one by one, because code grows with them."""

KEPT = 12
"""The cost from which on a value is kept in memory rather than computed again for every row of another axis."""


@dataclass(frozen=True)
class Task:
    """Something that is done for every row of some axes: add to a sum, to the numbers of a spread, keep a value."""

    node: Node
    needs: tuple[Node, ...]
    axes: tuple[Axis, ...]
    memory: Rows | None = None

    @property
    def is_sum(self) -> bool:
        """Whether it is carried from row to row."""
        return self.node.op in REDUCTIONS and self.memory is None

    @property
    def begins_spread(self) -> bool:
        """Whether it is all of a spread, and not what is left of it within a loop."""
        return self.node.op == "spread" and self.memory is None and self.axes == self.node.bound

    def inside(self, axis: Axis) -> Task:
        """What is left of it within a loop over one axis."""
        return Task(self.node, self.needs, tuple(other for other in self.axes if other != axis), self.memory)


class Loops(Computed):
    """Appends the code of nodes, loops over rows included."""

    starts: ClassVar[Mapping[str, float]] = {"sum": 0.0, "prod": 1.0, "least": float("inf"), "greatest": float("-inf")}
    """What reductions begin with."""

    def __init__(self, vectors: Vectors, functions: Functions, program: Program, around: Surroundings):
        super().__init__(vectors, functions, program, around)
        self.ranks: dict[int, int] = {}
        self.kept: dict[int, Callable[[Real], None]] = {}

    def known(self, node: Node) -> None:
        """Store a factor of products as soon as it is known, so that it takes no register."""
        if node.id in self.kept:
            self.kept.pop(node.id)(self.values(node)[0])

    # Loops

    def level(self, wanted: Iterable[Node], tasks: Iterable[Task]) -> None:
        """Append all stages of the open loops' innermost turn: some tasks, and whatever wanted nodes need."""
        wanted, tasks, inside = list(wanted), list(tasks), self.open
        stages: dict[int, list[Task]] = {}
        stage: dict[int, int] = {}
        for node in self.region([*wanted, *(need for task in tasks for need in task.needs)]):
            now = max((stage.get(need.id, 0) for need in self.program.needs(node)), default=0)
            if node.bound and (node.op == "scan" or inside.issuperset(node.axes)):
                now += 1
                stages.setdefault(now, []).append(Task(node, self.program.needs(node), node.bound))
            stage[node.id] = now
        for task in tasks:
            now = 1 + max(stage.get(need.id, 0) for need in task.needs)
            stages.setdefault(now, []).append(task)
        for now in sorted(stages):
            self._stage(stages[now])
        self.compute(wanted)

    def _stage(self, tasks: list[Task]) -> None:
        """One loop for each recurrence, and for each axis that a task has outermost."""
        for task in tasks:
            if task.node.op == "scan":
                self._recur(task.node)
        tasks = [task for task in tasks if task.node.op != "scan"]
        for task in tasks:
            if task.begins_spread:
                self._clear(task.node)
        by_axis: dict[Axis, list[Task]] = {}
        for task in tasks:
            if len(task.axes) == 1:
                by_axis.setdefault(task.axes[0], []).append(task)
        for task in tasks:
            if len(task.axes) > 1:
                by_axis.setdefault(self._outermost(task, by_axis), []).append(task)
        for axis in self._shared(by_axis):
            self._loop(axis, by_axis[axis])

    def _shared(self, by_axis: dict[Axis, list[Task]]) -> list[Axis]:
        """Return the order of loops in which some keep what others need, instead of a further loop that does so."""
        kept = {axis: self._kept(axis, _needs(tasks)) for axis, tasks in by_axis.items()}
        waits = {axis: {a for node in nodes for a in node.axes if a in by_axis} for axis, nodes in kept.items()}
        order: list[Axis] = []
        while len(order) < len(by_axis):
            left = [axis for axis in sorted(by_axis) if axis not in order]
            axis = next((axis for axis in left if waits[axis].issubset(order)), left[0])
            order.append(axis)
            for node in kept[axis]:
                axes = tuple(each for each in node.axes if each not in self.open)
                if len(axes) == 1 and axes[0] in order and all(task.node is not node for task in by_axis[axes[0]]):
                    by_axis[axes[0]].append(self._keeping(node, axes))
        return order

    def _outermost(self, task: Task, others: Iterable[Axis]) -> Axis:
        """The axis to loop over first: the one for which least must be kept in memory, and if possible another's."""
        region = self.region(task.needs)
        inside = self.open

        def kept(axis: Axis) -> int:
            return sum(bool(n.bound) and axis not in n.axes and not inside.issuperset(n.axes) for n in region)

        return min(task.axes, key=lambda axis: (kept(axis), axis not in others, axis))

    def _loop(self, axis: Axis, tasks: list[Task]) -> None:
        """Append the loop over one axis that does these tasks, and what must be done before it."""
        region = self._prepared(axis, _needs(tasks))
        products = [task for task in tasks if len(task.needs) == 2 and task.axes == (axis,) and task.node.op == "sum"]
        if len(products) > MANY and self.instances(self.open) == 1:
            products.sort(key=lambda task: self.ranks.get(task.node.id, len(self.ranks)))
            apart = {id(task) for task in products}
            self._products(axis, products, [task for task in tasks if id(task) not in apart])
            return
        together, nested = self._together(axis, tasks, region)
        carried = self._begun(tasks, 1 if nested else together)
        whole = axis.length - axis.length % together
        carried = self._turns(axis, (0, whole, together), tasks, carried)
        if whole < axis.length:
            carried = self._turns(axis, (whole, axis.length, 1), tasks, carried)
        self._ended(tasks, carried)

    def _begun(self, tasks: list[Task], together: int) -> list[Values]:
        """Return what the sums of a loop begin with, each in some parts."""
        sums = [task.node for task in tasks if task.is_sum]
        parts = [max(self.instances(node.axes), together) for node in sums]
        return [[self.vectors.number(self.starts[node.op])] * n for node, n in zip(sums, parts, strict=True)]

    def _ended(self, tasks: list[Task], carried: list[Values]) -> None:
        """Note what the sums of a loop are at its end, and what it has put into memory."""
        sums = [task.node for task in tasks if task.is_sum]
        for node, values in zip(sums, carried, strict=True):
            while len(values) > self.instances(node.axes):
                values = [self._combined(node.op, *values[k : k + 2]) for k in range(0, len(values), 2)]
            self.levels[-1].values[node.id] = values
        for task in tasks:
            if task.memory is not None:
                self.levels[-1].values[task.node.id] = task.memory
            elif task.begins_spread:
                self.levels[-1].values[task.node.id] = []

    def _products(self, axis: Axis, tasks: list[Task], others: list[Task]) -> None:
        """Append the loop over one axis that adds up many products, in memory, and does other tasks."""
        vectors = self.vectors
        products = ProductSums([(task.node, task.needs) for task in tasks], vectors, self.around)

        def tiles(first: int, last: int, rows: int, carried: list[Values]) -> list[Values]:
            sizes = [len(values) for values in carried]

            def body(index: Any, entering: list[Real]) -> list[Real]:
                left = self._turns(axis, (0, rows, 1), others, _split(entering, sizes), (index, products))
                products.add(rows)
                return [value for values in left for value in values]

            return _split(vectors.loop(first, last, rows, [value for each in carried for value in each], body), sizes)

        rest = axis.length % ROWS
        carried = self._begun(others, 1)
        if axis.length >= ROWS:
            carried = tiles(0, axis.length - rest, ROWS, carried)
        if rest:
            carried = tiles(axis.length - rest, axis.length, rest, carried)
        self._ended(others, carried)
        for k, task in enumerate(tasks):
            self.levels[-1].values[task.node.id] = Rows(products.totals + k, (), 1)

    def _prepared(self, axis: Axis, needs: list[Node]) -> list[Node]:
        """Append what is done before a loop over one axis; return what is left for its turns."""
        for node in self._kept(axis, needs):
            self._keep(node)
        region, inside = self.region(needs), self.open
        self.compute(node for node in region if inside.issuperset(node.axes))
        if len(self.levels) == 1:
            self.lay_out(node for node in region if node.op == "pick")
        return region

    def _recur(self, scan: Node) -> None:
        """Append a recurrence, for all rows of further axes, and keep in memory those carries that are looked up."""
        count = (loop_of(scan).axis.length + 1) * rows_of(scan.axes)
        looked_up = [j for j in range(len(loop_of(scan).carries)) if self.program.is_kept(scan, j)]
        kept = {j: self.vectors.reserve(count) for j in looked_up}
        self.laid_out.update({(scan.id, j): first for j, first in kept.items()})
        self.last[scan.id] = self._recurrences(scan, scan.axes, kept)
        self.levels[-1].values[scan.id] = []

    def _recurrences(self, scan: Node, axes: tuple[Axis, ...], kept: dict[int, int]) -> list[Values]:
        """Append the loops over some axes, and within them that of the recurrence; return its last carries."""
        if not axes:
            return self._recurrence(scan, kept)

        def turn(index: Any, _: list[Real]) -> list[Real]:
            self.levels.append(Level(axes[0], [index]))
            self._recurrences(scan, axes[1:], kept)
            self.levels.pop()
            return []

        self.vectors.loop(0, axes[0].length, 1, [], turn)
        return []

    def _recurrence(self, scan: Node, kept: dict[int, int]) -> list[Values]:
        loop, at, vectors, inside = loop_of(scan), places_of(scan), self.vectors, self.open
        n, initial = loop.axis.length, scan.args[: len(loop.carries)]
        region = self.region([*initial, *loop.following])
        self.level([node for node in region if inside.issuperset(node.axes)], [])
        self._prepared(loop.axis, list(loop.following))
        (own,) = self.places(scan.axes)
        own = vectors.builder.mul(own, integer(n + 1))

        def put(j: int, value: Real, place: Any) -> None:
            place = vectors.builder.add(vectors.builder.add(place, own), integer(kept[j]))
            vectors.store(value, self.around.memory(place))

        def turn(index: Any, carries: list[Real]) -> list[Real]:
            row = vectors.builder.sub(integer(n - 1), index) if loop.reverse else index
            values = {leaf.id: [value] for leaf, value in zip(loop.carries, carries, strict=True)}
            self.levels.append(Level(loop.axis, [row], values))
            self.level(loop.following, [])
            following = [self.values(node)[0] for node in loop.following]
            self.levels.pop()
            place = vectors.builder.add(row, integer(int(at.leaving[0])))
            for j in kept:
                put(j, following[j], place)
            return following

        entering = [self.values(arg)[0] for arg in initial]
        for j in kept:
            put(j, entering[j], integer(at.first))
        return [[value] for value in vectors.loop(0, n, 1, entering, turn)]

    def _together(self, axis: Axis, tasks: list[Task], region: list[Node]) -> tuple[int, bool]:
        """How many rows are computed together, and whether there are further loops in this one."""
        nested = any(node.bound for node in region) or any(len(task.axes) > 1 for task in tasks)
        cost = sum(cost_of(node) for node in region if not node.bound)
        most = MUCH if nested else LITTLE
        alone = cost >= most or axis.length < 2 * TOGETHER or self.instances(self.open) > 1
        return 1 if alone else TOGETHER, nested

    def _turns(
        self,
        axis: Axis,
        turns: tuple[int, int, int],
        tasks: list[Task],
        carried: list[Values],
        tile: tuple[Any, ProductSums] | None = None,
    ) -> list[Values]:
        """Append turns of a loop; those of a tile begin at a row, and keep the factors of products."""
        first, last, step = turns
        sizes, builder = [len(values) for values in carried], self.vectors.builder
        sums = [task.node for task in tasks if task.is_sum]
        factors = [] if tile is None else [*tile[1].factors.values()]

        def body(index: Any, entering: list[Real]) -> list[Real]:
            row = index if tile is None else builder.add(index, tile[0])
            rows = [row, *(builder.add(row, integer(k)) for k in range(1, step))]
            totals = _split(entering, sizes)
            self.levels.append(Level(axis, rows))
            if tile is not None:
                self.kept = {node.id: partial(tile[1].keep, node, index) for node in factors}
            within = [task.inside(axis) for task in tasks]
            now = [task for task in within if not task.axes]
            needs = [need for task in now for need in task.needs]
            self.level([*needs, *factors], [task for task in within if task.axes])
            for node in factors:
                self.known(node)
            for task in now:
                if task.node in sums and task.memory is None:
                    self._add(task, totals[sums.index(task.node)], step)
                else:
                    self._put(task)
            self.levels.pop()
            return [value for values in totals for value in values]

        return _split(self.vectors.loop(first, last, step, [value for each in carried for value in each], body), sizes)

    def _add(self, task: Task, totals: Values, step: int) -> None:
        """Add the rows that are computed together to the parts of a total."""
        count = max(step, self.instances(task.node.axes))
        factors = [spread_out(self.values(need), count) for need in task.needs]
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
        inside, region = self.open, self.region(needs)
        again = {node.id: node for node in region if axis not in node.axes and not inside.issuperset(node.axes)}
        if not again:
            return []
        outside = [node for node in region if node.id not in again]
        asked = {need.id for node in outside for need in self.program.needs(node)} | {need.id for need in needs}
        return [node for node in again.values() if node.id in asked and self._cost(node) >= KEPT]

    def _cost(self, node: Node) -> int:
        return sum(map(cost_of, self.region([node])))

    def _keep(self, node: Node) -> None:
        """Compute a value for all rows of its axes, as far as they are not open, and keep it in memory."""
        self.level([], [self._keeping(node, tuple(axis for axis in node.axes if axis not in self.open))])

    def _keeping(self, node: Node, axes: tuple[Axis, ...]) -> Task:
        """Make room for a value in all rows of some axes; return what puts it there."""
        together = self.instances(node.axes)
        return Task(node, (node,), axes, Rows(self.vectors.reserve(rows_of(axes) * together), axes, together))

    def _clear(self, spread: Node) -> None:
        """Make room for the numbers of a spread that there are rows for, and set them to 0."""
        lowest, highest = int(spread.table.min()), int(spread.table.max())
        if self.program.is_kept(spread):
            lowest, highest = 0, scatter(spread).outputs - 1
        count, instances = highest + 1 - lowest, self.instances(spread.axes)
        first = self.vectors.reserve(count * instances)
        self.sums[spread.id] = [first + k * count - lowest for k in range(instances)]

        def body(index: Any, _: list[Real]) -> list[Real]:
            self.vectors.store(self.vectors.number(0.0), self.around.memory(index))
            return []

        self.vectors.loop(first, first + count * instances, 1, [], body)

    def _put(self, task: Task) -> None:
        """Store a value in its row, or add it to the number of a spread that the row's position names."""
        (values,) = (self.values(need) for need in task.needs)
        builder = self.vectors.builder
        if task.memory is not None:
            addresses = self.addresses(task.memory)
            for address, value in zip(addresses, spread_out(values, len(addresses)), strict=True):
                self.vectors.store(value, address)
            return
        begins, places = self.sums[task.node.id], self.positions(task.node, scatter(task.node).axes)
        count = max(len(begins), len(places))
        for first, place, value in zip(*(spread_out(each, count) for each in (begins, places, values)), strict=True):
            address = self.around.memory(builder.add(place, integer(first)))
            self.vectors.store(self.vectors.load(address) + value, address)


def _split(values: Iterable[Real], sizes: list[int]) -> list[Values]:
    left = iter(values)
    return [[next(left) for _ in range(size)] for size in sizes]


def _needs(tasks: Iterable[Task]) -> list[Node]:
    return [need for task in tasks for need in task.needs]
