"""The uncertainty exponent and the fractal dimension of borders between basins: slopes of log-log fits, with errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from batchgd.analysis.basins.entropy import as_grid
from batchgd.analysis.basins.resolution import Scales, scales
from batchgd.minima.mapper import Labelling
from batchgd.problem.box import Box
from batchgd.problem.keywords import explained


@dataclass(frozen=True, eq=False)
class Scaling:
    """A power law, fitted as a line through logarithms.

    Attributes
    ----------
    value, error : float
        The exponent and its standard error; NaN if there is no border, if there are too few sizes, or if basins are so
        small that no scale is left between a cell and them.
    size : (k,)
        Sizes: distances in cells or box widths, sides of boxes in cells.
    measured : (k,)
        What was measured at each: the share of uncertain points, or the number of boxes.
    """

    value: float
    error: float
    size: NDArray[np.float64]
    measured: NDArray[np.float64]

    def __repr__(self) -> str:
        return "not resolved" if np.isnan(self.value) else f"{self.value:.4g} ± {self.error:.2g}"


@explained
def uncertainty_exponent(labels: ArrayLike) -> Scaling:
    r"""Return the uncertainty exponent α of the borders in a grid of labels.

    The share of points whose label changes when they are moved by ε is f(ε) ~ ε^α. Smooth borders have α = 1: to halve
    the uncertainty, halve the error of the start. A fractal border has α < 1, and its dimension is D - α.

    Points are moved by whole cells along each axis in turn, up to a twentieth of the shortest side and a quarter of the
    basins' width: beyond that, they cross several borders at once, and f stops growing whatever the borders look like.
    If half of the borders are next to basins less than 20 cells wide, no range is left, and α is NaN; a smaller share
    of them lowers α. The ends of the grid raise α of a smooth border by up to 1 % above 1.

    Parameters
    ----------
    labels : (n1, ..., nD) array of int
        Labels on an even grid, of 100 cells a side or more; -1 counts as a label.

    Examples
    --------
    >>> import numpy as np
    >>> uncertainty_exponent((np.add.outer(np.arange(400), 3 * np.arange(400)) > 800).astype(int))
    1.011 ± 0.0023

    References
    ----------
    C. Grebogi, S. W. McDonald, E. Ott, J. A. Yorke, "Final state sensitivity: an obstruction to predictability", Phys.
    Lett. A 99, 415 (1983); S. W. McDonald, C. Grebogi, E. Ott, J. A. Yorke, "Fractal basin boundaries", Physica D 17,
    125 (1985).
    """
    grid = as_grid(labels)
    moved = [np.moveaxis(grid, axis, 0) for axis in range(grid.ndim)]
    found = scales(grid)
    return _on_grid(found, [np.mean([np.mean(along[k:] != along[:-k]) for along in moved]) for k in found.size])


def sampled_exponent(
    label: Labelling, box: Box, *, points: int = 20_000, smallest: float = 1e-5, largest: float = 1e-2, seed: int = 0
) -> Scaling:
    """Return the uncertainty exponent of a labelling function, from random points and random directions.

    Distances are box widths, ten from ``smallest`` to ``largest``; the same points are used for all of them. Keep
    ``largest`` to a quarter of the width of a basin: beyond that, smooth borders have exponents below 1 as well.

    >>> from batchgd.problem.box import Box
    >>> found = sampled_exponent(lambda x: (x[:, 0] > 0.3).astype(int), Box([0.0] * 3, [1.0] * 3), smallest=1e-3)
    >>> abs(found.value - 1) < 3 * found.error
    True
    """
    rng = np.random.default_rng(seed)
    u, way = rng.random((points, box.dim)), rng.normal(size=(points, box.dim))
    way /= np.sqrt((way**2).sum(axis=1, keepdims=True))
    here = label(box.lower + u * box.width)
    size = np.geomspace(smallest, largest, 10)
    share = [np.mean(label(box.lower + (u + distance * way) * box.width) != here) for distance in size]
    return _fit(size, np.array(share), points)


@explained
def fractal_dimension(labels: ArrayLike) -> Scaling:
    """Return the box-counting dimension of the borders in a grid of labels.

    The number of boxes of s cells a side that contain more than one label is N(s) ~ s^-d; s ranges as in
    :func:`uncertainty_exponent`. Smooth borders in D dimensions have d = D - 1.

    Parameters
    ----------
    labels : (n1, ..., nD) array of int
        Labels on an even grid, of 100 cells a side or more; -1 counts as a label.

    Examples
    --------
    >>> import numpy as np
    >>> found = fractal_dimension((np.add.outer(np.arange(700), 2 * np.arange(700)) > 1001).astype(int))
    >>> abs(found.value - 1) < 0.05
    True

    References
    ----------
    C. Grebogi et al., Phys. Lett. A 99, 415 (1983).
    """
    grid = as_grid(labels)
    found = scales(grid)
    line = _on_grid(found, [_mixed_boxes(grid, int(s)) for s in found.size])
    return Scaling(-line.value, line.error, line.size, line.measured)


def _mixed_boxes(grid: NDArray[np.int64], size: int) -> float:
    """How many boxes of ``size`` cell spacings a side contain more than one label, if the whole grid were covered.

    A box reaches from the centre of one cell to that of another, so that its ends belong to its neighbours as well:
    boxes of whole cells would miss the borders between them, and the smaller the boxes, the more they would miss.
    """
    low = high = grid
    for axis in range(grid.ndim):
        low, high = _blocks(low, axis, size, np.minimum), _blocks(high, axis, size, np.maximum)
    return float(np.mean(low != high) * np.prod((np.array(grid.shape) - 1) / size))


def _blocks(grid: NDArray[np.int64], axis: int, size: int, reduce: np.ufunc) -> NDArray[np.int64]:
    """Reduce blocks of ``size`` + 1 cells along an axis, each of which begins with the last cell of the one before."""
    along = np.moveaxis(grid, axis, 0)
    count = (len(along) - 1) // size
    inner = reduce.reduce(along[: count * size].reshape(count, size, *along.shape[1:]), axis=1)
    return np.moveaxis(reduce(inner, along[size : count * size + 1 : size]), 0, axis)


def _on_grid(found: Scales, measured: ArrayLike) -> Scaling:
    """Fit what was measured at the scales of a grid; NaN if they are not resolved."""
    size, measured = found.size.astype(float), np.asarray(measured, float)
    return _fit(size, measured) if found.resolved else Scaling(np.nan, np.nan, size, measured)


def _fit(size: NDArray, measured: NDArray, points: int | None = None) -> Scaling:
    """Fit log measured against log size by least squares; shares of ``points`` are weighted by their errors."""
    use = measured > 0
    if use.sum() < 3:
        return Scaling(np.nan, np.nan, size, measured)
    x, y = np.log(size[use]), np.log(measured[use])
    weight = np.ones(len(x)) if points is None else points * measured[use] / np.maximum(1 - measured[use], 1e-12)
    mean = np.average(x, weights=weight)
    spread = float(np.sum(weight * (x - mean) ** 2))
    slope = float(np.sum(weight * (x - mean) * y) / spread)
    off = y - np.average(y, weights=weight) - slope * (x - mean)
    scatter = float(np.sum(weight * off**2) / (len(x) - 2))
    if points is not None:
        scatter = max(scatter, 1.0)
    return Scaling(slope, float(np.sqrt(scatter / spread)), size, measured)
