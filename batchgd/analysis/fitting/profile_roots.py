"""Where profiles cross a level: brackets from the scan, closed by fits at the crossing itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.fitting.profile_scan import Scan
from batchgd.analysis.fitting.profile_search import Search

Floats = NDArray[np.float64]

XTOL = 1e-7
"""A crossing is known to this, in units of its distance from the best value (or of the standard error, if larger)."""

FLANK = 0.02
"""Each round fits at the estimate and this far on both sides of it, in widths of the bracket."""

KEPT = 8
CHECKS = 5
ROUNDS = 40


@dataclass
class Crossing:
    """A crossing of a rise between two values: the profile is below it at ``inner`` and above at ``outer``."""

    scan: Scan
    rise: float
    inner: float
    outer: float
    below: float
    above: float
    points: list[Floats]
    latest: list[Floats] = field(default_factory=list)

    def estimate(self) -> float:
        """Return where the crossing is, if the root of the rise is straight in the bracket."""
        if not np.isfinite(self.above):
            return 0.5 * (self.inner + self.outer)
        first, last = (np.sqrt(max(each, 0.0)) - np.sqrt(self.rise) for each in (self.below, self.above))
        return float(self.inner - first * (self.outer - self.inner) / (last - first)) if last > first else self.outer

    def trials(self) -> list[float]:
        """Return the values to fit at next."""
        low, high = sorted((self.inner, self.outer))
        centre, flank = self.estimate(), FLANK * (high - low)
        wanted = {centre - flank, centre, centre + flank, 0.5 * (low + high)}
        return [value for value in sorted(wanted) if low < value < high]

    def take(self, value: float, rise: float, point: Floats) -> None:
        """Narrow the bracket by a fit in it."""
        if not min(self.inner, self.outer) < value < max(self.inner, self.outer):
            return
        if rise <= self.rise:
            self.inner, self.below = value, rise
        else:
            self.outer, self.above = value, rise
        self.latest.append(point)

    def last(self) -> Floats:
        """Return the fit that is closest to the crossing."""
        return min(self.points, key=lambda point: abs(point[self.scan.k] - self.inner))


def crossings(search: Search, rise: float) -> list[Crossing]:
    """Return all crossings of a rise that the scans bracket, in the order of their values."""
    found = []
    for scan in search.scans:
        values, rises = scan.lowest()
        for k in np.flatnonzero((rises[:-1] <= rise) != (rises[1:] <= rise)):
            inner, outer = (k, k + 1) if rises[k] <= rise else (k + 1, k)
            middle = 0.5 * (values[k] + values[k + 1])
            points = [optimum.point for optimum in search.near(scan, middle)]
            found.append(Crossing(scan, rise, values[inner], values[outer], rises[inner], rises[outer], points))
    return found


def all_crossings(search: Search, rises: Sequence[float], points: int) -> list[list[Crossing]]:
    """Return the closed crossings of each rise, and scan their ends and what is between them.

    That may find lower optima, and is then done again.
    """
    for _ in range(CHECKS):
        found = [crossings(search, rise) for rise in rises]
        close(search, [each for crossed in found for each in crossed])
        for each in (each for crossed in found for each in crossed):
            each.scan.add([each.inner])
        _fill_apart(search, found[-1], points)
        search.settle()
        again = [crossings(search, rise) for rise in rises]
        if search.fits.over or all(map(_same, found, again)):
            return found
    return again


def _fill_apart(search: Search, found: list[Crossing], points: int) -> None:
    """Scan intervals that do not contain the best value as densely as the one that does."""
    for scan in search.scans:
        ends = sorted((each.inner, each.inner < each.outer) for each in found if each.scan is scan)
        for (low, leaves), (high, leaves_next) in pairwise(ends):
            if not leaves and leaves_next and not low <= search.fits.best[scan.k] <= high:
                scan.add(np.linspace(low, high, max(points // 2, 3)))


def _same(found: list[Crossing], again: list[Crossing]) -> bool:
    """Return whether what was closed is still where the profile crosses."""
    return len(found) == len(again) and all(
        one.scan is other.scan
        and min(one.inner, one.outer) <= max(other.inner, other.outer)
        and max(one.inner, one.outer) >= min(other.inner, other.outer)
        for one, other in zip(found, again, strict=True)
    )


def close(search: Search, found: list[Crossing]) -> None:
    """Narrow the brackets by fits until they are as small as ``XTOL`` asks, all in one batch a round."""
    for _ in range(ROUNDS):
        wide = [each for each in found if not _closed(search, each)]
        trials = [(each, value) for each in wide for value in each.trials()]
        if not trials or search.fits.over:
            return
        starts = [(each.scan.k, value, point) for each, value in trials for point in each.points]
        rises, ends = search.fit(starts)
        at = 0
        for each, value in trials:
            rows = slice(at, at + len(each.points))
            lowest = at + int(np.argmin(rises[rows]))
            at = rows.stop
            each.take(value, float(rises[lowest]), ends[lowest])
        for each in wide:
            each.points, each.latest = [*each.points, *each.latest][-KEPT:], []


def _closed(search: Search, crossing: Crossing) -> bool:
    k = crossing.scan.k
    distance = abs(crossing.inner - search.fits.best[k])
    return abs(crossing.outer - crossing.inner) <= XTOL * max(distance, crossing.scan.step * 1e-3)
