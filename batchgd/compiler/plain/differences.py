"""Derivatives by finite differences at many points, their steps, and the noise in values on which the steps depend."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from batchgd.problem.bounds import Bounds

Floats = NDArray[np.float64]
Values = Callable[[Floats], Floats]

EPS = float(np.finfo(np.float64).eps)

_APART = 1e-6
"""Distance of the points of which noise is measured, in widths: third differences of a smooth function vanish there."""

_IN_A_ROW = 7
_LARGEST = 1e-2
"""The longest step, in widths."""


def noise(values: Values, points: Floats, widths: Floats) -> float:
    """Return the noise in values relative to their size, at least that of rounding: the median over some points.

    Third differences of values on a line have the variance 20 σ² (Hamming 1973; Moré and Wild 2011, SIAM J. Sci.
    Comput. 33, 1292).

    >>> rng = np.random.default_rng(0)
    >>> noisy = lambda x: x[:, 0] ** 2 * (1 + 1e-8 * rng.standard_normal(len(x)))
    >>> f"{noise(noisy, np.linspace(1, 2, 99)[:, None], np.ones(1)):.0e}"
    '9e-09'
    """
    way = _APART * widths / np.sqrt(len(widths))
    lines = points[:, None] + (np.arange(_IN_A_ROW) - _IN_A_ROW // 2)[:, None] * way
    found = values(lines.reshape(-1, len(widths))).reshape(len(points), _IN_A_ROW)
    with np.errstate(all="ignore"):
        spread = np.sqrt((np.diff(found, 3, axis=1) ** 2).mean(axis=1) / 20) / np.abs(found).max(axis=1)
    spread = spread[np.isfinite(spread)]
    return float(max(np.median(spread), EPS)) if len(spread) else EPS


def relative_step(noise: float, order: int) -> float:
    """Return the step in widths that balances noise and curvature, noise^(1/order), of bounded length.

    The order is 2 for forward differences, 3 for central ones, 4 for second differences of values.
    """
    return float(min(noise ** (1 / order), _LARGEST))


def steps(relative: float, widths: Floats, x: Floats) -> Floats:
    """Return the step of each coordinate at each point; far away, at least what x can resolve."""
    return np.maximum(relative * widths, EPS ** (2 / 3) * np.abs(x))


def gradient(values: Values, x: Floats, h: Floats, f: Floats | None) -> Floats:
    """Return gradients (n, dim): central differences, or forward ones from the values ``f``.

    >>> gradient(lambda x: x[:, 0] ** 2, np.array([[3.0]]), np.array([[0.5]]), None)
    array([[6.]])
    """
    up = _moved(x, h)
    if f is not None:
        with np.errstate(all="ignore"):
            return _at(values, up, x) / _along(up, x[:, None]) - f[:, None] / _along(up, x[:, None])
    down = _moved(x, -h)
    both = _at(values, np.concatenate([up, down], axis=1), x)
    dim = x.shape[1]
    with np.errstate(all="ignore"):
        return np.asarray((both[:, :dim] - both[:, dim:]) / _along(up, down))


def derivatives_within(
    function: Callable[[Floats], Floats],
    x: Floats,
    h: Floats,
    bounds: Bounds,
    here: Callable[[], Floats],
    *,
    forward: bool = False,
) -> Floats:
    """Return the derivatives (n, dim, k) of k numbers by each coordinate, from no point outside bounds.

    Where a central difference would reach outside, it is that of three points on the side with more room, of the same
    order; steps are shortened as far as the room requires. The numbers at ``x`` itself are asked for only if such
    points need them. The derivative by a fixed coordinate is 0.

    >>> from batchgd.problem.bounds import Bounds
    >>> square, edge = lambda x: x**2, np.array([[1.0], [0.5]])
    >>> derivatives_within(square, edge, np.full((2, 1), 0.25), Bounds.parse([(0, 1)]), lambda: square(edge)).ravel()
    array([2., 1.])
    """
    lower, upper = bounds.lower, bounds.upper
    above, below = upper - x, x - lower
    room, side = np.maximum(above, below), np.where(above >= below, 1.0, -1.0)
    if forward:
        first = np.where(above >= h, h, np.where(below >= h, -h, side * np.minimum(h, room)))
        second, centred = first, np.zeros(x.shape, np.bool_)
    else:
        centred = (above >= h) & (below >= h)
        short = np.minimum(h, 0.5 * room)
        first, second = np.where(centred, h, side * short), np.where(centred, -h, 2.0 * side * short)
    near, far = (np.clip(_moved(x, offset), lower, upper) for offset in (first, second))
    n, dim = x.shape
    points = near if forward else np.concatenate([near, far], axis=1)
    found = function(points.reshape(-1, dim)).reshape(n, points.shape[1], -1)
    p, q = (np.einsum("nii->ni", each)[:, :, None] - x[:, :, None] for each in (near, far))
    with np.errstate(all="ignore"):
        if forward:
            slopes = (found - here().reshape(n, 1, -1)) / p
        else:
            slopes = (found[:, :dim] - found[:, dim:]) / _along(near, far)[:, :, None]
            if not centred.all():
                rise, further = (part - here().reshape(n, 1, -1) for part in (found[:, :dim], found[:, dim:]))
                one_sided = (rise / p * q - further / q * p) / (q - p)
                slopes = np.where(centred[:, :, None], slopes, one_sided)
    return np.asarray(np.where((p == 0.0) | (q == 0.0), 0.0, slopes))


def hessian_of_slopes(slopes: Callable[[Floats], Floats], x: Floats, h: Floats) -> Floats:
    """Return Hessians (n, dim, dim): central differences of gradients, symmetrised."""
    up, down = _moved(x, h), _moved(x, -h)
    n, dim = x.shape
    both = slopes(np.concatenate([up, down], axis=1).reshape(-1, dim)).reshape(n, 2 * dim, dim)
    with np.errstate(all="ignore"):
        rows = (both[:, :dim] - both[:, dim:]) / _along(up, down)[:, :, None]
    return np.asarray(0.5 * (rows + rows.transpose(0, 2, 1)))


def hessian_of_values(values: Values, x: Floats, f: Floats, h: Floats) -> Floats:
    """Return Hessians (n, dim, dim): central differences of central differences, 2 dim² values per point.

    >>> hessian_of_values(lambda x: x[:, 0] * x[:, 1], np.zeros((1, 2)), np.zeros(1), np.ones((1, 2)))[0].tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    n, dim = x.shape
    i, j = np.tril_indices(dim, -1)
    unit = np.eye(dim)
    ways = np.concatenate([unit, -unit, *(a * unit[i] + b * unit[j] for a in (1, -1) for b in (1, -1))])
    found = values((x[:, None] + ways * h[:, None]).reshape(-1, dim)).reshape(n, -1)
    out = np.empty((n, dim, dim))
    on = np.arange(dim)
    with np.errstate(all="ignore"):
        out[:, on, on] = ((found[:, :dim] - f[:, None]) + (found[:, dim : 2 * dim] - f[:, None])) / h**2
        corners = found[:, 2 * dim :].reshape(n, 4, len(i))
        mixed = (corners[:, 0] - corners[:, 1]) - (corners[:, 2] - corners[:, 3])
        out[:, i, j] = out[:, j, i] = mixed / (4 * h[:, i] * h[:, j])
    return out


def _moved(x: Floats, h: Floats) -> Floats:
    """Return each point moved along each coordinate, (n, dim, dim)."""
    return x[:, None] + h[:, :, None] * np.eye(x.shape[1])


def _along(to: Floats, come: Floats) -> Floats:
    """Return by how much each of these points was moved, as rounded, (n, dim)."""
    return np.einsum("nii->ni", to) - np.einsum("nii->ni", np.broadcast_to(come, to.shape))


def _at(values: Values, points: Floats, x: Floats) -> Floats:
    return values(points.reshape(-1, x.shape[1])).reshape(len(x), -1)
