"""Assemble the text of one specialisation: everything that its module holds, in plain Python."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from batchgd.specialise import evaluate, rolled, sums, warp
from batchgd.specialise.block import BlockLayout, BlockTick
from batchgd.specialise.ending import Ending, EndingEmitter
from batchgd.specialise.layout import Layout
from batchgd.specialise.loops import with_loops_chosen
from batchgd.specialise.rows import as_rows
from batchgd.specialise.rule import Rule, parameters_of, read_rule
from batchgd.specialise.tick import TickEmitter
from batchgd.specialise.typed import Constants, decorated, function_source, functions_of, own_functions, with_callees

if TYPE_CHECKING:
    from batchgd.differentiable import Differentiable
    from batchgd.finite_sum import FiniteSum
    from batchgd.objective import Objective

_HEADERS = {
    "cpu": """\
from numba import njit

FLAGS = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}
INNER = {**FLAGS, "no_cpython_wrapper": True}
PASS = {**INNER, "fastmath": False}
""",
    "cuda": """\
from numba import cuda, njit

FLAGS = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True}
""",
    "numpy": "",
}


@dataclass(frozen=True)
class _Decorators:
    """How each kind of function is compiled: what one lane does, the loop, and what the host calls.

    Only what the host calls gets a wrapper for Python: wrappers for all took a fifth of the compile time. In the passes
    of the block form no product is fused with a sum: whether LLVM sees that a pass adds what the one before multiplied
    depends on how far it unrolls the lanes, and results must not depend on the width of a block.
    """

    lane: str | None
    loop: str | None
    entry: str | None
    pass_lane: str | None
    pass_loop: str | None


_DECORATORS = {
    # All in one function: a call that passes a dozen arrays costs more than what it does.
    "cpu": _Decorators(
        "njit(**INNER, forceinline=True)",
        "njit(**INNER, forceinline=True)",
        "njit(**FLAGS)",
        "njit(**PASS, forceinline=True)",
        "njit(**PASS, forceinline=True)",
    ),
    "cuda": _Decorators("njit(**FLAGS)", "cuda.jit(device=True)", "cuda.jit", "njit(**FLAGS)", "cuda.jit(device=True)"),
    "numpy": _Decorators(None, None, None, None, None),
}

BLOCK_DIM = 32
"""From this dimension on CPU code takes the block form: unrolled, it would compile for many seconds."""

ENTRIES = ("descend", "record", "values")
"""The functions of a module that the host calls on the CPU; their machine code is kept on disk."""

KERNELS = ("descend_kernel", "record_kernel", "values_kernel")
"""The same on CUDA."""


@dataclass(frozen=True)
class Specialisation:
    """What one generated module is made for.

    ``target`` is ``"cpu"``, ``"cuda"`` or ``"numpy"``; ``lanes`` is W. ``in_kernel`` says that the starts are drawn
    where they are used, ``cubic`` that the box is the same in every coordinate, ``per_start`` names the
    hyperparameters that differ per start, ``tests`` the options of the stopping rule that are in use
    (see ``Ending.options``).
    ``simulated`` binds the elementary functions of CUDA code to the CPU's, for the simulator. ``parts`` names a
    schedule and modifiers of the rule, ``constants`` the numbers of the rule that are fixed when it is compiled.
    ``threads`` is the number of CUDA threads that share a trajectory, 1 or a power of two (see ``warp.py``).
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

    @property
    def read(self) -> Rule:
        """The rule with its parts."""
        return read_rule(self.rule, self.parts)

    @property
    def blocked(self) -> bool:
        """Whether the tick takes the block form: for rules that need it, and where unrolling costs too much."""
        by_size = self.target == "cpu" and self.objective.dim >= BLOCK_DIM
        return bool(self.read.stages) or by_size or self.sum is not None or self.shared

    @property
    def shared(self) -> bool:
        """Whether several threads share a trajectory."""
        return self.threads > 1

    @property
    def sum(self) -> FiniteSum | None:
        """The objective, if it is a sum over rows of data."""
        from batchgd.finite_sum import FiniteSum

        return self.objective if isinstance(self.objective, FiniteSum) else None

    @property
    def function(self) -> Objective:
        """The traced function: the objective, or one term of its sum."""
        from batchgd.objective import Objective

        traced = self.objective if self.sum is None else self.sum.element
        assert isinstance(traced, Objective)
        return traced

    @property
    def layout(self) -> Layout:
        """The slots of a lane."""
        if not self.blocked:
            return Layout(self.objective.dim, self.read, self.per_start, self.ending)
        emitter = EndingEmitter(self.read, Constants(self.dtype), self.ending, cubic=self.cubic)
        return BlockLayout(
            -(-self.objective.dim // self.threads),
            self.read,
            self.per_start,
            self.ending,
            self.constants,
            BlockTick.temporaries(self.read, emitter),
            batch=() if self.sum is None else sums.scratch(self.sum),
        )

    @property
    def ending(self) -> Ending:
        """The stopping tests, and what they remember."""
        timed = ("end_time",) if "end_time" in self.read.hyperparameters else ()
        return Ending((*self.tests, *timed))

    def source(self) -> str:
        """Return the text of the generated module."""
        constants, tables, how = (
            Constants(self.dtype),
            rolled.Tables(len(self.objective.numbers)),
            _DECORATORS[self.target],
        )
        body = [*self._lane_functions(constants, how, tables), *self._loop_functions(how, constants, tables)]
        text = "\n\n\n".join(body)
        header = [
            f'"""{self.objective.name} in {self.objective.dim} dimensions, {self.n_params} parameters: '
            f'{" + ".join([self.rule, *self.parts])} in {self.dtype} for {self.target}. Generated by batchgd."""',
            "",
            "import numpy as np",
            *self._imports(text),
            _HEADERS[self.target],
            f"real = np.{self.dtype}",
            f"W = {self.lanes}",
            f"IN_KERNEL = {self.in_kernel}",
            *self.layout.constants(),
            *(warp.constants_of(self.objective.dim, self.threads) if self.shared else []),
            *(f"{name.upper()} = {value}" for name, value in self.constants),
            *constants.lines(),
            *tables.lines(),
        ]
        return "\n".join(header) + "\n\n\n" + text + "\n"

    @property
    def n_params(self) -> int:
        """Number of run-time parameters of the objective."""
        return 0 if self.objective.params is None else len(self.objective.params)

    def _lane_functions(self, constants: Constants, how: _Decorators, tables: rolled.Tables) -> list[str]:
        """The objective, the stopping tests, the rule and the tick."""
        from batchgd.kernels import stopping

        if self.blocked:
            return self._block_functions(constants, how, tables)
        tick = TickEmitter(
            self.layout,
            constants,
            n_params=self.n_params,
            cubic=self.cubic,
            arrays=self.target == "numpy",
        )
        emitted = [self.function.emit("value_and_gradient" if tick.has_value else "gradient", constants)]
        emitted.append(self.function.emit("value", constants))
        return [
            *(decorated(text, how.lane) for text in emitted),
            *(function_source(getattr(stopping, name), constants, how.lane) for name in self.ending.functions),
            functions_of(self.layout.rule.module, constants, how.lane),
            *(functions_of(part.module, constants, how.lane, f"{part.name}_") for part in self.layout.rule.parts),
            decorated(tick.source(), how.loop),
        ]

    def _block_functions(self, constants: Constants, how: _Decorators, tables: rolled.Tables) -> list[str]:
        """The same for the block form, where the evaluation is a function of its own."""
        from batchgd.kernels import stopping

        rule, layout = self.read, self.layout
        assert isinstance(layout, BlockLayout)
        form = warp.WarpTick if self.shared else BlockTick
        tick = form(layout, constants, cubic=self.cubic, arrays=self.target == "numpy")
        if self.shared:
            called, calling = warp.evaluation(
                self.function, constants, tables, value=tick.has_value, width=self.threads
            )
        else:
            evaluated = self._evaluation(layout, constants, value=tick.has_value, hessian=rule.hessian)
            called, calling = [self.function.emit("value", constants), evaluated[0]], evaluated[1]
        staged = [stage.function for stage in rule.stages]
        functions = with_callees(*staged) if staged else own_functions(rule.module)
        if self.shared:
            functions |= warp.replaced(functions)
        on_block = {name for name, function in functions.items() if "ws" in parameters_of(function)}
        text = [
            *(decorated(part, how.lane) for part in called),
            decorated(calling, how.pass_loop),
            *(function_source(getattr(stopping, name), constants, how.pass_lane) for name in self.ending.functions),
            *(
                function_source(function, constants, how.pass_loop if name in on_block else how.pass_lane)
                for name, function in functions.items()
            ),
            *(functions_of(part.module, constants, how.pass_lane, f"{part.name}_") for part in rule.parts),
            decorated(tick.source(), how.pass_loop),
        ]
        # CUDA keeps constant bounds: with W = 1 unrolling is what puts the state of a thread into registers.
        if self.target == "cpu":
            return [with_loops_chosen(part, dict(self.constants)) for part in text]
        return [as_rows(part) for part in text] if self.target == "numpy" else text

    def _evaluation(self, layout: BlockLayout, constants: Constants, *, value: bool, hessian: bool) -> tuple[str, str]:
        """The text of the evaluation, and of the function that it calls."""
        if self.sum is None:
            return evaluate.evaluation(self.function, constants, value=value, hessian=hessian)
        return sums.evaluation(
            self.sum,
            constants,
            value=value,
            hessian=hessian,
            nit=layout.counter("nit"),
            scratch=layout.batch_slots,
            arrays=self.target == "numpy",
        )

    def _loop_functions(self, how: _Decorators, constants: Constants, tables: rolled.Tables) -> list[str]:
        """The value at a row of points; and, around the tick, the loop and its shell."""
        from batchgd.kernels import descend, record

        row = ":" if self.target == "numpy" else "i"
        if self.shared:
            return warp.loop_functions(self.function, constants, tables, how.lane, simulated=self.simulated)
        if self.sum is None:
            text = evaluate.value_at(self.function, row)
        else:
            text = sums.value_at(self.sum, row, constants)
        value_at = decorated(text, how.loop)
        if self.target == "numpy":
            return [value_at]

        def copies(functions: Sequence[Callable], decorator: str | None) -> list[str]:
            return [function_source(function, Constants("float64"), decorator) for function in functions]

        loop = [value_at, *copies((descend.draw, descend.refill, descend.store), how.loop)]
        loop += copies((record.begin_trail, record.keep_latest, record.extend_trail), how.loop)
        if self.target == "cpu":
            own = copies((descend.claim_next, descend.look_always), how.loop)
            entries = copies((descend.descend, record.record, descend.values), how.entry)
            return [*own, "claim, look = claim_next, look_always", *loop, *entries]
        from batchgd.kernels.cuda import templates

        look = descend.look_always if self.simulated else templates.look_now_and_then
        own = copies((templates.claim_atomic, look), how.loop)
        names = f"claim, look = claim_atomic, {look.__name__}"
        shells = copies([getattr(templates, name) for name in KERNELS], how.entry)
        return [*own, names, *loop, *copies((descend.descend, record.record), how.loop), *shells]

    def _imports(self, text: str) -> list[str]:
        """Import the elementary functions that the text names; on CUDA some are libdevice's (``CUDA_MATH``)."""
        from batchgd.kernels import batches, vecmath

        used = [name for name in vecmath.CUDA_MATH if re.search(rf"\b{name}\(", text)]
        lines = []
        if self.target == "cuda" and not self.simulated:
            lines.append("from batchgd.kernels.cuda.volatile import load_first")
            theirs = {name: vecmath.CUDA_MATH[name] for name in used if vecmath.CUDA_MATH[name]}
            lines += [f"from math import {math} as {name}" for name, math in theirs.items()]
            used = [name for name in used if name not in theirs]
        if used:
            lines.append(f"from batchgd.kernels.vecmath import {', '.join(used)}")
        drawing = [name for name in batches.NAMES if re.search(rf"\b{name}\(", text)]
        if drawing:
            lines.append(f"from batchgd.kernels.batches import {', '.join(drawing)}")
        if self.in_kernel or "uniform_pair(" in text:
            pair = "uniform_pair" if self.dtype == "float64" else "uniform_pair_single as uniform_pair"
            streams = sorted(set(re.findall(r"\bSTREAM_\w+", text)))
            lines.append(f"from batchgd.kernels.philox import {', '.join([*streams, 'place', pair])}")
        return lines
