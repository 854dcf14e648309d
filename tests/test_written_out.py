"""Functions written out where they are called: what is computed stays what it was."""

import numpy as np
import pytest

import batchgd as bgd
from batchgd.specialise.written_out import written_out

SQUARE = "def square(a):\n    b = a * a\n    return b + power"
BUMP = "def bump(ws, k):\n    for i in range(2):\n        nudge(ws, k + i)"
NUDGE = "def nudge(ws, k):\n    k = k + 1\n    ws[k] += 1"


def run(text, **names):
    """The function ``f`` of a text."""
    exec(text, names)
    return names["f"]


def test_a_name_of_the_function_does_not_hide_what_the_other_asks_for():
    text, apart = written_out("def f(a):\n    power = 2 * a\n    b = square(power + 1)\n    return a + b + power",
                              {"square": SQUARE})  # fmt: skip
    assert not apart
    assert "square(" not in text
    assert run(text, power=100)(3) == 3 + (49 + 100) + 6


def test_procedures_within_procedures_and_parameters_that_change():
    text, apart = written_out("def f(ws, i):\n    bump(ws, i)\n    return i", {"bump": BUMP, "nudge": NUDGE})
    ws = [0] * 5
    assert (apart, run(text)(ws, 1), ws) == (set(), 1, [0, 0, 1, 1, 0])


def test_what_is_called_twice_stays_with_all_that_it_calls():
    text, apart = written_out("def f(ws):\n    bump(ws, 0)\n    bump(ws, 1)", {"bump": BUMP, "nudge": NUDGE})
    assert apart == {"bump", "nudge"}
    assert text.count("bump(") == 2


@pytest.mark.parametrize("method", [bgd.FIRE(0.01), bgd.NonlinearCG()], ids=["fire", "nonlinear_cg"])
def test_an_objective_may_call_what_a_rule_gives_a_name(method):
    """FIRE's power and ``x ** 2.5``; the block form as well as the fused one."""
    x0 = np.array([[1.5], [2.5]])

    def function(x):
        return (x[0] - 1.0) ** 2 + np.abs(x[0]) ** 2.5

    cpu, plain = (bgd.descend(function, x0, method=method, backend=name, maxiter=20) for name in ("cpu", "numpy"))
    np.testing.assert_allclose(cpu.x, plain.x, rtol=1e-12)
    np.testing.assert_allclose(cpu.fun, plain.fun, rtol=1e-12)
