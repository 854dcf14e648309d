"""What differs when the threads of a warp share one trajectory: the evaluation, the sums of the tick, and the loop.

Each thread holds every 32nd coordinate of the point, of the rule's vectors and of its histories, and works on them as
the block form does; sums go through all threads. The evaluation is the rolled form of the expression: its loops are
divided among the threads, and the point and the gradient are exchanged in shared memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from batchgd.compiler.codegen import emit_loops
from batchgd.compiler.codegen.block_tick import BlockTick
from batchgd.compiler.codegen.decorators import DEVICE, ENTRY, LANE
from batchgd.compiler.codegen.emit_loops import RolledText, Tables, parameters
from batchgd.compiler.codegen.emit_stopping import Fold
from batchgd.compiler.codegen.rule import Rule, parameters_of
from batchgd.compiler.codegen.typed_constants import Constants, copied, decorated, source_of
from batchgd.kernels.rule_parts.stages import Stage, with_callees

if TYPE_CHECKING:
    from batchgd.compiler.differentiable import Differentiable
    from batchgd.compiler.objective import Objective

WIDTH = 32
"""Threads of a warp."""

LARGEST_SHARE = 0.25
"""An expression is divided among threads if none of them gets more than this share of it."""

_ELEMENTWISE = ("multiply", "add_scaled", "subtract_scaled", "scale", "stretch", "negated", "keep_where", "push", "dot")
"""The block operations that treat all coordinates alike; ``dot`` is written for warps."""


def can_share(objective: Differentiable, rule: Rule) -> bool:
    """Whether threads can share a trajectory: a traced objective, and a rule that treats all coordinates alike."""
    return not objective.is_sum and objective.code is None and rule.matrix is None and _treats_alike(rule.stages)


@cache
def _treats_alike(stages: tuple[Stage, ...]) -> bool:
    staged = with_callees(*(stage.function for stage in stages))
    on_block = [function for function in staged.values() if "ws" in parameters_of(function)]
    return all(function.__name__ in _ELEMENTWISE or "ws[" not in source_of(function) for function in on_block)


def gains(objective: Differentiable, rule: Rule) -> bool:
    """Whether a warp has work for its threads: enough coordinates, and an expression that mostly rolls up."""
    if objective.dim < WIDTH or not can_share(objective, rule):
        return False
    assert hasattr(objective, "rolled")
    if not objective.can_be_written_out:
        return False
    shared = objective.rolled("value_and_gradient")
    return bool(shared.work(WIDTH) <= LARGEST_SHARE * shared.operations)


class WarpTick(BlockTick):
    """The block form of the tick for a thread that holds some of the coordinates."""

    DIMENSION = "DIM"

    def _folded(self, fold: Fold, coordinate: dict[str, str], *, after: bool) -> str:
        line = super()._folded(fold, coordinate, after=after)
        if fold.joins != "sum":  # a copy of a coordinate does no harm here
            return line
        name, value = line.split(" = ", 1)
        return f"{name} = where(owned(i), {value}, {name if after else self.constants(0.0)})"

    def _number_of(self, i: str) -> str:
        return f"coordinate({i})"

    def _gather(self, folds: list[Fold]) -> None:
        super()._gather(folds)
        if folds:
            self._pass([f"{fold.name} = {self._joined(fold)}" for fold in folds], [fold.name for fold in folds])

    def _joined(self, fold: Fold) -> str:
        if fold.joins == "any":
            one, zero, half = map(self.constants, (1.0, 0.0, 0.5))
            return f"largest(where({fold.name}, {one}, {zero})) > {half}"
        return f"{'total' if fold.joins == 'sum' else fold.joins}({fold.name})"


def evaluation(
    objective: Objective, constants: Constants, tables: Tables, *, value: bool, width: int, own: bool
) -> tuple[list[str], str]:
    """Return the text of the functions that ``evaluate`` calls, and of ``evaluate``."""
    text = RolledText(
        "piece",
        objective.rolled("value_and_gradient" if value else "gradient"),
        constants,
        tables,
        x=lambda i: _shared(f"mine + {i}"),
        slope=lambda i: _shared(f"mine + DIM + {i}"),
        total=lambda share: f"total({share})",
        thread="thread()",
        width=width,
    )
    lines = [
        *parameters(objective, "index[1]" if own else None),
        "shared = cuda.shared.array(SHARED, real)",
        "mine = 2 * DIM * team()",
        "for i in range(D):",
        f"    {_shared('mine + coordinate(i)')} = ws[i]",
        "settle()",
        *text.lines,
        "settle()",
        "for i in range(D):",
        f"    ws[D + i] = {_shared('mine + DIM + coordinate(i)')}",
        *(["ws[2 * D] = f"] if value else []),
    ]
    return text.functions, "\n".join(["def evaluate(ws, index, seed, p):", *(f"    {line}" for line in lines)])


def _shared(place: str) -> str:
    """The text of an element of shared memory; Numba would test the sign of an index that might be negative."""
    return f"shared[np.uint64({place})]"


def constants_of(dim: int, width: int) -> list[str]:
    """The constants that the text names besides those of the layout, as assignments."""
    from batchgd.kernels.cuda.warp import WARPS

    return [
        f"DIM = {dim}",
        f"WIDTH = {width}",
        f"SHIFT = {width.bit_length() - 1}",
        f"ALL = {0xFFFFFFFF}",
        f"SHARED = {2 * dim * WARPS}",
        f"DRAWN = {dim * WARPS}",
    ]


def replaced(functions: Mapping[str, Callable]) -> dict[str, Callable]:
    """Return what takes the place of functions of a rule that work on all coordinates at once."""
    from batchgd.kernels.cuda import warp

    return {"dot": warp.dot} if "dot" in functions else {}


def loop_functions(
    objective: Objective, constants: Constants, tables: Tables, *, simulated: bool, own: bool
) -> list[str]:
    """Return the text of the value at a row of points, of what threads do together, of the loop, and of the kernels."""
    from batchgd.kernels import descend
    from batchgd.kernels.cuda import templates, warp

    terms, value_at = emit_loops.value_at(objective, constants, tables, own=own)
    between = [getattr(warp, f"{name}_simulated" if simulated else name) for name in ("partner", "of_first", "settle")]
    due = descend.always if simulated else templates.now_and_then
    look = warp.look_together if simulated else warp.look_of_first
    names = f"partner, of_first, settle = {', '.join(function.__name__ for function in between)}"
    return [
        *(decorated(term, LANE) for term in terms),
        decorated(value_at, DEVICE),
        *copied((warp.thread, warp.team, warp.coordinate, warp.owned, *between), DEVICE),
        names,
        *copied((warp.total, warp.largest, warp.smallest, warp.claim_together, due, look), DEVICE),
        f"claim, look_due, look = claim_together, {due.__name__}, {look.__name__}",
        *copied((warp.draw, warp.refill, warp.store, descend.descend), DEVICE),
        *copied((templates.descend_kernel, templates.values_kernel), ENTRY),
    ]
