"""Scales of an objective: typical sizes over its box, and the rounding of its values at a point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from batchgd.problem.box import Box

EPS = float(np.finfo(np.float64).eps)
_SAMPLES = 256
_HESSIANS = 1 << 18  # numbers in all Hessians: those of 256 points in 32 dimensions, of 32 in 90 and more
_OPERATIONS = 1 << 19  # in all gradients of the points with Hessians: those of 256 for 2,048, of 32 for 16,384
_SAMPLES_OF_PLAIN = 32  # for a function that is called as plain Python
_ROWS = 1 << 16
_NEIGHBOURS = 2  # enough for an order of magnitude
_STRAY = 1024.0  # coordinates are known to an ulp of their own, or of this part of the box


class Derivable(Protocol):
    """What the minima need of an objective: value, gradient and Hessian of (n, d) points in float64."""

    def value(self, x: Any) -> Any:
        """Values, (n,)."""

    def value_and_gradient(self, x: Any) -> tuple[Any, Any]:
        """Values, (n,), and gradients, (n, d)."""

    def hessian(self, x: Any) -> Any:
        """Hessians, (n, d, d)."""


@dataclass(frozen=True)
class Scale:
    """Typical sizes over the box, in coordinates measured in box widths (u = (x - lower) / width).

    ``slope`` and ``curvature`` are medians, over fixed sample points, of the largest component of gradient and Hessian,
    ``value`` is the median distance of values from their median (zeros, as on plateaus, do not count). They scale with
    the objective if it is multiplied by a constant or stretched together with its box.
    """

    slope: float
    curvature: float
    value: float


def measure(objective: Derivable, box: Box) -> Scale:
    """Sample the box at 256 fixed points, fewer for dear Hessians, and take the medians of the finite ones."""
    points, counts = samples(objective, box), getattr(objective, "counts", None)
    operations = 1 if counts is None else max(1, counts.total)
    few = max(_SAMPLES_OF_PLAIN, min(_HESSIANS // box.dim**2, _OPERATIONS // operations))
    with np.errstate(all="ignore"):
        value, gradient = (np.asarray(part) for part in objective.value_and_gradient(points))
        curvature = np.abs(scaled(objective.hessian(points[:few]), box)).max(axis=(1, 2))
    return Scale(typical_slope(gradient, box), _median(curvature), _spread(value))


def typical_value(objective: Any, box: Box) -> float:
    """``Scale.value`` alone, without derivatives."""
    with np.errstate(all="ignore"):
        return _spread(np.asarray(objective.value(samples(objective, box))))


def typical_slope(gradient: NDArray[np.float64], box: Box) -> float:
    """``Scale.slope`` from the gradients at sample points."""
    with np.errstate(all="ignore"):
        return _median(np.abs(gradient * box.width).max(axis=1))


def rounding(
    objective: Derivable,
    box: Box,
    x: NDArray[np.float64],
    fun: NDArray[np.float64],
    neighbours: int = _NEIGHBOURS,
) -> NDArray[np.float64]:
    """Rounding in the values ``fun`` at ``x``, (m,): eight times the largest difference within four ulps.

    It is measured, because no bound is any good: sums that cancel round by more than ``eps |f|``, and by far less than
    a large curvature suggests if the function is rough. If the slope does not vanish, the rounding of x is included.
    """
    if len(x) == 0:
        return np.zeros(0)
    ways = np.random.default_rng(box.dim).choice([-4.0, -2.0, -1.0, 1.0, 2.0, 4.0], (neighbours, box.dim))
    ulp = EPS * np.maximum(np.abs(x), box.width / _STRAY)
    differ = EPS * np.abs(fun)
    for way in ways:
        off = np.abs(values(objective, x + way * ulp) - fun)
        differ = np.where(np.isfinite(off), np.maximum(differ, off), differ)
    return 8.0 * differ


def points_at_once(box: Box) -> int:
    """Points whose Hessians, and the values around them, are worked on together: a fraction of a second at most."""
    return int(np.clip((1 << 20) // (box.dim**2 + 1), 64, 1 << 14))


def scaled(hessian: NDArray[np.float64], box: Box) -> NDArray[np.float64]:
    """The Hessian in coordinates measured in box widths."""
    width = box.width
    return hessian * width * width[:, None]


def values(objective: Derivable, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values in chunks of bounded memory; non-finite values count as infinitely high."""
    with np.errstate(all="ignore"):
        parts = [np.asarray(objective.value(x[k : k + _ROWS])) for k in range(0, len(x), _ROWS)]
    height = np.concatenate([np.empty(0), *parts])
    return np.where(np.isfinite(height), height, np.inf)


def samples(objective: Any, box: Box) -> NDArray[np.float64]:
    """Points of the box at which scales are measured, the same in every run."""
    n = _SAMPLES_OF_PLAIN if getattr(objective, "plain", False) else _SAMPLES
    return box.lower + box.width * np.random.default_rng(256).random((n, box.dim))


def _spread(values: NDArray[np.float64]) -> float:
    values = values[np.isfinite(values)]
    apart = np.abs(values - np.median(values)) if len(values) else values
    apart = apart[apart > 0]
    return float(np.median(apart)) if len(apart) else 1.0


def _median(values: NDArray[np.float64]) -> float:
    values = values[np.isfinite(values)]
    # A function that is nowhere finite, or constant, leaves nothing to compare with: then only exact zeros count.
    return max(float(np.median(values)) if len(values) else 0.0, float(np.finfo(np.float64).tiny))
