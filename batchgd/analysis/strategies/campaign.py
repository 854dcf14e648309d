"""The descents of one strategy: batches run one after another, with everything they ended in kept."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from batchgd.engine.interrupts import current
from batchgd.engine.progress import Progress, ProgressUpdate
from batchgd.kernels.plan import Endpoints
from batchgd.kernels.status import Status
from batchgd.minima.scale import values
from batchgd.problem.samplings import ArrayStarts
from batchgd.problem.starts import Starts

if TYPE_CHECKING:
    from batchgd.engine.batch import Batch
    from batchgd.minima.collector import Gathering


class Campaign:
    """What a strategy works with.

    Attributes
    ----------
    batch : Batch
        Objective, box, method, stopping rule, and the starts that the user asked for.
    gathering : Gathering
        The endpoints so far, with the catalogue of their cells.
    sampled : int
        Values taken so far, beside those of the descents.
    """

    def __init__(self, batch: Batch, gathering: Gathering, progress: Progress | None = None) -> None:
        self.batch, self.gathering, self.sampled = batch, gathering, 0
        self.interrupt = current()
        self._progress, self._began = progress, time.perf_counter()
        self._points: list[NDArray[np.float64]] = []

    @property
    def made(self) -> int:
        """Descents made so far."""
        return self.gathering.n

    @property
    def over(self) -> bool:
        """Whether time has run out, or the user interrupted."""
        cut = self.interrupt.seen or self.gathering.status_counts[Status.MAXTIME] > 0
        limit = self.batch.stopping.max_time
        return cut or (limit is not None and time.perf_counter() - self._began > limit)

    def value(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values at points, (n,); what is not finite counts as infinitely high."""
        self.sampled += len(x)
        return values(self.batch.objective, x)

    def descend(self, points: NDArray[np.float64]) -> Endpoints:
        """Descend from points, (n, d); returns their endpoints and keeps them."""
        first, starts, stopping = self.made, ArrayStarts(np.array(points, np.float64)), self.batch.stopping
        starts.number = first  # what is random in a descent is a function of its number
        if stopping.max_time is not None:
            left = stopping.max_time - (time.perf_counter() - self._began)
            stopping = replace(stopping, max_time=max(left, 1e-9))
        self._points.append(starts.points(0, starts.n))
        return self.gathering.run(self.batch.again(starts=starts, stopping=stopping), self._told(first))

    def groups(self) -> NDArray[np.int64]:
        """Which endpoints so far are about the same point: a number per start, -1 where a descent came to nothing."""
        if not len(self.gathering.catalogue):
            return np.full(self.made, -1)
        group = self.gathering.groups()
        cell = np.searchsorted(self.gathering.catalogue.key, self.gathering.keys())
        return np.where(arrived(self.gathering.endpoints()), group[cell.clip(max=len(group) - 1)], -1)

    def starts(self, name: str, note: str) -> Starts:
        """The points descended from so far, as the starts of a result."""
        points = np.concatenate([np.empty((0, self.batch.box.dim)), *self._points])
        return ArrayStarts(points, name, note)

    def _told(self, first: int) -> Progress | None:
        progress = self._progress
        if progress is None:
            return None

        def tell(update: ProgressUpdate) -> None:
            seconds = time.perf_counter() - self._began
            progress(replace(update, done=first + update.done, total=first + update.total, seconds=seconds))

        return tell


def arrived(rows: Endpoints) -> NDArray[np.bool_]:
    """Which descents met a tolerance or the rounding floor."""
    met = (rows.status >= Status.GRADIENT) & (rows.status <= Status.STALLED)
    return np.asarray(met & np.isfinite(rows.fun))
