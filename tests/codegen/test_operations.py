"""What the text of a tick costs: the operations that `batchgd bench` counts in it."""

import pytest

import batchgd as bgd
from batchgd.analysis.bench.cases import METHODS, QUICK
from batchgd.analysis.bench.measure import batch_of
from batchgd.analysis.bench.operations import split, tick_operations
from batchgd.compiler.codegen.specialisation import Specialisation
from batchgd.engine.prepare import specialisation_of


def test_operations_of_a_tick_are_those_written_down():
    text = """
def gradient(x0, x1):
    s, c = sincos(x0)
    return (s + c, 2.0 * x1 / c)

def tick(ws, p, box, h, limits):
    rate = h[0]
    any_ended = 0
    for lane in range(W):
        x0 = ws[0 * W + lane]
        g0, g1 = gradient(x0, ws[1 * W + lane])
        ended = (g0 > rate) & ~(g1 < -1.0)
        ws[0 * W + lane] = where(ended, x0, x0 - rate * exp(g0))
        any_ended |= int(ended)
    return any_ended
"""
    wanted = {"sincos": 1, "exp": 1, "divides": 1, "multiplies": 2, "adds": 1 + 4 + 2}
    assert tick_operations(text) == wanted
    assert split(wanted) == (9, {"sincos": 1, "exp": 1, "divides": 1})


@pytest.mark.parametrize("method", METHODS)
def test_a_tick_holds_at_least_its_objective(method):
    batch = batch_of(QUICK[0], method, "cpu", "float64", 1000, 1)
    text = specialisation_of(batch).source()
    counts = batch.objective.counts if method == "default" else batch.objective.gradient_counts
    found = tick_operations(text)
    cheap, slow = split(found)
    assert sum(slow[name] * (2 if name == "sincos" else 1) for name in ("sin", "sincos") if name in slow) == (
        counts.transcendentals
    )
    assert cheap > counts.adds + counts.multiplies
    assert ("sqrt" in slow) == (method == "default")


def test_what_a_block_is_called_with_is_no_operation():
    text = Specialisation(bgd.as_objective("rastrigin", 2), "lbfgs", constants=(("memory", 2),)).source()
    _, slow = split(tick_operations(text))
    assert set(slow) <= {"divides", "sqrt", "sin", "cos", "sincos"}


def test_loops_behind_a_choice_turn_as_often():
    text = "D = 5\ndef tick(ws):\n    if ws[0] > 1.0:\n        for i in range(D):\n            y = y * exp(y)\n"
    assert tick_operations(text) == {"adds": 1, "multiplies": 5, "exp": 5}
