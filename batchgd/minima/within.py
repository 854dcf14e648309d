"""An objective within bounds, as polishing and classification see it: points outside count as the nearest ones inside.

Its gradient is projected, and its Hessian that of the free coordinates: one that rests on a bound, with a slope that
pushes it there, rises as steeply as the stiffest of the others. So a point of a face is stationary if its multipliers
push outwards and the gradient vanishes in the face, and a minimum if the Hessian of the face is positive definite
(Nocedal and Wright 2006, theorem 12.6).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.plain.differences import EPS, relative_step, steps
from batchgd.problem.bounds import Bounds
from batchgd.problem.box import Box

Floats = NDArray[np.float64]


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
        return np.asarray(f), np.where(self._held(x, np.asarray(g)), 0.0, g)

    def gradient(self, x: Any) -> Floats:
        """Projected gradients, (n, d)."""
        return self.value_and_gradient(x)[1]

    def hessian(self, x: Any) -> Floats:
        """Hessians of the free coordinates, (n, d, d)."""
        x = self.bounds.clip(np.asarray(x, np.float64))
        _, g = self._objective.value_and_gradient(x)
        held, width = self._held(x, np.asarray(g)), self._box.width
        second = self._objective.hessian(x) if self._exact else self._by_differences(x)
        hessian = np.where(held[:, :, None] | held[:, None, :], 0.0, second)
        stiffest = np.abs(hessian * width[:, None] * width).max(axis=(1, 2))
        steepest = np.abs(np.asarray(g) * width).max(axis=1)
        rise = np.where(stiffest > 0.0, stiffest, np.where(steepest > 0.0, steepest, 1.0))
        row, axis = np.nonzero(held)
        hessian[row, axis, axis] = rise[row] / width[axis] ** 2
        return np.asarray(hessian)

    def active(self, x: Floats) -> NDArray[np.int8]:
        """-1, 0 or 1 for each coordinate: rests on its lower bound, is free, rests on its upper one; fixed ones: -1."""
        _, g = self._objective.value_and_gradient(x)
        side = np.where(x <= self.bounds.lower, -1, 1)
        return np.where(self._held(x, np.asarray(g)), side, 0).astype(np.int8)

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

    def _held(self, x: Floats, g: Floats) -> NDArray[np.bool_]:
        lower, upper = self.bounds.lower, self.bounds.upper
        return ((x <= lower) & (g > 0.0)) | ((x >= upper) & (g < 0.0)) | self.bounds.fixed


def within(evaluator: Any, bounds: Bounds | None, box: Box, objective: Any) -> Any:
    """Return what evaluates an objective within bounds, or as it is if there are none."""
    if bounds is None:
        return evaluator
    return Within(evaluator, bounds, box, exact=not objective.plain and objective.code is None)


def kept_within(objective: Any, x: Floats) -> Floats:
    """Return points moved into the bounds, if the objective has any."""
    return objective.bounds.clip(x) if isinstance(objective, Within) else x
