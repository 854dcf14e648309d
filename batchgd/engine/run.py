"""Run one batch of descents on one backend: from checked input to one endpoint per start."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from batchgd.engine.interrupts import current
from batchgd.engine.mixed import pieces
from batchgd.engine.progress import SECONDS, Progress, ProgressUpdate
from batchgd.kernels.plan import Cells, Endpoints, Merge, Plan, Problem, Trails
from batchgd.kernels.status import LOST, TURNED, Status
from batchgd.problem.errors import InputError
from batchgd.problem.methods import split_per_start
from batchgd.problem.starts import StartRows

if TYPE_CHECKING:
    from batchgd.compiler.codegen.module import Specialisation
    from batchgd.engine.batch import Batch

observers: list[Callable[[Batch], None]] = []
"""Called with every batch before it runs: where tests watch (``api.testing``)."""

_ROWS = 1 << 16  # starts looked at together, so that temporaries stay small


def run(
    batch: Batch,
    *,
    shard: int | None = None,
    keep: bool = True,
    ended: Callable[[Endpoints], None] | None = None,
    into: Into | None = None,
    found: Callable[[], dict[str, Any]] | None = None,
    progress: Progress | None = None,
    trails: Trails | None = None,
) -> Outcome:
    """Descend from every start; in a ``heeded`` block, Ctrl-C ends it with the statuses that tell.

    Parameters
    ----------
    batch : Batch
        What to run.
    shard : int, optional
        Starts handed out at once; never changes a result.
    keep : bool
        Keep one row per start. Without it memory does not grow with the number of starts, and ``ended`` is the only
        one to see the endpoints.
    ended : callable, optional
        Called in this thread with the endpoints of each finished range of starts.
    into : Into, optional
        The catalogue that takes in all endpoints; without ``ended``, CUDA merges them where they are.
    found : callable, optional
        Counts what was found so far, for ``progress``: fields of ProgressUpdate.
    progress : callable, optional
        Called with a ProgressUpdate about twice a second.
    trails : Trails, optional
        Where to write down the paths; without, nothing is recorded.
    """
    for observe in observers:
        observe(batch)
    if batch.scale is not None:
        return _run_in_units(batch, shard, keep, ended, into, found, progress, trails)
    if batch.mixed and trails is not None:
        raise InputError("a path is recorded in one dtype: give float64 or float32")
    began = time.perf_counter()
    n = batch.starts.n
    whole = Endpoints.empty(0, n if keep else 0, batch.objective.dim, batch.dtype)
    whole.turned = np.zeros(len(whole), bool) if batch.watch_turns else None
    monitor = _Monitor(batch, began, ended, into, found, progress)
    with current().ends(monitor.control):
        if batch.mixed:
            for rows in pieces(batch, run, monitor.control, progress):
                monitor.done(rows.into(whole) if keep else rows)
        else:
            module, plan = _prepare(batch, whole if keep else None, shard, monitor, trails)
            if into is not None and not (ended or batch.watch_turns):
                plan.merge = Merge(
                    batch.box.lower,
                    batch.box.width,
                    lambda: into.cells_per_width,
                    monitor.merged,
                    into.keys if keep else None,
                )
            batch.backend.launch(module, plan, batch.threads)
    _leave(batch, whole, int(monitor.control[0]))
    monitor.tally[int(monitor.control[0])] += n - monitor.count
    return Outcome(whole, monitor.status_counts(), time.perf_counter() - began)


def _run_in_units(
    batch: Batch,
    shard: int | None,
    keep: bool,
    ended: Callable[[Endpoints], None] | None,
    into: Into | None,
    found: Callable[[], dict[str, Any]] | None,
    progress: Progress | None,
    trails: Trails | None,
) -> Outcome:
    """Run a batch in its scaled coordinates; what is handed on is in x."""
    from batchgd.engine.units import in_units

    scale = batch.scale
    assert scale is not None

    def in_x(rows: Endpoints) -> Endpoints:
        return replace(rows, x=rows.x * scale.astype(rows.x.dtype))

    def hand_on(rows: Endpoints) -> None:
        rows = in_x(rows)
        if into is not None:
            into.add(rows)
        if ended is not None:
            ended(rows)

    watched = hand_on if into is not None or ended is not None else None
    out = run(in_units(batch), shard=shard, keep=keep, ended=watched, found=found, progress=progress, trails=trails)
    if trails is not None:
        trails.points[:] *= scale.astype(trails.points.dtype)
    return replace(out, endpoints=in_x(out.endpoints))


class Into(Protocol):
    """Where endpoints are gathered as they come, with room for the key of each start, if they are wanted."""

    keys: NDArray[np.uint64] | None

    @property
    def cells_per_width(self) -> int:
        """How fine the cells are that endpoints are merged in."""

    def add(self, rows: Endpoints) -> None:
        """Take in endpoints."""

    def take(self, cells: Cells, excluded: int) -> None:
        """Take in endpoints that were merged elsewhere."""


@dataclass
class Outcome:
    """The endpoints (no rows where none were kept), how many starts ended for which reason, and the wall time."""

    endpoints: Endpoints
    status_counts: dict[Status, int]
    seconds: float


def specialisation_of(batch: Batch) -> Specialisation:
    """Return what the compiled module for this batch is made for."""
    from batchgd.compiler.codegen.module import Specialisation
    from batchgd.engine.backends import simulated

    box, (_, differing) = batch.box, split_per_start(batch.method, batch.starts.n, batch.dtype)
    return Specialisation(
        batch.objective,
        batch.method.rule_in(batch.objective.dim),
        batch.dtype,
        target=batch.backend.name,
        lanes=batch.backend.lanes(batch.starts.n),
        in_kernel=batch.starts.in_kernel,
        cubic=all(np.ptp(side) == 0.0 for side in (box.lower, box.upper)),
        per_start=tuple(differing),
        tests=(*batch.stopping.active, *(["turns"] if batch.watch_turns else [])),
        simulated=batch.backend.name == "cuda" and simulated(),
        parts=batch.method.parts,
        constants=batch.method.fixed,
    )


def module_of(specialisation: Specialisation) -> Any:
    """Return the compiled module of a specialisation, on CUDA for as many threads a trajectory as suit the device."""
    from batchgd.compiler.codegen.loading import load
    from batchgd.compiler.codegen.warp_choice import chosen

    def fits(module: Any, dtype: str) -> bool:
        from batchgd.kernels.launch_cuda import keeps_state_in_registers

        return keeps_state_in_registers(module, dtype)

    return load(chosen(specialisation, fits))


def _prepare(
    batch: Batch, whole: Endpoints | None, shard: int | None, monitor: _Monitor, trails: Trails | None
) -> tuple[Any, Plan]:
    """Load the compiled module for this batch and lay out what it reads."""
    from batchgd.compiler.codegen.loading import load

    n, dtype, box, objective = batch.starts.n, batch.dtype, batch.box, batch.objective
    shared, differing = split_per_start(batch.method, n, dtype)
    outer = batch.stopping.outer(box)
    specialisation = specialisation_of(batch)
    # A path is recorded by one thread: there are few.
    module = module_of(specialisation) if trails is None else load(specialisation)
    with np.errstate(over="ignore"):  # an end that the dtype cannot hold is infinite: no trajectory gets there
        sides = np.array([1.0 / box.width, *outer]).astype(dtype)
    names = [name for name in specialisation.layout.rule.hyperparameters if name in shared]
    plan = Plan(
        n=n,
        dim=objective.dim,
        dtype=dtype,
        shard=shard or batch.backend.shard(n, batch.threads),
        seed=batch.seed,
        number=batch.starts.number,
        lower=box.lower.astype(dtype),
        width=box.width.astype(dtype),
        points=None if batch.starts.in_kernel else batch.starts.rows,
        per_start=np.stack([*differing.values()], axis=1).astype(dtype) if differing else np.empty((n, 0), dtype),
        problem=Problem(
            p=np.concatenate([objective.numbers, getattr(module, "TABLES", [])]).astype(dtype),
            box=sides[:, 0].copy() if specialisation.cubic else sides.ravel(),
            h=np.array([shared[name] for name in names] or [0.0], dtype),
            limits=batch.stopping.limits(box, dtype),
        ),
        control=monitor.control,
        rows=whole.part
        if whole is not None
        else lambda first, stop: Endpoints.empty(first, stop, objective.dim, dtype),
        ready=monitor.ready,
        done=monitor.done,
        pause=monitor.pause,
        trails=trails,
    )
    return module, plan


def _judge(batch: Batch, rows: Endpoints) -> None:
    """Name endpoints that are not finite, whatever test ended them, and tell those that diverged from those that left.

    A trajectory that is outside the outer region with a gradient larger than at its start has been thrown out by its
    own steps; with a smaller one it has drifted down a slope that leads away.
    """
    # Zero times x is zero unless x is infinite or NaN: one pass where isfinite and all are two.
    finite = np.isfinite(rows.fun) & (rows.x @ np.zeros(rows.x.shape[1], rows.x.dtype) == 0.0)
    rows.status[~finite] = Status.NONFINITE
    outside = np.flatnonzero(rows.status == Status.ESCAPED)
    for some in _in_pieces(outside):
        starts = StartRows(batch.starts, rows.starts(some)).points(0, some.size)
        ends, begins = (
            np.linalg.norm(batch.objective.gradient(np.asarray(x, np.float64)), axis=1) for x in (rows.x[some], starts)
        )
        rows.status[some[ends > begins]] = Status.DIVERGED


def _leave(batch: Batch, rows: Endpoints, control: int) -> None:
    """Account for starts that were never taken up: they end where they began, with the status that ended the run."""
    waiting = np.flatnonzero(rows.status == Status.RUNNING)
    for some in _in_pieces(waiting):
        points = np.asarray(StartRows(batch.starts, rows.starts(some)).points(0, some.size), np.float64)
        rows.x[some], rows.fun[some], rows.status[some] = points, batch.objective.value(points), control


def _in_pieces(rows: np.ndarray) -> list[np.ndarray]:
    """Part row numbers so that temporaries stay small; no piece where there are no rows."""
    return np.array_split(rows, rows.size // _ROWS + 1) if rows.size else []


class _Monitor:
    """Watches the clock and counts what has ended; lives in the calling thread."""

    def __init__(
        self,
        batch: Batch,
        began: float,
        ended: Callable[[Endpoints], None] | None,
        into: Into | None,
        found: Callable[[], dict[str, Any]] | None,
        progress: Progress | None,
    ):
        self.control = np.zeros(1, np.int32)
        self.count = 0
        self.tally = np.zeros(len(Status), np.int64)
        self._batch, self._ended, self._into = batch, ended, into
        self._found, self._progress = found, progress
        self._began = self._told = began

    def status_counts(self) -> dict[Status, int]:
        """How many starts ended for which reason."""
        return {Status(code): int(count) for code, count in enumerate(self.tally) if count}

    def ready(self) -> None:
        """Start the clock: compiling counts neither towards ``max_time`` nor towards the rate."""
        self._began = self._told = time.perf_counter()

    def done(self, rows: Endpoints) -> None:
        """Take note of a finished shard."""
        if self._batch.watch_turns and not self._batch.mixed:
            turned = rows.status >= TURNED
            rows.status[turned] -= TURNED
            if rows.turned is None:
                rows.turned = turned
            else:
                rows.turned[:] = turned
        with np.errstate(all="ignore"):
            _leave(self._batch, rows, int(self.control[0]))
            _judge(self._batch, rows)
        self.count += len(rows)
        self.tally += np.bincount(rows.status, minlength=len(self.tally))
        if self._into is not None:
            self._into.add(rows)
        if self._ended is not None:
            self._ended(rows)

    def merged(self, cells: Cells, tally: np.ndarray) -> None:
        """Take note of endpoints that were merged where they are."""
        assert self._into is not None
        self.count += int(tally.sum())
        self.tally += tally
        self._into.take(cells, excluded=int(tally[list(LOST)].sum()))

    def pause(self) -> None:
        """Look at the clock."""
        now = time.perf_counter()
        limit = self._batch.stopping.max_time
        if limit is not None and now - self._began > limit and self.control[0] == 0:
            self.control[0] = Status.MAXTIME
        if self._progress is not None and now - self._told > SECONDS:
            self._told = now
            found = self._found() if self._found and self.count else {}
            self._progress(ProgressUpdate(self.count, self._batch.starts.n, now - self._began, **found))
