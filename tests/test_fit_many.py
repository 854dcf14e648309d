"""Many fits at once: each as it would be alone, against SciPy, with missing data and hopeless ones among them."""

import math
import warnings

import numpy as np
import pytest
from scipy import optimize, special

import batchgd as bgd
from batchgd import InputError, Status
from batchgd.compiler.codegen import loading

TIMES = np.linspace(0.0, 4.0, 50)
LIMITS = {"a": (0, 8), "k": (0.01, 6), "c": (-1, 4)}
NAMES = [*LIMITS]


def decay(t, a, k, c):
    return a * np.exp(-k * t) + c


def data_sets(n, seed=0, noise=0.02):
    rng = np.random.default_rng(seed)
    true = rng.uniform([0.5, 0.3, 0.0], [5.0, 3.0, 2.0], (n, 3))
    return true, decay(TIMES, *true.T[:, :, None]) + noise * rng.normal(size=(n, 50))


TRUE, DATA = data_sets(40)
FITS = bgd.fit(decay, TIMES, DATA, parameters=LIMITS, starts=8)


def assert_same(one, other, *, stderr=1e-10, rtol=1e-10):
    """Compare fits[i] with the result of bgd.fit of that data set alone."""
    for name, each in other.params.items():
        assert one.params[name].value == pytest.approx(each.value, rel=rtol, abs=1e-12), name
        assert one.params[name].why == each.why
        assert one.params[name].at_limit == each.at_limit
        if each.stderr is not None:
            assert one.params[name].stderr == pytest.approx(each.stderr, rel=stderr), name
    for name in ("chisqr", "redchi", "aic", "bic"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-9), name
    assert (one.ndata, one.nfree, one.rank, one.dropped) == (other.ndata, other.nfree, other.rank, other.dropped)
    np.testing.assert_allclose(one.covar, other.covar, rtol=1e-8)


@pytest.mark.parametrize("i", [0, 7, 39])
def test_each_is_the_fit_of_its_data_set_alone(i):
    assert_same(FITS[i], bgd.fit(decay, TIMES, DATA[i], parameters=LIMITS, starts=30))


def test_the_same_fit_again_writes_no_code():
    def again(y, factor=1.0):
        return bgd.fit(lambda t, a, k: factor * a * np.exp(-k * t), TIMES, y, parameters={"a": (0, 9), "k": (0, 6)})

    loading.forget()
    first, written = again(DATA[:9]), loading._tick.cache_info().misses
    other, unchanged = again(DATA[9:18]), loading._tick.cache_info().misses
    halved, changed = again(DATA[:9], factor=2.0), loading._tick.cache_info().misses
    assert written == unchanged < changed
    assert (other.params["a"].value != first.params["a"].value).all()
    np.testing.assert_allclose(halved.params["a"].value, first.params["a"].value / 2.0, rtol=1e-8)


def test_scipy_agrees():
    assert FITS.success.all()
    for i in range(len(DATA)):
        value, covar = optimize.curve_fit(decay, TIMES, DATA[i], p0=TRUE[i], xtol=1e-14, ftol=1e-14, gtol=1e-14)
        errors = np.sqrt(np.diag(covar))
        assert (np.abs([FITS.params[name].value[i] for name in NAMES] - value) < 1e-5 * errors).all()
        np.testing.assert_allclose([FITS.params[name].stderr[i] for name in NAMES], errors, rtol=1e-5)


def test_numpy_agrees():
    other = bgd.fit(decay, TIMES, DATA, parameters=LIMITS, starts=8, backend="numpy")
    for name in NAMES:
        np.testing.assert_allclose(other.params[name].value, FITS.params[name].value, rtol=1e-10)
        np.testing.assert_allclose(other.params[name].stderr, FITS.params[name].stderr, rtol=1e-9)
    assert (other.agree == FITS.agree).all()


def test_results_do_not_depend_on_parts_or_threads(monkeypatch):
    from batchgd.analysis.fitting import many_runs

    monkeypatch.setattr(many_runs, "PART_BYTES", 1 << 14)
    other = bgd.fit(decay, TIMES, DATA, parameters=LIMITS, starts=8, threads=1)
    for name in ("covar", "chisqr", "nfev", "agree", "status"):
        np.testing.assert_array_equal(getattr(other, name), getattr(FITS, name))


def test_sigma_of_all_and_of_each():
    sigma = np.linspace(0.01, 0.05, 50)
    common = bgd.fit(decay, TIMES, DATA[:5], parameters=LIMITS, sigma=sigma, absolute_sigma=True)
    assert_same(
        common[2], bgd.fit(decay, TIMES, DATA[2], parameters=LIMITS, sigma=sigma, absolute_sigma=True, starts=20)
    )
    table = sigma * np.arange(1.0, 6.0)[:, None]
    each = bgd.fit(decay, TIMES, DATA[:5], parameters=LIMITS, sigma=table)
    alone = bgd.fit(decay, TIMES, DATA[3], parameters=LIMITS, sigma=table[3], starts=20, stopping={"gtol": 1e-12})
    assert_same(each[3], alone, rtol=1e-8, stderr=1e-8)


def test_missing_points_are_left_out_and_counted():
    data = DATA[:6].copy()
    data[1, 10:20], data[4, ::7] = np.nan, np.nan
    times = TIMES.copy()
    times[30] = np.nan
    fits = bgd.fit(decay, times, data, parameters=LIMITS)
    assert fits.dropped.tolist() == [1, 11, 1, 1, 9, 1]
    for i in (0, 1, 4):
        assert_same(fits[i], bgd.fit(decay, times, data[i], parameters=LIMITS, starts=20))
    assert "points are missing" in repr(fits)


def test_hopeless_data_sets_have_a_status_and_touch_no_others():
    data = DATA.copy()
    data[3], data[5, 2:] = np.nan, np.nan
    data[8] = 1e200
    fits = bgd.fit(decay, TIMES, data, parameters=LIMITS, starts=8)
    assert not fits.success[[3, 5]].any()
    assert np.isnan(fits.params["k"].value[[3, 5]]).all()
    assert fits[3].status == Status.NONFINITE
    assert fits[5].message == "2 points cannot determine 3 parameters"
    assert fits[3].params["k"].why == "not fitted"
    others = np.setdiff1d(np.arange(40), [3, 5, 8])
    for name in NAMES:
        np.testing.assert_allclose(fits.params[name].value[others], FITS.params[name].value[others], rtol=1e-10)
    assert "2 data sets have fewer points than parameters" in repr(fits)


def test_brightness_does_not_matter():
    factor = 10.0 ** np.linspace(-150, 150, 40)
    limits = {"a": (np.zeros(40), 8 * factor), "k": (0.01, 6), "c": (-factor, 4 * factor)}
    fits = bgd.fit(decay, TIMES, DATA * factor[:, None], parameters=limits, starts=8)
    np.testing.assert_allclose(fits.params["k"].value, FITS.params["k"].value, rtol=1e-8)
    np.testing.assert_allclose(fits.params["a"].value, FITS.params["a"].value * factor, rtol=1e-8)


def test_limits_per_data_set():
    low, high = np.full(40, 0.01), np.full(40, 6.0)
    high[::2] = 0.5 * FITS.params["k"].value[::2]
    fits = bgd.fit(decay, TIMES, DATA, parameters=LIMITS | {"k": (low, high)}, starts=8)
    assert (fits.params["k"].at_limit == np.tile([1, 0], 20)).all()
    np.testing.assert_array_equal(fits.params["k"].value[::2], high[::2])
    assert_same(fits[1], bgd.fit(decay, TIMES, DATA[1], parameters=LIMITS, starts=20))
    alone = bgd.fit(decay, TIMES, DATA[4], parameters=LIMITS | {"k": (0.01, float(high[4]))}, starts=20)
    assert_same(fits[4], alone)
    assert fits[4].params["k"].max == high[4]


def test_values_per_data_set_are_kept_or_starts():
    rate = bgd.Parameter(TRUE[:, 1], vary=False)
    fits = bgd.fit(decay, TIMES, DATA, parameters=LIMITS | {"k": rate}, starts=4)
    np.testing.assert_array_equal(fits.params["k"].value, TRUE[:, 1])
    alone = bgd.Parameter(float(TRUE[6, 1]), vary=False)
    assert_same(fits[6], bgd.fit(decay, TIMES, DATA[6], parameters=LIMITS | {"k": alone}, starts=20))
    guess = {name: bgd.Parameter(TRUE[:, k], *LIMITS[name]) for k, name in enumerate(NAMES)}
    near = bgd.fit(decay, TIMES, DATA, parameters=guess, starts=0)
    np.testing.assert_allclose(near.params["k"].value, FITS.params["k"].value, rtol=1e-10)
    assert near.nfev.mean() < FITS.nfev.mean() / 8


def test_logarithms_and_formulas():
    parameters = {
        "a": (0, 8),
        "k": bgd.Parameter(min=0.01, max=6, scale="log"),
        "b": bgd.Parameter(np.linspace(1.0, 2.0, 40), vary=False),
        "c": "a*b/10",
    }

    def model(t, a, k, b, c):
        return a * np.exp(-k * t) + b * c

    y = np.array([model(TIMES, a, k, b, a * b / 10) for (a, k, _), b in zip(TRUE, np.linspace(1, 2, 40), strict=True)])
    y += 0.01 * np.random.default_rng(1).normal(size=y.shape)
    fits = bgd.fit(model, TIMES, y, parameters=parameters)
    for i in (0, 20):
        own = parameters | {"b": bgd.Parameter(float(parameters["b"].value[i]), vary=False)}
        single = bgd.fit(model, TIMES, y[i], parameters=own, starts=20)
        assert_same(fits[i], single)
        assert fits[i].params["c"].stderr == pytest.approx(single.params["c"].stderr, rel=1e-8)


@pytest.mark.parametrize("loss", ["soft_l1", "cauchy"])
def test_robust_losses(loss):
    data = DATA[:6].copy()
    data[:, 9] += 3.0
    options = {"parameters": LIMITS, "loss": loss, "f_scale": 0.05}
    fits = bgd.fit(decay, TIMES, data, **options)
    assert_same(fits[2], bgd.fit(decay, TIMES, data[2], starts=20, **options), stderr=1e-8, rtol=1e-8)


def test_ill_conditioned_fits_keep_their_digits():
    def two(t, a, k, b, q):
        return a * np.exp(-k * t) + b * np.exp(-q * t)

    rng = np.random.default_rng(2)
    y = two(TIMES, 3.0, 1.0, 1.0, 0.6) + 1e-4 * rng.normal(size=(4, 50))
    limits = {"a": (0, 6), "k": (0.8, 3), "b": (0, 6), "q": (0.01, 0.8)}
    fits = bgd.fit(two, TIMES, y, parameters=limits, starts=20)
    for i in range(4):
        assert_same(fits[i], bgd.fit(two, TIMES, y[i], parameters=limits, starts=40), rtol=1e-7, stderr=1e-6)


def test_a_parameter_that_the_data_do_not_determine():
    fits = bgd.fit(
        "a*b*exp(-k*x)",
        TIMES,
        np.exp(-np.outer([1.0, 2.0], TIMES)),
        parameters={"a": (1, 5), "b": (0.1, 5), "k": (0, 3)},
    )
    assert (fits.rank <= 2).all()
    assert np.isnan(fits.params["b"].stderr).all() or np.isnan(fits.params["a"].stderr).all()


def test_several_variables_and_few_points():
    x = (np.arange(8.0), np.arange(8.0) ** 2)
    y = np.array([1.0 * x[0] + 2.0 * x[1], 3.0 * x[0] - x[1]])
    fits = bgd.fit(lambda x, a, b: a * x[0] + b * x[1], x, y, parameters={"a": (-9, 9), "b": (-9, 9)}, starts=2)
    np.testing.assert_allclose(fits.params["a"].value, [1.0, 3.0], rtol=1e-9)
    np.testing.assert_allclose(fits.params["b"].value, [2.0, -1.0], rtol=1e-9)
    np.testing.assert_allclose(fits[1].predict(), y[1], atol=1e-9)


def test_models_may_call_math_and_scipy():
    def model(t, a, k):
        return a * special.expit(k * (t - 2.0)) + math.exp(-a)

    y = np.array([model(TIMES, 1.0, 1.5), model(TIMES, 2.0, 1.5)])
    limits = {"a": (0, 3), "k": (0, 3)}
    np.testing.assert_allclose(bgd.fit(model, TIMES, y, parameters=limits).params["a"].value, [1.0, 2.0], rtol=1e-7)
    assert bgd.fit(model, TIMES, y[0], parameters=limits, starts=20).params["a"].value == pytest.approx(1.0)


def test_frames():
    frame = FITS.to_dataframe()
    assert list(frame.columns[:4]) == ["a", "a_stderr", "k", "k_stderr"]
    assert len(frame) == 40
    data = FITS.to_xarray()
    np.testing.assert_array_equal(data["value"].sel(parameter="k"), FITS.params["k"].value)
    assert data["covar"].shape == (40, 3, 3)


def test_one_of_them_and_all_of_them_as_text():
    assert "40 fits of decay to 50 points each, from 8 starts" in repr(FITS)
    assert "fit 3 of decay" in repr(FITS[3])
    assert FITS[-1].index == 39
    assert len(list(FITS)) == 40


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.zeros((0, 50))}, "y has shape"),
        ({"y": DATA[:, :40]}, "x has 50 points and y has 40 in each row"),
        ({"y": np.where(np.arange(50) == 4, np.inf, DATA)}, "y contains inf in data set 0"),
        ({"sigma": np.ones((40, 49))}, "sigma has shape"),
        ({"sigma": -1.0}, "sigma contains -1"),
        ({"absolute_sigma": True}, "absolute_sigma is True without sigma"),
        ({"parameters": LIMITS | {"k": (np.zeros(39), 6.0)}}, "parameter 'k' has 39 min limits, but there are 40"),
        ({"parameters": LIMITS | {"k": (np.full(40, 7.0), 6.0)}}, "in data set 0, which are reversed"),
        ({"parameters": LIMITS | {"k": bgd.Parameter(np.full(40, 9.0), 0, 6)}}, "outside its limits"),
        ({"parameters": LIMITS | {"k": bgd.Parameter(np.ones(7), vary=False)}}, "has 7 values"),
        ({"starts": 0}, "starts is 0"),
        ({"until": bgd.Coverage(0.9)}, "until is .* does not apply"),
        ({"sampling": "sobol"}, "sampling is .* does not apply"),
        ({"y": np.full((40, 50), np.nan)}, "no data set has more than 0 points"),
    ],
)
def test_what_does_not_fit_together_is_one_line(change, message):
    given = {"y": DATA, "parameters": LIMITS} | change
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match=message) as caught:
            bgd.fit(decay, TIMES, given.pop("y"), **given)
    assert "\n" not in str(caught.value)


def test_arrays_need_a_table():
    with pytest.raises(InputError, match=r"give y of shape \(N, m\)"):
        bgd.fit(decay, TIMES, DATA[0], parameters=LIMITS | {"k": bgd.Parameter(np.ones(40), vary=False)})
