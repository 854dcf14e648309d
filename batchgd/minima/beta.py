"""Quantiles of the beta distribution, without SciPy, whose functions take a tenth of a second to import."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_PANELS, _NODES = 6, 16
"""Panels on each side of the mode, and nodes in each of them."""

_REACH = 45.0
"""How far from the mode the density has fallen by a factor of exp(40) at least, in units of its tails."""

_TOGETHER = 4096
"""Quantiles worked out together, so that temporaries stay small."""


def beta_quantile(a: ArrayLike, b: ArrayLike, p: ArrayLike) -> Floats:
    r"""Return the x below which the distribution Beta(a, b) has probability p, for a, b >= 1 and p of 1e-14 or more.

    In d = log(x / (1 - x)) - log(a / b) the density is log-concave, with its mode at d = 0, and its logarithm

        log f(d) = (a + b) (m d - log(1 + m (exp(d) - 1))),    m = a / (a + b)

    keeps its digits however large a and b are. It is integrated by Gauss's rule in panels that widen with the distance
    from the mode; within a panel, Newton's method finds where log F = log p, a concave function. To 1e-11 of x.

    >>> beta_quantile([1, 2, 250], [1, 1, 751], [0.3, 0.25, 0.025]).round(6).tolist()
    [0.3, 0.5, 0.22343]
    """
    a, b, p = (np.asarray(array, np.float64) for array in (a, b, p))
    rows = np.broadcast_arrays(a, b, p)
    flat = [row.ravel() for row in rows]
    parts = [_quantile(*(row[k : k + _TOGETHER] for row in flat)) for k in range(0, flat[0].size, _TOGETHER)]
    return np.concatenate([np.empty(0), *parts]).reshape(rows[0].shape)


def _quantile(a: Floats, b: Floats, p: Floats) -> Floats:
    n, m = a + b, a / (a + b)
    width = np.sqrt(n / (a * b))
    nodes, weights = _gauss()

    def density(d: Floats, rows: NDArray[np.intp] | slice = slice(None)) -> Floats:
        over = (rows, *[None] * (d.ndim - 1))
        return np.exp(n[over] * (m[over] * d - np.log1p(m[over] * np.expm1(d))))

    def mass(start: Floats, stop: Floats) -> Floats:
        half = (stop - start)[..., None] / 2
        return (half * weights * density(start[..., None] + half * (1 + nodes))).sum(axis=-1)

    steps = (np.arange(_PANELS + 1) / _PANELS) ** 2
    left, right = (10 * width + _REACH / side for side in (a, b))
    edges = np.concatenate([-left[:, None] * steps[:0:-1], right[:, None] * steps], axis=1)
    below = np.cumsum(mass(edges[:, :-1], edges[:, 1:]), axis=1)
    below = np.concatenate([np.zeros((len(a), 1)), below], axis=1)
    wanted = p * below[:, -1]
    every = np.arange(len(a))
    panel = np.clip((below <= wanted[:, None]).sum(axis=1) - 1, 0, 2 * _PANELS - 1)
    start, first = edges[every, panel], below[every, panel]
    d = np.where(first > 0, start, edges[:, 1])
    for _ in range(50):
        reached = first + mass(start, d)
        step = np.log(wanted / reached) * reached / density(d)
        d = np.clip(d + step, start, edges[every, panel + 1])
        if (np.abs(step) < 1e-13 * width).all():
            break
    return m * np.exp(d) / (1 + m * np.expm1(d))


def _gauss() -> tuple[Floats, Floats]:
    """Nodes and weights of Gauss's rule on [-1, 1], from its Jacobi matrix (Golub and Welsch 1969)."""
    k = np.arange(1, _NODES)
    side = np.diag(k / np.sqrt(4.0 * k * k - 1), 1)
    nodes, vectors = np.linalg.eigh(side + side.T)
    return nodes, 2 * vectors[0] ** 2
