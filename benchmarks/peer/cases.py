"""The problems on which batchgd and its peers are compared: the same function, starts, method and stopping rule.

A gradient is written once, by hand, for arrays of shape (d,) or (d, n) of any library that has NumPy's names. The peers
run this gradient, so none of them pays for automatic differentiation. batchgd traces ``fun`` as it does for any
user. Learning rates are below 1 / L of the whole box if the number of iterations is then bearable, so that a
trajectory follows the gradient flow and every peer must find the same minimum from the same start.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .eckerle4 import eckerle4
from .eckerle4 import gradient as eckerle4_gradient
from .own import (
    barrier,
    barrier_gradient,
    chain,
    chain_gradient,
    network,
    network_gradient,
    wells,
    wells_gradient,
)

DESCENT = "descent"
"""Gradient descent with a constant rate: every peer makes the same updates and stops by the same test."""

SOLVE = "solve"
"""Each peer's own adaptive or quasi-Newton method, to the same gradient norm."""

LANDSCAPE = "landscape"
"""Gradient descent, and then the distinct minima with the number of starts that reached each."""

ADAM = "adam"
"""Adam with a constant rate, and a given number of updates: data is summed over in each of them."""


@dataclass(frozen=True)
class Case:
    """One comparison.

    ``gtol`` is given per dtype, because float32 resolves a gradient no better than curvature times rounding, and only
    for dtypes in which the case makes sense.
    ``capped`` is True if ``maxiter`` and not ``gtol`` is meant to end the trajectories. ``starts`` overrides the
    requested number of starts, ``slow_starts`` is the number for a serial peer.
    """

    name: str
    title: str
    fun: Any
    dim: int
    box: tuple[float, float]
    gradient: Callable[[Any, Any], Any]
    scalar: str
    learning_rate: float
    gtol: dict[str, float] = field(default_factory=lambda: {"float64": 1e-6, "float32": 1e-2})
    maxiter: int = 10_000
    capped: bool = False
    kind: str = DESCENT
    starts: int | None = None
    slow_starts: int = 256
    remark: str = ""

    def points(self, n: int, dtype: str, seed: int = 0) -> np.ndarray:
        """Return n starts, uniform in the box, as (n, d) numbers that are the same in every dtype."""
        lower, upper = self.box
        points = lower + (upper - lower) * np.random.default_rng(seed).random((n, self.dim), np.float32)
        return np.ascontiguousarray(points, dtype)

    def gradient_norms(self, x: np.ndarray) -> np.ndarray:
        """Return the gradient norm at each row, in float64 regardless of the peer's dtype."""
        with np.errstate(all="ignore"):
            return np.linalg.norm(self.gradient(np, np.asarray(x, np.float64).T), axis=0)


def rastrigin_gradient(xp: Any, x: Any) -> Any:
    """Rastrigin: 2 x_i + 20 π sin(2 π x_i)."""
    return 2.0 * x + (20.0 * math.pi) * xp.sin((2.0 * math.pi) * x)


def styblinski_tang_gradient(xp: Any, x: Any) -> Any:
    """Styblinski-Tang: 2 x_i³ - 16 x_i + 5/2."""
    return x * (2.0 * x * x - 16.0) + 2.5


def himmelblau_gradient(xp: Any, x: Any) -> Any:
    """Himmelblau: 4 a x + 2 b, 2 a + 4 b y with a = x² + y - 11, b = x + y² - 7."""
    a, b = x[0] * x[0] + x[1] - 11.0, x[0] + x[1] * x[1] - 7.0
    return xp.stack([4.0 * a * x[0] + 2.0 * b, 2.0 * a + 4.0 * b * x[1]], 0)


def rosenbrock_gradient(xp: Any, x: Any) -> Any:
    """Rosenbrock: with a_i = x_(i+1) - x_i², -400 a_i x_i - 2 (1 - x_i) and 200 a_(i-1)."""
    head, none = x[:-1], xp.zeros_like(x[:1])
    a = x[1:] - head * head
    own = -400.0 * a * head - 2.0 * (1.0 - head)
    return xp.concatenate([own, none], 0) + xp.concatenate([none, 200.0 * a], 0)


MERGING = 0.995
"""The place of the barrier of :func:`heavy_tail`: close to its second minimum at 1."""


def heavy_tail(x):
    """Two minima in x_0, at 0 and at 1, with curvatures that differ by 200; a parabola in x_1.

    f(x) = x_0⁴/4 - (1 + b) x_0³/3 + b x_0²/2 + x_1²/2, b = 0.995: half a per cent of [-1, 1] is in the basin of
    the flat minimum at 1 or leaves the barrier at b slowly.
    """
    t = x[0]
    return t**4 / 4.0 - (1.0 + MERGING) * t**3 / 3.0 + MERGING * t**2 / 2.0 + x[1] ** 2 / 2.0


def heavy_tail_gradient(xp: Any, x: Any) -> Any:
    """Heavy tail: x_0 (x_0 - b) (x_0 - 1), x_1."""
    return xp.stack([x[0] * (x[0] - MERGING) * (x[0] - 1.0), x[1]], 0)


CASES = {
    case.name: case
    for case in (
        Case(
            "rastrigin",
            "10-D Rastrigin",
            "rastrigin",
            10,
            (-5.12, 5.12),
            rastrigin_gradient,
            "rastrigin",
            1e-3,
            remark="L = 397",
        ),
        Case(
            "styblinski_tang",
            "8-D Styblinski-Tang",
            "styblinski_tang",
            8,
            (-5.0, 5.0),
            styblinski_tang_gradient,
            "styblinski_tang",
            0.01,
            remark="L = 134 in the corners, 34.6 at the deep minima; no step crosses a barrier",
        ),
        Case(
            "himmelblau",
            "2-D Himmelblau",
            "himmelblau",
            2,
            (-6.0, 6.0),
            himmelblau_gradient,
            "himmelblau",
            1e-3,
            remark="0.02 % of the labels differ from gradient flow at this rate",
        ),
        Case(
            "rosenbrock",
            "20-D Rosenbrock, 500 updates",
            "rosenbrock",
            20,
            (-2.0, 2.0),
            rosenbrock_gradient,
            "rosenbrock",
            1.5e-4,
            maxiter=500,
            capped=True,
            remark="condition number 2500: to converge at a stable rate takes 1e5 updates, so maxiter ends each one",
        ),
        Case(
            "wells",
            "five Gaussian wells in 3-D",
            wells,
            3,
            (-2.0, 2.0),
            wells_gradient,
            "wells",
            0.05,
            gtol={"float64": 1e-6, "float32": 1e-4},
            remark="L = 4",
        ),
        Case(
            "chain",
            "6-D chain of angles",
            chain,
            6,
            (-3.0, 3.0),
            chain_gradient,
            "chain",
            0.1,
            gtol={"float64": 1e-6, "float32": 1e-4},
            remark="L = 2",
        ),
        Case(
            "barrier",
            "4-D rational wells within a barrier",
            barrier,
            4,
            (-1.5, 1.5),
            barrier_gradient,
            "barrier",
            0.05,
            gtol={"float64": 1e-6, "float32": 1e-4},
            remark="L = 6",
        ),
        Case(
            "network",
            "3-8-1 tanh network over 200 rows, 2,000 updates of Adam",
            network,
            41,
            (-1.0, 1.0),
            network_gradient,
            "network",
            0.01,
            gtol={"float64": 1e-12, "float32": 1e-12},
            maxiter=2000,
            capped=True,
            kind=ADAM,
            starts=500,
            remark="every update sums over all rows",
        ),
        Case(
            "heavy_tail",
            "heavy tail",
            heavy_tail,
            2,
            (-1.0, 1.0),
            heavy_tail_gradient,
            "heavy_tail",
            0.2,
            gtol={"float64": 1e-9},
            maxiter=100_000,
            remark="minima of curvature 1 and 0.005; half a per cent of the starts need up to 100 times the mean. "
            "No float32: it cannot resolve the gradient at the flat minimum",
        ),
        Case(
            "rastrigin_minima",
            "all 121 minima of 2-D Rastrigin, with counts",
            "rastrigin",
            2,
            (-5.12, 5.12),
            rastrigin_gradient,
            "rastrigin",
            1e-3,
            kind=LANDSCAPE,
            starts=1_000_000,
            remark="peers: endpoints rounded to 1e-3 of the box and counted by np.unique; batchgd: `multistart`, which "
            "also polishes and classifies the minima",
        ),
        Case(
            "styblinski_tang_solve",
            "10-D Styblinski-Tang, each with its own method",
            "styblinski_tang",
            10,
            (-5.0, 5.0),
            styblinski_tang_gradient,
            "styblinski_tang",
            0.01,
            kind=SOLVE,
            starts=16_384,
            remark="long steps may cross barriers, so methods may end in different minima from the same start",
        ),
        Case(
            "eckerle4_solve",
            "NIST Eckerle4, each with its own method",
            eckerle4,
            3,
            (0.0, 1.0),
            eckerle4_gradient,
            "eckerle4",
            0.01,
            gtol={"float64": 1e-6},
            kind=SOLVE,
            starts=16_384,
            remark="35 points, 3 parameters scaled to [0, 1]. No float32: it cannot resolve this gradient",
        ),
    )
}
"""Every case by name."""
