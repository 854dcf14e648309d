"""The traced array with large axes: what meets a large constant array, and all that is computed from it.

A dimension of more than ``LARGE`` elements is a row axis of the graph; the others are unrolled. So the array contains
one traced number, with axes, for each element of its small dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from numpy.typing import NDArray

from batchgd.compiler.trace.complex_numbers import Complex, by_part, is_complex, paired
from batchgd.compiler.trace.escape import escape
from batchgd.compiler.trace.frames import PRIORITY
from batchgd.compiler.trace.graph import Axis, Graph, Node
from batchgd.compiler.trace.rows import Target, data, pick, reindexed
from batchgd.compiler.trace.scalar import Hooked, Pair, Scalar, node_of

LARGE = 32
"""Dimensions of more elements become row axes."""

MOST_UNROLLED = 100_000
"""How many elements of rows are written out at most where nothing else will do."""

Shape = tuple[int, ...]


def is_large(n: int) -> bool:
    """Whether a dimension becomes a row axis."""
    return n > LARGE


def axes_for(shape: Sequence[int]) -> list[Axis | None]:
    """Return the row axis of each dimension of a shape, None for the small ones.

    >>> axes_for((100, 3, 100))
    [Axis(length=100, index=0), None, Axis(length=100, index=1)]
    """
    return [Axis(n, list(shape[:d]).count(n)) if is_large(n) else None for d, n in enumerate(shape)]


class TracedRows(Hooked, NDArrayOperatorsMixin):
    """An array with large dimensions while a function is traced.

    ``cells`` is an array of traced or plain numbers with a single element along each large dimension.
    """

    __array_priority__ = 1000.0
    __pandas_priority__ = PRIORITY
    itemsize = 8

    def __init__(self, graph: Graph, cells: NDArray[Any], shape: Sequence[int]):
        self.graph, self.cells, self.shape = graph, cells, tuple(shape)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape))

    @property
    def axes(self) -> list[Axis | None]:
        """The row axis of each dimension."""
        return axes_for(self.shape)

    @property
    def T(self) -> Any:
        """The transpose."""
        return _called("transpose", self)

    mT = T

    @property
    def is_complex(self) -> bool:
        """Whether an element is a complex number."""
        return any(map(is_complex, self.cells.flat))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type that NumPy's array would have."""
        return np.dtype(np.complex128 if self.is_complex else np.float64)

    @property
    def real(self) -> TracedRows:
        """The real parts."""
        return self._parts("real") if self.is_complex else self

    @property
    def imag(self) -> TracedRows:
        """The imaginary parts."""
        return self._parts("imag")

    def _parts(self, name: str) -> TracedRows:
        cells = np.empty(self.cells.shape, dtype=object)
        for i, each in enumerate(self.cells.flat):
            cells.flat[i] = getattr(paired(each), name)
        return TracedRows(self.graph, cells, self.shape)

    @property
    def values(self) -> TracedRows:
        """The array itself, as with pandas."""
        return self

    def to_numpy(self, *args: Any, **kwargs: Any) -> TracedRows:
        """Return the array itself, as with pandas."""
        return self

    @property
    def flat(self) -> Iterator[Any]:
        """Every element."""
        return iter(self.unrolled().flat)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"traced(array of shape {self.shape})"

    def __float__(self) -> float:
        raise TypeError("only length-1 arrays can be converted to Python scalars")

    def __bool__(self) -> bool:
        raise ValueError("The truth value of an array with more than one element is ambiguous. Use a.any() or a.all()")

    def __iter__(self) -> Iterator[Any]:
        return iter(self.unrolled())

    def __getitem__(self, key: Any) -> Any:
        from batchgd.compiler.trace.row_index import indexed

        return indexed(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        from batchgd.compiler.trace.row_index import replaced

        self.cells = replaced(self, key, value).cells

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> TracedRows:
        """Copy for a real or complex type; any other does not fit a traced value."""
        if np.dtype(dtype).kind not in "fcO":
            raise escape(f"it converts x to {np.dtype(dtype).name}", "keep x a float array; np.floor rounds down")
        return self.copy()

    def copy(self, *args: Any, **kwargs: Any) -> TracedRows:
        """Return an array of its own."""
        return TracedRows(self.graph, self.cells.copy(), self.shape)

    __copy__ = copy

    def reshape(self, *shape: Any, **kwargs: Any) -> Any:
        """Return the elements in another shape."""
        return _called("reshape", self, shape[0] if len(shape) == 1 else shape, **kwargs)

    def transpose(self, *axes: Any) -> Any:
        """Return the array with its dimensions in another order."""
        return _called("transpose", self, (axes[0] if len(axes) == 1 else axes) or None)

    def flatten(self, order: Any = "C") -> Any:
        """Return the elements in one dimension."""
        return _called("ravel", self, order)

    def tolist(self) -> Any:
        """Return the elements in lists."""
        return self.unrolled().tolist()

    def unrolled(self) -> Any:
        """Return an array with one traced number for each element, as far as that is sensible."""
        from batchgd.compiler.trace.array import traced_array
        from batchgd.compiler.trace.row_index import each_element

        if self.size > MOST_UNROLLED:
            raise escape(
                f"an array of {self.size:,} traced numbers is used one by one",
                "use NumPy's arithmetic, sums and indices on whole arrays",
            )
        return traced_array(each_element(self))


def _called(name: str, *args: Any, **kwargs: Any) -> Any:
    return getattr(np, name)(*args, **kwargs)


def _by_function(name: str) -> Callable[..., Any]:
    def method(self: TracedRows, *args: Any, **kwargs: Any) -> Any:
        return _called(name, self, *args, **kwargs)

    return method


_METHODS = (
    "sum prod mean var std max min ptp any all clip round dot cumsum cumprod take repeat ravel squeeze swapaxes "
    "diagonal trace conj conjugate compress sort argsort argmax argmin"
)
for _name in _METHODS.split():
    setattr(TracedRows, _name, _by_function(_name))


def shape_of(value: Any) -> Shape:
    """Return the shape of anything that NumPy takes for an array."""
    return value.shape if isinstance(value, (TracedRows, np.ndarray, Scalar)) else _plain(value).shape


def _plain(value: Any) -> NDArray[Any]:
    """Return an array that NumPy's own code handles."""
    if isinstance(value, np.ndarray):
        return value.view(np.ndarray)
    array = np.asarray(value, dtype=object)
    return array if any(isinstance(each, (Scalar, Pair)) for each in array.flat) else np.asarray(value)


def wrapped(graph: Graph, cells: Any, shape: Sequence[int]) -> Any:
    """Return a traced number, a traced array, or one with large axes, as the shape demands."""
    from batchgd.compiler.trace.array import traced_array

    cells = np.asarray(cells, dtype=object)
    if 0 in shape:
        return np.zeros(shape)
    large = any(is_large(n) for n in shape)
    return TracedRows(graph, cells, shape) if large else traced_array(cells.reshape(shape))


def involved(values: Sequence[Any]) -> bool:
    """Whether an operation on these arrays is one on rows.

    It is if one of them has rows already, or if their common shape is large and none of the large ones is an array of
    traced expressions: coordinates, parameters and plain numbers become rows, what a loop has made stays unrolled.
    """
    if any(isinstance(value, TracedRows) for value in values):
        return True
    large = [_plain(value) for value in values if any(is_large(n) for n in shape_of(value))]
    if not large or not all(map(is_given, large)):
        return False
    return any(isinstance(each, (Scalar, Pair)) for value in values for each in _plain(value).flat)


def is_given(array: NDArray[Any]) -> bool:
    """Whether an array consists of coordinates, parameters and plain numbers."""
    return array.dtype != object or all(
        each.node.op in ("x", "p", "const") if isinstance(each, Scalar) else isinstance(each, (Real, np.bool_))
        for each in array.flat
    )


def graph_of(values: Sequence[Any]) -> Graph:
    """Return the graph that traced values belong to."""
    for value in values:
        if isinstance(value, TracedRows):
            return value.graph
        if isinstance(value, (list, tuple, Scalar, Pair)) or (isinstance(value, np.ndarray) and value.dtype == object):
            found = next(_scalars(np.asarray(value, dtype=object)), None)
            if found is not None:
                return found.node.graph
    raise TypeError("no value is traced")


def _scalars(cells: NDArray[Any]) -> Iterator[Scalar]:
    """Return the traced numbers in an array, both parts of complex ones."""
    for each in cells.flat:
        parts = (each.real, each.imag) if isinstance(each, Complex) else (each,)
        yield from (part for part in parts if isinstance(part, Scalar))


def joined(real: Any, imag: Any) -> Any:
    """Return the array of complex numbers, or the number, that has these parts."""
    if isinstance(real, TracedRows):
        return TracedRows(real.graph, joined(real.cells, imag.cells), real.shape)
    if np.ndim(real) == 0:
        return Complex(real, imag)
    return np.frompyfunc(Complex, 2, 1)(np.asarray(real, dtype=object), np.asarray(imag, dtype=object))


def as_rows(graph: Graph, value: Any) -> TracedRows:
    """Return any array as one whose large dimensions are row axes."""
    if isinstance(value, TracedRows):
        return value
    array = _plain(value)
    array = array if array.dtype.kind in "Oc" else array.astype(np.float64)
    axes = axes_for(array.shape)
    large = [d for d, axis in enumerate(axes) if axis is not None]
    cells = np.empty([1 if axis else n for n, axis in zip(array.shape, axes, strict=True)], dtype=object)
    for index in np.ndindex(cells.shape):
        elements = array[tuple(slice(None) if d in large else i for d, i in enumerate(index))]
        cells[index] = _cell(graph, elements, [axis for axis in axes if axis is not None])
    return TracedRows(graph, cells, array.shape)


def _cell(graph: Graph, elements: Any, axes: Sequence[Axis]) -> Any:
    if not isinstance(elements, np.ndarray):
        return elements
    if elements.dtype.kind == "c" or (elements.dtype == object and any(map(is_complex, elements.flat))):
        pairs = [paired(each) for each in elements.flat]
        parts = (np.array([getattr(each, name) for each in pairs], elements.dtype) for name in ("real", "imag"))
        return Complex(*(_part(graph, part.reshape(elements.shape), axes) for part in parts))
    if elements.dtype != object:
        return Scalar(data(graph, elements, axes))
    nodes = [node_of(graph, each) for each in elements.flat]
    if all(node.op == "const" for node in nodes):
        return Scalar(data(graph, np.array([node.value for node in nodes]).reshape(elements.shape), axes))
    return Scalar(gathered(graph, nodes, elements.shape, axes))


def _part(graph: Graph, elements: NDArray[Any], axes: Sequence[Axis]) -> Any:
    """Return the real or imaginary part of rows, as a plain number if it is the same in all of them."""
    cell = _cell(graph, elements.real if elements.dtype.kind == "c" else elements, axes)
    return cell.node.value if cell.node.is_constant else cell


def gathered(graph: Graph, nodes: Sequence[Node], shape: Shape, axes: Sequence[Axis]) -> Node:
    """Return the rows that consist of these nodes, preferably as a choice of all coordinates."""
    for inputs in (graph.x, graph.p):
        if inputs and all(node.op == inputs[0].op for node in nodes):
            return pick(graph, inputs, np.array([int(node.value) for node in nodes]).reshape(shape), axes)
    distinct = {node.id: node for node in nodes}
    number = {key: k for k, key in enumerate(distinct)}
    return pick(graph, [*distinct.values()], np.array([number[node.id] for node in nodes]).reshape(shape), axes)


def aligned(rows: TracedRows, shape: Shape) -> NDArray[Any]:
    """Return the cells as the part of a larger shape, at its end, with the names that its axes have there."""
    return renamed(rows.cells, rows.axes, axes_for(shape)[len(shape) - rows.ndim :])


def renamed(cells: NDArray[Any], before: Sequence[Axis | None], after: Sequence[Axis | None]) -> NDArray[Any]:
    """Return cells whose axes have other names; the small dimensions among them have none."""
    names: dict[Axis, Target] = {}
    for old, new in zip(before, after, strict=True):
        if old is not None and new is not None and old != new:
            names[old] = new
    traced = [each.node for each in _scalars(cells)]
    if not traced or not names:
        return cells
    rebuilt = iter(reindexed(traced, names))
    result = np.empty(cells.shape, dtype=object)
    for i, each in enumerate(cells.flat):
        result.flat[i] = by_part(lambda part: Scalar(next(rebuilt)) if isinstance(part, Scalar) else part, each)
    return result


def broadcast(apply: Callable[..., Any], values: Sequence[Any]) -> Any:
    """Apply a function of single numbers to arrays, element by element and row by row."""
    graph = graph_of(values)
    rows = [as_rows(graph, value) for value in values]
    shape = np.broadcast_shapes(*(each.shape for each in rows))
    cells = [aligned(each, shape) for each in rows]
    result = np.empty(np.broadcast_shapes(*(each.shape for each in cells)), dtype=object)
    flat = [array.flat for array in np.broadcast_arrays(*cells)]
    for i, numbers in enumerate(zip(*flat, strict=True)):
        result.flat[i] = apply(*numbers)
    axes = axes_for(shape)
    full = np.broadcast_to(result, [1 if axis else n for n, axis in zip(shape, axes, strict=True)])
    return wrapped(graph, full, shape)
