"""The result of a fit: the best parameters with their errors, all distinct solutions, predictions and bands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.fitting import forms, record, report
from batchgd.analysis.fitting.data import Data
from batchgd.analysis.fitting.model import Model
from batchgd.analysis.fitting.solutions import Outcome, Solution, equal
from batchgd.analysis.fitting.statistics import Criteria, Linearised, correlation, linearised, weighted
from batchgd.api.fit_pictures import FitPictures
from batchgd.api.fit_profiles import Profiled
from batchgd.api.result import MultistartResult
from batchgd.compiler.least_squares import LeastSquares
from batchgd.compiler.losses import Loss
from batchgd.compiler.trace.module_patches import running
from batchgd.problem import check
from batchgd.problem.check import Interval
from batchgd.problem.errors import InputError
from batchgd.problem.starts import parse_seed

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class FittedParameter:
    """A parameter of the best fit; ``stderr`` is None if there is none, and ``why`` says so in words.

    ``correl`` contains the correlations with the other free parameters by name. ``at_limit`` is -1 at the lower limit,
    1 at the upper one and 0 otherwise.
    """

    name: str
    value: float
    stderr: float | None
    correl: Mapping[str, float]
    min: float
    max: float
    vary: bool
    scale: str
    expr: str | None
    at_limit: int
    why: str | None


class FitResult(Profiled):
    """What :func:`batchgd.fit` found; ``print`` it.

    Attributes
    ----------
    params : dict
        A :class:`FittedParameter` for each parameter of the model.
    solutions : list of Solution
        All distinct optima, lowest cost first, each with its share of the starts; ``best`` is the first of them, and
        ``equal`` lists those of the same cost. Of these, those with the fewest parameters at a limit come first.
    guess : Solution or None
        The one to which the given values of parameters lead.
    swapped : list or None
        Components that are in different order in equal solutions, in the form that ``exchangeable=`` takes.
    covar : (p, p) array
        Covariance of the free parameters (``free`` has their names), from the derivatives of the residuals; NaN for
        those without a standard error. ``rank`` and ``condition`` are those of these derivatives.
    chisqr, redchi, aic, bic, nfree, ndata, nvarys, residual
        As in lmfit; ``residual`` is model minus data, in units of sigma, and ``jac``, (m, p), its derivatives.
    agree : int
        How many starts ended at the best cost.
    dropped : int
        How many rows of the data contained NaN.
    landscape : MultistartResult
        The run behind it, in coordinates in which parameters of ``scale="log"`` are their logarithms.

    Examples
    --------
    >>> import batchgd as bgd
    >>> x, y = np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.1, 2.9, 5.1, 6.9])
    >>> line = bgd.fit("a + b*x", x, y, parameters={"a": (-9, 9), "b": (-9, 9)}, starts=20)
    >>> line.predict([4.0]).round(6).tolist(), line.rank, line.nfree
    ([8.9], 2, 2)
    >>> round(line.params["b"].stderr, 6), round(line.params["b"].correl["a"], 6)
    (0.056569, -0.801784)
    """

    def __init__(
        self,
        model: Model,
        data: Data,
        landscape: MultistartResult,
        outcome: Outcome,
        loss: Loss,
        absolute_sigma: bool,
    ):
        self.model, self.data, self.landscape, self.outcome = model, data, landscape, outcome
        self.loss, self.absolute_sigma = loss, absolute_sigma
        self.name, self.free, self.dropped = model.name, model.parameters.free, data.dropped
        self.solutions, self.best, self.swapped = outcome.solutions, outcome.solutions[0], outcome.swapped
        self.residual, self.jac = outcome.residual, outcome.jac

    @property
    def residuals(self) -> LeastSquares:
        """The sum of squares as a function of the free parameters."""
        how = {"loss": self.loss.name, "f_scale": self.loss.f_scale}
        return self.model.residuals(self.data, coordinates=False, **how)

    @property
    def guess(self) -> Solution | None:
        """The solution to which the given values of parameters lead."""
        row = self.outcome.guess
        return None if row is None or row < 0 else self.solutions[row]

    # Statistics

    @cached_property
    def criteria(self) -> Criteria:
        """Chi-square and what follows from it."""
        return Criteria(self.best.chisqr, len(self.data), len(self.free))

    @property
    def chisqr(self) -> float:
        """Sum of squared residuals, in units of sigma."""
        return self.criteria.chisqr

    @property
    def redchi(self) -> float:
        """Chi-square per degree of freedom."""
        return self.criteria.redchi

    @property
    def nfree(self) -> int:
        """Degrees of freedom: points minus free parameters."""
        return self.criteria.nfree

    @property
    def aic(self) -> float:
        """Akaike's information criterion."""
        return self.criteria.aic

    @property
    def bic(self) -> float:
        """The Bayesian information criterion."""
        return self.criteria.bic

    @property
    def ndata(self) -> int:
        """Points that were fitted."""
        return self.criteria.ndata

    @property
    def nvarys(self) -> int:
        """Parameters that vary."""
        return self.criteria.nvarys

    @property
    def agree(self) -> int:
        """How many starts ended at the best cost."""
        return sum(each.count for each in self.equal)

    @property
    def equal(self) -> list[Solution]:
        """The solutions whose cost is that of the best, up to rounding."""
        return equal(self.solutions, self.data)

    @cached_property
    def _linearised(self) -> Linearised:
        with np.errstate(all="ignore"):
            cost = 2.0 * float(np.sum(self.loss.cost(self.residual)))
        variance = cost / self.nfree if self.nfree > 0 else np.inf
        factor = 1.0 if self.absolute_sigma else variance
        return linearised(weighted(self.loss, self.residual, self.jac), self.best.at_limit, factor)

    @property
    def covar(self) -> Floats:
        """Covariance of the free parameters."""
        return self._linearised.covariance

    @property
    def correl(self) -> Floats:
        """Correlations of the free parameters."""
        return correlation(self.covar)

    @property
    def rank(self) -> int:
        """How many directions of the parameters that are at no limit the data determine."""
        return self._linearised.rank

    @property
    def condition(self) -> float:
        """Condition of J with its columns scaled to length 1; inf without full rank."""
        return self._linearised.condition

    @cached_property
    def params(self) -> dict[str, FittedParameter]:
        """The parameters of the best fit by name."""
        parameters = self.model.parameters
        at, correl = self.best.at_limit, self.correl
        found = {}
        for name, given in parameters.given.items():
            stderr, why, correlated, limit = None, None, {}, 0
            if name in self.free:
                k = self.free.index(name)
                limit, why = int(at[k]), self._linearised.why.get(k)
                stderr = None if why else float(np.sqrt(self.covar[k, k]))
                correlated = {
                    other: float(correl[k, j])
                    for j, other in enumerate(self.free)
                    if j != k and np.isfinite(correl[k, j])
                }
            elif given.expr is not None:
                stderr, why = self._derived(name)
            else:
                why = "fixed"
            low, high, vary = given.min, given.max, name in self.free
            found[name] = FittedParameter(
                name, self.best.values[name], stderr, correlated, low, high, vary, given.scale, given.expr, limit, why
            )
        return found

    def _derived(self, name: str) -> tuple[float | None, str]:
        """Return the standard error of a parameter with a formula, propagated from those that it depends on."""
        parameters = self.model.parameters
        place, formula = parameters.names.index(name), f"= {parameters.given[name].expr}"
        if not parameters.depends(name):
            return None, formula
        value = LeastSquares(lambda u: [parameters.values(u)[place]], len(self.free), name=name)
        slopes = value.jacobian(self.best.free)[1][0]
        used = np.flatnonzero(slopes)
        variance = float(slopes[used] @ self.covar[np.ix_(used, used)] @ slopes[used])
        if np.isfinite(variance):
            return float(np.sqrt(variance)), formula
        without = [self.free[k] for k in used if np.isnan(self.covar[k, k])]
        return None, f"{formula}; {' and '.join(without)} without standard error"

    # Predictions

    def predict(self, x: Any = None, **values: float) -> Any:
        """Return the model at x (default: at the data) with the best parameters, or with some others by name.

        Of several data sets, x and what is returned are lists with one array for each.
        """
        names = self.model.parameters.names
        unknown = [name for name in values if name not in names]
        if unknown:
            raise InputError(f"the model has no parameter {unknown[0]!r}: its parameters are {', '.join(names)}")
        named = self.best.values | {name: check.number(name, value) for name, value in values.items()}
        found = self.model.parts(self._at(x), [named[name] for name in names])
        return self._of_each([np.asarray(each) for each in found])

    def confidence_band(self, x: Any = None, level: float = 0.95) -> tuple[Any, Any]:
        """Return lower and upper ends, at each x, of the interval for the model's value, from its linearisation.

        Parameters
        ----------
        x : array, optional
            Where; default: at the data. Of several data sets a list with one array for each, as are the ends.
        level : float
            Confidence of the interval at each point, between 0 and 1.
        """
        return self._band(x, level, None)

    def prediction_band(self, x: Any = None, level: float = 0.95, sigma: Any = None) -> tuple[Any, Any]:
        """Return lower and upper ends, at each x, of the interval for one new observation.

        Parameters
        ----------
        x, level
            As for :meth:`confidence_band`.
        sigma : float or array, optional
            Standard deviations of the new observations, in the units of those of the fit; default: those of the data.
            If these differ from point to point, sigma is needed for another x.

        Raises
        ------
        InputError
            If sigma is needed, or has another length than x; or a parameter has no standard error.
        """
        return self._band(x, level, self._noise(x, sigma))

    def _noise(self, x: Any, sigma: Any) -> Any:
        """Return the variances of new observations."""
        known = self.data.sigma
        if sigma is None:
            sigma = 1.0 if known is None else known
            if known is not None and x is not None:
                if np.ptp(known):
                    raise InputError("the data have different sigma: give sigma=, those of the new observations at x")
                sigma = float(known[0])
        return (1.0 if self.absolute_sigma else self.redchi) * np.square(Interval(0.0).each("sigma", sigma))

    def _band(self, x: Any, level: float, noise: Any) -> tuple[Any, Any]:
        from scipy import stats

        level = Interval(0.0, 1.0).one("level", level)
        place, parameters = self._at(x), self.model.parameters
        parts = [np.asarray(each, np.float64) for each in self.model.parts(place, parameters.values(self.best.free))]
        centre = np.concatenate([np.atleast_1d(each) for each in parts])
        known = np.isfinite(np.diag(self.covar))
        at_limit = self.best.at_limit != 0
        if not (known | at_limit).all() or not known.any():
            missing = [name for name, ok in zip(self.free, known | at_limit, strict=True) if not ok] or self.free
            raise InputError(f"parameter {missing[0]!r} has no standard error, which a band needs: fix its value")
        if noise is not None and np.shape(noise) not in ((), centre.shape):
            raise InputError(f"sigma has {len(noise)} numbers, and x {len(centre)} points: give as many of each")
        curve = running(self.model.call)(lambda u: self.model.free(place, u))
        slopes = LeastSquares(curve, len(self.free), name=self.name)
        jacobian = slopes.jacobian(self.best.free)[1][:, known]
        variance = np.einsum("ij,jk,ik->i", jacobian, self.covar[np.ix_(known, known)], jacobian)
        variance = variance if noise is None else variance + noise
        quantile = stats.norm.ppf if self.absolute_sigma else lambda q: stats.t.ppf(q, self.nfree)
        half = float(quantile(0.5 + 0.5 * level)) * np.sqrt(variance)
        ends = np.cumsum([each.size for each in parts])[:-1]
        return self._of_each(np.split(centre - half, ends)), self._of_each(np.split(centre + half, ends))

    def _of_each(self, parts: list[Floats]) -> Any:
        """Return one array, or, of several data sets, a list with one for each."""
        return parts if self.model.several else parts[0]

    def _at(self, x: Any) -> Any:
        return self.data.x if x is None else self.model.at(x)

    def walkers(self, n: int, seed: int | None = 0) -> Floats:
        """Return n points around the best fit, (n, free), as starts for a sampler: normal with ``covar``, in limits.

        A parameter without a standard error stays within a thousandth of the width of its limits.
        """
        n, rng, parameters = check.whole("n", n, 1), np.random.default_rng(parse_seed(seed)), self.model.parameters
        known = np.flatnonzero(np.isfinite(np.diag(self.covar)))
        low, high = parameters.limits.T
        region = parameters.region
        points = self.best.free + 1e-3 * (region[:, 1] - region[:, 0]) * rng.uniform(-1.0, 1.0, (n, len(self.free)))
        if len(known):
            spread = rng.multivariate_normal(np.zeros(len(known)), self.covar[np.ix_(known, known)], n, method="eigh")
            points[:, known] = self.best.free[known] + spread
        for ends in (low, high):  # reflected, then cut: a spread may be wider than the limits
            over = points < ends if ends is low else points > ends
            points = np.where(over, 2.0 * ends - points, points)
        return np.clip(points, low, high)

    # Other forms

    @property
    def plot(self) -> FitPictures:
        """The pictures: ``fit.plot()``, and ``residuals``, ``correlation`` and ``waterfall`` of it."""
        return FitPictures(self)

    def __repr__(self) -> str:
        return report.text(self)

    def _repr_html_(self) -> str:
        return report.html(self)

    @property
    def notes(self) -> list[str]:
        """The lines below the report: agreement of the starts, coverage, and whatever is wrong."""
        return report.notes(self)

    def to_dataframe(self, *, solutions: bool = False) -> Any:
        """Return a pandas DataFrame with a row per parameter, or with a row per solution."""
        return forms.dataframe(self, solutions=solutions)

    def record(self) -> dict[str, Any]:
        """Return the fit without its data as a dict: what ``batchgd fit --json`` prints."""
        return record.record(self)

    def to_csv(self) -> str:
        """Return the parameters as CSV, one line each."""
        return record.parameters_csv(self)

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the fit into a new file, whole or not at all; :func:`batchgd.load` reads it back.

        A formula is stored with it. A model that is a Python function is not: pass it to ``load`` for predictions; all
        else, the report included, needs no model.

        Parameters
        ----------
        path : str or Path
            The file, in a folder that exists; ``.npz`` is the usual ending.
        overwrite : bool
            Replace an earlier saved result; any other file is still refused.

        Raises
        ------
        InputError
            If the name is taken, or the disk is full or fails; nothing is left behind.
        """
        from batchgd.api.storage.save import save

        return save(self.landscape, path, overwrite=overwrite, fit=self)

    def to_scipy(self) -> Any:
        """Return the best fit as the OptimizeResult of ``scipy.optimize.least_squares``."""
        return forms.scipy_result(self)

    def to_lmfit(self) -> Any:
        """Return the best fit as lmfit's MinimizerResult; lmfit must be installed."""
        return forms.lmfit_result(self)
