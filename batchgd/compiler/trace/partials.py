"""The table of partial derivatives: what each operation's value changes by, per change of each argument."""

from __future__ import annotations

import math
from collections.abc import Callable

from batchgd.compiler.trace.graph import Graph, Node
from batchgd.compiler.trace.operations import BOOLEAN
from batchgd.compiler.trace.rows import reduced


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


PREFERS = {"minimum": "le", "maximum": "ge"}
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
    **{op: _chosen(comparison) for op, comparison in PREFERS.items()},
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


def slope_of_row(node: Node) -> Node:
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
    """The product of the other rows: over all rows by this one, unless it is 0.

    With two zeros that is the other zero, as the sum of the zeros without this one, times the product of what is not
    0: its value is 0, but not its derivative.
    """
    one, zero, axis = m.number(1.0), m.number(0.0), node.bound[0]
    is_zero = m.make("eq", arg, zero)
    divisor = m.make("where", is_zero, one, arg)
    zeros = reduced("sum", m.make("where", is_zero, one, zero), axis)
    rest = reduced("prod", divisor, axis)
    other = m.make("sub", reduced("sum", m.make("where", is_zero, arg, zero), axis), arg)
    others = m.make("where", m.make("eq", zeros, m.number(2.0)), m.mul(other, rest), zero)
    others = m.make("where", m.make("eq", zeros, one), rest, others)
    return m.make("where", is_zero, others, m.mul(node, m.over(1.0, divisor)))
