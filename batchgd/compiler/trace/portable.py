"""A traced program as data: the nodes of its graph as a table of rows, from which another process makes them again.

All nodes are kept, in the order in which they were made: what is derived later (second derivatives) may look at any of
them, so that both processes compile the same code.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from batchgd.compiler.trace.graph import Axis, Graph, Loop, Node
from batchgd.compiler.trace.simplify import SimplifyingGraph
from batchgd.compiler.trace.tracer import Traced


class _Scan(NamedTuple):
    """A ``Loop`` with numbers in place of its nodes."""

    axis: Axis
    reverse: bool
    carries: tuple[int, ...]
    following: tuple[int, ...]


class Program(NamedTuple):
    """A traced function as data.

    Attributes
    ----------
    dim, n_params : int
        The numbers of its inputs.
    nodes : list of tuple
        Operation, numbers of the arguments, value, attribute and axes of each node.
    tables : dict
        The arrays that nodes refer to.
    value, gradient, automatic, route
        The numbers of the outputs, as in ``Traced``.
    """

    dim: int
    n_params: int
    nodes: list[tuple[str, tuple[int, ...], float, Any, Any]]
    tables: dict[str, Any]
    value: int
    gradient: tuple[int, ...]
    automatic: tuple[int, ...] | None
    route: int | None


def as_data(traced: Traced) -> Program:
    """Return a traced function as data.

    >>> from batchgd.compiler.trace.tracer import trace
    >>> program = as_data(trace(lambda x: x[0] * x[1], 2))
    >>> program.nodes[:3], from_data(program).gradient
    ([('x', (), 0.0, None, ()), ('x', (), 1.0, None, ()), ('mul', (0, 1), 0.0, None, ())], (x1, x0))
    """
    graph = traced.value.graph
    return Program(
        traced.dim,
        traced.n_params,
        [(node.op, _numbers(node.args), node.value, _sent(node.attr), node.axes) for node in _nodes(graph)],
        graph.tables,
        traced.value.id,
        _numbers(traced.gradient),
        None if traced.automatic is None else _numbers(traced.automatic),
        None if traced.route is None else traced.route.id,
    )


def from_data(program: Program) -> Traced:
    """Make a traced function again, with every node of its graph."""
    graph = SimplifyingGraph(program.dim, program.n_params)
    graph.tables = dict(program.tables)
    for table in graph.tables.values():
        table.setflags(write=False)
    nodes: list[Node] = []
    for op, args, value, attr, axes in program.nodes:
        nodes.append(graph.intern(op, tuple(nodes[k] for k in args), value, _received(attr, nodes), axes))
    return Traced(
        program.dim,
        program.n_params,
        nodes[program.value],
        tuple(nodes[k] for k in program.gradient),
        None if program.automatic is None else tuple(nodes[k] for k in program.automatic),
        None if program.route is None else nodes[program.route],
    )


def numbered(graph: Graph, numbers: list[int]) -> list[Node]:
    """Return the nodes of a graph with these numbers."""
    nodes = _nodes(graph)
    return [nodes[k] for k in numbers]


def _nodes(graph: Graph) -> list[Node]:
    """All nodes in the order in which they were made, so that ``nodes[k].id`` is k."""
    return [*graph._table.values()]


def _numbers(nodes: tuple[Node, ...]) -> tuple[int, ...]:
    return tuple(node.id for node in nodes)


def _sent(attr: Any) -> Any:
    if isinstance(attr, Loop):
        return _Scan(attr.axis, attr.reverse, _numbers(attr.carries), _numbers(attr.following))
    return attr


def _received(attr: Any, nodes: list[Node]) -> Any:
    if isinstance(attr, _Scan):
        carries, following = (tuple(nodes[k] for k in part) for part in (attr.carries, attr.following))
        return Loop(attr.axis, attr.reverse, carries, following)
    return attr
