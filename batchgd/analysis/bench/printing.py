"""The measurements as text: Markdown that is aligned for a terminal as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from batchgd.analysis.bench.ceiling import Ceiling
from batchgd.analysis.bench.timing import Timing

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


def number(value: float | None, unit: str = "") -> str:
    """Return three significant digits and a prefix.

    >>> number(1.2345e8), number(950.0), number(None), number(0.0), number(2.43e11, "op/s")
    ('123 M', '950', '–', '0', '243 Gop/s')
    """
    if value is None:
        return "–"
    for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.9995 * size:
            return f"{_three(value / size)} {prefix}{unit}"
    return f"{_three(value)} {unit}".rstrip()


def percent(value: float | None) -> str:
    """Return a share.

    >>> percent(0.4567), percent(0.0123), percent(None)
    ('46 %', '1.2 %', '–')
    """
    if value is None:
        return "–"
    return f"{100 * value:.0f} %" if value >= 0.0995 else f"{100 * value:.1f} %"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> str:
    """Return an aligned Markdown table; the first ``left`` columns are text, the others numbers.

    >>> print(markdown(["name", "n"], [["levy", "2"], ["x", "10"]], left=1))
    | name |  n |
    |------|---:|
    | levy |  2 |
    | x    | 10 |
    """
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(w) if i < left else cell.rjust(w) for i, (cell, w) in enumerate(zip(cells, widths, strict=True))
        ]
        return "| " + " | ".join(padded) + " |"

    rule = ["-" * (w + 2) if i < left else "-" * (w + 1) + ":" for i, w in enumerate(widths)]
    return "\n".join([line(head), "|" + "|".join(rule) + "|", *(line(row) for row in rows)])


def rows_table(rows: Sequence[Timing], ceilings: dict[tuple[str, str], Ceiling]) -> str:
    """Return the table of rates."""
    return markdown(HEAD, [_cells(row, row.derive(ceilings.get((row.backend, row.dtype)))) for row in rows], left=4)


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
                    number(bound, "ev/s"),
                ]
            )
    return markdown(GPU_HEAD, lines, left=3) if lines else ""


def ceilings_text(ceilings: dict[tuple[str, str], Ceiling]) -> list[str]:
    """Return one line for each ceiling."""
    lines = []
    for (backend, dtype), ceiling in ceilings.items():
        slow = ", ".join(f"{name} {number(rate, '/s')}" for name, rate in ceiling.functions.items())
        lines.append(
            f"{backend} {dtype}: {number(ceiling.operations, 'op/s')} in fused multiply-adds"
            f" on {ceiling.threads} thread{'s' if ceiling.threads > 1 else ''}"
            f" (slowest repeat {percent(ceiling.steadiness)} of that), copy {number(ceiling.copied, 'B/s')}"
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
        number(derived["iterations_per_s"]),
        number(derived["minima_per_s"]),
        number(derived["operations_per_s"]),
        percent(derived["share_of_multiply_adds"]),
        percent(derived["share_of_mix"]),
        percent(derived["lane_efficiency"]),
        percent(derived["lane_share"]),
        f"{derived['spread']:.2f}",
        f"{row.ready_seconds:.2f} s",
    ]


def _three(value: float) -> str:
    """Three significant digits without an exponent."""
    return (
        f"{value:.0f}"
        if abs(value) >= 99.95 or value == 0
        else f"{value:.1f}"
        if abs(value) >= 9.995
        else f"{value:.2f}"
    )
