"""Robust losses: what large residuals cost, and how they count in the gradient and in the Gauss-Newton matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from batchgd.compiler.trace.reductions import where
from batchgd.problem import check
from batchgd.problem.check import Interval

_LEAST = float(np.finfo(np.float64).eps)
"""What SciPy takes for a curvature of the loss that is not positive."""

Derivatives = tuple[Any, Any, Any]
"""rho(z), rho'(z) and rho''(z)."""


def _linear(z: Any) -> Derivatives:
    return z, 1.0, 0.0


def _soft_l1(z: Any) -> Derivatives:
    t = 1.0 + z
    root = np.sqrt(t)
    return 2.0 * (root - 1.0), 1.0 / root, -0.5 / (t * root)


def _huber(z: Any) -> Derivatives:
    near = z <= 1.0
    far = where(near, 1.0, z)
    root = np.sqrt(far)
    return where(near, z, 2.0 * root - 1.0), where(near, 1.0, 1.0 / root), where(near, 0.0, -0.5 / (far * root))


def _cauchy(z: Any) -> Derivatives:
    t = 1.0 + z
    return np.log1p(z), 1.0 / t, -1.0 / (t * t)


def _arctan(z: Any) -> Derivatives:
    t = 1.0 + z * z
    return np.arctan(z), 1.0 / t, -2.0 * z / (t * t)


LOSSES: dict[str, Callable[[Any], Derivatives]] = {
    "linear": _linear,
    "soft_l1": _soft_l1,
    "huber": _huber,
    "cauchy": _cauchy,
    "arctan": _arctan,
}
"""rho of each name, as in ``scipy.optimize.least_squares``."""


@dataclass(frozen=True)
class Loss:
    """What a residual r costs: C² rho(r²/C²) / 2 with C = ``f_scale``; numbers, arrays or traced ones.

    >>> loss = Loss("huber", 2.0)
    >>> float(loss.cost(1.0)), float(loss.cost(4.0)), [float(w) for w in loss.weights(1.0)]
    (0.5, 6.0, [1.0, 1.0])
    """

    name: str = "linear"
    f_scale: float = 1.0

    @classmethod
    def parse(cls, name: Any, f_scale: Any) -> Loss:
        """Return the loss of a name; InputError if there is none, or the scale is not positive."""
        return cls(check.one_of("loss", name, [*LOSSES]), float(Interval(0.0).each("f_scale", f_scale)))

    def cost(self, r: Any) -> Any:
        """Return C² rho(r²/C²) / 2."""
        if self.name == "linear":
            return 0.5 * (r * r)
        return 0.5 * self.f_scale**2 * self._of(r)[0]

    def weights(self, r: Any) -> tuple[Any, Any]:
        """Return what the derivatives J of a residual count: w r J in the gradient, v J J' in the Gauss-Newton matrix.

        w = rho' and v = rho' + 2 z rho'', z = r²/C², at least the rounding error of 1 (Triggs et al. 2000, with the
        safeguard of SciPy).
        """
        if self.name == "linear":
            return 1.0, 1.0
        _, first, second = self._of(r)
        bent = first + 2.0 * (r / self.f_scale) ** 2 * second
        return first, where(bent > _LEAST, bent, _LEAST)

    def _of(self, r: Any) -> Derivatives:
        return LOSSES[self.name]((r / self.f_scale) ** 2)
