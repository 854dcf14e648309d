"""How many operations of each kind an expression takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from batchgd.trace.graph import Node, reachable
from batchgd.trace.operations import LEAVES, OPERATIONS


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
    """Count what the outputs need, shared nodes once."""
    return OperationCounts(**Counter(OPERATIONS[node.op].cost for node in reachable(outputs) if node.op not in LEAVES))
