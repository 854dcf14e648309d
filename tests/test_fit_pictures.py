"""Pictures of fits: what is drawn is what the fit says, for one and several variables, data sets and hard cases."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import batchgd as bgd

T = np.linspace(0.0, 4.0, 60)
NOISE = np.random.default_rng(5).normal(size=60)
Y = 2.0 * np.exp(-0.7 * T) + 0.3 + 0.02 * NOISE
PARAMETERS = {"a": (0, 5), "k": (0, 3), "c": (-1, 1)}


def fitted(*arguments, **options):
    return bgd.fit(*arguments, backend="numpy", **options)


@pytest.fixture(scope="module")
def decay():
    return fitted("a*exp(-k*t)+c", {"t": T}, Y, parameters=PARAMETERS, sigma=0.02, starts=60)


@pytest.fixture(scope="module")
def wave():
    y = 1.5 * np.sin(2.0 * np.pi * 0.8 * T + 0.4) + 0.1 * NOISE
    parameters = {"a": (0, 5), "f": (0.01, 3), "p": (-np.pi, np.pi)}
    return fitted("a*sin(2*pi*f*x + p)", T, y, parameters=parameters, starts=300)


def lines(ax, gid):
    return [line for line in ax.get_lines() if line.get_gid() == gid]


def points(ax):
    return [container[0] for container in ax.containers]


def texts(ax):
    return [ax.get_title(loc="left"), *(text.get_text() for text in ax.texts)]


def test_data_curve_band_and_residuals(decay):
    above, below = decay.plot(x="time (s)", y="signal (mV)")
    (data,) = points(above)
    np.testing.assert_array_equal(data.get_xdata(), T)
    np.testing.assert_array_equal(data.get_ydata(), Y)
    (curve,) = lines(above, "best")
    grid = curve.get_xdata()
    np.testing.assert_allclose(curve.get_ydata(), decay.predict({"t": grid}))
    low, high = decay.confidence_band({"t": grid})
    band = next(each for each in above.collections if each.get_gid() == "band").get_paths()[0].vertices
    assert np.isin(np.round([low, high], 9), np.round(band[:, 1], 9)).all()
    (left,) = points(below)
    np.testing.assert_allclose(left.get_ydata(), (Y - decay.predict()) / 0.02)
    assert (below.get_xlabel(), above.get_ylabel(), below.get_ylabel()) == ("time (s)", "signal (mV)", "residual / σ")
    assert any(f"{decay.agree} of 60 starts agree" in text for text in texts(above))


def test_other_optima_are_drawn_if_they_can_be_seen(wave, decay):
    assert lines(wave.plot()[0], "other")
    assert not lines(decay.plot()[0], "other")
    low, high = wave.plot()[0].get_ylim()
    assert low < wave.data.y.min() < wave.data.y.max() < high < 3.0 * wave.data.y.max()


def test_the_waterfall_has_a_step_of_the_starts_that_agree(wave):
    ax = wave.plot.waterfall()
    drawn = {each.get_gid(): each.get_offsets() for each in ax.collections}
    best, others = drawn["best fit"], drawn["other optima"]
    assert len(best) == wave.agree
    np.testing.assert_allclose(best[:, 1], wave.best.cost, rtol=1e-6)
    assert np.all(others[:, 1] > wave.best.cost)
    assert best[:, 0].tolist() == list(range(1, wave.agree + 1))
    assert sum(map(len, drawn.values())) == 300


def test_correlations_are_those_of_the_fit(decay):
    ax = decay.plot.correlation()
    (image,) = ax.images
    np.testing.assert_allclose(image.get_array(), decay.correl)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "k", "c"]
    assert f"{decay.params['a'].correl['k']:.2f}".replace("-", "−") in texts(ax)


def test_residuals_against_normal_quantiles(decay):
    left, right = decay.plot.residuals()
    ordered = np.sort((Y - decay.predict()) / 0.02)
    np.testing.assert_allclose(lines(right, "data")[0].get_ydata(), ordered)
    np.testing.assert_allclose(lines(left, "data")[0].get_xdata(), decay.predict())


def test_several_variables_are_drawn_as_observed_against_predicted():
    dose = np.linspace(1.0, 3.0, 60)[::-1]
    fit = fitted("d*(a*exp(-k*t)+c)", {"t": T, "d": dose}, dose * Y, parameters=PARAMETERS, starts=40)
    above, below = fit.plot(y="rate")
    (data,) = points(above)
    np.testing.assert_allclose(data.get_xdata(), fit.predict())
    assert (above.get_ylabel(), below.get_xlabel()) == ("observed rate", "predicted rate")


def test_data_sets_have_their_names_and_curves():
    fit = fitted(
        "a*exp(-k*x)", [T, T[:30]], [Y, 2.0 * Y[:30]], shared=["k"], parameters={"a": (0, 9), "k": (0, 3)}, starts=40
    )
    above, _ = fit.plot(sets=["control", "drug"])
    assert [text.get_text() for text in above.get_legend().get_texts()][:2] == ["control", "drug"]
    assert [len(each.get_xdata()) for each in points(above)] == [60, 30]
    assert len(lines(above, "best")) == 2


def test_points_over_decades_have_a_logarithmic_axis():
    x = np.geomspace(1e-3, 1e2, 40)
    fit = fitted("t/(1 + m/x)", x, 80.0 / (1.0 + 0.5 / x), parameters={"t": (50, 150), "m": (0.1, 2)}, starts=20)
    assert fit.plot()[0].get_xscale() == "log"


def test_no_band_without_standard_errors_and_hard_models():
    undetermined = fitted("a*b*exp(-k*x)", T, Y, parameters={"a": (1, 5), "b": (1, 5), "k": (0, 3)}, starts=20)
    above, _ = undetermined.plot()
    assert not any("band" in text.get_text() for text in above.get_legend().get_texts())
    assert any("without a standard error" in text for text in texts(undetermined.plot.correlation()))
    weights = np.linspace(0.5, 1.5, 60)
    bound = fitted(
        lambda x, a, k: weights * a * np.exp(-k * x), T, weights * Y, parameters={"a": (0, 5), "k": (0, 3)}, starts=20
    )
    (curve,) = lines(bound.plot()[0], "best")
    np.testing.assert_allclose(curve.get_ydata(), bound.predict())


def test_many_points_and_starts_are_thinned():
    x = np.linspace(0.0, 4.0, 20_000)
    fit = fitted("a*exp(-k*x)", x, np.exp(-x), parameters={"a": (0, 5), "k": (0, 3)}, starts=20)
    above, _ = fit.plot()
    assert len(points(above)[0].get_xdata()) == 4_000
    assert any("4,000 of 20,000 points" in text for text in texts(above))


def test_files_and_axes(decay, tmp_path):
    decay.plot(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    axes = Figure().subplots(2)
    assert decay.plot(axes=axes)[0] is axes[0]
    ax = Figure().subplots()
    assert decay.plot.waterfall(ax) is ax
    for call in (lambda: decay.plot("a.doc"), lambda: decay.plot(axes=ax), lambda: decay.plot.correlation(3)):
        with pytest.raises(bgd.InputError) as caught:
            call()
        assert "\n" not in str(caught.value)
