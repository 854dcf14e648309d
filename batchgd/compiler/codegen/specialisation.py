"""What code is generated for, and what follows: the form of the tick, the slots of a lane, the stopping tests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from batchgd.compiler.codegen import emit_evaluation
from batchgd.compiler.codegen.block_layout import BlockLayout, temporaries
from batchgd.compiler.codegen.block_tick import BlockTick
from batchgd.compiler.codegen.emit_stopping import StoppingEmitter, StoppingTests
from batchgd.compiler.codegen.layout import BOUNDS, Layout
from batchgd.compiler.codegen.rule import Rule, read_rule
from batchgd.compiler.codegen.typed_constants import (
    Constants,
)

if TYPE_CHECKING:
    from batchgd.compiler.differentiable import Differentiable
    from batchgd.compiler.finite_sum import FiniteSum
    from batchgd.compiler.objective import Objective, What
    from batchgd.compiler.trace.graph import Node

BLOCK_DIM = 32
"""From this dimension on CPU code takes the block form: unrolled, it would compile for many seconds."""

BLOCK_OPERATIONS = 400
"""And from this many operations for value and gradient on, an elementary function counted as ``ELEMENTARY``.

Below this number the fused form runs up to 1.3 times as fast (Rosenbrock's function in 10 and 20 dimensions: 124 and
264). From it on both run equally fast (sums of 20 to 80 sines: 425 to 1,685), and the block form is ready 0.4 s sooner.
"""

BLOCK_STATE = 160
"""And above this many numbers that a lane remembers, for rules with history or matrices.

Up to it Newton's method, which does most with each, is compiled in 0.6 s, and the fused form runs 1.0 to 1.9 times as
fast (Rosenbrock's function in 2 and 8 dimensions, five methods).
"""

LANES_OF_MUCH = 16
"""Lanes of a block that remember more than that, in float64: with 64 of them BFGS takes 1.5 times as long in 40
dimensions, and 1.8 times in 100."""

ELEMENTARY = 8


@dataclass(frozen=True)
class Specialisation:
    """What one generated module is made for.

    ``target`` is ``"cpu"``, ``"cuda"`` or ``"numpy"``; ``lanes`` is W. ``in_kernel`` means that the starts are drawn
    where they are used, ``cubic`` that the box is the same in every coordinate, ``per_start`` names the
    hyperparameters that differ per start, ``tests`` the options of the stopping rule that are in use
    (see ``StoppingTests.options``).
    ``simulated`` binds the elementary functions of CUDA code to the CPU's, for the simulator. ``parts`` names a
    schedule and modifiers of the rule, ``constants`` the numbers of the rule that are fixed when it is compiled.
    ``threads`` is the number of CUDA threads that share a trajectory, 1 or a power of two (see ``warp_tick.py``).
    ``in_block`` is whether the tick takes the block form if it can take either; None: if unrolling costs too much.
    ``own`` is whether each start has its own parameters of the objective.
    ``bounded`` is whether x is kept within bounds, which are read at run time behind the sides of the box, or with
    ``bounds_per_start`` are in slots of the lane.
    """

    objective: Differentiable
    rule: str
    dtype: str = "float64"
    target: str = "cpu"
    lanes: int = 64
    in_kernel: bool = True
    cubic: bool = True
    per_start: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    simulated: bool = False
    parts: tuple[str, ...] = ()
    constants: tuple[tuple[str, int], ...] = ()
    threads: int = 1
    in_block: bool | None = None
    bounded: bool = False
    own: bool = False
    bounds_per_start: bool = False

    def narrowed(self) -> Specialisation:
        """Return the same with fewer lanes in a block of the CPU if lanes remember much: it then fits in the cache."""
        fewer = LANES_OF_MUCH * 8 // np.dtype(self.dtype).itemsize
        if self.target != "cpu" or self.lanes <= fewer or self.layout.size <= BLOCK_STATE:
            return self
        return replace(self, lanes=fewer)

    @property
    def read(self) -> Rule:
        """The rule with its parts."""
        return read_rule(self.rule, self.parts, bounded=self.bounded)

    @property
    def blocked(self) -> bool:
        """Whether the tick takes the block form: where it must be loops, and if unrolling costs too much."""
        if self.sum is not None or self.shared or self.in_loops or (self.target != "cpu" and self._remembers_much):
            return True
        return self.target == "cpu" and self._large if self.in_block is None else self.in_block

    @property
    def in_loops(self) -> bool:
        """Whether the function is computed in loops over rows of data or by other code, which a tick must call."""
        return self.objective.code is not None or (self.target != "cuda" and self.objective.in_programs)

    @property
    def in_text(self) -> bool:
        """Whether CUDA's evaluation is text: a call of the user's own function."""
        return self.objective.code is not None

    @property
    def _large(self) -> bool:
        """Whether the objective costs much to compile, which must not depend on the number of starts."""
        counts = self.function.counts
        operations = counts.total + (ELEMENTARY - 1) * counts.transcendentals
        return self._remembers_much or self.objective.dim >= BLOCK_DIM or operations >= BLOCK_OPERATIONS

    @property
    def _remembers_much(self) -> bool:
        """Whether the rule works on so much of a lane that loops are better."""
        return bool(self.read.stages) and self.fused_layout.size > BLOCK_STATE

    @property
    def shared(self) -> bool:
        """Whether several threads share a trajectory."""
        return self.threads > 1

    @property
    def sum(self) -> FiniteSum | None:
        """The objective, if it is a sum over rows of data."""
        return cast("FiniteSum", self.objective) if self.objective.is_sum else None

    @property
    def batches(self) -> bool:
        """Whether an update sees only some of the rows of a sum."""
        return self.sum is not None and self.sum.batch_size is not None

    @property
    def function(self) -> Objective:
        """The traced function: the objective, or one term of its sum."""
        return cast("Objective", self.objective if self.sum is None else self.sum.element)

    @property
    def layout(self) -> Layout:
        """The slots of a lane."""
        if not self.blocked:
            return self.fused_layout
        kept = temporaries(self.read)
        if self.shared:
            emitter = StoppingEmitter(self.read, Constants(self.dtype), self.ending, cubic=self.cubic)
            kept = BlockTick.temporaries(self.read, emitter)
        return BlockLayout(
            -(-self.objective.dim // self.threads),
            self.read,
            self.per_start,
            self.ending,
            self.constants,
            self._vectors_per_start,
            kept,
            batch=self.of_batches,
        )

    @property
    def of_batches(self) -> tuple[str, ...]:
        """What a lane remembers of a batch: whether it was the whole sum instead, and the entries of its row."""
        if self.sum is None or self.sum.batch_size is None:
            return ()
        return ("whole", *(f"row_{k}" for k in range(self.sum.width)))

    @property
    def fused_layout(self) -> Layout:
        """The slots of a lane whose tick is one program."""
        return Layout(
            self.objective.dim, self.read, self.per_start, self.ending, self.constants, self._vectors_per_start
        )

    @property
    def _vectors_per_start(self) -> tuple[str, ...]:
        return BOUNDS if self.bounds_per_start else ()

    @property
    def ending(self) -> StoppingTests:
        """The stopping tests, and what they remember."""
        timed = ("end_time",) if "end_time" in self.read.hyperparameters else ()
        return StoppingTests((*dict.fromkeys([*self.tests, *timed, *self._ending_of_rule()]),))

    def _ending_of_rule(self) -> tuple[str, ...]:
        """What ends a lane whose ticks would change nothing, for this kind of rule."""
        if self.read.decide is not None:
            return ("maxfev", "unsteady")  # a rejected trial is not an update, which maxiter would count
        return ("overflowed",) if self.read.step_squared is None else ()

    def outputs(self, what: What) -> list[Node]:
        """Return what a tick computes of the function, in loops over rows, but in CUDA's simulator written out."""
        return self.function.written_out(what) if self.simulated else self.function.outputs(what)

    @property
    def has_value(self) -> bool:
        """Whether the tick computes the value with the gradient: a test, the rule or its matrix needs it."""
        return "f" in self.ending.asked or self.read.needs_value or self.read.matrix is not None

    @property
    def what(self) -> What:
        """Which function of the objective the tick calls."""
        return self.asked[0]

    @property
    def asked(self) -> emit_evaluation.Outputs:
        """Which function of the objective the tick calls, and the slots of its outputs in the block form.

        The Hessian takes the place of the Gauss-Newton matrix if the objective has no residuals.
        """
        matrix = self.read.matrix
        if matrix == "gauss_newton" and not self.objective.has_residuals:
            matrix = "hessian"
        return emit_evaluation.outputs_of(self.objective.dim, value=self.has_value, matrix=matrix)

    @property
    def sizes(self) -> dict[str, int]:
        """What operations on a block are compiled for: the dimension, and the numbers of the rule that are fixed."""
        return {"d": self.objective.dim, **dict(self.constants)}

    @property
    def value_slot(self) -> int | None:
        """Where ``evaluate`` leaves the value, if it can take the place of a function that gives the value alone.

        It cannot if it omits the value, sees only a batch, or computes a matrix as well.
        """
        layout = self.layout
        if not isinstance(layout, BlockLayout) or self.batches or self.read.matrix is not None:
            return None
        return layout.first("f") if self.has_value else None
