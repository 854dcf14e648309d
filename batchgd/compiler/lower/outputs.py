"""The outputs of a program, each computed for its slot: one by one, or in loops where they are alike."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from batchgd.compiler.lower.functions import Functions
from batchgd.compiler.lower.products import MANY, ranks_of
from batchgd.compiler.lower.program import Program, Run
from batchgd.compiler.lower.to_llvm import Loops
from batchgd.compiler.lower.values import Surroundings
from batchgd.compiler.lower.vectors import Rows, Vectors, integer
from batchgd.compiler.trace.graph import Node
from batchgd.kernels.vecmath.ir import Real


class Lowering(Loops):
    """Appends the code of outputs."""

    def __init__(self, vectors: Vectors, functions: Functions, program: Program, around: Surroundings):
        super().__init__(vectors, functions, program, around)
        self.slots: dict[int, list[int]] = {}

    def put(self, outputs: Mapping[int, Node]) -> None:
        """Append the code of some outputs, given as the nodes to compute by the slots that they are for."""
        runs = self.program.runs(outputs)
        in_runs = {slot for run in runs for slot in range(run.slot, run.slot + run.count)}
        single = {slot: node for slot, node in outputs.items() if slot not in in_runs}
        constants = {slot: float(node.value) for slot, node in single.items() if node.op == "const"}
        if self.around.numbers is not None and len(constants) > MANY:
            single = {slot: node for slot, node in single.items() if slot not in constants}
            self._constants(constants)
        for slot, node in single.items():
            self.slots.setdefault(node.id, []).append(slot)
        self.ranks = ranks_of(single)
        self.level([*single.values(), *(leaf for run in runs for leaf in self._leaves(run.node))], [])
        self._copy(single)
        for node in single.values():
            self.known(node)
        for run in runs:
            self._run(run)

    def _constants(self, outputs: Mapping[int, float]) -> None:
        """Append loops that copy constants from a table, such as J'J of a linear model: as literals they are long code.

        The literals of 100 parameters, 5,050, took LLVM 6 s.
        """
        assert self.around.numbers is not None
        slots = sorted(outputs)
        table = self.around.numbers(np.array([outputs[slot] for slot in slots]))
        breaks = [k for k in range(len(slots)) if k == 0 or slots[k] != slots[k - 1] + 1]
        for first, end in pairwise([*breaks, len(slots)]):

            def body(turn: Any, _: list[Real], ahead: int = slots[first] - first) -> list[Real]:
                value = self.vectors.uniform(self.vectors.at(table, turn, self.vectors.scalar))
                self.around.store(self.vectors.builder.add(turn, integer(ahead)), value)
                return []

            self.vectors.loop(first, end, 1, [], body)

    def _copy(self, outputs: Mapping[int, Node]) -> None:
        """Append loops that copy outputs from memory, where their totals follow each other."""
        found = {slot: self.found(node) for slot, node in outputs.items()}
        places = {slot: each.first for slot, each in found.items() if isinstance(each, Rows) and not each.axes}
        for slot in sorted(places):
            if places.get(slot - 1, -2) == places[slot] - 1:
                continue
            count = next(k for k in range(1, len(places) + 1) if places.get(slot + k) != places[slot] + k)
            first = integer(places[slot])

            def body(turn: Any, _: list[Real], slot: int = slot, first: Any = first) -> list[Real]:
                value = self.vectors.load(self.around.memory(self.vectors.builder.add(turn, first)))
                self.around.store(self.vectors.builder.add(turn, integer(slot)), value)
                return []

            self.vectors.loop(0, count, 1, [], body)
            for k in range(count):
                self.slots.get(outputs[slot + k].id, []).remove(slot + k)

    def known(self, node: Node) -> None:
        """Store an output as soon as it is known, so that it takes no register."""
        super().known(node)
        for slot in self.slots.pop(node.id, ()):
            self.around.store(integer(slot), self.values(node)[0])

    def _leaves(self, node: Node) -> list[Node]:
        """What must have been computed before the outputs of a run: the same for all, or a spread."""
        if node.op == "x":
            return []
        if node.op == "part":
            return [node.args[0]]
        if not self.program.varies(node):
            return [node]
        return [leaf for need in self.program.needs(node) for leaf in self._leaves(need)]

    def _run(self, run: Run) -> None:
        """Append a loop over outputs that are alike."""

        def body(turn: Any, _: list[Real]) -> list[Real]:
            self.around.store(self.vectors.builder.add(turn, integer(run.slot)), self._shifted(run.node, turn))
            return []

        self.vectors.loop(0, run.count, 1, [], body)

    def _shifted(self, node: Node, turn: Any) -> Any:
        """The value of a node with this number added to those of its coordinates and parts."""
        if node.op == "x":
            number = self.vectors.builder.add(turn, integer(int(node.value)))
            return self.vectors.load(self.around.coordinate(number))
        if node.op == "part":
            (first,) = self.parts(node)
            number = self.vectors.builder.add(turn, integer(first))
            return self.vectors.load(self.around.memory(number))
        if not self.program.varies(node):
            return self.values(node)[0]
        return self.applied(node, [self._shifted(need, turn) for need in self.program.needs(node)])
