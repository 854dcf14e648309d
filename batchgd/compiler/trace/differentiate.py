"""Derivatives on the graph: reverse mode for gradients, forward mode over the gradient for Hessians.

Where a function has a corner, one derivative is chosen (a subgradient where it is convex): ``abs`` has slope 0 at 0,
``sign`` and ``floor`` have slope 0 everywhere, ``maximum(a, b)`` and ``minimum(a, b)`` follow a where a = b, and
``where(c, a, b)`` follows the branch that is taken. The least and the greatest of rows follow all rows that attain it,
in equal parts. A norm at 0 is 0/0, NaN: such a point is a kink.

The branch that is not taken has adjoint 0, which times an infinite slope (of a root at 0, say) would be NaN. So the
sweep also notes when a node is active, which is when the selections on the way to it take its branch, and selects the
product of adjoint and slope by that condition if the slope may be infinite.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np

from batchgd.compiler.trace.graph import Axis, Node, joint_axes, reachable
from batchgd.compiler.trace.loop_derivatives import Seed, scan_adjoints, scan_tangent, somewhere, summed
from batchgd.compiler.trace.operations import REDUCTIONS
from batchgd.compiler.trace.partials import PREFERS, partials, slope_of_row
from batchgd.compiler.trace.rows import data, made_again, pick, reduced, scattered


def gradient(output: Node, inputs: Sequence[Node]) -> list[Node]:
    """Return the derivative of the output by each input, by one sweep from the output to the inputs.

    Examples
    --------
    >>> from batchgd.compiler.trace.simplify import SimplifyingGraph
    >>> graph = SimplifyingGraph(dim=2)
    >>> x, y = graph.x
    >>> gradient(graph.make("mul", x, graph.make("sin", y)), [x, y])
    [sin(x1), mul(x0, cos(x1))]
    """
    graph, one = output.graph, output.graph.constant(1.0)
    with graph.slopes():
        found = _sweep([(output, one, one)], _depending_on(inputs, output), set())
    return [found[node.id][0] if node.id in found else graph.constant(0.0) for node in inputs]


def _sweep(seeds: Sequence[Seed], useful: set[int], ends: set[int]) -> dict[int, tuple[Node, Node]]:
    """Carry adjoints, and the conditions under which nodes are active, from some nodes down to leaves and ``ends``."""
    found: dict[int, tuple[Node, Node]] = {}
    reads: dict[int, list[tuple[Node, Node]]] = {}

    def add(arg: Node, term: Node, taken: Node) -> None:
        if arg.id in found:
            term = arg.graph.make("add", found[arg.id][0], term)
            taken = arg.graph.make("or", found[arg.id][1], taken)
        found[arg.id] = term, taken

    for seed in seeds:
        add(*seed)
    for node in reversed(reachable([seed[0] for seed in seeds], ends)):
        if node.id not in found or node.id not in useful or node.id in ends:
            continue
        adjoint, active = found[node.id]
        if node.op == "entry":
            (scan,) = node.args
            reads.setdefault(scan.id, []).append((node, adjoint))
            add(scan, node.graph.constant(0.0), _taken(node, scan, active))
        elif node.op == "scan":
            for term in scan_adjoints(node, reads[node.id], active, useful, _sweep):
                add(*term)
        else:
            for arg, slope in _terms(node, adjoint, active):
                if arg.id in useful:
                    add(arg, slope, _taken(node, arg, active))
    return found


def _terms(node: Node, adjoint: Node, active: Node) -> list[tuple[Node, Node]]:
    """Return (argument, what the node contributes to its adjoint).

    An argument that lacks an axis is used in every row of it, and gets the sum over the rows.
    """
    if node.op == "pick":
        return [(node.args[j], term) for j, term in scattered(adjoint, node).items()]
    make, zero = node.graph.make, node.graph.constant(0.0)
    terms = []
    for arg, slope in _slopes(node):
        term = make("mul", adjoint, slope)
        if not slope.smooth:
            term = make("where", active, term, zero)
        terms.append((arg, summed(arg, term, node.axes)))
    return terms


def _selection(node: Node) -> tuple[Node, Node, Node] | None:
    """Return condition and branches of a node that takes one of two values."""
    if node.op == "where":
        condition, yes, no = node.args
        return condition, yes, no
    if node.op in PREFERS:
        yes, no = node.args
        return node.graph.make(PREFERS[node.op], yes, no), yes, no
    return None


def _taken(node: Node, arg: Node, active: Node) -> Node:
    """Return the condition under which a node that is active follows its argument."""
    graph, selection = node.graph, _selection(node)
    if selection is not None:
        condition, yes, _ = selection
        active = graph.make("and", active, condition if arg is yes else graph.make("not", condition))
    return somewhere(arg, active)


def _depending_on(inputs: Sequence[Node], output: Node) -> set[int]:
    """Return the ids of the nodes that depend on an input."""
    found = {node.id for node in inputs}
    for node in reachable([output]):
        if any(arg.id in found for arg in node.args):
            found.add(node.id)
    return found


def dependences(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[int]:
    """Return, for each output, the inputs by which it has a derivative: bit k of a number stands for the input k.

    >>> from batchgd.compiler.trace.simplify import SimplifyingGraph
    >>> graph = SimplifyingGraph(dim=3)
    >>> dependences([graph.make("mul", graph.x[0], graph.x[2]), graph.make("floor", graph.x[1])], graph.x)
    [5, 0]
    """
    found = {node.id: 1 << k for k, node in enumerate(inputs)}
    with outputs[0].graph.slopes():
        for node in reachable(outputs):
            if node.id not in found:
                bits = (found[arg.id] for arg, slope in _slopes(node) if not (slope.is_constant and slope.value == 0.0))
                found[node.id] = reduce(lambda a, b: a | b, bits, 0)
    return [found[node.id] for node in outputs]


def jacobian_columns(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[list[Node]]:
    """Return, for each input, the derivatives of all outputs by it: one forward sweep per input.

    A sweep visits only what depends on its input, so the cost follows the sparsity of the Hessian.
    """
    with outputs[0].graph.slopes():
        return _forward(outputs, inputs)


def _forward(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[list[Node]]:
    graph = outputs[0].graph
    order = [(node, _slopes(node)) for node in reachable(outputs)]
    users: dict[int, list[int]] = {}
    for position, (_, slopes) in enumerate(order):
        for arg, _ in slopes:
            users.setdefault(arg.id, []).append(position)
    columns = []
    for x in inputs:
        tangent = {x.id: graph.constant(1.0)}
        for position in _downstream(x, order, users):
            _carry(*order[position], tangent)
        columns.append([tangent.get(node.id, graph.constant(0.0)) for node in outputs])
    return columns


def jacobian_rows(outputs: Sequence[Node], inputs: Sequence[Node]) -> list[Node]:
    """Return, for each output, its derivatives by all inputs, as the rows of an axis: one forward sweep in all."""
    graph, nodes = outputs[0].graph, reachable(outputs)
    taken = [axis.index for node in nodes for axis in (*node.axes, *node.bound) if axis.length == len(inputs)]
    axis = Axis(len(inputs), 1 + max(taken, default=-1))
    with graph.slopes():
        tangent = {x.id: data(graph, each, [axis]) for x, each in zip(inputs, np.eye(len(inputs)), strict=True)}
        for node in nodes:
            _carry(node, _slopes(node), tangent)
    zero = graph.constant(0.0)
    return [graph.intern("rows", (tangent.get(node.id, zero),), axes=(axis,), attr="rows") for node in outputs]


def directional(outputs: Sequence[Node], inputs: Sequence[Node], way: Sequence[Node]) -> list[Node]:
    """Return the derivative of each output along a direction, given by one node per input: one forward sweep.

    >>> from batchgd.compiler.trace.simplify import SimplifyingGraph
    >>> graph = SimplifyingGraph(dim=2)
    >>> x, y = graph.x
    >>> directional([graph.make("mul", x, y)], [x], [graph.constant(3.0)])
    [mul(x1, 3.0)]
    """
    graph = outputs[0].graph
    with graph.slopes():
        tangent = {x.id: each for x, each in zip(inputs, way, strict=True)}
        for node in reachable(outputs):
            _carry(node, _slopes(node), tangent)
    return [tangent.get(node.id, graph.constant(0.0)) for node in outputs]


def _carry(node: Node, slopes: Sequence[tuple[Node, Node]], tangent: dict[int, Node]) -> None:
    """Note the tangent of a node, if its arguments have one."""
    if node.op == "scan":
        moving = scan_tangent(node, tangent, lambda each, known: _carry(each, _slopes(each), known))
        if moving is not None:
            tangent[node.id] = moving
        return
    total = _tangent(node, slopes, tangent)
    if total is not None:
        tangent[node.id] = _carried(node, total, tangent)


def _tangent(node: Node, slopes: Sequence[tuple[Node, Node]], tangent: dict[int, Node]) -> Node | None:
    """Return the derivative of a node along x from those of its arguments; None for 0."""
    graph = node.graph
    if not any(arg.id in tangent for arg, _ in slopes):
        return None
    selection = _selection(node)
    if selection is not None:
        condition, *branches = selection
        return graph.make("where", condition, *(tangent.get(arg.id, graph.constant(0.0)) for arg in branches))
    total: Node | None = None
    for arg, slope in slopes:
        if arg.id in tangent:
            term = graph.make("mul", slope, tangent[arg.id])
            total = term if total is None else graph.make("add", total, term)
    return total


def _slopes(node: Node) -> list[tuple[Node, Node]]:
    """Return (argument, factor of its tangent), for operations on rows before the rows are taken together."""
    if node.op in REDUCTIONS:
        return [(node.args[0], slope_of_row(node))]
    if node.op in ("pick", "spread", "part", "scan", "entry"):
        return [(arg, node.graph.constant(1.0)) for arg in {arg.id: arg for arg in node.args}.values()]
    return partials(node)


def _carried(node: Node, total: Node, tangent: dict[int, Node]) -> Node:
    """Return the tangent of a node; ``total`` is the sum of its arguments' tangents times their slopes."""
    if node.op in REDUCTIONS:
        return reduced("sum", total, node.bound[0])
    if node.op in ("spread", "part", "entry"):
        return made_again(node, (total,))
    return _picked(node, tangent) if node.op == "pick" else total


def _picked(node: Node, tangent: dict[int, Node]) -> Node:
    """Return the tangent of a pick, in each row that of the argument picked there."""
    graph = node.graph
    moving = {j: tangent[arg.id] for j, arg in enumerate(node.args) if arg.id in tangent}
    axes = joint_axes(moving.values())
    if len(axes) == 1 and all(each.op == "data" for each in moving.values()):
        rows = np.zeros((len(node.args), axes[0].length))
        for j, each in moving.items():
            rows[j] = each.table
        return data(graph, rows[node.table], [*node.axes, *axes])
    if axes or len(moving) == 1:
        terms = [graph.make("mul", data(graph, node.table == j, node.axes), each) for j, each in moving.items()]
        return reduce(lambda a, b: graph.make("add", a, b), terms)
    zero = graph.constant(0.0)
    return pick(graph, [moving.get(j, zero) for j in range(len(node.args))], node.table, node.axes)


def _downstream(x: Node, order: Sequence[tuple[Node, object]], users: dict[int, list[int]]) -> list[int]:
    """Return the positions of the nodes that depend on x, in an order of computation."""
    found: set[int] = set()
    stack = [x.id]
    while stack:
        for position in users.get(stack.pop(), ()):
            if position not in found:
                found.add(position)
                stack.append(order[position][0].id)
    return sorted(found)
