"""The functions themselves, for the peers that need values and not only gradients; by the name of the scalar code."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .cases import MERGING
from .eckerle4 import value as eckerle4_value
from .own import barrier_value, chain_value, network_value, wells_value


def rastrigin(xp: Any, x: Any) -> Any:
    """Rastrigin."""
    return 10.0 * x.shape[0] + xp.sum(x * x - 10.0 * xp.cos((2.0 * math.pi) * x), 0)


def styblinski_tang(xp: Any, x: Any) -> Any:
    """Styblinski-Tang."""
    return 0.5 * xp.sum(x * (x * (x * x - 16.0) + 5.0), 0)


def himmelblau(xp: Any, x: Any) -> Any:
    """Himmelblau."""
    a, b = x[0] * x[0] + x[1] - 11.0, x[0] + x[1] * x[1] - 7.0
    return a * a + b * b


def rosenbrock(xp: Any, x: Any) -> Any:
    """Rosenbrock."""
    a, b = x[1:] - x[:-1] * x[:-1], 1.0 - x[:-1]
    return xp.sum(100.0 * a * a + b * b, 0)


def heavy_tail(xp: Any, x: Any) -> Any:
    """The heavy-tailed case."""
    t = x[0] * x[0]
    return t * (t / 4.0 - (1.0 + MERGING) * x[0] / 3.0 + MERGING / 2.0) + x[1] * x[1] / 2.0


VALUES: dict[str, Callable[[Any, Any], Any]] = {
    "rastrigin": rastrigin,
    "styblinski_tang": styblinski_tang,
    "himmelblau": himmelblau,
    "rosenbrock": rosenbrock,
    "heavy_tail": heavy_tail,
    "wells": wells_value,
    "chain": chain_value,
    "barrier": barrier_value,
    "network": network_value,
    "eckerle4": eckerle4_value,
}
"""Every function ``(library, x) -> f`` for x of shape (d,) or (d, n)."""
