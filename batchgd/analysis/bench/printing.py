"""The measurements as text: Markdown that is aligned for a terminal as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from batchgd.analysis.bench.ceiling import Ceiling
from batchgd.analysis.bench.timing import Timing
from batchgd.problem.tables import TextTable
from batchgd.problem.wording import percent, plural, quantity

LEGEND = (
    "Updates of all trajectories, trajectories that reached a minimum (gradient norm below gtol, or no further step "
    "above rounding), and operations of the objective alone (value and gradient, or the gradient where nothing "
    "needs the value; an elementary function counts as one), per second of the descent: warm, median of the repeats; "
    "spread is the slowest over the fastest.",
    "of FMA: those operations over this device's measured ceiling of additions and multiplications in fused pairs, the "
    "fastest repeat of both.",
    "of mix: the least time that everything in one lane's tick (objective, update rule, stopping tests) needs at the "
    "measured ceilings of multiply-adds, divisions, roots and elementary functions, over the time it took.",
    "mean/max: mean over largest number of evaluations, what lanes without refill would reach at best; busy: "
    "lane-ticks that advanced a trajectory (exact on the CPU, a model of equally fast warps on a GPU).",
    "ready: compile, or load from the cache, and run a first small batch; not part of the rates.",
)

HEAD = (
    "backend",
    "dtype",
    "landscape",
    "method",
    "starts",
    "updates/s",
    "minima/s",
    "op/s",
    "of FMA",
    "of mix",
    "mean/max",
    "busy",
    "spread",
    "ready",
)
GPU_HEAD = (
    "dtype",
    "landscape",
    "method",
    "threads",
    "registers",
    "stack",
    "spilled",
    "occupancy",
    "special-unit bound",
)


def rows_table(rows: Sequence[Timing], ceilings: dict[tuple[str, str], Ceiling]) -> str:
    """Return the table of rates."""
    cells = [_cells(row, row.derive(ceilings.get((row.backend, row.dtype)))) for row in rows]
    return TextTable(HEAD, cells, HEAD[:4]).markdown()


def gpu_table(rows: Sequence[Timing]) -> str:
    """Return the table of what the CUDA kernels need; empty where there are none."""
    lines = []
    for row in rows:
        needs = row.resources
        if needs:
            bound = row.derive(None)["special_function_bound"]
            names = ("threads", "registers", "stack", "spill_stores")
            lines.append(
                [
                    row.dtype,
                    f"{row.landscape} {row.dim}",
                    row.method,
                    *("–" if needs.get(name) is None else str(needs[name]) for name in names),
                    percent(needs.get("occupancy")),
                    quantity(bound, "ev/s"),
                ]
            )
    return TextTable(GPU_HEAD, lines, GPU_HEAD[:3]).markdown() if lines else ""


def ceilings_text(ceilings: dict[tuple[str, str], Ceiling]) -> list[str]:
    """Return one line for each ceiling."""
    lines = []
    for (backend, dtype), ceiling in ceilings.items():
        slow = ", ".join(f"{name} {quantity(rate, '/s')}" for name, rate in ceiling.functions.items())
        lines.append(
            f"{backend} {dtype}: {quantity(ceiling.operations, 'op/s')} in fused multiply-adds"
            f" on {plural(ceiling.threads, 'thread')}"
            f" (slowest repeat {percent(ceiling.steadiness)} of that), copy {quantity(ceiling.copied, 'B/s')}"
            + (f"; {slow}" if slow else "")
        )
    return lines


def _cells(row: Timing, derived: dict[str, Any]) -> list[str]:
    return [
        row.backend,
        row.dtype,
        f"{row.landscape} {row.dim}",
        row.method,
        str(row.starts),
        quantity(derived["iterations_per_s"]),
        quantity(derived["minima_per_s"]),
        quantity(derived["operations_per_s"]),
        percent(derived["share_of_multiply_adds"]),
        percent(derived["share_of_mix"]),
        percent(derived["lane_efficiency"]),
        percent(derived["lane_share"]),
        f"{derived['spread']:.2f}",
        f"{row.ready_seconds:.2f} s",
    ]
