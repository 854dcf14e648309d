"""Mixed precision: descend in float32 to its rounding floor, then go on in float64 from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from batchgd.compiler.problems import function_of
from batchgd.kernels.plan import Endpoints
from batchgd.kernels.status import AT_REST, Status
from batchgd.problem.bounds import kept_within
from batchgd.problem.methods import split_per_start
from batchgd.problem.samplings import ArrayStarts

if TYPE_CHECKING:
    from batchgd.engine.batch import Batch
    from batchgd.engine.progress import Watch

SETTLED = 32.0 * float(np.finfo(np.float32).eps)
"""A float32 descent is over once a step is shorter than this, relative to x: float64 makes such steps as well."""

CLOSEST = 1e-3
"""The longest step in float64, in box widths: a trajectory stays in the basin that float32 brought it to."""

PIECE: int | None = None
"""Starts per piece, if a test forces a number (``api.testing``); otherwise as many as ``_BYTES`` have room for."""

_BYTES = 1 << 27
_GOING_ON = (*AT_REST, Status.TARGET)


def pieces(batch: Batch, run: Callable[..., Any], watch: Watch) -> Iterator[Endpoints]:
    """Descend from the starts of a mixed batch, one range of them after another; yields the endpoints of each.

    Trajectories that came to rest in float32 go on in float64, with Barzilai-Borwein steps of at most ``CLOSEST``,
    until the tolerances of the run hold; updates and evaluations of both are added up. Those that did not come to rest
    end there.

    Parameters
    ----------
    batch : Batch
        A mixed batch.
    run : callable
        Runs a batch of one dtype.
    watch : Watch
        The watch of the run: after an interrupt or once time is up, no further range is begun.
    """
    n = batch.starts.n
    size = PIECE or _BYTES // (12 * batch.objective.dim + 60) + 1
    if split_per_start(batch.method, n, batch.dtype)[1]:
        size = n
    for first in range(0, n, size):
        if watch.ended_by is not None:
            return
        stop = min(first + size, n)
        part = batch.part(first, stop)
        stopping = replace(part.stopping, xtol=max(part.stopping.xtol, SETTLED))
        single = replace(part.in_dtype("float32"), stopping=stopping)
        rows = run(single, watch=watch.part(first, n)).endpoints
        x = kept_within(part.bounds, rows.x.astype(np.float64))  # float32 may have no number there
        rows = replace(rows, first=first, x=x, fun=rows.fun.astype(np.float64))
        resting = np.flatnonzero(np.isin(rows.status, _GOING_ON))
        if watch.ended_by is not None:
            rows.status[resting] = watch.ended_by  # at rest in float32, not yet by the tolerances of the run
            resting = resting[:0]
        _go_on(part, rows, resting, run, watch)
        yield rows


def _go_on(batch: Batch, rows: Endpoints, some: np.ndarray, run: Callable[..., Any], watch: Watch) -> None:
    """Go on in float64 from some of the endpoints; the others only get their value in float64."""
    from batchgd.problem.methods import BarzilaiBorwein

    others = np.ones(len(rows), np.bool_)
    others[some] = False
    with np.errstate(all="ignore"):
        rows.fun[others] = function_of(batch.objective, batch.problems, others).value(rows.x[others])
    if some.size == 0:
        return
    method = BarzilaiBorwein(max_displacement=CLOSEST)
    double = replace(batch.in_dtype("float64").with_starts(ArrayStarts(rows.x[some]), some), method=method)
    ends = run(double, watch=watch.silent()).endpoints
    rows.x[some], rows.fun[some], rows.status[some] = ends.x, ends.fun, ends.status
    rows.nit[some] += ends.nit
    rows.nfev[some] += ends.nfev
    if rows.turned is not None:
        rows.turned[some] |= ends.turned
