"""What a tick costs: the operations that `batchgd bench` counts in its program."""

import pytest

import batchgd as bgd
from batchgd.analysis.bench.cases import METHODS, QUICK
from batchgd.analysis.bench.measure import batch_of
from batchgd.analysis.bench.operations import split, tick_operations
from batchgd.compiler.codegen.specialisation import Specialisation
from batchgd.engine.prepare import specialisation_of


def test_operations_of_a_tick_are_those_written_down():
    line = bgd.Objective(lambda x: 3.0 * x[0], 1)
    written = {
        "size: the larger of x and -x, and of the least size": 1 + 2 * 2,
        "outside": 3,
        "updates made, step rounded, gradient settled, undefined": 1 + 2 + 1 + 1,
        "codes of these and of outside": 5,
        "step": 1,
        "working, code": 2,
        "ended, going": 5 + 2,
        "x and updates of a lane that goes on": 1 + 2,
    }
    assert tick_operations(Specialisation(line, "gradient_descent")) == {
        "adds": sum(written.values()),
        "multiplies": 1 + 1 + 1 + 2 + 1,  # η g; g²; η²; η² g²; the reach of rounding, squared
    }


@pytest.mark.parametrize("method", METHODS)
def test_a_tick_holds_at_least_its_objective(method):
    batch = batch_of(QUICK[0], method, "cpu", "float64", 1000, 1)
    counts = batch.objective.counts if method == "default" else batch.objective.gradient_counts
    cheap, slow = split(tick_operations(specialisation_of(batch)))
    assert sum(slow[name] * (2 if name == "sincos" else 1) for name in ("sin", "sincos") if name in slow) == (
        counts.transcendentals
    )
    assert cheap > counts.adds + counts.multiplies
    assert ("sqrt" in slow) == (method == "default")


def test_operations_on_a_block_are_counted_as_often_as_they_are_done():
    rastrigin = bgd.as_objective("rastrigin", 2)
    short, middle, long = (
        split(tick_operations(Specialisation(rastrigin, "lbfgs", constants=(("memory", memory),))))
        for memory in (2, 3, 4)
    )
    assert long[0] - middle[0] == middle[0] - short[0] > 0
    assert short[1] == long[1]
    assert set(long[1]) <= {"divides", "sqrt", "sin", "cos", "sincos"}
