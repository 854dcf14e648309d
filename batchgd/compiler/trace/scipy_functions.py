"""SciPy's functions of Python code that would convert traced values, written for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from batchgd.compiler.trace.array import is_traced, plain_objects, traced_array
from batchgd.compiler.trace.array_functions import interpolate, pieces
from batchgd.compiler.trace.densities import DENSITIES, density
from batchgd.compiler.trace.escape import escape
from batchgd.compiler.trace.linalg import SCIPY_LINALG, cholesky, triangular
from batchgd.compiler.trace.reductions import where
from batchgd.compiler.trace.rotations import Rotations
from batchgd.compiler.trace.substitutes import cure_for


def _logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    if return_sign:
        raise escape("logsumexp with return_sign=True cannot be traced", "take the logarithm of the absolute value")
    array = traced_array(a)
    largest = np.max(array, axis=axis, keepdims=True)
    largest = where(abs(largest) < np.inf, largest, 0.0)
    terms = np.exp(array - largest) * (1.0 if b is None else b)
    total = np.log(np.sum(terms, axis=axis, keepdims=True)) + largest
    return total if keepdims else np.sum(total, axis=axis)  # one element along each axis


def _softmax(x: Any, axis: Any = None) -> Any:
    array = traced_array(x)
    terms = np.exp(array - np.max(array, axis=axis, keepdims=True))
    return terms / np.sum(terms, axis=axis, keepdims=True)


def _log_softmax(x: Any, axis: Any = None) -> Any:
    array = traced_array(x)
    off = array - np.max(array, axis=axis, keepdims=True)
    return off - np.log(np.sum(np.exp(off), axis=axis, keepdims=True))


def _distance(metric: str, apart: Any) -> Any:
    if metric == "sqeuclidean":
        return np.sum(apart * apart, axis=-1)
    if metric == "euclidean":
        return np.sqrt(np.sum(apart * apart, axis=-1))
    if metric == "cityblock":
        return np.sum(np.abs(apart), axis=-1)
    raise escape(f"distances of the metric {metric!r} cannot be traced", cure_for("cdist"))


def _cdist(a: Any, b: Any, metric: str = "euclidean", **_: Any) -> Any:
    return _distance(metric, traced_array(a)[:, None] - traced_array(b)[None])


def _pdist(a: Any, metric: str = "euclidean", **_: Any) -> Any:
    array = traced_array(a)
    i, j = np.triu_indices(len(array), 1)
    return _distance(metric, array[i] - array[j])


def _squareform(x: Any, *args: Any, **_: Any) -> Any:
    values = plain_objects(x)
    if values.ndim == 2:
        return traced_array(values[np.triu_indices(len(values), 1)])
    n = round(0.5 + (0.25 + 2 * len(values)) ** 0.5)
    result = np.full((n, n), 0.0, dtype=object)
    i, j = np.triu_indices(n, 1)
    result[i, j] = result[j, i] = values
    return traced_array(result)


def _lfilter(b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    values = plain_objects(x)
    if values.ndim != 1 or zi is not None:
        raise escape("lfilter is traced along one axis, without zi=", "filter the rows one by one")
    ahead, back = list(plain_objects(b)), list(plain_objects(a))
    result: list[Any] = []
    for k in range(len(values)):
        total: Any = sum((ahead[i] * values[k - i] for i in range(min(len(ahead), k + 1))), 0.0)
        total = total - sum((back[i] * result[k - i] for i in range(1, min(len(back), k + 1))), 0.0)
        result.append(total if not is_traced(back[0]) and back[0] == 1.0 else total / back[0])
    return traced_array(result)


def _comb(n: Any, k: Any, **_: Any) -> Any:
    from scipy import special

    return special.binom(n, k)


SCIPY: dict[str, dict[str, Callable[..., Any]]] = {
    "scipy.special": {"logsumexp": _logsumexp, "softmax": _softmax, "log_softmax": _log_softmax, "comb": _comb},
    "scipy.linalg": SCIPY_LINALG,
    "scipy.spatial.distance": {"cdist": _cdist, "pdist": _pdist, "squareform": _squareform},
    "scipy.signal": {"lfilter": _lfilter},
}
"""Stand-ins by module and name."""

PARTS = frozenset([*SCIPY, "scipy", "scipy.spatial", "scipy.spatial.transform", "scipy.stats", "scipy.interpolate"])
"""The modules that contain such functions, or modules or objects that do."""


class _Stand:
    """An object of SciPy's that also takes traced values: what is not redefined is the object's own."""

    def __init__(self, real: Any):
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Spline(_Stand):
    """A piecewise polynomial, or one that SciPy can turn into it."""

    def __call__(self, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
        """Evaluate the spline, or a derivative of it."""
        if not is_traced(x):
            return self._real(x, nu, extrapolate)
        spline = _polynomials(self._real.derivative(nu) if nu else self._real)
        value = pieces(spline.c, spline.x)(x)
        inside = (traced_array(x) >= spline.x[0]) & (traced_array(x) <= spline.x[-1])
        return value if spline.extrapolate else where(inside, value, np.nan)

    def derivative(self, nu: int = 1) -> Spline:
        """Return a derivative, as a spline."""
        return Spline(self._real.derivative(nu))

    def antiderivative(self, nu: int = 1) -> Spline:
        """Return an antiderivative, as a spline."""
        return Spline(self._real.antiderivative(nu))


def _polynomials(spline: Any) -> Any:
    """Return a spline as piecewise polynomials, None if it is not one number at each point."""
    from scipy.interpolate import BSpline, PPoly, UnivariateSpline

    if isinstance(spline, UnivariateSpline):
        return PPoly.from_spline(spline._eval_args)
    if isinstance(spline, BSpline) and np.ndim(spline.c) == 1:
        return PPoly.from_spline(spline)
    one = isinstance(spline, PPoly) and np.ndim(spline.c) == 2 and spline.extrapolate != "periodic"
    return spline if one else None


class Line(_Stand):
    """A linear interp1d."""

    def __call__(self, x: Any) -> Any:
        """Evaluate the interpolant."""
        return interpolate(x, self._real.x, self._real.y) if is_traced(x) else self._real(x)


class Maker(_Stand):
    """A class of interpolants, or a function that returns one: what it makes takes traced values."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Make an interpolant."""
        return stand_in_for(self._real(*args, **kwargs))


class Distribution(_Stand):
    """A distribution, or a frozen one: its density and distribution functions take traced values and parameters."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Freeze the parameters."""
        if is_traced([*args, *kwargs.values()]):
            return Frozen(self, args, kwargs)
        return stand_in_for(self._real(*args, **kwargs))

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name not in ("pdf", "logpdf", "pmf", "logpmf", "cdf", "logcdf", "sf", "logsf"):
            return real

        def function(x: Any, *args: Any, **kwargs: Any) -> Any:
            if not is_traced([x, *args, *kwargs.values()]):
                return real(x, *args, **kwargs)
            return density(self._real, name, x, args, kwargs)

        return function


class Frozen:
    """A distribution with parameters that depend on x."""

    def __init__(self, distribution: Any, args: Sequence[Any], kwargs: dict[str, Any]):
        self._distribution, self._args, self._kwargs = distribution, args, kwargs

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._distribution, name)
        return lambda x: method(x, *self._args, **self._kwargs)


class FrozenPlain(_Stand):
    """A frozen distribution of plain parameters."""

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name not in ("pdf", "logpdf", "pmf", "logpmf", "cdf", "logcdf", "sf", "logsf"):
            return real
        method = getattr(Distribution(self._real.dist), name)
        return lambda x: method(x, *self._real.args, **self._real.kwds) if is_traced(x) else real(x)


class MultivariateNormal(_Stand):
    """The normal distribution of several variables, of a traced mean or covariance."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Freeze the parameters."""
        return Frozen(self, args, kwargs)

    def logpdf(self, x: Any, mean: Any = None, cov: Any = 1, allow_singular: bool = False) -> Any:
        """Return the logarithm of the density at one point, or at each row."""
        if not is_traced([x, mean, cov]):
            return self._real.logpdf(x, mean, cov, allow_singular)
        points = traced_array(x)
        n = len(plain_objects(mean)) if mean is not None else points.shape[-1]
        spread = plain_objects(cov)
        full = spread if spread.ndim == 2 else np.diag(np.broadcast_to(spread, n)) + np.full((n, n), 0.0)
        low = cholesky(full)
        off = np.atleast_2d(points - (0.0 if mean is None else traced_array(mean)))
        z = triangular(low, off.T, lower=True)
        value = -0.5 * np.sum(z * z, axis=0) - np.sum(np.log(np.diag(low))) - 0.5 * n * np.log(2 * np.pi)
        return value if points.ndim == 2 else value[0]

    def pdf(self, *args: Any, **kwargs: Any) -> Any:
        """Return the density."""
        return np.exp(self.logpdf(*args, **kwargs))


def stand_in_for(value: Any) -> Any:
    """Return the stand-in of a SciPy object, the object itself if it has none."""
    module = type(value).__module__
    if getattr(value, "__name__", "") == "Rotation":
        return Rotations(value)
    if isinstance(value, (type, FunctionType)):
        return Maker(value)
    if module.startswith("scipy.stats"):
        if getattr(getattr(value, "dist", value), "name", None) in DENSITIES:
            return FrozenPlain(value) if hasattr(value, "dist") else Distribution(value)
        if type(value).__name__ == "multivariate_normal_gen":
            return MultivariateNormal(value)
    if module.startswith("scipy.interpolate"):
        if type(value).__name__ == "interp1d":
            return Line(value) if getattr(value, "_kind", "") == "linear" and np.ndim(value.y) == 1 else value
        if _polynomials(value) is not None:
            return Spline(value)
    return value
