"""Compute a graph with rows in NumPy: the plain reference, for many points at a time, in bounded memory.

An array has a dimension for the points and one per row axis. Reductions are computed in stages: each stage takes those
whose arguments need only earlier ones, and runs over all rows that they have in common, some at a time. Whatever they
are reductions of is computed on the way and not kept.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.lower.array_loops import ArrayLoop
from batchgd.compiler.trace.graph import Axes, Axis, Entry, Loop, Node, Scatter, joint_axes, listing, reachable, rows_of
from batchgd.compiler.trace.loops import loop_of
from batchgd.compiler.trace.operations import OPERATIONS, REDUCTIONS

ROWS = 2048
"""How many rows are computed at a time. It determines in which order sums are added up, so nothing else changes it."""

NUMBERS = 1 << 16
"""How many numbers an array of some rows at some points may have, so that what belongs together stays in the cache."""

KEPT = 1 << 22
"""How many numbers may be kept: reductions with rows, and carries."""

IN_LOOPS, KEPT_IN_LOOPS = 1 << 19, 1 << 24
"""The same with recurrences, whose loops over rows run in Python, the faster the more points there are."""

MOST_POINTS = 4096

Array = NDArray[Any]
_Chunk = tuple[slice, ...]


@dataclass
class _Pass:
    """Reductions that run over the same rows: what they need, in order, and which of it is used for the last time."""

    axes: Axes
    ends: list[Node]
    steps: list[Node] = field(default_factory=list)
    last: list[list[int]] = field(default_factory=list)


@dataclass
class _Stage:
    """Passes over rows that need nothing from one another, and after them what is one number per point."""

    passes: list[_Pass] = field(default_factory=list)
    singles: list[Node] = field(default_factory=list)


class ArrayProgram:
    """Computes the outputs of a graph at many points; outputs with rows are of the operation ``rows``.

    Examples
    --------
    >>> from batchgd.compiler.trace.graph import Axis, Graph
    >>> from batchgd.compiler.trace.rows import data, reduced
    >>> graph = Graph(dim=1)
    >>> rows = graph.make("mul", graph.x[0], data(graph, np.arange(100.0), [Axis(100)]))
    >>> ArrayProgram([reduced("sum", rows, Axis(100))])(np.array([[1.0, 2.0]]))
    array([[4950., 9900.]])
    """

    def __init__(self, outputs: Sequence[Node]):
        self.outputs = list(outputs)
        self.stages = _stages(self.outputs)
        passes = [each for stage in self.stages for each in stage.passes]
        rows = min(ROWS, max((rows_of(each.axes) for each in passes), default=1))
        kept: int = sum(rows_of(end.axes) for each in passes for end in each.ends) or 1
        singles = 1 + sum(len(stage.singles) for stage in self.stages) // 16
        scans = [node for stage in self.stages for node in stage.singles if isinstance(node.attr, Loop)]
        kept += sum(rows_of([*scan.axes, *scan.bound]) * len(loop_of(scan).carries) for scan in scans)
        numbers, most = (IN_LOOPS, KEPT_IN_LOOPS) if scans else (NUMBERS, KEPT)
        self.points = int(np.clip(min(numbers // max(rows, singles), most // kept), 1, MOST_POINTS))
        self._tables: dict[Any, Any] = {}

    def __call__(self, x: Array, p: Any = ()) -> Array:
        """Return an array for x of shape (dim, points) and params that are numbers, in the dtype of x.

        Params of shape (params, points) are those of each point.
        Its shape is (outputs, points), or (outputs, points, rows) if they have an axis.
        """
        rows = [axis.length for axis in self.outputs[0].axes]
        out = np.empty((len(self.outputs), x.shape[1], *rows), x.dtype)
        params: Array = np.asarray(p)
        with np.errstate(all="ignore"):
            for first in range(0, x.shape[1], self.points):
                block = slice(first, first + self.points)
                some = params[:, block] if params.ndim == 2 else params
                values = _Values(self, np.ascontiguousarray(x[:, block].T), some)
                for k, node in enumerate(self.outputs):
                    out[k, block] = values.of(node)
        return out

    def kept(self, key: Any, make: Any) -> Any:
        """Return what is made once."""
        if key not in self._tables:
            self._tables[key] = make()
        return self._tables[key]


def _stages(outputs: Sequence[Node]) -> list[_Stage]:
    number: dict[int, int] = {}
    stages: list[_Stage] = [_Stage()]
    passes: dict[tuple[int, Axes], _Pass] = {}

    def end(node: Node, level: int) -> None:
        axes = tuple(sorted({*joint_axes([node, *node.args]), *node.bound}))
        if (level, axes) not in passes:
            passes[level, axes] = _Pass(axes, [])
            stages[level].passes.append(passes[level, axes])
        if node not in passes[level, axes].ends:
            passes[level, axes].ends.append(node)

    for node in reachable(outputs):
        level = max((number[arg.id] for arg in node.args), default=0)
        if node.op == "scan":
            level = max((number[arg.id] + _is_passed(arg) for arg in node.args), default=0)
        elif node.bound or node.op == "rows":
            level += 1
        number[node.id] = level
        while level >= len(stages):
            stages.append(_Stage())
        for arg in node.args if node.op == "scan" else ():
            if _is_passed(arg):
                end(_passed(arg), number[arg.id] + 1)
        if node.op == "scan" or not (node.axes or node.bound or node.op in ("const", "rows")):
            stages[level].singles.append(node)
        elif node.bound or node.op == "rows":
            end(node, level)
    for each in passes.values():
        _fill(each)
    return stages


def _is_passed(node: Node) -> bool:
    """Whether a recurrence gets the rows of an argument in an array that is made for it."""
    return bool(node.axes) and not node.bound and node.op != "data"


def _passed(node: Node) -> Node:
    """Return the output that is this array."""
    return node.graph.intern("rows", (node,), attr="rows", axes=node.axes)


def _fill(over: _Pass) -> None:
    """List what is computed per row for the reductions of a pass."""
    found: dict[int, Node] = {}
    todo = [arg for end in over.ends for arg in end.args]
    while todo:
        node = todo.pop()
        if node.axes and node.id not in found and not node.bound:
            found[node.id] = node
            todo.extend(node.args)
    over.steps = [found[key] for key in sorted(found)]
    position = {node.id: i for i, node in enumerate(over.steps)}
    last = {node.id: i for i, step in enumerate(over.steps) for node in step.args if node.id in position}
    over.last = [[] for _ in over.steps]
    ends = {arg.id for end in over.ends for arg in end.args}
    for key, i in last.items():
        if key not in ends:
            over.last[i].append(key)


_PROGRAMS: WeakValueDictionary[str, ArrayProgram] = WeakValueDictionary()


def program_for(outputs: Sequence[Node]) -> ArrayProgram:
    """Return the program of some outputs, the same one for equal outputs."""
    text = listing(outputs)
    name = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    found = _PROGRAMS.get(name)
    if found is None:
        found = _PROGRAMS[name] = ArrayProgram(outputs)
    return found


class _Values:
    """The values at one block of points."""

    def __init__(self, program: ArrayProgram, x: Array, p: Array):
        self.program, self.x, self.p = program, x, p
        self.real = x.dtype.type
        self.single: dict[int, Any] = {}
        self.reduced: dict[int, Array] = {}
        self.carries: dict[int, list[Array]] = {}
        self.gathered: dict[tuple[Node, ...], Array] = {}
        for stage in program.stages:
            for each in stage.passes:
                self.run(each)
            for node in stage.singles:
                if node.op == "scan":
                    self.loop(node)
                else:
                    self.single[node.id] = self.computed(node)

    def of(self, node: Node) -> Any:
        """Return the value of a node without axes, per point or the same at all, or of an output."""
        if node.op == "rows":
            return self.reduced[node.id]
        return self.real(node.value) if node.op == "const" else self.single[node.id]

    def computed(self, node: Node) -> Any:
        """Return the value of a node without axes whose arguments have theirs."""
        if node.op in ("x", "p"):
            return self.x[:, int(node.value)] if node.op == "x" else self.parameter(int(node.value))
        if node.op == "part":
            return self.reduced[node.args[0].id][:, int(node.value)]
        if node.op == "entry":
            return self.numbered(node)[:, int(node.table)]
        if node.bound:
            return self.reduced[node.id]
        return OPERATIONS[node.op].compute(*(self.of(arg) for arg in node.args))

    def parameter(self, number: int) -> Any:
        """Return a parameter, the same at all points or one for each."""
        return self.real(self.p[number]) if self.p.ndim == 1 else self.p[number]

    def numbered(self, node: Node) -> Array:
        """Return all that an entry chooses from: the points, the numbers, and further axes."""
        (arg,) = node.args
        return self.carries[arg.id][int(node.value)] if arg.op == "scan" else self.reduced[arg.id]

    def loop(self, scan: Node) -> None:
        """Carry out a recurrence."""
        loop = self.program.kept(scan.id, lambda: ArrayLoop(scan))
        arguments = [self.by_row(arg, scan.bound[0]) for arg in scan.args]
        self.carries[scan.id] = loop.run(len(self.x), self.real, arguments)

    def by_row(self, node: Node, axis: Axis) -> Any:
        """Return what a recurrence uses, rows first if it has the axis."""
        if not node.axes:
            return self.of(node)
        if node.op == "data":
            value = node.table.astype(self.real, copy=False)[None]
        else:
            value = self.reduced[_passed(node).id if _is_passed(node) else node.id]
        if axis not in node.axes:
            return value
        return np.ascontiguousarray(np.moveaxis(value, 1 + node.axes.index(axis), 0))

    def run(self, over: _Pass) -> None:
        """Carry out the reductions of a pass."""
        for end in over.ends:
            self.reduced[end.id] = self.started(end)
        for chunk in _chunks(over.axes):
            rows: dict[int, Any] = {}
            for step, done in zip(over.steps, over.last, strict=True):
                rows[step.id] = self.per_row(step, over.axes, chunk, rows)
                for key in done:
                    del rows[key]
            for end in over.ends:
                self.add(end, self.argument(end.args[0], over.axes, chunk, rows), over.axes, chunk)
        for end in over.ends:
            if not end.axes:
                self.single[end.id] = self.reduced[end.id]

    def started(self, end: Node) -> Array:
        """Return the result of a reduction over no rows."""
        if isinstance(end.attr, Scatter):
            return np.zeros((len(self.x), end.attr.outputs, *(axis.length for axis in end.axes)), self.real)
        empty = {"rows": 0.0, "sum": 0.0, "prod": 1.0, "least": np.inf, "greatest": -np.inf}[end.op]
        return np.full((len(self.x), *(axis.length for axis in end.axes)), empty, self.real)

    def argument(self, node: Node, axes: Axes, chunk: _Chunk, rows: dict[int, Any]) -> Any:
        """Return a value in the shape of a pass: points, then its axes."""
        if node.id in rows:
            return rows[node.id]
        if not node.axes:
            value = self.of(node)
            return value.reshape((-1,) + (1,) * len(axes)) if np.ndim(value) else value
        return self.placed(self.reduced[node.id], node.axes, axes, chunk)

    def placed(self, kept: Array, own: Axes, axes: Axes, chunk: _Chunk) -> Array:
        """Return what a reduction that still has axes is in some rows."""
        places = [part for axis, part in zip(axes, chunk, strict=True) if axis in own]
        return kept[(slice(None), *places)].reshape([len(self.x), *_shape(own, axes, chunk)])

    def per_row(self, node: Node, axes: Axes, chunk: _Chunk, rows: dict[int, Any]) -> Any:
        """Compute a node that has rows."""
        if node.op == "part":
            kept = self.reduced[node.args[0].id][:, int(node.value)]
            return self.placed(kept, node.axes, axes, chunk)
        if node.op == "entry":
            return self.entries(node, axes, chunk)
        if node.op not in ("data", "pick"):
            return OPERATIONS[node.op].compute(*(self.argument(arg, axes, chunk, rows) for arg in node.args))
        places = tuple(part for axis, part in zip(axes, chunk, strict=True) if axis in node.axes)
        table = node.table[places].reshape(_shape(node.axes, axes, chunk))
        if node.op == "data":
            return table.astype(self.real, copy=False)[None]
        return self.choices(node.args).take(table, axis=1)

    def entries(self, node: Node, axes: Axes, chunk: _Chunk) -> Array:
        """Return the carries, or numbers of a spread, that rows choose."""
        assert isinstance(node.attr, Entry)
        places = dict(zip(axes, chunk, strict=True))
        own = node.attr.axes
        table = node.table[tuple(places[axis] for axis in own)].reshape(_shape(own, axes, chunk))
        where: list[Any] = [slice(None), table]
        for axis in node.args[0].axes:
            along = np.arange(places[axis].start, places[axis].stop)
            where.append(along.reshape([-1 if other == axis else 1 for other in axes]))
        return self.numbered(node)[tuple(where)]

    def choices(self, args: tuple[Node, ...]) -> Array:
        """Return the arguments of a gather side by side."""
        if args not in self.gathered:
            if args == tuple(args[0].graph.x):
                self.gathered[args] = self.x
            elif self.p.ndim == 2 and args == tuple(args[0].graph.p):
                self.gathered[args] = np.ascontiguousarray(self.p.T)
            else:
                sides = [np.broadcast_to(self.of(arg), len(self.x)) for arg in args]
                self.gathered[args] = np.stack(sides, axis=1)
        return self.gathered[args]

    def add(self, end: Node, rows: Any, axes: Axes, chunk: _Chunk) -> None:
        """Take some rows into a reduction."""
        total, full = self.reduced[end.id], (len(self.x), *(part.stop - part.start for part in chunk))
        rows = np.broadcast_to(rows, full)
        if isinstance(end.attr, Scatter):
            self.scatter(end, total, rows, axes, chunk)
            return
        places = (slice(None), *(part for axis, part in zip(axes, chunk, strict=True) if axis in end.axes))
        if end.op == "rows":
            total[places] = rows
            return
        combine = REDUCTIONS[end.op]
        some = combine.reduce(rows, axis=1 + axes.index(end.bound[0]))
        total[places] = combine(total[places], some)

    def scatter(self, end: Node, total: Array, rows: Array, axes: Axes, chunk: _Chunk) -> None:
        """Add each row to the output that it belongs to."""
        inside = [axis in end.bound for axis in axes]
        own = tuple(part for part, bound in zip(chunk, inside, strict=True) if bound)
        free = tuple(part for part, bound in zip(chunk, inside, strict=True) if not bound)
        key = (end.id, *((part.start, part.stop) for part in own))
        order, first, where = self.program.kept(key, lambda: _sorted(end.table[own].ravel()))
        last = [1 + d for d, bound in enumerate(inside) if bound] + [
            1 + d for d, bound in enumerate(inside) if not bound
        ]
        moved = rows.transpose([0, *last])
        flat = moved.reshape(len(self.x), -1, *moved.shape[1 + len(own) :])[:, order]
        some = flat if len(where) == len(order) else np.add.reduceat(flat, first, axis=1)
        places = (slice(None), slice(None), *free)
        total[places][:, where] += some


def _sorted(table: NDArray[np.int64]) -> tuple[Array, Array, Array]:
    """Return an order that brings equal numbers together, where each of them begins in it, and the numbers."""
    order = np.argsort(table, kind="stable")
    numbers, first = np.unique(table[order], return_index=True)
    return order, first, numbers


def _shape(own: Axes, axes: Axes, chunk: _Chunk) -> list[int]:
    return [part.stop - part.start if axis in own else 1 for axis, part in zip(axes, chunk, strict=True)]


def _chunks(axes: Axes) -> Iterator[_Chunk]:
    """Cut the rows into blocks of bounded size, along the first axes first."""
    pieces: list[list[slice]] = []
    for i, axis in enumerate(axes):
        step = int(np.clip(ROWS // math.prod(each.length for each in axes[i + 1 :]), 1, axis.length))
        pieces.append([slice(k, min(k + step, axis.length)) for k in range(0, axis.length, step)])
    return product(*pieces)
