"""Components that may be exchanged: one solution for all their orders; what is said of them otherwise."""

import numpy as np
import pytest

import batchgd as bgd

T = np.linspace(0.0, 4.0, 80)
NOISE = 1e-3 * np.random.default_rng(7).normal(size=80)
LIMITS = {"a": (0, 5), "k": (0, 6), "b": (0, 5), "q": (0, 6)}
TRUTH = {"a": 1.0, "k": 0.3, "b": 3.0, "q": 2.0}
Y = 1.0 * np.exp(-0.3 * T) + 3.0 * np.exp(-2.0 * T) + NOISE


def double(t, a, k, b, q):
    return a * np.exp(-k * t) + b * np.exp(-q * t)


def fitted(model=double, y=Y, parameters=LIMITS, starts=100, **options):
    return bgd.fit(model, T, y, parameters=parameters, starts=starts, **options)


def test_two_exponentials_are_one_solution():
    apart = fitted()
    fit = fitted(exchangeable=[("k", "a"), ("q", "b")])
    assert [each.count for each in fit.equal] == [apart.agree]
    assert fit.agree == apart.agree
    assert fit.best.values == pytest.approx(TRUTH, abs=0.01)
    assert fit.best.values["k"] < fit.best.values["q"]
    assert sorted(np.diag(fit.covar)) == pytest.approx(sorted(np.diag(apart.covar)), rel=1e-6)
    assert fit.landscape.coverage.seen < apart.landscape.coverage.seen
    assert "solutions differ by the order" not in str(fit)
    assert len(fit.solutions) < len(apart.solutions)


def test_the_first_name_gives_the_order():
    fit = fitted(exchangeable=[("a", "k"), ("b", "q")])
    assert fit.best.values["a"] < fit.best.values["b"]
    other = fitted(exchangeable=[("b", "q"), ("a", "k")])
    assert other.best.values["b"] < other.best.values["a"]


def test_the_hint_makes_them_one():
    apart = fitted()
    assert apart.swapped == [("a", "k"), ("b", "q")]
    assert f"exchangeable={apart.swapped} makes them one" in str(apart)
    assert len(fitted(exchangeable=apart.swapped).equal) == 1


def test_the_hint_if_limits_differ():
    wide = fitted(parameters=LIMITS | {"b": (0, 4), "q": (0.1, 6)})
    assert wide.swapped == [("a", "k"), ("b", "q")]
    assert "with the same limits for a and b, k and q, exchangeable=" in str(wide)


def test_two_peaks():
    x = np.linspace(-5.0, 5.0, 120)
    peaks = "h1*exp(-((x - m1)/w1)**2) + h2*exp(-((x - m2)/w2)**2) + c"
    y = 2.0 * np.exp(-(((x + 1.0) / 0.8) ** 2)) + np.exp(-(((x - 1.5) / 1.1) ** 2)) + 0.2
    y = y + 0.01 * np.random.default_rng(3).normal(size=120)
    limits = {"c": (-1, 1)} | {f"h{k}": (0, 5) for k in (1, 2)}
    limits |= {f"m{k}": (-5, 5) for k in (1, 2)} | {f"w{k}": (0.2, 4) for k in (1, 2)}
    options = {"parameters": limits, "starts": 300}
    apart = bgd.fit(peaks, x, y, **options)
    fit = bgd.fit(peaks, x, y, exchangeable=[("m1", "h1", "w1"), ("m2", "h2", "w2")], **options)
    truth = {"c": 0.2, "h1": 2.0, "m1": -1.0, "w1": 0.8, "h2": 1.0, "m2": 1.5, "w2": 1.1}
    assert fit.best.values == pytest.approx(truth, abs=0.05)
    assert (len(apart.equal), len(fit.equal)) == (2, 1)
    assert fit.agree == apart.agree
    assert sorted(map(sorted, apart.swapped)) == [["h1", "m1", "w1"], ["h2", "m2", "w2"]]


def test_three_components_have_six_orders():
    model = "a*exp(-k*x) + b*exp(-q*x) + c*exp(-r*x)"
    y = np.exp(-0.2 * T) + 2.0 * np.exp(-T) + 4.0 * np.exp(-6.0 * T)
    rates = bgd.Parameter(min=0.05, max=20, scale="log")
    limits = {"a": (0, 9), "k": rates, "b": (0, 9), "q": rates, "c": (0, 9), "r": rates}
    groups = [("k", "a"), ("q", "b"), ("r", "c")]
    fit = fitted(model, y=y, parameters=limits, exchangeable=groups, starts=300)
    expected = {"a": 1.0, "k": 0.2, "b": 2.0, "q": 1.0, "c": 4.0, "r": 6.0}
    assert fit.best.values == pytest.approx(expected, rel=1e-5)
    assert len(fit.equal) == 1
    apart = fitted(model, y=y, parameters=limits, starts=300)
    assert len(apart.equal) == 6
    assert apart.agree == fit.agree
    assert apart.swapped == [("a", "k"), ("b", "q"), ("c", "r")]


def test_single_parameters_and_several_data_sets():
    """Frequencies of a product, by name alone; and components of two data sets, whose amplitudes are each its own."""
    y = np.cos(2.0 * T) * np.cos(5.0 * T)
    fit = fitted("cos(u*x)*cos(v*x)", y=y, parameters={"u": (0.5, 8), "v": (0.5, 8)}, exchangeable=["u", "v"])
    assert fit.best.values == pytest.approx({"u": 2.0, "v": 5.0})
    assert len(fit.equal) == 1
    sets = bgd.fit(
        double, [T, T], [Y, double(T, 2.0, 0.3, 1.0, 2.0)], parameters=LIMITS, shared=["k", "q"],
        exchangeable=[("k", "a"), ("q", "b")], starts=200,
    )  # fmt: skip
    values = {"k": 0.3, "q": 2.0, "a_1": 1.0, "a_2": 2.0, "b_1": 3.0, "b_2": 1.0}
    assert sets.best.values == pytest.approx(values, abs=0.01)
    assert len(sets.equal) == 1


def test_given_values_in_another_order_lead_to_the_same_solution():
    given = {
        name: bgd.Parameter(value, *LIMITS[name]) for name, value in zip("akbq", (3.0, 2.1, 0.9, 0.2), strict=True)
    }
    fit = fitted(parameters=given, exchangeable=[("k", "a"), ("q", "b")])
    assert fit.guess is fit.best
    assert fit.best.count > 0


def test_equal_solutions_that_are_no_exchange():
    fit = fitted("a**2*x", y=4.0 * T, parameters={"a": (-5, 5)})
    assert len(fit.equal) == 2
    assert fit.swapped is None
    assert "2 solutions have the same chi-square: the data do not tell them apart" in str(fit)


BAD = {
    "text": ({"exchangeable": "ab"}, "exchangeable is 'ab': give groups of parameters"),
    "number": ({"exchangeable": 3}, "exchangeable is 3"),
    "one group": ({"exchangeable": [("a", "k")]}, "with as many names in each"),
    "lengths": ({"exchangeable": [("a", "k"), ("b",)]}, "with as many names in each"),
    "numbers": ({"exchangeable": [(0, 1), (2, 3)]}, "exchangeable contains"),
    "unknown": ({"exchangeable": [("a", "k"), ("b", "z")]}, "contains 'z', which the model does not have"),
    "twice": ({"exchangeable": [("a", "k"), ("a", "q")]}, "contains 'a' twice"),
    "fixed": (
        {"exchangeable": [("a", "k"), ("b", "q")], "parameters": LIMITS | {"q": bgd.Parameter(2.0, vary=False)}},
        "contains 'q', which does not vary",
    ),
    "limits": (
        {"exchangeable": [("a", "k"), ("b", "q")], "parameters": LIMITS | {"q": (0, 7)}},
        "'k' in the place of 'q', whose limits differ",
    ),
    "not alike": ({"exchangeable": [("a", "q"), ("b", "k")]}, None),
    "wrong": (
        {"exchangeable": [("a", "b"), ("k", "q")], "parameters": dict.fromkeys(LIMITS, (0, 5))},
        "not the same with .'a', 'b'. and .'k', 'q'. exchanged",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_groups_in_one_line(name):
    options, message = BAD[name]
    if message is None:
        assert len(fitted(**options).equal) == 1  # the same exchange, in other words
        return
    with bgd.testing.no_work(), pytest.raises(bgd.InputError, match=message) as caught:
        fitted(**options)
    assert "\n" not in str(caught.value)
