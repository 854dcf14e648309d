"""The collector: gathers the endpoints of a run, part by part, and turns them into minima and labels."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.plain.calls import heeding, unrecorded
from batchgd.engine.evaluator import evaluator_for
from batchgd.engine.interrupts import current
from batchgd.engine.prepare import specialisation_of
from batchgd.engine.progress import UNWATCHED, Watch
from batchgd.engine.run import run
from batchgd.kernels.plan import Cells, Endpoints
from batchgd.minima import UNPOLISHED, Catalogue, Found, find_minima
from batchgd.minima.outward import outward
from batchgd.minima.within import within
from batchgd.problem.coordinates import Coordinates
from batchgd.problem.identity import SAME, Identity

if TYPE_CHECKING:
    from batchgd.engine.batch import Batch
    from batchgd.kernels.status import Status
    from batchgd.problem.samplings import Starts

_COUNTED = 1000  # cells merged to count minima on the way, in a few milliseconds at most


@dataclass
class IntoCatalogue:
    """Gathers endpoints in a catalogue: the number of the first start in it, and room for the key of each start."""

    catalogue: Catalogue
    numbered: int = 0
    keys: NDArray[np.uint64] | None = None

    @property
    def cells_per_width(self) -> int:
        """The number of cells along one side of the box."""
        return self.catalogue.cells_per_width

    def add(self, rows: Endpoints) -> None:
        """Add endpoints."""
        starts = rows.starts(np.arange(len(rows)))
        key = self.catalogue.add(self.numbered + starts, rows.x, rows.fun, rows.status)
        if self.keys is not None:
            self.keys[starts] = key

    def take(self, cells: Cells, excluded: int) -> None:
        """Add endpoints that were merged elsewhere."""
        cells.first += self.numbered
        self.catalogue.take(cells, excluded)

    def found(self) -> dict[str, Any]:
        """Fields of a ProgressUpdate: cells are counted as they arrive, and merged only while there are few."""
        cells = len(self.catalogue)
        minima = {"minima": int(groups_of(self.catalogue).max(initial=-1)) + 1} if cells <= _COUNTED else {}
        return {"distinct": cells} | minima


class Collector:
    """Collects the endpoints of related batches, whose starts are numbered one after the other, in one catalogue.

    ``run`` (or ``add``) as often as needed, ``find`` the minima, then ask for the ``labels`` of all starts so far: rows
    of those minima. No minimum needs to be known; :class:`batchgd.minima.mapper.Mapper` labels points by known ones.

    Parameters
    ----------
    coordinates : Coordinates
        What the batches have in common. The catalogue is in those of the descent; all that comes and goes is in x.
    identity : Identity
        When two polished points are the same.
    keep : bool
        Keep one row per start, from which labels are made. Without it only the catalogue grows.
    """

    def __init__(self, coordinates: Coordinates, identity: Identity = SAME, *, keep: bool = True) -> None:
        self.catalogue, self._at = Catalogue(coordinates.inside_box), coordinates
        self.keep, self.n = keep, 0
        self.status_counts: Counter[Status] = Counter()
        self.identity = identity
        self._keys: list[NDArray[np.uint64]] = []
        self._parts: list[Endpoints] = []

    def run(self, part: Batch, watch: Watch | None = None) -> Endpoints:
        """Run a batch, add its endpoints, and return them."""
        first = self.n
        keys = np.zeros(part.starts.n if self.keep else 0, np.uint64)
        into = IntoCatalogue(self.catalogue, first, keys if self.keep else None)
        out = run(part, keep=self.keep, into=into, watch=watch)
        self.n += part.starts.n
        self.status_counts.update(out.status_counts)
        self._keys.append(keys)
        self._parts.append(out.endpoints)
        return out.endpoints

    def add(self, rows: Endpoints) -> None:
        """Add endpoints that were computed elsewhere."""
        self._keys.append(self.catalogue.add(self.n, self._at.inward(rows.x), rows.fun, rows.status))
        self._parts.append(rows)
        self.n += len(rows)

    def taken(self, starts: Starts) -> Starts:
        """Return those of a run's starts that were collected."""
        return starts.head(self.n)

    def find(self, batch: Batch, watch: Watch = UNWATCHED) -> Found:
        """Find the minima behind the endpoints so far; the batch provides the function and the kind of starts."""
        watch = watch.part(self.n, self.n)
        if batch.objective.plain and batch.stopping.max_time is not None:
            watch.finish = watch.seconds + batch.stopping.max_time
        watch.stop()  # while evaluations are compiled
        cells, backend, inside = len(self.catalogue), batch.backend.name, batch.inside()
        evaluator = evaluator_for(inside.objective, cells, backend, lambda: specialisation_of(inside))
        objective = within(evaluator, inside.bounds, inside.box, inside.objective)
        with unrecorded(), heeding(lambda: current().overdue or watch.late):
            found = find_minima(
                self.catalogue,
                objective,
                inside.box,
                n_starts=self.n,
                independent=batch.starts.independent,
                interval_note=batch.starts.interval_note,
                identity=self.identity,
                watch=watch,
                shown=batch.coordinates.outward,
            )
            return outward(found, batch.objective, batch.coordinates, watch)

    def endpoints(self) -> Endpoints:
        """One row per start, in order; no rows if none were kept."""
        if len(self._parts) > 1:
            self._parts = [Endpoints.concatenate(self._parts)]
        return self._parts[0]

    def keys(self) -> NDArray[np.uint64]:
        """The cell of each start so far, at the catalogue's current resolution."""
        keys = np.concatenate(self._keys) if len(self._keys) > 1 else self._keys[0]
        if self.catalogue.coarsened and self.keep:
            rows = self.endpoints()
            keys = np.where(keys == 0, keys, self.catalogue.keys(self._at.inward(rows.x), rows.fun, rows.status))
        return keys

    def labels(self, found: Found) -> NDArray[np.int32]:
        """The label of each start so far."""
        return found.labels(self.keys())


def groups_of(catalogue: Catalogue) -> NDArray[np.int64]:
    """The group of each occupied cell, a number, by roughly equal points before anything is polished."""
    points = (catalogue.x - catalogue.box.lower) / catalogue.box.width
    return UNPOLISHED.components(points, catalogue.fun)
