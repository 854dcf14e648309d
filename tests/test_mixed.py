"""Mixed precision: float32 to its rounding floor, then float64 to the tolerances, on every backend."""

import numpy as np
import pytest
from pressing import press_at_run

import batchgd as bgd
from batchgd import Status, Stopping
from batchgd.compiler.resolve import Problem
from batchgd.engine import mixed
from batchgd.engine.batch import make_batch
from batchgd.engine.compute import Compute
from batchgd.engine.run import run
from batchgd.minima.collect import batch_from

BACKENDS = ("cpu", "numpy")
HIMMELBLAU = Problem("himmelblau")
MINIMA = [
    (3.0, 2.0),
    (3.584428340330, -1.848126526964),
    (-3.779310253378, -3.283185991286),
    (-2.805118086953, 3.131312518250),
]
FIELDS = ("x", "fun", "nit", "nfev", "status")


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request):
    return request.param


def in_pieces():
    """Runs in two dimensions take 71 starts at once."""
    return bgd.testing.forced(piece=71)


def norms(result):
    return np.linalg.norm(result.objective.gradient(result.x), axis=1)


def test_mixed_reaches_what_float32_cannot(backend):
    options = {"starts": 400, "gtol": 1e-9, "backend": backend}
    result = bgd.multistart("himmelblau", dtype="mixed", **options)
    single = bgd.multistart("himmelblau", dtype="float32", **options)
    assert result.x.dtype == np.float64
    assert result.dtype == "mixed"
    assert norms(result).max() <= 1e-9
    assert np.median(norms(single)) > 1e-6
    distance = np.abs(result.x[:, None] - np.array(MINIMA)).max(axis=2).min(axis=1)
    assert distance.max() < 1e-9
    assert np.array_equal(result.label, single.label)
    assert np.array_equal(result.x0, single.x0)
    # The last updates only: float32 has done the way.
    assert 0 < np.mean(result.nit - single.nit) < 6


def test_updates_and_evaluations_of_both_add_up(backend):
    batch = make_batch(HIMMELBLAU, Compute.of(backend, "mixed"), starts=50, stopping=Stopping(gtol=1e-9))
    out = run(batch).endpoints
    single = run(mixed_first(batch)).endpoints
    method = bgd.BarzilaiBorwein(max_displacement=mixed.CLOSEST)
    on = batch.in_dtype("float64").again(starts=single.x.astype(float), method=method)
    double = run(on).endpoints
    assert np.array_equal(out.nit, single.nit + double.nit)
    assert np.array_equal(out.nfev, single.nfev + double.nfev)
    assert np.array_equal(out.x, double.x)
    assert np.array_equal(out.status, double.status)


def mixed_first(batch):
    """The float32 half of a mixed batch."""
    stopping = Stopping(gtol=batch.stopping.gtol, xtol=mixed.SETTLED)
    return batch.in_dtype("float32").again(stopping=stopping)


def test_what_does_not_come_to_rest_in_float32_ends_there(backend):
    method = bgd.GradientDescent(np.r_[np.full(30, 0.01), np.full(30, 0.04)])
    result = bgd.multistart("himmelblau", starts=60, method=method, maxiter=400, dtype="mixed", backend=backend)
    steep = result.status[30:]
    assert set(result.status[:30]) == {Status.GRADIENT}
    assert set(steep) <= {Status.MAXITER, Status.DIVERGED}
    assert (result.nit[30:][steep == Status.MAXITER] == 400).all()
    capped = np.flatnonzero(result.status == Status.MAXITER)
    assert np.array_equal(result.fun[capped], result.objective.value(result.x[capped]))


def test_ranges_and_kept_rows_never_change_a_result(backend):
    options = {"starts": 300, "dtype": "mixed", "backend": backend, "seed": 5}
    whole = bgd.multistart("six_hump_camel", **options)
    with in_pieces():
        parts = bgd.multistart("six_hump_camel", **options)
        lean = bgd.multistart("six_hump_camel", keep="minima", **options)
    for name in (*FIELDS, "label"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))
    assert lean.minima.count.tolist() == whole.minima.count.tolist()
    assert lean.status_counts() == whole.status_counts()


def test_progress_is_told_of_the_whole(backend):
    seen = []
    with in_pieces(), bgd.testing.forced(interval=0.0):
        bgd.multistart("himmelblau", starts=300, dtype="mixed", backend=backend, progress=seen.append)
    done = [update.done for update in seen]
    assert done == sorted(done)
    assert {update.total for update in seen} == {300}


def test_an_interrupt_keeps_what_was_found(backend):
    with in_pieces(), press_at_run(4):  # after the whole, and the first piece in float32 and in float64
        result = bgd.multistart("himmelblau", starts=300, dtype="mixed", backend=backend)
    finished = int(np.sum(result.status == Status.GRADIENT))
    assert finished == 71
    assert (result.status[71:] == Status.INTERRUPTED).all()
    assert np.array_equal(result.x[71:], result.x0[71:])


def test_a_batch_of_a_mixed_result_is_mixed(backend):
    result = bgd.multistart("himmelblau", starts=20, dtype="mixed", backend=backend)
    again = run(batch_from(result)).endpoints
    assert np.array_equal(again.x, result.x)
    given = bgd.descend("himmelblau", result.x0, box=[(-6, 6)] * 2, dtype="mixed", backend=backend)
    assert np.array_equal(given.x, result.x)


def test_only_runs_take_mixed():
    with pytest.raises(bgd.InputError, match="choose float64 or float32"):
        bgd.start(0, 0, (0.0, 1.0), dim=2, dtype="mixed")
    with pytest.raises(bgd.InputError, match="recorded in one dtype"):
        bgd.path("himmelblau", [[0.0, 0.0]], dtype="mixed")
    with pytest.raises(bgd.InputError, match="choose float64, float32 or mixed"):
        bgd.multistart("himmelblau", dtype="float16")


@pytest.mark.parametrize("sampling", ["uniform", "sobol"])
def test_a_part_of_the_starts_ends_where_the_whole_does(backend, sampling):
    whole = make_batch(HIMMELBLAU, Compute.of(backend), starts=200, sampling=sampling)
    part = whole.again(starts=whole.starts.part(83, 171))
    assert part.starts.in_kernel == (sampling == "uniform")
    ends, some = run(whole).endpoints, run(part).endpoints
    for name in FIELDS:
        assert np.array_equal(getattr(ends, name)[83:171], getattr(some, name))


def test_turns_are_seen_in_both_halves(backend):
    method = bgd.GradientDescent(np.r_[np.full(20, 0.001), np.full(20, 0.03)])
    batch = make_batch(HIMMELBLAU, Compute.of(backend, "mixed"), starts=40, method=method)
    calm, swinging = np.split(run(batch.again(watch_turns=True)).endpoints.turned, 2)
    assert swinging.all()
    assert not calm.all()
