"""Where everything of a lane is whose tick has the block form: what pieces of it leave for others has slots too."""

from __future__ import annotations

from dataclasses import dataclass

from batchgd.compiler.codegen.emit_evaluation import triangle
from batchgd.compiler.codegen.layout import COUNTERS, Layout
from batchgd.compiler.codegen.rule import Rule
from batchgd.compiler.codegen.steps import steps_of
from batchgd.compiler.codegen.trace_stopping import SLOPE


@dataclass(frozen=True)
class BlockLayout(Layout):
    """The slots of a lane in block form: after x what ``evaluate`` writes, at the end the tick's own numbers."""

    temporaries: tuple[str, ...] = ()
    batch: tuple[str, ...] = ()

    @property
    def _vectors(self) -> int:
        return 2 * self.dim + 1 + (triangle(self.dim) if self.rule.matrix else 0)

    def first(self, name: str) -> int | None:
        """Return the first slot of a name, or None if it has none."""
        fixed = {"x": 0, "g": self.dim, "f": 2 * self.dim, self.rule.matrix: 2 * self.dim + 1}
        if name in fixed:
            return fixed[name]
        if name in self.rule.vectors:
            return self.vector(name, 0)
        if name in self.rule.scalars:
            return self.scalar(name)
        if name in self.per_start:
            return self.hyperparameter(name)
        if name in self.vectors_per_start:
            return self.vector_per_start(name)
        return self.array(name) if name in self.arrays else self._behind.get(name)

    def slot_of(self, name: str) -> int | None:
        """Return the first slot of a name, counters and what the stopping tests remember included."""
        found = self.first(name)
        if found is None and name in COUNTERS:
            return self.counter(name)
        if found is None and name in (*self.ending.numbers, *self.ending.vectors):
            return self.remembered(name)
        return found

    def is_vector(self, name: str) -> bool:
        """Whether a name has a slot for each coordinate."""
        return name in ("x", "g", "following", *self.rule.vectors, *self.vectors_per_start, *self.ending.vectors)

    @property
    def lasting(self) -> dict[str, int]:
        """The first slots of what the loop or the next tick reads, by their names."""
        names = ("x", *self.rule.vectors, *self.rule.scalars, "nit", "nfev", "code", *self.ending.numbers)
        found = {name: self.slot_of(name) for name in (*names, *self.ending.vectors, *self.arrays)}
        return {name: slot for name, slot in found.items() if slot is not None}

    @property
    def _behind(self) -> dict[str, int]:
        """First slots of what follows the loop's own counters."""
        numbers = (*self.temporaries, *self.batch)
        sizes = {"following": self.dim, **dict.fromkeys(numbers, 1)}
        slots, here = {}, super().size
        for name, size in sizes.items():
            slots[name] = here
            here += size
        return slots

    @property
    def batch_slots(self) -> dict[str, int]:
        """The slots of what a batch of a finite sum's rows needs."""
        return {name: self._behind[name] for name in self.batch}

    @property
    def size(self) -> int:
        """Number of slots."""
        return super().size + self.dim + len(self.temporaries) + len(self.batch)


def temporaries(rule: Rule) -> tuple[str, ...]:
    """Return the numbers of a lane that one piece of a tick may leave for a later one."""
    kept = {*rule.vectors, *rule.scalars, "following", "g"}
    results = [name for step in steps_of(rule) for name in step.gives if name not in kept]
    return tuple(dict.fromkeys(["gg", SLOPE, "first", *results]))
