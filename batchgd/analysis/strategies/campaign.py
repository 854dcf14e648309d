"""The descents of one strategy: batches run one after another, with all their endpoints kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from batchgd.kernels.plan import Endpoints
from batchgd.kernels.status import Status
from batchgd.minima.collector import groups_of
from batchgd.minima.scale import values
from batchgd.problem.bounds import kept_within
from batchgd.problem.samplings import ArrayStarts
from batchgd.problem.starts import Starts

if TYPE_CHECKING:
    from batchgd.engine.batch import Batch
    from batchgd.engine.progress import Watch
    from batchgd.minima.collector import Collector


class Campaign:
    """What a strategy works with.

    Attributes
    ----------
    batch : Batch
        Objective, box, method, stopping rule, and the starts that the user asked for.
    collector : Collector
        The endpoints so far, with the catalogue of their cells.
    sampled : int
        Function values computed so far, besides those of the descents.
    watch : Watch
        The watch of the run.
    """

    def __init__(self, batch: Batch, collector: Collector, watch: Watch) -> None:
        self.batch, self.collector, self.sampled, self.watch = batch, collector, 0, watch
        self._points: list[NDArray[np.float64]] = []
        watch.start()  # the time that a strategy spends between its descents counts

    @property
    def made(self) -> int:
        """Descents made so far."""
        return self.collector.n

    @property
    def over(self) -> bool:
        """Whether time has run out, or the user interrupted."""
        return self.watch.over(self.batch.stopping.max_time)

    def value(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values at points, (n,); non-finite values count as infinitely high."""
        self.sampled += len(x)
        return values(self.batch.objective, kept_within(self.batch.bounds, x))

    def descend(self, points: NDArray[np.float64]) -> Endpoints:
        """Descend from points, (n, d), moved into the bounds; returns their endpoints and keeps them."""
        points = kept_within(self.batch.bounds, points)
        first, starts = self.made, ArrayStarts(np.array(points, np.float64))
        starts.number = first  # the random numbers of a descent are a function of its number
        self._points.append(starts.points(0, starts.n))
        return self.collector.run(self.batch.again(starts=starts), self.watch.part(first, first + starts.n))

    def groups(self) -> NDArray[np.int64]:
        """Which endpoints so far are about the same point: a number per start, -1 if a descent reached nothing."""
        if not len(self.collector.catalogue):
            return np.full(self.made, -1)
        group = groups_of(self.collector.catalogue)
        cell = np.searchsorted(self.collector.catalogue.key, self.collector.keys())
        return np.where(arrived(self.collector.endpoints()), group[cell.clip(max=len(group) - 1)], -1)

    def starts(self, name: str, note: str) -> Starts:
        """The points descended from so far, as the starts of a result."""
        points = np.concatenate([np.empty((0, self.batch.box.dim)), *self._points])
        return ArrayStarts(points, name, note)


def arrived(rows: Endpoints) -> NDArray[np.bool_]:
    """Which descents met a tolerance or the rounding floor."""
    met = (rows.status >= Status.GRADIENT) & (rows.status <= Status.STALLED)
    return np.asarray(met & np.isfinite(rows.fun))
