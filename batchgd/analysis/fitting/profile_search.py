"""The search behind profiles: which values are scanned, until every side has crossed the highest level or its limit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.fitting.profile_held import HeldFits
from batchgd.analysis.fitting.profile_scan import Optimum, Scan, Start

Floats = NDArray[np.float64]

NEAR = (0.25, 0.5, 0.75, 1.0, 1.25)
"""The first values on each side, in the distances at which the linearised model reaches the highest level."""

FAR = 6
"""How many values follow up to the limit, at equal factors."""

BEYOND = 1e3
"""How far the first values go on a side without a limit, in the same distances; then ten times as far, six times."""

APART = 1.6
"""Two values between which the highest level is crossed are closer than this factor, measured from the best value."""

ROUNDS = 8
MARGIN = 1.15
"""How far the grid of a side goes beyond the highest level."""


class Search:
    """Scans of several parameters, run together in one batch a round."""

    def __init__(
        self,
        fits: HeldFits,
        coordinates: Sequence[int],
        highest: float,
        seeds: Floats,
        restarts: int,
        rng: np.random.Generator,
    ):
        self.fits, self.highest, self.seeds, self.restarts = fits, highest, seeds, restarts
        self.rng = rng
        self.scans = [Scan(k, fits.lower[k], fits.upper[k], fits.steps[k]) for k in coordinates]

    def run(self, points: int) -> None:
        """Scan each parameter: from the best value out to the limits, around each crossing, and then evenly."""
        self._begin()
        self.settle()
        for _ in range(ROUNDS):
            wanted = [self._bracket(scan, side) for scan in self.scans for side in (-1.0, 1.0)]
            if not any(wanted) or self.fits.over:
                break
            self.settle()
        for scan in self.scans:
            for side in (-1.0, 1.0):
                self._fill(scan, side, points // 2)
        self.settle()

    def _begin(self) -> None:
        for scan in self.scans:
            best, reach = self.fits.best[scan.k], self.reach(scan)
            scan.add([best, *(point[scan.k] for point in self.seeds)])
            for side, limit in ((-1.0, scan.low), (1.0, scan.high)):
                most = min(abs(limit - best), BEYOND * reach)
                first = NEAR[-1] * reach
                far = np.geomspace(first, most, FAR + 1)[1:] if most > first else [most]
                scan.add(best + side * reach * step for step in NEAR if reach * step < most)
                scan.add(best + side * distance for distance in far)

    def reach(self, scan: Scan) -> float:
        """Return how far the linearised model goes until the highest level is reached."""
        return float(scan.step * np.sqrt(self.highest))

    def _side(self, scan: Scan, side: float) -> tuple[Floats, Floats]:
        """Return the distances from the best value on one side, with the best value itself, and the rises there."""
        values, rises = scan.lowest()
        distances = side * (values - self.fits.best[scan.k])
        order = np.argsort(distances)
        order = order[distances[order] >= 0.0]
        return distances[order], rises[order]

    def crossing(self, scan: Scan, side: float) -> tuple[float, float | None]:
        """Return the last distance within the highest level and the first beyond; None if that is never reached."""
        distances, rises = self._side(scan, side)
        beyond = np.flatnonzero(rises > self.highest)
        if not len(beyond):
            return float(distances[-1]), None
        return float(distances[max(beyond[0] - 1, 0)]), float(distances[beyond[0]])

    def _bracket(self, scan: Scan, side: float) -> bool:
        """Add values that bring the crossing of the highest level between close ones; return whether there were any."""
        inner, outer = self.crossing(scan, side)
        best, before = self.fits.best[scan.k], len(scan.optima)
        if outer is not None:
            if outer > APART * inner and outer > 1e-6 * self.reach(scan):
                scan.add(best + side * np.geomspace(max(inner, 0.01 * outer), outer, 5)[1:-1])
                if inner < 0.01 * outer:
                    scan.add([best + side * 0.01 * outer])
        elif np.isinf(scan.high if side > 0 else scan.low) and inner < 10.0**6 * BEYOND * self.reach(scan):
            scan.add(best + side * inner * np.array([10.0**0.5, 10.0]))
        return len(scan.optima) > before

    def _fill(self, scan: Scan, side: float, points: int) -> None:
        """Add values so that the part of the profile that matters is drawn evenly."""
        inner, outer = self.crossing(scan, side)
        best = self.fits.best[scan.k]
        if outer is not None:
            scan.add(best + side * np.linspace(0.0, min(outer, MARGIN * max(inner, outer / APART)), points + 1)[1:])
        elif inner > 0.0:
            first = min(inner, self.reach(scan)) / points
            scan.add(best + side * np.geomspace(first, inner, points))

    def settle(self) -> None:
        """Fit at all new values, and from the optima of each value at those next to it, until nothing new is found."""
        while not self.fits.over:
            starts = [start for scan in self.scans for start in scan.starts(self.elsewhere)]
            if not starts:
                break
            self._take(starts)

    def elsewhere(self) -> Floats:
        """Return starts for any values: the solutions of the fit, and random points."""
        return np.concatenate([self.seeds, self.fits.random(self.restarts, self.rng)])

    def _take(self, starts: list[Start]) -> None:
        scans = {scan.k: scan for scan in self.scans}
        rises, ends = self.fit([(start.coordinate, start.value, start.point) for start in starts])
        for start, rise, point in zip(starts, rises.tolist(), ends, strict=True):
            scans[start.coordinate].take(start, rise, point)

    def fit(self, starts: list[tuple[int, float, Floats]]) -> tuple[Floats, Floats]:
        """Fit from points with one coordinate held at a value; return rises and endpoints."""
        points = np.array([point for _, _, point in starts])
        rows, coordinates = np.arange(len(starts)), [k for k, _, _ in starts]
        held = np.zeros(points.shape, dtype=bool)
        held[rows, coordinates] = True
        points[rows, coordinates] = [value for _, value, _ in starts]
        return self.fits.rises(points, held)

    def near(self, scan: Scan, value: float) -> list[Optimum]:
        """Return the optima at the values on both sides of a value, as starts for a fit there."""
        values, _ = scan.lowest()
        place = int(np.searchsorted(values, value))
        sides = values[max(place - 1, 0) : place + 1]
        return [optimum for side in sides for optimum in scan.optima[float(side)][:3]]
