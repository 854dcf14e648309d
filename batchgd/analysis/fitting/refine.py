"""The last digits of a solution: Gauss-Newton steps by the singular values of J, whose condition is not squared."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchgd.analysis.fitting.data import Floats
from batchgd.compiler.least_squares import LeastSquares

STEPS = 4
"""The first one or two change digits; the others find that nothing is left to do."""

COST = 1e-10
"""How much the cost may seem to grow, relative to itself, because of rounding."""


def refined(squares: LeastSquares, loss: Any, u: Floats, held: Any, bounds: Floats) -> Floats:
    """Return coordinates near ``u``, (p,), at which the residuals are as orthogonal to J as rounding allows.

    ``held`` are the coordinates at a bound, which stay there; ``bounds``, (p, 2), are kept. A step is taken if it makes
    the component of the residuals in the space of J smaller and does not raise the cost.

    >>> line = LeastSquares(lambda p: p[0] * np.arange(3.0) - np.array([0.0, 1.0, 3.0]), dim=1)
    >>> from batchgd.compiler.losses import Loss
    >>> refined(line, Loss(), np.array([1.3]), np.array([False]), np.array([[-np.inf, np.inf]])).round(12).tolist()
    [1.4]
    """
    best, (along, step, cost) = u, _newton(squares, loss, u, held)
    for _ in range(STEPS):
        if step is None:
            break
        trial = best + step
        if not ((trial >= bounds[:, 0]) & (trial <= bounds[:, 1])).all():
            break
        next_along, next_step, next_cost = _newton(squares, loss, trial, held)
        if not (next_along < along and next_cost <= cost * (1.0 + COST)):
            break
        best, along, step, cost = trial, next_along, next_step, next_cost
    return best


def _newton(squares: LeastSquares, loss: Any, u: Floats, held: Any) -> tuple[float, Floats | None, float]:
    """Return the size of the residuals' component in the space of J, the step that removes it, and the cost."""
    residual, jacobian = squares.jacobian(u)
    with np.errstate(all="ignore"):
        first, second = loss.weights(residual)
        cost, root = float(np.sum(loss.cost(residual))), np.sqrt(np.broadcast_to(second, residual.shape))
        matrix, rest = jacobian[:, ~held] * root[:, None], first * residual / root
    lengths = np.linalg.norm(matrix, axis=0)
    if held.all() or not (np.isfinite(matrix).all() and np.isfinite(rest).all() and (lengths > 0.0).all()):
        return np.inf, None, cost
    left, singular, right = np.linalg.svd(matrix / lengths, full_matrices=False)
    if singular[-1] <= len(rest) * np.finfo(np.float64).eps * singular[0]:
        return np.inf, None, cost
    part, step = left.T @ rest, np.zeros(len(u))
    step[~held] = -(right.T @ (part / singular)) / lengths
    return float(np.linalg.norm(part)), step, cost
