"""Fits: parameters and errors against certified values, SciPy and closed forms; what is said; bad input in one line."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import curve_fit

import batchgd as bgd

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
import nist

RNG = np.random.default_rng(5)
T = np.linspace(0.0, 4.0, 60)
Y = 2.0 * np.exp(-0.7 * T) + 0.3 + 0.01 * RNG.normal(size=60)
SIGMA = 0.01 * RNG.uniform(0.5, 2.0, 60)
PARAMETERS = {"a": (0, 5), "k": (0, 3), "c": (-1, 1)}
EXACT = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15}


def decay(t, a, k, c):
    return a * np.exp(-k * t) + c


def fitted(model=decay, x=T, y=Y, parameters=PARAMETERS, starts=60, **options):
    return bgd.fit(model, x, y, parameters=parameters, starts=starts, **options)


def deviations(fit):
    return np.array([fit.params[name].stderr for name in fit.free])


# Statistics


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("sigma", [None, 0.02, SIGMA], ids=["none", "number", "array"])
def test_covariance_is_that_of_curve_fit(sigma, absolute):
    if sigma is None and absolute:
        pytest.skip("absolute_sigma needs sigma")
    fit = fitted(sigma=sigma, absolute_sigma=absolute)
    spread = None if sigma is None else np.broadcast_to(sigma, 60)
    best, covariance = curve_fit(decay, T, Y, [2.0, 0.7, 0.3], sigma=spread, absolute_sigma=absolute, **EXACT)
    np.testing.assert_allclose([fit.params[name].value for name in fit.free], best, rtol=1e-7)
    np.testing.assert_allclose(fit.covar, covariance, rtol=1e-6)
    np.testing.assert_allclose(deviations(fit), np.sqrt(np.diag(covariance)), rtol=1e-6)
    assert fit.params["a"].correl["k"] == pytest.approx(fit.correl[0, 1])
    assert (fit.rank, fit.nfree, fit.nvarys) == (3, 57, 3)


EXCHANGEABLE = {
    **{f"Gauss{k}": [("p3", "p2", "p4"), ("p6", "p5", "p7")] for k in (1, 2, 3)},
    **{f"Lanczos{k}": [("p1", "p0"), ("p3", "p2"), ("p5", "p4")] for k in (1, 2, 3)},
    "MGH17": [("p3", "p1"), ("p4", "p2")],
    "ENSO": [("p6", "p7", "p8"), ("p3", "p4", "p5")],
}
"""Components of NIST's models, in the order in which they are certified."""


@pytest.mark.parametrize("name", sorted(nist.MODELS))
def test_certified_values_and_standard_deviations(name):
    """Parameters to 7 digits, deviations to 5, residual sum to 9; Lanczos1's residual sum is rounding."""
    data = nist.read(nist.FOLDER / f"{name}.dat")
    model = nist.MODELS[name]
    boxes = [bgd.Parameter(box=sides) for sides in data.box_around()]
    how = {"exchangeable": EXCHANGEABLE.get(name), "starts": 60}
    fit = bgd.fit(lambda x, b: model(b, x), data.x, data.y, parameters=boxes, **how)
    found = np.array([*fit.best.values.values()])
    np.testing.assert_allclose(np.abs(found), np.abs(data.parameters), rtol=1e-7)  # widths of peaks have no sign
    if name == "Lanczos1":
        assert fit.chisqr < 1e-20
        return
    np.testing.assert_allclose(deviations(fit), data.deviations, rtol=1e-5)
    assert fit.chisqr == pytest.approx(data.residual_sum, rel=1e-9)
    assert fit.redchi == pytest.approx(data.residual_sum / (len(data.y) - len(found)))


def test_criteria_are_those_of_lmfit():
    fit = fitted()
    m, p = 60, 3
    assert fit.aic == pytest.approx(m * np.log(fit.chisqr / m) + 2 * p)
    assert fit.bic == pytest.approx(m * np.log(fit.chisqr / m) + p * np.log(m))
    assert fit.redchi == pytest.approx(fit.chisqr / (m - p))


def test_scale_changes_no_error():
    log = bgd.Parameter(min=1e-3, max=1e2, scale="log")
    one, other = fitted(), fitted(parameters=PARAMETERS | {"k": log})
    np.testing.assert_allclose(other.covar, one.covar, rtol=1e-6)
    assert other.params["k"].value == pytest.approx(one.params["k"].value, rel=1e-8)


def test_robust_errors_are_those_of_curve_fit():
    y = Y.copy()
    y[::10] += 0.5
    fit = fitted(y=y, loss="soft_l1", f_scale=0.02)
    best, covariance = curve_fit(decay, T, y, [2.0, 0.7, 0.3], method="trf", loss="soft_l1", f_scale=0.02, **EXACT)
    np.testing.assert_allclose([fit.params[name].value for name in fit.free], best, rtol=1e-6)
    np.testing.assert_allclose(fit.covar, covariance, rtol=1e-4)


# Parameters


def test_formulas_propagate_errors():
    free = fitted()
    fit = fitted(lambda t, a, k, c, half: decay(t, a, k, c) + 0.0 * half, parameters=PARAMETERS | {"half": "log(2)/k"})
    k = free.params["k"]
    half = fit.params["half"]
    assert half.value == pytest.approx(np.log(2.0) / k.value, rel=1e-8)
    assert half.stderr == pytest.approx(np.log(2.0) / k.value**2 * k.stderr, rel=1e-6)
    assert fit.nvarys == 3
    assert "= log(2)/k" in str(fit)


def test_fixed_parameters_stay():
    fit = fitted(parameters=PARAMETERS | {"c": bgd.Parameter(0.3, vary=False)})
    covariance = curve_fit(lambda t, a, k: decay(t, a, k, 0.3), T, Y, [2.0, 0.7], **EXACT)[1]
    assert fit.params["c"].value == 0.3
    assert fit.params["c"].stderr is None
    assert fit.params["c"].why == "fixed"
    np.testing.assert_allclose(fit.covar, covariance, rtol=1e-6)


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        (decay, [(0, 5), (0, 3), (-1, 1)]),
        (lambda t, p: decay(t, *p), [(0, 5), (0, 3), (-1, 1)]),
        (lambda t, p: decay(t, p[0], p[1], p[2]), PARAMETERS),
        (lambda t, *p: decay(t, *p), PARAMETERS),
        ("a*exp(-k*x) + c", PARAMETERS),
    ],
    ids=["list", "vector", "named vector", "star", "formula"],
)
def test_forms_of_a_model(model, parameters):
    fit = fitted(model, parameters=parameters)
    np.testing.assert_allclose(sorted(fit.best.values.values()), sorted(fitted().best.values.values()), rtol=1e-8)


def test_a_parameter_that_the_data_do_not_determine():
    fit = fitted(lambda t, a, b, k: a * b * np.exp(-k * t), parameters={"a": (1, 5), "b": (1, 5), "k": (0, 3)})
    assert fit.rank == 2
    assert fit.condition == np.inf
    assert fit.params["a"].stderr is None
    assert fit.params["a"].why == "not determined by the data"
    assert fit.params["k"].stderr > 0.0
    assert "determine 2 of 3 directions" in str(fit)


# Limits


def bounded(limits, **options):
    return fitted(parameters=PARAMETERS | limits, **options)


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize(("low", "high", "side"), [(0.75, 3.0, -1), (0.1, 0.65, 1), (0.1, 3.0, 0)])
def test_limits_are_kept(low, high, side, scale):
    """Values as of curve_fit with bounds; at a limit the covariance is that of the other parameters (of 57 degrees)."""
    fit = bounded({"k": bgd.Parameter(min=low, max=high, scale=scale)})
    ends = [0, low, -1], [5, high, 1]
    best, _ = curve_fit(decay, T, Y, [2.0, 0.5 * (low + high), 0.3], bounds=ends, x_scale="jac", **EXACT)
    np.testing.assert_allclose([*fit.best.values.values()], best, rtol=1e-6)
    rates = np.exp(fit.landscape.x[:, 1]) if scale == "log" else fit.landscape.x[:, 1]
    assert ((rates >= low) & (rates <= high)).all()
    k = fit.params["k"]
    assert k.at_limit == side == fit.to_scipy().active_mask[1]
    assert (k.stderr is None) == (side != 0)
    assert fit.agree == 60
    if side:
        end = low if side < 0 else high
        assert k.value == fit.best.values["k"] == end
        assert k.why == f"at its {'lower' if side < 0 else 'upper'} limit"
        assert k.why in str(fit)
        assert fit.notes[2].startswith(f"k {k.why}: no standard error there")
        covariance = curve_fit(lambda t, a, c: decay(t, a, end, c), T, Y, [2.0, 0.3], **EXACT)[1]
        np.testing.assert_allclose(fit.covar[np.ix_([0, 2], [0, 2])], covariance * 58 / 57, rtol=1e-6)
        assert np.isnan(fit.covar[1]).all()
    else:
        np.testing.assert_allclose(fit.covar, fitted().covar, rtol=1e-6)


def test_the_model_is_never_called_outside():
    """The square roots are not numbers outside the limits, and the optimum is at two of them."""
    fit = fitted(
        "a*exp(-k*x) + c + 0*sqrt(k - 0.8) + 0*sqrt(1.9 - a)", parameters={"a": (0, 1.9), "k": (0.8, 3), "c": (-1, 1)}
    )
    assert [fit.params[name].at_limit for name in "akc"] == [1, -1, 0]
    assert fit.agree == 60


@pytest.mark.parametrize(
    "k",
    [
        bgd.Parameter(0.1, min=0),
        bgd.Parameter(0.1, max=2),
        bgd.Parameter(3.0),
        bgd.Parameter(0.02, scale="log"),
        bgd.Parameter(box=(2, 3)),
        bgd.Parameter(min=0, max=1e6, box=(0.1, 3)),
        bgd.Parameter(min=1e-3, scale="log", box=(0.01, 0.1)),
    ],
    ids=["from 0", "to 2", "value", "log", "box", "box in limits", "log box"],
)
def test_sides_without_a_limit(k):
    fit = bounded({"k": k})
    np.testing.assert_allclose([*fit.best.values.values()], [*fitted().best.values.values()], rtol=1e-7)
    np.testing.assert_allclose(fit.covar, fitted().covar, rtol=1e-6)
    assert fit.params["k"].at_limit == 0


def test_parameters_of_lmfit():
    """Objects with the attributes of lmfit's are taken as they are."""
    from types import SimpleNamespace

    def like(value, low=-np.inf, high=np.inf, vary=True, expr=None):
        return SimpleNamespace(value=value, min=low, max=high, vary=vary, expr=expr)

    fit = bounded({"a": like(1.5, 0), "k": like(0.5, 0, 3), "c": like(0.2, expr="0.15*a")})
    free = bounded({"c": "0.15*a"})
    assert fit.free == ["a", "k"]
    np.testing.assert_allclose(fit.covar, free.covar, rtol=1e-6)


def test_a_formula_with_a_pole_in_the_middle():
    fit = bounded({"k": "1.4/a", "c": "0*(1/(a - 2.5)) + 0.3"})
    assert fit.params["a"].value == pytest.approx(2.0, abs=0.05)


def test_starts_that_find_nothing_within_limits():
    """Newton's method is tried from some of them, within the same limits."""
    data = nist.read(nist.FOLDER / "MGH17.dat")
    fit = bgd.fit(lambda x, b: nist.MODELS["MGH17"](b, x), data.x, data.y, parameters=data.box_around(), starts=100)
    assert fit.landscape.unlabelled > 10
    assert fit.chisqr == pytest.approx(data.residual_sum, rel=1e-9)


def test_a_formula_of_a_parameter_at_its_limit():
    fit = bounded({"k": (0.75, 3), "c": "k - 0.4"})
    assert fit.params["k"].at_limit == -1
    assert (fit.params["c"].value, fit.params["c"].stderr) == (pytest.approx(0.35), None)
    assert fit.params["c"].why == "= k - 0.4; k without standard error"


def test_parameters_at_limits_are_told_for_each_solution():
    wave = np.sin(2.0 * T)
    fit = fitted("sin(w*x)", y=wave, parameters={"w": (2.5, 9)}, starts=200)
    assert fit.params["w"].at_limit == -1
    assert fit.solutions[0].at_limit.tolist() == [-1]
    assert any(each.at_limit.tolist() == [0] for each in fit.solutions[1:])
    assert fit.to_dataframe(solutions=True)["at_limit"][0] == "w"


def test_the_given_values_are_one_more_start():
    """Of a wave of unknown frequency; 3 is the start of a local optimum."""
    wave = np.sin(6.0 * T)
    limits = {"w": bgd.Parameter(3.0, 0.5, 20)}
    fit = fitted("sin(w*x)", y=wave, parameters=limits, starts=300)
    assert fit.best.values["w"] == pytest.approx(6.0)
    assert fit.guess in fit.solutions[1:]
    assert fit.guess.count > 0
    assert "the given values lead to solution" in str(fit)
    narrow = fitted("sin(w*x)", y=wave, parameters={"w": bgd.Parameter(6.2, 0.5, 20, box=(1, 3))}, starts=20)
    assert narrow.best is narrow.guess
    assert (narrow.agree, narrow.best.share) == (0, 0.0)
    assert "the given values lead to the best fit, which no other start reached" in str(narrow)
    assert narrow.landscape.n == 20


# Data


def test_rows_with_nan_are_dropped_and_counted():
    y, x = Y.copy(), T.copy()
    y[3], x[7] = np.nan, np.nan
    kept = np.isfinite(x + y)
    fit = fitted(x=x, y=y)
    assert fit.dropped == 2
    assert fit.ndata == 58
    assert "2 rows with NaN were left out" in str(fit)
    np.testing.assert_allclose(fit.covar, fitted(x=T[kept], y=Y[kept]).covar, rtol=1e-8)


def surface(x1, x2, a, b, c, d):
    return a + b * x1 * np.sin(c * x2 + d)


def test_matlabs_example_of_multistart():
    """y = a + b x1 sin(c x2 + d), whose phase and frequency have many optima."""
    rng = np.random.default_rng(13)
    x1, x2 = 100.0 * rng.uniform(size=200), 20.0 * rng.uniform(size=200) - 10.0
    truth = [-3.0, 0.25, 0.5, 1.0]
    y = surface(x1, x2, *truth) + 0.1 * rng.normal(size=200)
    limits = {"a": (-10, 10), "b": (0.01, 10), "c": (0.01, 10), "d": (0, 2 * np.pi)}
    fit = bgd.fit(surface, {"x1": x1, "x2": x2}, y, parameters=limits, starts=400)
    np.testing.assert_allclose([*fit.best.values.values()], truth, atol=5.0 * deviations(fit).max())
    assert len(fit.solutions) > 5
    assert fit.best.share < 0.9
    pair = bgd.fit(lambda x, a, b, c, d: surface(x[0], x[1], a, b, c, d), (x1, x2), y, parameters=limits, starts=400)
    assert pair.chisqr == pytest.approx(fit.chisqr, rel=1e-9)


def test_a_model_that_cannot_be_traced_has_no_remedy_that_a_fit_lacks():
    from scipy.integrate import odeint

    with pytest.raises(bgd.InputError, match="odeint cannot be traced: solve") as caught:
        fitted(lambda t, a, k, c: odeint(lambda y, s: -k * y, a, t)[:, 0] + c)
    assert "Callback" not in str(caught.value)


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("loss", ["linear", "soft_l1"])
def test_backends_agree(loss, scale):
    limits = {"k": bgd.Parameter(min=0.1, max=0.65, scale=scale)}
    one, other = (bounded(limits, loss=loss, f_scale=0.01, backend=backend, starts=20) for backend in ("cpu", "numpy"))
    assert one.best.values == pytest.approx(other.best.values, rel=1e-8)
    np.testing.assert_allclose(one.covar, other.covar, rtol=1e-6)
    assert one.agree == other.agree == 20


def test_the_stopping_rule_of_a_multistart():
    one = fitted(maxiter=2, gtol=1e-12)
    other = fitted(stopping=bgd.Stopping(maxiter=2, gtol=1e-12))
    assert one.landscape.nit.max() == 2
    np.testing.assert_array_equal(one.landscape.x, other.landscape.x)


def test_starts_as_an_array_are_said_to_be_no_draws_once():
    fit = fitted(starts=[[1.0, 1.0, 0.0], [2.0, 2.0, 0.5]])
    assert str(fit).count("independent") == 1


def test_masked_entries_are_missing():
    y, x = np.ma.array(Y), np.ma.array(T)
    y[3], x[7] = np.ma.masked, np.ma.masked
    kept = ~(np.ma.getmaskarray(y) | np.ma.getmaskarray(x))
    fit = fitted(x=x, y=y)
    assert fit.dropped == 2
    np.testing.assert_allclose(fit.covar, fitted(x=T[kept], y=Y[kept]).covar, rtol=1e-8)
    pair = fitted(lambda x, a, k, c: decay(x[0], a, k, c) + 0.0 * x[1], x=(T, x), y=Y, starts=5)
    assert pair.dropped == 1


def test_formulas_of_what_does_not_vary():
    limits = PARAMETERS | {"c": "2*half", "half": bgd.Parameter(0.15, vary=False)}
    fit = fitted(lambda t, a, k, c, half: decay(t, a, k, c) + 0.0 * half, parameters=limits)
    assert (fit.params["c"].value, fit.params["c"].stderr, fit.params["c"].why) == (0.3, None, "= 2*half")
    assert fitted(parameters=PARAMETERS | {"c": "0.3"}).chisqr == pytest.approx(fit.chisqr)
    pair = bgd.fit(decay, T, np.stack([Y, Y]), parameters=PARAMETERS | {"c": "0.3"}, starts=2)
    assert np.isnan(pair.params["c"].stderr).all()


SETS = [T, T[:45]], [Y - 0.3, 0.5 * (Y - 0.3)[:45] + 0.002 * np.cos(90.0 * T[:45])]
"""Two decays of one rate, whose amplitudes are 2 and 1."""


def rate(t, a, k):
    return a * np.exp(-k * t)


@pytest.mark.parametrize("spreads", [None, [np.full(60, 0.01), np.full(45, 0.005)]], ids=["equal", "of each"])
def test_several_data_sets_share_parameters(spreads):
    x, y = SETS
    fit = bgd.fit(rate, x, y, parameters={"a": (0, 5), "k": (0, 3)}, shared=["k"], sigma=spreads, starts=60)

    def stacked(_, k, first, second):
        return np.concatenate([rate(x[0], first, k), rate(x[1], second, k)])

    joined = None if spreads is None else np.concatenate(spreads)
    best, covariance = curve_fit(stacked, np.concatenate(x), np.concatenate(y), [0.7, 2.0, 1.0], sigma=joined, **EXACT)
    assert fit.free == ["k", "a_1", "a_2"]
    np.testing.assert_allclose([fit.params[name].value for name in fit.free], best, rtol=1e-7)
    np.testing.assert_allclose(fit.covar, covariance, rtol=1e-6)
    for curve, low, high in zip(fit.predict(), *fit.confidence_band(), strict=True):
        np.testing.assert_allclose(0.5 * (low + high), curve, rtol=1e-12)
    np.testing.assert_allclose(np.concatenate(fit.predict([[0.0], [0.0]])), best[1:], rtol=1e-7)
    with pytest.raises(bgd.InputError, match="x has the type ndarray: give a list with one x for each of the 2"):
        fit.predict(x[0])
    misfit = (np.concatenate(fit.predict()) - np.concatenate(y)) / (1.0 if joined is None else joined)
    np.testing.assert_allclose(fit.to_scipy().fun, misfit, atol=1e-12)


def test_formulas_and_limits_of_one_data_set():
    x, y = SETS
    limits = {"a": (0, 5), "a_2": "a_1/2", "k": (0, 3)}
    fit = bgd.fit(rate, x, y, parameters=limits, shared="k", starts=40)
    assert fit.free == ["k", "a_1"]
    assert fit.params["a_2"].value == pytest.approx(0.5 * fit.params["a_1"].value)
    own = bgd.fit(
        lambda t, a, half, k: rate(t, a + 0.0 * half, k), x, y, parameters=limits | {"a_2": (0, 5), "half": "a/2"},
        shared=["k"], starts=40,
    )  # fmt: skip
    for k in (1, 2):
        assert own.params[f"half_{k}"].value == pytest.approx(0.5 * own.params[f"a_{k}"].value)


BAD_SETS = {
    "unknown": ({"shared": ["q"]}, "shared contains 'q', which the model does not have"),
    "one set": ({"y": Y}, "y is .*give a list of data sets"),
    "count": ({"x": [T]}, "x has 1 data sets and y has 2"),
    "length": ({"y": [Y, Y]}, "data set 2: x has 45 points and y has 60"),
    "sigma": ({"sigma": [0.1]}, "one for each of the 2 data sets"),
    "missing": ({"parameters": {"a_1": (0, 1), "k": (0, 3)}}, "'a_2' of the model is not given"),
    "strange": ({"parameters": {"a": (0, 1), "a_3": (0, 1), "k": (0, 3)}}, "has no parameter 'a_3'"),
    "shape": ({"model": lambda t, a, k: a * k}, "does not return one number per observation"),
}


@pytest.mark.parametrize("name", BAD_SETS)
def test_bad_data_sets_in_one_line(name):
    options, message = BAD_SETS[name]
    given = {"model": rate, "x": SETS[0], "y": SETS[1], "parameters": {"a": (0, 5), "k": (0, 3)}, "shared": ["k"]}
    with bgd.testing.no_work(), pytest.raises(bgd.InputError, match=message) as caught:
        bgd.fit(**(given | options))
    assert "\n" not in str(caught.value)


def test_starts_agree_on_what_is_minimised():
    """With a robust loss a worse optimum may have the lesser sum of squares."""
    y = Y.copy()
    y[::5] += 2.0
    fit = fitted(y=y, loss="cauchy", f_scale=0.02, starts=200)
    costs = np.array([each.cost for each in fit.solutions])
    assert (np.diff(costs) >= -1e-9 * costs[1:]).all()
    assert fit.agree == sum(each.count for each in fit.solutions if each.cost <= fit.best.cost * (1.0 + 1e-6))
    assert fit.best.cost < fit.chisqr / 100.0


def test_a_flat_valley_is_no_place_of_rest():
    """Lanczos: two of three rates equal cost 1e-6 of the data's variation more, along a valley that is as flat."""
    data = nist.read(nist.FOLDER / "Lanczos3.dat")
    boxes = [bgd.Parameter(box=sides) for sides in data.box_around(9.5)]
    fit = bgd.fit(lambda x, b: nist.MODELS["Lanczos3"](b, x), data.x, data.y, parameters=boxes, starts=200)
    assert fit.chisqr == pytest.approx(data.residual_sum, rel=1e-9)
    assert fit.agree > 40  # 26 with gtol=1e-6


def test_units_of_the_data_change_nothing():
    fits = [
        fitted(y=size * Y, parameters={"a": (0, 5 * size), "k": (0, 3), "c": (-size, size)}) for size in (1, 1e-9, 1e9)
    ]
    for fit, size in zip(fits, (1, 1e-9, 1e9), strict=True):
        assert fit.agree == 60
        assert fit.params["k"].value == pytest.approx(fits[0].params["k"].value, rel=1e-8)
        assert fit.params["a"].stderr == pytest.approx(size * fits[0].params["a"].stderr, rel=1e-6)


def test_exact_data_agree_up_to_rounding():
    fit = fitted(lambda t, a, b: a + b * t, y=1.0 + 2.0 * T, parameters={"a": (0, 5), "b": (0, 5)}, starts=20)
    assert fit.agree == 20
    assert fit.chisqr < 1e-25


def test_exchanged_labels_are_said():
    y = 3.0 * np.exp(-2.0 * T) + np.exp(-0.3 * T) + 1e-3 * RNG.normal(size=60)
    limits = {"a1": (0, 5), "k1": (0, 4), "a2": (0, 5), "k2": (0, 4)}
    fit = fitted("a1*exp(-k1*x) + a2*exp(-k2*x)", y=y, parameters=limits)
    first, second = fit.solutions[:2]
    assert first.chisqr == pytest.approx(second.chisqr, rel=1e-9)
    assert first.values["k1"] == pytest.approx(second.values["k2"], rel=1e-6)
    assert fit.agree == first.count + second.count
    assert fit.swapped == [("a1", "k1"), ("a2", "k2")]
    assert f"2 solutions differ by the order of components: exchangeable={fit.swapped} makes them one" in fit.notes


def test_michaelis_menten():
    """Puromycin, treated (Bates and Watts 1988): Vm = 212.7 (6.95), K = 0.06412 (0.00828), residual sum 1195."""
    x = np.array([0.02, 0.02, 0.06, 0.06, 0.11, 0.11, 0.22, 0.22, 0.56, 0.56, 1.10, 1.10])
    y = np.array([76, 47, 97, 107, 123, 139, 159, 152, 191, 201, 207, 200.0])
    fit = bgd.fit(lambda x, vm, k: vm * x / (k + x), x, y, parameters={"vm": (0, 500), "k": (1e-3, 1)}, starts=50)
    assert fit.params["vm"].value == pytest.approx(212.7, rel=1e-3)
    assert fit.params["k"].value == pytest.approx(0.06412, rel=1e-3)
    assert deviations(fit) == pytest.approx([6.947, 0.00828], rel=1e-3)
    assert fit.chisqr == pytest.approx(1195.0, rel=1e-3)


# Predictions


def test_bands_of_a_straight_line():
    """Closed form: s sqrt(1/m + (x - mean)²/Sxx), with 1 more below the root for a new observation."""
    from scipy import stats

    y = 1.0 + 0.5 * T + 0.1 * RNG.normal(size=60)
    fit = fitted(lambda t, a, b: a + b * t, y=y, parameters={"a": (-5, 5), "b": (-5, 5)}, starts=20)
    x = np.array([-1.0, 2.0, 7.0])
    root = 1.0 / 60 + (x - T.mean()) ** 2 / np.sum((T - T.mean()) ** 2)
    for band, more in ((fit.confidence_band, 0.0), (fit.prediction_band, 1.0)):
        low, high = band(x, level=0.9)
        half = stats.t.ppf(0.95, 58) * np.sqrt(fit.redchi * (root + more))
        np.testing.assert_allclose(high - low, 2.0 * half, rtol=1e-7)
        np.testing.assert_allclose(0.5 * (high + low), fit.predict(x), rtol=1e-9)
    np.testing.assert_allclose(fit.predict(x, b=0.0), fit.predict([0.0])[0])


def test_new_observations_have_the_sigma_of_the_data():
    """Closed form for a mean: its variance is sigma²/m, and that of an observation sigma² more."""
    options = {"model": lambda t, a: a + 0.0 * t, "parameters": {"a": (-5, 5)}, "starts": 5, "absolute_sigma": True}
    fit = fitted(sigma=0.2, **options)
    for x in (None, [7.0]):
        low, high = fit.prediction_band(x, level=0.95)
        np.testing.assert_allclose(high - low, 2.0 * 1.959963985 * 0.2 * np.sqrt(1.0 + 1.0 / 60), rtol=1e-9)
    unequal = fitted(sigma=SIGMA, **options)
    with pytest.raises(bgd.InputError, match="different sigma: give sigma="):
        unequal.prediction_band([7.0])
    with pytest.raises(bgd.InputError, match="sigma has 2 numbers, and x 1 points"):
        unequal.prediction_band([7.0], sigma=[0.1, 0.2])


def test_starts_that_run_away_are_told_with_a_remedy():
    fit = fitted("a*(1 - exp(-k*x))", parameters={"a": bgd.Parameter(box=(-9, 2)), "k": bgd.Parameter(box=(-1, 0.2))})
    assert fit.landscape.unlabelled > 30
    assert "of the starts reach no minimum; most of them run away: give limits" in str(fit)


BAD_USE = {
    "unknown": (lambda fit: fit.predict(q=1.0), "has no parameter 'q': its parameters are a, k, c"),
    "text": (lambda fit: fit.predict(a="1"), "a is '1'"),
    "level": (lambda fit: fit.confidence_band(level=95), "level is 95"),
    "sigma": (lambda fit: fit.prediction_band(sigma=-1.0), "sigma is -1"),
    "walkers": (lambda fit: fit.walkers(0), "n is 0"),
    "seed": (lambda fit: fit.walkers(3, seed=-1), "the seed is -1"),
    "start lacks": (lambda fit: fit.with_start({"a": 1.0}), "lack the parameter 'k': give one for each of a, k, c"),
    "start is NaN": (lambda fit: fit.with_start({"a": 1.0, "k": np.nan, "c": 0.0}), "values.'k'. is nan"),
}


@pytest.fixture(scope="module")
def one_fit():
    return fitted(starts=20)


@pytest.mark.parametrize("name", BAD_USE)
def test_bad_use_of_a_result_in_one_line(name, one_fit):
    use, message = BAD_USE[name]
    with bgd.testing.no_work(), pytest.raises(bgd.InputError, match=message) as caught:
        use(one_fit)
    assert "\n" not in str(caught.value)


def test_walkers_have_the_covariance_of_the_fit():
    fit = fitted()
    points = fit.walkers(20_000)
    np.testing.assert_allclose(np.cov(points.T), fit.covar, rtol=0.1)
    assert np.array_equal(points[:5], fit.walkers(20_000)[:5])


def test_other_forms_of_a_result():
    fit = fitted()
    frame, solutions, scipys = fit.to_dataframe(), fit.to_dataframe(solutions=True), fit.to_scipy()
    assert frame.loc["k", "stderr"] == fit.params["k"].stderr
    assert len(solutions) == len(fit.solutions)
    assert 2.0 * scipys.cost == pytest.approx(fit.chisqr)
    assert scipys.jac.shape == (60, 3)
    assert "starts" in fit.notes[0]
    assert str(fit).count(fit.notes[0]) == 1


def test_lmfit_takes_a_result():
    lmfit = pytest.importorskip("lmfit")
    fit = fitted(parameters=PARAMETERS | {"c": "a/7"})
    result = fit.to_lmfit()
    assert result.params["c"].value == pytest.approx(fit.params["c"].value)
    assert result.params["k"].stderr == fit.params["k"].stderr
    assert "reduced chi-square" in lmfit.fit_report(result)


# Bad input


BAD = {
    "reversed": ({"parameters": PARAMETERS | {"k": (3, 0)}}, "limits .3, 0., which are reversed: write .0, 3."),
    "equal": ({"parameters": PARAMETERS | {"k": (3, 3)}}, "equal limits"),
    "value outside": ({"parameters": PARAMETERS | {"k": bgd.Parameter(5.0, 0, 3)}}, "value 5 outside its limits"),
    "open": ({"parameters": PARAMETERS | {"k": (0, np.inf)}}, "'k' has no upper limit.*bgd.Parameter"),
    "open below": ({"parameters": PARAMETERS | {"k": (None, 3)}}, "'k' has no lower limit"),
    "open on both sides": ({"parameters": PARAMETERS | {"k": bgd.Parameter()}}, "no lower and no upper limit"),
    "open from zero": ({"parameters": PARAMETERS | {"k": bgd.Parameter(0.0)}}, "no lower and no upper limit"),
    "box outside": (
        {"parameters": PARAMETERS | {"k": bgd.Parameter(min=0, box=(-1, 1))}},
        "beyond its limits .0, inf.",
    ),
    "box below zero": ({"parameters": PARAMETERS | {"k": bgd.Parameter(scale="log", box=(-1, 1))}}, "positive"),
    "limit of zero": ({"parameters": PARAMETERS | {"k": bgd.Parameter(max=0, scale="log", value=-1)}}, "positive"),
    "far apart": ({"parameters": PARAMETERS | {"k": (-1.5e308, 1.5e308)}}, "too far apart"),
    "value far away": ({"parameters": PARAMETERS | {"k": bgd.Parameter(1e308)}}, "too far apart"),
    "log of zero": ({"parameters": PARAMETERS | {"k": bgd.Parameter(min=0, max=1, scale="log")}}, "positive"),
    "no numbers": ({"parameters": PARAMETERS | {"k": ("a", 3)}}, "'k' has the limits .'a', 3.: give two numbers"),
    "NaN": ({"parameters": PARAMETERS | {"k": (0, np.nan)}}, "'k' has the limits .0, nan."),
    "nothing between": ({"parameters": PARAMETERS | {"k": (np.inf, np.inf)}}, "between which there is no number"),
    "text": ({"parameters": "akc"}, "parameters is 'akc': give a dict"),
    "one entry": ({"parameters": [(0, 1)]}, "has 1 entry, but the model has 3"),
    "no x": ({"model": "a*exp(-k*t) + c"}, "does not contain x: name the variable, as in x=..t.: x."),
    "one of several": ({"model": lambda t, a: a * t}, "has no parameter 'k'"),
    "fails": ({"model": lambda t, a, k, c: a * math.exp(-k * t) + c}, "fails at a = .*TypeError: .*np.exp"),
    "complex": ({"model": lambda t, a, k, c: 1j * decay(t, a, k, c)}, "returns complex numbers"),
    "words": ({"model": lambda t, a, k, c: t.astype(str)}, "returns values of type"),
    "number": ({"model": lambda t, a, k, c: a + k + c}, "returns the shape .., but y has .60,."),
    "None": ({"model": lambda t, a, k, c: None}, "returns the shape"),
    "start outside": ({"starts": np.full((3, 3), 99.0)}, "outside its bounds .0, 5."),
    "unknown": ({"parameters": PARAMETERS | {"q": (0, 1)}}, "has no parameter 'q'"),
    "missing": ({"parameters": {"a": (0, 1), "k": (0, 1)}}, "'c' of the model is not given"),
    "too few": ({"parameters": [(0, 1), (0, 1)]}, "2 entries, but the model has 3"),
    "no pair": ({"parameters": PARAMETERS | {"k": 3}}, "'k' is 3: give limits"),
    "not a dict": ({"parameters": 3}, "parameters is 3"),
    "none free": ({"parameters": {name: bgd.Parameter(1.0, vary=False) for name in "akc"}}, "no parameter varies"),
    "no value": ({"parameters": PARAMETERS | {"k": bgd.Parameter(vary=False)}}, "no finite value"),
    "lengths": ({"y": Y[:59]}, "x has 60 points and y has 59"),
    "sigma zero": ({"sigma": np.zeros(60)}, "sigma contains 0.0"),
    "sigma negative": ({"sigma": -1.0}, "sigma contains -1.0"),
    "sigma of other length": ({"sigma": np.ones(7)}, "sigma has shape"),
    "absolute without": ({"absolute_sigma": True}, "without sigma"),
    "few points": ({"x": T[:2], "y": Y[:2]}, "2 points cannot determine 3 parameters"),
    "all NaN": ({"y": np.full(60, np.nan)}, "all 60 rows"),
    "infinite": ({"y": np.full(60, np.inf)}, "y contains inf"),
    "table": ({"y": Y.reshape(6, 10)}, "x has 60 points and y has 10 in each row"),
    "cube": ({"y": Y.reshape(6, 5, 2)}, "y has shape .6, 5, 2.: give one number per observation"),
    "shape": ({"model": lambda t, a, k, c: decay(t[:5], a, k, c)}, "returns the shape .5,., but y has .60,."),
    "constant": ({"model": lambda t, a, k, c: 0.0 * t}, "is constant"),
    "ignored": ({"model": lambda t, a, k, c: a * np.exp(-k * t)}, "ignores its parameter 'c'"),
    "no model": ({"model": 3}, "model is 3"),
    "no parameters": ({"model": lambda t: t, "parameters": {}}, "no parameters"),
    "circular": ({"parameters": PARAMETERS | {"a": "k", "k": "2*a"}}, "'a' and 'k' is circular"),
    "circular alone": (
        {"model": lambda t, a, k: rate(t, a, k), "parameters": {"a": "k", "k": "a"}},
        "'a' and 'k' is circular",
    ),
    "no name": ({"model": "3"}, "model '3' does not contain x: let it depend on that"),
    "no column": ({"x": {"s": T}, "model": "a*exp(-k*t) + c"}, "does not contain s: let it depend on that"),
    "names of x": ({"x": {"s": T}}, "cannot take x as a dict .*: give its arguments the names of x, s"),
    "more names of x": ({"x": {"t": T, "u": T}}, "x has t, u, of which the model decay takes only t"),
    "shared": ({"shared": 3, "x": [T, T], "y": [Y, Y]}, "shared is 3: give the names of common parameters"),
    "x last": ({"model": lambda a, k, c, t: decay(t, a, k, c)}, "'a' as its first argument, which is x"),
    "image": (
        {"model": lambda x, a, k, c: x[0], "x": np.mgrid[:6, :10].astype(float), "y": Y.reshape(6, 10)},
        "the shape .6, 10. of one image, .* for one fit, give x.reshape.len.x., -1. and y.ravel..",
    ),
    "one point": ({"x": T[:1], "y": Y[:1]}, "1 point cannot determine 3 parameters"),
    "method": ({"method": "lm"}, "did you mean 'levenberg_marquardt'"),
    "expr with limits": (
        {"parameters": PARAMETERS | {"a": bgd.Parameter(expr="2*k", max=1)}},
        "'a' follows from expr '2.k', for which limits, box and scale are not kept",
    ),
    "expr of itself": ({"parameters": PARAMETERS | {"a": "a + 1"}}, "circular"),
    "expr of others": ({"parameters": PARAMETERS | {"a": "q + 1"}}, "contains 'q', which is not a parameter"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_in_one_line(name):
    options, message = BAD[name]
    with bgd.testing.no_work(), pytest.raises(bgd.InputError, match=message) as caught:
        fitted(**options)
    assert "\n" not in str(caught.value)


WORDS = {
    "bounds": "parameters=",
    "p0": "parameters=",
    "ydata": "third argument",
    "weights": "sigma=1 / weights",
    "nan_policy": "left out and counted",
    "sigm": "'sigma'",
}


@pytest.mark.parametrize(("word", "remedy"), [("lower", "min="), ("fixed", "vary=False"), ("init", "value=")])
def test_words_of_other_libraries_for_a_parameter(word, remedy):
    with pytest.raises(bgd.InputError, match=f"takes no {word!r}: give .*{remedy}"):
        bgd.Parameter(**{word: 1.0})


@pytest.mark.parametrize("word", WORDS)
def test_words_of_other_libraries(word):
    with pytest.raises(bgd.InputError, match=f"fit takes no {word!r}: .*{WORDS[word]}"):
        fitted(**{word: 1})
