"""Which learning rate to take: what the curvature at the minima suggests, checked against the sweep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 0.01  # of the starts: a value may be worse by this than the best of the sweep in convergence and fidelity


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
        """Up to 1/L no minimum makes steps alternate; beyond 2/L the sharpest repels, beyond the last all do."""
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


def recommend(
    values: dict[str, NDArray],
    converged: NDArray[np.float64],
    nit: NDArray[np.float64],
    fidelity: NDArray[np.float64] | None,
    optimum: float | None,
) -> Recommendation | None:
    """Return the value to use, or None if no start converged at any.

    Among the values whose convergence and fidelity are within 1 % of the starts of the best: for gradient descent with
    a constant rate the largest one up to ``optimum``, 2 / (L + μ); otherwise the one with the fewest updates.
    """
    if not converged.max() > 0.0:
        return None
    sound = converged >= converged.max() - TOLERANCE
    if fidelity is not None:
        kept = fidelity >= np.nanmax(fidelity) - TOLERANCE
        sound = sound & kept if (sound & kept).any() else kept

    def figures(k: int) -> str:
        seen = f"{100.0 * converged[k]:.4g} % converge"
        return seen if fidelity is None else f"{seen}, {100.0 * fidelity[k]:.4g} % to their own minimum"

    def take(k: int, reason: str) -> Recommendation:
        return Recommendation({name: float(column[k]) for name, column in values.items()}, reason)

    # Rows without a median come last.
    fastest = int(np.argmin(np.where(sound & np.isfinite(nit), nit, np.inf)))
    if optimum is None:
        return take(fastest, f"the fewest updates among the sound values; {figures(fastest)}")
    rates = values["learning_rate"]
    within = np.flatnonzero(rates <= optimum * (1.0 + 1e-12))
    formula = f"2/(L+μ) = {optimum:.4g} from the curvature at the minima"
    if not len(within):
        return take(fastest, f"{formula} is below the sweep; {figures(fastest)}")
    first = int(within[np.argmax(rates[within])])
    if sound[first]:
        where = "above the whole sweep" if first == np.argmax(rates) else "and this is the nearest value below"
        return take(first, f"{formula}, {where}; {figures(first)}")
    fallback = within[sound[within]]
    if not len(fallback):
        return take(fastest, f"no value up to {formula} is sound; {figures(fastest)}")
    k = int(fallback[np.argmax(rates[fallback])])
    return take(k, f"stepped down from {formula}: at {rates[first]:.4g} {figures(first)}; here {figures(k)}")
