"""Bounds: no point outside is evaluated, every method ends at the constrained minimum, and mistakes are named."""

import itertools

import numpy as np
import pytest
from scipy.optimize import Bounds, minimize

import batchgd as bgd
from batchgd.cli import main
from batchgd.compiler.codegen.rule import takes_bounds
from batchgd.compiler.codegen.specialisation import Specialisation
from batchgd.compiler.codegen.trace_tick import tick_program
from batchgd.problem.methods import METHODS

BACKENDS = ("cpu", "numpy")
INF = np.inf


def quadratic(d, seed):
    """A convex quadratic in d dimensions, and a box of which some faces are active at its minimum."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(d, d))
    return a @ a.T + 0.5 * np.eye(d), 3.0 * rng.normal(size=d), -rng.uniform(0.2, 1.0, d), rng.uniform(0.2, 1.0, d)


def solved(h, c, lower, upper):
    """The minimum of x'Hx / 2 + c'x over a box: the best of the stationary points of all its faces."""
    best = INF, c
    for face in itertools.product((-1, 0, 1), repeat=len(c)):
        side = np.array(face)
        free, x = side == 0, np.where(side < 0, lower, upper)
        if free.any():
            x[free] = np.linalg.solve(h[np.ix_(free, free)], -(c[free] + h[np.ix_(free, ~free)] @ x[~free]))
        if ((x >= lower) & (x <= upper)).all():
            best = min(best, (0.5 * x @ h @ x + c @ x, x), key=lambda found: found[0])
    return best[1]


def hs25(x):
    i = np.arange(1, 100)
    u = 25.0 + (-50.0 * np.log(0.01 * i)) ** (2.0 / 3.0)
    return np.sum((-0.01 * i + np.exp(-((u - x[1]) ** x[2]) / x[0])) ** 2)


def hs38(x):
    return (
        100.0 * (x[1] - x[0] ** 2) ** 2
        + (1.0 - x[0]) ** 2
        + 90.0 * (x[3] - x[2] ** 2) ** 2
        + (1.0 - x[2]) ** 2
        + 10.1 * ((x[1] - 1.0) ** 2 + (x[3] - 1.0) ** 2)
        + 19.8 * (x[1] - 1.0) * (x[3] - 1.0)
    )


def hs110(x):
    return np.sum(np.log(x - 2.0) ** 2 + np.log(10.0 - x) ** 2) - np.prod(x) ** 0.2


def rosenbrock(x):
    return 100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2


HOCK_SCHITTKOWSKI = {
    "HS1": (rosenbrock, [(None, None), (-1.5, None)], [-2, 1], 0.0),
    "HS2": (rosenbrock, [(None, None), (1.5, None)], [-2, 1.5], 4.9412293),
    "HS3": (lambda x: x[1] + 1e-5 * (x[1] - x[0]) ** 2, [(None, None), (0, None)], [10, 1], 0.0),
    "HS4": (lambda x: (x[0] + 1.0) ** 3 / 3.0 + x[1], [(1, None), (0, None)], [1.125, 0.125], 8.0 / 3.0),
    "HS5": (
        lambda x: np.sin(x[0] + x[1]) + (x[0] - x[1]) ** 2 - 1.5 * x[0] + 2.5 * x[1] + 1.0,
        [(-1.5, 4), (-3, 3)],
        [0, 0],
        -np.sqrt(3.0) / 2.0 - np.pi / 3.0,
    ),
    "HS25": (hs25, [(0.1, 100), (0, 25.6), (0, 5)], [60, 20, 2], 0.0),
    "HS38": (hs38, [(-10, 10)] * 4, [-3, -1, -3, -1], 0.0),
    "HS45": (lambda x: 2.0 - np.prod(x) / 120.0, [(0, k) for k in range(1, 6)], [0.5, 1, 1, 2, 2], 1.0),
    "HS110": (hs110, [(2.001, 9.999)] * 10, [9] * 10, -45.77846971),
}


SECOND_ORDER = (bgd.NonlinearCG(), bgd.LBFGS(), bgd.BFGS(), bgd.Newton())


@pytest.mark.parametrize(
    ("method", "backend"), [(None, "cpu"), *((method, "numpy") for method in (None, *SECOND_ORDER))]
)
@pytest.mark.parametrize("name", HOCK_SCHITTKOWSKI)
def test_published_optima(name, method, backend):
    fun, bounds, x0, value = HOCK_SCHITTKOWSKI[name]
    result = bgd.descend(fun, [x0], bounds=bounds, method=method, backend=backend, maxiter=20_000)
    assert result.success.all()
    assert result.fun[0] == pytest.approx(value, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("d", [2, 3, 5, 8])
def test_quadratic_on_a_box(d):
    h, c, lower, upper = quadratic(d, seed=d)
    want = solved(h, c, lower, upper)
    assert ((want == lower) | (want == upper)).any()
    x0 = np.random.default_rng(0).uniform(lower, upper, (50, d))
    for method, backend in itertools.product((None, bgd.Armijo(), *SECOND_ORDER), BACKENDS if d == 3 else ["numpy"]):
        result = bgd.descend(
            lambda x: 0.5 * (x @ (h @ x)) + c @ x, x0, bounds=Bounds(lower, upper), method=method, backend=backend
        )
        assert result.success.all()
        np.testing.assert_allclose(result.x, np.tile(want, (50, 1)), atol=1e-6)
        on = (want == lower) | (want == upper)
        assert (result.x[:, on] == want[on]).all()


@pytest.mark.parametrize("method", [None, *SECOND_ORDER])
def test_many_dimensions(method):
    h, c, lower, upper = quadratic(40, seed=1)
    result = bgd.descend(
        lambda x: 0.5 * (x @ (h @ x)) + c @ x, np.zeros((4, 40)), bounds=Bounds(lower, upper), method=method
    )
    x, g = result.x, result.x @ h + c
    assert result.success.all()
    assert (x >= lower).all()
    assert (x <= upper).all()
    free = (x > lower) & (x < upper)
    assert abs(g[free]).max() < 1e-5
    assert (g[x == lower] > 0.0).all()
    assert (g[x == upper] < 0.0).all()


def fenced(x):
    """A quadratic whose minimum is outside; NaN wherever x is outside [0, 1] x [-0.1, 0.3]."""
    inside = (x[0] >= 0.0) & (x[0] <= 1.0) & (x[1] >= -0.1) & (x[1] <= 0.3)
    return np.where(inside, (x[0] - 2.0) ** 2 + 3.0 * (x[1] - 0.1) ** 2 + x[0] * x[1], np.nan)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [(name, "float64") for name in METHODS] + [("adam", "float32"), ("barzilai_borwein", "mixed")],
)
def test_nothing_outside_is_seen(name, dtype):
    method = METHODS[name]
    example = method(**method.EXAMPLE)
    points = np.random.default_rng(1).uniform([0.0, -0.1], [1.0, 0.3], (20, 2))
    bounds = [(0, 1), (-0.1, 0.3)]
    if not takes_bounds(example.rule_in(2)):
        with pytest.raises(bgd.InputError, match="does not take bounds yet"):
            bgd.descend(fenced, points, bounds=bounds, method=example)
        return
    result = bgd.descend(fenced, points, bounds=bounds, method=example, dtype=dtype, maxiter=3000)
    assert np.isfinite(result.fun).all()
    assert (result.x[:, 0] == 1.0).all()


def test_no_bounds_no_operations():
    objective = bgd.Objective(rosenbrock, 2)
    for name in ("barzilai_borwein", "newton", "adam"):
        free, within = (tick_program(Specialisation(objective, name, bounded=bounded)) for bounded in (False, True))
        assert not {place.number for place in free.reads.values() if place.array == "box"}
        assert {place.number for place in within.reads.values() if place.array == "box"} == {6, 7, 8, 9}


def test_fixed_coordinate_is_left_alone():
    result = bgd.descend(rosenbrock, [[0.5, 0.25], [-0.5, 0.25]], bounds=[(None, None), (0.25, 0.25)])
    assert result.success.all()
    assert (result.x[:, 1] == 0.25).all()
    slope = -400.0 * result.x[:, 0] * (0.25 - result.x[:, 0] ** 2) - 2.0 * (1.0 - result.x[:, 0])
    assert abs(slope).max() < 1e-5


def test_wide_bounds_change_nothing():
    x0 = np.random.default_rng(0).uniform(-5, 5, (100, 2))
    for method in (None, bgd.Adam(0.05)):
        free = bgd.descend("himmelblau", x0, method=method, box=(-5, 5))
        wide = bgd.descend("himmelblau", x0, method=method, box=(-5, 5), bounds=[(None, None), (-INF, INF)])
        assert np.array_equal(free.x, wide.x)
        assert np.array_equal(free.nfev, wide.nfev)


def test_saved_with_the_result(tmp_path):
    result = bgd.descend(rosenbrock, [[-2, 1.5]], bounds=[(None, None), (1.5, None)])
    result.save(tmp_path / "bounded")
    loaded = bgd.load(tmp_path / "bounded")
    assert repr(loaded.bounds) == repr(result.bounds) == "Bounds([(-inf, inf), (1.5, inf)])"


@pytest.mark.parametrize(
    ("bounds", "others", "words"),
    [
        ([(1, 0), (0, 1)], {}, r"coordinate 0 are \(1, 0\), which is reversed: write \(0, 1\)"),
        ([(0, 1)] * 3, {}, "given for 3 coordinates, and there are 2"),
        ([(0, np.nan), (0, 1)], {}, "NaN is no bound"),
        ([(0, 1, 2), (0, 1, 2)], {}, r"shape \(2, 3\), not \(d, 2\)"),
        ("0:1", {}, "bounds is '0:1'"),
        ([(0, 1), (0.6, 1)], {}, "coordinate 1 of start 0 is 0.5, outside its bounds"),
        ([(0, 1), (0, 1)], {"box": [(0, 1), (0, 2)]}, "reaches beyond its bounds"),
        ([(0, 1), (0, 1)], {"method": bgd.GradientFlow(1e-3)}, "does not take bounds yet"),
        ([(INF, INF), (0, 1)], {}, "no number"),
    ],
)
def test_mistakes(bounds, others, words):
    with pytest.raises(bgd.InputError, match=words) as error:
        bgd.descend(rosenbrock, [[0.5, 0.5]], bounds=bounds, **others)
    assert "\n" not in str(error.value)


def test_minima_on_faces_are_minima(tmp_path):
    result = bgd.multistart("himmelblau", bounds=[(-2, 2.5), (-1, 4)], starts=500)
    assert result.minima.kind.tolist() == ["minimum"] * 4
    assert result.minima.active.tolist() == [[1, 0], [-1, 0], [1, -1], [-1, -1]]
    assert "minimum, on 2 bounds" in str(result.minima)
    assert not result.warnings
    assert result.label.min() == 0
    assert result.minima.x[0, 0] == 2.5
    result.save(tmp_path / "faces")
    loaded = bgd.load(tmp_path / "faces", fun="himmelblau")
    assert np.array_equal(loaded.minima.active, result.minima.active)
    assert np.array_equal(loaded.recluster().minima.x, result.minima.x)


@pytest.mark.parametrize("d", [2, 5, 8])
def test_minimum_of_a_quadratic(d):
    h, c, lower, upper = quadratic(d, seed=d)
    want = solved(h, c, lower, upper)
    result = bgd.multistart(lambda x: 0.5 * (x @ (h @ x)) + c @ x, bounds=Bounds(lower, upper), starts=200)
    assert len(result.minima) == 1
    np.testing.assert_allclose(result.minima.x[0], want, atol=1e-12)
    assert (result.minima.active[0] == np.where(want == lower, -1, np.where(want == upper, 1, 0))).all()


def test_corners_of_a_concave_function():
    result = bgd.multistart(lambda x: -(x @ x) + 0.1 * x[0], bounds=[(-1, 1)] * 3, starts=300)
    assert len(result.minima) == 8
    assert (abs(result.minima.x) == 1.0).all()
    assert (result.minima.active == result.minima.x).all()


def test_minima_are_polished_inside():
    result = bgd.multistart(fenced, bounds=[(0, 1), (-0.1, 0.3)], starts=100)
    assert result.minima.kind.tolist() == ["minimum"]
    np.testing.assert_allclose(result.minima.x, [[1.0, 0.1 - 1.0 / 6.0]], atol=1e-12)


def test_box_and_half_bounds():
    result = bgd.multistart(rosenbrock, bounds=[(None, None), (1.5, None)], box=[(-2, 2), (1.5, 3)], starts=100)
    assert result.minima.x[:, 1].tolist() == [1.5] * len(result.minima)
    assert result.minima.fun[0] == pytest.approx(0.0504261879, rel=1e-6)
    with pytest.raises(bgd.InputError, match="where starts cannot be drawn: give box"):
        bgd.multistart(rosenbrock, bounds=[(None, None), (1.5, None)], starts=100)


def test_shell(capsys):
    assert (
        main(["run", "himmelblau", "--bounds", "-2", "2.5", "--bounds", "-1", "inf", "--starts", "200", "--csv"]) == 0
    )
    assert "2.5" in capsys.readouterr().out.splitlines()[1]
    assert main(["run", "himmelblau", "--bounds", "1", "0"]) == 2
    assert "which is reversed: write (0, 1)" in capsys.readouterr().err


def seen_by(points):
    """A Callback with its gradient, whose minimum is outside [0, 1] x [-0.1, 0.3]; it notes its points."""

    def fun(x):
        points.append(x.copy())
        value = (x[0] - 2.0) ** 2 + 3.0 * (x[1] - 0.1) ** 2 + x[0] * x[1]
        return value, np.array([2.0 * (x[0] - 2.0) + x[1], 6.0 * (x[1] - 0.1) + x[0]])

    return bgd.Callback(fun, True, dim=2)


def test_a_callback_is_called_inside_only():
    points = []
    result = bgd.multistart(seen_by(points), bounds=[(0, 1), (-0.1, 0.3)], starts=20)
    assert len(result.minima) == 1
    np.testing.assert_allclose(result.minima.x, [[1.0, 0.1 - 1.0 / 6.0]], atol=1e-7)
    assert result.minima.active.tolist() == [[1, 0]]
    assert (np.min(points, axis=0) >= [0.0, -0.1]).all()
    assert (np.max(points, axis=0) <= [1.0, 0.3]).all()
    with pytest.raises(bgd.InputError, match="by differences, which may evaluate outside the bounds"):
        bgd.multistart(seen_by(points), bounds=[(0, 1), (-0.1, 0.3)], starts=20, method=bgd.Newton())
    with pytest.raises(bgd.InputError, match="by differences, which may evaluate outside the bounds"):
        bgd.multistart(bgd.Callback(lambda x: x[0] ** 2, dim=1), bounds=[(1, 2)], starts=20)


TIMES = np.linspace(0.0, 4.0, 200)
DATA = 2.5 * np.exp(-1.3 * TIMES) + 0.5
LIMITS = [(0, 2), (0, 5), (None, None)]


def misfit(x):
    return np.sum((x[0] * np.exp(-x[1] * TIMES) + x[2] - DATA) ** 2)


def squared_residual(x, row):
    return (x[0] * np.exp(-x[1] * row[0]) + x[2] - row[1]) ** 2


@pytest.mark.parametrize("summed", [False, True])
def test_fits_agree_with_scipy(summed):
    rows = np.column_stack([TIMES, DATA])
    fun = bgd.FiniteSum(squared_residual, rows, 3, reduction="sum") if summed else misfit
    want = minimize(misfit, [1.0, 1.0, 0.0], method="L-BFGS-B", bounds=LIMITS, tol=1e-14)
    for method in (None, bgd.LBFGS()):
        result = bgd.descend(fun, [[1.0, 1.0, 0.0], [0.5, 3.0, 1.0]], bounds=LIMITS, method=method, maxiter=20_000)
        assert result.success.all()
        assert (result.x[:, 0] == 2.0).all()
        np.testing.assert_allclose(result.fun, want.fun, rtol=1e-6)
        np.testing.assert_allclose(result.x, np.tile(want.x, (2, 1)), atol=1e-3)


def test_coordinates_in_other_units():
    result = bgd.multistart(
        lambda x: (x[0] - 2.0) ** 2 + (0.001 * x[1] + 1.0) ** 2, bounds=[(0, 1), (0, 1000)], starts=50
    )
    assert result.scale is not None
    assert result.minima.x.tolist() == [[1.0, 0.0]]
    assert result.minima.active.tolist() == [[1, -1]]


def test_least_squares():
    fit = bgd.LeastSquares(lambda x: x[0] * np.exp(-x[1] * TIMES) + x[2] - DATA, 3)
    bounds = [(0, 2), (0, 5), (-1, 2)]
    want = minimize(misfit, [1.0, 1.0, 0.0], method="L-BFGS-B", bounds=bounds, tol=1e-14)
    for backend in BACKENDS:
        result = bgd.multistart(
            fit, bounds=bounds, starts=100, method=bgd.LevenbergMarquardt(), backend=backend, gtol=1e-6
        )
        assert result.success.all()
        assert result.nfev.mean() < 40
        assert result.minima.active[0].tolist() == [1, 0, 0]
        np.testing.assert_allclose(2.0 * result.minima.fun[0], want.fun, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_starts_are_drawn_inside(dtype):
    rng = np.random.default_rng(3)
    for scale in (1e-3, 1.0, 1e6):
        lower = scale * rng.normal(size=2)
        upper = lower + scale * rng.uniform(1e-6, 1.0, 2)
        result = bgd.multistart(
            lambda x: x @ x, bounds=Bounds(lower, upper), starts=5000, maxiter=1, dtype=dtype, backend="cpu"
        )
        assert (result.x0 >= lower).all()
        assert (result.x0 <= upper).all()


def test_starts_are_those_without_bounds():
    within, free = (bgd.multistart("himmelblau", starts=100, **{name: [(-5, 5)] * 2}) for name in ("bounds", "box"))
    assert np.array_equal(within.x0, free.x0)
    assert within.starts.in_kernel
