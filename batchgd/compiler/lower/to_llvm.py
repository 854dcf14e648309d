"""From nodes to LLVM: straight-line code for numbers per lane, loops for numbers per lane and row.

What a sum over rows needs that is itself a sum makes it wait: sums that depend on no other form the first stage, those
that depend on these the second. A stage is one loop per axis, in which everything that has the axis is computed where
it is used, so that no array of rows is kept. A sum that still has an axis is a loop within that axis' loop. Only what
would be computed again for every row of an axis on which it does not depend is kept in memory.

The operations of a lane, and which products and sums are fused, are decided here by the nodes alone, and not by LLVM:
they are the same for every width of a vector, and for every processor that fuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from batchgd.compiler.lower.functions import Functions
from batchgd.compiler.lower.program import Program, Run, cost_of, scatter
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
    def begins_spread(self) -> bool:
        """Whether it is all of a spread, and not what is left of it within a loop."""
        return self.node.op == "spread" and self.memory is None and self.axes == self.node.bound

    def inside(self, axis: Axis) -> Task:
        """What is left of it within a loop over one axis."""
        return Task(self.node, self.needs, tuple(other for other in self.axes if other != axis), self.memory)


class Lowering(Computed):
    """Appends the code of nodes, loops over rows included."""

    starts: ClassVar[Mapping[str, float]] = {"sum": 0.0, "prod": 1.0, "least": float("inf"), "greatest": float("-inf")}
    """What reductions begin with."""

    def __init__(self, vectors: Vectors, functions: Functions, program: Program, around: Surroundings):
        super().__init__(vectors, functions, program, around)
        self.slots: dict[int, list[int]] = {}

    def put(self, outputs: Mapping[int, Node]) -> None:
        """Append the code of some outputs, given as the nodes to compute by the slots that they are for."""
        runs = self.program.runs(outputs)
        in_runs = {slot for run in runs for slot in range(run.slot, run.slot + run.count)}
        single = {slot: node for slot, node in outputs.items() if slot not in in_runs}
        for slot, node in single.items():
            self.slots.setdefault(node.id, []).append(slot)
        self.level([*single.values(), *(leaf for run in runs for leaf in self._leaves(run.node))], [])
        for node in single.values():
            self.known(node)
        for run in runs:
            self._run(run)

    def known(self, node: Node) -> None:
        """Store an output as soon as it is known, so that it takes no register."""
        for slot in self.slots.pop(node.id, ()):
            self.around.store(integer(slot), self.values(node)[0])

    def _leaves(self, node: Node) -> list[Node]:
        """What must have been computed before the outputs of a run: the same for all, or a spread."""
        if node.op == "x":
            return []
        if node.op == "part":
            return [node.args[0]]
        if not self.program.varies(node):
            return [node]
        return [leaf for need in self.program.needs(node) for leaf in self._leaves(need)]

    def _run(self, run: Run) -> None:
        """Append a loop over outputs that are alike."""

        def body(turn: Any, _: list[Real]) -> list[Real]:
            self.around.store(self.vectors.builder.add(turn, integer(run.slot)), self._shifted(run.node, turn))
            return []

        self.vectors.loop(0, run.count, 1, [], body)

    def _shifted(self, node: Node, turn: Any) -> Any:
        """The value of a node with this number added to those of its coordinates and parts."""
        if node.op == "x":
            number = self.vectors.builder.add(turn, integer(int(node.value)))
            return self.vectors.load(self.around.coordinate(number))
        if node.op == "part":
            (first,) = self.parts(node)
            number = self.vectors.builder.add(turn, integer(first))
            return self.vectors.load(self.around.memory(number))
        if not self.program.varies(node):
            return self.values(node)[0]
        return self.applied(node, [self._shifted(need, turn) for need in self.program.needs(node)])

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
        together, nested = self._together(axis, tasks, region)
        sums = [task.node for task in tasks if task.node.op in REDUCTIONS and task.memory is None]
        parts = [max(self.instances(node.axes), 1 if nested else together) for node in sums]
        carried = [[self.vectors.number(self.starts[node.op])] * n for node, n in zip(sums, parts, strict=True)]
        whole = axis.length - axis.length % together
        carried = self._turns(axis, (0, whole, together), tasks, sums, carried)
        if whole < axis.length:
            carried = self._turns(axis, (whole, axis.length, 1), tasks, sums, carried)
        for node, values in zip(sums, carried, strict=True):
            while len(values) > self.instances(node.axes):
                values = [self._combined(node.op, *values[k : k + 2]) for k in range(0, len(values), 2)]
            self.levels[-1].values[node.id] = values
        for task in tasks:
            if task.memory is not None:
                self.levels[-1].values[task.node.id] = task.memory
            elif task.begins_spread:
                self.levels[-1].values[task.node.id] = []

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


def _needs(tasks: Iterable[Task]) -> list[Node]:
    return [need for task in tasks for need in task.needs]
