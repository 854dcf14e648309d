"""Densities and distribution functions of scipy.stats on traced values: the standard form of each distribution."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from batchgd.compiler.trace.array import is_traced, traced_array
from batchgd.compiler.trace.dispatch import elementwise
from batchgd.compiler.trace.escape import escape
from batchgd.compiler.trace.reductions import where
from batchgd.compiler.trace.substitutes import cure_for

_ROOT = 0.5 * math.log(2.0 * math.pi)


def _special(name: str) -> Callable[..., Any]:
    def function(*values: Any) -> Any:
        from scipy import special

        return elementwise(getattr(special, name), *values)

    return function


_gammaln, _betaln, _xlogy, _xlog1py = map(_special, ("gammaln", "betaln", "xlogy", "xlog1py"))
_ndtr, _log_ndtr, _i0e = map(_special, ("ndtr", "log_ndtr", "i0e"))
_log, _exp = np.log, np.exp


def _t(y: Any, df: Any) -> Any:
    constant = _gammaln((df + 1.0) / 2.0) - _gammaln(df / 2.0) - 0.5 * _log(df * math.pi)
    return constant - (df + 1.0) / 2.0 * np.log1p(y * y / df)


def _binom(k: Any, n: Any, p: Any) -> Any:
    return _gammaln(n + 1.0) - _gammaln(k + 1.0) - _gammaln(n - k + 1.0) + _xlogy(k, p) + _xlog1py(n - k, -p)


def _nbinom(k: Any, n: Any, p: Any) -> Any:
    return _gammaln(n + k) - _gammaln(k + 1.0) - _gammaln(n) + n * _log(p) + _xlog1py(k, -p)


def _logistic(y: Any) -> Any:
    size = np.abs(y)
    return -size - 2.0 * np.log1p(_exp(-size))


def _skewnorm(y: Any, a: Any) -> Any:
    return math.log(2.0) - 0.5 * y * y - _ROOT + _log_ndtr(a * y)


DENSITIES: dict[str, Callable[..., Any]] = {
    "norm": lambda y: -0.5 * y * y - _ROOT,
    "halfnorm": lambda y: math.log(2.0) - 0.5 * y * y - _ROOT,
    "lognorm": lambda y, s: -0.5 * (_log(y) / s) ** 2 - _log(s * y) - _ROOT,
    "cauchy": lambda y: -math.log(math.pi) - np.log1p(y * y),
    "laplace": lambda y: -np.abs(y) - math.log(2.0),
    "logistic": _logistic,
    "t": _t,
    "skewnorm": _skewnorm,
    "gumbel_r": lambda y: -y - _exp(-y),
    "gumbel_l": lambda y: y - _exp(y),
    "uniform": lambda y: 0.0 * y,
    "expon": lambda y: -y,
    "gamma": lambda y, a: _xlogy(a - 1.0, y) - y - _gammaln(a),
    "invgamma": lambda y, a: -(a + 1.0) * _log(y) - _gammaln(a) - 1.0 / y,
    "chi2": lambda y, df: _xlogy(df / 2.0 - 1.0, y) - y / 2.0 - _gammaln(df / 2.0) - math.log(2.0) * df / 2.0,
    "beta": lambda y, a, b: _xlog1py(b - 1.0, -y) + _xlogy(a - 1.0, y) - _betaln(a, b),
    "weibull_min": lambda y, c: _log(c) + _xlogy(c - 1.0, y) - y**c,
    "rayleigh": lambda y: _log(y) - 0.5 * y * y,
    "maxwell": lambda y: 0.5 * math.log(2.0 / math.pi) + 2.0 * _log(y) - 0.5 * y * y,
    "pareto": lambda y, b: _log(b) - (b + 1.0) * _log(y),
    "vonmises": lambda y, kappa: kappa * (np.cos(y) - 1.0) - 2.0 * _ROOT - _log(_i0e(kappa)),
    "poisson": lambda k, mu: _xlogy(k, mu) - _gammaln(k + 1.0) - mu,
    "bernoulli": lambda k, p: _xlogy(k, p) + _xlog1py(1.0 - k, -p),
    "binom": _binom,
    "nbinom": _nbinom,
    "geom": lambda k, p: _xlog1py(k - 1.0, -p) + _log(p),
}
"""Logarithms of the densities at y = (x - loc) / scale, or of the probabilities at k = x - loc, inside the support."""

_DISTRIBUTION: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "norm": (_ndtr, lambda y: _ndtr(-y)),
    "lognorm": (lambda y, s: _ndtr(_log(y) / s), lambda y, s: _ndtr(-_log(y) / s)),
    "cauchy": (lambda y: 0.5 + np.arctan(y) / math.pi, lambda y: 0.5 - np.arctan(y) / math.pi),
    "logistic": (_special("expit"), lambda y: _special("expit")(-y)),
    "laplace": (
        lambda y: where(y > 0.0, 1.0 - 0.5 * _exp(-np.abs(y)), 0.5 * _exp(-np.abs(y))),
        lambda y: where(y > 0.0, 0.5 * _exp(-np.abs(y)), 1.0 - 0.5 * _exp(-np.abs(y))),
    ),
    "gumbel_r": (lambda y: _exp(-_exp(-y)), lambda y: -np.expm1(-_exp(-y))),
    "uniform": (lambda y: y, lambda y: 1.0 - y),
    "expon": (lambda y: -np.expm1(-y), lambda y: _exp(-y)),
    "weibull_min": (lambda y, c: -np.expm1(-(y**c)), lambda y, c: _exp(-(y**c))),
    "rayleigh": (lambda y: -np.expm1(-0.5 * y * y), lambda y: _exp(-0.5 * y * y)),
    "pareto": (lambda y, b: 1.0 - y**-b, lambda y, b: y**-b),
}
"""The probabilities below and above y, inside the support."""

_TAILS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "norm": (_log_ndtr, lambda y: _log_ndtr(-y)),
    "expon": (lambda y: np.log1p(-_exp(-y)), lambda y: -y),
}
"""Their logarithms, if these are more accurate than a logarithm of them."""

_SUPPORT: dict[str, tuple[float, float]] = {
    **dict.fromkeys(["expon", "gamma", "chi2", "weibull_min", "halfnorm", "lognorm", "invgamma"], (0.0, math.inf)),
    **dict.fromkeys(["rayleigh", "maxwell", "poisson", "binom", "nbinom"], (0.0, math.inf)),
    **dict.fromkeys(["uniform", "beta", "bernoulli"], (0.0, 1.0)),
    **dict.fromkeys(["pareto", "geom"], (1.0, math.inf)),
}


def density(real: Any, name: str, x: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Return a distribution's function ``name`` (logpdf, cdf ...) at x, for parameters as SciPy takes them."""
    shapes, loc, scale = real._parse_args(*args, **kwargs)
    y = (traced_array(x) - loc) / scale
    if name in ("pdf", "logpdf", "pmf", "logpmf"):
        value = _log_density(real.name, y, shapes)
        value = value if _is_one(scale) else value - np.log(scale)
        value = value if name.startswith("log") else np.exp(value)
    else:
        value = _probability(real.name, name, y, shapes)
    valid = _valid(real.name, shapes, scale)
    return value if valid is True else where(valid, value, np.nan)


def _log_density(distribution: str, y: Any, shapes: Sequence[Any]) -> Any:
    low, inside = _inside(distribution, y)
    if distribution == "binom":
        inside = inside & (y <= shapes[0])
    return where(inside, DENSITIES[distribution](_within(inside, y, low), *shapes), -np.inf)


def _probability(distribution: str, name: str, y: Any, shapes: Sequence[Any]) -> Any:
    """Return the probability below a point (above it for sf), or its logarithm."""
    low, inside = _inside(distribution, y)
    log, above = name.startswith("log"), name in ("sf", "logsf")
    accurate = log and distribution in _TAILS
    if not accurate and distribution not in _DISTRIBUTION:
        raise escape(f"SciPy's {distribution}.{name} cannot be traced", cure_for(f"{distribution}.{name}"))
    formula = (_TAILS if accurate else _DISTRIBUTION)[distribution][above]
    value, outside = formula(_within(inside, y, low), *shapes), _outside(y, low, above)
    if log:
        value, outside = value if accurate else np.log(value), np.log(outside)
    return where(inside, value, outside)


def _inside(distribution: str, y: Any) -> tuple[float, Any]:
    """Return the lower end of a support, and whether points are inside."""
    low, high = _SUPPORT.get(distribution, (-math.inf, math.inf))
    return low, (y >= low) & (y <= high) if low > -math.inf else True


def _valid(distribution: str, shapes: Sequence[Any], scale: Any) -> Any:
    """Return whether parameters are in their range; SciPy's functions are NaN if they are not."""
    valid: Any = True
    positive = [] if distribution == "skewnorm" else [*shapes]
    if distribution in ("binom", "nbinom", "bernoulli", "geom"):
        p = positive.pop()
        valid = np.logical_and(np.greater_equal(p, 0.0), np.less_equal(p, 1.0)) if is_traced(p) else valid
    for each in (*positive, scale):
        valid = np.logical_and(valid, np.greater(each, 0.0)) if is_traced(each) else valid
    return valid


def _is_one(scale: Any) -> bool:
    return isinstance(scale, (int, float)) and scale == 1


def _within(inside: Any, y: Any, low: float) -> Any:
    """Return y, moved inside the support where it is outside, so that no formula is evaluated there."""
    return y if inside is True else where(inside, y, low + 0.5)


def _outside(y: Any, low: float, above: bool) -> Any:
    """Return the probability below (or above) a point that is not in the support."""
    return where(y < low, float(above), float(not above)) if low > -math.inf else 0.0
