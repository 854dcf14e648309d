"""How many operations of each kind an expression takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from batchgd.compiler.trace.graph import Node, reachable, rows_of
from batchgd.compiler.trace.loops import with_steps
from batchgd.compiler.trace.operations import OPERATIONS, REDUCTIONS


@dataclass(frozen=True)
class OperationCounts:
    """Operations of one evaluation, as the emitted source carries them out.

    ``adds`` are additions, subtractions and what costs about as much: negations, comparisons, selections, ``absolute``,
    ``sign``, ``floor``, ``minimum``, ``maximum``. ``transcendentals`` counts sin and cos of one argument as two.

    Examples
    --------
    >>> OperationCounts(adds=2, multiplies=3).total
    5
    """

    adds: int = 0
    multiplies: int = 0
    divides: int = 0
    square_roots: int = 0
    transcendentals: int = 0

    @property
    def total(self) -> int:
        """The sum of all kinds."""
        return self.adds + self.multiplies + self.divides + self.square_roots + self.transcendentals


def count_operations(outputs: Sequence[Node]) -> OperationCounts:
    """Count what the outputs need, shared nodes once, and an operation on rows once per row."""
    counted: Counter[str] = Counter()
    for node in with_steps(reachable(outputs)):
        if node.op in OPERATIONS:
            counted[OPERATIONS[node.op].cost] += rows_of(node.axes)
        elif node.op in REDUCTIONS:
            cost = "multiplies" if node.op == "prod" else "adds"
            counted[cost] += rows_of(node.axes) * (node.bound[0].length - 1)
        elif node.op == "spread":
            counted["adds"] += rows_of(node.bound) - len(np.unique(node.table))
    return OperationCounts(**counted)


def like_terms(value: Node) -> int:
    """Return how many terms of a sum are alike: the same last operation, on the same coordinates, of the same size.

    Terms that differ only in constants are what a sum over rows of data looks like; those of a recurrence over time
    grow from one to the next.

    >>> from batchgd.compiler.trace.tracer import trace
    >>> like_terms(trace(lambda x: sum((x[0] * t - t) ** 2 for t in (1.0, 2.0, 3.0)) / 3 + x[1], 2).value)
    3
    """
    alike: Counter[tuple[str, int, frozenset[int]]] = Counter()
    stack, seen = [value], set[int]()
    while stack:
        node = stack.pop()
        if node.id in seen:
            continue
        seen.add(node.id)
        inner = [arg for arg in node.args if not arg.is_constant]
        if node.op in ("add", "sub", "neg") or (node.op in ("mul", "div") and len(inner) == 1 < len(node.args)):
            stack += inner
        elif node.args:
            below = reachable([node])
            joins = sum(sum(not arg.is_constant for arg in each.args) > 1 for each in below)  # factors of 1 fold away
            alike[node.op, joins, frozenset(each.id for each in below if each.op == "x")] += 1
    return max(alike.values(), default=0)
