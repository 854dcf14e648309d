"""A collector of parts, in whatever order they come: what a run in parts and a merge of several runs have in common."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from batchgd.api.runs.part import Part
from batchgd.api.runs.split import Range
from batchgd.kernels.plan import Cells, Endpoints
from batchgd.minima.catalogue import Catalogue
from batchgd.minima.collector import Collector
from batchgd.problem.coordinates import Coordinates
from batchgd.problem.identity import Identity
from batchgd.problem.joined_starts import JoinedStarts
from batchgd.problem.samplings import Starts


class Gathered(Collector):
    """Collects parts. Starts are numbered as in the run, after an ``offset`` if there are several runs.

    ``seconds_before`` is the work that other calls did: a result of many calls reports the work of all.
    """

    def __init__(self, coordinates: Coordinates, identity: Identity, dtype: str, *, keep: bool) -> None:
        super().__init__(coordinates, identity, keep=keep)
        self._dtype = dtype
        self.ranges: list[Range] = []
        self.seconds_before = 0.0
        self._rows: list[Endpoints] = []

    def take(self, part: Part, offset: int = 0) -> None:
        """Add what was found by a part."""
        self.catalogue.merge(_shifted(part.catalogue, offset) if offset else part.catalogue)
        self.status_counts.update(part.counts)
        self.n += part.stop - part.first
        self.ranges.append((offset + part.first, offset + part.stop))
        if self.keep and part.rows is not None:
            part.rows.first = offset + part.first
            self._rows.append(part.rows)

    def take_read(self, part: Part, offset: int = 0) -> None:
        """Add what was found by a part that was read from its file, and the seconds that it took there."""
        seconds = part.statistics.get("seconds")
        if isinstance(seconds, float) and 0.0 <= seconds < math.inf:
            self.seconds_before += seconds
        self.take(part, offset)

    def endpoints(self) -> Endpoints:
        """One row per start, in order; no rows if none were kept."""
        if not self._rows:
            return Endpoints.empty(0, 0, self.catalogue.box.dim, self._dtype)
        if len(self._rows) > 1:
            parts = sorted(self._rows, key=lambda rows: rows.first)
            whole, self._rows = Endpoints.concatenate(parts), []
            whole.first = parts[0].first
            self._rows.append(whole)
        return self._rows[0]

    def keys(self) -> NDArray[np.uint64]:
        """The cell of each start so far."""
        rows = self.endpoints()
        return self.catalogue.keys(self._at.inward(rows.x), rows.fun, rows.status)

    def taken(self, starts: Starts) -> Starts:
        """The starts that were collected."""
        joined: list[Range] = []
        for first, stop in sorted(self.ranges) or [(0, 0)]:
            first = joined.pop()[0] if joined and joined[-1][1] == first else first
            joined.append((first, stop))
        if joined == [(0, starts.n)]:
            return starts
        if starts.independent and len(joined) == 1 and joined[0][0] == 0 and self.n:
            return starts.head(self.n)
        return JoinedStarts([(starts, first, stop) for first, stop in joined])


def _shifted(catalogue: Catalogue, offset: int) -> Catalogue:
    """The same cells, of starts numbered from an offset on."""
    from dataclasses import replace

    moved, c = Catalogue(catalogue.box), catalogue
    moved.take(Cells(c.cells_per_width, c.key, c.count, c.first + offset, c.x, c.fun, c.status), c.excluded)
    if c.lowest is not None:
        moved.lowest = replace(c.lowest, first=c.lowest.first + offset)
    return moved
