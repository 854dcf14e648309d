"""What is known of a graph before its code is written: which operations are fused, what costs what, what repeats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.trace.emit import sine_cosine_pairs
from batchgd.compiler.trace.graph import Loop, Node, Scatter, reachable
from batchgd.compiler.trace.loops import places_of, with_steps
from batchgd.compiler.trace.operations import OPERATIONS

_COSTS = {"transcendentals": 24, "divides": 12, "square_roots": 20}
_WAITS = {"transcendentals": 60, "divides": 16, "square_roots": 22, "adds": 4, "multiplies": 4}
_LOOP = 1000

LEAST_RUN = 16
"""Outputs of a run that is worth a loop."""

_DEEPEST = 12


def cost_of(node: Node) -> int:
    """Return roughly how many instructions a node is."""
    if node.bound:
        return _LOOP
    return _COSTS.get(OPERATIONS[node.op].cost, 1) if node.op in OPERATIONS else 1


def wait_of(node: Node) -> int:
    """Return roughly after how many clocks the value of a node that is not a loop can be used."""
    if node.op not in OPERATIONS:
        return 0
    return 2 if OPERATIONS[node.op].boolean else _WAITS.get(OPERATIONS[node.op].cost, 4)


class Program:
    """What the lowering knows of the nodes that the outputs need; ``own`` is whether each lane has its own params."""

    def __init__(self, outputs: Sequence[Node], *, fuses: bool, own: bool = False):
        self.own = own
        nodes = with_steps(reachable(outputs))
        self.pairs = sine_cosine_pairs(nodes)
        self._absorbed: dict[int, int] = {}
        self._needs: dict[int, tuple[Node, ...]] = {}
        self._uses = Counter(arg.id for node in nodes for arg in node.args) + Counter(node.id for node in outputs)
        self._uses += Counter(each.id for node in nodes if isinstance(node.attr, Loop) for each in node.attr.following)
        entries = [node for node in nodes if node.op == "entry"]
        self._numbered = {(node.args[0].id, int(node.value)) for node in entries if not self.is_last(node)}
        for node in nodes:
            if node.op == "pick" and (self.picks_coordinates(node) or self.picks_own(node)):
                self._needs[node.id] = ()
            elif fuses and node.op in ("add", "sub", "sum"):
                self._absorb(node)

    def _absorb(self, node: Node) -> None:
        """Let a sum or difference take in a product that nothing else uses, and that is computed as often."""
        for place, arg in enumerate(node.args):
            if arg.op == "mul" and self._uses[arg.id] == 1 and (node.op == "sum" or arg.axes == node.axes):
                others = node.args[:place] + node.args[place + 1 :]
                self._absorbed[node.id], self._needs[node.id] = place, (*arg.args, *others)
                return

    @staticmethod
    def is_last(entry: Node) -> bool:
        """Whether an entry is the last carry of a recurrence, which is at hand when its loop ends."""
        (scan,) = entry.args
        if scan.op != "scan" or scan.axes or entry.table.ndim:
            return False
        return int(entry.table) == places_of(scan).last

    def is_kept(self, node: Node, number: int = 0) -> bool:
        """Whether the carries of this number of a recurrence, or all numbers of a spread, are looked up."""
        return (node.id, number) in self._numbered

    def needs(self, node: Node) -> tuple[Node, ...]:
        """The nodes whose values a node's code uses."""
        return self._needs.get(node.id, node.args)

    def absorbed(self, node: Node) -> int:
        """Which argument of a sum or difference is a product that it takes in; -1 for none."""
        return self._absorbed.get(node.id, -1)

    @staticmethod
    def picks_coordinates(node: Node) -> bool:
        """Whether rows pick from the coordinates themselves, which are in memory anyway."""
        return all(arg.op == "x" for arg in node.args)

    def picks_own(self, node: Node) -> bool:
        """Whether rows pick from a lane's own params, which are in memory as well."""
        return self.own and picks_params(node)

    @staticmethod
    def arguments(node: Node) -> tuple[int, ...]:
        """What two picks from the same numbers have in common."""
        return tuple(arg.id for arg in node.args)

    def runs(self, outputs: Mapping[int, Node]) -> list[Run]:
        """Find outputs in slots one after another that differ only in the number of a coordinate, or of a part."""
        found: list[Run] = []
        last: tuple[Any, list[int]] | None = None
        for slot, node in outputs.items():
            leaves: list[Node] = []
            shape = self._shape(node, leaves)
            if shape is None or not any(leaf.op == "part" for leaf in leaves):
                last = None
                continue
            numbers = [int(leaf.value) for leaf in leaves]
            previous, last = last, (shape, numbers)
            following = found and previous and slot == found[-1].slot + found[-1].count and previous[0] == shape
            if following and all(b == a + 1 for a, b in zip(previous[1], numbers, strict=True)):  # type: ignore[index]
                found[-1] = Run(found[-1].slot, found[-1].count + 1, found[-1].node)
            else:
                found.append(Run(slot, 1, node))
        return [run for run in found if run.count >= LEAST_RUN]

    @staticmethod
    def varies(node: Node) -> bool:
        """Whether a node is an operation that is done anew for every output of a run."""
        return node.op in OPERATIONS

    def _shape(self, node: Node, leaves: list[Node], depth: int = 0) -> Any:
        """What outputs of one run have in common, None without; the leaves in which they differ are appended."""
        if node.op == "x":
            leaves.append(node)
            return "x"
        if node.op == "part":
            leaves.append(node)
            return "part", node.args[0].id
        if not self.varies(node):
            return node.id
        if self._uses[node.id] > 1 or depth > _DEEPEST:
            return None
        shapes = [self._shape(need, leaves, depth + 1) for need in self.needs(node)]
        return None if None in shapes else (node.op, self.absorbed(node), *shapes)


@dataclass(frozen=True)
class Run:
    """Outputs in slots one after another: that in the first is of this node, the others are like it."""

    slot: int
    count: int
    node: Node


def scatter(spread: Node) -> Scatter:
    """What a spread needs to know."""
    assert isinstance(spread.attr, Scatter)
    return spread.attr


def picks_params(node: Node) -> bool:
    """Whether rows pick from params."""
    return all(arg.op == "p" for arg in node.args)


def positions_of(node: Node, *, own: bool = False) -> NDArray[Any]:
    """The whole numbers in the table of a node; for a pick from coordinates, or from own params, their numbers."""
    if node.op == "pick" and (Program.picks_coordinates(node) or (own and picks_params(node))):
        return np.array([int(arg.value) for arg in node.args])[node.table]
    return node.table


def progression(table: NDArray[Any]) -> tuple[int, list[int]] | None:
    """Return the first number of a table and its steps along each axis, if these are the same everywhere.

    >>> progression(np.array([[3, 4, 5], [13, 14, 15]]))
    (3, [10, 1])
    >>> progression(np.array([0, 1, 0])) is None
    True
    """
    first = int(table.flat[0])
    steps = []
    for axis in range(table.ndim):
        step = np.take(table, 1, axis).flat[0] - first if table.shape[axis] > 1 else 0
        steps.append(int(step))
    grid: Any = first
    for axis, step in enumerate(steps):
        grid = grid + step * np.arange(table.shape[axis]).reshape(-1, *[1] * (table.ndim - 1 - axis))
    return (first, steps) if np.array_equal(table, np.broadcast_to(grid, table.shape)) else None
