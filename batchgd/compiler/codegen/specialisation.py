"""Assemble the text of one specialisation: everything that its module contains, in plain Python."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from batchgd.compiler.codegen import emit_evaluation, emit_loops, emit_sum, warp_tick
from batchgd.compiler.codegen.block_layout import BlockLayout, temporaries
from batchgd.compiler.codegen.block_tick import BlockTick
from batchgd.compiler.codegen.decorators import DECORATORS, HEADER, Decorators
from batchgd.compiler.codegen.emit_stopping import StoppingEmitter, StoppingTests
from batchgd.compiler.codegen.layout import Layout
from batchgd.compiler.codegen.rule import Rule, parameters_of, read_rule
from batchgd.compiler.codegen.typed_constants import (
    Constants,
    copied,
    decorated,
    function_source,
    functions_of,
    own_functions,
)
from batchgd.compiler.codegen.unroll import with_constants_written_out
from batchgd.kernels.rule_parts.stages import with_callees

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

KERNELS = ("descend_kernel", "record_kernel", "values_kernel")
"""The functions of a CUDA module that the host calls; their machine code is kept on disk."""


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
    ``bounded`` is whether x is kept within bounds, which are read at run time behind the sides of the box.
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

    def narrowed(self) -> Specialisation:
        """Return the same with fewer lanes in a block of the CPU if lanes remember much: it then fits in the cache."""
        fewer = LANES_OF_MUCH * 8 // np.dtype(self.dtype).itemsize
        if self.target != "cpu" or self.lanes <= fewer or self.layout.size <= BLOCK_STATE:
            return self
        return replace(self, lanes=fewer)

    @property
    def how(self) -> Decorators:
        """How its functions are compiled."""
        return DECORATORS["called" if self.shared or self.simulated else "cuda"]

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
        """Whether the function is computed in loops over rows of data, which a tick must call."""
        return self.target != "cuda" and self.objective.in_programs

    @property
    def _large(self) -> bool:
        """Whether the objective costs much to compile, which must not depend on the number of starts."""
        counts = self.function.counts
        operations = counts.total + (ELEMENTARY - 1) * counts.transcendentals
        return self._remembers_much or self.objective.dim >= BLOCK_DIM or operations >= BLOCK_OPERATIONS

    @property
    def _remembers_much(self) -> bool:
        """Whether the rule works on so much of a lane that loops are better."""
        return bool(self.read.stages) and self._fused_layout.size > BLOCK_STATE

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
            return self._fused_layout
        emitter = StoppingEmitter(self.read, Constants(self.dtype), self.ending, cubic=self.cubic)
        return BlockLayout(
            -(-self.objective.dim // self.threads),
            self.read,
            self.per_start,
            self.ending,
            self.constants,
            temporaries(self.read) if self.target != "cuda" else BlockTick.temporaries(self.read, emitter),
            batch=() if self.sum is None else emit_sum.scratch(self.sum),
        )

    @property
    def _fused_layout(self) -> Layout:
        return Layout(self.objective.dim, self.read, self.per_start, self.ending, self.constants)

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
        """Whether the tick computes the value together with the gradient."""
        emitter = StoppingEmitter(self.read, Constants(self.dtype), self.ending, cubic=self.cubic)
        return emitter.has_value

    @property
    def what(self) -> What:
        """Which function of the objective the tick calls."""
        return emit_evaluation.outputs_of(self.objective.dim, value=self.has_value, hessian=self.read.hessian)[0]

    def source(self) -> str:
        """Return the text of the module for CUDA."""
        constants, tables = Constants(self.dtype), emit_loops.Tables(len(self.objective.numbers))
        if self.shared:
            body = self._shared_functions(constants, tables)
        else:
            body = [*self.evaluation(constants), *self.tick(constants)]
            if self.sum is not None:
                value, value_at = self.value_functions(self.sum, constants)
                body += [decorated(value, self.how.lane), decorated(value_at, self.how.loop)]
            body += self._shells()
        title = f"{self.named}: {self.method} in {self.dtype} for {self.target}"
        sharing = warp_tick.constants_of(self.objective.dim, self.threads) if self.shared else []
        names = [*self.block(), *sharing, *self.fixed(), *constants.lines(), *tables.lines()]
        return self.assembled(title, body, names)

    @property
    def named(self) -> str:
        """What the title of a module calls the objective."""
        return f"{self.objective.name} in {self.objective.dim} dimensions, {self.n_params} parameters"

    @property
    def method(self) -> str:
        """What the title of a module calls the rule."""
        return " + ".join([self.rule, *self.parts])

    def block(self) -> list[str]:
        """What the loop knows about a lane block, as assignments."""
        return [f"W = {self.lanes}", f"IN_KERNEL = {self.in_kernel}", *self.layout.constants()]

    @property
    def sizes(self) -> dict[str, int]:
        """What operations on a block are compiled for: the dimension, and the numbers of the rule that are fixed."""
        return {"d": self.objective.dim, **dict(self.constants)}

    def fixed(self) -> list[str]:
        """The numbers that the rule is compiled for, as assignments."""
        return [f"{name.upper()} = {value}" for name, value in self.constants]

    def assembled(self, title: str, body: Sequence[str], names: Sequence[str], imports: Sequence[str] = ()) -> str:
        """Return the text of a module of these functions after these assignments."""
        text = "\n\n\n".join(body)
        header = [
            f'"""{title}. Generated by batchgd."""',
            "",
            "import numpy as np",
            *self._imports(text),
            *imports,
            HEADER,
            f"real = np.{self.dtype}",
            *names,
        ]
        return "\n".join(header) + "\n\n\n" + text + "\n"

    @property
    def n_params(self) -> int:
        """Number of run-time parameters of the objective."""
        return 0 if self.objective.params is None else len(self.objective.params)

    def value_functions(self, objective: FiniteSum, constants: Constants) -> tuple[str, str]:
        """What the value at a row of points calls, and the value itself."""
        return self.function.emit("value", constants), emit_sum.value_at(objective, "i", constants)

    @property
    def value_slot(self) -> int | None:
        """Where ``evaluate`` leaves the value, if it can take the place of a function that gives the value alone.

        It cannot if it omits the value, sees only a batch, or computes a Hessian as well.
        """
        layout = self.layout
        if not isinstance(layout, BlockLayout) or self.batches or self.read.hessian:
            return None
        return layout.first("f") if self.has_value else None

    def evaluation(self, constants: Constants) -> list[str]:
        """The evaluation of a sum over rows in a lane block; that of another objective is no text."""
        layout = self.layout
        if not isinstance(layout, BlockLayout) or self.sum is None:
            return []  # it is no text (``device_module.py``)
        asked = emit_evaluation.outputs_of(self.objective.dim, value=self.has_value, hessian=self.read.hessian)
        nit, scratch = layout.counter("nit"), layout.batch_slots
        lane, block = emit_sum.evaluation(self.sum, constants, asked, nit=nit, scratch=scratch)
        return self._chosen([decorated(lane, self.how.lane), decorated(block, self.how.pass_tick)])

    def tick(self, constants: Constants) -> list[str]:
        """The tick in block form with what it calls: the rule and the stopping tests."""
        layout = self.layout
        if isinstance(layout, BlockLayout):
            return self._block_tick(layout, constants)
        return []  # it is a program

    def _block_tick(self, layout: BlockLayout, constants: Constants) -> list[str]:
        """The same for the block form, which calls ``evaluate``."""
        from batchgd.kernels import stopping_tests as tests

        rule, lane, block = self.read, self.how.pass_lane, self.how.pass_loop
        form = warp_tick.WarpTick if self.shared else BlockTick
        tick = form(layout, constants, cubic=self.cubic)
        staged = [stage.function for stage in rule.stages]
        functions = with_callees(*staged) if staged else own_functions(rule.module)
        if self.shared:
            functions |= warp_tick.replaced(functions)
        on_block = {name for name, function in functions.items() if "ws" in parameters_of(function)}
        text = [
            *(function_source(getattr(tests, name), constants, lane) for name in self.ending.functions),
            *(
                function_source(function, constants, block if name in on_block else lane)
                for name, function in functions.items()
            ),
            *(functions_of(part.module, constants, lane, f"{part.name}_") for part in rule.parts),
            decorated(tick.source(), self.how.pass_tick),
        ]
        return self._chosen(text)

    def _chosen(self, text: list[str]) -> list[str]:
        """Text of the block form with the loops that suit the target."""
        # CUDA's compiler unrolls the loops of one thread itself, which puts its state into registers.
        if self.shared:
            return [with_constants_written_out(part, dict(self.constants)) for part in text]
        return text

    def _shared_functions(self, constants: Constants, tables: emit_loops.Tables) -> list[str]:
        """Everything of a kernel whose threads share a trajectory."""
        layout, how = self.layout, self.how
        assert isinstance(layout, BlockLayout)
        called, calling = warp_tick.evaluation(
            self.function, constants, tables, value=self.has_value, width=self.threads
        )
        return [
            *(decorated(part, how.lane) for part in called),
            decorated(calling, how.pass_loop),
            *self._block_tick(layout, constants),
            *warp_tick.loop_functions(self.function, constants, tables, how, simulated=self.simulated),
        ]

    def _shells(self) -> list[str]:
        """Around the tick, CUDA's loop and its kernels."""
        from batchgd.kernels import descend, record_paths
        from batchgd.kernels.cuda import templates

        due = descend.always if self.simulated else templates.now_and_then
        look = descend.look_here if self.simulated else templates.look_there
        return [
            *copied((templates.claim_atomic, due, look), self.how.loop),
            f"claim, look_due, look = claim_atomic, {due.__name__}, {look.__name__}",
            *copied([descend.draw, *descend.CARRIED], self.how.carried),
            *copied(record_paths.CALLED, self.how.loop),
            *copied((descend.descend, record_paths.record), self.how.loop),
            *copied([getattr(templates, name) for name in KERNELS], self.how.entry),
        ]

    def _imports(self, text: str) -> list[str]:
        """Import the elementary functions that the text names; on CUDA some are libdevice's (``CUDA_MATH``)."""
        from batchgd.kernels import minibatch, vecmath

        called = set(re.findall(r"\b(\w+)\(", text))
        used = [name for name in vecmath.CUDA_MATH if name in called]
        lines = []
        if self.target == "cuda" and not self.simulated:
            lines.append("from batchgd.kernels.cuda.volatile import load_first")
            theirs = {name: vecmath.CUDA_MATH[name] for name in used if vecmath.CUDA_MATH[name]}
            lines += [f"from math import {math} as {name}" for name, math in theirs.items()]
            used = [name for name in used if name not in theirs]
        if used:
            lines.append(f"from batchgd.kernels.vecmath import {', '.join(used)}")
        drawing = [name for name in minibatch.NAMES if name in called]
        if drawing:
            lines.append(f"from batchgd.kernels.minibatch import {', '.join(drawing)}")
        if "uniform_pair" in called:
            pair = "uniform_pair" if self.dtype == "float64" else "uniform_pair_single as uniform_pair"
            streams = sorted(set(re.findall(r"\bSTREAM_\w+", text)))
            lines.append(f"from batchgd.kernels.philox import {', '.join([*streams, 'place', pair])}")
        return lines
