"""From a graph to straight-line Python source that NumPy runs on arrays and Numba on scalars."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from batchgd.compiler.trace.graph import Node, reachable
from batchgd.compiler.trace.operations import OPERATIONS


def emit_function(
    name: str,
    outputs: Sequence[Node] | Node,
    dim: int,
    n_params: int = 0,
    *,
    constant: Callable[[float], str] = repr,
) -> str:
    """Return the source of a function of ``x0, x1, ..., p0, p1, ...`` that computes the outputs.

    One assignment per operation, each subexpression once, nothing that no output needs.

    Parameters
    ----------
    name : str
        The name of the function.
    outputs : Node or sequence of Node
        One node is returned as a value; a sequence as a tuple, also one of length 1.
    dim, n_params : int
        How many arguments ``x0..`` and ``p0..`` the function takes, used or not.
    constant : callable
        What is written for a float constant. The default writes literals (and the bare names ``inf`` and ``nan``); code
        for another type passes a function that returns a typed name.

    Examples
    --------
    >>> from batchgd.compiler.trace.graph import Graph
    >>> graph = Graph(dim=1)
    >>> x = graph.x[0]
    >>> print(emit_function("f", graph.make("mul", graph.make("sin", x), graph.make("cos", x)), 1))
    def f(x0):
        t0, t1 = sincos(x0)
        t2 = t0 * t1
        return t2
    """
    roots = [outputs] if isinstance(outputs, Node) else list(outputs)
    writer = _Writer(constant)
    nodes = reachable(roots)
    partners = sine_cosine_pairs(nodes)
    for node in nodes:
        writer.write(node, partners.get(node.id))
    results = [writer.text(node) for node in roots]
    if not isinstance(outputs, Node):
        results = [", ".join(results) + ("," if len(results) == 1 else "")]
    arguments = ", ".join([*(f"x{i}" for i in range(dim)), *(f"p{k}" for k in range(n_params))])
    return "\n    ".join([f"def {name}({arguments}):", *writer.lines, f"return {results[0]}"])


def sine_cosine_pairs(nodes: Sequence[Node]) -> dict[int, tuple[Node, Node]]:
    """Map a sin or cos whose partner is also needed to (sin, cos)."""
    waves = {(node.op, node.args[0].id): node for node in nodes if node.op in ("sin", "cos")}
    pairs = {}
    for node in waves.values():
        sine, cosine = waves.get(("sin", node.args[0].id)), waves.get(("cos", node.args[0].id))
        if sine is not None and cosine is not None:
            pairs[node.id] = (sine, cosine)
    return pairs


class _Writer:
    """Gives nodes their names, in the order in which they are computed."""

    def __init__(self, constant: Callable[[float], str]):
        self.constant = constant
        self.lines: list[str] = []
        self._names: dict[int, str] = {}

    def text(self, node: Node) -> str:
        """Return the text for a node: its variable, an argument, or a constant."""
        if node.op == "const":
            return self.constant(node.value)
        if node.op in ("x", "p"):
            return f"{node.op}{int(node.value)}"
        return self._names[node.id]

    def write(self, node: Node, pair: tuple[Node, Node] | None) -> None:
        """Add the line that computes a node, unless it needs none or has been written with its partner."""
        if not node.args or node.id in self._names:
            return
        call = OPERATIONS[node.op].text.format(*(self.text(arg) for arg in node.args))
        nodes = [node]
        if pair is not None:
            nodes, call = list(pair), f"sincos({self.text(node.args[0])})"
        for each in nodes:
            self._names[each.id] = f"t{len(self._names)}"
        self.lines.append(f"{', '.join(self._names[each.id] for each in nodes)} = {call}")
