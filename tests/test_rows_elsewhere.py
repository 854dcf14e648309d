"""Rows in what is not NumPy's: SciPy's functions and distributions, and decisions that depend on x."""

import numpy as np
import pytest
import scipy.special as sp
from scipy import stats
from scipy.spatial.distance import cdist

from batchgd import Objective

t = np.linspace(0.1, 2, 1000)
d = np.random.default_rng(0).normal(size=(200, 3))
k = np.random.default_rng(0).poisson(3, 100)

FUNCTIONS = {
    "logsumexp": lambda x: np.sum(sp.logsumexp(d * x, axis=1)),
    "logsumexp all": lambda x: sp.logsumexp(t * x[0]) + x[1] + x[2],
    "softmax": lambda x: np.sum(sp.softmax(d * x, axis=1)[:, 0] ** 2),
    "norm.logpdf": lambda x: -np.sum(stats.norm.logpdf(t, x[0], 1 + x[1] ** 2)) + x[2] ** 2,
    "norm.pdf mix": lambda x: (
        -np.sum(np.log(0.3 * stats.norm.pdf(t, x[0], 1) + 0.7 * stats.norm.pdf(t, x[1], 1 + x[2] ** 2)))
    ),
    "poisson": lambda x: -np.sum(stats.poisson.logpmf(k, np.exp(x[0] + x[1]))) + x[2] ** 2,
    "gamma": lambda x: -np.sum(stats.gamma.logpdf(t, 2 + x[0], scale=1 + x[1] ** 2)) + x[2] ** 2,
    "gammaln": lambda x: np.sum(sp.gammaln(t * x[0] + 3)) + x[1] + x[2],
    "piecewise": lambda x: np.sum(np.piecewise(t, [t < 1 + x[0]], [lambda s: s * x[1], lambda s: s * x[2]])),
    "guard": lambda x: 1e10 if not np.isfinite(np.sum(t * x[0])) else np.sum((t * x[0] - x[1]) ** 2) + x[2] ** 2,
    "branch": lambda x: np.sum((t - x[0]) ** 2) if np.max(x[1] * t) > 1 else np.sum((t - x[2]) ** 2) + x[1],
    "any": lambda x: np.inf if np.any(t * x[0] > 100) else np.sum((t * x[0] - 1) ** 2) + x[1] + x[2],
    "cdist": lambda x: np.sum(np.exp(-(cdist(d, x[None]) ** 2))),
    "gradient": lambda x: np.sum(np.gradient(np.sin(x[0] * t[:100])) ** 2) + x[1] + x[2],
    "interp": lambda x: np.sum(np.interp(t * x[0] + x[1], t[::50], t[::50] ** 2)) + x[2],
    "nansum": lambda x: np.nansum(np.log(t - 0.5 + 0 * x[0]) * x[1]) + x[2],
    "nan_to_num": lambda x: np.sum(np.nan_to_num(t * x[0])) + x[1] + x[2],
    "sqrt not taken": lambda x: (
        np.sum(np.where(t > 1, np.sqrt(np.where(t > 1, t - 1, 0) * x[0] ** 2), x[1] * t)) + x[2]
    ),
    "where sqrt": lambda x: np.sum(np.where(x[0] * t > 0.5, np.sqrt(x[0] * t - 0.5), x[1] * t)) + x[2],
    "quad-like": lambda x: np.trapezoid(np.exp(-x[0] * t), t) + x[1] + x[2],
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_rows_are_traced(name):
    fun, x = FUNCTIONS[name], np.array([0.5, 0.7, 0.3])
    objective = Objective(fun, 3, box=[(0.2, 0.9)] * 3)
    assert objective.has_rows
    with np.errstate(invalid="ignore"):
        assert objective.value(x) == pytest.approx(fun(x), rel=1e-12)
        slopes = [(fun(x + step) - fun(x - step)) / 2e-6 for step in np.eye(3) * 1e-6]
    np.testing.assert_allclose(objective.gradient(x), slopes, rtol=1e-4, atol=1e-5 * np.abs(slopes).max())
