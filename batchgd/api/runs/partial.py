"""What a run in parts has found so far: what ``callback=`` gets after each part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchgd.engine.progress import Watch
from batchgd.kernels.status import Status
from batchgd.minima.collector import Collector
from batchgd.minima.tables import Minima

if TYPE_CHECKING:
    from batchgd.engine.batch import Batch


class Partial:
    """The state of a run after one of its parts.

    Attributes
    ----------
    n : int
        Starts that have ended.
    total : int
        All starts of this call.
    distinct : int
        Distinct endpoints so far: at least as many as minima.
    lowest : float or None
        The lowest value reached.
    seconds : float
        Seconds of work in this call.
    """

    def __init__(self, collector: Collector, batch: Batch, watch: Watch) -> None:
        self._collector, self._batch = collector, batch
        lowest = collector.catalogue.lowest
        self.n, self.total = collector.n, batch.starts.n
        self.distinct = len(collector.catalogue)
        self.lowest = None if lowest is None else lowest.fun
        self.seconds = watch.seconds

    @property
    def status_counts(self) -> dict[Status, int]:
        """How many trajectories ended for each reason."""
        return dict(self._collector.status_counts)

    def minima(self) -> Minima:
        """Find the minima behind the endpoints so far, which takes as long as it does at the end of a run."""
        return self._collector.find(self._batch).minima

    def __repr__(self) -> str:
        return f"<Partial: {self.n:,} of {self.total:,} starts, {self.distinct:,} distinct endpoints>"
