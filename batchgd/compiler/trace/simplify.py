"""Rules that make a smaller expression of the same value: one function per operation, None if none applies.

Each keeps the value to within a few rounding errors, but not the sign of a zero. What may vanish depends on who wrote
it:

- What the user wrote is NaN or infinite wherever the plain function is: ``0 * u``, ``u - u`` and ``where(c, a, 0) * u``
  lose u only if u is finite for every finite x short of overflow (``Node.finite``: sums, products, sines, but no
  quotient, root, logarithm or exponential), and ``u / u`` and ``0 / u`` stay. ``u ** 0`` is 1 and ``where(c, a, a)`` is
  a, as in NumPy.
- In derivatives (``Graph.slopes``) 0 times anything is 0, and ``u / u`` is 1: the chain rule makes such terms by the
  hundred, and a branch that is not taken must not turn the derivative of the other into NaN.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from batchgd.compiler.trace.graph import Axis, Graph, Node
from batchgd.compiler.trace.rows import reduced


def _is(node: Node, value: float) -> bool:
    return node.op == "const" and node.value == value


def _vanishes(graph: Graph, node: Node) -> bool:
    """Whether 0 times the node may be written as 0."""
    return graph.differentiating or node.finite


def _scaled(node: Node) -> tuple[float, Node] | None:
    """Split ``c * u`` into c and u."""
    if node.op == "mul" and node.args[0].op == "const":
        return node.args[0].value, node.args[1]
    return None


def _negative(graph: Graph, node: Node) -> Node | None:
    """Return -node if that saves an operation: -(-u), -(c u) with c < 0."""
    if node.op == "neg":
        return node.args[0]
    if node.op == "mul" and node.args[0].op == "const" and node.args[0].value < 0.0:
        return graph.make("mul", graph.constant(-node.args[0].value), node.args[1])
    return None


def _add(graph: Graph, a: Node, b: Node) -> Node | None:
    if _is(a, 0.0):
        return b
    if _is(b, 0.0):
        return a
    if (combined := _combined(graph, a, b, 1.0)) is not None:
        return combined
    if (other := _negative(graph, b)) is not None:
        return graph.make("sub", a, other)
    if (other := _negative(graph, a)) is not None:
        return graph.make("sub", b, other)
    return _add_branches(graph, a, b)


def _combined(graph: Graph, a: Node, b: Node, sign: float) -> Node | None:
    """Add or subtract two multiples of one node, unless their factors overflow together."""
    c, u = _scaled(a) or (1.0, a)
    d, v = _scaled(b) or (1.0, b)
    factor = c + sign * d
    return graph.make("mul", graph.constant(factor), u) if u is v and math.isfinite(factor) else None


def _add_branches(graph: Graph, a: Node, b: Node) -> Node | None:
    """Add two selections with the same condition if that leaves no new addition in either branch."""
    if a.op == b.op == "where" and a.args[0] is b.args[0]:
        (condition, a1, a2), (_, b1, b2) = a.args, b.args
        if (_is(a1, 0.0) or _is(b1, 0.0)) and (_is(a2, 0.0) or _is(b2, 0.0)):
            return graph.make("where", condition, graph.make("add", a1, b1), graph.make("add", a2, b2))
        if (_is(a1, 0.0) and _is(b1, 0.0)) or (_is(a2, 0.0) and _is(b2, 0.0)):
            return graph.make("where", condition, graph.make("add", a1, b1), graph.make("add", a2, b2))
    return None


def _sub(graph: Graph, a: Node, b: Node) -> Node | None:
    if _is(b, 0.0):
        return a
    if a is b:
        return graph.constant(0.0) if _vanishes(graph, a) else graph.intern("sub", (a, b))
    if _is(a, 0.0):
        return graph.make("neg", b)
    if (combined := _combined(graph, a, b, -1.0)) is not None:
        return combined
    if (other := _negative(graph, b)) is not None:
        return graph.make("add", a, other)
    if a.op == "neg":
        return graph.make("neg", graph.make("add", a.args[0], b))
    reverse = graph.existing("sub", b, a)
    return graph.make("neg", reverse) if reverse is not None else None


def _neg(graph: Graph, a: Node) -> Node | None:
    if (other := _negative(graph, a)) is not None:
        return other
    if a.op == "mul" and a.args[0].op == "const":
        return graph.make("mul", graph.constant(-a.args[0].value), a.args[1])
    if (scaled := _into_data(graph, graph.constant(-1.0), a)) is not None:
        return scaled
    return _into_branches(graph, a, lambda branch: graph.make("neg", branch))


def _into_data(graph: Graph, constant: Node, node: Node) -> Node | None:
    """Multiply the data in a product by a constant, once for all rows."""
    if node.op == "mul":
        for one, other in (node.args, node.args[::-1]):
            if one.op == "data":
                return graph.make("mul", graph.make("mul", constant, one), other)
    return None


def _mul(graph: Graph, a: Node, b: Node) -> Node | None:
    if b.op == "const":
        return _scale(graph, b, a)
    if a.op == "const":
        return _scale(graph, a, b)
    if a.op == "neg":
        return graph.make("neg", graph.make("mul", a.args[0], b))
    if b.op == "neg":
        return graph.make("neg", graph.make("mul", a, b.args[0]))
    if a is b and a.op == "hypot":
        return graph.make("add", *(graph.make("mul", side, side) for side in a.args))
    for one, other in ((a, b), (b, a)):  # constants move outward, where they meet other constants
        if one.op == "mul" and one.args[0].op == "const":
            return graph.make("mul", one.args[0], graph.make("mul", one.args[1], other))
    for one, other in ((a, b), (b, a)):
        if _vanishes(graph, other):
            result = _into_branches(graph, one, partial(graph.make, "mul", other))
            if result is not None:
                return result
    return None


def _scale(graph: Graph, constant: Node, node: Node) -> Node | None:
    """Multiply by a constant, which comes first in the node."""
    c = constant.value
    if c == 0.0:
        return graph.constant(0.0) if _vanishes(graph, node) else graph.intern("mul", (constant, node))
    if c == 1.0:
        return node
    if c == -1.0:
        return graph.make("neg", node)
    if node.op == "neg":
        return graph.make("mul", graph.constant(-c), node.args[0])
    absorbs = node.op == "mul" or (node.op == "div" and not _is(node.args[0], 1.0))
    if absorbs and node.args[0].op == "const" and _is_normal(c * node.args[0].value):
        return graph.make(node.op, graph.constant(c * node.args[0].value), node.args[1])
    if (scaled := _into_data(graph, constant, node)) is not None:
        return scaled
    if node.op == "where" and all(branch.op == "const" for branch in node.args[1:]):
        condition, yes, no = node.args
        return graph.make("where", condition, graph.constant(c * yes.value), graph.constant(c * no.value))
    if _vanishes(graph, constant):
        branches = _into_branches(graph, node, lambda branch: graph.make("mul", constant, branch))
        if branches is not None:
            return branches
    return graph.intern("mul", (constant, node))


def _is_normal(value: float) -> bool:
    """Whether a product of constants has neither overflowed nor lost digits to underflow."""
    return sys.float_info.min <= abs(value) < math.inf


def _into_branches(graph: Graph, node: Node, apply: Callable[[Node], Node]) -> Node | None:
    """Apply to ``where(c, u, 0)`` inside: a linear operation leaves the zero branch zero."""
    if node.op == "where":
        condition, yes, no = node.args
        if _is(no, 0.0):
            return graph.make("where", condition, apply(yes), no)
        if _is(yes, 0.0):
            return graph.make("where", condition, yes, apply(no))
    return None


def _div(graph: Graph, a: Node, b: Node) -> Node | None:
    """Divide: by a constant with a product, and by a node with one reciprocal that everything shares.

    Both cost an ulp; a division by each constant took a fifth of the time of sum((x/3)^4 + x/7).
    """
    if b.op == "const":
        inverse = 1.0 / b.value if b.value != 0.0 else math.inf
        return graph.make("mul", graph.constant(inverse), a) if math.isfinite(inverse) and inverse != 0.0 else None
    if b.op == "neg":
        return graph.make("neg", graph.make("div", a, b.args[0]))
    if a.op != "const":
        if a is b:
            return graph.constant(1.0) if graph.differentiating else graph.intern("div", (a, b))
        return graph.make("mul", a, graph.make("div", graph.constant(1.0), b))
    if a.value == 0.0:
        return graph.constant(0.0) if graph.differentiating else None
    if a.value < 0.0:
        return graph.make("neg", graph.make("div", graph.constant(-a.value), b))
    if a.value != 1.0:
        reciprocal = graph.existing("div", graph.constant(1.0), b)
        if reciprocal is not None:
            return graph.make("mul", a, reciprocal)
    return None


def _power(graph: Graph, a: Node, b: Node) -> Node | None:
    """Small exponents at once; other constant ones stay whole until the graph is written out (``powers.lowered``).

    Powers of a constant a are exp(b log a), which is off by |b log a| / 2 ulp (less for a = 2).
    """
    if b.op == "const":
        short: dict[float, Callable[[], Node]] = {
            0.0: lambda: graph.constant(1.0),
            1.0: lambda: a,
            2.0: lambda: graph.make("mul", a, a),
            -1.0: lambda: graph.make("div", graph.constant(1.0), a),
            0.5: lambda: graph.make("sqrt", a),
        }
        return short[b.value]() if b.value in short else None
    if _is(a, 1.0) or _is(a, 2.0):
        return a if a.value == 1.0 else graph.make("exp2", b)
    if a.op == "const" and 0.0 < a.value < math.inf:
        return graph.make("exp", graph.make("mul", graph.constant(math.log(a.value)), b))
    return None


def _where(graph: Graph, condition: Node, yes: Node, no: Node) -> Node | None:
    if condition.op == "const":
        return yes if condition.value != 0.0 else no
    if yes is no:
        return yes
    if condition.op == "not":
        return graph.make("where", condition.args[0], no, yes)
    shorter = _settled(yes, condition, True), _settled(no, condition, False)
    return graph.make("where", condition, *shorter) if shorter != (yes, no) else None


def _settled(node: Node, condition: Node, answer: bool) -> Node:
    """Return what is left of nested selections where a condition is known to hold, or not to."""
    if node.op != "where":
        return node
    known, stack = dict[int, bool](), [(condition, answer)]
    while stack and len(known) < 64:
        each, truth = stack.pop()
        known[each.id] = truth
        if each.op == "not":
            stack.append((each.args[0], not truth))
        elif each.op == ("and" if truth else "or"):
            stack += [(arg, truth) for arg in each.args]
    while node.op == "where" and node.args[0].id in known:
        node = node.args[1] if known[node.args[0].id] else node.args[2]
    return node


def _and(graph: Graph, a: Node, b: Node) -> Node | None:
    for one, other in ((a, b), (b, a)):
        if one.op == "const":
            return other if one.value != 0.0 else graph.constant(0.0)
        if other.op == "and" and one in other.args:
            return other
        if _opposite(one, other):
            return graph.constant(0.0)
    if a.op == b.op == "not":
        return graph.make("not", graph.make("or", a.args[0], b.args[0]))
    return a if a is b else None


def _or(graph: Graph, a: Node, b: Node) -> Node | None:
    for one, other in ((a, b), (b, a)):
        if one.op == "const":
            return graph.constant(1.0) if one.value != 0.0 else other
        if _opposite(one, other):
            return graph.constant(1.0)
        if other.op in ("or", "and") and one in other.args:
            return other if other.op == "or" else one
        if other.op == "and" and (rest := _without_opposite(other, one)) is not None:
            return graph.make("or", one, rest)
        if one.op == other.op == "and":
            for kept, left in (one.args, one.args[::-1]):
                if kept in other.args and (rest := _without_opposite(other, left)) is kept:
                    return kept
    return a if a is b else None


def _opposite(a: Node, b: Node) -> bool:
    """Whether a condition is written as the negation of another."""
    return (a.op == "not" and a.args[0] is b) or (b.op == "not" and b.args[0] is a)


def _without_opposite(both: Node, a: Node) -> Node | None:
    """Return what is left of ``b & ~a``, None if neither part is ~a."""
    for part, rest in (both.args, both.args[::-1]):
        if _opposite(part, a):
            return rest
    return None


def _not(graph: Graph, a: Node) -> Node | None:
    return a.args[0] if a.op == "not" else None


def _same(graph: Graph, a: Node, b: Node) -> Node | None:
    return a if a is b else None


def _sum(graph: Graph, a: Node, axis: Axis) -> Node | None:
    """What is the same in every row is multiplied once."""
    if a.op == "neg":
        return graph.make("neg", reduced("sum", a.args[0], axis))
    if a.op == "mul":
        for one, other in (a.args, a.args[::-1]):
            if axis not in one.axes:
                return graph.make("mul", one, reduced("sum", other, axis))
    return None


def _even(op: str) -> Callable[[Graph, Node], Node | None]:
    return lambda graph, a: graph.make(op, a.args[0]) if a.op == "neg" else None


def _odd(op: str) -> Callable[[Graph, Node], Node | None]:
    return lambda graph, a: graph.make("neg", graph.make(op, a.args[0])) if a.op == "neg" else None


class SimplifyingGraph(Graph):
    """A graph whose nodes are simplified when they are made.

    >>> graph = SimplifyingGraph(dim=1)
    >>> x = graph.x[0]
    >>> graph.make("add", graph.make("mul", x, graph.constant(1.0)), graph.constant(0.0)) is x
    True
    """

    rules: ClassVar = {
        "add": _add,
        "sub": _sub,
        "neg": _neg,
        "mul": _mul,
        "div": _div,
        "power": _power,
        "where": _where,
        "and": _and,
        "or": _or,
        "not": _not,
        "minimum": _same,
        "maximum": _same,
        "sum": _sum,
        **{op: _even(op) for op in ("cos", "cosh", "absolute")},
        **{op: _odd(op) for op in ("sin", "tan", "asin", "atan", "sinh", "tanh", "cbrt", "erf")},
    }
