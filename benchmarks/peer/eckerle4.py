"""NIST's Eckerle4: a Gaussian peak, y = b1/b2 exp(-(t - b3)²/(2 b2²)), fitted to 35 points by least squares.

Its parameters are drawn from b1 in [1, 2], b2 in [2, 8] and b3 in [440, 460], as u in [0, 1]³; the data and the
certified fit b = (1.5543827178, 4.0888321754, 451.54121844) stand in `examples/data/Eckerle4.dat`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).resolve().parents[2] / "examples" / "data" / "Eckerle4.dat"
LOWER, WIDTH = np.array([1.0, 2.0, 440.0]), np.array([1.0, 6.0, 20.0])


def _data() -> tuple[np.ndarray, np.ndarray]:
    lines = FILE.read_text(encoding="utf-8").splitlines()
    begin = max(number for number, line in enumerate(lines) if line.startswith("Data:")) + 1
    y, t = np.array([line.split() for line in lines[begin:] if line.strip()], float).T
    return y, t


Y, T = _data()


def eckerle4(u):
    """The sum of squared residuals."""
    b1, b2, b3 = 1.0 + u[0], 2.0 + 6.0 * u[1], 440.0 + 20.0 * u[2]
    return np.sum((Y - b1 / b2 * np.exp(-0.5 * ((T - b3) / b2) ** 2)) ** 2)


def _residuals(xp: Any, u: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Residuals, model, scaled distances from the peak, b1 and b2; one row per point of data."""
    column = (-1,) + (1,) * (u.ndim - 1)
    y, t = Y.reshape(column), T.reshape(column)
    b1, b2, b3 = (lower + width * u[k] for k, (lower, width) in enumerate(zip(LOWER, WIDTH, strict=True)))
    z = (t - b3) / b2
    model = b1 / b2 * xp.exp(-0.5 * z * z)
    return y - model, model, z, b1, b2


def value(xp: Any, u: Any) -> Any:
    """The sum of squared residuals, for u of shape (3,) or (3, n)."""
    residual = _residuals(xp, u)[0]
    return xp.sum(residual * residual, 0)


def gradient(xp: Any, u: Any) -> Any:
    """Eckerle4: -2 Σ r m (1/b1, (z² - 1)/b2, z/b2), each times the width of its parameter's range."""
    residual, model, z, b1, b2 = _residuals(xp, u)
    weight = -2.0 * residual * model
    sums = xp.sum(weight, 0), xp.sum(weight * (z * z - 1.0), 0), xp.sum(weight * z, 0)
    return xp.stack([WIDTH[0] * sums[0] / b1, WIDTH[1] * sums[1] / b2, WIDTH[2] * sums[2] / b2], 0)
