"""Traced functions at special values: as NumPy has them on every backend, and derivatives that keep their digits."""

import math

import mpmath
import numpy as np
import pytest
from scipy import special

import batchgd as bgd
from batchgd import Objective

FUNCTIONS = {
    "modulo of a negative": lambda t: t % -3.0,
    "modulo, reversed": lambda t: 7.5 % t,
    "modulo 0": lambda t: t % 0.0,
    "modulo inf": lambda t: t % np.inf,
    "floor divide by a negative": lambda t: t // -3.0,
    "floor divide by 0": lambda t: t // 0.0 if isinstance(t, np.generic) else np.floor_divide(t, 0.0),
    "copysign": lambda t: np.copysign(2.0, t) + np.copysign(t, -0.0),
    "signbit": lambda t: np.where(np.signbit(t), 1.0, 2.0),
    "heaviside": lambda t: np.heaviside(t, 0.3),
    "heaviside of NaN": lambda t: np.heaviside(np.log(t), 0.3),
    "fmax": lambda t: np.fmax(np.log(t), 0.5) + np.fmax(0.5, np.log(t)),
    "fmin": lambda t: np.fmin(np.log(t), np.sqrt(t)),
    "erfc": special.erfc,
    "arcsinh": np.arcsinh,
    "arccosh": np.arccosh,
    "exp2": np.exp2,
    "power of 2": lambda t: 2.0**t,
    "expit": special.expit,
    "log_expit": special.log_expit,
    "sinc": np.sinc,
    "xlogy": lambda t: special.xlogy(t, t - 1.0) + special.xlogy(0.0, np.log(t)),
    "xlogy of infinity": lambda t: special.xlogy(t, 1.0 / t),
    "0 log": lambda t: 0 * np.log(t),
    "0 / 0": lambda t: 0.0 / t + np.floor(t) / np.floor(t),
    "inf - inf": lambda t: np.exp(t) - np.exp(t) + 2 * np.exp(t) - 2 * np.exp(t),
    "0 inf": lambda t: (t > 800.0) * np.log(t) + np.where(t > 800.0, t, 0.0) * np.exp(t),
    "inf where 0": lambda t: np.inf * np.where(t > 1.0, t, 0.0),
    "power of NaN and infinity": lambda t: np.power(t, np.nan) + t**np.inf,
    "power 0": lambda t: t * 0.0 + np.log(t) ** 0,
    "equal branches": lambda t: np.where(t > 0.0, np.log(t), np.log(t)),
}
BEYOND = {
    **dict.fromkeys(("modulo", "modulo of a negative", "divmod", "fmod"), lambda t: t > 1e14),
    **dict.fromkeys(("floor divide", "floor divide by a negative"), lambda t: t > 1e14),
    "modulo, reversed": lambda t: t < 1e-14,
    "sinc": lambda t: t > 1e5,
}
"""Where compiled code may be NaN: quotients from 2^106 on (float32: 2^48), angles from 2^50 (2^21)."""
SIZES = [0.0, 5e-324, 1e-300, 1e-9, 0.1, 0.3, 0.5, 1.0, 1.5, 2.1, 5.0, 6.5, 26.0, 100.0, 1e8, 1e15, 1e155, 5e307]
POINTS = [sign * size for size in SIZES for sign in (1.0, -1.0)]


EXACT_CONSTANTS = {
    "modulo": lambda t: t % 0.1,
    "floor divide": lambda t: t // 0.1,
    "divmod": lambda t: divmod(t, 0.7)[0] + divmod(t, 0.7)[1] + np.divmod(t, 0.3)[1],
    "fmod": lambda t: np.fmod(t, 0.1),
    "constants that overflow together": lambda t: 1e200 * (1e200 * t),
    "constants that underflow together": lambda t: 1e-200 * (1e-200 * t),
}
"""Functions whose constants are other numbers in float32."""


def selecting(functions):
    """Function number x[0] at x[1]: all of them in one objective, which is compiled once."""

    def selected(x):
        value = x[1]
        for k, function in enumerate(functions):
            value = bgd.where(x[0] == k, function(x[1]), value)
        return value

    return selected


@pytest.mark.parametrize("backend", ["cpu", "numpy"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_values_are_those_of_the_plain_function(backend, dtype):
    number, info = np.dtype(dtype).type, np.finfo(dtype)
    functions = FUNCTIONS if dtype == "float32" else FUNCTIONS | EXACT_CONSTANTS
    points = np.unique([number(t) for t in POINTS if abs(t) < float(info.max) / 4])
    points = np.append(points, number(-0.0))
    starts = np.array([(k, t) for k in range(len(functions)) for t in points])
    method = bgd.GradientDescent(1e-3)
    batch = bgd.descend(selecting(functions.values()), starts, method=method, maxiter=0, backend=backend, dtype=dtype)
    for (name, function), found in zip(functions.items(), batch.fun.reshape(-1, len(points)), strict=True):
        with np.errstate(all="ignore"):
            plain = np.array([float(function(number(t))) for t in points])
        beyond = np.isnan(found) & (backend == "cpu") & (BEYOND.get(name, lambda t: False)(np.abs(points)))
        np.testing.assert_allclose(found[~beyond], plain[~beyond], rtol=50 * info.eps, atol=info.tiny, err_msg=name)


def _gaussian(t):
    return 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-t * t)


def _sinc_slope(t):
    angle = mpmath.pi * t
    return mpmath.pi * (mpmath.cos(angle) / angle - mpmath.sin(angle) / angle**2)


DERIVATIVES = {
    "log erfc": (
        lambda t: np.log(special.erfc(t)),
        lambda t: -_gaussian(t) / mpmath.erfc(t),
        [-3, 0.4, 5, 6.5, 20, 26],
    ),
    "math": (lambda t: math.log(math.erfc(t)), lambda t: -_gaussian(t) / mpmath.erfc(t), [0.4, 20]),
    "erfc": (special.erfc, lambda t: -_gaussian(t), [-5, -0.3, 0.9, 1.1, 10, 26]),
    "expit": (special.expit, lambda t: 1 / (mpmath.exp(t) + 2 + mpmath.exp(-t)), [-800, -30, -1, 0, 1, 30, 700]),
    "log_expit": (special.log_expit, lambda t: 1 / (1 + mpmath.exp(t)), [-800, -30, -1, 0, 1, 30, 700]),
    "arcsin": (np.arcsin, lambda t: 1 / mpmath.sqrt(1 - t * t), [-1 + 2**-50, 0.3, 1 - 2**-40]),
    "arccos": (np.arccos, lambda t: -1 / mpmath.sqrt(1 - t * t), [-1 + 2**-50, 0.3, 1 - 2**-40]),
    "arcsinh": (np.arcsinh, lambda t: 1 / mpmath.sqrt(1 + t * t), [-1e300, -2, 0, 1e-9, 3e7, 1e160]),
    "arccosh": (np.arccosh, lambda t: 1 / mpmath.sqrt(t * t - 1), [1 + 2**-40, 1.5, 3e7, 1e160, 1e300]),
    "sinc": (np.sinc, _sinc_slope, [1e-30, -1e-12, 1e-6, 0.079, 0.08, 0.6, -3.3]),
    "exp2": (np.exp2, lambda t: mpmath.power(2, t) * mpmath.log(2), [-1000, -1.5, 0, 0.7, 1000]),
}


@pytest.mark.parametrize("name", DERIVATIVES)
def test_derivatives_keep_their_digits(name):
    function, slope, points = DERIVATIVES[name]
    found = Objective(lambda x: function(x[0]), box=[(1.1, 1.2) if name == "arccosh" else (0.1, 0.9)]).gradient(
        np.array(points, float)[:, None]
    )
    with mpmath.workprec(400):
        exact = [float(slope(mpmath.mpf(float(t)))) for t in points]
    np.testing.assert_allclose(found[:, 0], exact, rtol=2e-13, atol=1e-320)


def test_smooth_functions_are_smooth_where_their_branches_meet():
    assert Objective(lambda x: np.logaddexp(x[0], x[1]), 2).gradient([0.7, 0.7]).tolist() == [0.5, 0.5]
    assert Objective(lambda x: special.expit(x[0]), 1).hessian([0.0])[0, 0] == 0.0
    assert Objective(lambda x: np.sinc(x[0]), 1).hessian([0.0])[0, 0] == pytest.approx(-(math.pi**2) / 3)
    counts = Objective(lambda x: special.xlogy(x[0], x[1]), box=[(1, 2)] * 2)
    assert counts.gradient([0.0, 3.0]).tolist() == [math.log(3.0), 0.0]
    assert counts.value([0.0, 0.0]) == 0.0


def test_a_power_of_zero_has_a_derivative_by_its_exponent():
    times = np.array([0.0, 1.0, 2.0])
    fit = Objective(lambda x: np.sum((x[0] * times ** x[1] - times) ** 2), box=[(0.5, 2)] * 2)
    np.testing.assert_allclose(fit.gradient([2.0, 1.0]), [10.0, 16 * math.log(2.0)])


def test_modulo_by_a_variable_has_the_slopes_of_its_piece():
    gradient = Objective(lambda x: x[0] % x[1], box=[(1, 2)] * 2).gradient([[7.5, 2.0], [-7.5, 2.0], [7.5, -2.0]])
    np.testing.assert_allclose(gradient, [[1.0, -3.0], [1.0, 4.0], [1.0, 4.0]])


@pytest.mark.parametrize("backend", ["cpu", "numpy"])
def test_a_lost_number_ends_the_descent(backend):
    """0 log(x) is NaN for x < 0, although its derivative is 0."""
    batch = bgd.descend(lambda x: 0 * np.log(x[0]) + x[1] ** 2, [[-1.0, 0.5], [1.0, 0.5]], backend=backend)
    assert [bgd.Status(status).name for status in batch.status] == ["NONFINITE", "GRADIENT"]
    assert math.isnan(batch.fun[0])


@pytest.mark.parametrize(
    ("fun", "operations"),
    [
        (lambda x: 0 * x[1] ** 2 * np.sin(x[1]) + x[0], 0),  # finite: vanishes
        (lambda x: np.tanh(x[1]) - np.tanh(x[1]) + x[0], 0),
        (lambda x: 0 * np.exp(x[1]) + x[0], 3),
        (lambda x: np.log(x[1]) - np.log(x[1]) + x[0], 3),
        (lambda x: x[1] / x[1] + x[0], 2),
        (lambda x: np.log(x[1]) ** 0 * x[0], 0),
        (lambda x: np.where(x[0] > 0, np.log(x[1]), np.log(x[1])) + x[0], 2),
    ],
)
def test_what_may_vanish_from_a_value(fun, operations):
    objective = Objective(fun, box=[(0.5, 1)] * 2)
    assert objective.value_counts.total == operations
    if operations > 2:
        assert objective.gradient_counts.total == 0  # from derivatives it always does
