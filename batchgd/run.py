"""Run one batch of descents on one backend: from checked input to one endpoint per start."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from batchgd.box import Box
from batchgd.kernels.plan import Plan
from batchgd.kernels.status import Status
from batchgd.methods import Method, split_per_start
from batchgd.progress import Progress, ProgressUpdate
from batchgd.stopping import Stopping

if TYPE_CHECKING:
    from batchgd.backends import Backend
    from batchgd.objective import Objective
    from batchgd.starts import Starts

_PROGRESS_SECONDS = 0.5


@dataclass(frozen=True)
class Batch:
    """Everything that decides where n descents end."""

    objective: Objective
    starts: Starts
    box: Box
    method: Method
    stopping: Stopping
    dtype: str
    backend: Backend
    threads: int
    seed: int


@dataclass
class Endpoints:
    """One row per start."""

    x: np.ndarray
    fun: np.ndarray
    nit: np.ndarray
    nfev: np.ndarray
    status: np.ndarray
    seconds: float = 0.0
    interrupted: bool = False


def run(
    batch: Batch,
    *,
    shard: int | None = None,
    ended: Callable[[int, int, Endpoints], int | None] | None = None,
    progress: Progress | None = None,
) -> Endpoints:
    """Descend from every start.

    Parameters
    ----------
    batch : Batch
        What to run.
    shard : int, optional
        Starts handed out at once; never changes a result.
    ended : callable, optional
        Called in this thread with each finished range of starts; may return the number of minima so far.
    progress : callable, optional
        Called with a ProgressUpdate about twice a second.
    """
    began = time.perf_counter()
    n, dim = batch.starts.n, batch.objective.dim
    out = Endpoints(
        x=np.empty((n, dim), batch.dtype),
        fun=np.full(n, np.nan, batch.dtype),
        nit=np.zeros(n, np.int64),
        nfev=np.zeros(n, np.int64),
        status=np.zeros(n, np.int8),
    )
    monitor = _Monitor(batch, out, began, ended, progress)
    module, plan = _prepare(batch, out, shard, monitor)
    with _Interrupts(monitor.control):
        batch.backend.launch(module, plan, batch.threads)
    _finish(batch, plan, out)
    out.interrupted = int(monitor.control[0]) == Status.INTERRUPTED
    out.seconds = time.perf_counter() - began
    return out


def _prepare(batch: Batch, out: Endpoints, shard: int | None, monitor: _Monitor) -> tuple[Any, Plan]:
    """Load the compiled module for this batch and lay out what it reads."""
    from batchgd.backends import simulated
    from batchgd.specialise import Specialisation, load
    from batchgd.specialise.rule import read_rule

    n, dtype, box, objective = batch.starts.n, batch.dtype, batch.box, batch.objective
    shared, differing = split_per_start(batch.method, n, dtype)
    outer = batch.stopping.outer(box)
    cubic = all(np.ptp(side) == 0.0 for side in (box.lower, box.upper))
    specialisation = Specialisation(
        objective,
        batch.method.rule,
        dtype,
        target=batch.backend.name,
        lanes=batch.backend.lanes(n),
        in_kernel=batch.starts.in_kernel,
        cubic=cubic,
        per_start=tuple(differing),
        value_test=batch.stopping.ftol > 0.0,
        simulated=batch.backend.name == "cuda" and simulated(),
    )
    sides = np.array([1.0 / box.width, *outer])
    names = [name for name in read_rule(batch.method.rule).hyperparameters if name in shared]
    plan = Plan(
        n=n,
        dim=objective.dim,
        dtype=dtype,
        shard=shard or batch.backend.shard(n, batch.threads),
        seed=batch.seed,
        lower=box.lower.astype(dtype),
        width=box.width.astype(dtype),
        points=None if batch.starts.in_kernel else batch.starts.points,
        per_start=np.stack([*differing.values()], axis=1).astype(dtype) if differing else np.empty((n, 0), dtype),
        p=np.array([0.0] if objective.params is None else objective.params, dtype),
        box=(sides[:, 0] if cubic else sides.ravel()).astype(dtype),
        h=np.array([shared[name] for name in names] or [0.0], dtype),
        limits=batch.stopping.limits(box, dtype),
        x=out.x,
        fun=out.fun,
        nit=out.nit,
        nfev=out.nfev,
        status=out.status,
        control=monitor.control,
        done=monitor.done,
        pause=monitor.pause,
    )
    return load(specialisation), plan


def _finish(batch: Batch, plan: Plan, out: Endpoints) -> None:
    """Account for starts that were never taken up, and name endpoints that are not finite."""
    waiting = np.flatnonzero(out.status == Status.RUNNING)
    for rows in np.array_split(waiting, max(1, waiting.size // 65_536)):
        if rows.size:
            points = batch.starts.points(int(rows[0]), int(rows[-1]) + 1)[rows - rows[0]]
            out.x[rows] = points
            out.fun[rows] = batch.objective.value(np.asarray(points, np.float64))
            out.status[rows] = plan.control[0]
    settle_nonfinite(out, slice(None))


def settle_nonfinite(out: Endpoints, rows: slice) -> None:
    """Mark endpoints where x or the value is not finite, whatever test ended them."""
    bad = ~(np.isfinite(out.fun[rows]) & np.isfinite(out.x[rows]).all(axis=1))
    out.status[rows][bad & (out.status[rows] != Status.RUNNING)] = Status.NONFINITE


class _Monitor:
    """Watches the clock and counts what has ended; lives in the calling thread."""

    def __init__(
        self,
        batch: Batch,
        out: Endpoints,
        began: float,
        ended: Callable[[int, int, Endpoints], int | None] | None,
        progress: Progress | None,
    ):
        self.control = np.zeros(1, np.int32)
        self._batch, self._out, self._began = batch, out, began
        self._ended, self._progress = ended, progress
        self._count, self._minima, self._told = 0, None, began

    def done(self, first: int, stop: int) -> None:
        """Take note of a finished shard."""
        self._count += stop - first
        settle_nonfinite(self._out, slice(first, stop))
        if self._ended is not None:
            self._minima = self._ended(first, stop, self._out)

    def pause(self) -> None:
        """Look at the clock."""
        now = time.perf_counter()
        limit = self._batch.stopping.max_time
        if limit is not None and now - self._began > limit and self.control[0] == 0:
            self.control[0] = Status.MAXTIME
        if self._progress is not None and now - self._told > _PROGRESS_SECONDS:
            self._told = now
            self._progress(ProgressUpdate(self._count, self._batch.starts.n, now - self._began, self._minima))


class _Interrupts:
    """While it is entered, the first Ctrl-C ends the run and keeps what was found; a second one raises."""

    def __init__(self, control: np.ndarray):
        self._control = control
        self._previous: Any = None

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._interrupt)

    def __exit__(self, *_: object) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)

    def _interrupt(self, *_: object) -> None:
        if self._control[0] == Status.INTERRUPTED:
            raise KeyboardInterrupt
        self._control[0] = Status.INTERRUPTED
