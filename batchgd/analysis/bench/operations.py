"""The operations of one tick of a lane: objective, rule, stopping tests and selections together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from batchgd.compiler.codegen.specialisation import Specialisation

ADDS = "adds"
MULTIPLIES = "multiplies"
DIVIDES = "divides"


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
