"""The warning that a kernel of a function takes long to compile, with what makes it smaller."""

from __future__ import annotations

from batchgd.compiler.trace.counts import like_terms
from batchgd.compiler.trace.graph import Node
from batchgd.problem.errors import TraceSizeWarning, warn

LARGE = 5000
"""Operations for value and gradient above which a kernel compiles for more than about 4 s (18 s for 14,000)."""

ROWS = 50
"""From this many like terms on, a sum is taken for one over rows of data."""

WARNED: set[tuple[str, int]] = set()
"""Where functions that were found too large are defined, and their operations: each is reported once."""


def warn_of_size(name: str, place: str, dim: int, operations: int, value: Node) -> None:
    """Warn, once for each function, that a kernel of it takes long to compile.

    Parameters
    ----------
    name, place : str
        What the function is called, and where it is defined.
    dim : int
        Its number of coordinates.
    operations : int
        For value and gradient.
    value : Node
        Its expression, which shows whether it is a sum over rows of data.
    """
    if operations <= LARGE or (place, operations) in WARNED:
        return
    WARNED.add((place, operations))
    rows = like_terms(value)
    if rows >= ROWS:
        cure = (
            f"its {rows} terms differ only in data, so write one of them as loss(x, row) and pass "
            f"bgd.FiniteSum(loss, data, dim={dim}, reduction='sum'), or 'mean', which compiles a single term"
        )
    else:
        cure = (
            "compute what terms share once, write a loop over many steps as bgd.scan, take fewer terms, or use "
            "backend='numpy', which compiles nothing and suits a few starts"
        )
    warn(
        f"{name} takes {operations:,} operations for value and gradient, so a kernel of it takes many seconds "
        f"or minutes to compile: {cure}",
        TraceSizeWarning,
    )
