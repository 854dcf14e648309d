"""Where each quantity of a lane is in the workspace: slot numbers, counted once, used by the tick and by the loop.

The tick is compiled with these numbers, on CUDA the loop as well. The CPU's loop, which is the same for all methods and
dimensions, reads them: it touches a lane only when its trajectory begins and ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from batchgd.compiler.codegen.emit_stopping import StoppingTests
from batchgd.compiler.codegen.rule import Rule

COUNTERS = ("nit", "nfev", "busy", "code")
BOUNDS = ("lower_bound", "upper_bound")


@dataclass(frozen=True)
class Layout:
    """Slots of x, vectors, scalars, what differs per start, the loop's own counters, and what the tests remember.

    ``per_start`` names numbers that differ per start, ``vectors_per_start`` vectors, whose slots follow.
    """

    dim: int
    rule: Rule
    per_start: tuple[str, ...]
    ending: StoppingTests = field(default_factory=StoppingTests)
    constants_of_rule: tuple[tuple[str, int], ...] = ()
    vectors_per_start: tuple[str, ...] = ()

    def x(self, i: int) -> int:
        """Slot of coordinate i of the point to evaluate."""
        return i

    def vector(self, name: str, i: int) -> int:
        """Slot of coordinate i of a vector that the rule remembers."""
        return self._vectors + self.dim * self.rule.vectors.index(name) + i

    def scalar(self, name: str) -> int:
        """Slot of a number that the rule remembers."""
        return self._scalars + self.rule.scalars.index(name)

    def hyperparameter(self, name: str) -> int:
        """Slot of a hyperparameter that differs per start."""
        return self.first_per_start + self.per_start.index(name)

    def vector_per_start(self, name: str, i: int = 0) -> int:
        """Slot of coordinate i of a vector that differs per start."""
        return self.first_per_start + len(self.per_start) + self.dim * self.vectors_per_start.index(name) + i

    @property
    def n_per_start(self) -> int:
        """Number of slots of what differs per start."""
        return len(self.per_start) + self.dim * len(self.vectors_per_start)

    def counter(self, name: str) -> int:
        """Slot of one of the loop's own counters."""
        return self.first_per_start + self.n_per_start + COUNTERS.index(name)

    def remembered(self, name: str, i: int = 0) -> int:
        """Slot of a number that the stopping tests remember, or of coordinate i of a vector."""
        numbers, vectors = self.ending.numbers, self.ending.vectors
        if name in numbers:
            return self._first_remembered + numbers.index(name)
        return self._first_remembered + len(numbers) + self.dim * vectors.index(name) + i

    @property
    def arrays(self) -> dict[str, int]:
        """How many slots each further array of the rule takes."""
        return self.rule.slots(dim=self.dim, **dict(self.constants_of_rule))

    def array(self, name: str) -> int:
        """First slot of a further array of the rule."""
        sizes = self.arrays
        return self._first_array + sum(sizes[before] for before in [*sizes][: [*sizes].index(name)])

    @property
    def _vectors(self) -> int:
        return self.dim

    @property
    def _scalars(self) -> int:
        return self._vectors + self.dim * len(self.rule.vectors)

    @property
    def first_per_start(self) -> int:
        """First slot of what differs per start."""
        return self._scalars + len(self.rule.scalars)

    @property
    def _first_remembered(self) -> int:
        return self.first_per_start + self.n_per_start + len(COUNTERS)

    @property
    def accepted(self) -> int:
        """First slot of the last accepted point."""
        return self.x(0) if self.rule.accepted is None else self.vector(self.rule.accepted, 0)

    @property
    def _first_array(self) -> int:
        return self._first_remembered + len(self.ending.numbers) + self.dim * len(self.ending.vectors)

    @property
    def size(self) -> int:
        """Number of slots."""
        return self._first_array + sum(self.arrays.values())

    @property
    def trials(self) -> bool:
        """Whether points can be rejected."""
        return self.rule.decide is not None

    def slots(self) -> dict[str, int]:
        """What the loop calls them."""
        return {
            "D": self.dim,
            "ACCEPTED": self.accepted,
            "STATE": self.dim,
            "PER_START": self.first_per_start,
            "N_PER_START": self.n_per_start,
            **{name.upper(): self.counter(name) for name in COUNTERS},
            "SLOTS": self.size,
        }

    def constants(self) -> list[str]:
        """The names that the loop's text uses, as assignments."""
        return [f"TRIALS = {self.trials}", *(f"{name} = {slot}" for name, slot in self.slots().items())]
