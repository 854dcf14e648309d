"""Time the peers of one case in one process, and compare where they end before any ratio is formed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from .cases import ADAM, LANDSCAPE, SOLVE, Case
from .table import Endpoints, Peer, Run, applicable

CELLS = 980
"""Cells of the box per axis in which endpoints are counted as one: no minimum of a case is near a cell's border."""

SAME = 1e-3
"""Endpoints are the same if they are no further apart than this share of the box in each coordinate."""

AGREEMENT = 0.99
"""The share of trajectories that must agree for a ratio to be printed."""

AGREEMENT_OF_ADAM = 0.95
"""The same for Adam, which divides by roots of sums that vanish, so that roundings grow over its updates."""

PAUSE = 0.05  # seconds between two runs, so that the threads of the previous one have gone to sleep
LONG = 5.0  # seconds; a peer that has run for longer than this in total is not run again


@dataclass
class Row:
    """The measurements of one peer on one case; ``ratio`` is None if the comparison would not be fair."""

    case: str
    dtype: str
    peer: str
    title: str
    status: str = "ok"
    n: int = 0
    first: float = float("nan")
    seconds: float = float("nan")
    repeats: list[float] = field(default_factory=list)
    cpu: float = float("inf")
    updates: float = float("nan")
    longest: float = float("nan")
    median_norm: float = float("nan")
    largest_norm: float = float("nan")
    converged: float = float("nan")
    same: float = float("nan")
    minima: int = 0
    ratio: float | None = None
    cpu_ratio: float | None = None
    note: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as a dictionary for JSON, which has no NaN."""
        return {
            key: None if value in (float("inf"),) or value != value else value for key, value in asdict(self).items()
        }


def compare(case: Case, dtype: str, n: int, repeats: int, peers: list[Peer], tell: Callable[[str], None]) -> list[Row]:
    """Measure every peer on a case, their repeats interleaved, and relate them to the first one."""
    starts = case.points(case.starts or n, dtype)
    rows: list[Row] = []
    ready: list[tuple[Row, Run, Endpoints]] = []
    for peer in peers:
        row = Row(case.name, dtype, peer.name, peer.title, note=peer.note)
        rows.append(row)
        tell(f"{case.name} {dtype}: {peer.name}")
        started = _start(case, dtype, peer, starts, row)
        if started is not None:
            ready.append((row, *started))
    for turn in range(repeats):
        for row, run, _ in ready:
            if turn < 1 or sum(row.repeats) < LONG:
                seconds, cpu = _timed(run)
                row.repeats.append(seconds)
                row.cpu = min(row.cpu, cpu)
    for row, _, ends in ready:
        row.seconds = statistics.median(row.repeats)
        row.first = max(0.0, row.first - row.seconds)
        _describe(case, dtype, row, ends)
    if ready:
        _relate(case, [(row, ends) for row, _, ends in ready])
    return rows


def peers_of(case: Case, dtype: str, only: set[str] | None = None) -> list[Peer]:
    """Return the peers of a case, batchgd always among them."""
    everyone = applicable(case, dtype)
    return [peer for peer in everyone if only is None or peer.name in only or peer.module == "engine"]


def cells(case: Case, x: np.ndarray) -> np.ndarray:
    """Return one integer per row, the same for endpoints in the same cell of the box (wrapping for many dimensions)."""
    lower, upper = case.box
    with np.errstate(all="ignore"):
        along = np.nan_to_num(np.round((x - lower) * (CELLS / (upper - lower)))).astype(np.int64)
    number = np.zeros(len(x), np.int64)
    for k in range(case.dim):
        number = number * np.int64(1_000_003) + along[:, k]
    return number


def _start(case: Case, dtype: str, peer: Peer, starts: np.ndarray, row: Row) -> tuple[Run, Endpoints] | None:
    """Prepare a peer and run it once, which compiles; None, with the reason in the row, if it cannot run."""
    missing = peer.missing()
    if missing:
        row.status = f"not installed ({', '.join(missing)})"
        return None
    sample = starts[: case.slow_starts] if peer.serial else starts
    row.n = len(sample)
    began = time.perf_counter()
    try:
        run = peer.prepare(case, dtype, sample)
        if case.kind == LANDSCAPE and peer.module != "engine":
            run = _counted(case, run)
        ends = run()
    except Exception as error:  # whatever a peer raises is shown in its row of the table
        row.status = f"failed: {type(error).__name__}: {str(error).strip().splitlines()[0][:120] if str(error) else ''}"
        return None
    row.first = time.perf_counter() - began
    return run, ends


def _counted(case: Case, run: Run) -> Run:
    """A run that also counts the starts per minimum."""

    def counted() -> Endpoints:
        ends = run()
        ends.counts = np.unique(cells(case, ends.x), return_counts=True)[1]
        return ends

    return counted


def _timed(run: Run) -> tuple[float, float]:
    """The seconds that a run takes, and those of all its threads together."""
    time.sleep(PAUSE)
    began, worked = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - began, time.process_time() - worked


def _describe(case: Case, dtype: str, row: Row, ends: Endpoints) -> None:
    """Fill in where the descents ended."""
    norms = case.gradient_norms(ends.x)
    settled = norms <= 2.0 * case.gtol[dtype]  # twice: the peer judged a gradient rounded to its dtype
    row.converged = float(settled.mean())
    row.median_norm, row.largest_norm = float(np.median(norms)), float(norms.max())
    if ends.nit is not None:
        row.updates, row.longest = float(ends.nit.mean()), float(ends.nit.max())
    if not case.capped:
        found = np.unique(cells(case, ends.x[settled])) if ends.counts is None else ends.counts
        row.minima = len(found)


def _relate(case: Case, measured: list[tuple[Row, Endpoints]]) -> None:
    """Compare endpoints with the first peer's, and form ratios of time per start if they agree."""
    first, reference = measured[0]
    width = case.box[1] - case.box[0]
    needed = AGREEMENT_OF_ADAM if case.kind == ADAM else AGREEMENT
    for row, ends in measured:
        apart = np.abs(ends.x - reference.x[: len(ends.x)]).max(axis=1) / width
        row.same = float((apart <= SAME).mean())
        reasons = []
        if case.kind != SOLVE and row.note.find("another method") < 0 and row.same < needed:
            reasons.append(f"only {100 * row.same:.1f} % end where batchgd ends")
        if not case.capped and row.converged < AGREEMENT * first.converged:
            reasons.append(f"only {100 * row.converged:.1f} % reach the gradient norm")
        if case.kind == LANDSCAPE and not _same_counts(ends, reference):
            reasons.append("other counts")
        if reasons:
            row.note = "; ".join([*reasons, *([row.note] if row.note else [])])
            continue
        row.ratio = (row.seconds / row.n) / (first.seconds / first.n)
        row.cpu_ratio = (row.cpu / row.n) / (first.cpu / first.n)


def _same_counts(ends: Endpoints, reference: Endpoints) -> bool:
    """Whether both found the same number of minima, and the same number of starts for each, except one in 1,000."""
    assert ends.counts is not None
    assert reference.counts is not None
    if len(ends.counts) != len(reference.counts):
        return False
    apart = np.abs(np.sort(ends.counts) - np.sort(reference.counts)).sum()
    return bool(apart <= 1e-3 * reference.counts.sum())
