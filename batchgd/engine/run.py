"""Run one batch of descents on one backend: from checked input to one endpoint per start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.plain.calls import heeding
from batchgd.compiler.problems import function_of
from batchgd.engine.interrupts import current
from batchgd.engine.mixed import pieces
from batchgd.engine.prepare import prepare, specialisation_of
from batchgd.engine.progress import Watch
from batchgd.engine.units import in_x
from batchgd.kernels.plan import Cells, Endpoints, Merge, Trails
from batchgd.kernels.status import LOST, TURNED, Status
from batchgd.problem.errors import InputError

if TYPE_CHECKING:
    from batchgd.engine.batch import Batch
    from batchgd.problem.domain import Domain

observers: list[Callable[[Batch], None]] = []
"""Called with every batch before it runs: where tests watch (``api.testing``)."""

_ROWS = 1 << 16  # starts looked at together, so that temporaries stay small
_AFTERWARDS = (
    1.0  # seconds in which values of starts that were never taken up are computed; a sum over much data is slow
)


def run(
    batch: Batch,
    *,
    shard: int | None = None,
    keep: bool = True,
    into: Into | None = None,
    trails: Trails | None = None,
    watch: Watch | None = None,
) -> Outcome:
    """Descend from every start; in a ``heeded`` block, Ctrl-C ends it early, with INTERRUPTED for what was under way.

    Parameters
    ----------
    batch : Batch
        What to run.
    shard : int, optional
        Starts handed out at once; never changes a result.
    keep : bool
        Keep one row per start. Without it memory does not grow with the number of starts, and only ``into`` sees the
        endpoints.
    into : Into, optional
        The catalogue that takes in all endpoints; CUDA merges them on the device.
    trails : Trails, optional
        Where to write down the paths; without it, nothing is recorded.
    watch : Watch, optional
        The watch of the run that this is a part of; a new one if not given.
    """
    for observe in observers:
        observe(batch)
    if batch.mixed and trails is not None:
        raise InputError("a path is recorded in one dtype: give float64 or float32")
    watch = Watch() if watch is None else watch
    inside = batch.inside()
    this = _Run(inside if batch.scale is None else inside.in_units(), batch.scale, keep, into, watch)
    this.at, this.domain = (
        batch.coordinates,
        inside.domain if inside.domain is not None and len(inside.domain.angles) else None,
    )
    with current().ends(watch.control), this.heard():
        if batch.mixed:
            for rows in pieces(this.batch, run, watch):
                this.done(rows.into(this.whole) if keep else rows)
        else:
            this.launch(shard, trails)
        return _outward(batch, this.outcome(trails), trails)


class Into(Protocol):
    """Where endpoints are collected as they come, with room for the key of each start, if keys are wanted."""

    keys: NDArray[np.uint64] | None

    @property
    def cells_per_width(self) -> int:
        """How fine the cells are that endpoints are merged in."""

    def add(self, rows: Endpoints) -> None:
        """Take in endpoints."""

    def take(self, cells: Cells, excluded: int) -> None:
        """Take in endpoints that were merged elsewhere."""

    def found(self) -> dict[str, Any]:
        """Count what was found so far: fields of a ProgressUpdate."""


@dataclass
class Outcome:
    """The endpoints (no rows if none were kept), and how many starts ended for which reason."""

    endpoints: Endpoints
    status_counts: dict[Status, int]


def _outward(batch: Batch, outcome: Outcome, trails: Trails | None) -> Outcome:
    """Return in x what is in the coordinates of the batch's inside."""
    at = batch.coordinates
    if at.scale is None:
        return outcome
    rows = outcome.endpoints
    if trails is not None:
        for i, points in enumerate(trails.points):
            points[:] = at.outward(points, [i])
    whole = replace(rows, x=at.outward(rows.x, slice(len(rows))))
    return Outcome(whole, outcome.status_counts)


class _Run:
    """One run under way: takes note of what has ended, in the calling thread. Its batch is in scaled coordinates."""

    def __init__(
        self, batch: Batch, scale: NDArray[np.float64] | None, keep: bool, into: Into | None, watch: Watch
    ) -> None:
        self.batch, self._scale, self._keep, self._into, self._watch = batch, scale, keep, into, watch
        self.whole = Endpoints.empty(0, batch.starts.n if keep else 0, batch.objective.dim, batch.dtype)
        self.whole.turned = np.zeros(len(self.whole), bool) if batch.watch_turns else None
        self._cost, self._left = 1, _AFTERWARDS
        self._count, self._tally = 0, np.zeros(len(Status), np.int64)
        self.at, self.domain = batch.coordinates, cast("Domain | None", None)

    @contextmanager
    def heard(self) -> Iterator[None]:
        """While entered, a function that is called as plain Python notices between two calls that the run is to end."""
        if not self.batch.objective.plain:
            yield
            return
        with heeding(self._over):
            yield

    def _over(self) -> bool:
        self._pause()
        return bool(self._watch.control[0] != 0)

    def launch(self, shard: int | None, trails: Trails | None) -> None:
        """Compile the code for the batch, which stops the clock, and descend from every start."""
        batch = self.batch
        self._watch.stop()
        module, plan = prepare(
            batch,
            shard,
            trails,
            control=self._watch.control,
            rows=self.whole.part if self._keep else self._fresh,
            ready=self._watch.start,
            done=self.done,
            pause=self._pause,
            merge=self._merge(),
        )
        self._cost = batch.objective.evaluations(specialisation_of(batch).what) if batch.objective.plain else 1
        batch.backend.launch(module, plan, batch.threads)

    def done(self, rows: Endpoints) -> None:
        """Take note of a finished shard."""
        if self.batch.watch_turns and not self.batch.mixed:
            turned = rows.status >= TURNED
            rows.status[turned] -= TURNED
            if rows.turned is None:
                rows.turned = turned
            else:
                rows.turned[:] = turned
        rows.nfev *= self._cost
        with np.errstate(all="ignore"):
            _judge(self.batch, rows, self._leave(rows))
        self._count += len(rows)
        self._tally += np.bincount(rows.status, minlength=len(self._tally))
        if self._into is not None:
            self._into.add(self._as_in_x(self._ended(rows)))

    def outcome(self, trails: Trails | None) -> Outcome:
        """Account for the starts that were never taken up, and return everything in x."""
        control = int(self._watch.control[0])
        self._leave(self.whole)
        self._tally[control] += self.batch.starts.n - self._count
        self.whole = self._ended(self.whole)
        if self._scale is not None and trails is not None:
            trails.points[:] *= self._scale.astype(trails.points.dtype)
        counts = {Status(code): int(count) for code, count in enumerate(self._tally) if count}
        return Outcome(self.whole, counts)

    def _as_in_x(self, rows: Endpoints) -> Endpoints:
        """Return endpoints with the coordinates that follow from x, from which others will compute them again."""
        at = self.at
        if at.scale is None:
            return rows
        return replace(rows, x=at.inward(at.outward(rows.x, rows.starts(np.arange(len(rows))))))

    def _ended(self, rows: Endpoints) -> Endpoints:
        """Return endpoints in x, or the coordinates of the batch's inside, their angles in the box."""
        rows = rows if self._scale is None else in_x(rows, self._scale)
        return rows if self.domain is None else replace(rows, x=self.domain.wrap(rows.x))

    def _leave(self, rows: Endpoints) -> NDArray[np.intp]:
        """Account for starts that were never taken up, and return the rows whose values are not known.

        They end where they began, with the status that ended the run. Their values are computed for a short time, so
        that an interrupted run ends soon; those left are NaN.
        """
        waiting = np.flatnonzero(rows.status == Status.RUNNING)
        unknown = [waiting[:0]]
        for some in _in_pieces(waiting, _ROWS >> 4):
            began = perf_counter()
            points = self.batch.starts.at(rows.starts(some))
            rows.x[some], rows.fun[some], rows.status[some] = points, np.nan, int(self._watch.control[0])
            if self._left > 0.0:
                function = function_of(self.batch.objective, self.batch.problems, rows.starts(some))
                rows.fun[some] = function.value(points)
                self._left -= perf_counter() - began
            if self._left <= 0.0 or self.batch.objective.plain:  # a plain function is not called once a run is over
                unknown.append(some)
        return np.concatenate(unknown)

    def _fresh(self, first: int, stop: int) -> Endpoints:
        return Endpoints.empty(first, stop, self.batch.objective.dim, self.batch.dtype)

    def _merge(self) -> Merge | None:
        """Request that endpoints are merged where they are, if nothing else needs them."""
        into, box = self._into, self.batch.box
        changed = self._scale is not None or self.domain is not None or self.at.scale is not None
        if into is None or changed or self.batch.watch_turns:
            return None
        keys = into.keys if self._keep else None
        return Merge(box.lower, box.width, lambda: into.cells_per_width, self._merged, keys)

    def _merged(self, cells: Cells, tally: np.ndarray) -> None:
        """Take note of endpoints that were merged where they are."""
        assert self._into is not None
        self._count += int(tally.sum())
        self._tally += tally
        self._into.take(cells, excluded=int(tally[list(LOST)].sum()))

    def _pause(self) -> None:
        """Look at the clock, and report."""
        self._watch.over(self.batch.stopping.max_time)
        self._watch.report(self._count, self.batch.starts.n, None if self._into is None else self._into.found)


def _judge(batch: Batch, rows: Endpoints, unknown: NDArray[np.intp]) -> None:
    """Mark endpoints that are not finite, whatever test ended them, and those that diverged instead of escaping.

    A trajectory that is outside the outer region with a gradient larger than at its start has been thrown out by its
    own steps; with a smaller one it has drifted down a slope that leads away.
    """
    # Zero times x is zero unless x is infinite or NaN: one pass, while isfinite and all are two.
    finite = np.isfinite(rows.fun) & (rows.x @ np.zeros(rows.x.shape[1], rows.x.dtype) == 0.0)
    finite[unknown] = True  # nobody has looked there
    rows.status[~finite] = Status.NONFINITE
    outside = np.flatnonzero(rows.status == Status.ESCAPED)
    for some in _in_pieces(outside):
        starts = batch.starts.at(rows.starts(some))
        function = function_of(batch.objective, batch.problems, rows.starts(some))
        ends, begins = (
            np.linalg.norm(function.gradient(np.asarray(x, np.float64)), axis=1) for x in (rows.x[some], starts)
        )
        rows.status[some[ends > begins]] = Status.DIVERGED


def _in_pieces(rows: np.ndarray, most: int = _ROWS) -> list[np.ndarray]:
    """Split row numbers so that temporaries stay small; there is no piece if there are no rows."""
    return np.array_split(rows, rows.size // most + 1) if rows.size else []
