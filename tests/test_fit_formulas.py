"""Formulas of a fit are arithmetic and nothing else, whatever text comes in."""

import pytest

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
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_formulas_are_arithmetic_and_nothing_else(text):
    with bgd.testing.no_work(), pytest.raises(bgd.InputError) as caught:
        bgd.fit("a*x + b + 0*k", [0.0, 1.0, 2.0], [1.0, 2.0, 4.0], parameters={"a": (0, 5), "k": (0, 3), "b": text})
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
