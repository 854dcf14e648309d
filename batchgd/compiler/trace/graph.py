"""The expression graph: nodes that exist once each (hash-consing), and the order in which they are computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

import numpy as np

from batchgd.compiler.trace.operations import BOOLEAN, COMMUTATIVE, FINITE, LEAVES, OPERATIONS, SHARP


class Node:
    """One value of the expression: an operation on other nodes, a constant, or an input.

    ``op`` is a row of the table of operations, or ``const`` (its number is ``value``), ``x`` or ``p`` (its index is
    ``value``). A node's ``id`` is larger than its arguments', so ascending ids are an order of computation. If
    ``finite``, a finite x cannot make it NaN or infinite other than by overflow; if ``smooth``, nor its derivatives.
    """

    __slots__ = ("args", "finite", "graph", "id", "op", "smooth", "value")

    def __init__(self, graph: Graph, op: str, args: tuple[Node, ...], value: float):
        self.graph, self.op, self.args, self.value = graph, op, args, value
        self.id = graph.size
        graph.size += 1
        known = op in FINITE or (op == "power" and args[1].value in range(LARGEST_POWER))
        self.finite: bool = known and math.isfinite(value) and all(arg.finite for arg in args)
        self.smooth: bool = self.finite and op not in SHARP and all(arg.smooth for arg in args)

    def __repr__(self) -> str:
        if self.op == "const":
            return repr(self.value)
        if self.op in LEAVES:
            return f"{self.op}{int(self.value)}"
        return f"{self.op}({', '.join(map(repr, self.args))})"

    @property
    def is_constant(self) -> bool:
        """Whether the value is known."""
        return self.op == "const"

    @property
    def is_boolean(self) -> bool:
        """Whether the value is true or false."""
        return self.op in BOOLEAN


class Graph:
    """Makes nodes; the same operation on the same arguments is the same node.

    Examples
    --------
    >>> graph = Graph(dim=2)
    >>> x, y = graph.x
    >>> graph.make("add", x, y) is graph.make("add", y, x)
    True
    """

    rules: ClassVar[dict[str, Callable[..., Node | None]]] = {}
    """What simplifies an operation: none here, see ``simplify.SimplifyingGraph``."""

    def __init__(self, dim: int, n_params: int = 0):
        self.size = 0
        self.differentiating = False
        self._table: dict[tuple, Node] = {}
        self._made: dict[tuple, Node] = {}
        self.x = [self.intern("x", (), float(i)) for i in range(dim)]
        self.p = [self.intern("p", (), float(k)) for k in range(n_params)]

    def constant(self, value: float) -> Node:
        """Return the node of a number; 0.0 and -0.0 are two, every NaN is one."""
        return self.intern("const", (), float(value))

    def intern(self, op: str, args: tuple[Node, ...], value: float = 0.0) -> Node:
        """Return the node of exactly this operation, unsimplified."""
        ids = tuple(arg.id for arg in args)
        if op in COMMUTATIVE and ids[0] > ids[1]:
            ids = ids[::-1]
        key = (op, ids, "nan" if math.isnan(value) else value, math.copysign(1.0, value))
        node = self._table.get(key)
        if node is None:
            node = self._table[key] = Node(self, op, args, value)
        return node

    def existing(self, op: str, *args: Node) -> Node | None:
        """Return the node if it has been made already."""
        ids = tuple(arg.id for arg in args)
        if op in COMMUTATIVE and ids[0] > ids[1]:
            ids = ids[::-1]
        return self._table.get((op, ids, 0.0, 1.0))

    def make(self, op: str, *args: Node) -> Node:
        """Return the node of an operation, folded and simplified: the same one whenever it is asked for again.

        (Some rules look at which nodes exist, and a function that is run again must meet the nodes of its first run.)
        """
        if self.differentiating:
            return self._simplified(op, args)
        key = (op, *(arg.id for arg in args))
        node = self._made.get(key)
        if node is None:
            node = self._made[key] = self._simplified(op, args)
        return node

    def _simplified(self, op: str, args: tuple[Node, ...]) -> Node:
        args = self._coerced(op, args)
        if all(arg.op == "const" for arg in args):
            with np.errstate(all="ignore"):
                return self.constant(float(OPERATIONS[op].compute(*(np.float64(arg.value) for arg in args))))
        rule = self.rules.get(op)
        simpler = rule(self, *args) if rule else None
        return self.intern(op, args) if simpler is None else simpler

    def _coerced(self, op: str, args: tuple[Node, ...]) -> tuple[Node, ...]:
        """Turn truth values into 0 and 1 where numbers are needed, and numbers into truth values where those are."""
        if op in ("and", "or", "not"):
            return tuple(self.truth(arg) for arg in args)
        if op == "where":
            return (self.truth(args[0]), *(self.number(arg) for arg in args[1:]))
        return tuple(self.number(arg) for arg in args)

    @contextmanager
    def slopes(self) -> Iterator[None]:
        """While derivatives are made, whatever is multiplied by 0 vanishes (see ``simplify``)."""
        before, self.differentiating = self.differentiating, True
        try:
            yield
        finally:
            self.differentiating = before

    def number(self, node: Node) -> Node:
        """Return a node that is not a truth value: 1 for true, 0 for false."""
        if node.op not in BOOLEAN:
            return node
        return self.make("where", node, self.constant(1.0), self.constant(0.0))

    def truth(self, node: Node) -> Node:
        """Return a node that is a truth value (or a constant): a number is true when it is not zero."""
        if node.op in BOOLEAN or node.op == "const":
            return node
        return self.make("ne", node, self.constant(0.0))


def reachable(outputs: Iterable[Node]) -> list[Node]:
    """Return the nodes that the outputs need, in an order of computation.

    >>> graph = Graph(dim=1)
    >>> reachable([graph.make("sin", graph.x[0])])
    [x0, sin(x0)]
    """
    found: dict[int, Node] = {}
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node.id not in found:
            found[node.id] = node
            stack.extend(node.args)
    return [found[key] for key in sorted(found)]


def lowered(outputs: Sequence[Node]) -> list[Node]:
    """Write constant powers out as products and roots; every other node is made again from its new arguments.

    Powers are kept whole until here because n x^(n-1) is a shorter derivative than that of a chain of products.
    """
    new: dict[int, Node] = {}
    for node in reachable(outputs):
        args = tuple(new[arg.id] for arg in node.args)
        if node.op == "power" and args[1].op == "const":
            new[node.id] = _written_out(node.graph, args[0], args[1])
        elif all(a is b for a, b in zip(args, node.args, strict=True)):
            new[node.id] = node
        else:
            new[node.id] = node.graph.make(node.op, *args)
    return [new[node.id] for node in outputs]


LARGEST_POWER = 64  # beyond, repeated squaring loses more than 32 ulp


def _written_out(graph: Graph, base: Node, exponent: Node) -> Node:
    """Return base ** exponent as products for whole and half exponents; a negative one uses a single division."""
    n = exponent.value
    if not math.isfinite(n):
        return graph.make("power", base, exponent)
    if n == int(n) and abs(n) <= LARGEST_POWER:
        return whole_power(base if n > 0 else graph.make("div", graph.constant(1.0), base), int(abs(n)))
    if 2.0 * n == int(2.0 * n) and abs(n) < LARGEST_POWER / 2:
        root = graph.make("sqrt", base)
        if n > 0:
            return graph.make("mul", whole_power(base, int(n - 0.5)), root)
        return whole_power(graph.make("div", graph.constant(1.0), root), int(-2.0 * n))
    return graph.make("power", base, exponent)


def whole_power(base: Node, n: int) -> Node:
    """Return base ** n for n >= 1 by repeated squaring."""
    result, square = None, base
    while True:
        if n & 1:
            result = square if result is None else base.graph.make("mul", result, square)
        n >>= 1
        if n == 0:
            assert result is not None
            return result
        square = base.graph.make("mul", square, square)
