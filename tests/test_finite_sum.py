"""Finite sums: against the plain sum and least squares, in every kernel; batches against a naive loop; bad input."""

import importlib.util
import pickle
from pathlib import Path

import numpy as np
import pytest

import batchgd as bgd
from batchgd import InputError, Status, TraceError
from batchgd.kernels import minibatch

RANDOM = np.random.default_rng(0)
INPUTS = RANDOM.normal(size=(23, 3))
TARGETS = INPUTS @ [1.0, -2.0, 3.0] + 0.1 * RANDOM.normal(size=23)
DATA = np.column_stack([INPUTS, TARGETS])
BOX = [(-5.0, 5.0)] * 3
SOLUTION = np.linalg.lstsq(INPUTS, TARGETS, rcond=None)[0]
RATE = bgd.InverseTime(0.05, 50)
MANY = 1000  # starts, which run in blocks of 64 lanes: a shuffle in blocks of 16 takes three times as long to compile


def squared(x, row):
    return (np.dot(row[:3], x) - row[3]) ** 2


def wavy(x, row):
    return (np.sin(x[0] * row[0]) + x[1] * row[1] - row[3]) ** 2 + 0.1 * x[2] ** 4


def test_value_gradient_and_hessian_are_those_of_the_plain_sum():
    total, mean = (bgd.FiniteSum(squared, DATA, box=BOX, reduction=how) for how in ("sum", "mean"))
    x = np.random.default_rng(1).normal(size=(40, 3))
    residuals = x @ INPUTS.T - TARGETS
    with bgd.testing.forced(piece=30):  # several pieces of rows and of points
        np.testing.assert_allclose(total.value(x), (residuals**2).sum(axis=1), rtol=1e-13)
        np.testing.assert_allclose(mean.gradient(x), 2.0 * residuals @ INPUTS / 23, rtol=1e-12)
        np.testing.assert_allclose(mean.hessian(x), np.tile(2.0 * INPUTS.T @ INPUTS / 23, (40, 1, 1)), rtol=1e-12)
        assert mean.value(x[0]) == pytest.approx(total.value(x[0]) / 23, rel=1e-14)


@pytest.mark.parametrize("shape", [(), (2,), (2, 2)])
def test_rows_come_in_the_shape_of_the_data(shape):
    data = np.random.default_rng(2).normal(size=(5, *shape))
    seen = bgd.FiniteSum(lambda x, row: x[0] * np.sum(row) ** 2, data, dim=1)
    assert seen.value([2.0]) == pytest.approx(2.0 * np.mean(data.reshape(5, -1).sum(axis=1) ** 2), rel=1e-13)


def ridge(x, row, penalty):
    return squared(x, row) + penalty * np.sum(x**2)


@pytest.mark.parametrize("backend", ["cpu", "numpy"])
def test_least_squares_end_at_the_solution_whatever_the_parameters(backend):
    first = bgd.FiniteSum(ridge, DATA, box=BOX, params=0.0)
    for objective, penalty in ((first, 0.0), (first.with_params(2.0), 2.0)):
        wanted = np.linalg.solve(INPUTS.T @ INPUTS / 23 + penalty * np.eye(3), INPUTS.T @ TARGETS / 23)
        result = bgd.multistart(objective, starts=100, backend=backend)
        assert len(result.minima) == 1
        np.testing.assert_allclose(result.minima.x[0], wanted, rtol=0, atol=1e-10)
        np.testing.assert_allclose(result.fun, objective.value(result.x), rtol=1e-12)


METHODS = {
    "descent": bgd.GradientDescent(0.01),
    "adam": bgd.Adam(0.02),
    "barzilai_borwein": bgd.BarzilaiBorwein(),
    "fire": bgd.FIRE(0.05),
    "lbfgs": bgd.LBFGS(0.01),  # longer steps make more of a rounding error
    "newton": bgd.Newton(),
}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("backend", ["cpu", "numpy"])
def test_iterates_are_those_of_the_sum_written_out(name, backend):
    if backend == "cpu" and name not in ("adam", "barzilai_borwein"):
        pytest.skip("all on numpy, one without and one with trials compiled")

    def written_out(x):
        return sum(wavy(x, row) for row in DATA) / len(DATA)

    x0 = np.random.default_rng(0).uniform(-2.0, 2.0, (70, 3))
    looped, plain = (
        bgd.descend(fun, x0, box=BOX, method=METHODS[name], maxiter=12, backend=where)
        for fun, where in (
            (bgd.FiniteSum(wavy, DATA, box=BOX), backend),
            (bgd.Objective(written_out, box=BOX), "numpy"),
        )
    )
    np.testing.assert_allclose(looped.x, plain.x, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(looped.nfev, plain.nfev)


def test_it_travels_to_other_processes():
    again = pickle.loads(pickle.dumps(bgd.FiniteSum(squared, DATA, box=BOX, batch_size=4)))
    assert (again.batch_size, again.full_every, again.box) == (4, 60, bgd.Box.parse(BOX))
    assert again.value(SOLUTION) == bgd.FiniteSum(squared, DATA, dim=3).value(SOLUTION)


# Batches


def test_the_shuffle_permutes_and_every_place_gets_every_row():
    for rows in (1, 2, 7, 64):
        keys = np.arange(300, dtype=np.uint64)[:, None]
        order = minibatch.shuffled(keys, np.arange(rows), rows)
        assert (np.sort(order, axis=1) == np.arange(rows)).all()
    counts = np.array([np.bincount(column, minlength=7) for column in minibatch.shuffled(keys * 13, np.arange(7), 7).T])
    assert ((counts - 300 / 7) ** 2 / (300 / 7)).sum(axis=1).max() < 28.0  # chi-square, 6 degrees, p = 1e-4


def row_of_epoch(seed, start, nit, turn):
    return minibatch.row_of_epoch(seed, start, np.atleast_1d(nit), turn, 5, 23)


def test_an_epoch_shows_every_row_once():
    turns = np.tile(np.arange(5), 5)
    for start in range(3):
        for epoch in range(3):
            nits = epoch * 5 + np.repeat(np.arange(5), 5)
            shares = minibatch.share_in_epoch(nits, turns, 5, 23, 0.2, 1 / 3)
            seen = row_of_epoch(9, start, nits, turns)
            assert sorted(seen[shares > 0].tolist()) == list(range(23))
            assert shares[-5:].tolist() == [1 / 3, 1 / 3, 1 / 3, 0.0, 0.0]
            assert (seen[-2:] == seen[-5]).all()  # no row of another batch, whose loss may be undefined


def test_rows_with_replacement_are_uniform():
    nit, turn = np.arange(2000)[:, None], np.arange(4)
    counts = np.bincount(minibatch.row_replaced(3, 5, nit, turn, 4, 23).ravel(), minlength=23)
    assert ((counts - 8000 / 23) ** 2 / (8000 / 23)).sum() < 60.0  # chi-square, 22 degrees, p < 1e-4


def naive_sgd(x, seed, start, updates, batch, rate, *, replace, full_every):
    for nit in range(updates):
        if nit % full_every == 0:
            rows = np.arange(23)
        elif replace:
            rows = [minibatch.row_replaced(seed, start, nit, turn, batch, 23) for turn in range(batch)]
        else:
            left = min(batch, 23 - nit % -(-23 // batch) * batch)
            rows = row_of_epoch(seed, start, nit, np.arange(left))
        residuals = INPUTS[rows] @ x - TARGETS[rows]
        x = x - rate(nit) * 2.0 * residuals @ INPUTS[rows] / len(rows)
    return x


@pytest.mark.parametrize("backend", ["cpu", "numpy"])
@pytest.mark.parametrize("replace", [False, True])
def test_stochastic_descent_follows_a_naive_loop(backend, replace):
    objective = bgd.FiniteSum(squared, DATA, box=BOX, batch_size=5, replace=replace, full_every=7)
    method = bgd.GradientDescent(RATE)
    starts = 70 if replace else MANY
    batch = bgd.multistart(objective, starts=starts, method=method, maxiter=12, backend=backend, seed=4)
    for i in (0, 1, 69):
        wanted = naive_sgd(batch.x0[i], 4, i, 12, 5, RATE, replace=replace, full_every=7)
        np.testing.assert_allclose(batch.x[i], wanted, rtol=0, atol=1e-12)
    np.testing.assert_allclose(batch.fun, objective.value(batch.x), rtol=1e-12)  # of the whole sum


def test_it_comes_near_the_solution_and_only_whole_sums_are_judged():
    objective = bgd.FiniteSum(squared, DATA, box=BOX, batch_size=4)
    result = bgd.multistart(objective, starts=MANY, method=bgd.GradientDescent(RATE), maxiter=2000)
    assert np.abs(result.x - SOLUTION).max() < 0.05
    exact = bgd.FiniteSum(squared, np.column_stack([INPUTS, INPUTS @ [1.0, 2.0, 3.0]]), box=BOX, batch_size=4)
    # Without noise in the data every batch leads to the same point, and its gradient may vanish at any update.
    result = bgd.multistart(exact, starts=MANY, method=bgd.GradientDescent(bgd.InverseTime(0.05, 1e9)))
    assert (result.status == Status.GRADIENT).all()
    assert (result.nit % exact.full_every == 0).all()


def test_batches_do_not_depend_on_company_and_other_seeds_see_other_rows():
    objective = bgd.FiniteSum(squared, DATA, box=BOX, batch_size=5, replace=True, full_every=7)
    options = {"method": bgd.GradientDescent(RATE), "maxiter": 40}
    whole = bgd.multistart(objective, starts=1500, threads=2, **options)  # in blocks of 64 lanes
    part = bgd.multistart(objective, starts=100, threads=1, **options)  # in blocks of 16
    np.testing.assert_array_equal(part.x, whole.x[:100])
    plain, other = (bgd.multistart(objective, starts=part.x0, seed=seed, backend="numpy", **options) for seed in (0, 1))
    np.testing.assert_allclose(plain.x, part.x, rtol=0, atol=1e-11)
    assert np.abs(other.x - plain.x).max() > 1e-3


def test_an_epoch_is_a_number_of_updates_for_schedules():
    objective = bgd.FiniteSum(squared, DATA, box=BOX, batch_size=5)
    assert (objective.rows, objective.updates_per_epoch, objective.full_every) == (23, 5, 50)
    rate = bgd.Exponential(0.1, 0.5, every=objective.updates_per_epoch)
    assert rate(5) == pytest.approx(0.05)


# The network


def test_the_reverse_sweep_is_backpropagation_and_xor_has_one_network():
    spec = importlib.util.spec_from_file_location("xor", Path(__file__).parents[1] / "examples" / "xor.py")
    xor = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(xor)
    network = bgd.FiniteSum(xor.loss, xor.PATTERNS, dim=xor.DIM)
    weights = np.random.default_rng(3).uniform(-2.0, 2.0, (20, xor.DIM))
    wanted = [np.mean([xor.backpropagation(w, pattern) for pattern in xor.PATTERNS], axis=0) for w in weights]
    np.testing.assert_allclose(network.gradient(weights), wanted, rtol=0, atol=1e-12)
    result = xor.train(starts=500)
    assert all(xor.solved(w) for w in result.minima.x)
    assert len(xor.distinct(result.minima)) == 1  # of 4! 2^4 = 384 in disguise


# Bad input


@pytest.mark.parametrize(
    ("arguments", "options", "cause"),
    [
        ((squared, []), {}, "data have shape"),
        ((squared, 3.0), {}, "data have shape"),
        ((squared, [[1.0, np.nan]]), {}, "row 0 of data contains NaN"),
        ((squared, [["a", "b"]]), {}, "data contain text: give rows of real numbers"),
        ((squared, [[1.0], [1.0, 2.0]]), {}, "rows of different lengths"),
        ((3, DATA), {}, "loss is 3"),
        ((squared, DATA), {"batch_size": 0}, "batch_size is 0"),
        ((squared, DATA), {"batch_size": 24}, "from 1 to 23"),
        ((squared, DATA), {"full_every": 3}, "belongs to batch_size"),
        ((squared, DATA), {"batch_size": 3, "full_every": 0}, "full_every is 0"),
        ((squared, np.broadcast_to(1.0, (2**24 + 1,))), {"batch_size": 3}, "at most 16777216"),
        ((squared, DATA), {"reduction": "max"}, "'mean' or 'sum'"),
    ],
)
def test_what_it_refuses(arguments, options, cause):
    with pytest.raises(InputError, match=cause):
        bgd.FiniteSum(*arguments, box=BOX, **options)


@pytest.mark.parametrize("loss", [lambda x, row: row * x[0], lambda x, row: 1.0, lambda x, row: x[0] * row[9]])
def test_a_loss_that_cannot_be_traced_is_told_in_one_line(loss):
    with pytest.raises(TraceError) as error:
        bgd.FiniteSum(loss, DATA, box=BOX)
    assert "\n" not in str(error.value)


def test_a_loss_of_too_few_arguments():
    with pytest.raises(InputError, match=r"loss takes \(x\), but is called as loss\(x, row\)"):
        bgd.FiniteSum(lambda x: x[0], DATA, box=BOX)
    with pytest.raises(InputError, match=r"loss takes \(x, row\), but is called as loss\(x, row, params\)"):
        bgd.FiniteSum(lambda x, row: x[0], DATA, box=BOX, params=1.0)


@pytest.mark.parametrize("method", [None, "armijo"])
def test_methods_that_compare_values_need_the_whole_sum(method):
    with pytest.raises(InputError, match="compares values"):
        bgd.multistart(bgd.FiniteSum(squared, DATA, box=BOX, batch_size=4), starts=10, method=method)
