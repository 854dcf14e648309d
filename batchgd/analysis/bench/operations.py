"""The operations of one tick of a lane: objective, rule, stopping tests and selections together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchgd.compiler.codegen.specialisation import Specialisation

ADDS = "adds"
MULTIPLIES = "multiplies"
DIVIDES = "divides"
INSTRUCTIONS = {
    "float64": {"divides": 12, "sqrt": 12, "exp": 28, "log": 43, "sin": 23, "cos": 35, "sincos": 41, "cbrt": 55},
    "float32": {"divides": 7, "sqrt": 7, "exp": 8, "log": 24, "sin": 18, "cos": 23, "sincos": 29, "cbrt": 44},
}
"""What a CUDA thread executes for a slower operation on sm_90, without its slow path, moves and loads."""


def tick_operations(specialisation: Specialisation) -> dict[str, int]:
    """Return how often one lane does each kind of operation in a tick (see ``Program.operations``)."""
    from batchgd.compiler.codegen.trace_tick import tick_program

    return tick_program(specialisation).operations()


def split(operations: Mapping[str, int]) -> tuple[int, dict[str, int]]:
    """Split the counts into additions and multiplications together, and everything slower by its name.

    >>> split({"adds": 7, "multiplies": 2, "sincos": 1})
    (9, {'sincos': 1})
    """
    slow = {name: count for name, count in operations.items() if name not in (ADDS, MULTIPLIES)}
    return sum(operations.values()) - sum(slow.values()), slow


def necessary(operations: Mapping[str, int], dtype: str) -> int | None:
    """Return the instructions that a CUDA thread needs for them at least, unless it fuses; None if one is not known.

    >>> necessary({"adds": 3, "multiplies": 2, "divides": 1}, "float64"), necessary({"gamma": 1}, "float64")
    (17, None)
    """
    few, slow = split(operations)
    known = INSTRUCTIONS[dtype]
    return few + sum(count * known[name] for name, count in slow.items()) if set(slow) <= set(known) else None
