"""The traced number: what ``x[0]`` is while a function is traced, with Python's operators."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np

from batchgd.compiler.trace.escape import complex_numbers, conversion, decision
from batchgd.compiler.trace.graph import Graph, Node


class Scalar:
    """One traced number (or truth value); a thin shell around a node of the graph.

    A known constant behaves as that number: it can be compared, converted and tested.
    """

    __slots__ = ("node",)
    shape = ()
    ndim = 0
    size = 1
    dtype = np.dtype(np.float64)

    def __init__(self, node: Node):
        self.node = node

    def __repr__(self) -> str:
        return f"traced({self.node!r})"

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from batchgd.compiler.trace.dispatch import call_ufunc

        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from batchgd.compiler.trace.dispatch import call_function

        return call_function(func, args, kwargs)

    def __add__(self, other: Any) -> Any:
        return _binary("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return _binary("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return _binary("sub", self, other)

    def __rsub__(self, other: Any) -> Any:
        return _binary("sub", other, self)

    def __mul__(self, other: Any) -> Any:
        return _binary("mul", self, other)

    def __rmul__(self, other: Any) -> Any:
        return _binary("mul", other, self)

    def __truediv__(self, other: Any) -> Any:
        return _binary("div", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _binary("div", other, self)

    def __pow__(self, other: Any, modulus: None = None) -> Any:
        return _binary("power", self, other)

    def __rpow__(self, other: Any) -> Any:
        return _binary("power", other, self)

    def __floordiv__(self, other: Any) -> Any:
        return _function(np.floor_divide, self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _function(np.floor_divide, other, self)

    def __mod__(self, other: Any) -> Any:
        return _function(np.remainder, self, other)

    def __rmod__(self, other: Any) -> Any:
        return _function(np.remainder, other, self)

    def __divmod__(self, other: Any) -> Any:
        return _function(np.divmod, self, other)

    def __rdivmod__(self, other: Any) -> Any:
        return _function(np.divmod, other, self)

    def __neg__(self) -> Scalar:
        return apply("neg", self)

    def __pos__(self) -> Scalar:
        return self

    def __abs__(self) -> Scalar:
        return apply("absolute", self)

    def __lt__(self, other: Any) -> Any:
        return _binary("lt", self, other)

    def __le__(self, other: Any) -> Any:
        return _binary("le", self, other)

    def __gt__(self, other: Any) -> Any:
        return _binary("gt", self, other)

    def __ge__(self, other: Any) -> Any:
        return _binary("ge", self, other)

    def __eq__(self, other: Any) -> Any:
        return _binary("eq", self, other)

    def __ne__(self, other: Any) -> Any:
        return _binary("ne", self, other)

    __hash__ = object.__hash__

    def __and__(self, other: Any) -> Any:
        return _binary("and", self, other)

    def __or__(self, other: Any) -> Any:
        return _binary("or", self, other)

    __rand__, __ror__ = __and__, __or__

    def __invert__(self) -> Scalar:
        return apply("not", self)

    def __bool__(self) -> bool:
        if self.node.is_constant:
            return self.node.value != 0.0
        raise decision()

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
        raise complex_numbers()

    def __round__(self, digits: int | None = None) -> Any:
        raise conversion("round")

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


def node_of(graph: Graph, value: Any) -> Node:
    """Return the node of a traced or plain number."""
    if isinstance(value, Scalar):
        return value.node
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return node_of(graph, value.item())
    if isinstance(value, (complex, np.complexfloating)):
        raise complex_numbers()
    if value is None or isinstance(value, (str, bytes)):
        raise TypeError(f"arithmetic between x and {value!r}")
    return graph.constant(float(value))


def apply(op: str, *values: Any) -> Scalar:
    """Return the result of an operation of which at least one operand is traced."""
    graph = next(value.node.graph for value in values if isinstance(value, Scalar))
    return Scalar(graph.make(op, *(node_of(graph, value) for value in values)))


def _binary(op: str, a: Any, b: Any) -> Any:
    return apply(op, a, b) if _is_number(b if isinstance(a, Scalar) else a) else NotImplemented


def _function(ufunc: np.ufunc, a: Any, b: Any) -> Any:
    return ufunc(a, b) if _is_number(b if isinstance(a, Scalar) else a) else NotImplemented


def _is_number(value: Any) -> bool:
    return isinstance(value, (Scalar, numbers.Number, np.generic, np.bool_))
