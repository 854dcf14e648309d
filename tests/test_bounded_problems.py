"""Bounded problems of the literature: published optima, and those that SciPy's bounded solvers find."""

import json
from pathlib import Path

import numpy as np
import pytest
from bounded_problems import PROBLEMS

import batchgd as bgd

SCIPY = json.loads((Path(__file__).parent / "data" / "scipy_bounded.json").read_text())
METHODS = (bgd.LBFGS(), bgd.BFGS(), bgd.Newton(), bgd.LevenbergMarquardt())


def found(name, method, backend):
    problem = PROBLEMS[name]
    lower, upper = np.array(problem.bounds, float).T
    random = np.random.default_rng(0).uniform(np.maximum(lower, -10), np.minimum(upper, 10), (15, len(lower)))
    return bgd.multistart(
        bgd.LeastSquares(problem.residuals, len(lower)),
        bounds=problem.bounds, starts=np.vstack([np.clip(problem.x0, lower, upper), random]), method=method,
        backend=backend, maxiter=5000,
    )  # fmt: skip


def on_bounds(name, x):
    """SciPy's active mask of a point that may be inside by its solver's tolerance."""
    lower, upper = np.array(PROBLEMS[name].bounds, float).T
    near = 2e-10 * np.maximum(1.0, np.abs(x))
    return np.where(x <= lower + near, -1, np.where(x >= upper - near, 1, 0)).tolist()


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_published_optima_and_scipys(name, method):
    wanted = min(SCIPY[name].values(), key=lambda one: one["fun"])
    for backend in ("cpu", "numpy") if isinstance(method, bgd.LevenbergMarquardt) else ("cpu",):
        minima = found(name, method, backend).minima
        assert minima.kind[0] in ("minimum", "degenerate")
        value = 2.0 * minima.fun[0]
        assert value == pytest.approx(PROBLEMS[name].value, rel=5e-6, abs=1e-18)
        assert value <= wanted["fun"] * (1.0 + 1e-9) + 1e-25
        assert minima.active[0].tolist() == on_bounds(name, np.array(wanted["x"]))
