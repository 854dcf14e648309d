"""Convex quadratics over a box, solved exactly: of all faces, the one whose stationary point meets the conditions."""

import itertools
from typing import NamedTuple

import numpy as np


class Solution(NamedTuple):
    """The minimum of x'Hx / 2 + c'x over a box, SciPy's ``active_mask``, and the slope at each active bound."""

    x: np.ndarray
    active: np.ndarray
    multipliers: np.ndarray


def quadratic(d, seed, stiffest=60.0):
    """H and c of a convex quadratic in d dimensions, and lower and upper ends of a box that cuts off its minimum."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(d, d))
    h = a @ a.T + 0.5 * np.eye(d)
    h *= stiffest / np.linalg.eigvalsh(h)[-1]
    return h, 0.5 * stiffest * rng.normal(size=d) / np.sqrt(d), -rng.uniform(0.2, 1.0, d), rng.uniform(0.2, 1.0, d)


def solved(h, c, lower, upper):
    """The solution: feasible, no slope in the free coordinates, and slopes at bounds that push outwards."""
    for face in itertools.product((0, -1, 1), repeat=len(c)):
        side = np.array(face)
        free, x = side == 0, np.where(side < 0, lower, upper)
        if free.any():
            x[free] = np.linalg.solve(h[np.ix_(free, free)], -(c[free] + h[np.ix_(free, ~free)] @ x[~free]))
        slope = h @ x + c
        if (x >= lower).all() and (x <= upper).all() and (slope[~free] * side[~free] < 0).all():
            return Solution(x, side, np.where(free, 0.0, slope))
    raise AssertionError("no face meets the conditions")
