"""Powers with constant exponents, written out as products and roots once everything has been differentiated."""

from __future__ import annotations

import math
from collections.abc import Sequence

from batchgd.compiler.trace.graph import LARGEST_POWER, Graph, Node, reachable
from batchgd.compiler.trace.loops import loop_of, scanned
from batchgd.compiler.trace.rows import made_again


def lowered(outputs: Sequence[Node]) -> list[Node]:
    """Write constant powers out as products and roots; every other node is made again from its new arguments.

    Powers are kept whole until here because n x^(n-1) is a shorter derivative than that of a chain of products.
    """
    return _lowered(outputs, {})


def _lowered(outputs: Sequence[Node], new: dict[int, Node]) -> list[Node]:
    for node in reachable(outputs, new):
        if node.id in new:
            continue
        args = tuple(new[arg.id] for arg in node.args)
        if node.op == "power" and args[1].op == "const":
            new[node.id] = _written_out(node.graph, args[0], args[1])
        elif node.op == "scan":
            loop = loop_of(node)
            following = _lowered(loop.following, new)
            new[node.id] = scanned(loop.axis, args[: len(following)], loop.carries, following, loop.reverse)
        else:
            new[node.id] = made_again(node, args)
    return [new[node.id] for node in outputs]


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
