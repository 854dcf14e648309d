"""The same expression without rows: every row of every axis written out, for what knows nothing of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.trace.graph import Axes, Axis, Entry, Node, Scatter, reachable
from batchgd.compiler.trace.loops import interior, loop_of, places_of
from batchgd.compiler.trace.operations import REDUCTIONS
from batchgd.compiler.trace.rows import made_again

_Values = dict[int, NDArray[Any]]

_STEP = {"sum": "add", "prod": "mul", "least": "minimum", "greatest": "maximum"}


def unrolled(outputs: Sequence[Node]) -> list[Node]:
    """Return the outputs, which have no axes, as expressions without rows; sums run from the first row to the last.

    >>> from batchgd.compiler.trace.graph import Axis
    >>> from batchgd.compiler.trace.rows import data, reduced
    >>> from batchgd.compiler.trace.simplify import SimplifyingGraph
    >>> graph = SimplifyingGraph(dim=1)
    >>> rows = graph.make("sin", graph.make("mul", graph.x[0], data(graph, np.array([2.0, 3.0]), [Axis(2)])))
    >>> unrolled([reduced("sum", rows, Axis(2))])
    [add(sin(mul(2.0, x0)), sin(mul(3.0, x0)))]
    """
    values = _all(outputs)
    return [_only(values, node) for node in outputs]


def written_out(node: Node) -> NDArray[Any]:
    """Return the nodes of all rows of a node, one dimension per axis."""
    return _all([node])[node.id]


def _all(outputs: Sequence[Node]) -> _Values:
    values: _Values = {}
    for node in reachable(outputs):
        values[node.id] = _carries(node, values) if node.op == "scan" else _rows(node, values)
    return values


def _rows(node: Node, values: _Values) -> NDArray[Any]:
    """Return an array of nodes, one dimension per axis."""
    graph = node.graph
    if node.op == "data":
        return _map(graph.constant, node.table)
    if node.op == "pick":
        return _array([_only(values, arg) for arg in node.args])[node.table]
    if node.op in REDUCTIONS:
        return _folded(node, values[node.args[0].id], node.args[0].axes)
    if node.op == "spread":
        return _scattered(node, values[node.args[0].id])
    if isinstance(node.attr, Entry):
        return _entries(node, node.attr, values[node.args[0].id])
    if node.op == "part":
        return _array(values[node.args[0].id][int(node.value)])
    if all(arg.axes == () for arg in node.args):
        return _array(made_again(node, tuple(_only(values, arg) for arg in node.args)))
    shaped = [_shaped(values[arg.id], arg.axes, node.axes) for arg in node.args]
    return _map(lambda *args: graph.make(node.op, *args), *shaped)


def _carries(scan: Node, values: _Values) -> NDArray[Any]:
    """Return all carries: their numbers, the rows and one more, and the scan's axes."""
    loop, at = loop_of(scan), places_of(scan)
    inner = [node for node in interior(loop.following) if node.op != "carry"]
    outside = [*scan.args, *(arg for node in inner for arg in node.args if arg.op == "const"), *loop.following]
    kept = np.empty((len(loop.carries), loop.axis.length + 1, *(axis.length for axis in scan.axes)), dtype=object)
    for j, arg in enumerate(scan.args[: len(kept)]):
        kept[j, at.first, ...] = _shaped(values[arg.id], arg.axes, scan.axes)
    for row in range(loop.axis.length)[::-1] if loop.reverse else range(loop.axis.length):
        here: _Values = {}
        for node in outside:
            if node.op == "const":
                here[node.id] = _array(node)
            elif node.id in values:
                here[node.id] = _in_row(values[node.id], node.axes, loop.axis, row)
        for leaf, entering in zip(loop.carries, kept[:, at.entering[row]], strict=True):
            here[leaf.id] = _shaped(_array(entering), scan.axes, _without(leaf.axes, loop.axis))
        for node in inner:
            here[node.id] = _in_step(node, loop.axis, here)
        for j, node in enumerate(loop.following):
            kept[j, at.leaving[row], ...] = _shaped(here[node.id], _without(node.axes, loop.axis), scan.axes)
    return kept


def _in_row(rows: NDArray[Any], axes: Axes, axis: Axis, row: int) -> NDArray[Any]:
    return _array(rows.take(row, axes.index(axis))) if axis in axes else rows


def _without(axes: Axes, axis: Axis) -> Axes:
    return tuple(each for each in axes if each != axis)


def _in_step(node: Node, axis: Axis, here: _Values) -> NDArray[Any]:
    """Return a node of a step, with its axes but for the one of the scan."""
    graph, own = node.graph, _without(node.axes, axis)
    if node.op in REDUCTIONS:
        return _folded(node, here[node.args[0].id], _without(node.args[0].axes, axis))
    shaped = [_shaped(here[arg.id], _without(arg.axes, axis), own) for arg in node.args]
    return _map(lambda *args: graph.make(node.op, *args), *shaped)


def _entries(node: Node, entry: Entry, numbers: NDArray[Any]) -> NDArray[Any]:
    """Return the carries, or numbers of a spread, that rows choose."""
    (arg,) = node.args
    where = [_shaped(node.table, entry.axes, node.axes)]
    for axis in arg.axes:
        where.append(_shaped(np.arange(axis.length), (axis,), node.axes))
    return _array((numbers[int(node.value)] if arg.op == "scan" else numbers)[tuple(where)])


def _only(values: _Values, node: Node) -> Any:
    return values[node.id][()]


def _folded(node: Node, rows: NDArray[Any], axes: Axes) -> NDArray[Any]:
    graph, (axis,) = node.graph, node.bound
    moved = np.moveaxis(rows, axes.index(axis), 0)
    total = _array(moved[0])
    for each in moved[1:]:
        total = _map(lambda a, b: graph.make(_STEP[node.op], a, b), total, _array(each))
    return total


def _scattered(node: Node, rows: NDArray[Any]) -> NDArray[Any]:
    graph, where = node.graph, node.attr
    assert isinstance(where, Scatter)
    sums = [graph.constant(0.0)] * where.outputs
    shaped = np.broadcast_to(_shaped(rows, node.args[0].axes, where.axes), node.table.shape)
    for j, each in zip(node.table.flat, shaped.flat, strict=True):
        sums[j] = graph.make("add", sums[j], each)
    return _array(sums)


def _shaped(rows: NDArray[Any], own: Axes, axes: Axes) -> NDArray[Any]:
    return rows.reshape([axis.length if axis in own else 1 for axis in axes])


def _map(function: Any, *arrays: NDArray[Any]) -> NDArray[Any]:
    return _array(np.frompyfunc(function, len(arrays), 1)(*arrays))


def _array(value: Any) -> NDArray[Any]:
    return np.asarray(value, dtype=object)
