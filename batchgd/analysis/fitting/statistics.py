"""Statistics of a fit: the covariance from J by its singular values, rank and condition, chi-square and criteria."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.losses import Loss

Floats = NDArray[np.float64]

UNDETERMINED = 1e-6
"""A unit direction without effect on the residuals leaves a parameter undetermined if it has a larger share in it."""

ILL = 1e10
"""From this condition on standard errors have few correct digits."""


@dataclass(frozen=True)
class Linearised:
    """The covariance of the free parameters, (p, p), NaN for those without one; rank and condition of J.

    ``why`` is the reason for each parameter without a standard error; columns of J were scaled to length 1 for rank and
    condition, so these do not depend on units.
    """

    covariance: Floats
    rank: int
    condition: float
    why: dict[int, str]


def linearised(jacobian: Floats, at_limit: NDArray[np.int8], factor: float) -> Linearised:
    """Return ``factor`` (J'J)⁻¹ of the parameters that are not at a limit, from the singular values of J.

    >>> found = linearised(np.array([[1.0, 0.0], [0.0, 2.0]]), np.zeros(2, np.int8), 1.0)
    >>> found.covariance.diagonal().tolist(), found.rank, found.condition
    ([1.0, 0.25], 2, 1.0)
    """
    m, p = jacobian.shape
    covariance = np.full((p, p), np.nan)
    why = {int(k): f"at its {'lower' if at_limit[k] < 0 else 'upper'} limit" for k in np.flatnonzero(at_limit)}
    rows = np.flatnonzero(at_limit == 0)
    inner = jacobian[:, rows]
    if not len(rows) or not np.isfinite(inner).all():
        why |= {int(k): "the derivatives are not finite" for k in rows}
        return Linearised(covariance, 0, np.inf if len(rows) else 1.0, why)
    lengths = np.linalg.norm(inner, axis=0)
    units = np.where(lengths > 0.0, lengths, 1.0)
    _, singular, directions = np.linalg.svd(inner / units, full_matrices=m < p)
    rank = int(np.sum(singular > max(m, p) * np.finfo(np.float64).eps * singular[0])) if singular[0] > 0.0 else 0
    kept, lost = directions[:rank], directions[rank:]
    scaled = (kept.T / singular[:rank]) / units[:, None]
    found = factor * (scaled @ scaled.T)
    unknown = (np.abs(lost) > UNDETERMINED).any(axis=0)
    found[unknown, :] = found[:, unknown] = np.nan
    covariance[np.ix_(rows, rows)] = found
    why |= {int(rows[k]): "not determined by the data" for k in np.flatnonzero(unknown)}
    if not np.isfinite(factor):
        why |= {int(k): "as many parameters as points" for k in rows}
    full = rank == len(rows)
    return Linearised(covariance, rank, float(singular[0] / singular[-1]) if full else np.inf, why)


def weighted(loss: Loss, residual: Floats, jacobian: Floats) -> Floats:
    """Return J, (..., m, p), with its rows times the roots of the weights that a robust loss gives to the residuals.

    >>> weighted(Loss(), np.array([3.0]), np.array([[2.0]])).tolist()
    [[2.0]]
    """
    with np.errstate(all="ignore"):
        weights = np.broadcast_to(loss.weights(residual)[1], residual.shape)
        return jacobian * np.sqrt(weights)[..., None]


def correlation(covariance: Floats) -> Floats:
    """Return the correlations that belong to a covariance; NaN where it is."""
    deviations = np.sqrt(np.diag(covariance))
    with np.errstate(invalid="ignore", divide="ignore"):
        return covariance / np.outer(deviations, deviations)


@dataclass(frozen=True)
class Criteria:
    """Chi-square of a fit with its degrees of freedom, and the criteria of Akaike and of Schwarz, as in lmfit."""

    chisqr: float
    ndata: int
    nvarys: int

    @property
    def nfree(self) -> int:
        """Points minus parameters that vary."""
        return self.ndata - self.nvarys

    @property
    def redchi(self) -> float:
        """Chi-square per degree of freedom; NaN without any."""
        return self.chisqr / self.nfree if self.nfree > 0 else float("nan")

    @property
    def aic(self) -> float:
        """m ln(chi²/m) + 2 p."""
        return self._deviance + 2.0 * self.nvarys

    @property
    def bic(self) -> float:
        """m ln(chi²/m) + p ln m."""
        return self._deviance + self.nvarys * float(np.log(self.ndata))

    @property
    def _deviance(self) -> float:
        with np.errstate(divide="ignore"):
            return self.ndata * float(np.log(self.chisqr / self.ndata))
