"""Problems as people brought them, solved within their bounds or as a fit: the right values are reached."""

import numpy as np
import pytest
from garch_returns import RETURNS
from scipy.stats import norm

import batchgd as bgd

GROUPS = np.random.default_rng(38)
TWO_GROUPS = np.concatenate([GROUPS.normal(54, 6, 45), GROUPS.normal(80, 6, 75)])
CENTRES = np.random.default_rng(3)
FOUR_CLOUDS = np.vstack([CENTRES.normal(c, 0.6, (10, 2)) for c in [(0, 0), (4, 0), (0, 4), (4.5, 4)]])
STEPS = np.arange(1, 20, 0.1)
np_random = np.random.RandomState(1000)
B, C = np_random.rand(10), np_random.rand(10)
FREQUENCIES = np.array([3.17036747, 9.12870929, 13.98599405, 17.15636152])
POLYNOMIAL = np.poly(FREQUENCIES**2)


def penalised(x):
    """https://github.com/scipy/scipy/issues/7799: the least f that is at least 50, by a penalty."""
    f = (x[0] ** 2 - 8) ** 2 + (x[0] + 2) ** 2
    return f + 1000 * max(0, 50 - f)


def likelihood(p):
    """https://stackoverflow.com/questions/49256917, with math and a loop; mean and deviation are a closed form."""
    import math

    n = len(STEPS)
    squares = sum([(x - p[0]) ** 2 for x in STEPS])
    return n / 2.0 * np.log(2 * np.pi) + n / 2.0 * math.log(p[1] ** 2) + 1 / (2 * p[1] ** 2) * squares


def garch(p):
    """SciPy-user, March 2009: the variances of GARCH(1,1) are a recurrence."""
    omega, alpha, beta = p[0], p[1], p[2]

    def following(v, r):
        return omega + alpha * r**2 + beta * v, v

    _, variances = bgd.scan(following, np.var(RETURNS), RETURNS)
    return 0.5 * np.sum(np.log(variances) + RETURNS**2 / variances)


def inertia(c):
    """https://github.com/scikit-learn/scikit-learn/issues/25022: the loss of k-means with three centres."""
    return ((FOUR_CLOUDS[:, None, :] - c.reshape(3, 2)[None, :, :]) ** 2).sum(axis=2).min(axis=1).sum()


def deviations(eta):
    """https://stackoverflow.com/questions/35082289: the least sum of absolute deviations, by a loop."""
    total = 0.0
    for b, c in zip(B, C, strict=True):
        total += np.abs(eta * b - c)
    return total


def building(k):
    """Stiffnesses of a shear building from its frequencies, by the coefficients of the characteristic polynomial."""
    first = [[k[0] + k[1], -k[1], 0, 0], [-k[1], k[1] + k[2], -k[2], 0]]
    a = np.array([*first, [0, -k[2], k[2] + k[3], -k[3]], [0, 0, -k[3], k[3]]]) / 30.0
    m, total = np.eye(4), 0
    for i in range(1, 5):
        am = a @ m
        c = -np.trace(am) / i
        total = total + (c / POLYNOMIAL[i] - 1) ** 2
        m = am + c * np.eye(4)
    return total


def mixture(p):
    """SciPy-user: two normal distributions by scipy.stats; without bounds the likelihood has no maximum."""
    w, m1, s1, m2, s2 = p
    return -np.sum(np.log(w * norm.pdf(TWO_GROUPS, m1, s1) + (1 - w) * norm.pdf(TWO_GROUPS, m2, s2)))


RATIOS = C / B
MEDIAN = RATIOS[np.argmin([np.abs(ratio * B - C).sum() for ratio in RATIOS])]
ROOTS = np.sort([r.real for r in np.roots([1, 0, -15, 4, 18]) if abs(r.imag) < 1e-9])
MIXED = [0.397590641, 55.882999663, 6.970455209, 79.996237319, 6.351041891]
BOUNDED = {
    "penalty": (penalised, [(-5, 5)], 40, 50.0, ROOTS[:, None], 1e-7),
    "normal": (likelihood, [(0, 20), (0.5, 20)], 20, 592.9729640052551, [[STEPS.mean(), STEPS.std()]], 1e-6),
    "garch": (garch, [(0.001, 1), (0.001, 0.5), (0.3, 0.95)], 20, 83.4369558733, [[0.17459, 0.194693, 0.547729]], 1e-5),
    "k-means": (inertia, [(-2, 6)] * 6, 100, 96.368584255, [], 1e-6),
    "kinks": (deviations, [(0.0, 5.0)], 20, 3.7198633407082564, [[MEDIAN]], 1e-7),
    "building": (building, [(500, 6000)] * 4, 60, 0.0, [[2500.0] * 4], 1e-6),
    "mixture": (mixture, [(0.05, 0.95), (40, 100), (2, 20), (40, 100), (2, 20)], 40, 466.01698061, [MIXED], 1e-6),
}


@pytest.mark.parametrize("name", BOUNDED)
def test_the_right_value_is_reached_within_bounds(name):
    fun, bounds, starts, value, places, tolerance = BOUNDED[name]
    with np.errstate(all="ignore"):
        result = bgd.multistart(fun, bounds=bounds, starts=starts)
    minima = result.minima
    assert minima.fun[0] == pytest.approx(value, rel=1e-9, abs=1e-20)
    lower, upper = np.array(bounds, float).T
    assert ((result.x >= lower) & (result.x <= upper)).all()
    lowest = minima.x[minima.fun <= value * (1.0 + 1e-9) + 1e-20]
    for place in places:
        assert np.abs(lowest / np.array(place) - 1.0).max(axis=1).min() < tolerance


def test_four_levels_of_k_means():
    levels = bgd.multistart(inertia, bounds=[(-2, 6)] * 6, starts=400).minima.fun
    distinct = levels[np.append(True, np.diff(levels) > 1e-6)]
    np.testing.assert_allclose(distinct[:4], [96.368584255, 96.889302162, 97.058599943, 103.775458544], rtol=1e-9)


def test_a_window_of_whole_numbers_is_refused_with_a_remedy():
    """Stack Overflow, "Integer step size in scipy optimize minimize": it has no gradient."""
    trace = np.sin(np.linspace(0, 12, 120))

    def quality(p):
        size = int(np.round(p[0])) | 1
        return np.mean((np.convolve(trace, np.ones(size) / size, mode="same") * p[1] - trace) ** 2)

    with pytest.raises(bgd.InputError, match="what indexes or counts cannot depend on x: give it as args="):
        bgd.multistart(quality, bounds=[(1, 31), (0.5, 2)], starts=10)


# As fits


def test_a_straight_line_that_a_student_could_not_descend():
    """https://stats.stackexchange.com/questions/432707; values and errors are those of np.polyfit."""
    x = np.array([20, 43, 63, 26, 53, 31, 58, 46, 58, 70, 46, 53, 60, 20, 63, 43, 26, 19, 31, 23])
    y = [120, 128, 141, 126, 134, 128, 136, 132, 140, 144, 128, 136, 146, 124, 143, 130, 124, 121, 126, 123]
    fit = bgd.fit(lambda x, m, b: m * x + b, x, y, parameters={"m": (-5, 5), "b": (0, 200)}, starts=20)
    best, covariance = np.polyfit(x, y, 1, cov=True)
    assert [*fit.best.values.values()] == pytest.approx(best, rel=1e-9)
    np.testing.assert_allclose(fit.covar, covariance, rtol=1e-7)
    assert fit.agree == 20


def test_waveforms_are_aligned_by_interpolation():
    """Stack Overflow, "Find time shift between two similar waveforms"; many false alignments."""
    t = np.linspace(0, 10, 101)
    reference = np.sin(3 * t) * np.exp(-((t - 5) ** 2) / 8)
    target = np.sin(3 * (1.1 * t - 0.7)) * np.exp(-((1.1 * t - 0.7 - 5) ** 2) / 8)

    def warped(t, shift, scale):
        return np.interp(scale * t - shift, t, reference, left=0, right=0)

    fit = bgd.fit(warped, t, target, parameters={"shift": (-3, 3), "scale": (0.7, 1.4)}, starts=150)
    assert fit.best.values == pytest.approx({"shift": 0.702632503, "scale": 1.100585092}, rel=1e-6)
    assert fit.chisqr / len(t) == pytest.approx(5.40557394477e-05, rel=1e-9)
    assert len(fit.solutions) > 3


def test_a_signal_from_the_modulus_of_its_transform():
    """https://github.com/odlgroup/odl/issues/1442; several signals, and the negative of each, have the same modulus."""
    signal = np.array([1.0, 0.6, -0.3, 0.8, 0.2, -0.5, 0.4, 0.9])
    places = np.arange(16.0)

    def modulus(k, x):
        return np.abs(np.fft.fft(x, 16)) ** 2

    data = modulus(places, signal)
    fit = bgd.fit(modulus, places, data, parameters=[(-1.5, 1.5)] * 8, starts=50)
    assert len(fit.equal) > 4
    for each in fit.equal:
        np.testing.assert_allclose(modulus(places, each.free), data, rtol=1e-9)


def test_an_oscillator_from_its_noisy_solution():
    """http://stackoverflow.com/questions/9167819: a and b of y'' = a y + b y', by Runge-Kutta steps in bgd.scan."""
    from scipy.integrate import odeint

    time = np.linspace(0.0, 10.0, 50)
    exact = odeint(lambda y, t: np.array([y[1], -2.0 * y[0] - 0.1 * y[1]]), [0.0005, 0.2], time)[:, 0]
    noisy = exact + 0.01 * np.random.default_rng(9167819).standard_normal(50)
    h = time[1] / 10

    def position(t, a, b):
        def step(state, _):
            y, v = state[0], state[1]
            k1, l1 = v, a * y + b * v
            k2, l2 = v + h / 2 * l1, a * (y + h / 2 * k1) + b * (v + h / 2 * l1)
            k3, l3 = v + h / 2 * l2, a * (y + h / 2 * k2) + b * (v + h / 2 * l2)
            k4, l4 = v + h * l3, a * (y + h * k3) + b * (v + h * l3)
            return [y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), v + h / 6 * (l1 + 2 * l2 + 2 * l3 + l4)], y

        _, found = bgd.scan(step, [0.0005, 0.2], np.arange(491))
        return found[::10]

    fit = bgd.fit(position, time, noisy, parameters={"a": (-10, 0), "b": (-2, 0.5)}, starts=20)
    assert fit.best.values == pytest.approx({"a": -2.01774777, "b": -0.09258263}, rel=1e-6)
    assert fit.chisqr == pytest.approx(0.005105700787, rel=1e-9)
    assert fit.agree == 20
