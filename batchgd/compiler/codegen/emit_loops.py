"""Emit an expression that was rolled up (``trace/roll.py``): its pieces as functions, and its loops.

Constants of a loop's members, and coordinates that are not an arithmetic progression, are looked up in the array ``p``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from batchgd.compiler.codegen.typed_constants import Constants
from batchgd.compiler.trace.emit import emit_function
from batchgd.compiler.trace.roll import Known, Loop, Piece, Rolled, progression

if TYPE_CHECKING:
    from batchgd.compiler.objective import Objective


class Tables:
    """Rows of numbers that the loops of one generated module look up, after the objective's own in the array ``p``."""

    def __init__(self, first: int = 0) -> None:
        self._size = first
        self._places: dict[tuple[float, ...], int] = {}

    def __call__(self, row: Sequence[float]) -> str:
        """Return the text of the entry of such a row in iteration k."""
        key = tuple(row)
        if key not in self._places:
            self._places[key] = self._size
            self._size += len(key)
        return f"p[{self._places[key]} + k]"

    def lines(self) -> list[str]:
        """The numbers of all rows, as an assignment."""
        numbers = [repr(number) for row in self._places for number in row]
        return [f"TABLES = [{', '.join(numbers)}]"] if numbers else []


class RolledText:
    """Writes one rolled expression.

    ``x`` gives the text of a coordinate from that of its number, ``slope`` that of the place of a component of the
    gradient. ``width`` threads share the iterations: ``thread`` is the text of a thread's number, and ``total`` gives
    that of a sum over all threads from that of a thread's share.
    """

    def __init__(
        self,
        name: str,
        rolled: Rolled,
        constants: Constants,
        tables: Tables,
        *,
        x: Callable[[str], str],
        slope: Callable[[str], str] = str,
        total: Callable[[str], str] = str,
        thread: str = "0",
        width: int = 1,
    ):
        self.name, self.rolled, self.constants, self.tables = name, rolled, constants, tables
        self.x, self.slope, self.total, self.thread, self.width = x, slope, total, thread, width
        self.functions: list[str] = []
        self.lines = self._lines()

    def _lines(self) -> list[str]:
        lines = []
        for stage in self.rolled.stages:
            lines += self._once(stage.before)
            lines += [f"s{number} = {self.constants(0.0)}" for number in stage.ends]
            for loop in stage.loops:
                lines += self._loop(loop)
            if self.total is not str:
                lines += [f"s{number} = {self.total(f's{number}')}" for number in stage.ends]
        return lines + self._once(self.rolled.value)

    def _once(self, known: Known | None) -> list[str]:
        if known is None:
            return []
        arguments = [*(self.x(str(i)) for i in known.coordinates), *known.numbers]
        return [f"{', '.join(known.names)}, = {self._function(known.piece)}({', '.join(arguments)})"]

    def _loop(self, loop: Loop) -> list[str]:
        arguments = [self.x(self._index(row)) for row in loop.coordinates]
        arguments += [row if isinstance(row, str) else self.tables(row) for row in loop.numbers]
        outputs = [f"t{k}" for k in range(len(loop.piece.outputs))]
        signs = {1: "+", -1: "-"}
        lines = [
            f"{', '.join(outputs)}, = {self._function(loop.piece)}({', '.join(arguments)})",
            *(f"s{number} {signs[sign]}= t{k}" for k, (number, sign) in enumerate(loop.sums)),
        ]
        if loop.slopes is not None:
            lines.append(f"{self.slope(self._index(loop.slopes))} = {outputs[-1]}")
        return self._iterations(loop.members, lines)

    def _iterations(self, members: int, lines: list[str]) -> list[str]:
        """The loop around the lines of iteration k: the same number for every thread, the last one not for all."""
        indented = [f"    {line}" for line in lines]
        if self.width == 1:
            return [f"for k in range({members}):", *indented]
        here = f"k = {self.width} * turn + {self.thread}"
        body = (
            indented if members % self.width == 0 else [f"    if k < {members}:", *(f"    {line}" for line in indented)]
        )
        return [f"for turn in range({-(-members // self.width)}):", f"    {here}", *body]

    def _index(self, row: list[int]) -> str:
        """The text of a coordinate's number in iteration k."""
        found = progression(row)
        if found is None:
            return f"int({self.tables(row)})"
        first, step = found
        shifted = "k" if step == 1 else f"{step} * k"
        return str(first) if step == 0 else shifted if first == 0 else f"{first} + {shifted}"

    def _function(self, piece: Piece) -> str:
        """Add the function of a piece, and return its name."""
        name = f"{self.name}{len(self.functions)}"
        graph, arity = piece.graph, len(piece.graph.x)
        self.functions.append(emit_function(name, piece.outputs, arity, len(graph.p), constant=self.constants))
        return name


def value_at(objective: Objective, constants: Constants, tables: Tables, *, own: bool) -> tuple[list[str], str]:
    """Return the text of the functions that ``value_at`` calls, and of ``value_at``, for one thread a point."""
    text = RolledText("term", objective.rolled("value"), constants, tables, x=lambda i: f"points[i, {i}]")
    lines = [*parameters(objective, "place" if own else None), *text.lines, "return f"]
    return text.functions, "\n".join(["def value_at(points, i, p, place):", *(f"    {line}" for line in lines)])


def parameters(objective: Objective, place: str | None) -> list[str]:
    """The lines that read the parameters of an objective, which begin in ``p`` at this place if each start has some."""
    first = "" if place is None else f"{place} + "
    return [f"p{k} = p[{first}{k}]" for k in range(objective.n_params)]
