"""The result of many fits of one model: parameters and statistics as arrays, one entry per data set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.fitting import many_forms
from batchgd.analysis.fitting.data import Data
from batchgd.analysis.fitting.many_data import ManyData
from batchgd.analysis.fitting.many_parameters import ManyParameters
from batchgd.analysis.fitting.many_runs import Found
from batchgd.analysis.fitting.model import Model
from batchgd.analysis.fitting.statistics import Criteria, correlation
from batchgd.api.fit_result import FittedParameter
from batchgd.compiler.objective import Objective
from batchgd.compiler.problems import for_each
from batchgd.kernels.status import SUCCESSES, Status

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ManyValues:
    """A parameter of N fits: ``value`` and ``stderr``, (N,), the latter NaN where there is none.

    ``at_limit``, (N,), is -1 at the lower limit, 1 at the upper one and 0 otherwise.
    """

    name: str
    value: Floats
    stderr: Floats
    at_limit: NDArray[np.int8]
    vary: bool
    expr: str | None


@dataclass(frozen=True, eq=False)
class OneFit:
    """One of many fits, ``fits[i]``, with the names of a :class:`FitResult`.

    Examples
    --------
    >>> import batchgd as bgd
    >>> fits = bgd.fit("a + b*x", [0.0, 1.0, 2.0], [[1, 3, 5], [0, 1, 2.5]], parameters={"a": (-9, 9), "b": (-9, 9)})
    >>> one = fits[1]
    >>> round(one.params["b"].value, 6), one.rank, one.predict([4.0]).round(6).tolist()
    (1.25, 2, [4.916667])
    """

    index: int
    params: dict[str, FittedParameter]
    covar: Floats
    chisqr: float
    ndata: int
    nvarys: int
    rank: int
    nfev: int
    agree: int
    dropped: int
    success: bool
    status: Status
    data: Data
    model: Model

    @property
    def message(self) -> str:
        """Why the best descent of this data set ended."""
        if self.ndata < self.nvarys:
            return f"{self.ndata} points cannot determine {self.nvarys} parameters"
        return self.status.message

    @property
    def _criteria(self) -> Criteria:
        return Criteria(self.chisqr, self.ndata, self.nvarys)

    @property
    def redchi(self) -> float:
        """Chi-square per degree of freedom."""
        return self._criteria.redchi

    @property
    def nfree(self) -> int:
        """Degrees of freedom: points minus free parameters."""
        return self._criteria.nfree

    @property
    def aic(self) -> float:
        """Akaike's information criterion."""
        return self._criteria.aic

    @property
    def bic(self) -> float:
        """The Bayesian information criterion."""
        return self._criteria.bic

    def predict(self, x: Any = None) -> Floats:
        """Return the model at x (default: at the data) with the best parameters."""
        place = self.data.x if x is None else self.model.at(x)
        return np.asarray(self.model(place, [each.value for each in self.params.values()]))

    def __repr__(self) -> str:
        return many_forms.one(self)


class ManyFits:
    """What :func:`batchgd.fit` found for y of shape (N, m); ``fits[i]`` is one of the N fits.

    Attributes
    ----------
    params : dict
        A :class:`ManyValues` for each parameter of the model: ``params["k"].value`` and ``.stderr``, (N,).
    covar : (N, p, p) array
        Covariances of the free parameters (``free`` has their names); NaN for those without a standard error.
    chisqr, redchi, aic, bic, nfree, ndata : (N,) arrays
        As in lmfit.
    rank : (N,) array
        How many directions of the parameters that are at no limit the data determine.
    nfev, agree : (N,) arrays
        Evaluations for all starts of a data set, and how many of these ended at the best cost.
    status, success : (N,) arrays
        Why the best descent of a data set ended, and whether that is what was asked for.
    dropped : (N,) array
        How many points of a data set are missing.
    starts : int
        How many descents each fit is the best of.

    Examples
    --------
    >>> import batchgd as bgd
    >>> t = np.linspace(0.0, 4.0, 50)
    >>> y = np.exp(-np.outer([0.5, 1.0, 2.0], t))
    >>> fits = bgd.fit("a*exp(-k*x)", t, y, parameters={"a": (0, 5), "k": (0, 5)})
    >>> fits.params["k"].value.round(6).tolist(), fits.success.all(), len(fits)
    ([0.5, 1.0, 2.0], np.True_, 3)
    """

    def __init__(self, model: Model, data: ManyData, parameters: ManyParameters, found: Found, **about: Any):
        self.model, self.data, self.parameters, self._found = model, data, parameters, found
        self.absolute_sigma: bool = about["absolute_sigma"]
        self.starts: int = about["starts"]
        self.seconds: float = about["seconds"]
        self.name, self.free, self.dropped, self.ndata = model.name, parameters.free, data.dropped, data.ndata
        self.chisqr, self.rank, self.nfev, self.agree = found.chisqr, found.rank, found.nfev, found.agree
        self.status = found.status
        self.success = np.isin(found.status, SUCCESSES) & np.isfinite(found.cost)

    def __len__(self) -> int:
        return len(self.data)

    @property
    def nvarys(self) -> int:
        """Parameters that vary."""
        return len(self.free)

    @property
    def nfree(self) -> NDArray[np.int64]:
        """Degrees of freedom: points minus free parameters."""
        return self.ndata - self.nvarys

    @property
    def redchi(self) -> Floats:
        """Chi-square per degree of freedom; NaN without any."""
        return np.where(self.nfree > 0, self.chisqr / np.maximum(self.nfree, 1), np.nan)

    @property
    def aic(self) -> Floats:
        """Akaike's information criterion."""
        return self._deviance + 2.0 * self.nvarys

    @property
    def bic(self) -> Floats:
        """The Bayesian information criterion."""
        with np.errstate(divide="ignore"):
            return np.asarray(self._deviance + self.nvarys * np.log(self.ndata))

    @property
    def _deviance(self) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.ndata * np.log(self.chisqr / self.ndata), np.float64)

    @cached_property
    def covar(self) -> Floats:
        """Covariances of the free parameters, (N, p, p)."""
        if self.absolute_sigma:
            return self._found.inverse
        variance = np.where(self.nfree > 0, self._found.cost / np.maximum(self.nfree, 1), np.nan)
        return self._found.inverse * variance[:, None, None]

    @cached_property
    def values(self) -> Floats:
        """The values of the free parameters, (N, p)."""
        return self.parameters.outward(self._found.u, slice(None))

    @cached_property
    def at_limit(self) -> NDArray[np.int8]:
        """-1, 1 or 0 for each free parameter, (N, p): at its lower limit, at its upper one, or at neither."""
        return self.parameters.at_limit(self._found.u, slice(None))

    @cached_property
    def params(self) -> dict[str, ManyValues]:
        """The parameters of the fits by name."""
        one, count = self.parameters.one, len(self)
        with np.errstate(all="ignore"):
            errors = np.sqrt(np.einsum("nii->ni", self.covar))
            known = one.values(self.values.T, fixed=self.parameters.fixed)
        found = {}
        for name, value in zip(one.names, known, strict=True):
            stderr, at = np.full(count, np.nan), np.zeros(count, np.int8)
            if name in self.free:
                stderr, at = errors[:, self.free.index(name)], self.at_limit[:, self.free.index(name)]
            elif one.given[name].expr is not None:
                stderr = self._derived(name)
            whole = np.array(np.broadcast_to(value, (count,)), np.float64)
            found[name] = ManyValues(name, whole, stderr, at, name in self.free, one.given[name].expr)
        return found

    def _derived(self, name: str) -> Floats:
        """Return the standard errors of a parameter with a formula, propagated from those that it depends on."""
        one, fixed = self.parameters.one, self.parameters.fixed
        if not one.depends(name):
            return np.full(len(self), np.nan)
        place, params = one.names.index(name), {key: float(each[0]) for key, each in fixed.items()} or None
        value = Objective(lambda u, **given: one.values(u, fixed=given)[place], self.nvarys, params, name=name)
        if fixed:
            value = for_each(value, np.stack([*fixed.values()], axis=1))
        slopes = value.gradient(self.values)
        variance = np.einsum("ni,nij,nj->n", slopes, np.nan_to_num(self.covar), slopes)
        unknown = ((slopes != 0.0) & ~np.isfinite(np.einsum("nii->ni", self.covar))).any(axis=1)
        return np.where(unknown, np.nan, np.sqrt(variance))

    def __iter__(self) -> Iterator[OneFit]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: int) -> OneFit:
        i = range(len(self))[index]
        at, correl = self.at_limit[i], correlation(self.covar[i])
        params = {}
        for name, each in self.params.items():
            given, value, error = self.parameters.one.given[name], float(each.value[i]), float(each.stderr[i])
            low, high, correlated, limit = given.min, given.max, {}, 0
            if each.vary:
                k = self.free.index(name)
                limit = int(at[k])
                low, high = map(float, self.parameters.rows(self.parameters.limits, i)[k])
                others = ((j, other) for j, other in enumerate(self.free) if j != k and np.isfinite(correl[k, j]))
                correlated = {other: float(correl[k, j]) for j, other in others}
            known = np.isfinite(error)
            why = None if each.vary and known else self._why(i, each, limit)
            stderr = error if known else None
            params[name] = FittedParameter(
                name, value, stderr, correlated, low, high, each.vary, given.scale, each.expr, limit, why
            )
        numbers = {name: int(getattr(self, name)[i]) for name in ("ndata", "rank", "nfev", "agree", "dropped")}
        return OneFit(
            index=i,
            params=params,
            covar=self.covar[i],
            chisqr=float(self.chisqr[i]),
            nvarys=self.nvarys,
            success=bool(self.success[i]),
            status=Status(int(self.status[i])),
            data=self.data.one(i),
            model=self.model,
            **numbers,
        )

    def _why(self, i: int, each: ManyValues, limit: int) -> str:
        """Why a parameter of a fit has no standard error."""
        if each.expr is not None:
            return f"= {each.expr}"
        if not each.vary:
            return "fixed"
        if limit:
            return f"at its {'lower' if limit < 0 else 'upper'} limit"
        if not np.isfinite(self.chisqr[i]):
            return "not fitted"
        return "as many parameters as points" if self.nfree[i] <= 0 else "not determined by the data"

    def __repr__(self) -> str:
        return many_forms.text(self)

    def to_dataframe(self) -> Any:
        """Return a pandas DataFrame, a row per data set: each parameter and its standard error, and statistics."""
        return many_forms.dataframe(self)

    def to_xarray(self) -> Any:
        """Return an xarray Dataset with dimensions ``fit``, ``parameter`` and, for covariances, ``free`` twice."""
        return many_forms.dataset(self)
