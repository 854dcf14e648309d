"""NumPy's functions on arrays with large axes: reductions, differences, and what moves elements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from batchgd.compiler.trace.complex_numbers import by_part
from batchgd.compiler.trace.escape import escape
from batchgd.compiler.trace.graph import Axis, Node
from batchgd.compiler.trace.loops import LOOP, carry, places, scanned
from batchgd.compiler.trace.row_array import (
    TracedRows,
    aligned,
    as_rows,
    axes_for,
    graph_of,
    is_large,
    joined,
    renamed,
    shape_of,
    wrapped,
)
from batchgd.compiler.trace.row_index import moved
from batchgd.compiler.trace.row_products import dot, einsum, inner, outer, tensordot, vdot
from batchgd.compiler.trace.rows import entry, reduced, reindexed
from batchgd.compiler.trace.scalar import Scalar, node_of
from batchgd.compiler.trace.substitutes import CURES

_OF_ROWS = {"add": "sum", "multiply": "prod", "minimum": "least", "maximum": "greatest"}
_TRUTHS = {"logical_and": "least", "bitwise_and": "least", "logical_or": "greatest", "bitwise_or": "greatest"}


def reduce_rows(
    combine: Callable[..., Any], name: str, array: Any, axes: Sequence[int], initial: Any, keepdims: bool
) -> Any:
    """Combine the elements along dimensions by a ufunc: small dimensions from left to right, rows in the graph."""
    rows = as_rows(graph_of([array]), array)
    cells, shape = rows.cells, list(rows.shape)
    if rows.is_complex and name != "add":
        raise escape(f"np.{name}.reduce of complex rows", CURES["complex"])
    for d in axes:
        if not is_large(shape[d]):
            cells = _folded(combine, cells, d)
    for d, axis in enumerate(rows.axes):
        if axis is not None and d in axes:
            cells = _each(cells, partial(_over, name, axis), rows.graph)
    kept = [d for d in range(len(shape)) if d not in axes]
    left = [1 if d in axes else n for d, n in enumerate(shape)]
    short = [shape[d] for d in kept]
    cells = renamed(cells, [rows.axes[d] for d in kept], axes_for(short))
    if initial is not None:
        cells = _each_number(cells, lambda each: combine(initial, each))
    if keepdims:
        return wrapped(rows.graph, cells, left)
    return wrapped(rows.graph, cells.reshape([n for d, n in enumerate(cells.shape) if d not in axes]), short)


def _over(name: str, axis: Axis, node: Node) -> Node:
    if name in _OF_ROWS:
        return reduced(_OF_ROWS[name], node, axis)
    graph = node.graph
    return graph.truth(reduced(_TRUTHS[name], graph.number(graph.truth(node)), axis))


def _folded(combine: Callable[..., Any], cells: Any, d: int) -> Any:
    moved_cells = np.moveaxis(cells, d, 0)
    total = np.array(moved_cells[0], dtype=object)
    for each in moved_cells[1:]:
        both = np.broadcast_arrays(total, each)
        total = np.empty(total.shape, dtype=object)
        for i, pair in enumerate(zip(both[0].flat, both[1].flat, strict=True)):
            total.flat[i] = combine(*pair)
    return np.expand_dims(total, d)


def _each(cells: Any, function: Callable[[Node], Node], graph: Any) -> Any:
    return _each_number(cells, partial(by_part, lambda part: Scalar(function(node_of(graph, part)))))


def _each_number(cells: Any, function: Callable[[Any], Any]) -> Any:
    result = np.empty(cells.shape, dtype=object)
    for i, each in enumerate(cells.flat):
        result.flat[i] = function(each)
    return result


def accumulate_rows(combine: Callable[..., Any], empty: float, array: Any, along: int) -> Any:
    """Return what has been combined up to each element along a dimension."""
    rows = as_rows(graph_of([array]), array)
    graph, axis = rows.graph, rows.axes[along]
    if rows.is_complex and axis is not None:
        if empty != 0.0:
            raise escape("np.cumprod of complex rows", CURES["complex"])
        return joined(*(accumulate_rows(combine, empty, part, along) for part in (rows.real, rows.imag)))
    if axis is None:
        cells = np.moveaxis(rows.cells, along, 0).copy()
        for k in range(1, len(cells)):
            cells[k] = np.frompyfunc(combine, 2, 1)(cells[k - 1], cells[k])
        return wrapped(graph, np.moveaxis(cells, 0, along), rows.shape)
    own = Axis(axis.length, LOOP)
    result = np.empty(rows.cells.shape, dtype=object)
    for i, each in enumerate(rows.cells.flat):
        (node,) = reindexed([node_of(graph, each)], {axis: own})
        leaf = carry(graph, 0, own, node.axes)
        scan = scanned(own, [graph.constant(empty)], [leaf], [combine(Scalar(leaf), Scalar(node)).node], False)
        result.flat[i] = Scalar(entry(scan, 0, places(axis.length, False).leaving, [axis]))
    return wrapped(graph, result, rows.shape)


def _accumulating(ufunc: np.ufunc) -> Callable[..., Any]:
    def function(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Any:
        return ufunc.accumulate(np.ravel(a) if axis is None else a, axis=axis or 0)

    return function


# Differences, interpolation and the like


def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """Return ``np.diff(a, n, axis)``."""
    if prepend is not None or append is not None:
        raise escape("np.diff with prepend or append", "join the parts with np.concatenate first")
    for _ in range(n):
        ndim = len(shape_of(a))
        along = [slice(None)] * ndim
        along[axis] = slice(1, None)
        upper = a[tuple(along)]
        along[axis] = slice(None, -1)
        a = upper - a[tuple(along)]
    return a


def polyval(p: Any, x: Any) -> Any:
    """Return a polynomial with coefficients p, the highest power first."""
    total: Any = np.multiply(x, 0.0)
    for coefficient in p:
        total = total * x + coefficient
    return total


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """Return ``np.trapezoid(y, x, dx, axis)``."""
    y = np.moveaxis(y, axis, -1)
    steps = dx if x is None else np.diff(x) if len(shape_of(x)) == 1 else np.moveaxis(np.diff(x, axis=axis), axis, -1)
    return np.sum(steps * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)


def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """Return the line through points at x: in its interval, or the first value and what each interval adds."""
    if period is not None:
        raise escape("np.interp with period=", "append the first point, a period later, and write np.mod(x, period)")
    if _is_plain(xp) and _is_plain(fp) and 1 < len(xp) <= MOST_INTERVALS:
        result = _in_its_interval(x, np.asarray(xp, np.float64), np.asarray(fp, np.float64))
    else:
        slopes = np.diff(fp) / np.diff(xp)
        inside = np.clip(np.expand_dims(x, -1), xp[:-1], xp[1:]) - xp[:-1]
        result = fp[0] + np.sum(inside * slopes, axis=-1)
    if left is not None:
        result = np.where(np.less(x, xp[0]), left, result)
    return result if right is None else np.where(np.greater(x, xp[-1]), right, result)


MOST_INTERVALS = 512
"""Points of a line up to which the interval is searched for; the search is written out."""


def _is_plain(values: Any) -> bool:
    return not isinstance(values, (Scalar, TracedRows)) and np.asarray(values).dtype != object


def _in_its_interval(x: Any, xp: np.ndarray, fp: np.ndarray) -> Any:
    """Return the line at x from the value, the slope and the beginning of the interval that contains x.

    They are selected by halving, a comparison for each point: 4 operations, where each interval's share takes 13.
    """
    with np.errstate(all="ignore"):
        numbers = [fp[:-1], np.diff(fp) / np.diff(xp), xp[:-1]]

    def chosen(first: int, last: int) -> list[Any]:
        if last - first == 1:
            return [float(each[first]) for each in numbers]
        middle = (first + last) // 2
        above = np.greater_equal(x, xp[middle])
        pairs = zip(chosen(middle, last), chosen(first, middle), strict=True)
        return [np.where(above, yes, no) for yes, no in pairs]

    value, slope, begin = chosen(0, len(xp) - 1)
    return value + slope * (np.clip(x, xp[0], xp[-1]) - begin)


def convolve(a: Any, v: Any, mode: str = "full") -> Any:
    """Return ``np.convolve(a, v, mode)``: each element is a sum over the shorter operand."""
    if shape_of(a)[0] < shape_of(v)[0]:
        a, v = v, a
    n, m = shape_of(a)[0], shape_of(v)[0]
    places = np.arange(n + m - 1)[:, None] - np.arange(m)
    whole = np.where((places >= 0) & (places < n), a[np.clip(places, 0, n - 1)], 0.0) @ v
    first = {"full": 0, "same": (m - 1) // 2, "valid": m - 1}[mode]
    return whole[first : first + {"full": n + m - 1, "same": n, "valid": n - m + 1}[mode]]


def cov(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None) -> Any:
    """Return ``np.cov(m, y)``."""
    rows = m if len(shape_of(m)) == 2 else np.reshape(m, (1, -1))
    rows = rows if rowvar or len(shape_of(m)) == 1 else np.transpose(rows)
    if y is not None:
        rows = np.concatenate([rows, np.reshape(y, (-1, shape_of(rows)[1]))])
    off = rows - np.mean(rows, axis=1, keepdims=True)
    lost = ddof if ddof is not None else 0 if bias else 1
    return np.squeeze(off @ np.transpose(off) / (shape_of(rows)[1] - lost))[()]


def _moving(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **kwargs: moved(function, args, kwargs)


def _reshape(a: Any, shape: Any = None, order: Any = "C", **kwargs: Any) -> Any:
    shape = kwargs.get("newshape", shape)
    if shape_of(a) == (tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)):
        return a
    return moved(np.reshape, [a, shape], {"order": order})


def _transpose(a: Any, axes: Any = None) -> Any:
    order = [int(i) % len(shape_of(a)) for i in (axes if axes is not None else range(len(shape_of(a)))[::-1])]
    rows = as_rows(graph_of([a]), a)
    shape = [rows.shape[i] for i in order]
    cells = renamed(rows.cells, [rows.axes[i] for i in order], axes_for(shape))
    return wrapped(rows.graph, cells.transpose(order), shape)


def _broadcast_to(a: Any, shape: Any, subok: bool = False) -> Any:
    rows = as_rows(graph_of([a]), a)
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    if np.broadcast_shapes(rows.shape, shape) != shape:
        raise ValueError(f"shape {rows.shape} cannot be broadcast to {shape}")
    axes = axes_for(shape)
    full = np.broadcast_to(aligned(rows, shape), [1 if axis else n for n, axis in zip(shape, axes, strict=True)])
    return wrapped(rows.graph, full, shape)


_MOVING = (
    "roll flip fliplr flipud take repeat tile ravel swapaxes moveaxis rollaxis expand_dims squeeze atleast_1d "
    "atleast_2d atleast_3d diagonal rot90 concatenate stack hstack vstack dstack column_stack delete split array_split "
    "hsplit vsplit dsplit resize matrix_transpose unstack"
)


def _joining(a: Any, values: Any, axis: Any = None) -> Any:
    if axis is None:
        a, values = np.ravel(a), np.ravel(values)
    return np.concatenate([a, values], axis=axis or 0)


def _compress(condition: Any, a: Any, axis: Any = None, out: Any = None) -> Any:
    return np.take(a, np.flatnonzero(condition), axis=axis)


def _trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> Any:
    return np.sum(np.diagonal(a, offset, axis1, axis2), axis=-1)


ROW_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: _moving(getattr(np, name)) for name in _MOVING.split() if hasattr(np, name)},
    "append": _joining,
    "compress": _compress,
    "extract": lambda condition, a: np.ravel(a)[np.flatnonzero(condition)],
    "reshape": _reshape,
    "transpose": _transpose,
    "broadcast_to": _broadcast_to,
    "dot": dot,
    "inner": inner,
    "vdot": vdot,
    "outer": outer,
    "tensordot": tensordot,
    "einsum": einsum,
    "trace": _trace,
    "diff": diff,
    "polyval": polyval,
    "trapezoid": trapezoid,
    "interp": interp,
    "convolve": convolve,
    "cov": cov,
    "cumsum": _accumulating(np.add),
    "cumprod": _accumulating(np.multiply),
    "copy": lambda a, **kwargs: a.copy() if isinstance(a, TracedRows) else a,
    "shape": shape_of,
    "ndim": lambda a: len(shape_of(a)),
    "size": lambda a, axis=None: int(np.prod(shape_of(a))) if axis is None else shape_of(a)[axis],
}
"""By name: functions that have no formula for all traced arrays (``reductions.SPECIAL``)."""
