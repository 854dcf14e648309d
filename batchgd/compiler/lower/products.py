"""Many sums of products over rows, such as the entries of J'J: added up in memory, in loops over the products.

A few rows at a time, the factors are computed and put into memory; then each product of them is added to its total, for
all of these rows at once. Sums whose products share a factor, and whose other factors follow each other in memory, make
a fan: one loop. So the code grows with the number of factors, and not with that of their products.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from batchgd.compiler.lower.values import Surroundings
from batchgd.compiler.lower.vectors import Vectors, integer
from batchgd.compiler.trace.graph import Node
from batchgd.kernels.vecmath.ir import Real, fma

MANY = 60
"""Sums of products in one loop above which they are added up in memory: up to 10 parameters have fewer."""

ROWS = 4
"""Rows whose factors are in memory together."""


@dataclass(frozen=True)
class Fan:
    """Products of factor ``center`` with ``count`` factors from ``first`` on; their sums follow each other as well."""

    center: int
    first: int
    count: int


def fans_of(pairs: Sequence[tuple[int, int]]) -> list[Fan]:
    """Return the fans of which these products, in order, consist.

    >>> fans_of([(0, 0), (0, 1), (0, 2), (1, 1), (2, 1), (2, 2)])
    [Fan(center=0, first=0, count=3), Fan(center=1, first=1, count=2), Fan(center=2, first=2, count=1)]
    """
    fans: list[Fan] = []
    for pair in pairs:
        last = fans[-1] if fans else None
        for center, other in (pair, pair[::-1]):
            if last is not None and last.count == 1 and center == last.first and other == last.center + 1:
                last = Fan(last.first, last.center, 1)  # which of two factors is shared shows at the second product
            if last is not None and center == last.center and other == last.first + last.count:
                fans[-1] = replace(last, count=last.count + 1)
                break
        else:
            fans.append(Fan(*pair, 1))
    return fans


def ranks_of(outputs: Mapping[int, Node]) -> dict[int, int]:
    """Return the place of each sum in the order of the slots of the outputs that it leads to, by its number."""
    ranks: dict[int, int] = {}
    seen: set[int] = set()
    for slot in sorted(outputs):
        stack = [outputs[slot]]
        while stack:
            node = stack.pop()
            if node.id in seen:
                continue
            seen.add(node.id)
            if node.op == "sum":
                ranks[node.id] = len(ranks)
            elif not node.bound:
                stack.extend(reversed(node.args))
    return ranks


class ProductSums:
    """The factors of sums of products and their totals, in memory."""

    def __init__(self, sums: Sequence[tuple[Node, tuple[Node, ...]]], vectors: Vectors, around: Surroundings):
        self.vectors, self.around, self.sums = vectors, around, sums
        self.factors: dict[int, Node] = {node.id: node for _, factors in sums for node in factors}
        self.numbers = {key: k for k, key in enumerate(self.factors)}
        self.fans = fans_of([(self.numbers[a.id], self.numbers[b.id]) for _, (a, b) in sums])
        self.totals = vectors.reserve(len(sums))
        self.rows = vectors.reserve(ROWS * len(self.factors))
        self._clear()

    def _clear(self) -> None:
        def body(index: Any, _: list[Real]) -> list[Real]:
            self.vectors.store(self.vectors.number(0.0), self.around.memory(index))
            return []

        self.vectors.loop(self.totals, self.totals + len(self.sums), 1, [], body)

    def keep(self, factor: Node, row: Any, value: Real) -> None:
        """Append the code that puts a factor into memory, for one of the rows that are there together."""
        builder, place = self.vectors.builder, self.numbers[factor.id]
        first = builder.mul(row, integer(len(self.factors)))
        self.vectors.store(value, self.around.memory(builder.add(first, integer(self.rows + place))))

    def add(self, rows: int) -> None:
        """Append the loops that add the products of some rows to the totals."""
        total = self.totals
        for fan in self.fans:
            self._add(fan, total, rows)
            total += fan.count

    def _add(self, fan: Fan, total: int, rows: int) -> None:
        vectors, builder, memory = self.vectors, self.vectors.builder, self.around.memory
        begins = [self.rows + k * len(self.factors) for k in range(rows)]
        shared = [vectors.load(memory(integer(begin + fan.center))) for begin in begins]

        def body(index: Any, _: list[Real]) -> list[Real]:
            place = memory(builder.add(index, integer(total)))
            value = vectors.load(place)
            for begin, factor in zip(begins, shared, strict=True):
                value = fma(factor, vectors.load(memory(builder.add(index, integer(begin + fan.first)))), value)
            vectors.store(value, place)
            return []

        vectors.loop(0, fan.count, 1, [], body)
