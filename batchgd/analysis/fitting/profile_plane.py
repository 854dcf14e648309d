"""Joint profiles of two parameters: the lowest chi-square at each pair of their values, with all others fitted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from batchgd.analysis.fitting.profile_held import Floats, HeldFits
from batchgd.analysis.fitting.profile_intervals import percent_of
from batchgd.analysis.fitting.profile_levels import RiseTest, levels_of
from batchgd.analysis.fitting.profile_request import begin_again, check_test, chosen_names
from batchgd.analysis.fitting.profile_scan import Scan
from batchgd.analysis.fitting.profile_search import Search
from batchgd.engine.progress import Watch
from batchgd.problem import check
from batchgd.problem.wording import plural

MARGIN = 0.1
"""How far the plane reaches beyond the highest level, in widths of the region."""

USEFUL = 6.0
"""How far an open side is followed, in the distances at which the linearised model reaches the highest level."""

LOWER = 1e-6
"""A pair of values begins again from a neighbour's fit if that lowers its rise by more than this."""


@dataclass(frozen=True, eq=False, repr=False)
class Plane:
    """The joint profile of two parameters; ``lmfit.conf_interval2d`` returns the root of ``rise``.

    Attributes
    ----------
    names : (str, str)
    x : (n,), y : (m,)
        Values of the first and of the second parameter.
    rise : (m, n)
        The lowest rise of chi-square at each pair, in units of s², or as it is if sigma is absolute.
    confidence : (m, n)
        The level of confidence at which the region reaches the pair: its boundary at 95 % is the contour at 0.95.
    points : (m, n, p)
        The free parameters there.
    levels : tuple of float
        The levels that were asked for.
    best : (float, float)
    """

    names: tuple[str, str]
    x: Floats
    y: Floats
    rise: Floats
    points: Floats
    levels: tuple[float, ...]
    best: tuple[float, float]
    scales: tuple[str, str]
    test: RiseTest
    fits: int
    better: dict[str, float] | None

    @property
    def confidence(self) -> Floats:
        """The level of confidence at which the region reaches each pair."""
        return np.asarray(self.test.level(self.rise, held=2))

    def plot(self, path: Any = None, ax: Any = None) -> Any:
        """Draw the regions of confidence as contours; with a path, write it there. Returns the axes."""
        from batchgd.output.plot.canvas import drawn
        from batchgd.output.plot.profiles_of_fits import plane

        return drawn(path, lambda: plane(self, ax))

    def __repr__(self) -> str:
        size = f"{len(self.x)} x {len(self.y)} pairs of {self.names[0]} and {self.names[1]}"
        sides = zip(self.names, (self.x, self.y), strict=True)
        spans = (f"{name} from {side[0]:.6g} to {side[-1]:.6g}" for name, side in sides)
        levels = ", ".join(percent_of(level) for level in self.levels)
        return f"joint profile · {size} · {plural(self.fits, 'fit')}\n{', '.join(spans)}; levels {levels}"


def plane_of(
    fit: Any, first: str, second: str, *, level: Any, sigmas: Any, points: int, restarts: int, seed: int, watch: Watch
) -> Plane:
    """Return the joint profile of two parameters; see :meth:`FitResult.profile2d`."""
    chosen, levels = chosen_names(fit, [first, second]), levels_of(level, sigmas)
    points, restarts = check.whole("points", points, 4), check.whole("restarts", restarts)
    seed = check.whole("seed", seed)
    check_test(fit)
    k, j = (fit.free.index(name) for name in chosen)

    def attempt(fits: HeldFits, seeds: Floats) -> Plane:
        highest = float(fits.test.rise(levels[-1], held=2))
        search = Search(fits, [k, j], highest, seeds, restarts, np.random.default_rng(seed))
        search.run(points)
        x, y = (_side(search, scan, points) for scan in search.scans)
        rise, ends = _filled(search, x, y)
        values, best = fits.outward(ends), fits.outward(fits.best)
        return Plane(
            names=(first, second),
            x=values[0, :, k],
            y=values[:, 0, j],
            rise=rise,
            points=values,
            levels=levels,
            best=(float(best[k]), float(best[j])),
            scales=(fit.params[first].scale, fit.params[second].scale),
            test=fits.test,
            fits=fits.count,
            better=fits.better,
        )

    return begin_again(fit, watch, attempt)


def _side(search: Search, scan: Scan, points: int) -> Floats:
    """Return values of one parameter, evenly, to somewhat beyond its region, or as far as is useful if it is open."""
    best, ends = search.fits.best[scan.k], []
    for side in (-1.0, 1.0):
        inner, outer = search.crossing(scan, side)
        ends.append(side * (min(inner, USEFUL * search.reach(scan)) if outer is None else outer))
    margin = MARGIN * (ends[1] - ends[0])
    low, high = max(best + ends[0] - margin, scan.low), min(best + ends[1] + margin, scan.high)
    return np.linspace(low, high, points)


def _filled(search: Search, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return the lowest rise at each pair, (m, n), and its fit: from all starts, then from the pairs next to it."""
    fits, (first, second) = search.fits, search.scans
    held = np.isin(np.arange(len(fits.best)), (first.k, second.k))
    rise = np.full((len(y), len(x)), np.inf)
    ends = np.empty((*rise.shape, len(fits.best)))
    column, row = (
        [[optimum.point for optimum in search.near(scan, value)] for value in side]
        for scan, side in ((first, x), (second, y))
    )
    starts = [
        (i, k, point)
        for i in range(len(y))
        for k in range(len(x))
        for point in (*row[i], *column[k], *search.elsewhere())
    ]
    while starts and not fits.over:
        points = np.array([point for _, _, point in starts])
        rows, columns = np.array([(i, k) for i, k, _ in starts]).T
        points[:, first.k], points[:, second.k] = x[columns], y[rows]
        rises, found = fits.rises(points, np.broadcast_to(held, points.shape))
        changed = set()
        for i, k, value, point in zip(rows.tolist(), columns.tolist(), rises.tolist(), found, strict=True):
            if value < rise[i, k]:
                if not value > rise[i, k] - LOWER:
                    changed.add((i, k))
                rise[i, k], ends[i, k] = value, point
        starts = [(*there, ends[here]) for here in sorted(changed) for there in _next_to(here, rise.shape)]
    return rise, ends


def _next_to(here: tuple[int, int], shape: tuple[int, ...]) -> list[tuple[int, int]]:
    i, k = here
    around = ((i - 1, k), (i + 1, k), (i, k - 1), (i, k + 1))
    return [(a, b) for a, b in around if 0 <= a < shape[0] and 0 <= b < shape[1]]
