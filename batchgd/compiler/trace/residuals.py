"""A function that returns a vector of residuals: its cost, and the sums that its Gauss-Newton model consists of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce, wraps
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.trace.array import is_traced, plain_objects, traced_array
from batchgd.compiler.trace.blank import settled
from batchgd.compiler.trace.differentiate import jacobian_columns
from batchgd.compiler.trace.escape import definition_of, name_of
from batchgd.compiler.trace.fork import follow
from batchgd.compiler.trace.graph import Axes, Graph, Node
from batchgd.compiler.trace.module_patches import patched_modules
from batchgd.compiler.trace.powers import lowered
from batchgd.compiler.trace.row_array import TracedRows, shape_of
from batchgd.compiler.trace.rows import reduced
from batchgd.compiler.trace.scalar import Scalar, node_of
from batchgd.compiler.trace.tracer import called
from batchgd.problem.errors import TraceError

Residuals = Callable[..., Any]
"""A function of x, and of params if there are any, that returns an array of residuals."""


def standardised(residuals: Residuals, sigma: NDArray[np.float64] | None) -> Residuals:
    """Return the residuals in one array, in units of their standard deviations; TraceError if they are not an array."""

    @wraps(residuals)
    def vector(x: Any, *params: Any) -> Any:
        array = _array(residuals, residuals(x, *params))
        if sigma is None:
            return array
        if sigma.ndim and sigma.shape != shape_of(array):
            raise TraceError(
                f"{_place(residuals)} returns residuals of shape {shape_of(array)}, but sigma has shape {sigma.shape}: "
                "give one standard deviation per residual, or one number"
            )
        return array / sigma

    return _named_as(vector, residuals)


def summed(vector: Residuals, cost: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return the function that adds up what each residual costs."""

    @wraps(vector)
    def total(x: Any, *params: Any) -> Any:
        return np.sum(cost(vector(x, *params)))

    return _named_as(total, vector)


def _named_as(function: Any, residuals: Any) -> Any:
    """Let messages about a function point at that of the user."""
    function.func = getattr(residuals, "func", residuals)
    function.__name__ = name_of(residuals)
    return function


def _place(residuals: Any) -> str:
    return f"{definition_of(residuals)}: {name_of(residuals)}"


def _array(residuals: Residuals, result: Any) -> Any:
    """Return what a function returned as an array with at least one dimension."""
    result = settled(result)
    if result is None:
        raise TraceError(f"{_place(residuals)} returns None: is a return statement missing?")
    if isinstance(result, (list, tuple)):
        result = _joined(result)
    array = traced_array(result) if is_traced(result) else np.asarray(result)
    shape = shape_of(array)
    if len(shape) == 0:
        raise TraceError(
            f"{_place(residuals)} returns one number: return the array of residuals, not the sum of their squares"
        )
    if 0 in shape:
        raise TraceError(f"{_place(residuals)} returns an array of shape {shape}: return at least one residual")
    return array


def _joined(parts: Sequence[Any]) -> Any:
    """Return arrays and numbers one after the other."""
    if all(shape_of(part) == () for part in parts):
        return traced_array(parts) if is_traced(parts) else np.asarray(parts)
    return np.concatenate([np.reshape(traced_array([part]) if shape_of(part) == () else part, -1) for part in parts])


@dataclass(frozen=True)
class Term:
    """One residual, or a residual for each row of some axes."""

    node: Node
    axes: Axes

    def added(self, node: Node) -> Node:
        """Return the sum of a number over the rows."""
        for axis in self.axes:
            node = reduced("sum", node, axis)
        return node


def gauss_newton(
    terms: Sequence[Term],
    graph: Graph,
    cost: Callable[[Any], Any],
    weights: Callable[[Any], tuple[Any, Any]],
) -> list[Node]:
    """Return cost, gradient and the lower triangle of the Gauss-Newton matrix, row by row, each a sum over the rows.

    With derivatives J_i of a residual r by forward mode: sums of cost(r), w r J_i and v J_i J_k, w and v its weights.
    They are in the graph of the terms.
    """
    columns = jacobian_columns([term.node for term in terms], graph.x)
    zero = graph.constant(0.0)
    sums: list[list[Node]] = []
    for k, term in enumerate(terms):
        r = Scalar(term.node)
        first, second = weights(r)
        slopes = [Scalar(column[k]) for column in columns]
        numbers = [cost(r), *(first * r * slope for slope in slopes)]
        for i in range(len(slopes)):
            numbers += [(second * slopes[i]) * slopes[j] for j in range(i + 1)]
        sums.append([term.added(graph.number(node_of(graph, number))) for number in numbers])
    together = zip(*sums, strict=True)
    return lowered([reduce(lambda a, b: graph.make("add", a, b), each, zero) for each in together])


def terms_of(vector: Residuals, graph: Graph, params: NDArray[np.float64] | None) -> list[Term]:
    """Return what a function of residuals returns, traced into the graph of its cost."""
    shapes: list[list[Axes]] = []

    def run() -> list[Node]:
        nodes, axes = _cells(called(vector, graph, params), graph)
        shapes.append(axes)
        if axes != shapes[0]:
            raise TraceError(f"{_place(vector)} returns arrays of several shapes: return as many residuals for every x")
        return nodes

    with patched_modules(vector):
        nodes = follow(run).outputs
    return [Term(node, axes) for node, axes in zip(nodes, shapes[0], strict=True)]


def _cells(result: Any, graph: Graph) -> tuple[list[Node], list[Axes]]:
    """Return what the elements of an array are, rows together, and over which axes each is meant."""
    if isinstance(result, TracedRows):
        axes = tuple(axis for axis in result.axes if axis is not None)
        nodes = [graph.number(node_of(graph, each)) for each in result.cells.flat]
        return nodes, [axes] * len(nodes)
    nodes = [graph.number(node_of(graph, each)) for each in plain_objects(result).flat]
    return nodes, [()] * len(nodes)


def jacobian_terms(terms: Sequence[Term], graph: Graph) -> list[list[Node]]:
    """Return, for each term of a vector of residuals, its nodes r and ∂r/∂x_i, as rows or as numbers."""
    columns = jacobian_columns([term.node for term in terms], graph.x)
    found = []
    for k, term in enumerate(terms):
        nodes = lowered([term.node, *(column[k] for column in columns)])
        rows = [graph.intern("rows", (node,), axes=term.axes, attr="rows") for node in nodes]
        found.append(rows if term.axes else nodes)
    return found
