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

import math
from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np

from batchgd.compiler.trace.graph import Axis, Graph, Node, joint_axes, reachable
from batchgd.compiler.trace.operations import BOOLEAN, REDUCTIONS
from batchgd.compiler.trace.rows import data, made_again, pick, reduced, scattered


class _Algebra:
    """Short names for making nodes, for the table of partial derivatives below."""

    def __init__(self, graph: Graph):
        self.make, self.number = graph.make, graph.constant

    def mul(self, a: Node, b: Node) -> Node:
        return self.make("mul", a, b)

    def scale(self, c: float, a: Node) -> Node:
        return self.make("mul", self.number(c), a)

    def neg(self, a: Node) -> Node:
        return self.make("neg", a)

    def over(self, c: float, a: Node) -> Node:
        return self.make("div", self.number(c), a)

    def shifted(self, c: float, sign: str, a: Node) -> Node:
        return self.make(sign, self.number(c), a)

    def choose(self, condition: Node, yes: float, no: float) -> Node:
        return self.make("where", condition, self.number(yes), self.number(no))


def _div(m: _Algebra, y: Node, a: Node, b: Node) -> list[Node]:
    """If a is a constant, y = c / b, dy/db = -y^2 / c needs no second division; ``simplify`` leaves few others."""
    if a.is_constant:
        return [m.over(1.0, b), m.scale(-1.0 / a.value, m.mul(y, y)) if a.value != 0.0 else m.number(0.0)]
    return [m.over(1.0, b), m.neg(m.mul(y, m.over(1.0, b)))]


def _power(m: _Algebra, y: Node, a: Node, b: Node) -> list[Node]:
    """d(a^b)/da = b a^(b-1), d(a^b)/db = a^b log a, which is 0 for a = 0, as b > 0 makes it."""
    by_base = m.mul(b, m.make("power", a, m.make("sub", b, m.number(1.0))))
    if b.is_constant:
        return [by_base, m.number(0.0)]
    zero = m.make("eq", a, m.number(0.0))
    return [by_base, m.make("where", zero, m.number(0.0), m.mul(y, m.make("log", a)))]


def _atan2(m: _Algebra, y: Node, a: Node, b: Node) -> list[Node]:
    inverse = m.over(1.0, m.make("add", m.mul(a, a), m.mul(b, b)))
    return [m.mul(b, inverse), m.neg(m.mul(a, inverse))]


def _fmod(m: _Algebra, y: Node, a: Node, b: Node) -> list[Node]:
    """y = a - n b with a whole n, which is constant except at its jumps."""
    return [m.number(1.0), m.mul(m.make("sub", y, a), m.over(1.0, b))]


def _copysign(m: _Algebra, y: Node, a: Node, b: Node) -> list[Node]:
    return [m.mul(m.make("sign", a), m.make("copysign", m.number(1.0), b)), m.number(0.0)]


def _hypot(m: _Algebra, y: Node, a: Node, b: Node) -> list[Node]:
    inverse = m.over(1.0, y)
    return [m.mul(a, inverse), m.mul(b, inverse)]


_PREFERS = {"minimum": "le", "maximum": "ge"}
"""The comparison of its arguments that holds where the first is taken."""


def _chosen(comparison: str) -> Callable[[_Algebra, Node, Node, Node], list[Node]]:
    def partials(m: _Algebra, y: Node, a: Node, b: Node) -> list[Node]:
        first = m.make(comparison, a, b)
        return [m.choose(first, 1.0, 0.0), m.choose(first, 0.0, 1.0)]

    return partials


def _where(m: _Algebra, y: Node, c: Node, a: Node, b: Node) -> list[Node]:
    return [m.number(0.0), m.choose(c, 1.0, 0.0), m.choose(c, 0.0, 1.0)]


def _asin(m: _Algebra, y: Node, a: Node) -> Node:
    """1 - a^2 as (1 - a) (1 + a), which keeps its digits next to 1."""
    return m.over(1.0, m.make("sqrt", m.mul(m.shifted(1.0, "sub", a), m.shifted(1.0, "add", a))))


def _acosh(m: _Algebra, y: Node, a: Node) -> Node:
    """The root of each factor, as a^2 overflows long before its root."""
    below, above = m.make("sub", a, m.number(1.0)), m.shifted(1.0, "add", a)
    return m.over(1.0, m.mul(m.make("sqrt", below), m.make("sqrt", above)))


def _gaussian(m: _Algebra, y: Node, a: Node) -> Node:
    return m.scale(2.0 / math.sqrt(math.pi), m.make("exp", m.neg(m.mul(a, a))))


def _cbrt(m: _Algebra, y: Node, a: Node) -> Node:
    return m.over(1.0 / 3.0, m.mul(y, y))


_UNARY: dict[str, Callable[[_Algebra, Node, Node], Node]] = {
    "neg": lambda m, y, a: m.number(-1.0),
    "sin": lambda m, y, a: m.make("cos", a),
    "cos": lambda m, y, a: m.neg(m.make("sin", a)),
    "tan": lambda m, y, a: m.shifted(1.0, "add", m.mul(y, y)),
    "asin": _asin,
    "acos": lambda m, y, a: m.neg(_asin(m, y, a)),
    "atan": lambda m, y, a: m.over(1.0, m.shifted(1.0, "add", m.mul(a, a))),
    "sinh": lambda m, y, a: m.make("cosh", a),
    "cosh": lambda m, y, a: m.make("sinh", a),
    "tanh": lambda m, y, a: m.shifted(1.0, "sub", m.mul(y, y)),
    "asinh": lambda m, y, a: m.over(1.0, m.make("hypot", a, m.number(1.0))),
    "acosh": _acosh,
    "exp": lambda m, y, a: y,
    "exp2": lambda m, y, a: m.scale(math.log(2.0), y),
    "expm1": lambda m, y, a: m.shifted(1.0, "add", y),
    "log": lambda m, y, a: m.over(1.0, a),
    "log1p": lambda m, y, a: m.over(1.0, m.shifted(1.0, "add", a)),
    "log2": lambda m, y, a: m.over(1.0 / math.log(2.0), a),
    "log10": lambda m, y, a: m.over(1.0 / math.log(10.0), a),
    "sqrt": lambda m, y, a: m.over(0.5, y),
    "cbrt": _cbrt,
    "erf": _gaussian,
    "erfc": lambda m, y, a: m.neg(_gaussian(m, y, a)),
    "absolute": lambda m, y, a: m.make("sign", a),
    "sign": lambda m, y, a: m.number(0.0),
    "floor": lambda m, y, a: m.number(0.0),
}

_PARTIALS: dict[str, Callable[..., list[Node]]] = {
    "add": lambda m, y, a, b: [m.number(1.0), m.number(1.0)],
    "sub": lambda m, y, a, b: [m.number(1.0), m.number(-1.0)],
    "mul": lambda m, y, a, b: [b, a],
    "div": _div,
    "power": _power,
    "atan2": _atan2,
    "hypot": _hypot,
    "fmod": _fmod,
    "copysign": _copysign,
    **{op: _chosen(comparison) for op, comparison in _PREFERS.items()},
    "where": _where,
    **{op: lambda m, y, a, f=f: [f(m, y, a)] for op, f in _UNARY.items()},
}


def partials(node: Node) -> list[tuple[Node, Node]]:
    """Return (argument, derivative of the node by it) for each argument that is not constant, equal ones merged."""
    if not node.args or node.op in BOOLEAN:
        return []
    found: dict[int, tuple[Node, Node]] = {}
    for arg, slope in zip(node.args, _PARTIALS[node.op](_Algebra(node.graph), node, *node.args), strict=True):
        if arg.is_constant or arg.is_boolean:
            continue
        if arg.id in found:
            slope = node.graph.make("add", found[arg.id][1], slope)
        found[arg.id] = (arg, slope)
    return [(arg, slope) for arg, slope in found.values() if not (slope.is_constant and slope.value == 0.0)]


def _slope_of_row(node: Node) -> Node:
    """Return the derivative of a reduction by each of its rows."""
    m, (arg,) = _Algebra(node.graph), node.args
    one, zero = m.number(1.0), m.number(0.0)
    if node.op == "sum":
        return one
    if node.op == "prod":
        return _product_of_others(m, node, arg)
    attained = m.make("where", m.make("eq", arg, node), one, zero)
    return m.make("div", attained, reduced("sum", attained, node.bound[0]))


def _product_of_others(m: _Algebra, node: Node, arg: Node) -> Node:
    """The product over the row; where the row is 0, the product of the others if none of them is 0 as well."""
    one, zero = m.number(1.0), m.number(0.0)
    is_zero = m.make("eq", arg, zero)
    divisor = m.make("where", is_zero, one, arg)
    zeros = reduced("sum", m.make("where", is_zero, one, zero), node.bound[0])
    others = m.make("where", m.make("eq", zeros, one), reduced("prod", divisor, node.bound[0]), zero)
    return m.make("where", is_zero, others, m.mul(node, m.over(1.0, divisor)))


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
    graph = output.graph
    useful = _depending_on(inputs, output)
    adjoint, active = {output.id: graph.constant(1.0)}, {output.id: graph.constant(1.0)}
    with graph.slopes():
        for node in reversed(reachable([output])):
            if node.id not in adjoint or node.id not in useful:
                continue
            for arg, term in _terms(node, adjoint[node.id], active[node.id]):
                if arg.id in useful:
                    adjoint[arg.id] = graph.make("add", adjoint[arg.id], term) if arg.id in adjoint else term
                    taken = _taken(node, arg, active[node.id])
                    active[arg.id] = graph.make("or", active[arg.id], taken) if arg.id in active else taken
    return [adjoint.get(node.id, graph.constant(0.0)) for node in inputs]


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
        for axis in node.axes:
            if axis not in arg.axes:
                term = reduced("sum", term, axis)
        terms.append((arg, term))
    return terms


def _selection(node: Node) -> tuple[Node, Node, Node] | None:
    """Return condition and branches of a node that takes one of two values."""
    if node.op == "where":
        condition, yes, no = node.args
        return condition, yes, no
    if node.op in _PREFERS:
        yes, no = node.args
        return node.graph.make(_PREFERS[node.op], yes, no), yes, no
    return None


def _taken(node: Node, arg: Node, active: Node) -> Node:
    """Return the condition under which a node that is active follows its argument."""
    graph, selection = node.graph, _selection(node)
    if selection is not None:
        condition, yes, _ = selection
        active = graph.make("and", active, condition if arg is yes else graph.make("not", condition))
    for axis in active.axes:
        if axis not in arg.axes:  # active in some row
            active = graph.truth(reduced("greatest", graph.number(active), axis))
    return active


def _depending_on(inputs: Sequence[Node], output: Node) -> set[int]:
    """Return the ids of the nodes that depend on an input."""
    found = {node.id for node in inputs}
    for node in reachable([output]):
        if any(arg.id in found for arg in node.args):
            found.add(node.id)
    return found


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


def _carry(node: Node, slopes: Sequence[tuple[Node, Node]], tangent: dict[int, Node]) -> None:
    """Note the tangent of a node, if its arguments have one."""
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
        return [(node.args[0], _slope_of_row(node))]
    if node.op in ("pick", "spread", "part"):
        return [(arg, node.graph.constant(1.0)) for arg in {arg.id: arg for arg in node.args}.values()]
    return partials(node)


def _carried(node: Node, total: Node, tangent: dict[int, Node]) -> Node:
    """Return the tangent of a node; ``total`` is the sum of its arguments' tangents times their slopes."""
    if node.op in REDUCTIONS:
        return reduced("sum", total, node.bound[0])
    if node.op in ("spread", "part"):
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
