"""What people bring: fits, likelihoods, pair energies and networks, over data that are not unrolled."""

import pickle
import tracemalloc

import numpy as np
import pytest
from scipy import special, stats

import batchgd as bgd
from batchgd import InputError, Objective, TraceError
from batchgd.compiler.units import Units
from batchgd.problem.methods import METHODS

RNG = np.random.default_rng(8)
TIMES = np.linspace(0.0, 10.0, 1000)
DECAYS = 2.5 * np.exp(-0.7 * TIMES) + 1.1 * np.exp(-0.1 * TIMES) + 0.02 * RNG.normal(size=1000)
FIT_BOX = [(0.0, 5.0), (0.0, 2.0)] * 2


def fit(p):
    return np.sum((DECAYS - p[0] * np.exp(-p[1] * TIMES) - p[2] * np.exp(-p[3] * TIMES)) ** 2)


def _differences(fun, x, step=1e-5):
    return np.array([(fun(x + e) - fun(x - e)) / (2 * step) for e in np.eye(len(x)) * step])


def test_a_fit_to_a_thousand_points():
    objective = Objective(fit, box=FIT_BOX)
    assert objective.has_rows
    points = RNG.uniform(0.1, 2.0, (20, 4))
    first, second = (np.exp(-points[:, k, None] * TIMES) for k in (1, 3))
    off = points[:, 0, None] * first + points[:, 2, None] * second - DECAYS
    slopes = [first, -points[:, 0, None] * TIMES * first, second, -points[:, 2, None] * TIMES * second]
    np.testing.assert_allclose(objective.value(points), (off**2).sum(axis=1), rtol=1e-13)
    wanted = np.stack([2.0 * (off * slope).sum(axis=1) for slope in slopes], axis=1)
    np.testing.assert_allclose(objective.gradient(points), wanted, rtol=1e-11, atol=1e-11)


def test_the_operations_of_a_row_count_once_per_row():
    """A product, an exponential, a product and a difference for each of two terms, a square, and the sum."""
    counts = Objective(fit, box=FIT_BOX).value_counts
    assert counts.transcendentals == 2000
    assert counts.multiplies == 5000
    assert counts.adds == 2999


def test_a_fit_ends_at_its_two_equal_minima():
    result = bgd.multistart(fit, box=FIT_BOX, starts=20, backend="numpy", gtol=1e-5)
    best = result.minima.x[0]
    assert sorted(np.round(best, 2).tolist()) == pytest.approx([0.1, 0.7, 1.11, 2.49], abs=0.02)


def lennard_jones(x):
    atoms = x.reshape(-1, 3)
    i, j = np.triu_indices(len(atoms), 1)
    inverse = 1.0 / np.sum((atoms[i] - atoms[j]) ** 2, axis=1) ** 3
    return np.sum(4.0 * (inverse**2 - inverse))


def lennard_jones_by_loops(x):
    atoms, energy = x.reshape(-1, 3), 0.0
    for i in range(len(atoms)):
        for j in range(i):
            inverse = 1.0 / sum((a - b) ** 2 for a, b in zip(atoms[i], atoms[j], strict=True)) ** 3
            energy += 4.0 * (inverse**2 - inverse)
    return energy


def lennard_jones_by_broadcasting(x):
    atoms = x.reshape(-1, 3)
    squares = ((atoms[:, None] - atoms[None]) ** 2).sum(axis=-1) + np.diag(np.full(len(atoms), np.inf))
    return 2.0 * np.sum(squares**-6.0 - squares**-3.0)


@pytest.mark.parametrize("atoms", [10, 34])
def test_pair_energies_by_indices_by_loops_and_by_broadcasting(atoms):
    lattice = np.stack(np.meshgrid(*[np.arange(4.0)] * 3), axis=-1).reshape(-1, 3)[:atoms]
    x = (1.1 * lattice + RNG.uniform(-0.1, 0.1, (atoms, 3))).ravel()
    energy = lennard_jones_by_loops(x)
    slopes = _differences(lennard_jones, x)
    box = np.stack([x - 0.05, x + 0.05], axis=1)
    by_indices = Objective(lennard_jones, box=box)
    assert by_indices.has_rows
    for fun in (lennard_jones, lennard_jones_by_broadcasting):
        objective = Objective(fun, box=box)
        assert objective.value(x) == pytest.approx(energy, rel=1e-12)
        np.testing.assert_allclose(objective.gradient(x), slopes, atol=1e-6 * np.abs(slopes).max())
    shifts = np.tile(np.eye(3), (atoms, 1))
    hessian = by_indices.hessian(x)
    np.testing.assert_allclose(hessian @ shifts, 0.0, atol=1e-11 * np.abs(hessian).max())


def test_the_gradient_of_a_network_is_that_of_back_propagation():
    inputs = RNG.normal(size=(200, 3))
    targets = np.sin(inputs[:, 0]) + inputs[:, 1] * inputs[:, 2]

    def loss(w):
        hidden = np.tanh(inputs @ w[:24].reshape(3, 8) + w[24:32])
        return np.mean((hidden @ w[32:40] + w[40] - targets) ** 2)

    w = RNG.normal(size=41)
    hidden = np.tanh(inputs @ w[:24].reshape(3, 8) + w[24:32])
    error = 2.0 * (hidden @ w[32:40] + w[40] - targets) / 200
    back = np.outer(error, w[32:40]) * (1 - hidden**2)
    wanted = np.concatenate([(inputs.T @ back).ravel(), back.sum(axis=0), hidden.T @ error, [error.sum()]])
    objective = Objective(loss, 41)
    assert objective.value(w) == pytest.approx(loss(w), rel=1e-13)
    np.testing.assert_allclose(objective.gradient(w), wanted, rtol=1e-11, atol=1e-13)
    slopes = np.array([objective.gradient(w + e) - objective.gradient(w - e) for e in np.eye(41) * 1e-5]) / 2e-5
    np.testing.assert_allclose(objective.hessian(w), slopes, atol=1e-7)


COUNTS = RNG.poisson(3.0, 60)
VALUES = RNG.gamma(2.0, 1.5, 60)

LIKELIHOODS = {
    "normal": (
        lambda p: np.sum(0.5 * ((VALUES - p[0]) / p[1]) ** 2 + np.log(p[1] * np.sqrt(2 * np.pi))),
        lambda p: -stats.norm.logpdf(VALUES, p[0], p[1]).sum(),
    ),
    "poisson": (
        lambda p: np.sum(p[0] * p[1] - COUNTS * np.log(p[0] * p[1])) + special.gammaln(COUNTS + 1.0).sum(),
        lambda p: -stats.poisson.logpmf(COUNTS, p[0] * p[1]).sum(),
    ),
    "Weibull": (
        lambda p: -np.sum(np.log(p[0] / p[1]) + (p[0] - 1) * np.log(VALUES / p[1]) - (VALUES / p[1]) ** p[0]),
        lambda p: -stats.weibull_min.logpdf(VALUES, p[0], scale=p[1]).sum(),
    ),
    "Cauchy": (
        lambda p: np.sum(np.log(np.pi * p[1] * (1 + ((VALUES - p[0]) / p[1]) ** 2))),
        lambda p: -stats.cauchy.logpdf(VALUES, p[0], p[1]).sum(),
    ),
    "Laplace": (
        lambda p: np.sum(np.abs(VALUES - p[0]) / p[1] + np.log(2 * p[1])),
        lambda p: -stats.laplace.logpdf(VALUES, p[0], p[1]).sum(),
    ),
    "mixture": (
        lambda p: (
            -np.sum(
                np.logaddexp(np.log(0.4) - 0.5 * (VALUES - p[0]) ** 2, np.log(0.6) - 0.5 * (VALUES - 3 * p[1]) ** 2)
                - 0.5 * np.log(2 * np.pi)
            )
        ),
        lambda p: -np.log(0.4 * stats.norm.pdf(VALUES, p[0]) + 0.6 * stats.norm.pdf(VALUES, 3 * p[1])).sum(),
    ),
    "mixture by log-sum-exp": (
        lambda p: (
            -np.sum(np.logaddexp.reduce(np.log([0.4, 0.6]) - 0.5 * (VALUES[:, None] - p * [1, 3]) ** 2, axis=1))
            + 30 * np.log(2 * np.pi)
        ),
        lambda p: -np.log(0.4 * stats.norm.pdf(VALUES, p[0]) + 0.6 * stats.norm.pdf(VALUES, 3 * p[1])).sum(),
    ),
    "truncated": (  # of which only the sum of all values matters
        lambda p: np.sum(VALUES / p[0]) + 60 * np.log(p[0]) + 60 * np.log1p(-np.exp(-20.0 / p[0])) + 0 * p[1],
        lambda p: -stats.truncexpon.logpdf(VALUES, 20.0 / p[0], scale=p[0]).sum(),
    ),
}


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_log_likelihoods_are_those_of_scipy(name):
    ours, theirs = LIKELIHOODS[name]
    objective = Objective(ours, box=[(0.5, 3.0)] * 2)
    for x in RNG.uniform(0.5, 3.0, (5, 2)):
        assert objective.value(x) == pytest.approx(theirs(x), rel=1e-12)
        np.testing.assert_allclose(objective.gradient(x), _differences(theirs, x), rtol=1e-6, atol=1e-6)


def test_a_gaussian_process():
    """All pairs twice: the kernel of 40 points against 50 centres, whose weights are coordinates too."""
    places, centres, wanted = np.linspace(0, 1, 40), np.linspace(0, 1, 50), np.sin(7 * np.linspace(0, 1, 40))

    def loss(x):
        kernel = np.exp(-0.5 * (places[:, None] - centres[None, :] - 0.01 * x[1]) ** 2 / (0.1 + x[0] ** 2))
        return np.mean((kernel @ x[2:] - wanted) ** 2) + 1e-3 * np.dot(x, x)

    x = RNG.normal(size=52)
    objective = Objective(loss, 52)
    assert objective.value(x) == pytest.approx(loss(x), rel=1e-12)
    np.testing.assert_allclose(objective.gradient(x), _differences(loss, x), rtol=1e-5, atol=1e-6)
    hessian = objective.hessian(x)
    np.testing.assert_allclose(
        hessian[:2], [_differences(lambda y, k=k: objective.gradient(y)[k], x) for k in (0, 1)], rtol=1e-5, atol=1e-6
    )


def regression(p):
    return np.mean((np.tanh(INPUTS @ p[:3]) + p[3] - TARGETS) ** 2) + 0.01 * np.sum(p**2)


INPUTS = RNG.normal(size=(8, 3))
TARGETS = np.tanh(INPUTS @ [1.0, -0.5, 0.3]) + 0.2
FEW = 5
"""Dimensions of more elements are rows: the unrolled function is then small."""


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", METHODS)
def test_every_method_runs_on_rows(name, dtype):
    x0 = np.random.default_rng(2).uniform(-1.0, 1.0, (12, 4))
    options = {"method": METHODS[name].example(), "backend": "numpy", "dtype": dtype, "maxiter": 15, "gtol": 1e-3}
    with bgd.testing.forced(large=FEW):
        rows = bgd.descend(Objective(regression, 4), x0, **options)
    with bgd.testing.forced(large=1000):
        unrolled = bgd.descend(Objective(regression, 4), x0, **options)
    tolerance = 1e-7 if dtype == "float64" else 2e-2
    np.testing.assert_allclose(rows.x, unrolled.x, atol=tolerance)
    np.testing.assert_allclose(rows.fun, unrolled.fun, atol=tolerance)


def test_results_do_not_depend_on_which_starts_run_together():
    x0 = np.random.default_rng(2).uniform(0.0, 2.0, (40, 4))
    whole = bgd.descend(fit, x0, box=FIT_BOX, backend="numpy", maxiter=10)
    part = bgd.descend(fit, x0[7:9], box=FIT_BOX, backend="numpy", maxiter=10)
    np.testing.assert_array_equal(whole.x[7:9], part.x)


def test_compiled_code_gets_the_rows_unrolled_if_they_are_few():
    with bgd.testing.forced(large=FEW):
        objective = Objective(regression, 4)
        assert objective.has_rows
        runs = [
            bgd.multistart(objective, box=[(-2, 2)] * 4, starts=50, backend=backend) for backend in ("cpu", "numpy")
        ]
    assert runs[0].minima.fun[0] == pytest.approx(runs[1].minima.fun[0], rel=1e-8)


def test_a_hundred_thousand_rows_are_a_loop_and_refused_in_one_line_where_they_are_written_out():
    times = np.linspace(0.0, 1.0, 100_000)

    def parabola(p):
        return np.sum((times - p[0] * times**2) ** 2)

    result = bgd.multistart(parabola, box=[(0, 2)], starts=10, backend="cpu")
    assert result.minima.x[0] == pytest.approx(np.sum(times**3) / np.sum(times**4), rel=1e-9)
    objective = Objective(parabola, box=[(0, 2)])
    with pytest.raises(InputError, match=r"operations, most of them in loops .*, so give it fewer rows"):
        objective.emit("value")


def test_memory_does_not_grow_with_rows_times_points():
    times = np.linspace(0.0, 1.0, 50_000)
    objective = Objective(lambda p: np.sum(np.exp(-p[0] * times) * np.cos(p[1] * times)) + p[0] ** 2, 2)
    points = RNG.uniform(-1, 1, (100, 2))
    objective.value_and_gradient(points[:1])
    tracemalloc.start()
    objective.value_and_gradient(points)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10e6  # one array of all rows and points would take 40 MB


def test_objectives_with_rows_are_pickled_scaled_and_given_parameters():
    objective = Objective(_curve, 2, params=np.linspace(0.5, 1.5, 60))
    again = pickle.loads(pickle.dumps(objective))
    x = np.array([0.3, 0.7])
    assert objective.has_rows
    assert again.value(x) == objective.value(x) == pytest.approx(_curve(x, np.linspace(0.5, 1.5, 60)), rel=1e-13)
    other = objective.with_params(np.linspace(0.0, 2.0, 60))
    assert other.value(x) == pytest.approx(_curve(x, np.linspace(0.0, 2.0, 60)), rel=1e-13)
    scale = np.array([2.0, 3.0])
    scaled = objective.in_units(Units(scale, shift=0.1, factor=2.0, level=1.0))
    assert scaled.value(x) == pytest.approx(2.0 * objective.value(scale * x + 0.1) - 2.0, rel=1e-12)
    np.testing.assert_allclose(scaled.gradient(x), 2.0 * scale * objective.gradient(scale * x + 0.1), rtol=1e-12)
    assert objective.key == again.key != Objective(_curve, 2, params=np.zeros(61)).key


def _curve(x, weights):
    return np.sum(weights * np.sin(x[0] * weights + x[1])) + np.sum(np.exp(x[1] * weights[::2]))


def test_a_gradient_by_hand_over_rows():
    def slopes(p):
        return np.array([np.sum(2.0 * (p[0] * TIMES - DECAYS) * TIMES) + 2 * p[0], 4 * p[1] ** 3])

    def value(p):
        return np.sum((p[0] * TIMES - DECAYS) ** 2) + p[0] ** 2 + p[1] ** 4

    objective = Objective(value, 2, jac=slopes)
    x = np.array([0.3, 0.8])
    np.testing.assert_allclose(objective.gradient(x), slopes(x), rtol=1e-12)
    np.testing.assert_allclose(
        objective.hessian(x), [[2 * np.sum(TIMES**2) + 2, 0], [0, 12 * 0.8**2]], rtol=1e-12, atol=1e-12
    )
    with pytest.raises(TraceError, match="in component 0"):
        Objective(value, 2, jac=lambda p: np.array([np.sum(p[0] * TIMES), 4 * p[1] ** 3]))


def test_a_finite_sum_over_wide_rows():
    inputs = RNG.normal(size=(20, 50))
    total = bgd.FiniteSum(lambda x, row: np.tanh(np.dot(row, x)) ** 2, inputs, dim=50)
    x = RNG.normal(size=50)
    assert total.value(x) == pytest.approx(np.mean(np.tanh(inputs @ x) ** 2), rel=1e-12)


REFUSED = {
    "sort": (lambda x: np.sum(np.sort(x[0] * TIMES)), r"np\.sort orders (more )?values of x"),
    "mask of x": (lambda x: np.sum((x[0] * TIMES)[x[0] * TIMES > 1]), r"an index or mask depends on x: write `bgd"),
    "an array": (lambda x: x[0] * TIMES, r"returns an array of shape \(1000,\): return one number"),
    "whole numbers": (lambda x: np.sum((x[0] * TIMES).astype(int)), "it converts x to int64"),
    "one by one": (
        lambda x: sum(v for v in np.ravel(x[0] * np.ones((400, 1)) * TIMES).tolist()),
        "an array of 400,000 traced numbers is used one by one: use NumPy's arithmetic",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_rows_cannot_do_is_said_with_line_and_cure(name):
    fun, message = REFUSED[name]
    with pytest.raises(TraceError, match=message) as caught:
        Objective(fun, 2)
    assert "test_row_problems.py:" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("method", ["barzilai_borwein", "lbfgs", "newton", "adam"])
def test_a_descent_over_rows_has_the_same_bits_in_any_company(method):
    """In blocks of 64 and of 16 lanes, among starts that end before and after it, on one thread and on two."""
    times = np.linspace(0.0, 4.0, 45)
    values = np.exp(-0.5 * times) + 0.2

    def decay(p):
        return np.sum((values - p[0] * np.exp(-p[1] * times) - p[2]) ** 2)

    x0 = np.random.default_rng(4).uniform(0.1, 2.0, (1100, 3))
    options = {"method": method, "backend": "cpu", "gtol": 1e-6, "maxiter": 300, "box": [(0.1, 2.0)] * 3}
    whole = bgd.descend(decay, x0, threads=1, **options)
    parts = bgd.descend(decay, x0[700:719], threads=2, **options)
    turned = bgd.descend(decay, x0[::-1], threads=2, **options)
    for column in ("x", "fun", "nit", "nfev", "status"):
        assert np.array_equal(getattr(parts, column), getattr(whole, column)[700:719])
        assert np.array_equal(getattr(turned, column)[::-1], getattr(whole, column))


def test_series_and_frames_of_pandas():
    pandas = pytest.importorskip("pandas")
    for n in (20, 50):  # unrolled, and rows
        times = np.linspace(0.0, 1.0, n)
        series, frame = pandas.Series(times), pandas.DataFrame({"a": times, "b": times**2})
        functions = [
            lambda x, series=series: np.sum((x[0] * series - x[1]) ** 2),
            lambda x, series=series: ((series * x[0] - x[1]) ** 2).sum() + np.sum(np.exp(-x[0] * series)),
            lambda x, frame=frame: np.sum((frame["a"] * x[0] + frame["b"] * x[1] - 1) ** 2),
            lambda x, frame=frame: np.sum((frame @ x) ** 2),
            lambda x, frame=frame: np.mean((frame.values @ x - frame["a"].to_numpy()) ** 2),
        ]
        for fun in functions:
            x = np.array([0.3, 0.4])
            objective = Objective(fun, 2)
            assert objective.value(x) == pytest.approx(fun(x), rel=1e-12)
            np.testing.assert_allclose(objective.gradient(x), _differences(fun, x), rtol=1e-6, atol=1e-8)
