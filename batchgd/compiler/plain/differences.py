"""Derivatives by finite differences at many points, their steps, and the noise in values on which the steps depend."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

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
