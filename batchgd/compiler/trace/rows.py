"""Nodes with row axes: data, gathers of coordinates, reductions, carries, and the same expression on other rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.trace.graph import Axes, Axis, Entry, Graph, Loop, Node, Scatter
from batchgd.compiler.trace.loops import LOOP, carry, loop_of, places_of, scanned
from batchgd.compiler.trace.operations import REDUCTIONS


def data(graph: Graph, array: NDArray[Any], axes: Sequence[Axis]) -> Node:
    """Return the node of an array of numbers, whose dimensions are these axes; a constant if all are equal.

    >>> graph = Graph(dim=1)
    >>> data(graph, np.arange(50.0), [Axis(50)]), data(graph, np.ones(50), [Axis(50)])
    (data[50], 1.0)
    """
    array = np.asarray(array, np.float64)
    if array.size and (array.ndim == 0 or _uniform(array)):
        return graph.constant(float(array.flat[0]))
    array, ordered = _in_order(array, axes)
    return graph.intern("data", (), attr=graph.table(array), axes=ordered)


def pick(graph: Graph, args: Sequence[Node], positions: NDArray[Any], axes: Sequence[Axis]) -> Node:
    """Return ``args[k]``, where k is the whole number that a row has in an array with these axes.

    >>> graph = Graph(dim=3)
    >>> pick(graph, graph.x, np.arange(99) % 3, [Axis(99)]), pick(graph, graph.x, np.ones(99, int), [Axis(99)])
    (pick[99], x1)
    """
    if positions.ndim == 0 or (positions == positions.flat[0]).all():
        return args[int(positions.flat[0])]
    if all(arg.op == "const" for arg in args):
        return data(graph, np.array([arg.value for arg in args])[positions], axes)
    positions, ordered = _in_order(positions, axes)
    return graph.intern("pick", tuple(args), attr=graph.table(positions), axes=ordered)


def reduced(op: str, arg: Node, axis: Axis) -> Node:
    """Return the sum, product, least or greatest of a node over one of its rows' axes; over others it is constant.

    The bound axis gets the first name that is free, so that equal sums are one node.

    >>> graph = Graph(dim=1)
    >>> rows = graph.make("mul", graph.x[0], data(graph, np.arange(50.0), [Axis(50)]))
    >>> reduced("sum", rows, Axis(50)).axes, reduced("sum", graph.x[0], Axis(50))
    ((), mul(50.0, x0))
    """
    graph = arg.graph
    arg = graph.number(arg)
    if axis not in arg.axes:
        count = graph.constant(float(axis.length))
        return {"sum": lambda: graph.make("mul", count, arg), "prod": lambda: graph.make("power", arg, count)}.get(
            op, lambda: arg
        )()
    rest = tuple(each for each in arg.axes if each != axis)
    if arg.op == "data":
        with np.errstate(all="ignore"):
            return data(graph, REDUCTIONS[op].reduce(arg.table, axis=arg.axes.index(axis)), rest)
    rule = graph.rules.get(op)
    simpler = rule(graph, arg, axis) if rule else None
    if simpler is not None:
        return simpler
    name = unused(axis.length, rest)
    if name != axis:
        arg = reindexed([arg], {axis: name})[0]
    return graph.intern(op, (arg,), attr=name, axes=rest)


def unused(length: int, axes: Sequence[Axis], index: int = 0) -> Axis:
    """Return the first axis of a length, from an index on, that is none of these."""
    while Axis(length, index) in axes:
        index += 1
    return Axis(length, index)


def scattered(arg: Node, picked: Node) -> dict[int, Node]:
    """Return, for each argument of a pick that occurs in some row, the sum of a node over the rows in which it does."""
    where = Scatter(str(picked.attr), picked.axes, len(picked.args))
    return {int(j): part(spread(arg, where), int(j)) for j in np.unique(picked.table)}


def spread(arg: Node, where: Scatter) -> Node:
    """Return the node of all sums of a scatter; ``part`` gives one of them."""
    rest = tuple(axis for axis in arg.axes if axis not in where.axes)
    return arg.graph.intern("spread", (arg.graph.number(arg),), attr=where, axes=rest)


def part(node: Node, j: int) -> Node:
    """Return one of the numbers of a spread: without rows below it, a multiple of its argument."""
    graph, (arg,) = node.graph, node.args
    if not any(axis in arg.axes for axis in node.bound):
        return graph.make("mul", graph.constant(float(np.count_nonzero(node.table == j))), arg)
    return graph.intern("part", (node,), float(j))


def entry(node: Node, number: int, positions: NDArray[Any], axes: Sequence[Axis]) -> Node:
    """Return those carries of a scan, or numbers of a spread, that have the positions in an array with these axes."""
    if positions.ndim and (positions == positions.flat[0]).all():
        positions, axes = positions.ravel()[0:1].reshape(()), ()
    if isinstance(node.attr, Loop):
        initial, following = node.args[number], node.attr.following[number]
        if following is initial or (positions.ndim == 0 and positions == places_of(node).first):
            return initial
    positions, ordered = _in_order(positions, axes)
    where = Entry(node.graph.table(positions), ordered)
    return node.graph.intern("entry", (node,), float(number), where, tuple(sorted({*ordered, *node.axes})))


def made_again(node: Node, args: tuple[Node, ...]) -> Node:
    """Return the same operation on other arguments."""
    if all(a is b for a, b in zip(args, node.args, strict=True)):
        return node
    if node.op in REDUCTIONS:
        return reduced(node.op, args[0], node.bound[0])
    if node.op == "pick":
        return pick(node.graph, args, node.table, node.axes)
    if node.op == "spread":
        assert isinstance(node.attr, Scatter)
        return spread(args[0], node.attr)
    if node.op == "part":
        return part(args[0], int(node.value))
    if node.op == "entry":
        assert isinstance(node.attr, Entry)
        return entry(args[0], int(node.value), node.table, node.attr.axes)
    if node.op == "rows":
        return node.graph.intern("rows", args, axes=node.axes, attr="rows")
    return node.graph.make(node.op, *args)


# The same expression on other rows


@dataclass(frozen=True, eq=False)
class Rows:
    """Which rows of an axis are meant: whole numbers with axes of their own, none for a single row."""

    axes: Axes
    positions: NDArray[np.int64]


Target = Axis | Rows
"""What stands in the place of an axis: its name from now on, or a choice of its rows."""


def reindexed(nodes: Sequence[Node], places: Mapping[Axis, Target]) -> list[Node]:
    """Return expressions with other rows in place of axes on which they depend.

    >>> graph = Graph(dim=1)
    >>> rows = graph.make("mul", data(graph, np.arange(50.0), [Axis(50)]), graph.x[0])
    >>> reindexed([rows], {Axis(50): Rows((), np.array(7))})
    [mul(7.0, x0)]
    """
    return _Reindexing().all(nodes, dict(places))


class _Reindexing:
    def __init__(self) -> None:
        self.done: dict[Any, dict[int, Node]] = {}

    def all(self, nodes: Sequence[Node], places: dict[Axis, Target]) -> list[Node]:
        """Rebuild what depends on the axes, each node once."""
        places = {axis: target for axis, target in places.items() if target != axis}
        new = self.done.setdefault(
            tuple(sorted((a, id(t) if isinstance(t, Rows) else t) for a, t in places.items())), {}
        )
        todo, found = list(nodes), dict[int, Node]()
        while todo:
            node = todo.pop()
            if node.id not in found and node.id not in new:
                found[node.id] = node
                if any(axis in places for axis in node.axes) and node.op not in REDUCTIONS and node.op != "scan":
                    todo.extend(node.args)
        for key in sorted(found):
            new[key] = self._one(found[key], places, new)
        return [new[node.id] for node in nodes]

    def _one(self, node: Node, places: dict[Axis, Target], new: dict[int, Node]) -> Node:
        free = {axis: places[axis] for axis in node.axes if axis in places}
        if not free:
            return node
        if node.op in REDUCTIONS:
            return self._reduction(node, free)
        if node.op in ("data", "pick"):
            table, axes = _taken(node.table, node.axes, free)
            return data(node.graph, table, axes) if node.op == "data" else pick(node.graph, node.args, table, axes)
        if node.op == "entry":
            assert isinstance(node.attr, Entry)
            own = {axis: free[axis] for axis in node.attr.axes if axis in free}
            table, axes = _taken(node.table, node.attr.axes, own) if own else (node.table, node.attr.axes)
            return entry(new[node.args[0].id], int(node.value), table, axes)
        if node.op == "scan":
            return self._scan(node, free)
        if node.op == "carry":
            assert isinstance(node.attr, Axis)
            own_axis = free.get(node.attr, node.attr)
            assert isinstance(own_axis, Axis)
            others = {axis for each in node.axes if each != node.attr for axis in _axes_of(free.get(each, each))}
            return carry(node.graph, int(node.value), own_axis, tuple(others))
        return made_again(node, tuple(new[arg.id] for arg in node.args))

    def _reduction(self, node: Node, free: dict[Axis, Target]) -> Node:
        """The bound axis makes room if its name is taken."""
        (bound,) = node.bound
        name = unused(bound.length, _outside(node, free))
        return reduced(node.op, self.all(node.args, {**free, bound: name})[0], name)

    def _scan(self, node: Node, free: dict[Axis, Target]) -> Node:
        """So does that of a recurrence; its initial values lie outside."""
        loop = loop_of(node)
        name = unused(loop.axis.length, _outside(node, free), LOOP)
        count = len(loop.carries)
        initial = self.all(node.args[:count], free)
        inner = self.all([*loop.carries, *loop.following], {**free, loop.axis: name})
        return scanned(name, initial, inner[:count], inner[count:], loop.reverse)


def _outside(node: Node, free: Mapping[Axis, Target]) -> Axes:
    """Return the axes that what is left of an expression has."""
    return tuple({axis for axis in node.axes if axis not in free}.union(*map(_axes_of, free.values())))


def _axes_of(target: Target) -> Axes:
    return target.axes if isinstance(target, Rows) else (target,)


def _taken(table: NDArray[Any], axes: Axes, places: Mapping[Axis, Target]) -> tuple[NDArray[Any], Axes]:
    """Return the part of a table that other rows see, and its axes."""
    targets = [places.get(axis, axis) for axis in axes]
    names = [target for target in targets if isinstance(target, Axis)]
    if len(set(names)) == len(targets):
        return table, tuple(names)
    joint = tuple(sorted({axis for target in targets for axis in _axes_of(target)}))
    positions = []
    for axis, target in zip(axes, targets, strict=True):
        rows = target if isinstance(target, Rows) else Rows((target,), np.arange(axis.length))
        array, ordered = _in_order(rows.positions, rows.axes)
        positions.append(array.reshape([each.length if each in ordered else 1 for each in joint]))
    return table[tuple(np.broadcast_arrays(*positions))], joint


def _in_order(array: NDArray[Any], axes: Sequence[Axis]) -> tuple[NDArray[Any], Axes]:
    """Return an array with its dimensions in the order of its axes."""
    order = sorted(range(len(axes)), key=lambda i: axes[i])
    return array.transpose(order), tuple(axes[i] for i in order)


def _uniform(array: NDArray[Any]) -> bool:
    first = array.flat[0]
    return bool((array == first).all() if first == first else np.isnan(array).all())
