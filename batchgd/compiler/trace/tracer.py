"""Trace a plain function: call it once on graph nodes, check what comes back, and differentiate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.trace.array import plain_objects, traced_array
from batchgd.compiler.trace.blank import settled
from batchgd.compiler.trace.call import WithArgs
from batchgd.compiler.trace.complex_numbers import Complex
from batchgd.compiler.trace.differentiate import directional, gradient, jacobian_columns, jacobian_rows
from batchgd.compiler.trace.escape import Escape, definition_of, name_of, watch
from batchgd.compiler.trace.fork import follow
from batchgd.compiler.trace.graph import Graph, Node, reachable
from batchgd.compiler.trace.module_patches import patched_modules
from batchgd.compiler.trace.powers import lowered
from batchgd.compiler.trace.row_array import TracedRows
from batchgd.compiler.trace.scalar import Scalar, node_of
from batchgd.compiler.trace.simplify import SimplifyingGraph
from batchgd.compiler.trace.stand_ins import stand_in
from batchgd.compiler.trace.substitutes import UNTRACED
from batchgd.problem.errors import TraceError


@dataclass(frozen=True)
class Traced:
    """The expressions of one function: its value, its gradient (as the methods use it), and the gradient by autodiff.

    ``automatic`` is None unless a hand-written gradient takes the place of the derivative. ``route`` is the number of
    the path that a point takes through the function, None if it has one path only.
    """

    dim: int
    n_params: int
    value: Node
    gradient: tuple[Node, ...]
    automatic: tuple[Node, ...] | None
    route: Node | None = None

    def hessian(self) -> list[Node]:
        """Return the lower triangle of the Hessian, row by row: forward mode over the gradient, symmetrised."""
        graph = self.value.graph
        columns = jacobian_columns(self.gradient, graph.x)
        entries = []
        for i in range(self.dim):
            for j in range(i + 1):
                entry = columns[j][i]
                if self.automatic is not None and i != j:
                    half = graph.constant(0.5)
                    entry = graph.make("mul", half, graph.make("add", entry, columns[i][j]))
                entries.append(entry)
        return lowered(entries)

    def hessian_rows(self) -> list[Node]:
        """Return the rows of the Hessian, each with an axis for the second coordinate."""
        return lowered(jacobian_rows(self.gradient, self.value.graph.x))

    def hessian_product(self) -> list[Node]:
        """Return the Hessian times a vector, whose coordinates are the inputs after those of the point."""
        graph = self.value.graph
        vector = [graph.intern("x", (), float(self.dim + k)) for k in range(self.dim)]
        return lowered(directional(self.gradient, graph.x, vector))


def trace(
    fun: Callable[..., Any],
    dim: int,
    params: NDArray[np.float64] | None = None,
    jac: Callable[..., Any] | None = None,
) -> Traced:
    """Trace a function of ``dim`` coordinates, and its derivative.

    Parameters
    ----------
    fun : callable
        ``fun(x)``, or ``fun(x, params)`` if params are given.
    dim : int
        The length of x.
    params : array, optional
        Only the shape matters: the parameters become inputs of the expression.
    jac : callable
        A hand-written gradient of the same arguments, traced instead of the derivative.

    Raises
    ------
    TraceError
        One line with the file and line of the user's function, what cannot be traced, and the remedy.

    Examples
    --------
    >>> traced = trace(lambda x: x[0] * x[1], 2)
    >>> traced.value, traced.gradient
    (mul(x0, x1), (x1, x0))
    """
    graph = SimplifyingGraph(dim, 0 if params is None else params.size)
    with patched_modules(fun, jac):
        followed = follow(lambda: [_expression(fun, called(fun, graph, params), graph)])
        slopes = None if jac is None else follow(lambda: _expressions(jac, called(jac, graph, params), graph)).outputs
    value = followed.outputs[0]
    _check_depends_on_x(fun, value)
    automatic = gradient(value, graph.x)
    route = [] if followed.route is None else [followed.route]
    result = lowered([value, *(slopes or ()), *automatic, *route])
    first, last = tuple(result[1 : dim + 1]), tuple(result[dim + 1 : 2 * dim + 1])
    return Traced(dim, len(graph.p), result[0], first, last if slopes else None, result[-1] if route else None)


def called(fun: Callable[..., Any], graph: Graph, params: NDArray[np.float64] | None) -> Any:
    """Call a function on the symbols of a graph; TraceError if it does what cannot be traced."""
    arguments: list[Any] = [traced_array([Scalar(node) for node in graph.x])]
    if params is not None:
        knobs = np.empty(params.size, dtype=object)
        knobs[:] = [Scalar(node) for node in graph.p]
        arguments.append(traced_array(knobs.reshape(params.shape)))
    if isinstance(fun, WithArgs):
        fun = WithArgs(fun.func, tuple(map(stand_in, fun.args)), fun.shapes)
    with watch(graph) as state, np.errstate(all="ignore"):
        try:
            result = settled(fun(*arguments))
        except Exception:
            if state.first is None:
                raise
        if state.first is not None:  # also if the function caught it and went on with something else
            error, place = state.first
            raise TraceError(_sentence(place or definition_of(fun), error))
    return result


def _sentence(place: str, error: Escape) -> str:
    cure = error.cure if error.wrong else error.cure + UNTRACED
    return f"{place}: {error.what}: {cure.removeprefix('; or ')}"


def _expression(fun: Callable[..., Any], result: Any, graph: Graph) -> Node:
    """Return the node of what a function returned, or raise TraceError."""
    place = f"{definition_of(fun)}: {name_of(fun)}"
    if isinstance(result, np.ndarray) and result.size == 1:
        result = result.item()
    if isinstance(result, (np.ndarray, TracedRows, list, tuple)):
        raise TraceError(f"{place} returns {_several(result, len(graph.x))}")
    if result is None:
        raise TraceError(f"{place} returns None: is a return statement missing?")
    if isinstance(result, (str, bytes)):
        raise TraceError(f"{place} returns the string {result!r}: return a number")
    if isinstance(result, (Complex, complex, np.complexfloating)):
        raise TraceError(f"{place} returns a complex number: return a real one, for example abs(z) ** 2")
    if not isinstance(result, (Scalar, int, float, np.number, np.bool_)):
        raise TraceError(f"{place} returns a {type(result).__name__}: return a number")
    node = node_of(graph, result)
    if node.axes:
        raise TraceError(f"{place} returns what belongs to one step of a scan: let the step return it as its output")
    if node.is_boolean:
        raise TraceError(f"{place} returns true or false: return a number, for example bgd.where(condition, a, b)")
    return node


def _check_depends_on_x(fun: Callable[..., Any], node: Node) -> None:
    if not any(each.op == "x" for each in reachable([node])):
        shown = f"the constant {node.value:g}" if node.is_constant else "a value"
        place = f"{definition_of(fun)}: {name_of(fun)}"
        raise TraceError(f"{place} returns {shown}, which does not depend on x: there is nothing to minimise")


def _several(result: Any, dim: int) -> str:
    """Describe what is not one number, and how to make it one."""
    if isinstance(result, tuple) and len(result) == 2 and np.ndim(result[0]) == 0 and np.shape(result[1]) == (dim,):
        return "a value and a gradient (jac=True in SciPy): return the value alone, its gradient is derived"
    if isinstance(result, (np.ndarray, TracedRows)):
        shown = f"an array of shape {result.shape}"
    else:
        shown = f"a {type(result).__name__} of length {len(result)}"
    return (
        f"{shown}: return one number; of residuals r, model minus data, np.sum(r**2), never np.sum(r), in which they "
        "cancel; of losses or log-likelihoods per datum, np.sum of them"
    )


def _expressions(jac: Callable[..., Any], result: Any, graph: Graph) -> list[Node]:
    """Return the nodes of a hand-written gradient."""
    place = f"{definition_of(jac)}: the gradient {name_of(jac)}"
    dim = len(graph.x)
    shape = plain_objects(result).shape if result is not None else None
    if shape != (dim,):
        shown = "returns None" if shape is None else f"returns something of shape {shape}"
        raise TraceError(f"{place} {shown}: return {dim} numbers, one per coordinate")
    return [graph.number(node_of(graph, each)) for each in plain_objects(result)]
