"""The traced program of a tick: the same numbers as its block form in NumPy, and what is printed and counted."""

from dataclasses import replace

import numpy as np
import pytest
from stopping_rules import BOX, bowl

import batchgd as bgd
from batchgd.compiler.codegen.loading import load
from batchgd.compiler.codegen.specialisation import Specialisation
from batchgd.compiler.codegen.trace_tick import tick_program
from batchgd.compiler.lower.array_tick import ArrayTick
from batchgd.compiler.resolve import Problem
from batchgd.engine.batch import make_batch
from batchgd.engine.compute import Compute
from batchgd.engine.prepare import specialisation_of
from batchgd.problem.methods import split_per_start

METHODS = bgd.methods.METHODS
STOPPING = {
    "plain": bgd.Stopping(maxiter=5),
    "all": bgd.Stopping(
        gtol=1e-9,
        gtol_rel=1e-9,
        xtol=1e-9,
        xtol_abs=1e-9,
        xtol_rel=1e-9,
        ftol=1e-12,
        ftol_abs=1e-12,
        ftol_rel=1e-12,
        target=-1e3,
        patience=25,
        oscillation=20,
        f_growth=1e6,
        x_growth=1e4,
        maxfev=37,
        window=2,
        norm="max",
    ),
}
SCHEDULES = [
    bgd.Exponential(0.05, 0.9),
    bgd.InverseTime(0.05, 10.0),
    bgd.Step(0.05, 0.5, every=7),
    bgd.Cosine(0.05, period=5),
    bgd.Cosine(0.05, period=5, growth=2.0),
]
NARROW = [(-5, 5), (-4, 6)]


def valley(x):
    return (x[0] ** 2 + x[1] - 11.0) ** 2 + (x[0] + x[1] ** 2 - 7.0) ** 2 + bgd.where(x[0] > 4.0, np.exp(-x[1]), 0.0)


def cases():
    for name, cls in METHODS.items():
        for stopping in STOPPING:
            yield pytest.param(valley, cls.example(), stopping, BOX, "float64", id=f"{name}-{stopping}")
        yield pytest.param(valley, cls.example(), "all", NARROW, "float32", id=f"{name}-single")
    for schedule in SCHEDULES:
        yield pytest.param(valley, bgd.Adam(schedule), "plain", BOX, "float64", id=str(schedule))
    modified = bgd.GradientDescent(
        bgd.Exponential(0.01, 0.99),
        noise=0.01,
        temperature=bgd.Cosine(0.1, period=9),
        clip_value=20.0,
        clip_norm=30.0,
        weight_decay=0.01,
    )
    for dtype in ("float64", "float32"):
        yield pytest.param(bowl, modified, "all", BOX, dtype, id=f"modified-{dtype}")
    yield pytest.param(valley, bgd.GradientDescent(np.linspace(0.001, 0.02, 16)), "plain", BOX, "float64", id="rates")


@pytest.mark.parametrize(("function", "method", "stopping", "box", "dtype"), [*cases()])
def test_the_program_computes_what_the_block_form_does(function, method, stopping, box, dtype):
    starts = 16
    batch = make_batch(
        Problem(function, box),
        Compute.of(backend="numpy", dtype=dtype),
        starts=starts,
        method=method,
        stopping=STOPPING[stopping],
    )
    of = replace(specialisation_of(batch), in_block=True)
    program, module, slots, blocks = tick_program(of), load(of), of.fused_layout, of.layout
    tick = ArrayTick(program, dtype)
    shared, differing = split_per_start(method, starts, dtype)
    sides = np.array([1.0 / batch.box.width, *batch.stopping.outer(batch.box)]).astype(dtype)
    arrays = {
        "index": np.arange(starts),
        "seed": np.uint64(5),
        "p": batch.objective.numbers.astype(dtype),
        "box": sides.ravel(),
        "h": np.array([shared[name] for name in of.read.hyperparameters if name in shared] or [0.0], dtype),
        "limits": np.concatenate([batch.stopping.limits(batch.box, dtype), sides[:, 0]]),
    }
    mine, theirs = np.zeros((slots.size, starts), dtype), np.zeros((blocks.size, starts), dtype)
    for ws, layout in ((mine, slots), (theirs, blocks)):
        ws[:2] = np.random.default_rng(1).uniform(-5, 5, (2, starts))
        ws[layout.counter("busy"), : starts - 1] = 1.0
        for name, values in differing.items():
            ws[layout.hyperparameter(name)] = values
    further = blocks.first_per_start - slots.first_per_start  # what an evaluation writes comes after x
    places = {name: place.number for name, place in program.writes.items()}
    has_ended = False
    with np.errstate(all="ignore"):
        for turn in range(40):
            ended = tick(mine, *arrays.values())
            some = module.tick(theirs, *arrays.values())
            assert np.any(ended) == bool(some)
            has_ended |= bool(some)
            for name, slot in places.items():
                expected = theirs[slot if slot < of.objective.dim else slot + further]
                np.testing.assert_array_equal(mine[slot], expected, err_msg=f"{name} at tick {turn}")
    assert has_ended, "every case runs until some lane has ended"


def test_a_program_is_printed_operation_by_operation():
    objective = bgd.Objective(lambda x: 3.0 * x[0] ** 2, 1)
    lines = str(tick_program(Specialisation(objective, "gradient_descent"))).splitlines()
    assert lines[0] == "x0 <- ws[0]"
    assert {"learning_rate <- h[0]", "nit <- ws[1]"} <= {*lines}
    (slope,) = [line.split(" = ")[0] for line in lines if line.endswith("= 6.0 * x0")]
    assert any(line.endswith(f"= learning_rate * {slope}") for line in lines)
    assert lines[-1].startswith("result <- ended = ")


def test_two_coordinates_share_their_random_numbers():
    objective = bgd.Objective(bowl, 2)
    noisy = Specialisation(objective, "gradient_descent", parts=bgd.GradientDescent(0.1, temperature=0.1).parts)
    operations = tick_program(noisy).operations()
    assert (operations["uniform_pair"], operations["log"], operations["sincos"]) == (1, 1, 1)
