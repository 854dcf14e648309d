"""Indexing and moving of arrays with large axes: the same expressions on other rows of their tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.trace.escape import escape
from batchgd.compiler.trace.graph import Axis, Entry, Graph, Node
from batchgd.compiler.trace.operations import OPERATIONS, REDUCTIONS
from batchgd.compiler.trace.row_array import Shape, TracedRows, as_rows, axes_for, graph_of, joined, wrapped
from batchgd.compiler.trace.rows import Rows, Target, data, entry, made_again, pick, reindexed
from batchgd.compiler.trace.scalar import Scalar, node_of
from batchgd.compiler.trace.substitutes import cure_for
from batchgd.compiler.trace.unroll_rows import written_out

MOST_POSITIONS = 1 << 26
"""How many elements an array may have whose elements are moved in a way that is not known beforehand."""

Positions = NDArray[np.int64]


def indexed(rows: TracedRows, key: Any) -> Any:
    """Return ``rows[key]`` for any index that does not depend on x."""
    key = _plain_key(key)
    coordinates = []
    for d, n in enumerate(rows.shape):
        along = np.arange(n).reshape([-1 if i == d else 1 for i in range(rows.ndim)])
        coordinates.append(np.broadcast_to(along, rows.shape)[key])
    shape = coordinates[0].shape
    return _taken([rows], None, [[_varying(each) for each in coordinates]], shape)


def moved(function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Carry out a function that only moves the elements of its first argument, or of a list of arrays there."""
    first, rest = args[0], args[1:]
    several = isinstance(first, (list, tuple))
    graph = graph_of([*first] if several else [first])
    sources = [as_rows(graph, each) for each in (first if several else [first])]
    if sum(source.size for source in sources) > MOST_POSITIONS:
        raise escape(f"np.{function.__name__} moves {sources[0].size:,} elements", "index along one axis at a time")
    positions, begin = [], 0
    for source in sources:
        positions.append(np.arange(begin, begin + source.size).reshape(source.shape))
        begin += source.size
    result = function(type(first)(positions) if several else positions[0], *rest, **kwargs)
    if isinstance(result, (list, tuple)):
        return type(result)(_at(sources, each) for each in result)
    return _at(sources, result)


def _at(sources: Sequence[TracedRows], positions: Any) -> Any:
    """Return the elements with these numbers, counted through all sources."""
    positions = np.asarray(positions)
    begins = np.cumsum([0, *(source.size for source in sources)])
    which = np.searchsorted(begins, positions, side="right") - 1
    places = []
    for k, source in enumerate(sources):
        own = np.where(which == k, positions - begins[k], 0)
        places.append([_varying(each) for each in np.unravel_index(own, source.shape)])
    return _taken(sources, which if len(sources) > 1 else None, places, positions.shape)


def replaced(rows: TracedRows, key: Any, value: Any) -> TracedRows:
    """Return what an array is after ``rows[key] = value``."""
    part = np.asarray(np.arange(rows.size).reshape(rows.shape)[_plain_key(key)])
    if part.size == 0:
        return rows
    source = as_rows(rows.graph, value)
    numbers = np.broadcast_to(np.arange(source.size).reshape(source.shape), part.shape)
    where = np.full(rows.size, -1)
    where[part.ravel()] = numbers.ravel()
    where = where.reshape(rows.shape)
    own = [_varying(each) for each in np.indices(rows.shape, sparse=True)]
    new = [_varying(each) for each in np.unravel_index(np.maximum(where, 0), source.shape or (1,))]
    result = _taken([rows, source], (where >= 0).astype(int), [own, new if source.shape else []], rows.shape)
    assert isinstance(result, TracedRows)
    return result


def each_element(rows: TracedRows) -> NDArray[Any]:
    """Return an object array of all elements."""
    if rows.is_complex:
        return np.asarray(joined(each_element(rows.real), each_element(rows.imag)))
    result = np.empty(rows.shape, dtype=object)
    graph, axes = rows.graph, rows.axes
    for index in np.ndindex(rows.cells.shape):
        node = node_of(graph, rows.cells[index])
        if not set(node.axes) <= set(axes):  # within a step of a scan
            result[_column(index, axes)] = _one_by_one(node, [axis for axis in axes if axis is not None])
            continue
        elements = np.frompyfunc(Scalar, 1, 1)(written_out(node))
        order = sorted(axis for axis in axes if axis is not None)
        shaped = np.asarray(elements).reshape([axis.length if axis in node.axes else 1 for axis in order])
        names = [axis for axis in axes if axis is not None]
        result[_column(index, axes)] = shaped.transpose([order.index(axis) for axis in names])
    return result


def _column(index: Shape, axes: Sequence[Axis | None]) -> tuple[Any, ...]:
    return tuple(slice(None) if axis else i for i, axis in zip(index, axes, strict=True))


def _one_by_one(node: Node, axes: Sequence[Axis]) -> NDArray[Any]:
    """Return the elements along some axes of a node that has others."""
    result = np.empty([axis.length for axis in axes], dtype=object)
    for place in np.ndindex(result.shape):
        rows: dict[Axis, Target] = {axis: Rows((), np.array(k)) for axis, k in zip(axes, place, strict=True)}
        result[place] = Scalar(reindexed([node], rows)[0])
    return result


def _plain_key(key: Any) -> Any:
    parts = key if isinstance(key, tuple) else (key,)
    for part in parts:
        traced = isinstance(part, (Scalar, TracedRows)) or (isinstance(part, np.ndarray) and part.dtype == object)
        if traced and np.size(part) > 0:
            raise escape("an index or mask depends on x", cure_for("mask"))
    return key


def _varying(positions: NDArray[Any]) -> Positions:
    """Cut an array to one element along each dimension on which it does not depend."""
    positions = np.asarray(positions)
    for d, n in enumerate(positions.shape):
        first = positions.take([0], d) if n > 1 else positions
        if n > 1 and (positions.strides[d] == 0 or (positions == first).all()):
            positions = first
    return positions


def _taken(
    sources: Sequence[TracedRows], which: Positions | None, places: Sequence[Sequence[Positions]], shape: Shape
) -> Any:
    """Return an array that takes each element from a place of a source: one array of coordinates per dimension."""
    graph, axes = sources[0].graph, axes_for(shape)
    if 0 in shape:
        return np.zeros(shape)
    if any(source.is_complex for source in sources):
        parts = ([source.real for source in sources], [source.imag for source in sources])
        return joined(*(_taken(each, which, places, shape) for each in parts))
    cells = np.empty([1 if axis else n for n, axis in zip(shape, axes, strict=True)], dtype=object)
    which = None if which is None else _varying(which)
    for index in np.ndindex(cells.shape):

        def here(array: Positions, index: Shape = index) -> Positions:
            parts = zip(array.shape, index, axes, strict=True)
            return array[tuple(slice(None) if axis else min(i, n - 1) for n, i, axis in parts)]

        names = [axis for axis in axes if axis is not None]
        chosen = np.zeros((1,) * len(names), int) if which is None else here(which)
        result: Node | None = None
        for k in np.unique(chosen):
            node = _element(graph, sources[k], [here(each) for each in places[k]], names)
            result = node if result is None else merged(graph, chosen == k, names, node, result)
        cells[index] = Scalar(result) if result is not None else 0.0
    return wrapped(graph, cells, shape)


def _element(graph: Graph, source: TracedRows, places: Sequence[Positions], names: Sequence[Axis]) -> Node:
    """Return the element of a source at these coordinates, which depend on the rows of the named axes."""
    targets: dict[Axis, Target] = {}
    fixed: list[int] = []
    for d, (axis, positions) in enumerate(zip(source.axes, places, strict=True)):
        if axis is not None:
            targets[axis] = _target(axis, positions, names)
            fixed.append(0)
        elif positions.size == 1:
            fixed.append(int(positions.flat[0]))
        else:
            result: Node | None = None
            for i in np.unique(positions):
                one = [np.full((1,) * len(names), i) if e == d else each for e, each in enumerate(places)]
                node = _element(graph, source, one, names)
                result = node if result is None else merged(graph, positions == i, names, node, result)
            assert result is not None
            return result
    return reindexed([node_of(graph, source.cells[tuple(fixed)])], targets)[0]


def _target(axis: Axis, positions: Positions, names: Sequence[Axis]) -> Target:
    """Return which rows an axis has from now on."""
    varying = [d for d, n in enumerate(positions.shape) if n > 1]
    rows = positions.reshape([positions.shape[d] for d in varying])
    if len(varying) == 1 and names[varying[0]].length == axis.length and (rows == np.arange(axis.length)).all():
        return names[varying[0]]
    return Rows(tuple(names[d] for d in varying), rows)


def merged(graph: Graph, mask: NDArray[Any], names: Sequence[Axis], a: Node, b: Node) -> Node:
    """Return a in the rows where a constant mask holds, else b: what they have in common is computed once."""
    varying = [d for d, n in enumerate(mask.shape) if n > 1]
    rows = mask.reshape([mask.shape[d] for d in varying])
    return _Merger(graph, rows, [names[d] for d in varying]).of(a, b)


class _Merger:
    def __init__(self, graph: Graph, mask: NDArray[Any], axes: Sequence[Axis]):
        self.graph, self.mask, self.axes = graph, mask, tuple(axes)
        self.done: dict[tuple[int, int], Node] = {}

    def of(self, a: Node, b: Node, depth: int = 0) -> Node:
        """Merge two expressions."""
        if a is b or self.mask.all():
            return a
        if not self.mask.any():
            return b
        key = (a.id, b.id)
        if key not in self.done:
            self.done[key] = self._merged(a, b, depth)
        return self.done[key]

    def _merged(self, a: Node, b: Node, depth: int) -> Node:
        alike = a.op == b.op and len(a.args) == len(b.args) and depth < 100
        axes = tuple(sorted({*self.axes, *a.axes, *b.axes}))
        mask = _table(self.mask, self.axes, axes)
        if a.op in ("const", "data") and b.op in ("const", "data"):
            numbers = (n.value if n.op == "const" else _table(n.table, n.axes, axes) for n in (a, b))
            return data(self.graph, np.where(mask, *numbers), axes)
        if alike and a.op == "pick" and a.args == b.args:
            return pick(self.graph, a.args, np.where(mask, *(_table(n.table, n.axes, axes) for n in (a, b))), axes)
        if (
            alike
            and a.args == b.args
            and a.value == b.value
            and isinstance(a.attr, Entry)
            and isinstance(b.attr, Entry)
        ):
            free = tuple(sorted({*self.axes, *a.attr.axes, *b.attr.axes}))
            tables = [_table(node.table, own, free) for node, own in ((a, a.attr.axes), (b, b.attr.axes))]
            return entry(a.args[0], int(a.value), np.where(_table(self.mask, self.axes, free), *tables), free)
        if alike and a.op in ("x", "p") and self.axes:
            inputs = self.graph.x if a.op == "x" else self.graph.p
            return pick(self.graph, inputs, np.where(self.mask, int(a.value), int(b.value)), self.axes)
        same = a.op in OPERATIONS or (a.op in REDUCTIONS and a.attr == b.attr and a.attr not in self.axes)
        if alike and same and a.args:
            return made_again(a, tuple(self.of(*pair, depth + 1) for pair in zip(a.args, b.args, strict=True)))
        return self.graph.make("where", data(self.graph, self.mask, self.axes), a, b)


def _table(table: NDArray[Any], own: Sequence[Axis], axes: Sequence[Axis]) -> NDArray[Any]:
    order = sorted(range(len(own)), key=lambda i: own[i])
    return table.transpose(order).reshape([axis.length if axis in own else 1 for axis in axes])
