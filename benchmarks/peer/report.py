"""The comparison as Markdown and as JSON: the machine, one table per case and dtype, and the targets."""

from __future__ import annotations

import contextlib
import importlib.metadata
from typing import Any

import numpy as np

from batchgd.analysis.bench.machine import describe, heading
from batchgd.engine.compute import check_threads

from .cases import CASES, SOLVE, Case
from .measure import Row

PACKAGES = ("scipy", "jax", "optax", "optimistix", "torch")

TARGETS = (
    ("rastrigin", "float64", "jax", 30.0),
    ("styblinski_tang", "float64", "jax", 20.0),
    ("rastrigin", "float32", "jax", 25.0),
    ("styblinski_tang", "float32", "jax", 25.0),
    ("rastrigin", "float64", "numba", 12.0),
    ("styblinski_tang", "float64", "numba", 3.0),
    ("wells", "float64", "jax", 20.0),
    ("chain", "float64", "jax", 20.0),
    ("barrier", "float64", "jax", 20.0),
    ("network", "float64", "jax_adam", 10.0),
    ("rastrigin", "float64", "numpy", 20.0),
    ("styblinski_tang", "float64", "numpy", 20.0),
    ("rastrigin", "float32", "numpy", 3.0),
    ("styblinski_tang", "float32", "numpy", 3.0),
    ("heavy_tail", "float64", "jax", 200.0),
    ("styblinski_tang_solve", "float64", "scipy", 100.0),
    ("eckerle4_solve", "float64", "scipy", 100.0),
)
"""Case, dtype, peer, and the target ratio of batchgd."""


COLUMNS = (
    *("", "time (ms)", "CPU (ms)", "first (s)", "ratio", "CPU ratio"),
    *("updates: mean, most", "‖∇f‖: median, largest"),
    *("converged", "minima", "same end"),
)


def machine() -> dict[str, Any]:
    """Return the facts on which the numbers depend."""
    facts = describe(check_threads(None))
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            facts["versions"][package] = importlib.metadata.version(package)
    return facts


def markdown(
    rows: list[Row],
    facts: dict[str, Any],
    command: str,
    commands: list[dict[str, Any]],
    problems: list[dict[str, Any]],
) -> str:
    """Return the whole page."""
    parts = [_head(facts, command)]
    for case in CASES.values():
        for dtype in ("float64", "float32"):
            chosen = [row for row in rows if row.case == case.name and row.dtype == dtype]
            if chosen:
                parts.append(_table(case, dtype, chosen))
    if commands:
        lines = ["| command | seconds |", "|---|---|"]
        lines += [f"| `{entry['command']}` | {entry['seconds']:.2f} |" for entry in commands]
        parts.append("## Whole commands, in a new process, compiled code cached\n\n" + "\n".join(lines))
    if problems:
        parts.append(_whole(problems))
    reached = _targets(rows)
    if reached:
        parts.append(
            "## Targets\n\n| case | dtype | peer | target | ratio | CPU ratio |\n|---|---|---|---|---|---|\n" + reached
        )
    return "\n\n".join(parts) + "\n"


def _head(facts: dict[str, Any], command: str) -> str:
    return f"""# batchgd and its peers

    {command}

{"; ".join(heading(facts))}.

All peers of a table run in one process, each warm, their repeats interleaved; the time is the median. They get the same
starts (an array), the same gradient (written by hand, so that none pays for automatic differentiation), learning rate,
dtype and stopping rule: ‖∇f‖ ≤ gtol, tested before every update, and at most maxiter updates. *first* is what
tracing and compiling add to the first run (files that an earlier process left in a compiler's cache are used).
*CPU* is the time of all threads of the quickest run, which other work on the machine disturbs least. *ratio* and
*CPU ratio* are the peer's times per start over batchgd's: above 1, batchgd is faster. They are printed only if at least
99 % of the trajectories end where batchgd's do, within 1e-3 of the box, and the same share reaches the gradient norm;
gradient norms are recomputed in float64 from the endpoints. batchgd's time is that of the public call, including checks
and results."""


def _table(case: Case, dtype: str, rows: list[Row]) -> str:
    rule = f"learning rate {case.learning_rate:g}, " if case.kind != SOLVE else ""
    cap = f"maxiter {case.maxiter:,}"
    starts = max(row.n for row in rows)
    lines = [
        f"## {case.title}, {dtype}",
        "",
        f"{starts:,} starts, uniform in [{case.box[0]:g}, {case.box[1]:g}]^{case.dim}; {rule}"
        f"gtol {case.gtol[dtype]:g}, {cap}; {case.remark}.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        "|" + "---|" * len(COLUMNS),
    ]
    notes = []
    for row in rows:
        mark = ""
        if row.note:
            notes.append(row.note)
            mark = f" [{len(notes)}]"
        lines.append(_line(row, mark, capped=case.capped))
    lines += ["", *(f"[{k}] {note}.  " for k, note in enumerate(notes, 1))]
    return "\n".join(lines).rstrip()


def _line(row: Row, mark: str, *, capped: bool) -> str:
    if row.status != "ok":
        return f"| {row.title}{mark} | {row.status} | | | | | | | | | |"
    sampled = f" ({row.n:,} starts)" if row.n < 1000 else ""
    ratio = "not comparable" if row.ratio is None else f"{row.ratio:.3g}"
    updates = "" if np.isnan(row.updates) else f"{row.updates:.1f}, {row.longest:.0f}"
    cells = [
        f"{row.title}{mark}",
        f"{1e3 * row.seconds:.1f}{sampled}",
        f"{1e3 * row.cpu:.1f}",
        f"{row.first:.2f}",
        ratio,
        "" if row.cpu_ratio is None else f"{row.cpu_ratio:.3g}",
        updates,
        f"{row.median_norm:.1e}, {row.largest_norm:.1e}",
        "" if capped else f"{100 * row.converged:.2f} %",
        "" if capped else f"{row.minima:,}",
        f"{100 * row.same:.2f} %",
    ]
    return "| " + " | ".join(cells) + " |"


def _targets(rows: list[Row]) -> str:
    measured = {(row.case, row.dtype, row.peer): row for row in rows}
    lines = []
    for case, dtype, peer, wanted in TARGETS:
        row = measured.get((case, dtype, peer))
        if row is not None:
            reached = "not comparable | " if row.ratio is None else f"{row.ratio:.3g} | {row.cpu_ratio:.3g}"
            lines.append(f"| {CASES[case].title} | {dtype} | {peer} | {wanted:g} | {reached} |")
    return "\n".join(lines)


def _whole(problems: list[dict[str, Any]]) -> str:
    lines = ["| problem | seconds | CPU seconds | wanted | result |", "|---|---|---|---|---|"]
    lines += [
        f"| {each['title']} | {each['seconds']:.1f} | {each['cpu']:.1f} | {each['wanted']:g} | {each['result']} |"
        for each in problems
    ]
    return "## Whole problems, in a new process with an empty cache\n\n" + "\n".join(lines)
