"""Which learning rate to take: what the curvature at the minima says, held against the sweep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from batchgd.analysis.sweeps.sweep_result import SweepResult

TOLERANCE = 0.01  # of the starts: so much worse than the best of the sweep a value may converge, and keep basins


@dataclass(frozen=True)
class Curvatures:
    """Extreme eigenvalues of the Hessian at the minima found: L of the sharpest one, and of the bluntest; the least μ.

    >>> Curvatures(100.0, 40.0, 1.0).optimum
    0.019801980198019802
    """

    sharpest: float
    bluntest: float
    least: float

    def joined(self, other: Curvatures) -> Curvatures:
        """Return the extremes of both."""
        return Curvatures(
            max(self.sharpest, other.sharpest), min(self.bluntest, other.bluntest), min(self.least, other.least)
        )

    @property
    def optimum(self) -> float:
        """2 / (L + μ): it contracts by (L - μ) / (L + μ) per step at worst, the best that one rate can."""
        return 2.0 / (self.sharpest + self.least)

    @property
    def thresholds(self) -> dict[str, float]:
        """Up to 1/L steps do not alternate at any minimum; beyond 2/L the sharpest repels, beyond the last one all."""
        return {
            "1/L": 1.0 / self.sharpest,
            "2/L": 2.0 / self.sharpest,
            "2/L of the bluntest minimum": 2.0 / self.bluntest,
        }


@dataclass(frozen=True)
class Recommendation:
    """A swept value, by the names of the hyperparameters, and why it is this one."""

    values: dict[str, float]
    reason: str

    @property
    def value(self) -> float:
        """The value of the only hyperparameter that was swept."""
        (value,) = self.values.values()
        return value

    def __str__(self) -> str:
        settings = ", ".join(f"{name}={value:.4g}" for name, value in self.values.items())
        return f"{settings}: {self.reason}"


def recommend(result: SweepResult) -> Recommendation | None:
    """Return the value to take, or None where no start converged at any.

    Of the values that converge, and keep basins, within 1 % of the starts of the best: for gradient descent with a
    constant rate the largest one up to 2 / (L + μ); otherwise the one of the fewest updates.
    """
    converged = result.monotone + result.oscillating
    if not converged.max() > 0.0:
        return None
    sound = converged >= converged.max() - TOLERANCE
    if result.fidelity is not None:
        sound &= result.fidelity >= np.nanmax(result.fidelity) - TOLERANCE
        if not sound.any():
            sound = result.fidelity >= np.nanmax(result.fidelity) - TOLERANCE
    if not result.constant_rate or result.curvatures is None:
        k = _fastest(result, sound)
        return Recommendation(result.at(k), f"the fewest updates of the values that are sound; {_held(result, k)}")
    rates, optimum = result.values["learning_rate"], result.curvatures.optimum
    within = np.flatnonzero(rates <= optimum * (1.0 + 1e-12))
    formula = f"2/(L+μ) = {optimum:.4g} from the curvature at the minima"
    if not len(within):
        k = _fastest(result, sound)
        return Recommendation(result.at(k), f"{formula} lies below the sweep; {_held(result, k)}")
    first = int(within[np.argmax(rates[within])])
    if sound[first]:
        where = "which the sweep stays below" if first == np.argmax(rates) else "of which this is the nearest below"
        return Recommendation(result.at(first), f"{formula}, {where}; {_held(result, first)}")
    fallback = within[sound[within]]
    if not len(fallback):
        k = _fastest(result, sound)
        return Recommendation(result.at(k), f"no value up to {formula} is sound; {_held(result, k)}")
    k = int(fallback[np.argmax(rates[fallback])])
    return Recommendation(
        result.at(k),
        f"stepped down from {formula}: at {rates[first]:.4g} {_held(result, first)}; here {_held(result, k)}",
    )


def _fastest(result: SweepResult, sound: NDArray[np.bool_]) -> int:
    """The sound value of the fewest updates; rows without a median come last."""
    nit = np.where(sound & np.isfinite(result.nit_median), result.nit_median, np.inf)
    return int(np.argmin(nit))


def _held(result: SweepResult, k: int) -> str:
    """What the sweep saw at a value."""
    converged = 100.0 * (result.monotone[k] + result.oscillating[k])
    seen = f"{converged:.4g} % converge"
    return seen if result.fidelity is None else f"{seen}, {100.0 * result.fidelity[k]:.4g} % to their own minimum"
