"""The traced number: what ``x[0]`` is while a function is traced, with Python's operators."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from batchgd.compiler.trace.escape import conversion, escape
from batchgd.compiler.trace.fork import PATHS, ask
from batchgd.compiler.trace.frames import PRIORITY, is_frame, on_frames, ufunc_of
from batchgd.compiler.trace.graph import Graph, Node

_Method = Callable[["Scalar", Any], Any]


def node_of(graph: Graph, value: Any) -> Node:
    """Return the node of a traced or plain number."""
    if isinstance(value, Scalar):
        return value.node
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return node_of(graph, value.item())
    if isinstance(value, (complex, np.complexfloating)):
        raise TypeError("a complex number where a real one is needed")
    if value is None or isinstance(value, (str, bytes)):
        raise TypeError(f"arithmetic between x and {value!r}")
    return graph.constant(float(value))


def apply(op: str, *values: Any) -> Any:
    """Return the result of an operation with at least one traced operand."""
    if any(isinstance(value, (Pair, complex, np.complexfloating)) for value in values):
        from batchgd.compiler.trace.complex_numbers import apply_complex

        return apply_complex(op, *values)
    graph = next(value.node.graph for value in values if isinstance(value, Scalar))
    return Scalar(graph.make(op, *(node_of(graph, value) for value in values)))


def _is_number(value: Any) -> bool:
    return isinstance(value, (Scalar, numbers.Number, np.generic, np.bool_))


def _operators(operation: str | np.ufunc) -> tuple[_Method, _Method]:
    """Return the two methods of an operator, the second one for a traced number on the right.

    ``operation`` is one of the graph's, or a ufunc that is made up of several.
    """
    carry_out = operation if isinstance(operation, np.ufunc) else partial(apply, operation)

    ufunc = operation if isinstance(operation, np.ufunc) else ufunc_of(operation)

    def method(self: Scalar, other: Any) -> Any:
        if is_frame(other):
            return on_frames(ufunc, self, other)
        return carry_out(self, other) if _is_number(other) else NotImplemented

    def reflected(self: Scalar, other: Any) -> Any:
        if is_frame(other):
            return on_frames(ufunc, other, self)
        return carry_out(other, self) if _is_number(other) else NotImplemented

    return method, reflected


class Hooked:
    """What NumPy hands its functions to when they meet it: the base of everything that stands for traced numbers."""

    __slots__ = ()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from batchgd.compiler.trace.dispatch import call_ufunc

        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from batchgd.compiler.trace.dispatch import call_function

        return call_function(func, args, kwargs)


class Pair(Hooked):
    """What a traced complex number is derived from, see ``complex_numbers``."""

    __slots__ = ()


class Scalar(Hooked):
    """One traced number (or truth value); a thin shell around a node of the graph.

    A known constant behaves as that number: it can be compared, converted and tested.
    """

    __slots__ = ("node",)
    shape = ()
    ndim = 0
    size = 1
    dtype = np.dtype(np.float64)
    __pandas_priority__ = PRIORITY

    def __init__(self, node: Node):
        self.node = node

    def __repr__(self) -> str:
        return f"traced({self.node!r})"

    def __format__(self, spec: str) -> str:
        return repr(self)

    __add__, __radd__ = _operators("add")
    __sub__, __rsub__ = _operators("sub")
    __mul__, __rmul__ = _operators("mul")
    __truediv__, __rtruediv__ = _operators("div")
    __pow__, __rpow__ = _operators("power")
    __floordiv__, __rfloordiv__ = _operators(np.floor_divide)
    __mod__, __rmod__ = _operators(np.remainder)
    __divmod__, __rdivmod__ = _operators(np.divmod)

    def __neg__(self) -> Any:
        return apply("neg", self)

    def __pos__(self) -> Scalar:
        return self

    def __abs__(self) -> Any:
        return apply("absolute", self)

    __lt__, __le__ = _operators("lt")[0], _operators("le")[0]
    __gt__, __ge__ = _operators("gt")[0], _operators("ge")[0]
    __eq__, __ne__ = _operators("eq")[0], _operators("ne")[0]
    __hash__ = object.__hash__

    __and__, __or__ = _operators("and")[0], _operators("or")[0]
    __rand__, __ror__ = __and__, __or__

    def __invert__(self) -> Any:
        return apply("not", self)

    def __bool__(self) -> bool:
        if self.node.is_constant:
            return self.node.value != 0.0
        return ask(self.node)

    def __float__(self) -> float:
        if self.node.is_constant:
            return self.node.value
        raise conversion("float")

    def __int__(self) -> int:
        if self.node.is_constant:
            return int(self.node.value)
        raise conversion("int")

    def __index__(self) -> int:
        raise conversion("index")

    def __complex__(self) -> complex:
        raise conversion("complex")

    def __round__(self, digits: int | None = None) -> Any:
        return np.round(self, digits or 0)

    def __floor__(self) -> Any:
        return np.floor(self)

    def __ceil__(self) -> Any:
        return np.ceil(self)

    def __trunc__(self) -> Any:
        return np.trunc(self)

    def __iter__(self) -> Any:
        raise TypeError("a number of x is not iterable")

    def __getattr__(self, name: str) -> Any:
        """Offer what NumPy's own scalars offer, and the method that an object array calls for ``np.sin``."""
        from batchgd.compiler.trace.dispatch import scalar_method

        return scalar_method(self, name)


class Place(Scalar):
    """A traced whole number from 0 to ``count`` - 1, such as the position of the least element; it can index."""

    __slots__ = ("count",)

    def __init__(self, node: Node, count: int):
        super().__init__(node)
        self.count = count

    def __index__(self) -> int:
        """Follow one path for each number that it may be."""
        graph = self.node.graph
        if self.node.is_constant:
            return int(self.node.value)
        return next(
            (k for k in range(self.count - 1) if ask(graph.make("eq", self.node, graph.constant(float(k))))),
            self.count - 1,
        )

    def __int__(self) -> int:
        return self.__index__()


class Number(Place):
    """A whole number in the data of each row, which a step of a scan sees."""

    __slots__ = ()

    def __index__(self) -> int:
        if self.count > PATHS:
            raise escape("a number of a row indexes an array of plain numbers", "give bgd.scan that array as rows")
        return super().__index__()
