"""Recurrences: ``bgd.scan`` and running sums, against plain loops and complex steps."""

import numpy as np
import pytest
from recurrences import CASES, TIMES, by_loop, garch

import batchgd as bgd
from batchgd import InputError, Objective, TraceError
from batchgd.compiler.trace.operations import numpy_names


def by_complex_steps(fun, x):
    """The gradient of a plain function."""
    return np.array([fun(x + 1e-30j * e, by_loop).imag / 1e-30 for e in np.eye(len(x))])


@pytest.mark.parametrize("fun", CASES, ids=lambda fun: fun.__name__)
def test_value_and_derivatives_are_those_of_a_loop(fun):
    x = np.array(CASES[fun])
    objective = Objective(fun, len(x), box=[(v - 0.1, v + 0.1) for v in x])
    np.testing.assert_allclose(fun(x), fun(x, by_loop), rtol=1e-13)  # on plain numbers
    np.testing.assert_allclose(objective.value(x), fun(x, by_loop), rtol=1e-12)
    gradient = by_complex_steps(fun, x)
    np.testing.assert_allclose(objective.gradient(x), gradient, rtol=1e-10, atol=1e-12 * np.abs(gradient).max())
    hessian = objective.hessian(x)
    by_differences = [(objective.gradient(x + h) - objective.gradient(x - h)) / 2e-5 for h in 1e-5 * np.eye(len(x))]
    np.testing.assert_allclose(hessian, by_differences, rtol=1e-6, atol=1e-7 * np.abs(hessian).max())


@pytest.mark.parametrize("fun", CASES, ids=lambda fun: fun.__name__)
def test_many_points_are_computed_as_one(fun):
    x = np.array(CASES[fun])
    points = x + 0.01 * np.random.default_rng(1).standard_normal((300, len(x)))
    objective = Objective(fun, len(x), box=[(v - 0.1, v + 0.1) for v in x])
    values, slopes = objective.value_and_gradient(points)
    for k in (0, 7, 299):
        np.testing.assert_allclose(values[k], fun(points[k]), rtol=1e-12)
        np.testing.assert_allclose(slopes[k], objective.gradient(points[k]), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("fun", CASES, ids=lambda fun: fun.__name__)
def test_backends_go_the_same_way(fun, dtype):
    """A few small steps: what they end with is the function's value there."""
    x = np.array(CASES[fun])
    starts = x + 0.01 * np.random.default_rng(1).standard_normal((20, len(x)))
    objective = Objective(fun, len(x), box=[(v - 0.1, v + 0.1) for v in x])
    rate = 1e-3 / np.linalg.norm(objective.gradient(x))
    found = {}
    for backend in ("numpy", "cpu"):
        options = {"method": bgd.GradientDescent(rate), "maxiter": 3, "gtol": 1e-12, "dtype": dtype, "backend": backend}
        found[backend] = bgd.descend(objective, starts, **options)
    tolerance = 1e-11 if dtype == "float64" else 2e-4
    value = np.array([fun(point) for point in found["cpu"].x])
    scale = np.abs(value).max()
    np.testing.assert_allclose(found["cpu"].fun, value, rtol=tolerance, atol=tolerance * scale)
    np.testing.assert_allclose(found["cpu"].x, found["numpy"].x, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_less(np.abs(found["cpu"].fun - found["numpy"].fun), tolerance * scale)


def test_a_likelihood_is_maximised():
    """GARCH(1, 1), 60 days, as SciPy finds it."""
    from scipy.optimize import minimize

    box = [(0.001, 2), (0.001, 0.9), (0.001, 0.95)]
    wanted = min((minimize(garch, x0, bounds=box) for x0 in ([0.5, 0.2, 0.3], [0.2, 0.1, 0.7])), key=lambda r: r.fun)
    result = bgd.multistart(garch, box=box, starts=50, seed=0)
    assert result.fun.min() <= wanted.fun + 1e-9


def test_the_trace_does_not_grow_with_the_rows():
    """Neither its operations per row, nor its text."""
    sizes = {}
    for n in (1000, 2000):
        data = np.sin(np.arange(n))
        objective = Objective(lambda x, data=data: bgd.scan(lambda c, r: (x[0] * c + r, None), x[1], data)[0], 2)
        assert objective.has_rows
        sizes[n] = objective.counts.total
    assert sizes[2000] < 2.01 * sizes[1000] < 20_000


@pytest.mark.parametrize("fun", CASES, ids=lambda fun: fun.__name__)
def test_what_is_written_out_is_the_same(fun):
    """Code for CUDA has no loops over rows."""
    x = np.array(CASES[fun])
    objective = Objective(fun, len(x), box=[(v - 0.1, v + 0.1) for v in x])
    names = numpy_names()
    exec(objective.emit("value_and_gradient"), names)
    value, *slopes = names["value_and_gradient"](*x)
    np.testing.assert_allclose(value, objective.value(x), rtol=1e-12)
    gradient = objective.gradient(x)
    np.testing.assert_allclose(slopes, gradient, rtol=1e-10, atol=1e-12 * np.abs(gradient).max())


def test_a_chain_of_recurrences():
    """Each runs over what the one before puts out."""

    def chain(x):
        rows = TIMES
        for _ in range(12):
            rows = bgd.scan(lambda c, r: (0.5 * c + x[0] * r, c), x[1], rows)[1]
        return np.sum(rows)

    objective, x = Objective(chain, 2), np.array([0.8, 0.3])
    assert objective.value(x) == pytest.approx(chain(x), rel=1e-12)
    assert len(objective.key) < 20_000
    slopes = [(chain(x + h) - chain(x - h)) / 2e-5 for h in 1e-5 * np.eye(2)]
    np.testing.assert_allclose(objective.gradient(x), slopes, rtol=1e-8)


def test_decisions_by_what_a_recurrence_ends_with():
    def fun(x):
        last, outputs = bgd.scan(lambda c, r: (x[0] * c + r, c), x[1], TIMES)
        if last > 5.0:
            return last**2
        return np.sum(outputs) if outputs[3] > 0 else -last

    points = np.array([[0.9, 0.4], [0.2, 0.7], [0.2, -30.0], [0.9, -3.0]])
    np.testing.assert_allclose(Objective(fun, 2).value(points), [fun(x) for x in points], rtol=1e-12)


def test_few_rows_are_written_out():
    objective = Objective(lambda x: np.sum(bgd.scan(lambda c, r: (x[0] * c + r, c), x[1], np.arange(5.0))[1]), 2)
    assert not objective.has_rows
    a, b = 0.5, 0.7
    states = [b]
    for r in np.arange(4.0):
        states.append(a * states[-1] + r)
    assert objective.value([a, b]) == pytest.approx(sum(states), rel=1e-14)


def test_a_root_in_a_row_that_is_not_taken_does_not_spoil_the_slope():
    """The root of a carry that is 0 has an infinite slope, in rows before the carry is set anew."""

    def fun(x):
        def step(c, r):
            return bgd.where(r > 2.0, x[0] * r, np.sqrt(c * x[1])), c

        return np.sum(bgd.scan(step, 0.0 * x[0], TIMES)[1][30:])

    wanted = TIMES[29:-1].sum()
    np.testing.assert_allclose(Objective(fun, 2).gradient([0.4, 0.6]), [wanted, 0.0], rtol=1e-12)


WRONG = {
    "returns (number,): return two things": lambda x: bgd.scan(lambda c, r: (c,), x[0], TIMES)[0],
    "takes the carry number, but returns (number, number)": lambda x: bgd.scan(lambda c, r: ((c, c), c), x[0], TIMES)[
        0
    ],
    "neither rows nor length=": lambda x: bgd.scan(lambda c, r: (c, c), x[0])[0],
    "have 40 and 41 rows": lambda x: bgd.scan(lambda c, r: (c, c), x[0], (TIMES, TIMES[1:]))[0],
    "contain a single number": lambda x: bgd.scan(lambda c, r: (c, c), x[0], 1.0)[0],
}


@pytest.mark.parametrize("message", WRONG)
def test_mistakes(message):
    with pytest.raises(TraceError) as traced:
        Objective(WRONG[message], 1)
    assert message in str(traced.value)
    assert "test_scan.py:" in str(traced.value)
    with pytest.raises(InputError) as plain:
        WRONG[message](np.ones(1))
    assert message in str(plain.value)


def test_what_cannot_be_traced():
    def kept(x):
        seen = []

        def step(c, r):
            seen.append(c)
            return x[0] * c, None

        bgd.scan(step, 1.0, TIMES)
        return seen[0]

    with pytest.raises(TraceError, match="belongs to one step of a scan: let the step return it"):
        Objective(kept, 1)
    grid = np.linspace(0.0, 1.0, 100)
    with pytest.raises(TraceError, match=r"give bgd\.scan that array as rows"):
        Objective(lambda x: bgd.scan(lambda c, k: (x[0] * c + grid[k], c), 1.0, np.arange(100))[0], 1)
    with pytest.raises(TraceError, match=r"an output of shape \(100,\): return a sum"):
        Objective(lambda x: bgd.scan(lambda c, r: (x[0] * c, r * np.arange(100.0)), 1.0, TIMES)[0], 1)
