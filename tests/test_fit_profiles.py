"""Profiles of fits: intervals against closed forms, lmfit and a brute-force scan; identifiability; what is refused."""

import signal

import numpy as np
import pytest
from scipy import stats
from scipy.interpolate import RegularGridInterpolator
from scipy.optimize import least_squares

import batchgd as bgd
from batchgd import testing

RNG = np.random.default_rng(11)
X = np.linspace(0.0, 4.0, 25)
LINE = 1.0 + 2.0 * X + 0.3 * RNG.normal(size=25)


def ends(intervals, name):
    """The ends at each level, (levels, 2)."""
    found = intervals[name]
    return np.array([(each.low, each.high) for each in (found if isinstance(found, tuple) else (found,))])


# Closed forms


@pytest.mark.parametrize("backend", ["cpu", "numpy"])
def test_a_linear_model_has_the_exact_t_interval(backend):
    parameters = {"a": (-9, 9), "b": (-9, 9), "c": (-9, 9)}
    fit = bgd.fit("a + b*x + c*x**2", X, LINE, parameters=parameters, starts=20, backend=backend)
    levels = (0.5, 0.95, 0.999)
    intervals = fit.conf_interval(level=levels)
    for name in "abc":
        half = fit.params[name].stderr * stats.t.ppf(0.5 + 0.5 * np.array(levels), fit.nfree)
        exact = fit.params[name].value + np.stack([-half, half], axis=1)
        np.testing.assert_allclose(ends(intervals, name), exact, atol=1e-6 * half.max())
        assert all(each.closed and not each.others for each in intervals[name])


def test_absolute_sigma_makes_it_normal():
    sigma = np.full(25, 0.3)
    fit = bgd.fit(
        "a + b*x", X, LINE, sigma=sigma, absolute_sigma=True, parameters={"a": (-9, 9), "b": (-9, 9)}, starts=20
    )
    intervals = fit.conf_interval(sigmas=(1, 2, 3))
    for name in "ab":
        half = fit.params[name].stderr * np.array([1.0, 2.0, 3.0])
        exact = fit.params[name].value + np.stack([-half, half], axis=1)
        np.testing.assert_allclose(ends(intervals, name), exact, atol=1e-6 * half.max())


def slope_and_rise(fit):
    """Slope of the line through the origin, and how much its square may change at 95 %."""
    slope = X @ LINE / (X @ X)
    return slope, stats.f.ppf(0.95, 1, 24) * fit.redchi / (X @ X)


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_a_nonlinear_model_of_one_parameter(scale):
    """y = k² x: the interval of k² is that of a slope."""
    parameters = {"k": bgd.Parameter(min=0.01, max=9.0, scale=scale)}
    fit = bgd.fit("k**2*x", X, LINE, parameters=parameters, starts=20)
    slope, square = slope_and_rise(fit)
    exact = np.sqrt([slope - np.sqrt(square), slope + np.sqrt(square)])
    np.testing.assert_allclose(ends(fit.conf_interval(level=0.95), "k")[0], exact, rtol=1e-7)


def test_open_to_the_left_where_the_closed_form_is():
    """y = exp(u) x: if 0 is in the interval of the slope, u has no lower end."""
    noise = np.cos(7.0 * X)
    y = 0.1 * X + noise - X * (X @ noise) / (X @ X)
    fit = bgd.fit("exp(u)*x", X, y, parameters={"u": bgd.Parameter(box=(-5, 3), max=3)}, starts=50)
    half = np.sqrt(stats.f.ppf(0.99, 1, 24) * fit.redchi / (X @ X))
    assert half > 0.1
    interval = fit.conf_interval(level=0.99)["u"]
    assert interval.open_left
    assert not interval.open_right
    assert interval.low == -np.inf
    assert interval.high == pytest.approx(np.log(0.1 + half), rel=1e-6)
    assert "open to the left" in str(interval)
    assert fit.identifiability(level=0.99)["u"].verdict == "practically not identifiable"


def fieller(level):
    """The roots of Fieller's quadratic for the zero b of a (x - b), a least-squares line; exact at this level."""
    design = np.stack([X, np.ones(25)], axis=1)
    (slope, offset), total = np.linalg.lstsq(design, LINE)[:2]
    v = np.linalg.inv(design.T @ design) * total[0] / 23 * stats.f.ppf(level, 1, 23)
    return np.sort(np.roots([slope**2 - v[0, 0], 2.0 * (slope * offset - v[0, 1]), offset**2 - v[1, 1]])), slope, v


def test_the_ratio_of_two_linear_parameters_has_the_interval_of_fieller():
    fit = bgd.fit("a*(x - b)", X, LINE, parameters={"a": (-9, 9), "b": (-9, 9)}, starts=50)
    exact, _, _ = fieller(0.95)
    np.testing.assert_allclose(ends(fit.conf_interval("b", level=0.95), "b")[0], exact, rtol=1e-6)


def test_beyond_the_level_of_the_slope_it_is_two_rays():
    """If the slope may be zero, b may be anything but a bounded interval: Fieller's set is its complement."""
    _, slope, v = fieller(0.95)
    level = float(stats.f.cdf(1.05 * slope**2 / (v[0, 0] / stats.f.ppf(0.95, 1, 23)), 1, 23))
    y = LINE - 1.95 * X  # little slope is left
    fit = bgd.fit("a*(x - b)", X, y, parameters={"a": (-9, 9), "b": (-1e4, 1e4)}, starts=200)
    design = np.stack([X, np.ones(25)], axis=1)
    (slope, offset), total = np.linalg.lstsq(design, y)[:2]
    free = np.linalg.inv(design.T @ design) * total[0] / 23
    level = float(stats.f.cdf(1.5 * slope**2 / free[0, 0], 1, 23))
    v = free * stats.f.ppf(level, 1, 23)
    low, high = np.sort(np.roots([slope**2 - v[0, 0], 2.0 * (slope * offset - v[0, 1]), offset**2 - v[1, 1]]).real)
    interval = fit.conf_interval("b", level=level)["b"]
    spans = sorted([(interval.low, interval.high), *interval.others])
    np.testing.assert_allclose(spans, [(-1e4, low), (high, 1e4)], rtol=1e-5)
    assert interval.open_left != interval.open_right


# lmfit

LMFIT = {
    "a": [(-0.122187, 0.122191), (-0.255958, 0.255973), (-0.41596, 0.416004)],
    "k": [(-0.098284, 0.10362), (-0.200852, 0.224434), (-0.318058, 0.381306)],
    "c": [(-0.092728, 0.08283), (-0.210188, 0.165171), (-0.383889, 0.255228)],
}
"""Distances from the best value: see ``decay``."""


def decay():
    """The data of LMFIT, which is ``lmfit.conf_interval(minimizer, result, sigmas=[1, 2, 3])`` of lmfit 1.3.4.

    The minimizer has ftol, xtol and gtol of 1e-15; lmfit closes the ends to 5e-5.
    """
    t = np.linspace(0.0, 4.0, 20)
    return t, 3.0 * np.exp(-0.9 * t) + 0.5 + 0.2 * np.sin(37.0 * t)


def test_intervals_of_lmfit():
    t, y = decay()
    fit = bgd.fit("a*exp(-k*x) + c", t, y, parameters={"a": (0, 9), "k": (0, 5), "c": (-3, 3)}, starts=100)
    intervals = fit.conf_interval()
    for name, expected in LMFIT.items():
        np.testing.assert_allclose(ends(intervals, name) - fit.params[name].value, expected, atol=1e-4)


def test_the_end_is_where_the_exact_profile_crosses():
    """With k held, the model is linear, so its profile is a linear least-squares problem at each k."""
    t, y = decay()
    fit = bgd.fit("a*exp(-k*x) + c", t, y, parameters={"a": (0, 50), "k": (0.3, 5), "c": (-50, 50)}, starts=100)

    def exact(k):
        return np.linalg.lstsq(np.stack([np.exp(-k * t), np.ones(20)], axis=1), y)[1][0]

    profile = fit.profile("k", level=0.95)
    np.testing.assert_allclose(profile["k"].cost, [exact(k) for k in profile["k"].values], rtol=1e-8)
    rise = stats.f.ppf(0.95, 1, 17) * fit.chisqr / 17
    for end in ends(profile.intervals, "k")[0]:
        assert exact(end) - fit.chisqr == pytest.approx(rise, rel=1e-6)


# Two parameters


def test_the_joint_profile_of_a_linear_model_is_an_ellipsoid():
    parameters = {"a": (-9, 9), "b": (-9, 9), "c": (-9, 9)}
    fit = bgd.fit("a + b*x + c*x**2", X, LINE, parameters=parameters, starts=20)
    plane = fit.profile2d("a", "c", sigmas=2, points=9)
    rows = [fit.free.index(name) for name in "ac"]
    inverse = np.linalg.inv(fit.covar[np.ix_(rows, rows)])
    steps = np.stack(np.meshgrid(plane.x, plane.y), axis=-1) - plane.best
    exact = np.einsum("...i,ij,...j", steps, inverse, steps)
    np.testing.assert_allclose(plane.rise, exact, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(plane.confidence, stats.f.cdf(exact / 2.0, 2, 22), atol=1e-8)
    half = np.sqrt(2.0 * stats.f.ppf(plane.levels[0], 2, 22)) * fit.params["a"].stderr
    assert plane.x[0] < plane.best[0] - half < plane.best[0] + half < plane.x[-1]


LMFIT_PLANE = [
    [4.43993264, 2.94544916, 2.51516424, 3.55867153, 5.26212376],
    [4.04923642, 2.17589123, 1.37583518, 2.80563273, 4.76135068],
    [3.90598477, 1.79928356, 0.32539023, 2.42117521, 4.52836098],
    [4.04373986, 2.13500729, 1.26715152, 2.73753222, 4.71417915],
    [4.41635527, 3.00472096, 2.67509363, 3.72659732, 5.40578884],
]
"""``lmfit.conf_interval2d(minimizer, result, "a", "k", 5, 5, limits=((2.5, 3.5), (0.7, 1.2)))`` of lmfit 1.3.4.

That is the root of the rise, from 3.5 and 1.2 down, with a row for each k.
"""


def test_the_joint_profile_of_lmfit():
    t, y = decay()
    fit = bgd.fit("a*exp(-k*x) + c", t, y, parameters={"a": (0, 9), "k": (0, 5), "c": (-3, 3)}, starts=100)
    plane = fit.profile2d("a", "k", points=60)
    rise = RegularGridInterpolator((plane.y, plane.x), plane.rise, method="cubic")
    pairs = np.stack(np.meshgrid([0.825, 0.95, 1.075], [2.75, 3.0, 3.25], indexing="ij"), axis=-1)
    expected = np.array(LMFIT_PLANE)[::-1, ::-1][1:4, 1:4]
    np.testing.assert_allclose(np.sqrt(rise(pairs)), expected, rtol=5e-4)


def test_the_joint_profile_of_the_only_two_parameters(tmp_path):
    fit = bgd.fit("a*(x - b)", X, LINE, parameters={"a": (-9, 9), "b": (-9, 9)}, starts=50)
    plane = fit.profile2d("a", "b", level=(0.5, 0.9), points=8)
    exact = [[np.sum((a * (X - b) - LINE) ** 2) for a in plane.x] for b in plane.y]
    np.testing.assert_allclose(plane.rise, (np.array(exact) - fit.chisqr) / fit.redchi, rtol=1e-9, atol=1e-9)
    assert "8 x 8 pairs of a and b" in repr(plane)
    ax = plane.plot(tmp_path / "plane.png")
    best = next(line for line in ax.get_lines() if line.get_gid() == "best")
    np.testing.assert_allclose(np.ravel(best.get_data()), plane.best)


# Basins


def tones():
    """A weak oscillation in noise, sampled so that other frequencies fit nearly as well."""
    x = np.sort(np.random.default_rng(2).uniform(0.0, 12.0, 14))
    return x, np.sin(2.0 * x + 0.5) + 0.9 * np.random.default_rng(16).normal(size=14)


def tone_fit(**options):
    x, y = tones()
    parameters = {"a": (0, 3), "w": (0.2, 6), "f": (-3.2, 3.2)}
    return bgd.fit("a*sin(w*x + f)", x, y, parameters=parameters, **{"starts": 300, **options})


def exact_cost(w):
    x, y = tones()
    return np.linalg.lstsq(np.stack([np.sin(w * x), np.cos(w * x)], axis=1), y)[1][0]


def test_the_envelope_over_basins_is_that_of_a_scan():
    """With w held the model is linear in a sin f and a cos f, so a scan over w is exact, whatever the basins."""
    fit = tone_fit()
    profile = fit.profile("w", level=0.95)
    found = profile["w"]
    np.testing.assert_allclose(found.cost, [exact_cost(w) for w in found.values], rtol=1e-7)
    inside = found.rise <= profile.test.rise(0.95)
    assert len({*found.branch[inside].tolist()}) >= 3
    grid = np.linspace(0.2, 6.0, 20_001)
    below = np.array([exact_cost(w) for w in grid]) <= fit.chisqr + profile.test.rise(0.95) * profile.test.variance
    interval = profile.intervals["w"]
    for low, high in [(interval.low, interval.high), *interval.others]:
        within = (grid > low + 1e-3) & (grid < high - 1e-3)
        assert below[within].all()
        edges = [grid[np.argmin(np.abs(grid - end))] for end in (low, high)]
        assert all(exact_cost(edge) <= fit.chisqr * 3.0 for edge in edges)


def test_a_profile_changes_to_the_basin_that_is_lower():
    """The amplitude's profile against a dense scan over the frequency, at each of its values."""
    x, y = tones()
    profile = tone_fit().profile("a", level=0.95, points=12)["a"]
    grid = np.linspace(0.2, 6.0, 400)
    phases = np.linspace(-3.2, 3.2, 60)
    waves = np.sin(grid[:, None, None] * x + phases[:, None])
    chosen = np.flatnonzero(profile.rise < 20.0)[::4]

    def tone(p, a):
        return a * np.sin(p[0] * x + p[1]) - y

    for value, cost in zip(profile.values[chosen], profile.cost[chosen], strict=True):
        costs = ((value * waves - y) ** 2).sum(axis=2)
        starts = [(grid[k // 60], phases[k % 60]) for k in np.argsort(costs.ravel())[:60:4]]
        bounds = [0.2, -3.2], [6.0, 3.2]
        lowest = min(2.0 * least_squares(tone, start, bounds=bounds, args=(value,)).cost for start in starts)
        assert cost == pytest.approx(lowest, rel=1e-6)
    assert len({*profile.branch[profile.rise < 20.0].tolist()}) > 1


def test_equal_solutions_have_intervals_of_their_own():
    t = np.linspace(0.0, 4.0, 60)
    y = 3.0 * np.exp(-2.0 * t) + np.exp(-0.3 * t) + 0.02 * np.random.default_rng(1).normal(size=60)
    limits = {"a": (0, 5), "k": (0.01, 10), "b": (0, 5), "q": (0.01, 10)}
    intervals = bgd.fit("a*exp(-k*x) + b*exp(-q*x)", t, y, parameters=limits, starts=200).conf_interval(level=0.95)
    k, q = intervals["k"], intervals["q"]
    assert k.others == (pytest.approx((q.low, q.high), rel=1e-5),)
    assert q.others == (pytest.approx((k.low, k.high), rel=1e-5),)
    assert "k may also be in" in str(intervals)
    fit = bgd.fit(
        "a*exp(-k*x) + b*exp(-q*x)", t, y, parameters=limits, starts=200, exchangeable=[("k", "a"), ("q", "b")]
    )
    declared = fit.conf_interval("k", level=0.95)["k"]
    assert declared.others == ()
    assert (declared.low, declared.high) == pytest.approx(min((k.low, k.high), (q.low, q.high)), rel=1e-5)


def test_a_better_fit_is_told_and_taken():
    """One start ends in another basin than the best; the profile finds the best one."""
    best = tone_fit()
    poor = next(fit for seed in range(20) if (fit := tone_fit(starts=1, seed=seed)).chisqr > 1.2 * best.chisqr)
    profile = poor.profile("w", level=0.95)
    assert profile.chisqr == pytest.approx(best.chisqr, rel=1e-8)
    assert profile.better["w"] == pytest.approx(best.best.values["w"], rel=1e-5)
    assert "a better fit than the best was found" in str(profile)
    assert "with_start" in str(profile.intervals)
    np.testing.assert_allclose(ends(profile.intervals, "w"), ends(best.conf_interval("w", level=0.95), "w"), rtol=1e-5)
    better = poor.with_start(profile.better)
    assert better.chisqr == pytest.approx(best.chisqr, rel=1e-8)
    assert len(better.solutions) == len(poor.solutions) + 1
    assert best.profile("w", level=0.95).better is None


# Identifiability


def test_a_product_is_structurally_not_identifiable():
    y = 3.0 * np.exp(-X) + 0.05 * np.random.default_rng(1).normal(size=25)
    known = {"sigma": 0.05, "absolute_sigma": True, "starts": 50}
    fit = bgd.fit("a*b*exp(-k*x)", X, y, parameters={"a": (1, 5), "b": (1, 5), "k": (0, 3)}, **known)
    found = fit.identifiability()
    assert [found[name].verdict for name in "abk"] == [
        "structurally not identifiable",
        "structurally not identifiable",
        "identifiable",
    ]
    assert "together with b" in found["a"].why
    assert "chi-square does not change" in str(found)
    alone = bgd.fit("a*exp(-k*x)", X, y, parameters={"a": (1, 25), "k": (0, 3)}, **known)
    np.testing.assert_allclose(ends(fit.conf_interval("k"), "k"), ends(alone.conf_interval("k"), "k"), rtol=1e-5)


@pytest.mark.parametrize("limits", [(0.0, 1e4), (0.0, None), (1e-3, 1e4)], ids=["limits", "open", "log"])
def test_a_saturation_that_was_not_reached_is_practically_not_identifiable(limits):
    low, high = limits
    dose = np.linspace(0.1, 1.0, 20)
    y = 10.0 * dose / (10.0 + dose) + 0.02 * np.random.default_rng(3).normal(size=20)
    scale = "log" if low else "linear"
    each = bgd.Parameter(10.0, min=low, max=high, scale=scale)
    fit = bgd.fit("v*x/(K + x)", dose, y, parameters={"v": each, "K": each}, starts=100)
    assert fit.params["K"].stderr is not None
    slope = dose @ y / (dose @ dose)  # for K without end the model is a line through the origin
    plateau = ((y - slope * dose) ** 2).sum() / fit.redchi - fit.nfree
    profile = fit.profile("K", level=stats.f.cdf(1.05 * plateau, 1, 18))
    interval = profile.intervals["K"]
    assert interval.open_right
    assert not interval.open_left
    assert interval.high == (np.inf if high is None else high)
    assert profile["K"].rise[-1] == pytest.approx(plateau, rel=0.01)
    assert profile.identifiability["K"].verdict == "practically not identifiable"
    assert "open to the right" in str(profile)
    assert fit.identifiability("K", level=stats.f.cdf(0.9 * plateau, 1, 18))["K"].identifiable
    if scale == "log":
        found = fit.identifiability("v", level=profile.intervals["K"].level)["v"]
        assert found.why == "at an end of its interval K reached a limit"


def test_a_j_without_rank_is_not_enough():
    """y = a² x with falling data: a = 0 is best, where J is 0, but the profile rises as a⁴."""
    fit = bgd.fit("a**2*x", X, 0.1 * np.cos(7.0 * X) - X, parameters={"a": (-3, 3)}, starts=20)
    assert fit.rank == 0
    profile = fit.profile(level=0.95)
    assert profile.identifiability["a"].verdict == "identifiable"
    slope = X @ (0.1 * np.cos(7.0 * X) - X) / (X @ X)
    rise = stats.f.ppf(0.95, 1, 24) * fit.redchi / (X @ X)
    end = np.sqrt(slope + np.sqrt(slope**2 + rise))
    np.testing.assert_allclose(ends(profile.intervals, "a")[0], [-end, end], rtol=1e-5)


# Forms


def test_parameters_that_data_sets_share():
    y = [2.0 * np.exp(-X) + 0.02 * np.cos(31.0 * X), np.exp(-X[:15]) + 0.02 * np.cos(29.0 * X[:15])]
    fit = bgd.fit("a*exp(-k*x)", [X, X[:15]], y, shared=["k"], parameters={"a": (0, 5), "k": (0, 3)}, starts=50)
    intervals = fit.conf_interval(level=0.95)
    assert list(intervals) == ["k", "a_1", "a_2"]

    def exact(k):
        return sum(np.linalg.lstsq(np.exp(-k * t)[:, None], each)[1][0] for t, each in zip((X, X[:15]), y, strict=True))

    rise = stats.f.ppf(0.95, 1, 37) * fit.redchi
    for end in ends(intervals, "k")[0]:
        assert exact(end) - fit.chisqr == pytest.approx(rise, rel=1e-5)


def test_a_scale_changes_no_interval():
    t, y = decay()
    limits = {"a": (0, 9), "k": (0.01, 5), "c": (-3, 3)}
    log = limits | {"k": bgd.Parameter(min=0.01, max=5, scale="log")}
    one, other = (
        bgd.fit("a*exp(-k*x) + c", t, y, parameters=each, starts=100).conf_interval() for each in (limits, log)
    )
    for name in "akc":
        np.testing.assert_allclose(ends(one, name), ends(other, name), rtol=1e-6)


def test_a_best_fit_at_a_limit_is_open_there():
    parameters = {"a": (1.2, 9), "b": (-9, 9)}
    fit = bgd.fit("a + b*x", X, LINE, parameters=parameters, starts=20)
    assert fit.params["a"].at_limit == -1
    interval = fit.conf_interval("a", level=0.95)["a"]
    assert (interval.low, interval.open_left, interval.open_right) == (1.2, True, False)
    design = np.stack([np.ones(25), X], axis=1)
    exact = lambda a: np.linalg.lstsq(design[:, 1:], LINE - a)[1][0]  # noqa: E731
    rise = stats.f.ppf(0.95, 1, 23) * fit.redchi
    assert exact(interval.high) - fit.chisqr == pytest.approx(rise, rel=1e-5)
    log = {"a": bgd.Parameter(min=1.2, max=9, scale="log"), "b": (-9, 9)}
    for each in (fit, bgd.fit("a + b*x", X, LINE, parameters=log, starts=20)):
        verdict = each.identifiability("a")["a"]
        assert (verdict.identifiable, verdict.why) == (False, "its best value is at its lower limit")


def test_tables_and_frames():
    t, y = decay()
    fit = bgd.fit("a*exp(-k*x) + c", t, y, parameters={"a": (0, 9), "k": (0, 5), "c": (-3, 3)}, starts=100)
    profile = fit.profile()
    text = str(profile.intervals)
    assert "an F-test with 17 degrees of freedom" in text
    assert "-99.73 %" in text
    assert "+0.38131" in text
    frame = profile.intervals.to_dataframe()
    assert len(frame) == 9
    assert frame.low.tolist() == pytest.approx([each.low for name in "akc" for each in profile.intervals[name]])
    frame = profile.to_dataframe()
    assert {*frame.parameter} == {*"akc"}
    assert frame.confidence.between(0.0, 1.0).all()
    assert profile.identifiability.to_dataframe().verdict.tolist() == ["identifiable"] * 3


def test_a_profile_survives_pickling():
    import pickle

    t, y = decay()
    fit = bgd.fit("a*exp(-k*x) + c", t, y, parameters={"a": (0, 9), "k": (0, 5), "c": (-3, 3)}, starts=100)
    profile = fit.profile("k", points=8)
    again = pickle.loads(pickle.dumps(profile))
    assert str(again) == str(profile)
    np.testing.assert_array_equal(again["k"].cost, profile["k"].cost)


def test_panels(tmp_path):
    fit = tone_fit()
    profile = fit.profile(level=0.95, points=12)
    axes = profile.plot(tmp_path / "profiles.png")
    assert len(axes) == 3
    assert (tmp_path / "profiles.png").stat().st_size > 10_000
    level = [line for line in axes[1].get_lines() if line.get_gid() == "level"]
    assert level[0].get_ydata()[0] == pytest.approx(profile.test.rise(0.95))
    drawn = next(line for line in axes[1].get_lines() if line.get_gid() == "profile")
    np.testing.assert_array_equal(drawn.get_ydata(), profile["w"].rise)
    parabola = next(line for line in axes[0].get_lines() if line.get_gid() == "parabola")
    place, height = np.array(parabola.get_data())[:, 10]
    assert np.isnan(height) or height == pytest.approx(((place - fit.params["a"].value) / fit.params["a"].stderr) ** 2)


@pytest.mark.parametrize("after", [1, 2, 5])
def test_ctrl_c_ends_profiles_with_what_was_found(after):
    fit, batches = tone_fit(), []

    def press(batch):
        batches.append(batch)
        if len(batches) == after:
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with testing.watched(press):
            profile = fit.profile("w", level=0.95)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(batches) == after
    assert "interrupted" in str(profile)


# Coverage


def test_intervals_cover_the_truth_as_often_as_they_say():
    """Of 20 simulated data sets, 14 are expected to have it within 70 %; fewer than 8 or all 20 are so once in 300."""
    covered, t = 0, np.linspace(0.0, 3.0, 40)
    for seed in range(20):
        y = 2.0 * np.exp(-t) + 0.6 * np.random.default_rng(seed).normal(size=40)
        fit = bgd.fit("a*exp(-k*x)", t, y, parameters={"a": (0, 9), "k": (0, 9)}, starts=10)
        interval = fit.conf_interval("k", level=0.7, points=4, restarts=2)["k"]
        covered += interval.low <= 1.0 <= interval.high
    assert 8 <= covered < 20


# Bad input


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        ("q", {}, "the model has no parameter 'q'"),
        ("c", {}, "'c' does not vary"),
        ("half", {}, r"'half' is computed as log\(2\)/k"),
        (["a", "a"], {}, "give each parameter once"),
        ([], {}, "at least one"),
        (3, {}, "names is 3"),
        ("a", {"levels": 0.9}, "profile takes no 'levels'"),
        ("a", {"level": 1.5}, "level is 1.5"),
        ("a", {"level": []}, "level is empty"),
        ("a", {"sigmas": 0}, "sigmas is 0"),
        ("a", {"points": 2}, "points is 2"),
        ("a", {"restarts": -1}, "restarts is -1"),
    ],
)
def test_what_has_no_profile_is_refused(names, options, message):
    parameters = {"a": (0, 5), "k": (0.1, 3), "c": bgd.Parameter(0.3, vary=False), "half": "log(2)/k"}
    fit = bgd.fit(
        lambda t, a, k, c, half: a * np.exp(-k * t) + c + 0.0 * half, X, LINE, parameters=parameters, starts=20
    )
    with pytest.raises((bgd.InputError, TypeError), match=message) as error:
        fit.profile(names, **options)
    assert "\n" not in str(error.value)


def test_noise_that_nothing_is_known_of_is_refused():
    line = {"a": (-9, 9), "b": (-9, 9)}
    with pytest.raises(bgd.InputError, match="leave no degrees of freedom"):
        bgd.fit("a + b*x", X[:2], LINE[:2], parameters=line, starts=20).profile()
    with pytest.raises(bgd.InputError, match="fits the data exactly"):
        bgd.fit("a + b*x", X, 1.0 + 2.0 * X, parameters=line, starts=20).profile()
    exact = bgd.fit("a + b*x", X, 1.0 + 2.0 * X, sigma=0.1, absolute_sigma=True, parameters=line, starts=20)
    assert exact.conf_interval("a", sigmas=1)["a"].high == pytest.approx(1.0 + exact.params["a"].stderr, rel=1e-6)
