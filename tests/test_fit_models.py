"""Fits of well-known models: covariances and criteria of lmfit and SciPy; published examples; functions as brought."""

import json
from pathlib import Path

import numpy as np
import pytest
from fit_cases import CASES, given
from scipy.special import erf

import batchgd as bgd

REFERENCES = json.loads((Path(__file__).parent / "data" / "lmfit_references.json").read_text())["cases"]
NUMBERS = ("chisqr", "redchi", "aic", "bic", "nfree", "ndata", "nvarys")


@pytest.mark.parametrize("name", CASES)
def test_values_and_errors_are_those_of_lmfit_and_scipy(name):
    """To 6 digits, from starts all over the limits; stored by tests/data/make_lmfit_references.py."""
    model, x, y, _, sigma, _ = CASES[name]
    parameters = given(name, lambda value: bgd.Parameter(value, vary=False))
    for kind in ("relative", "absolute")[: 1 if sigma is None else 2]:
        fit = bgd.fit(model, x, y, parameters=parameters, sigma=sigma, absolute_sigma=kind == "absolute", starts=100)
        lmfit, scipy = REFERENCES[name][kind]["lmfit"], REFERENCES[name][kind]["scipy"]
        assert fit.free == lmfit["free"]
        np.testing.assert_allclose(fit.covar, lmfit["covar"], rtol=1e-6)
        np.testing.assert_allclose(fit.covar, scipy["covar"], rtol=1e-6)
        np.testing.assert_allclose([fit.params[key].value for key in fit.free], scipy["values"], rtol=1e-7)
        for key, each in fit.params.items():
            assert each.value == pytest.approx(lmfit["values"][key], rel=1e-7)
            stderr = lmfit["stderr"][key]
            assert each.stderr == (pytest.approx(stderr, rel=1e-6) if stderr else None)
            for other, value in (lmfit["correl"][key] or {}).items():
                assert each.correl.get(other, value) == pytest.approx(value, abs=1e-6)
        assert {key: getattr(fit, key) for key in NUMBERS} == pytest.approx({key: lmfit[key] for key in NUMBERS})
        assert fit.agree > 4


# As people brought them, with their data


def test_frequency_of_a_sine():
    """Stack Overflow, "curve_fit failing on even a sine wave": it stays at its first guess of the frequency."""
    x = np.linspace(0, 100, 300)
    fit = bgd.fit(lambda x, a: np.sin(a * x), x, np.sin(1.759 * x), parameters={"a": (0.1, 3.0)}, starts=500)
    assert fit.best.values["a"] == pytest.approx(1.759, rel=1e-9)
    assert fit.chisqr < 1e-20
    assert len(fit.solutions) > 30
    assert fit.agree < 100


def test_hill_curve_of_measured_data():
    """https://scicomp.stackexchange.com/questions/41948: curve_fit ran into maxfev."""
    x = [2.5, 2.71317829, 4.08, 4.18604651, 5.19379845, 6.92, 7.98449612, 8.94, 9.92248062, 9.94, 12.36, 13.48837209]
    y = [0.16054661, 0.14643943, 0.11639118, 0.11796543, 0.15609638, 0.29527088, 0.40774818, 0.51331307, 0.6163489]
    y += [0.61807529, 0.78372639, 0.78643515]
    limits = {"v": (0, 5), "n": (0.1, 10), "k": (0.1, 50)}
    fit = bgd.fit(lambda x, v, n, k: v * x**n / (k**n + x**n), x, y, parameters=limits, starts=200)
    assert fit.best.values == pytest.approx({"v": 1.831038714, "n": 1.934433272, "k": 14.805814799}, rel=1e-6)
    assert fit.chisqr == pytest.approx(0.0303317375999, rel=1e-9)


def test_a_knee_and_two_slopes():
    """https://sqlpey.com/python/top-2-methods-to-implement-piecewise-linear-fit-in-python, by np.piecewise."""
    x = np.arange(1.0, 16.0)
    y = [5, 7, 9, 11, 13, 15, 28.92, 42.81, 56.7, 70.59, 84.47, 98.36, 112.25, 126.14, 140.03]

    def two_lines(x, x0, y0, k1, k2):
        return np.piecewise(x, [x < x0], [lambda x: k1 * x + y0 - k1 * x0, lambda x: k2 * x + y0 - k2 * x0])

    limits = {"x0": (1, 15), "y0": (0, 150), "k1": (-20, 20), "k2": (-20, 20)}
    fit = bgd.fit(two_lines, x, y, parameters=limits, starts=300)
    expected = {"x0": 5.998195599531328, "y0": 14.9963912, "k1": 2.0, "k2": 13.89012121}
    assert fit.best.values == pytest.approx(expected, rel=1e-6)
    assert fit.chisqr == pytest.approx(0.0007587878787879605, rel=1e-6)


def test_a_tiny_peak():
    """https://github.com/scipy/scipy/issues/7519: a height of 1.2e-8, where absolute tolerances end at the guess."""
    w = np.linspace(1, 2, 100)

    def gaussian(x, height, centre, width):
        return height * np.exp(-0.5 * (x - centre) ** 2 / width**2)

    limits = {"height": (0, 3e-8), "centre": (1.0, 2.0), "width": (0.02, 0.5)}
    fit = bgd.fit(gaussian, w, gaussian(w, 1.2e-8, 1.4, 0.11), parameters=limits, starts=100)
    assert fit.best.values == pytest.approx({"height": 1.2e-8, "centre": 1.4, "width": 0.11}, rel=1e-7)
    assert fit.agree > 50


def test_a_constant_through_counts_of_1e16():
    """https://github.com/scikit-hep/iminuit/issues/164; closed form: the weighted mean and its error."""
    data = [5.47148124e15, 1.27641199e16, 1.05520335e16, 7.81368905e15, 1.08701392e16, 1.08787227e16, 1.00332326e16]
    data += [8.15249647e15, 8.61988394e15, 8.52443419e15, 7.53936841e15, 1.00318872e16, 7.65710259e15, 8.95254204e15]
    data = np.array([*data, 1.06524348e16, 1.12790265e16, 8.19661276e15, 8.18792780e15])
    errors = 0.15 * data
    limits, options = {"c": (0, 3e16)}, {"sigma": errors, "absolute_sigma": True, "starts": 50}
    fit = bgd.fit(lambda x, c: c + 0.0 * x, np.arange(18.0), data, parameters=limits, **options)
    weight = np.sum(1.0 / errors**2)
    assert fit.params["c"].value == pytest.approx(np.sum(data / errors**2) / weight, rel=1e-12)
    assert fit.params["c"].stderr == pytest.approx(weight**-0.5, rel=1e-9)
    assert fit.agree == 50


def test_a_yield_curve_at_its_maturity_of_zero():
    """https://nelson-siegel-svensson.readthedocs.io: a form 0/0 at t = 0, and a better optimum than the page gives."""
    t = np.array([0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0])
    y = np.array([0.01, 0.011, 0.013, 0.016, 0.019, 0.021, 0.026, 0.03, 0.035, 0.037, 0.038, 0.04])

    def curve(t, b0, b1, b2, tau):
        slope = np.where(t == 0, 1.0, (1 - np.exp(-t / tau)) / (np.where(t == 0, 1.0, t) / tau))
        return b0 + b1 * slope + b2 * (slope - np.exp(-t / tau))

    limits = {"b0": (-0.1, 0.2), "b1": (-0.2, 0.2), "b2": (-0.2, 0.2), "tau": (0.1, 10)}
    fit = bgd.fit(curve, t, y, parameters=limits, starts=300)
    assert fit.chisqr <= 7.58204913839e-06 * (1.0 + 1e-9)
    assert fit.agree > 20


def test_a_peak_behind_a_slit_with_weights():
    """http://stackoverflow.com/questions/24230233; the same by SciPy's trf, its height at the limit."""
    x = np.round(np.linspace(-0.1, 0.1, 21), 2)
    y = [18.0, 22.0, 22.0, 34.000999, 54.002998, 152.022995, 398.15799, 628.39502, 884.781982, 848.719971, 854.72998]
    y = np.array([*y, 842.710022, 762.580994, 660.435974, 346.119995, 138.018997, 40.001999, 8.0, 6.0, 4.0, 6.0])

    def slit(x, height, mu, sigma, a):
        root = np.sqrt(2) * sigma
        return height / 2 * (erf((x - mu + a) / root) - erf((x - mu - a) / root))

    limits = {"height": (100, 2000), "mu": (-0.05, 0.05), "sigma": (0.001, 0.05), "a": (0.005, 0.1)}
    fit = bgd.fit(slit, x, y, parameters=limits, sigma=0.1 * y, starts=200)
    assert fit.agree > 50
    expected = {"height": 2000.0, "mu": -0.0038021469711, "sigma": 0.0237784848712, "a": 0.0149176490441}
    assert fit.best.values == pytest.approx(expected, rel=1e-6)
    assert fit.chisqr == pytest.approx(488.06693703965, rel=1e-10)
    assert [each.at_limit for each in fit.params.values()] == [1, 0, 0, 0]


def test_trilateration():
    """Stack Overflow: a false minimum where all distances are too long; beacons are the data."""
    beacons = np.array([[795.0, 332.0], [795.0, 569.0], [516.0, 569.0]]).T
    distances = np.array([245.735630302, 327.946642001, 220.635445928])
    fit = bgd.fit(
        lambda at, x, y: np.hypot(at[0] - x, at[1] - y), beacons, distances,
        parameters={"x": (0, 1500), "y": (0, 1500)}, starts=100,
    )  # fmt: skip
    assert fit.best.values == pytest.approx({"x": 550.0, "y": 351.0}, rel=1e-7)
    false = next(each for each in fit.solutions if each.count and each is not fit.best)
    assert false.values == pytest.approx({"x": 624.680557202, "y": 666.16856226}, rel=1e-6)
    assert false.chisqr == pytest.approx(39716.6923099, rel=1e-9)


def test_a_differential_equation():
    """Lotka and Volterra's hares and lynxes by Runge-Kutta steps in bgd.scan: rates of simulated data."""
    step, n = 0.1, 120
    truth = {"a": 1.1, "b": 0.4, "c": 0.4, "d": 0.1}

    def populations(t, a, b, c, d):
        def slope(hares, lynxes):
            return a * hares - b * hares * lynxes, d * hares * lynxes - c * lynxes

        def rk4(state, _):
            h, w = state[0], state[1]
            h1, w1 = slope(h, w)
            h2, w2 = slope(h + 0.5 * step * h1, w + 0.5 * step * w1)
            h3, w3 = slope(h + 0.5 * step * h2, w + 0.5 * step * w2)
            h4, w4 = slope(h + step * h3, w + step * w3)
            following = [h + step / 6 * (h1 + 2 * h2 + 2 * h3 + h4), w + step / 6 * (w1 + 2 * w2 + 2 * w3 + w4)]
            return following, following

        _, both = bgd.scan(rk4, [10.0, 5.0], np.arange(n))
        return np.concatenate([both[0], both[1]])

    times = np.tile(step * np.arange(1, n + 1), 2)
    y = np.asarray(populations(times, **truth))
    y = y * (1.0 + 0.001 * np.random.default_rng(3).normal(size=2 * n))
    limits = {name: (0.5 * value, 2.0 * value) for name, value in truth.items()}
    fit = bgd.fit(populations, times, y, parameters=limits, starts=60)
    for name, each in fit.params.items():
        assert each.value == pytest.approx(truth[name], abs=5.0 * each.stderr)
        assert each.stderr < 0.002 * truth[name]


def test_bands_of_a_model_with_functions_that_a_trace_replaces():
    """scipy.stats.norm.pdf: everything that traces the model again, also on a log scale and in units, takes it."""
    from scipy.stats import norm

    x = np.linspace(-3.0, 3.0, 40)

    def peak(x, a, mu, s):
        return a * norm.pdf(x, mu, s)

    y = peak(x, 2.0, 0.3, 0.8) + 0.01 * np.random.default_rng(0).normal(size=40)
    limits = {"a": bgd.Parameter(min=0.1, max=50, scale="log"), "mu": (-2, 2), "s": (0.1, 3)}
    fit = bgd.fit(peak, x, y, parameters=limits, starts=20)
    plain = bgd.fit("a*exp(-((x - mu)/s)**2/2)/(s*sqrt(2*pi))", x, y, parameters=limits, starts=20)
    np.testing.assert_allclose(fit.confidence_band([0.0, 1.0]), plain.confidence_band([0.0, 1.0]), rtol=1e-7)
    wide = bgd.fit(peak, x, y, parameters=limits | {"a": (0, 500)}, starts=20, method=bgd.LBFGS())
    assert wide.chisqr == pytest.approx(plain.chisqr, rel=1e-9)
