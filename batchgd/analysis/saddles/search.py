"""The search for saddles in one box: walkers, polished where they arrive, verified, merged, and counted."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.saddles.follow import ARRIVED, LEFT, MARGIN, NONFINITE, RESTED, STALLED, follow
from batchgd.minima.classes import gathered, moves_freely
from batchgd.minima.classify import NOTHING, classify
from batchgd.minima.curvature import falling_modes, modes
from batchgd.minima.merge import Clustering, nearest_pair
from batchgd.minima.polish import LOCATED, polish
from batchgd.minima.scale import Derivable, Scale
from batchgd.minima.sets import coarse, levels
from batchgd.minima.within import Within, moved_within
from batchgd.problem.box import Box

OUTCOMES = (
    "found a saddle",
    "found one outside the box",
    "went far outside the box",
    "stalled",
    "met a point without derivatives",
    "ended at another kind of point",
)
_FOUND, _OUTSIDE, _LEFT, _STALLED, _NONFINITE, _OTHER = range(len(OUTCOMES))

_ENDS = {ARRIVED: _FOUND, STALLED: _STALLED, LEFT: _LEFT, NONFINITE: _NONFINITE, RESTED: _OTHER}
_MODES = 6  # followed from each minimum, both ways: the softest ones
_RADIUS = 0.01  # longest step of a walker, box widths
_BETWEEN = 3  # softest modes between which walkers set out
_LINE = 100  # steps along a straight line at most
_NARROW = 0.1  # of the distance of the nearest two minima: the longest step if they are close


@dataclass
class Points:
    """Distinct saddles, one row each; ``zero``: zero modes, ``count``: walkers, ``from_border``: of them."""

    x: NDArray[np.float64]
    fun: NDArray[np.float64]
    noise: NDArray[np.float64]
    zero: NDArray[np.int64]
    count: NDArray[np.int64]
    from_border: NDArray[np.int64]


@dataclass
class Search:
    """What walkers have found so far in a box, and how they ended."""

    objective: Derivable
    box: Box
    scale: Scale
    clustering: Clustering
    found: Points = field(init=False)
    outcomes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(OUTCOMES), np.int64))

    def __post_init__(self) -> None:
        integers, floats = np.empty(0, np.int64), np.empty(0)
        self.found = Points(np.empty((0, self.box.dim)), floats, floats, integers, integers, integers)

    def walk_from_minima(self, x: NDArray[np.float64], minima: NDArray[np.float64]) -> None:
        """Send walkers from each of ``x`` both ways along its softest modes, and between each two of the softest three.

        The latter set out where the straight line from the minimum leaves the region in which the function is convex:
        if it is a product, climbing along one mode leads to maxima, and saddles are between the modes.

        ``minima``: all that are known; their distances limit the steps.
        """
        _, vector = modes(self.objective, self.box, x)
        radius = self.radius(minima)
        starts, ways = [x[:0]], [x[:0]]
        for weight in _mode_weights(self.box.dim):
            way = vector @ weight
            off = way * (radius / np.abs(way).max(axis=1, keepdims=True, initial=1e-300))
            start = moved_within(self.objective, x + off * self.box.width)
            if np.count_nonzero(weight) > 1:
                start = self._leave_convexity(start, off * self.box.width)
            starts.append(start)
            ways.append(way)
        start, way = self._off_bounds(x, radius)
        # Together: steps are few.
        self.walk(np.concatenate([*starts, start]), np.concatenate([*ways, way]), minima, border=False)

    def _off_bounds(self, x: NDArray, radius: float) -> tuple[NDArray, NDArray]:
        """Walkers that leave each bound on which a minimum is, at right angles: no mode of its face leads there."""
        if not isinstance(self.objective, Within):
            return x[:0], x[:0]
        side = np.where(self.objective.bounds.fixed, 0, self.objective.active(x))
        row, axis = np.nonzero(side)
        way = np.zeros((len(row), x.shape[1]))
        way[np.arange(len(row)), axis] = -side[row, axis]
        return x[row] + radius * way * self.box.width, way

    def _leave_convexity(self, x: NDArray, step: NDArray) -> NDArray[np.float64]:
        """Go on in equal steps until a mode is negative, or for the width of the box."""
        x, rest = x.copy(), np.arange(len(x))
        for _ in range(_LINE):
            falling = falling_modes(np.nan_to_num(modes(self.objective, self.box, x[rest])[0]), self.scale)
            rest = rest[~falling.any(axis=1)]
            if len(rest) == 0:
                break
            x[rest] = moved_within(self.objective, x[rest] + step[rest])
        return x

    def radius(self, minima: NDArray[np.float64]) -> float:
        """The longest step of walkers, in box widths."""
        apart = nearest_pair((minima - self.box.lower) / self.box.width)[0]
        return float(min(_RADIUS, _NARROW * apart))

    def walk(self, x: NDArray, way: NDArray, minima: NDArray, *, border: bool) -> None:
        """Send walkers out from ``x`` along ``way``, and add the saddles that they find."""
        if len(x) == 0:
            return
        anywhere = moves_freely(self.clustering.identity.symmetry, self.box.dim)
        margin = np.inf if anywhere else MARGIN
        walk = follow(self.objective, self.box, x, way, self.scale, radius=self.radius(minima), margin=margin)
        end = np.array([_ENDS[state] for state in walk.state.tolist()])
        near = np.flatnonzero(walk.state == ARRIVED)
        polished = polish(self.objective, self.box, walk.x[near], self.scale)
        located = polished.state == LOCATED
        end[near[~located]] = _OTHER
        near, x, fun, noise = near[located], polished.x[located], polished.fun[located], polished.noise[located]
        kinds = classify(self.objective, self.box, x, fun, self.scale, levels(fun, coarse(fun, self.scale)))
        inside = np.asarray(self.box.contains(x), np.bool_) | anywhere
        index1 = (kinds.negative == 1) & (kinds.kind != NOTHING)
        end[near] = np.where(index1, np.where(inside, _FOUND, _OUTSIDE), _OTHER)
        self.outcomes += np.bincount(end, minlength=len(OUTCOMES))
        use = index1 & inside
        one = np.ones(int(use.sum()), np.int64)
        self._take(Points(x[use], fun[use], noise[use], kinds.zero[use], one, one * border))

    def _take(self, more: Points) -> None:
        """Merge saddles into those found; the row of a saddle is that of its first copy."""
        old = self.found
        x, fun, noise, zero, count, border = (
            np.concatenate([getattr(old, name), getattr(more, name)]) for name in Points.__dataclass_fields__
        )
        tolerance = self.clustering.value_tolerance(fun, noise)
        x = gathered(self.clustering.identity, self.box, x, fun, tolerance, np.arange(len(x)))
        same = self.clustering.components((x - self.box.lower) / self.box.width, fun, noise)
        first = np.unique(same, return_index=True)[1]
        count, border = (np.bincount(same, weights=n, minlength=len(first)).astype(np.int64) for n in (count, border))
        self.found = Points(x[first], fun[first], noise[first], zero[first], count, border)


def _mode_weights(dim: int) -> list[NDArray[np.float64]]:
    """Directions in the eigenvectors of a minimum, softest first: along each mode, and half-way between two."""
    unit = np.eye(dim)
    ways = [sign * unit[k] for k in range(min(dim, _MODES)) for sign in (1.0, -1.0)]
    pairs = itertools.combinations(unit[: min(dim, _BETWEEN)], 2)
    return ways + [one * a + two * b for a, b in pairs for one in (0.5, -0.5) for two in (0.5, -0.5)]
