"""The measurements as text: Markdown that is aligned for a terminal as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from batchgd.analysis.bench.ceiling import Ceiling
from batchgd.analysis.bench.timing import Timing
from batchgd.problem.tables import TextTable
from batchgd.problem.wording import percent, plural, quantity

LEGEND = (
    "Updates of all trajectories, trajectories that reached a minimum (gradient norm below gtol, or no further step "
    "above rounding), and operations of the objective alone (value and gradient, or the gradient if nothing "
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


def rows_table(rows: Sequence[Timing], ceilings: dict[tuple[str, str], Ceiling]) -> str:
    """Return the table of rates."""
    cells = [_rates(row, row.derive(ceilings.get((row.backend, row.dtype)))) for row in rows]
    return TextTable(cells, ("backend", "dtype", "landscape", "method"), "nothing was measured").markdown()


def gpu_table(rows: Sequence[Timing]) -> str:
    """Return the table of what the CUDA kernels need; empty if there are none."""
    needs = [asdict(row) | row.resources | row.derive(None) for row in rows if row.resources]
    return TextTable([_needs(each, bound=True) for each in needs], _NAMES).markdown()


def needs_table(needs: Sequence[dict[str, Any]]) -> str:
    """Return the table of what CUDA kernels need without a device."""
    return TextTable([_needs(each) for each in needs], _NAMES).markdown()


def ticks_table(needs: Sequence[dict[str, Any]]) -> str:
    """Return the table of what CUDA kernels execute in a tick, and what is predicted from it."""
    return TextTable([_tick(each) for each in needs], _NAMES).markdown()


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


_PIPES = {"fp64": "FP64", "fp32": "FP32", "memory": "load/store"}
_NAMES = ("dtype", "landscape", "method")


def _needs(needs: dict[str, Any], *, bound: bool = False) -> dict[str, str]:
    row = {"dtype": needs["dtype"], "landscape": f"{needs['landscape']} {needs['dim']}", "method": needs["method"]}
    for name in ("threads", "registers", "stack", "spill_stores"):
        row[name.replace("spill_stores", "spilled")] = "–" if needs.get(name) is None else str(needs[name])
    row["occupancy"] = percent(needs.get("occupancy"))
    return row | ({"special-unit bound": quantity(needs["special_function_bound"], "ev/s")} if bound else {})


def _tick(needs: dict[str, Any]) -> dict[str, str]:
    row = {"dtype": needs["dtype"], "landscape": f"{needs['landscape']} {needs['dim']}", "method": needs["method"]}
    row |= {_PIPES.get(pipe, pipe): str(count) for pipe, count in needs["instructions"].items()}
    row |= {
        "local": str(needs["local_bytes"]),
        "all": str(needs["executed"]),
        "necessary": "–" if needs["necessary"] is None else str(needs["necessary"]),
        "ratio": "–" if needs["ratio"] is None else f"{needs['ratio']:.2f}",
    }
    for device, predicted in needs["predicted"].items():
        row[f"{device} predicted"] = quantity(predicted["updates_per_second"], "/s")
    bounds = {predicted["bound_by"] for predicted in needs["predicted"].values()}
    return row | ({"bound by": ", ".join(sorted(_PIPES.get(bound, bound) for bound in bounds))} if bounds else {})


def _rates(row: Timing, derived: dict[str, Any]) -> dict[str, str]:
    return {
        "backend": row.backend,
        "dtype": row.dtype,
        "landscape": f"{row.landscape} {row.dim}",
        "method": row.method,
        "starts": str(row.starts),
        "updates/s": quantity(derived["iterations_per_s"]),
        "minima/s": quantity(derived["minima_per_s"]),
        "op/s": quantity(derived["operations_per_s"]),
        "of FMA": percent(derived["share_of_multiply_adds"]),
        "of mix": percent(derived["share_of_mix"]),
        "mean/max": percent(derived["lane_efficiency"]),
        "busy": percent(derived["lane_share"]),
        "spread": f"{derived['spread']:.2f}",
        "ready": f"{row.ready_seconds:.2f} s",
    }
