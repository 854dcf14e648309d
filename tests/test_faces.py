"""Minima on faces: exact solutions, multipliers, weakly active bounds, and how they are reported."""

import json

import numpy as np
import pytest
from box_quadratics import quadratic, solved
from scipy.optimize import Bounds, least_squares

import batchgd as bgd
from batchgd.compiler.codegen.rule import takes_bounds
from batchgd.problem.methods import METHODS

BACKENDS = ("cpu", "numpy")
TAKING = [name for name, cls in METHODS.items() if takes_bounds(cls(**cls.EXAMPLE).rule_in(4))]
QUADRATIC = quadratic(4, seed=4)
WANTED = solved(*QUADRATIC)
LOWEST = 0.5 * WANTED.x @ QUADRATIC[0] @ WANTED.x + QUADRATIC[1] @ WANTED.x


def above_its_minimum(x):
    h, c, _, _ = QUADRATIC
    return 0.5 * (x @ (h @ x)) + c @ x - LOWEST


def residuals(x):
    """Their squares add up to twice the same quadratic, and a constant."""
    h, c, _, _ = QUADRATIC
    factor = np.linalg.cholesky(h)
    return factor.T @ x + np.linalg.solve(factor, c)


def assert_solved(minima, wanted):
    assert minima.kind.tolist() == ["minimum"]
    np.testing.assert_allclose(minima.x[0], wanted.x, atol=1e-12)
    assert (minima.active[0] == wanted.active).all()
    np.testing.assert_allclose(minima.multipliers[0], wanted.multipliers, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", TAKING)
def test_every_method_finds_the_minimum_of_a_quadratic_on_a_box(name, backend):
    assert set(WANTED.active) == {-1, 0, 1}
    lower, upper = QUADRATIC[2:]
    method = METHODS[name](**METHODS[name].EXAMPLE)
    fun = bgd.LeastSquares(residuals, 4) if name == "levenberg_marquardt" else above_its_minimum
    result = bgd.multistart(fun, bounds=Bounds(lower, upper), starts=40, method=method, backend=backend, maxiter=3000)
    assert_solved(result.minima, WANTED)
    assert (result.x >= lower).all()
    assert (result.x <= upper).all()


@pytest.mark.parametrize("d", range(2, 11))
def test_quadratics_on_boxes_of_two_to_ten_dimensions(d):
    h, c, lower, upper = quadratic(d, seed=10 + d)
    wanted = solved(h, c, lower, upper)
    assert wanted.active.any()
    for backend in BACKENDS:
        result = bgd.multistart(
            lambda x: 0.5 * (x @ (h @ x)) + c @ x,
            bounds=list(zip(lower, upper, strict=True)),
            starts=50,
            backend=backend,
        )
        assert_solved(result.minima, wanted)
        free = wanted.active == 0
        values = result.minima.eigenvalues[0]
        np.testing.assert_allclose(values[: free.sum()], np.linalg.eigvalsh(h[np.ix_(free, free)]), rtol=1e-9)
        assert np.isnan(values[free.sum() :]).all()


def test_active_is_the_mask_of_scipy():
    t = np.linspace(0.0, 4.0, 50)
    y = 2.5 * np.exp(-1.3 * t) + 0.5
    fit = bgd.LeastSquares(lambda x: x[0] * np.exp(-x[1] * t) + x[2] - y, 3)
    for bounds in ([(0, 2), (0, 5), (-1, 2)], [(0, 3), (1.5, 5), (0.6, 2)], [(0, 3), (0, 5), (-1, 2)]):
        lower, upper = zip(*bounds, strict=True)
        found = least_squares(
            lambda x: x[0] * np.exp(-x[1] * t) + x[2] - y,
            np.mean(bounds, axis=1),
            bounds=(lower, upper),
            gtol=1e-15,
            ftol=1e-15,
            xtol=1e-15,
        )
        result = bgd.multistart(fit, bounds=bounds, starts=50, method=bgd.LevenbergMarquardt())
        assert result.minima.active[0].tolist() == found.active_mask.tolist()
        np.testing.assert_allclose(result.minima.x[0], found.x, atol=1e-6)


WEAK = {
    "sphere": (lambda x: x[0] ** 2 + x[1] ** 2, "minimum", [[-1, -1]], "weakly on 2 bounds"),
    "rounded": (lambda x: (x[0] - 0.0) ** 2 + (x[1] - 0.3) ** 2 + 1e-10 * x[0], "minimum", [[-1, 0]], "weakly on 1"),
    "one of two": (lambda x: x[0] ** 2 + x[1], "minimum", [[-1, -1]], "on 2 bounds, 1 weakly"),
    "saddle of the plane": (
        lambda x: 0.5 * x[0] ** 2 + 5 * x[0] * x[1] + 0.5 * x[1] ** 2,
        "minimum",
        [[-1, -1]],
        "weakly",
    ),
    "cubic": (lambda x: x[0] ** 3 + (x[1] - 0.3) ** 2, "degenerate", [[-1, 0]], "weakly on 1 bound"),
    "quartic": (lambda x: x[0] ** 4 + (x[1] - 0.3) ** 2, "degenerate", [[-1, 0]], "weakly on 1 bound"),
    "kink on a face": (lambda x: np.abs(x[0] - 0.5) + x[1], "kink", [[0, -1]], "on 1 bound"),
    "vertex": (lambda x: x[0] + 2 * x[1], "minimum", [[-1, -1]], "on 2 bounds"),
    "edge": (lambda x: x[0] + 0 * x[1], "valley", [[-1, 0]], "1 free direction, on 1 bound"),
}


@pytest.mark.parametrize("name", WEAK)
def test_weakly_active_bounds(name):
    fun, kind, active, words = WEAK[name]
    result = bgd.multistart(fun, bounds=[(0, 1)] * 2, starts=100)
    assert result.minima.kind.tolist() == [kind]
    assert result.minima.active.tolist() == active
    assert words in str(result.minima)
    assert ((result.minima.x >= 0.0) & (result.minima.x <= 1.0)).all()
    weak = result.minima.weak
    assert (weak == ((result.minima.active != 0) & (result.minima.multipliers == 0.0))).all()
    assert ("without a slope there (weakly active)" in str(result)) == bool(weak.any())


def test_a_weakly_active_point_that_falls_inwards_is_not_a_minimum():
    fun = lambda x: 0.5 * x[0] ** 2 - 2 * x[0] * x[1] + 0.5 * x[1] ** 2  # noqa: E731
    result = bgd.multistart(fun, bounds=[(0, 1)] * 2, starts=[[0.0, 0.0]])
    assert len(result.minima) == 0
    assert result.stationary.kind.tolist() == ["saddle"]
    assert result.stationary.active.tolist() == [[-1, -1]]
    assert "saddle, weakly on 2 bounds" in str(result.stationary) or "on 2 bounds" in str(result.stationary)


def test_multipliers_are_what_the_value_changes_by_with_the_bound():
    bounds, step = np.array([(-2, 2.5), (-1, 4.0)]), 1e-5
    result = bgd.multistart("himmelblau", bounds=bounds, starts=200)
    for row, axis in zip(*np.nonzero(result.minima.active), strict=True):
        moved = [bounds.copy(), bounds.copy()]
        side = 0 if result.minima.active[row, axis] < 0 else 1
        values = []
        for sign, each in zip((-1, 1), moved, strict=True):
            each[axis, side] += sign * step
            found = bgd.multistart("himmelblau", bounds=each, starts=200).minima
            values.append(found.fun[(found.active == result.minima.active[row]).all(axis=1)][0])
        slope = (values[1] - values[0]) / (2 * step)
        assert slope == pytest.approx(result.minima.multipliers[row, axis], rel=1e-5)


def test_tables_have_the_bounds(tmp_path):
    result = bgd.multistart("himmelblau", bounds=[(-2, 2.5), (-1, 4)], starts=300)
    one = json.loads(json.dumps(result.summary()))["minima"][0]
    assert one["active"] == [1, 0]
    assert one["multipliers"] == [pytest.approx(-23.90155, rel=1e-6), 0.0]
    frame = result.minima.to_dataframe()
    assert frame[["active0", "active1"]].to_numpy().tolist() == result.minima.active.tolist()
    assert frame["multiplier0"].tolist() == result.minima.multipliers[:, 0].tolist()
    assert result.to_xarray().minimum_active.to_numpy().tolist() == result.minima.active.tolist()
    result.save(tmp_path / "faces")
    loaded = bgd.load(tmp_path / "faces")
    assert np.array_equal(loaded.minima.multipliers, result.minima.multipliers)
    assert np.array_equal(loaded.minima.eigenvalues, result.minima.eigenvalues, equal_nan=True)
    free = bgd.multistart("himmelblau", starts=100)
    assert free.minima.active is None
    assert "active" not in free.summary()["minima"][0]
    assert not [name for name in free.minima.to_dataframe() if name.startswith(("active", "multiplier"))]


def test_a_comparison_of_two_runs_has_the_bounds():
    a = bgd.multistart("himmelblau", bounds=[(-2, 2.5), (-1, 4)], starts=300)
    assert bgd.diff(a, a).active_a.tolist() == a.minima.active.tolist()
    free = bgd.multistart("himmelblau", starts=300)
    both = bgd.diff(a, free)
    assert "on bounds" in str(both)
    assert both.to_dict()["minima"][0]["active_b"] == [0, 0]
    assert bgd.diff(free, free).active_a is None
    assert "on bounds" not in str(bgd.diff(free, free))


def test_bounds_as_a_box_point_to_bounds():
    with pytest.raises(bgd.InputError, match="give it as bounds="):
        bgd.multistart("himmelblau", box=Bounds([-1, -1], [1, 1]))
