"""Functions as people brought them, with their data: each is traced as it stands and gives its known value."""

import numpy as np
import pytest
from garch_returns import RETURNS
from scipy.special import erf
from scipy.stats import norm

import batchgd as bgd

# A knee and two slopes, by np.piecewise (https://sqlpey.com/python/top-2-methods-to-implement-piecewise-linear-fit-in-python)

KNEE_X = np.arange(1.0, 16.0)
KNEE_Y = np.array([5, 7, 9, 11, 13, 15, 28.92, 42.81, 56.7, 70.59, 84.47, 98.36, 112.25, 126.14, 140.03])


def two_lines(x, x0, y0, k1, k2):
    return np.piecewise(x, [x < x0], [lambda x: k1 * x + y0 - k1 * x0, lambda x: k2 * x + y0 - k2 * x0])


def knee(p):
    return np.sum((KNEE_Y - two_lines(KNEE_X, *p)) ** 2)


# An oscillator fitted to its noisy solution, by Runge-Kutta steps (http://stackoverflow.com/questions/9167819)


def oscillator_data():
    from scipy.integrate import odeint

    exact = odeint(lambda y, t: np.array([y[1], -2.0 * y[0] - 0.1 * y[1]]), [0.0005, 0.2], TIME)[:, 0]
    return exact + 0.01 * np.random.default_rng(9167819).standard_normal(len(TIME))


TIME = np.linspace(0.0, 10.0, 50)
NOISY = oscillator_data()


def oscillator(p):
    a, b = p
    y, v, h, total = 0.0005, 0.2, (TIME[1] - TIME[0]) / 10, (0.0005 - NOISY[0]) ** 2
    for i in range(1, len(TIME)):
        for _ in range(10):
            k1, l1 = v, a * y + b * v
            k2, l2 = v + h / 2 * l1, a * (y + h / 2 * k1) + b * (v + h / 2 * l1)
            k3, l3 = v + h / 2 * l2, a * (y + h / 2 * k2) + b * (v + h / 2 * l2)
            k4, l4 = v + h * l3, a * (y + h * k3) + b * (v + h * l3)
            y, v = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), v + h / 6 * (l1 + 2 * l2 + 2 * l3 + l4)
        total = total + (y - NOISY[i]) ** 2
    return total


# GARCH(1,1), an array filled in place, with the guard around it (SciPy-user, March 2009)


def garch(params):
    try:
        omega, alpha, beta = params
        sigma2 = np.zeros(len(RETURNS))
        sigma2[0] = np.var(RETURNS)
        for t in range(1, len(RETURNS)):
            sigma2[t] = omega + alpha * RETURNS[t - 1] ** 2 + beta * sigma2[t - 1]
        return 0.5 * np.sum(np.log(sigma2) + RETURNS**2 / sigma2)
    except Exception:
        return 1e10


# A Gaussian behind a slit, with weights (http://stackoverflow.com/questions/24230233)

SLIT_X = np.round(np.linspace(-0.1, 0.1, 21), 2)
_RISING = [18.0, 22.0, 22.0, 34.000999, 54.002998, 152.022995, 398.15799, 628.39502, 884.781982, 848.719971, 854.72998]
_FALLING = [842.710022, 762.580994, 660.435974, 346.119995, 138.018997, 40.001999, 8.0, 6.0, 4.0, 6.0]
SLIT_Y = np.array([*_RISING, *_FALLING])


def slit(p):
    A, mu, sigma, a = p
    model = A / 2 * (erf((SLIT_X - mu + a) / (np.sqrt(2) * sigma)) - erf((SLIT_X - mu - a) / (np.sqrt(2) * sigma)))
    return np.sum(((SLIT_Y - model) / (0.1 * SLIT_Y)) ** 2)


# A signal from the modulus of its transform (https://github.com/odlgroup/odl/issues/1442)

SIGNAL = np.array([1.0, 0.6, -0.3, 0.8, 0.2, -0.5, 0.4, 0.9])
INTENSITY = np.abs(np.fft.fft(SIGNAL, 16)) ** 2


def phases(x):
    return np.sum((np.abs(np.fft.fft(x, 16)) ** 2 - INTENSITY) ** 2)


# Stiffnesses of a shear building from its frequencies, by eigenvalues (Stack Overflow)

FREQUENCIES = np.array([3.17036747, 9.12870929, 13.98599405, 17.15636152])


def building(k):
    first = [[k[0] + k[1], -k[1], 0, 0], [-k[1], k[1] + k[2], -k[2], 0]]
    stiffness = np.array([*first, [0, -k[2], k[2] + k[3], -k[3]], [0, 0, -k[3], k[3]]])
    w2 = np.linalg.eigvalsh(stiffness / 30.0)
    return np.sum((np.sqrt(w2) - FREQUENCIES) ** 2)


# Logistic regression in 100 dimensions (https://github.com/tensorflow/probability/issues/151)

_RNG = np.random.default_rng(7)
DESIGN = _RNG.standard_normal((200, 100))
LABELS = np.where(DESIGN @ _RNG.standard_normal(100) + _RNG.standard_normal(200) > 0, 1.0, -1.0)


def logistic(w):
    z = LABELS * (DESIGN @ w)
    return np.mean(np.log(1 + np.exp(-z))) + 0.005 * np.dot(w, w)


# A mixture of two normal distributions, by scipy.stats (SciPy-user)

_RNG = np.random.default_rng(38)
TWO_GROUPS = np.concatenate([_RNG.normal(54, 6, 45), _RNG.normal(80, 6, 75)])


def mixture(p):
    w, m1, s1, m2, s2 = p
    return -np.sum(np.log(w * norm.pdf(TWO_GROUPS, m1, s1) + (1 - w) * norm.pdf(TWO_GROUPS, m2, s2)))


# Two waveforms aligned by np.interp (Stack Overflow, "Find time shift between two similar waveforms")

WAVE_T = np.linspace(0, 10, 101)
REFERENCE = np.sin(3 * WAVE_T) * np.exp(-((WAVE_T - 5) ** 2) / 8)
TARGET = np.sin(3 * (1.1 * WAVE_T - 0.7)) * np.exp(-((1.1 * WAVE_T - 0.7 - 5) ** 2) / 8)


def waveforms(p):
    shift, scale = p
    warped = np.interp(scale * WAVE_T - shift, WAVE_T, REFERENCE, left=0, right=0)
    return np.mean((warped - TARGET) ** 2)


CASES = {
    "knee": (knee, [5.998195599531328, 14.9963912, 2.0, 13.89012121], 0.0007587878787879605, 1e-6),
    "oscillator": (oscillator, [-2.01774777, -0.09258263], 0.005105700787, 1e-7),
    "garch": (garch, [0.17458997, 0.19469321, 0.547729001], 83.4369558733, 1e-10),
    "phases": (phases, SIGNAL, 0.0, 1e-12),
    "phases, reversed": (phases, -SIGNAL[::-1], 0.0, 1e-12),
    "building": (building, [2500.0] * 4, 0.0, 1e-12),
    "mixture": (mixture, [0.397590641, 55.882999663, 6.970455209, 79.996237319, 6.351041891], 466.01698061, 1e-10),
    "waveforms": (waveforms, [0.702632503, 1.100585092], 5.40557394477e-05, 1e-8),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_traced_and_the_known_minimum_is_one(name):
    fun, x, value, tolerance = CASES[name]
    x = np.array(x)
    near = np.maximum(0.05 * np.abs(x), 0.05)
    objective = bgd.Objective(fun, box=[(a - h, a + h) for a, h in zip(x, near, strict=True)])
    assert objective.value(x) == pytest.approx(value, rel=tolerance, abs=tolerance)
    others = x + near * np.random.default_rng(0).uniform(-1, 1, (5, len(x)))
    np.testing.assert_allclose(objective.value(others), [float(fun(each)) for each in others], rtol=1e-10, atol=1e-14)
    slope = np.abs(objective.gradient(x) * near).max()
    around = np.abs(objective.gradient(others) * near).max()
    assert slope < 1e-3 * around


def test_the_curve_behind_a_slit_is_that_of_an_integral():
    from scipy.integrate import quad

    def by_quad(p):
        A, mu, sigma, a = p
        model = [quad(lambda t, x=x: A * norm.pdf(x - t, mu, sigma), -a, a)[0] for x in SLIT_X]
        return np.sum(((SLIT_Y - np.array(model)) / (0.1 * SLIT_Y)) ** 2)

    objective = bgd.Objective(slit, box=[(100, 2000), (-0.05, 0.05), (0.001, 0.05), (0.005, 0.1)])
    for x in ([850.0, 0.001, 0.01, 0.03], [900.0, 0.0, 0.02, 0.04]):
        assert objective.value(x) == pytest.approx(by_quad(x), rel=1e-7)


def test_a_logistic_regression_in_a_hundred_dimensions_has_one_minimum():
    objective = bgd.Objective(logistic, box=[(-3, 3)] * 100)
    result = bgd.descend(objective, x0=np.zeros((1, 100)), method="lbfgs", backend="cpu", gtol=1e-6)
    assert objective.has_rows
    assert result.fun[0] == pytest.approx(0.16235654045363807, rel=1e-8)
    assert np.linalg.eigvalsh(objective.hessian(result.x[0])).min() > 0.0
