"""Data sets that benchmarks fit by the thousand: decays of 50 points, and spots of 15 x 15 pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Limits = dict[str, tuple[float, float, float]]
"""Start, lower and upper limit of each parameter."""

TIMES = np.linspace(0.0, 4.0, 50)
DECAY_LIMITS: Limits = {"a": (2.5, 0.0, 8.0), "k": (1.0, 0.01, 6.0), "c": (0.5, -1.0, 4.0)}

SIDE = 15
PIXELS = np.stack([each.ravel() for each in np.meshgrid(np.arange(SIDE, dtype=float), np.arange(SIDE, dtype=float))])
SPOT_LIMITS: Limits = {
    "amplitude": (100.0, 0.0, 500.0),
    "x0": (7.0, 0.0, 14.0),
    "y0": (7.0, 0.0, 14.0),
    "wide": (1.5, 0.5, 6.0),
    "high": (2.5, 0.5, 6.0),
    "angle": (0.7, -1.6, 3.2),
    "background": (10.0, -50.0, 100.0),
}


def decay(t: Any, a: Any, k: Any, c: Any) -> Any:
    """An exponential and a background."""
    return a * np.exp(-k * t) + c


def spot(x: Any, amplitude: Any, x0: Any, y0: Any, wide: Any, high: Any, angle: Any, background: Any) -> Any:
    """A rotated Gaussian and a background."""
    c, s, dx, dy = np.cos(angle), np.sin(angle), x[0] - x0, x[1] - y0
    u, v = (c * dx + s * dy) / wide, (c * dy - s * dx) / high
    return amplitude * np.exp(-0.5 * (u * u + v * v)) + background


def decays(n: int) -> Floats:
    """Return n of them, (n, 50), with noise."""
    rng = np.random.default_rng(0)
    true = rng.uniform([0.5, 0.3, 0.0], [5.0, 3.0, 2.0], (n, 3))
    y: Floats = decay(TIMES, *true.T[:, :, None]) + 0.02 * rng.normal(size=(n, 50))
    return y


def spots(n: int) -> Floats:
    """Return n of them, (n, 225), with noise."""
    rng = np.random.default_rng(1)
    true = rng.uniform([50, 5.5, 5.5, 1.2, 2.2, 0.3, 5], [200, 8.5, 8.5, 1.8, 3.2, 1.2, 20], (n, 7))
    y: Floats = spot(PIXELS, *true.T[:, :, None]) + rng.normal(size=(n, SIDE * SIDE))
    return y


def starting(limits: Limits) -> dict[str, Any]:
    """Return parameters of ``bgd.fit`` that start at one point, between limits."""
    import batchgd as bgd

    return {name: bgd.Parameter(*each) for name, each in limits.items()}
