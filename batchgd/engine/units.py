"""Units of x and f: coordinates in which steps are measured, and the slope below which a point is at rest.

Scaled coordinates are u = x / s with s a power of two per coordinate, so that x, u and the function's value agree to
the last bit, and a descent in u is the descent in x with the steps of another metric: x <- x - η s² ∇f(x).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from batchgd.problem import check
from batchgd.problem.bounds import Bounds, kept_within
from batchgd.problem.box import Box
from batchgd.problem.coordinates import Coordinates
from batchgd.problem.errors import InputError, quoted
from batchgd.problem.samplings import Points, Starts, uniform_in_box
from batchgd.problem.stopping import GTOL

if TYPE_CHECKING:
    from batchgd.compiler.differentiable import Differentiable
    from batchgd.kernels.plan import Endpoints
    from batchgd.problem.methods import Method

UNLIKE = 10.0
"""Widths of the box that differ by more than this factor are different units."""

RESTING = 1e-8
"""A point is at rest when a move by a box width would change f by this share of the most that it does at a sample."""

SAMPLE, _SAMPLE_OF_PLAIN = 64, 16


def chosen(scale: Any, box: Box, method: Method) -> NDArray[np.float64] | None:
    """Return the scale of each coordinate, a power of two, or None for steps in x itself.

    Parameters
    ----------
    scale : "auto", "box", None, or sequence of float
        What :func:`batchgd.multistart` was given. ``"auto"`` takes the box if its widths differ by more than
        ``UNLIKE`` and no setting of the method is in units of x.

    Raises
    ------
    InputError
        For anything else, and for a number of widths that is not the number of coordinates.

    >>> from batchgd.problem.methods import BarzilaiBorwein
    >>> chosen("auto", Box([0, 0], [1, 1000]), BarzilaiBorwein()).tolist()
    [1.0, 1024.0]
    >>> chosen("auto", Box([0, 0], [1, 2]), BarzilaiBorwein()) is None
    True
    """
    if scale is None:
        return None
    if isinstance(scale, str):
        if check.one_of("scale", scale, ("auto", "box")) == "auto":
            unlike = box.width.min() < box.width.max() / UNLIKE
            if not (unlike and method.unit_free):
                return None
        return _powers_of_two(box.width)
    widths = check.finite("scale contains", scale, "give 'auto', 'box', None, or one positive width per coordinate")
    if widths.shape != (box.dim,) or not (widths > 0.0).all():
        raise InputError(f"scale is {quoted(scale)}: give 'auto', 'box', None, or {box.dim} positive widths")
    return _powers_of_two(widths)


def resting_slope(
    objective: Differentiable, box: Box, scale: NDArray[np.float64] | None, bounds: Bounds | None = None
) -> float:
    """Return the default of ``gtol``: 1e-6, or less if f is flat or x is large.

    With g the gradient and w the widths of the box it is ``RESTING`` max |g_i w_i| / max w_i, the largest product over
    a sample of points of the box. It depends only on the function and the box, and is measured in the scaled
    coordinates of a run, if it has them.
    """
    sample = np.arange(_SAMPLE_OF_PLAIN if objective.plain else SAMPLE, dtype=np.uint64)
    points = uniform_in_box(0, sample, box, "float64")
    points = kept_within(bounds, points)
    widest = (box.width if scale is None else box.width / scale).max()
    with np.errstate(all="ignore"):
        change = np.abs(objective.gradient(points) * box.width)
        slope = RESTING * change[np.isfinite(change)].max(initial=0.0) / widest
    return float(min(GTOL, slope)) or GTOL


class ScaledStarts(Starts):
    """Starts in scaled coordinates."""

    def __init__(self, whole: Starts, scale: NDArray[np.float64]) -> None:
        super().__init__(whole.n, whole.dim)
        self._whole, self._scale = whole, scale
        self.name, self.in_kernel, self.number = whole.name, whole.in_kernel, whole.number

    def points(self, first: int, stop: int) -> Points:
        """Return starts first..stop-1."""
        return self._whole.points(first, stop) / self._scale


class OutwardStarts(Starts):
    """Starts in x of ``inner`` ones, which are drawn in the coordinates of a batch's ``inside``."""

    def __init__(self, inner: Starts, at: Coordinates) -> None:
        super().__init__(inner.n, inner.dim)
        self.inner, self._at = inner, at
        self.name, self.number, self.independent = inner.name, inner.number, inner.independent  # type: ignore[misc]
        self.interval_note, self.open_ended = inner.interval_note, inner.open_ended

    def points(self, first: int, stop: int) -> Points:
        """Return starts first..stop-1."""
        return self._at.outward(self.inner.points(first, stop))

    def part(self, first: int, stop: int) -> Starts:
        """Return the starts first..stop-1, numbered from 0."""
        return OutwardStarts(self.inner.part(first, stop), self._at)

    def head(self, n: int) -> Starts:
        """Return the first n of independent starts, as starts of the same kind."""
        return OutwardStarts(self.inner.head(n), self._at)

    def settings(self) -> dict[str, Any]:
        """What decides the starts besides box, seed, dtype and n."""
        return self.inner.settings()


class InwardStarts(Starts):
    """Starts that are in x in the coordinates of a batch's ``inside``."""

    def __init__(self, whole: Starts, at: Coordinates) -> None:
        super().__init__(whole.n, whole.dim)
        self._whole, self._at = whole, at
        self.name, self.number = whole.name, whole.number

    def points(self, first: int, stop: int) -> Points:
        """Return starts first..stop-1."""
        return self._at.inward(self._whole.points(first, stop))


def in_x(rows: Endpoints, scale: NDArray[np.float64]) -> Endpoints:
    """Return endpoints that are in scaled coordinates in those of x."""
    return replace(rows, x=rows.x * scale.astype(rows.x.dtype))


def _powers_of_two(widths: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.exp2(np.round(np.log2(widths)))
