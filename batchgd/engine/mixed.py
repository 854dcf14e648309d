"""Mixed precision: descend in float32 to its rounding floor, then go on in float64 from where that ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from batchgd.engine.progress import Progress, ProgressUpdate
from batchgd.kernels.plan import Endpoints
from batchgd.kernels.status import AT_REST, Status
from batchgd.problem.methods import split_per_start
from batchgd.problem.samplings import ArrayStarts, PartOfStarts

if TYPE_CHECKING:
    from batchgd.engine.batch import Batch

SETTLED = 32.0 * float(np.finfo(np.float32).eps)
"""A float32 descent is over once a step is shorter than this, relative to x: float64 makes such steps as well."""

CLOSEST = 1e-3
"""The longest step in float64, in box widths: a trajectory stays in the basin that float32 brought it to."""

_BYTES = 1 << 27  # what the endpoints of one piece may take
_GOING_ON = (*AT_REST, Status.TARGET)
_CUT = (Status.MAXTIME, Status.INTERRUPTED)


def pieces(
    batch: Batch, run: Callable[..., Any], control: np.ndarray, progress: Progress | None
) -> Iterator[Endpoints]:
    """Descend from the starts of a mixed batch, a range of them after the other; yields the endpoints of each.

    Trajectories that came to rest in float32 go on in float64, with Barzilai-Borwein steps of at most ``CLOSEST``,
    until the tolerances of the run hold; updates and evaluations of both add up. Those that did not come to rest end
    there.

    Parameters
    ----------
    batch : Batch
        With ``mixed``.
    run : callable
        Runs a batch of one dtype.
    control : (1,) array
        The status that ended the run early, or 0: after an interrupt or once time is up, no further range is begun.
    progress : callable, optional
        Told of the whole.
    """
    began, n = time.perf_counter(), batch.starts.n
    size = n if split_per_start(batch.method, n, batch.dtype)[1] else _BYTES // (12 * batch.objective.dim + 60) + 1
    for first in range(0, n, size):
        if control[0] != 0:
            return
        stop = min(first + size, n)
        part = batch if (first, stop) == (0, n) else replace(batch, starts=PartOfStarts(batch.starts, first, stop))
        rows = _in_float32(part, run, control, began, progress and _of_a_part(progress, first, n, began))
        resting = np.flatnonzero(np.isin(rows.status, _GOING_ON))
        if control[0] != 0:
            rows.status[resting] = control[0]  # at rest in float32, not yet by the tolerances of the run
            resting = resting[:0]
        _go_on(part, rows, resting, run, control, began)
        yield replace(rows, first=first)


def _in_float32(
    batch: Batch, run: Callable[..., Any], control: np.ndarray, began: float, progress: Progress | None
) -> Endpoints:
    """Descend in float32; the endpoints, as float64."""
    stopping = replace(batch.stopping, xtol=max(batch.stopping.xtol, SETTLED), max_time=_left(batch, began))
    out = run(replace(batch.in_dtype("float32"), stopping=stopping), progress=progress)
    _note(out, control)
    rows = out.endpoints
    return replace(rows, x=rows.x.astype(np.float64), fun=rows.fun.astype(np.float64))


def _go_on(
    batch: Batch, rows: Endpoints, some: np.ndarray, run: Callable[..., Any], control: np.ndarray, began: float
) -> None:
    """Go on in float64 from some of the endpoints; the others only get their value in float64."""
    from batchgd.problem.methods import BarzilaiBorwein

    others = np.ones(len(rows), np.bool_)
    others[some] = False
    with np.errstate(all="ignore"):
        rows.fun[others] = batch.objective.value(rows.x[others])
    if some.size == 0:
        return
    method = BarzilaiBorwein(max_displacement=CLOSEST)
    stopping = replace(batch.stopping, max_time=_left(batch, began))
    out = run(replace(batch.in_dtype("float64"), starts=ArrayStarts(rows.x[some]), method=method, stopping=stopping))
    _note(out, control)
    ends = out.endpoints
    rows.x[some], rows.fun[some], rows.status[some] = ends.x, ends.fun, ends.status
    rows.nit[some] += ends.nit
    rows.nfev[some] += ends.nfev
    if rows.turned is not None:
        rows.turned[some] |= ends.turned


def _note(out: Any, control: np.ndarray) -> None:
    """Take over what ended a run early."""
    for status in _CUT:
        if out.status_counts.get(status) and control[0] == 0:
            control[0] = status


def _left(batch: Batch, began: float) -> float | None:
    """Seconds that are left of ``max_time``."""
    limit = batch.stopping.max_time
    return None if limit is None else max(limit - (time.perf_counter() - began), 1e-9)


def _of_a_part(progress: Progress, first: int, n: int, began: float) -> Progress:
    def told(update: ProgressUpdate) -> None:
        progress(replace(update, done=first + update.done, total=n, seconds=time.perf_counter() - began))

    return told
