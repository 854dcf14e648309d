"""Formulas of a fit are arithmetic and nothing else, whatever text comes in."""

import numpy as np
import pytest
from scipy.special import erf, voigt_profile

import batchgd as bgd

HOSTILE = [
    "__import__('os')",
    "a.real",
    "a[0]",
    "lambda: a",
    "[a for a in (1, 2)]",
    "a if a else k",
    "a < k",
    "a // k",
    "a % k",
    "a @ k",
    "exec(a)",
    "exp(a, k)",
    "exp(*a)",
    "exp(x=a)",
    "a ** 9999999",
    "a ** -9999999",
    "9 ** 9 ** 9 ** 9",
    "1e999",
    "1j",
    "'a'",
    "True",
    "a + " * 900 + "a",
    "sin(" * 100 + "a" + ")" * 100,
    "-" * 100 + "a",
    "a :=  1",
    "f'{a}'",
    "",
    "a b",
    "a" * 5000,
    "\0",
    "exp",
    "exp(exp)",
    "1e301*a",
    "a # k",
    "a ^ 2",
    "ln(a)",
    "a,",
    "(a)(k)",
    "'\\d' * a",
    "\u202ea",
    "a\nk",
    "\U0001d41a.real",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_formulas_are_arithmetic_and_nothing_else(text):
    with bgd.testing.no_work(), pytest.raises(bgd.InputError) as caught:
        bgd.fit("a*x + b + 0*k", [0.0, 1.0, 2.0], [1.0, 2.0, 4.0], parameters={"a": (0, 5), "k": (0, 3), "b": text})
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(("text", "words"), [("a^2", "write ** for a power"), ("ln(a)", "did you mean 'log'")])
def test_what_people_write_elsewhere_has_a_remedy(text, words):
    with pytest.raises(bgd.InputError) as caught:
        bgd.fit("a*x + b", [0.0, 1.0, 2.0], [1.0, 2.0, 4.0], parameters={"a": (0, 5), "b": text})
    assert words in str(caught.value)


def test_functions_of_scipy_and_names_that_look_the_same():
    x = np.linspace(-2.0, 2.0, 30)
    micro = "\N{MICRO SIGN}"
    fit = bgd.fit(f"{micro}*erf(x/w)", x, 2.0 * erf(x / 0.5), parameters={"\u03bc": (0, 5), "w": (0.1, 2)}, starts=20)
    assert [*fit.best.values.values()] == pytest.approx([2.0, 0.5], rel=1e-8)


def test_a_voigt_profile():
    x = np.linspace(-5.0, 5.0, 60)
    parameters = {"a": (0, 5), "m": (-3, 3), "s": (0.1, 2), "g": (0.1, 2)}
    fit = bgd.fit(
        "a*voigt_profile(x - m, s, g)", x, 2.0 * voigt_profile(x - 0.4, 0.5, 0.7), parameters=parameters, starts=20
    )
    assert [*fit.best.values.values()] == pytest.approx([2.0, 0.4, 0.5, 0.7], rel=1e-7)
