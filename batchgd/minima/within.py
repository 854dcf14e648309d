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

    def __init__(self, objective: Any, bounds: Bounds, box: Box) -> None:
        self._objective, self.bounds, self._box = objective, bounds, box
        self.plain = getattr(objective, "plain", False)
        self.symmetry = getattr(objective, "symmetry", None)

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
        hessian = np.where(held[:, :, None] | held[:, None, :], 0.0, self._objective.hessian(x))
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

    def _held(self, x: Floats, g: Floats) -> NDArray[np.bool_]:
        lower, upper = self.bounds.lower, self.bounds.upper
        return ((x <= lower) & (g > 0.0)) | ((x >= upper) & (g < 0.0)) | self.bounds.fixed


def within(objective: Any, bounds: Bounds | None, box: Box) -> Any:
    """Return an objective within bounds, or as it is if there are none."""
    return objective if bounds is None else Within(objective, bounds, box)


def kept_within(objective: Any, x: Floats) -> Floats:
    """Return points moved into the bounds, if the objective has any."""
    return objective.bounds.clip(x) if isinstance(objective, Within) else x
