"""Bounds in pictures of a plane: the lines that x does not cross, and what is beyond them."""

from typing import Any

import numpy as np

from batchgd.output.plot.canvas import grid_values
from batchgd.output.plot.style import INK

_MARGIN = 0.04  # of the region, beyond a bound at its side, so that marks on the bound are whole
_BEYOND = "#e4e4e4"


def with_margin(bounds: Any, lower: Any, upper: Any, pair: Any = (0, 1)) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners to draw: those of the region, and a little more where it reaches a bound."""
    lower, upper = np.asarray(lower, float), np.asarray(upper, float)
    if bounds is None:
        return lower, upper
    pad, (low, high) = _MARGIN * (upper - lower), _ends(bounds, pair)
    return lower - np.where(lower <= low, pad, 0.0), upper + np.where(upper >= high, pad, 0.0)


def values_within(
    objective: Any, bounds: Any, lower: Any, upper: Any, side: int = 201, base: Any = None, pair: Any = (0, 1)
) -> Any:
    """Return what :func:`grid_values` returns, of the region within the bounds: no point beyond them is evaluated."""
    if bounds is not None:
        lower, upper = (np.clip(corner, *_ends(bounds, pair)) for corner in (lower, upper))
    return grid_values(objective, lower, upper, side, base, pair)


def draw_bounds(ax: Any, bounds: Any, pair: Any = (0, 1)) -> None:
    """Draw the bounds of two coordinates, and shade what is beyond; the axes have their limits already."""
    if bounds is None:
        return
    frame = np.array([ax.get_xlim(), ax.get_ylim()])
    ends = np.stack(_ends(bounds, pair), axis=1)
    sides = np.clip(ends, frame[:, :1], frame[:, 1:])
    for axis, (span, line) in enumerate(((ax.axvspan, ax.vlines), (ax.axhspan, ax.hlines))):
        for end, beyond in zip(ends[axis], frame[axis], strict=True):
            if frame[axis, 0] <= end <= frame[axis, 1]:
                span(min(end, beyond), max(end, beyond), color=_BEYOND, linewidth=0, zorder=2.4, gid="beyond")
                line(end, *sides[1 - axis], color=INK, linewidth=1.6, zorder=2.5, gid="bound")
    ax.set_xlim(*frame[0])
    ax.set_ylim(*frame[1])


def _ends(bounds: Any, pair: Any) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bounds of two coordinates."""
    return bounds.lower[list(pair)], bounds.upper[list(pair)]
