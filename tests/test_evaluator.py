"""Compiled evaluations at many points: against NumPy, and what a run makes of them."""

import pickle

import numpy as np
import pytest

import batchgd as bgd
from batchgd.engine.evaluator import LANES, Evaluator
from batchgd.minima.eigen import HessianEigenvalues

T = np.linspace(0.0, 1.0, 200)


def coupled(x):
    return np.sum(x**4) + np.sum(x[:-1] * x[1:]) + np.cos(x[0] * x[-1])


def fit(p):
    return np.sum((np.exp(-2.0 * T) - p[0] * np.exp(-p[1] * T)) ** 2)


def raised(x, a):
    return a[0] * np.sum(x**2) + a[1] * np.sin(x[0])


def pairs(x):
    total = 0.0
    for i in range(30):
        for j in range(i):
            total += abs(x[i] - x[j]) ** 3 + np.sin(x[i] * x[j])
    return total


FUNCTIONS = {
    "coupled 1-D": (bgd.Objective(lambda x: x[0] ** 4 - x[0], dim=1), 1),
    "coupled": (bgd.Objective(coupled, dim=4), 4),
    "rows of data": (bgd.Objective(fit, dim=2), 2),
    "params": (bgd.Objective(raised, dim=3, params=[2.0, 0.5]), 3),
    "separable, many coordinates": (bgd.Objective(lambda x: np.sum(x**2 - np.cos(3 * x)), dim=60), 60),
    "chain, many coordinates": (bgd.landscapes.get("rosenbrock"), 40),
    "full, a loop": (bgd.Objective(pairs, dim=30), 30),
    "full, with params": (bgd.Objective(lambda x, a: np.sum(x * a[0]) ** 3 + a[1] * np.sum(x**4), 40, [0.5, 2.0]), 40),
    "full, with a slope by hand": (
        bgd.Objective(lambda x: np.sum(x) ** 4, 40, jac=lambda x: 4 * np.sum(x) ** 3 + 0 * x),
        40,
    ),
    "full, many coordinates": (bgd.Objective(lambda x: np.sum(x) ** 2 + np.sum(x**2), dim=50), 50),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("n", [0, 1, LANES, 3 * LANES + 5])
def test_compiled_evaluations_equal_those_in_numpy(name, n):
    fun, dim = FUNCTIONS[name]
    objective = fun if isinstance(fun, bgd.Objective) else bgd.multistart(fun, dim=dim, starts=1).objective
    evaluator, x = Evaluator(objective), np.random.default_rng(n).uniform(-1, 2, (n, dim))
    f, g = objective.value_and_gradient(x)
    np.testing.assert_allclose(evaluator.value(x), f, rtol=1e-12)
    np.testing.assert_allclose(evaluator.value_and_gradient(x)[1], g, rtol=1e-10, atol=1e-10)
    evaluator._seen = 10**9  # compiled from now on
    hessian = evaluator.hessian(x)
    np.testing.assert_allclose(hessian, objective.hessian(x), rtol=1e-10, atol=1e-9)
    assert evaluator.has_newton == (not name.startswith("full"))
    if not evaluator.has_newton or n == 0:
        return
    width = np.linspace(1.0, 3.0, dim)
    found = evaluator.newton(x, width, 0.1)
    scaled = hessian * width * width[:, None]
    lowest, total = np.linalg.eigvalsh(scaled)[:, 0], np.trace(scaled, axis1=1, axis2=2)
    assert ((found.kind > 0) == (lowest > 0)).all()
    assert ((found.kind == 2) == (lowest > np.maximum(0.1, 1e-7 * total))).all()
    np.testing.assert_allclose(found.fun, f, rtol=1e-12)
    np.testing.assert_allclose(found.stiffest, np.abs(np.diagonal(scaled, axis1=1, axis2=2)).max(axis=1), rtol=1e-10)
    rows = np.flatnonzero(found.kind == 2)
    step = np.linalg.solve(hessian[rows], -g[rows, :, None])[:, :, 0]
    np.testing.assert_allclose(found.step[rows], step, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "dim"), [("rastrigin", 5), ("michalewicz", 3), ("ackley", 2), ("rosenbrock", 4), ("styblinski_tang", 40)]
)
def test_a_run_finds_the_same_whether_evaluations_are_compiled_or_not(name, dim):
    runs = []
    for seconds in (0.0, np.inf):
        with bgd.testing.forced(evaluated=seconds):
            runs.append(bgd.multistart(name, dim=dim, starts=500))
    one, other = runs
    assert one.minima.kind.tolist() == other.minima.kind.tolist()
    place = np.abs(one.minima.x[:, None] - other.minima.x).max(axis=2).argmin(axis=1)  # rounding may order equal values
    np.testing.assert_allclose(one.minima.x, other.minima.x[place], atol=1e-7 * one.box.width.max())
    assert np.append(place, -1)[one.label].tolist() == other.label.tolist()
    assert one.warnings == other.warnings
    assert one.stationary.kind.tolist() == other.stationary.kind.tolist()
    assert one.stationary.count.tolist() == other.stationary.count.tolist()


def test_eigenvalues_are_computed_when_they_are_read():
    minima = bgd.multistart("himmelblau", starts=200).minima
    assert isinstance(vars(minima)["eigenvalues"], HessianEigenvalues)
    part = minima[1:3]
    whole = minima.eigenvalues
    assert whole.shape == (4, 2)
    assert (np.diff(whole) > 0).all()
    assert part.eigenvalues.tolist() == whole[1:3].tolist()
    assert minima[-1]["eigenvalues"].tolist() == whole[-1].tolist()
    assert pickle.loads(pickle.dumps(minima)).eigenvalues.tolist() == whole.tolist()
    with pytest.raises(IndexError):
        minima[4]


def test_functions_called_as_plain_python_are_evaluated_during_the_run():
    callback = bgd.Callback(lambda x: float(x[0] ** 2 + x[1] ** 2), dim=2)
    result = bgd.multistart(callback, box=[(-1, 1)] * 2, starts=5)
    calls = callback.calls
    np.testing.assert_allclose(result.minima.eigenvalues, [[2.0, 2.0]], rtol=1e-4)
    assert callback.calls == calls


@pytest.mark.parametrize("method", [bgd.LevenbergMarquardt(), bgd.Newton(), None])
def test_minima_are_found_by_the_code_of_the_run(method):
    """And are those that NumPy finds; a Hessian is computed once for each point."""
    rows = bgd.LeastSquares(lambda p: np.exp(-2.0 * T) - p[0] * np.exp(-p[1] * T), box=[(0, 3), (0, 4)], sigma=0.1)
    seen, hessian = [], rows.hessian
    rows.hessian = lambda x: seen.extend(x.tolist()) or hessian(x)
    options = {"starts": 50, "method": method}
    found = bgd.multistart(rows, backend="cpu", **options)
    assert len({*map(tuple, seen)}) == len(seen) > 0
    plain = bgd.multistart(rows, backend="numpy", **options)
    np.testing.assert_allclose(found.minima.x, plain.minima.x, rtol=1e-8)
    assert found.minima.kind.tolist() == plain.minima.kind.tolist()
    np.testing.assert_array_equal(found.label, plain.label)
