"""Have functions of the CPU's loop read where everything of a lane stands, instead of being compiled with the numbers.

Compiled anew for every method and dimension, the loop took half of the time until a further one was ready. It touches a
lane when its trajectory begins and ends, and a few more operations do not show there.
"""

from __future__ import annotations

import ast
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from batchgd.kernels.addresses import FIRST_SLOT, SLOTS

if TYPE_CHECKING:
    from batchgd.compiler.codegen.module import Specialisation

PLACES = {name: FIRST_SLOT + place for place, name in enumerate(SLOTS)}


@cache
def slots_read(text: str) -> str:
    """Return the text of a function that begins by reading the slots that it names from ``index``.

    >>> print(slots_read("def refill(ws, index, lane):\\n    ws[BUSY * W + lane] = 1.0"))
    def refill(ws, index, lane):
        BUSY = index[W + 13]
        ws[BUSY * W + lane] = 1.0
    """
    tree = ast.parse(text)
    named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    lines = [f"{name} = index[W + {1 + place}]" for name, place in PLACES.items() if name in named]
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    function.body[:0] = ast.parse("\n".join(lines)).body
    return ast.unparse(tree)


@lru_cache(maxsize=256)  # a layout is worked out anew whenever it is asked for, which is up to half a millisecond
def slots_of(specialisation: Specialisation) -> tuple[int, ...]:
    """Return the slots in the order in which they stand in ``index``."""
    value = specialisation.value_slot
    made = {**specialisation.layout.slots(), "VALUE": specialisation.objective.dim if value is None else value}
    return tuple(made[name] for name in SLOTS)
