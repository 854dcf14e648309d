"""Levels of confidence and the rise of chi-square that belongs to each: F-test, or chi-square if sigma is absolute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from batchgd.problem.check import Interval
from batchgd.problem.errors import InputError


@dataclass(frozen=True)
class RiseTest:
    """How far chi-square may rise, in units of the variance, if ``held`` parameters are held at a value.

    With chi the chi-square, m points and p parameters, s² = chi_min / (m - p):

    - sigma relative: (chi - chi_min) / s² <= held · F(level; held, m - p), the test of ``lmfit.conf_interval``;
    - sigma absolute: chi - chi_min <= chi²(level; held).

    Both are exact for a linear model, and leave out nothing but the curvature of the model's surface otherwise: they do
    not depend on how the parameters are written.

    References
    ----------
    D. M. Bates and D. G. Watts, Nonlinear Regression Analysis (1988), section 6.1. W. Q. Meeker and L. A. Escobar,
    Am. Stat. 49 (1995) 48.

    >>> RiseTest(1.0, 10, True).rise(0.95).round(4).item(), RiseTest(1.0, 10, False).rise(0.95).round(4).item()
    (3.8415, 4.9646)
    """

    variance: float
    nfree: int
    absolute: bool

    def rise(self, level: Any, held: int = 1) -> Any:
        """Return the rise at which a level of confidence is reached."""
        from scipy import stats

        if self.absolute:
            return stats.chi2.ppf(level, held)
        return held * stats.f.ppf(level, held, self.nfree)

    def level(self, rise: Any, held: int = 1) -> Any:
        """Return the level of confidence that a rise reaches."""
        from scipy import stats

        rise = np.maximum(rise, 0.0)
        return stats.chi2.cdf(rise, held) if self.absolute else stats.f.cdf(rise / held, held, self.nfree)


def levels_of(level: float | Sequence[float] | None, sigmas: float | Sequence[float]) -> tuple[float, ...]:
    """Return levels between 0 and 1, the lowest first, as they are given or as those of a normal's multiples of sigma.

    >>> [round(each, 4) for each in levels_of(None, (1, 2))], levels_of(0.95, (1, 2))
    ([0.6827, 0.9545], (0.95,))
    """
    from scipy import special

    if level is not None:
        given, name, inside = level, "level", Interval(0.0, 1.0)
    else:
        given, name, inside = sigmas, "sigmas", Interval(0.0, 6.0)
    several: list[Any] = list(np.atleast_1d(np.asarray(given, dtype=object)))
    if not several:
        raise InputError(f"{name} is empty: give one number, or several")
    numbers = sorted({inside.one(name, each) for each in several})
    return tuple(numbers if level is not None else (float(special.erf(each / np.sqrt(2.0))) for each in numbers))
