"""Params per start: each start descends on its own problem, as it would alone, on every backend."""

import numpy as np
import pytest

import batchgd as bgd
from batchgd import InputError, TraceError

RNG = np.random.default_rng(3)
N, ROWS = 300, 40
TIMES = np.linspace(0.0, 1.0, ROWS)
CENTRE, WEIGHT, DATA = RNG.normal(size=N), RNG.uniform(0.5, 2.0, (N, 3)), RNG.normal(size=(N, ROWS))
STARTS = RNG.normal(size=(N, 3))
FEW = {"w": WEIGHT, "c": CENTRE}
MANY = {**FEW, "y": DATA}
METHODS = [
    None,
    bgd.Newton(),
    bgd.BFGS(),
    bgd.LBFGS(),
    bgd.LevenbergMarquardt(),
    bgd.Adam(0.05),
    bgd.NonlinearCG(),
    bgd.GradientDescent(0.02),
]


def small(x, w, c):
    return np.sum(w * (x - c) ** 2) + 0.1 * np.sum(np.cos(3.0 * x))


def rows(x, w, c, y):
    misfit = x[0] * np.sin(TIMES * x[1]) - y
    return np.sum(w * (x - c) ** 2) + 0.5 * np.sum(misfit**2) + 0.1 * np.sum((y[1:] - y[:-1]) ** 2) * x[2] ** 2


def decay(x, y):
    return x[0] * np.exp(-x[1] * TIMES) + x[2] - y


def alone(fun, params, k, like, **options):
    """The descent of one start on its own problem."""
    own = {name: each[k] for name, each in params.items()}
    stopping = {"gtol": like.stopping.gtol, "maxiter": 300}
    return bgd.descend(lambda x: fun(x, **own), STARTS[k : k + 1], box=like.box, **stopping, **options)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
@pytest.mark.parametrize(("fun", "params"), [(small, FEW), (rows, MANY)], ids=["fused", "rows"])
def test_each_start_descends_on_its_own_problem(fun, params, method):
    result = bgd.descend(fun, STARTS, params=params, method=method, maxiter=300)
    for k in (0, 7, N - 1):
        single = alone(fun, params, k, result, method=method)
        np.testing.assert_allclose(result.x[k], single.x[0], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(result.fun[k], single.fun[0], rtol=1e-9)
        np.testing.assert_allclose(result.jac[k], single.jac[0], atol=1e-7)
        assert result.status[k] == single.status[0]


@pytest.mark.parametrize(("fun", "params"), [(small, FEW), (rows, MANY)], ids=["fused", "rows"])
def test_results_do_not_depend_on_lane_thread_or_order(fun, params):
    result = bgd.descend(fun, STARTS, params=params, maxiter=100)
    order = RNG.permutation(N)
    moved = bgd.descend(
        fun,
        STARTS[order],
        params=params,
        which=order,
        maxiter=100,
        threads=1,
        box=result.box,
        gtol=result.stopping.gtol,
    )
    np.testing.assert_array_equal(moved.x, result.x[order])
    np.testing.assert_array_equal(moved.fun, result.fun[order])
    np.testing.assert_array_equal(moved.jac, result.jac[order])


@pytest.mark.parametrize(("fun", "params"), [(small, FEW), (rows, MANY)], ids=["fused", "rows"])
@pytest.mark.parametrize("dtype", ["float64", "float32", "mixed"])
def test_numpy_agrees(fun, params, dtype):
    options = {"params": params, "method": bgd.Newton(), "dtype": dtype}
    one, other = (bgd.descend(fun, STARTS, backend=backend, **options) for backend in ("cpu", "numpy"))
    same = 1e-3 if dtype == "float32" else 1e-6
    close = np.abs(one.x - other.x).max(axis=1) < same
    assert close.mean() > 0.99, "a few may be on the way to another minimum"


def test_several_starts_share_a_problem():
    which = np.repeat(np.arange(N), 4)
    starts = RNG.normal(size=(4 * N, 3))
    result = bgd.descend(small, starts, params=FEW, which=which, gtol=1e-10)
    value = [small(result.x[k], WEIGHT[which[k]], CENTRE[which[k]]) for k in range(0, 4 * N, 97)]
    np.testing.assert_allclose(result.fun[::97], value, rtol=1e-12)


def test_least_squares_of_many_data_sets():
    true = RNG.uniform([1.0, 0.5, -1.0], [3.0, 3.0, 1.0], (N, 3))
    data = true[:, :1] * np.exp(-true[:, 1:2] * TIMES) + true[:, 2:]
    objective = bgd.LeastSquares(decay, 3, params={"y": data[0]}, box=[(0.5, 4), (0.1, 4), (-2, 2)])
    result = bgd.descend(
        objective, np.full((N, 3), 1.0), params={"y": data}, method=bgd.LevenbergMarquardt(), gtol=1e-12
    )
    np.testing.assert_allclose(result.x, true, rtol=1e-6)


def test_bounds_and_params_per_start():
    bounds = np.stack([np.tile(CENTRE[:, None], (1, 3)) + 0.2, np.full((N, 3), np.inf)], axis=2)
    starts = np.maximum(STARTS, bounds[:, :, 0])
    result = bgd.descend(lambda x, w, c: np.sum(w * (x - c) ** 2), starts, params=FEW, bounds=bounds)
    np.testing.assert_array_equal(result.x, bounds[:, :, 0])


def test_part_of_a_result_keeps_its_problems():
    result = bgd.descend(rows, STARTS, params=MANY, maxiter=5)
    part = result[np.array([5, 50])]
    np.testing.assert_array_equal(part.jac, result.jac[[5, 50]])
    np.testing.assert_array_equal(result[50].jac, result.jac[50])


def test_a_problem_of_nan_leaves_the_others_alone():
    broken = {**MANY, "y": DATA.copy()}
    broken["y"][3] = np.nan
    result = bgd.descend(rows, STARTS, params=broken, gtol=1e-9)
    whole = bgd.descend(rows, STARTS, params=MANY, gtol=1e-9)
    others = np.arange(N) != 3
    assert result[3].status == bgd.Status.NONFINITE
    np.testing.assert_array_equal(result.x[others], whole.x[others])


def test_named_params_are_shared_outside_descend():
    objective = bgd.Objective(small, 3, params={"w": WEIGHT[0], "c": CENTRE[0]}, box=[(-3, 3)] * 3)
    assert objective.value(STARTS[0]) == pytest.approx(small(STARTS[0], WEIGHT[0], CENTRE[0]))
    other = objective.with_params({"w": WEIGHT[1], "c": CENTRE[1]})
    assert other.value(STARTS[0]) == pytest.approx(small(STARTS[0], WEIGHT[1], CENTRE[1]))
    assert len(bgd.multistart(objective, starts=50).minima) >= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"params": {"w": WEIGHT, "c": CENTRE[:-1]}}, r"params\['w'\] has 300 rows"),
        ({"params": {"w": WEIGHT, "c": 1.0}}, r"params\['c'\] has shape \(\)"),
        ({"params": {}}, "params is an empty dict"),
        ({"params": {"w": WEIGHT[:9], "c": CENTRE[:9]}}, "params has 9 rows, but there are 300 starts"),
        ({"params": FEW, "which": np.zeros(9, int)}, "which has shape"),
        ({"params": FEW, "which": np.full(N, N)}, "which contains 300"),
        ({"params": FEW, "which": np.zeros(N)}, "which has shape"),
        ({"which": np.zeros(N, int)}, "which is given without params"),
    ],
)
def test_what_does_not_fit_together_is_one_line(options, message):
    options.setdefault("params", None)
    with pytest.raises((InputError, TraceError), match=message) as caught:
        bgd.descend(small, STARTS, **options)
    assert "\n" not in str(caught.value)


def test_a_name_that_the_function_does_not_have():
    with pytest.raises(TraceError, match="is called as small"):
        bgd.descend(small, STARTS, params={"w": WEIGHT, "d": CENTRE})


def test_objectives_without_named_params_are_refused():
    with pytest.raises(InputError, match="need a traced function with params by name"):
        bgd.descend(bgd.Objective(lambda x: np.sum(x**2), 3, box=[(-1, 1)] * 3), STARTS, params=FEW)
