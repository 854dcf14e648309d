"""One factor of a symmetry: its kind, and the vectors that it acts on."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = ("permutations", "rotations", "translations", "signs", "scalings", "periods")
"""The kinds of parts, in the order in which they are named."""


@dataclass(frozen=True)
class Part:
    """One factor of a symmetry.

    ``vectors``: how coordinates form vectors, k for k consecutive ones each, or their numbers, n tuples of k.
    ``groups``: which vectors are alike (permutations; None: all). ``mirror``: reflections as well (rotations).
    ``period``: of the coordinates (periods), one for all or one each.
    """

    kind: str
    vectors: int | tuple[tuple[int, ...], ...]
    groups: tuple[tuple[int, ...], ...] | None = None
    mirror: bool = False
    period: float | tuple[float, ...] | None = None

    def __str__(self) -> str:
        first = () if self.kind == "periods" else (repr(self.vectors),)
        rest = [] if self.groups is None else [f"groups={self.groups}"]
        rest += ["mirror=True"] if self.mirror else []
        rest += [] if self.period is None else [f"period={self.period}".replace("inf", "1e999")]
        rest += (
            [f"coordinates={sum(self.vectors, ())}"]
            if self.kind == "periods" and isinstance(self.vectors, tuple)
            else []
        )
        return f"{self.kind}({', '.join([*first, *rest])})"
