"""An objective within bounds, as polishing and classification see it: points outside count as the nearest ones inside.

Its gradient is projected, and its Hessian that of the free coordinates: one that rests on a bound, with a slope that
pushes it there, rises as steeply as the stiffest of the others. So a point of a face is stationary if its multipliers
push outwards and the gradient vanishes in the face, and a minimum if the Hessian of the face is positive definite
(Nocedal and Wright 2006, theorem 12.6). A coordinate that rests without a slope is weakly active: it counts as free,
and ``faces.py`` decides about the point if the Hessian does not.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.plain.differences import EPS, relative_step, steps
from batchgd.minima.faces import strictly_copositive
from batchgd.minima.scale import samples, typical_slope
from batchgd.problem.bounds import Bounds, kept_within
from batchgd.problem.box import Box

Floats = NDArray[np.float64]

_NONE = 1e-8  # box widths within which the curvature makes up for a slope that counts as none
_BLUR = 1e-12  # box widths to which the other coordinates are known
_ROUNDED = 1e-13  # of the typical slope: less may be rounding
_NEXT_TO = 1e-9  # box widths: a coordinate this close to a bound, without a slope, is on it but for rounding


class Within:
    """Value, gradient and Hessian of an objective, none of them taken outside.

    >>> class Slope:  # x
    ...     def value_and_gradient(self, x): return x[:, 0], np.ones_like(x)
    >>> slope = Within(Slope(), Bounds.parse([(0, 9)]), Box([0], [9]))
    >>> f, g = slope.value_and_gradient(np.array([[-1.0], [0.0], [2.0]]))
    >>> f.tolist(), g.ravel().tolist()
    ([0.0, 0.0, 2.0], [0.0, 0.0, 1.0])
    """

    def __init__(self, objective: Any, bounds: Bounds, box: Box, *, exact: bool = True) -> None:
        self._objective, self.bounds, self._box, self._exact = objective, bounds, box, exact
        self.plain = getattr(objective, "plain", False)
        self.symmetry, self.counts = getattr(objective, "symmetry", None), getattr(objective, "counts", None)

    def value(self, x: Any) -> Floats:
        """Values, (n,)."""
        return np.asarray(self._objective.value(self.bounds.clip(np.asarray(x, np.float64))))

    def value_and_gradient(self, x: Any) -> tuple[Floats, Floats]:
        """Values, (n,), and projected gradients, (n, d)."""
        x = self.bounds.clip(np.asarray(x, np.float64))
        f, g = self._objective.value_and_gradient(x)
        return np.asarray(f), np.where(self._pushed(x, np.asarray(g), 0.0), 0.0, g)

    def gradient(self, x: Any) -> Floats:
        """Projected gradients, (n, d)."""
        return self.value_and_gradient(x)[1]

    def hessian(self, x: Any) -> Floats:
        """Hessians of the free coordinates, (n, d, d)."""
        x = self.bounds.clip(np.asarray(x, np.float64))
        g, second, width = self._slope(x), self._second(x), self._box.width
        held = self._pushed(x, g, self._least(second))
        hessian = np.where(held[:, :, None] | held[:, None, :], 0.0, second)
        stiffest = np.abs(hessian * width[:, None] * width).max(axis=(1, 2))
        steepest = np.abs(g * width).max(axis=1)
        rise = np.where(stiffest > 0.0, stiffest, np.where(steepest > 0.0, steepest, 1.0))
        row, axis = np.nonzero(held)
        hessian[row, axis, axis] = rise[row] / width[axis] ** 2
        return np.asarray(hessian)

    def active(self, x: Floats) -> NDArray[np.int8]:
        """-1, 0 or 1 for each coordinate: is on its lower bound, on none, on its upper one; fixed ones: -1."""
        return np.where(x <= self.bounds.lower, -1, np.where(x >= self.bounds.upper, 1, 0)).astype(np.int8)

    def multipliers(self, x: Floats) -> Floats:
        """The derivative of the value by each coordinate that is on a bound, 0 if there is no slope; 0 for the others.

        It is that of a minimum's value by the bound as well.
        """
        return np.where((self.active(x) != 0) & self._steep(x), self._slope(x), 0.0)

    def held(self, x: Floats) -> NDArray[np.bool_]:
        """Which coordinates rest on a bound that a slope pushes them against, or are fixed."""
        return self._pushed(x, self._slope(x), 0.0) & (self._steep(x) | self.bounds.fixed)

    def tangent(self, x: Floats, ways: Floats) -> Floats:
        """Directions, (n, k, d), within the bounds: 0 in held coordinates, turned back where they would leave."""
        side = self.active(x)[:, None, :]
        inwards = np.where(ways * side > 0, -ways, ways)
        return np.where(self.held(x)[:, None, :], 0.0, inwards)

    def onto_bounds(self, x: Floats) -> Floats:
        """Points whose coordinates next to a bound, where there is no slope, are on it."""
        lower, upper, near = self.bounds.lower, self.bounds.upper, _NEXT_TO * self._box.width
        close = (np.abs(x - lower) <= near) | (np.abs(x - upper) <= near)
        rows = np.flatnonzero((close & (self.active(x) == 0)).any(axis=1))
        if len(rows) == 0:
            return x
        flat, out = np.abs(self._slope(x[rows])) <= self._least(self._second(x[rows])), x.copy()
        below, above = (np.abs(x[rows] - end) <= near for end in (lower, upper))
        out[rows] = np.where(flat & below, lower, np.where(flat & above, upper, x[rows]))
        return out

    def rises(self, x: Floats) -> NDArray[np.bool_]:
        """Which stationary points are minima because the weakly active coordinates can only move inwards."""
        held, side = self.held(x), self.active(x)
        weak = (side != 0) & ~held
        out = np.zeros(len(x), np.bool_)
        rows = np.flatnonzero(weak.any(axis=1))
        hessian = self.hessian(x[rows]) * self._box.width * self._box.width[:, None]
        for row, second in zip(rows, hessian, strict=True):
            out[row] = strictly_copositive(second, np.where(weak[row], -side[row], 0), held[row])
        return out

    def _by_differences(self, x: Floats) -> Floats:
        """Hessians by differences of gradients, one-sided at a bound: the objective's own may reach beyond it."""
        step, out = steps(relative_step(EPS, 3), self._box.width, x), np.zeros((*x.shape, x.shape[1]))
        for axis in range(x.shape[1]):
            ends = [x.copy(), x.copy()]
            ends[0][:, axis] -= step[:, axis]
            ends[1][:, axis] += step[:, axis]
            below, above = map(self.bounds.clip, ends)
            apart = (above[:, axis] - below[:, axis])[:, None]
            change = self._objective.value_and_gradient(above)[1] - self._objective.value_and_gradient(below)[1]
            out[:, :, axis] = np.where(apart > 0.0, change / np.where(apart > 0.0, apart, 1.0), 0.0)
        return 0.5 * (out + out.transpose(0, 2, 1))

    def _second(self, x: Floats) -> Floats:
        """Hessians, of all coordinates."""
        with np.errstate(all="ignore"):
            return np.asarray(self._objective.hessian(x) if self._exact else self._by_differences(x))

    def _slope(self, x: Floats) -> Floats:
        """Gradients, not projected, (n, d)."""
        with np.errstate(all="ignore"):
            return np.asarray(self._objective.value_and_gradient(x)[1], np.float64)

    def _pushed(self, x: Floats, g: Floats, least: Any) -> NDArray[np.bool_]:
        """Which coordinates rest on a bound that a slope above ``least`` pushes them against, or are fixed."""
        below, above = x <= self.bounds.lower, x >= self.bounds.upper
        return (below & (g > least)) | (above & (g < -least)) | self.bounds.fixed

    def _steep(self, x: Floats) -> NDArray[np.bool_]:
        """Which coordinates have a slope, (n, d); those of points that are on no bound need not be looked at."""
        out = np.ones(x.shape, np.bool_)
        rows = np.flatnonzero(((self.active(x) != 0) & ~self.bounds.fixed).any(axis=1))
        if len(rows):
            out[rows] = np.abs(self._slope(x[rows])) > self._least(self._second(x[rows]))
        return out

    def _least(self, second: Floats) -> Floats:
        """The slopes that count as none, (n, d): the curvature makes up for them within no distance, or rounding."""
        bent = np.nan_to_num(np.abs(second) * self._box.width, posinf=0.0)
        own = np.diagonal(bent, axis1=1, axis2=2)
        return np.asarray(np.maximum(np.maximum(_NONE * own, _BLUR * bent.max(axis=2)), self._rounded))

    @cached_property
    def _rounded(self) -> Floats:
        """What rounding may leave of a slope, (d,)."""
        g = self._slope(self.bounds.clip(samples(self._objective, self._box)))
        return _ROUNDED * typical_slope(g, self._box) / self._box.width


def within(evaluator: Any, bounds: Bounds | None, box: Box, objective: Any = None) -> Any:
    """Return what evaluates an objective, or an objective itself, within bounds, or as it is if there are none."""
    if bounds is None:
        return evaluator
    objective = evaluator if objective is None else objective
    exact = objective.bounds is not None if objective.plain else objective.code is None
    return Within(evaluator, bounds, box, exact=exact)


def moved_within(objective: Any, x: Floats) -> Floats:
    """Return points moved into the bounds, if the objective has any."""
    return kept_within(objective.bounds if isinstance(objective, Within) else None, x)


def tangent(objective: Any, x: Floats, ways: Floats) -> Floats:
    """Return directions from points, (n, k, d), turned into the bounds, if the objective has any."""
    return objective.tangent(x, ways) if isinstance(objective, Within) else ways
