"""Least squares: objectives of residuals against SciPy; Levenberg-Marquardt against NIST and published optima."""

import pickle
import sys
from pathlib import Path

import naive
import numpy as np
import pytest
from least_squares_problems import PROBLEMS
from scipy import optimize
from scipy.optimize._lsq.common import scale_for_robust_loss_function
from scipy.optimize._lsq.least_squares import construct_loss_function

import batchgd as bgd
from batchgd import InputError, Status, TraceError
from batchgd.compiler.lower import block
from batchgd.compiler.units import Units

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
import nist

RNG = np.random.default_rng(5)
TIMES = np.linspace(0.0, 5.0, 60)
VALUES = 2.0 * np.exp(-0.8 * TIMES) + 0.3 + 0.05 * RNG.normal(size=60)
VALUES[[7, 20, 41]] += [3.0, -2.0, 1.5]
BOX = [(0.5, 4.0), (0.2, 3.0), (-1.0, 1.0)]
LOSSES = ("linear", "soft_l1", "huber", "cauchy", "arctan")
EXACT = {"gtol": 1e-300, "escape": np.inf, "maxiter": 2000}
"""Ends where rounding does, and lets steps go anywhere."""
FREE = bgd.LevenbergMarquardt(max_displacement=1e6)
TIGHT = {"xtol": 1e-12, "ftol": 1e-12, "gtol": 1e-12}


def decay(p):
    return p[0] * np.exp(-p[1] * TIMES) + p[2] - VALUES


def decay_by_hand(p):
    fall = np.exp(-p[1] * TIMES)
    return np.stack([fall, -p[0] * TIMES * fall, np.ones(60)], axis=1)


def weighted(p, numbers):
    return numbers[0] * decay(p)[:40]


def decide(p):
    if p[0] > 1.0:
        return p[0] * TIMES - VALUES
    return TIMES + p[1] * VALUES


# The objective


@pytest.mark.parametrize("n", [20, 60], ids=["unrolled", "rows"])
@pytest.mark.parametrize("f_scale", [0.3, 2.0])
@pytest.mark.parametrize("loss", LOSSES)
def test_value_gradient_and_matrix_are_those_of_scipy(loss, f_scale, n):
    fit = bgd.LeastSquares(lambda p: decay(p)[:n], 3, loss=loss, f_scale=f_scale)
    assert fit.has_rows == (n > 32)
    x = RNG.uniform(0.5, 2.0, (6, 3))
    robust = construct_loss_function(n, loss, f_scale)
    for each, value, slope, matrix in zip(x, fit.value(x), fit.gradient(x), fit.gauss_newton(x), strict=True):
        r, jac = decay(each)[:n], decay_by_hand(each)[:n]
        cost = 0.5 * np.sum(r**2)
        if robust is not None:
            cost = robust(r, cost_only=True)
            jac, r = scale_for_robust_loss_function(jac, r, robust(r))
        assert value == pytest.approx(cost, rel=1e-12)
        np.testing.assert_allclose(slope, jac.T @ r, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(matrix, jac.T @ jac, rtol=1e-10, atol=1e-12)


def test_the_matrix_of_a_linear_model_is_its_hessian():
    inputs = RNG.normal(size=(100, 4))
    fit = bgd.LeastSquares(lambda b: inputs @ b - inputs[:, 0] ** 2, 4, sigma=np.linspace(0.5, 2.0, 100))
    b = RNG.normal(size=4)
    np.testing.assert_allclose(fit.gauss_newton(b), fit.hessian(b), rtol=1e-12)
    scaled = inputs / np.linspace(0.5, 2.0, 100)[:, None]
    np.testing.assert_allclose(fit.gauss_newton(b), scaled.T @ scaled, rtol=1e-12)


SHAPES = {
    "two data sets": lambda p: [decay(p), p[0] * TIMES[:45] - 1.0, p[1] - 0.5],
    "concatenated": lambda p: np.concatenate([decay(p), p[0] * TIMES[:45] - 1.0]),
    "numbers": lambda p: [p[0] - 1.0, 3.0 * (p[1] + p[2])],
    "a matrix": lambda p: p[0] * TIMES[:, None] ** np.array([1.0, p[1]]) - VALUES[:, None],
    "an image": lambda p: np.exp(-((TIMES[:, None] - p[0]) ** 2) - (TIMES[:40] - p[1]) ** 2) - p[2],
    "filled": lambda p: _filled(p),
    "constant along rows": lambda p: TIMES * 0.0 + p[0] - p[1] * p[2],
    "decides": decide,
}


def _filled(p):
    r = np.zeros(60)
    r[:30] = p[0] * TIMES[:30]
    r[30:] = p[1] * p[2]
    return r


@pytest.mark.parametrize("name", SHAPES)
def test_residuals_of_any_shape(name):
    fit = bgd.LeastSquares(SHAPES[name], 3)

    def flat(p):
        parts = SHAPES[name](p)
        return np.concatenate([np.ravel(part) for part in (parts if isinstance(parts, list) else [parts])])

    for x in RNG.uniform(0.6, 1.6, (4, 3)):
        jac = optimize.approx_fprime(x, flat, 1e-7)
        assert fit.value(x) == pytest.approx(0.5 * np.sum(flat(x) ** 2), rel=1e-12)
        np.testing.assert_allclose(fit.gradient(x), jac.T @ flat(x), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(fit.gauss_newton(x), jac.T @ jac, rtol=1e-4, atol=1e-4)


def test_pickles_parameters_arguments_and_units():
    fit = bgd.LeastSquares(weighted, 3, params=[2.0], loss="cauchy", sigma=0.5, box=BOX)
    x = np.array([1.0, 0.5, 0.2])
    again = pickle.loads(pickle.dumps(fit))
    assert again.value(x) == fit.value(x)
    np.testing.assert_array_equal(again.gauss_newton(x), fit.gauss_newton(x))
    half, told = fit.with_params([1.0]), bgd.LeastSquares(weighted, 3, args=([1.0],), loss="cauchy", sigma=0.5)
    np.testing.assert_allclose(half.gauss_newton(x), told.gauss_newton(x), rtol=1e-13)
    units = np.array([2.0, 4.0, 0.5])
    scaled = fit.in_units(Units(scale=units, factor=3.0))
    assert scaled.value(x / units) == pytest.approx(3.0 * fit.value(x), rel=1e-13)
    wanted = 3.0 * units * units[:, None] * fit.gauss_newton(x)
    np.testing.assert_allclose(scaled.gauss_newton(x / units), wanted, rtol=1e-12)


BAD = {
    "a sum of squares": ({"residuals": lambda p: np.sum(decay(p) ** 2)}, "returns one number: return the array of res"),
    "None": ({"residuals": lambda p: None}, "returns None: is a return statement missing"),
    "nothing": ({"residuals": lambda p: decay(p)[:0]}, "return at least one residual"),
    "not callable": ({"residuals": VALUES}, "residuals is .*: give a function of x that returns an array"),
    "constant": ({"residuals": lambda p: VALUES}, "does not depend on x"),
    "a model": (
        {"residuals": lambda t, a, k: a * np.exp(-k * t)},
        r"residuals of data are lambda p: model\(t, \*p\) - y",
    ),
    "loss": ({"loss": "tukey"}, "loss is 'tukey'"),
    "f_scale": ({"f_scale": 0.0}, "f_scale is 0"),
    "sigma": ({"sigma": [1.0, -2.0]}, "sigma contains -2: give positive standard deviations"),
    "NaN in sigma": ({"sigma": np.nan}, "sigma contains"),
    "length of sigma": ({"sigma": np.ones(59)}, r"residuals of shape \(60,\), but sigma has shape \(59,\)"),
    "shape by path": ({"residuals": lambda p: decay(p) if p[0] > 1 else decay(p)[:40]}, "arrays of several shapes"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_in_one_line(name):
    options, message = BAD[name]
    with pytest.raises((InputError, TraceError), match=message) as caught:
        bgd.LeastSquares(**{"residuals": decay, "dim": 3, **options}).outputs("gauss_newton")
    assert "\n" not in str(caught.value)


# Levenberg-Marquardt


@pytest.mark.parametrize("backend", ["numpy", "cpu"])
@pytest.mark.parametrize("n", [20, 60], ids=["unrolled", "rows"])
@pytest.mark.parametrize(("damping", "cap"), [(1e-3, 1.0), (1.0, 0.1)])
def test_follows_its_reference(n, damping, cap, backend):
    fit, x0 = bgd.LeastSquares(lambda p: decay(p)[:n], box=BOX), RNG.uniform(0.2, 2.0, (20, 3))
    for updates in (1, 2, 5):
        method = bgd.LevenbergMarquardt(damping=damping, max_displacement=cap)
        options = {"method": method, "maxiter": updates, "gtol": 1e-300, "backend": backend}
        batch = bgd.descend(fit, x0, box=BOX, **options)
        for start, x, nfev in zip(x0, batch.x, batch.nfev, strict=True):
            path, tried = naive.levenberg_marquardt(
                lambda p: decay(p)[:n],
                lambda p: decay_by_hand(p)[:n],
                start,
                np.ptp(BOX, axis=1),
                updates,
                damping,
                cap,
            )
            np.testing.assert_allclose(x, path, rtol=1e-9, atol=1e-9)
            assert nfev == tried


LOST = {("MGH10", 0)}
"""It follows a valley along which a parameter falls by 50 powers of ten, and is still on its way."""
ROUNDED = {("MGH10", 1): 1e-6}
"""Its residuals are the same to the last digit along another one."""


@pytest.mark.parametrize("name", nist.MODELS)
def test_certified_fits_from_both_certified_starts(name):
    data = nist.read(nist.FOLDER / f"{name}.dat")
    box = data.box_around()
    fit = bgd.LeastSquares(lambda b: nist.MODELS[name](b, data.x) - data.y, box=box)
    batch = bgd.descend(fit, data.starts, box=box, method="levenberg_marquardt", backend="numpy", stopping=EXACT)
    for start in range(2):
        error = np.abs(batch.x[start] / data.parameters - 1.0).max()
        assert (error < ROUNDED.get((name, start), 1e-7)) == ((name, start) not in LOST)
        if (name, start) not in LOST and name != "Lanczos1":  # whose data are exact to 14 digits: the rest is rounding
            assert 2.0 * batch.fun[start] == pytest.approx(data.residual_sum, rel=1e-9)


@pytest.mark.parametrize("name", PROBLEMS)
def test_published_optima_of_more_garbow_and_hillstrom(name):
    residuals, start, optimum = PROBLEMS[name]
    batch = bgd.descend(bgd.LeastSquares(residuals, len(start)), [start], method=FREE, backend="numpy", stopping=EXACT)
    assert 2.0 * batch.fun[0] == pytest.approx(optimum, rel=1e-5, abs=1e-11)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("backend", "dtype"), [("cpu", "float64"), ("cpu", "float32"), ("numpy", "float64")])
def test_robust_fits_are_those_of_scipy(loss, backend, dtype):
    fit = bgd.LeastSquares(decay, box=BOX, loss=loss, f_scale=0.1)
    result = bgd.multistart(fit, starts=40, method=bgd.LevenbergMarquardt(), dtype=dtype, backend=backend)
    wanted = optimize.least_squares(decay, [2.0, 0.8, 0.3], jac=decay_by_hand, loss=loss, f_scale=0.1, **TIGHT)
    assert result.minima.fun[0] == pytest.approx(wanted.cost, rel=1e-9)
    np.testing.assert_allclose(result.minima.x[0], wanted.x, rtol=1e-6)
    assert np.mean(result.label == 0) > 0.5


def test_without_full_rank_the_step_is_the_shortest():
    """Only x0 + x1 is determined, and x2 not at all."""
    fit = bgd.LeastSquares(lambda x: (x[0] + x[1]) * TIMES - VALUES + 0.0 * x[2], 3)
    x0 = RNG.uniform(-2.0, 2.0, (20, 3))
    batch = bgd.descend(fit, x0, method="levenberg_marquardt", backend="cpu")
    assert (batch.status == Status.GRADIENT).all()
    best = TIMES @ VALUES / (TIMES @ TIMES)
    np.testing.assert_allclose(batch.x[:, 0] + batch.x[:, 1], best, atol=1e-6)
    np.testing.assert_allclose(batch.x[:, 0] - batch.x[:, 1], x0[:, 0] - x0[:, 1], atol=1e-6)
    np.testing.assert_array_equal(batch.x[:, 2], x0[:, 2])


FALL = 2.0 * np.exp(-0.8 * TIMES)
HARD = {
    "one residual of three": (lambda p: np.array([p[0] * p[1] + p[2] - 1.0]), [(-2, 2)] * 3, 0.0),
    "one of one": (lambda p: np.array([p[0] ** 2 - 2.0]), [(-3, 3)], 0.0),
    "exact data": (lambda p: p[0] * np.exp(-p[1] * TIMES) - FALL, [(0.1, 5), (0, 3)], 0.0),
    "columns equal but for rounding": (
        lambda p: p[0] * TIMES + p[1] * (TIMES + 1e-15 * TIMES**2) - 3.0 * TIMES,
        [(-5, 5)] * 2,
        0.0,
    ),
    "scales apart by 20 powers of ten": (
        lambda p: p[0] * 1e-10 * np.exp(-p[1] * 1e10 * TIMES) + p[2] - FALL,
        [(1e9, 5e10), (0, 3e-10), (-1, 1)],
        0.0,
    ),
    "undefined in half of the box": (
        lambda p: np.sqrt(p[0] - p[1] * TIMES) - np.sqrt(3.0 - 0.2 * TIMES),
        [(0, 5), (-2, 2)],
        0.0,
    ),
    "undefined beyond steps": (lambda p: np.log(p[0] + p[1] * TIMES) - np.log1p(2 * TIMES), [(-1, 5)] * 2, 0.0),
    "a pole": (lambda p: TIMES / (p[0] - 1.0) - TIMES, [(-5, 5)], None),
    "overflows": (lambda p: np.exp(p[0] * TIMES**3) - np.exp(0.01 * TIMES**3), [(-20, 20)], None),
    "undefined": (lambda p: np.sqrt(-1.0 - p[0] ** 2) * TIMES, [(-5, 5)], None),
    "too large to square": (lambda p: 1e160 * (p[0] * TIMES - FALL), [(1, 5)], None),
}
"""Residuals, a box, and half the sum of squares that every start reaches at which they are finite, if all do."""


@pytest.mark.parametrize("backend", ["numpy", "cpu"])
@pytest.mark.parametrize("name", HARD)
def test_steps_of_hard_problems_are_finite(name, backend):
    """A start ends as not finite if it is so itself, and no step leads to where the residuals are undefined."""
    residuals, box, best = HARD[name]
    x0 = np.random.default_rng(1).uniform(*np.array(box).T, (40, len(box)))
    fit = bgd.LeastSquares(residuals, len(box))
    batch = bgd.descend(fit, x0, box=box, method=bgd.LevenbergMarquardt(), maxiter=100, backend=backend)
    with np.errstate(all="ignore"):
        defined = np.isfinite([0.5 * np.sum(residuals(x) ** 2) for x in x0])
    assert np.isfinite(batch.x).all()
    np.testing.assert_array_equal(batch.status == Status.NONFINITE, ~defined)
    assert np.isfinite(batch.fun[defined]).all()
    if best is not None:
        assert defined.any()
        np.testing.assert_allclose(batch.fun[defined], best, atol=1e-12)


def test_steps_do_not_depend_on_the_units_of_x():
    units, x0 = 2.0 ** np.array([-30.0, 12.0, 3.0]), RNG.uniform(0.5, 2.0, (20, 3))
    options = {"method": "levenberg_marquardt", "gtol": 1e-300, "maxiter": 4, "backend": "numpy", "scale": None}
    plain = bgd.descend(bgd.LeastSquares(decay, 3), x0, box=BOX, **options)
    box = [(low * unit, high * unit) for (low, high), unit in zip(BOX, units, strict=True)]
    other = bgd.descend(bgd.LeastSquares(lambda u: decay(u / units), 3), x0 * units, box=box, **options)
    np.testing.assert_allclose(other.x / units, plain.x, rtol=1e-12)


@pytest.mark.parametrize("dim", [3, 12, 100])
def test_any_number_of_parameters(dim):
    """Sums in registers, and in memory: a linear fit ends at NumPy's solution."""
    rng = np.random.default_rng(dim)
    inputs = rng.normal(size=(150, dim))
    target = inputs @ np.arange(dim) + rng.normal(size=150)
    fit = bgd.LeastSquares(lambda b: inputs @ b - target, box=[(-100, 100)] * dim)
    batch = bgd.descend(fit, rng.uniform(-5, 5, (20, dim)), method="levenberg_marquardt", box=fit.box)
    wanted = np.linalg.lstsq(inputs, target)[0]
    np.testing.assert_allclose(batch.x, np.tile(wanted, (20, 1)), atol=1e-7)
    assert batch.nfev.max() < 15


def test_a_method_is_written_once_for_all_objectives_of_a_dimension(monkeypatch):
    """In block form, where it calls them: two linear fits of 13 parameters, and one of 14, end where they should."""
    written, original = [], block.block_tick
    monkeypatch.setattr(block, "block_tick", lambda *given, **how: written.append(given) or original(*given, **how))
    rng = np.random.default_rng(3)
    for dim, count in ((13, 1), (13, 1), (14, 2)):
        inputs, best = rng.normal(size=(60, dim)), rng.normal(size=dim)
        fit = bgd.LeastSquares(lambda b, inputs=inputs, best=best: inputs @ (b - best), dim)
        batch = bgd.descend(fit, np.zeros((1, dim)), method="levenberg_marquardt", backend="cpu", dtype="float32")
        np.testing.assert_allclose(batch.x[0], best, atol=1e-3)
        assert len(written) == count


def test_a_fit_of_100_parameters_has_their_covariance():
    """Against (X'X)⁻¹ s² of the linear model."""
    rng = np.random.default_rng(7)
    inputs = rng.normal(size=(150, 100))
    y = inputs @ rng.normal(size=100) + 0.1 * rng.normal(size=150)
    fit = bgd.fit(lambda x, b: np.dot(x.T, b), inputs.T, y, parameters=[(-10, 10)] * 100, starts=5)
    best = np.linalg.lstsq(inputs, y)[0]
    covariance = np.linalg.inv(inputs.T @ inputs) * np.sum((y - inputs @ best) ** 2) / 50
    np.testing.assert_allclose(fit.covar, covariance, atol=1e-9 * covariance.max())
    np.testing.assert_allclose(fit.best.free, best, atol=1e-9)
    assert fit.agree == 5


def test_other_objectives_have_their_hessian_in_its_place():
    batch = bgd.descend("himmelblau", RNG.uniform(-5, 5, (50, 2)), method="levenberg_marquardt", backend="cpu")
    assert np.mean(batch.fun < 1e-10) > 0.9


def test_other_methods_run_on_residuals():
    fit, wanted = bgd.LeastSquares(decay, box=BOX), optimize.least_squares(decay, [2.0, 1.0, 0.0], **TIGHT)
    for method in (None, "lbfgs", "newton"):
        result = bgd.multistart(fit, starts=20, method=method)
        assert result.minima.fun[0] == pytest.approx(0.5 * np.sum(decay(result.minima.x[0]) ** 2), rel=1e-12)
        np.testing.assert_allclose(result.minima.x[0], wanted.x, rtol=1e-5)
