"""max_time is of the whole run, whatever its parts, and compiling does not count: judged by a clock that tests set."""

import itertools

import numpy as np
import pytest

import batchgd as bgd
from batchgd.compiler.codegen import loading
from batchgd.engine import run

OPTIONS = {"starts": 60, "max_time": 5.0}


def multistart(fun="himmelblau", **choices):
    return lambda **options: bgd.multistart(fun, **OPTIONS | choices | options)


PLAIN = {"plain": multistart(), "scaled": multistart(scale=[1.0, 4.0])}
IN_PARTS = {
    "mixed": multistart(dtype="mixed"),
    "until covered": multistart("schwefel", dim=2, until=bgd.Coverage(0.99), starts=2_000),
    "basin hopping": multistart(strategy=bgd.BasinHopping(hops=3)),
    "mlsl": multistart(strategy=bgd.MLSL()),
    "sweep": lambda **options: bgd.sweep("himmelblau", learning_rate=[0.005, 0.01], **OPTIONS | options),
}
RUNS = PLAIN | IN_PARTS


@pytest.fixture
def clock():
    """A clock that stands still until a test moves it."""
    time = [1000.0]
    with bgd.testing.forced(clock=lambda: time[0], piece=50):
        yield time


@pytest.mark.parametrize("backend", ["numpy", "cpu"])
@pytest.mark.parametrize("kind", RUNS)
def test_compiling_does_not_count(kind, backend, clock, monkeypatch):
    compiled, load = [], loading.load

    def slow(specialisation):
        clock[0] += 60.0
        compiled.append(specialisation)
        return load(specialisation)

    monkeypatch.setattr(loading, "load", slow)
    assert "MAXTIME" not in RUNS[kind](backend=backend).status_counts()
    assert len(compiled) > (kind in IN_PARTS)


@pytest.mark.parametrize("kind", IN_PARTS)
def test_the_parts_share_the_time(kind, clock):
    """Every part begins three seconds after the one before: of five seconds, two parts get something."""
    began = []

    def observe(batch):
        clock[0] += 3.0
        began.append(batch)

    with bgd.testing.watched(observe):
        ended = IN_PARTS[kind](backend="numpy").status_counts()
    assert ended["MAXTIME"] > 0
    assert len(ended) > 1  # some had ended before
    assert len(began) <= 6


@pytest.mark.parametrize("kind", RUNS)
def test_updates_are_of_the_whole_run(kind, clock):
    def tick():
        clock[0] += 1e-6
        return clock[0]

    seen = []
    with bgd.testing.forced(clock=tick, interval=0.0):
        RUNS[kind](backend="numpy", progress=seen.append)
    descending = [update for update in seen if update.phase == "descending"]
    done, seconds = [update.done for update in descending], [update.seconds for update in seen]
    assert done == sorted(done)
    assert seconds == sorted(seconds)
    assert all(0 <= update.done <= update.total for update in seen)
    assert done[-1] > 0


@pytest.mark.parametrize("seconds", [-1.0, 60.0])
def test_values_of_starts_that_were_never_taken_up_cost_little(seconds, monkeypatch):
    """They are computed for a short time only: a sum over much data at millions of starts would take minutes."""
    monkeypatch.setattr(run, "_AFTERWARDS", seconds)
    slow = {"method": bgd.GradientDescent(1e-12), "maxiter": 10**12, "threads": 1, "backend": "cpu"}
    clock = itertools.count()  # an hour passes at every look
    with bgd.testing.forced(clock=lambda: 3600.0 * next(clock)):
        ended = bgd.multistart("himmelblau", starts=50_000, max_time=1.0, **slow)
    assert ended.status_counts() == {"MAXTIME": 50_000}
    left = ended.nfev == 0
    assert left.sum() > 30_000
    np.testing.assert_array_equal(ended.x[left], ended.x0[left])
    sample = np.flatnonzero(left)[::1_000]
    values = [bgd.landscapes.get("himmelblau").fun(x) for x in ended.x[sample]]
    np.testing.assert_allclose(ended.fun[sample], np.nan if seconds < 0.0 else values)
    assert not np.isnan(ended.fun[~left]).any()
