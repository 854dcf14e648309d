"""The loop itself: closed-form iterates, naive references, bitwise reproducibility, and every way to end."""

import itertools
import os
import signal
import threading
from dataclasses import replace

import naive
import numpy as np
import pytest

import batchgd as bgd
from batchgd import Status
from batchgd.compiler.resolve import Problem
from batchgd.engine.batch import make_batch
from batchgd.engine.compute import Compute
from batchgd.engine.run import run
from batchgd.kernels import launch_cpu
from batchgd.problem.samplings import Starts

METHODS = bgd.methods.METHODS

BACKENDS = ("cpu", "numpy")
DTYPES = ("float64", "float32")
KINDS = ("gradient_descent", "armijo", "barzilai_borwein", "fire")
"""One method of each kind that the loop knows: never rejecting, with trials, with trials and sums, with sums.

``test_methods`` runs all of them.
"""


def himmelblau(x):
    return (x[0] ** 2 + x[1] - 11.0) ** 2 + (x[0] + x[1] ** 2 - 7.0) ** 2


def himmelblau_gradient(x):
    a, b = x[0] ** 2 + x[1] - 11.0, x[0] + x[1] ** 2 - 7.0
    return np.array([4.0 * a * x[0] + 2.0 * b, 2.0 * a + 4.0 * b * x[1]])


BOX = [(-6.0, 6.0), (-6.0, 6.5)]  # that of test_methods: what it compiled serves here too


def points(n, dim=2, seed=0):
    return np.random.default_rng(seed).uniform(-5.0, 5.0, (n, dim))


def prepared(method="barzilai_borwein", n=500, backend="cpu", dtype="float64", threads=2, starts=None):
    stopping = bgd.Stopping(gtol=1e-6)
    method = METHODS[method].example()
    starts = n if starts is None else starts
    return make_batch(
        Problem(himmelblau, BOX),
        Compute.of(backend, dtype, threads),
        starts=starts,
        method=method,
        seed=3,
        stopping=stopping,
    )


def ends(batch, **options):
    return run(batch, **options).endpoints


def same(a, b):
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("x", "fun", "nit", "nfev", "status"))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_quadratic_contracts_by_one_minus_eta_lambda(backend, dtype):
    curvature, rate, steps = np.array([1.0, 4.0, 0.5]), 0.125, 40
    x0 = points(33, 3)
    method = bgd.GradientDescent(learning_rate=rate)
    batch = bgd.descend(
        lambda x: 0.5 * np.sum(curvature * x**2),
        x0,
        method=method,
        maxiter=steps,
        gtol=1e-30,
        dtype=dtype,
        backend=backend,
    )
    exact = x0.astype(dtype) * (1.0 - rate * curvature) ** steps
    np.testing.assert_allclose(batch.x, exact, rtol=100 * np.finfo(dtype).eps, atol=0.0)
    assert (batch.nit == steps).all()
    assert (batch.nfev == steps + 1).all()
    assert (batch.status == Status.MAXITER).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_rate_per_start_is_that_rate_for_that_start(backend):
    rates, x0 = np.linspace(1e-3, 1e-2, 40), points(40)
    together = bgd.descend(himmelblau, x0, method=bgd.GradientDescent(rates), backend=backend)
    for i in (0, 17, 39):
        x, updates = naive.gradient_descent(himmelblau_gradient, x0[i], rates[i], 1e-6, 10_000)
        np.testing.assert_allclose(together.x[i], x, rtol=0, atol=1e-9)
        assert abs(int(together.nit[i]) - updates) <= 1


@pytest.mark.parametrize("backend", BACKENDS)
def test_armijo_follows_the_textbook(backend):
    x0 = points(20)
    method = bgd.Armijo()
    batch = bgd.descend(himmelblau, x0, box=BOX, method=method, backend=backend, gtol=1e-4)
    for i in range(len(x0)):
        x, updates, evaluations = naive.armijo(himmelblau, himmelblau_gradient, x0[i], 1.0, 1e-4, 10_000)
        np.testing.assert_allclose(batch.x[i], x, rtol=0, atol=1e-6)
        assert (batch.nit[i], batch.nfev[i]) == (updates, evaluations)


@pytest.mark.parametrize("backend", BACKENDS)
def test_barzilai_borwein_follows_its_reference(backend):
    x0 = points(50)
    batch = bgd.descend(himmelblau, x0, box=BOX, method=bgd.BarzilaiBorwein(), backend=backend, gtol=1e-4)
    for i in range(len(x0)):
        x, updates, evaluations = naive.barzilai_borwein(
            himmelblau, himmelblau_gradient, x0[i], np.array([12.0, 12.5]), 1e-4, 10_000
        )
        np.testing.assert_allclose(batch.x[i], x, rtol=0, atol=1e-5)
        assert (batch.nit[i], batch.nfev[i]) == (updates, evaluations)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("method", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_bits_do_not_depend_on_shards_threads_or_company(method, dtype, backend):
    if (backend, dtype) == ("cpu", "float32") and method != "barzilai_borwein":
        pytest.skip("all kinds in float64, the one with trials and sums in float32")
    x0 = points(500)
    batch = prepared(method, backend=backend, dtype=dtype, starts=x0)
    whole = ends(batch, shard=500)
    assert same(whole, ends(batch, shard=37))
    assert same(whole, ends(replace(batch, compute=replace(batch.compute, threads=1)), shard=64))
    rows = np.random.default_rng(1).permutation(500)[:301]
    part = ends(prepared(method, backend=backend, dtype=dtype, starts=x0[rows]), shard=50)
    for name in ("x", "nit", "nfev", "status"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[rows])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_starts_drawn_where_they_are_used_end_as_those_given(dtype, backend):
    drawn = prepared(backend=backend, dtype=dtype)
    given = prepared(backend=backend, dtype=dtype, starts=drawn.starts.points(0, 500))
    whole = ends(given)
    assert same(whole, ends(drawn, shard=37))
    assert same(whole, ends(replace(drawn, compute=replace(drawn.compute, threads=1)), shard=64))


def test_bits_do_not_depend_on_the_block_width():
    batch = prepared()
    wide = ends(batch)
    four = replace(batch.backend, lanes=lambda n: 4)
    narrow = ends(replace(batch, compute=replace(batch.compute, backend=four)))
    assert same(wide, narrow)


@pytest.mark.parametrize("method", KINDS)
def test_backends_agree(method):
    cpu, plain = (ends(prepared(method, backend=backend, starts=points(500))) for backend in BACKENDS)
    np.testing.assert_array_equal(cpu.status, plain.status)
    np.testing.assert_allclose(cpu.x, plain.x, rtol=0, atol=1e-6)
    assert np.mean(cpu.nit == plain.nit) > 0.95


def test_starts_are_those_that_start_makes_again():
    result = bgd.multistart(himmelblau, box=BOX, starts=10, maxiter=0, seed=5, backend="cpu")
    np.testing.assert_array_equal(result.x, np.array([bgd.start(5, i, BOX) for i in range(10)]))
    np.testing.assert_array_equal(result.x, result.x0)
    np.testing.assert_allclose(result.fun, [himmelblau(x) for x in result.x], rtol=1e-13)


class TestEveryWayToEnd:
    @pytest.fixture(params=BACKENDS)
    def backend(self, request):
        return request.param

    def statuses(self, fun, x0, backend, **options):
        return bgd.descend(fun, x0, backend=backend, **options).status.tolist()

    def test_gradient(self, backend):
        batch = bgd.descend(himmelblau, points(50), box=BOX, gtol=1e-5, backend=backend)
        assert (batch.status == Status.GRADIENT).all()
        assert (np.linalg.norm(batch.jac, axis=1) <= 1e-5).all()

    def test_step(self, backend):
        method = bgd.GradientDescent(1e-3)
        batch = bgd.descend(himmelblau, points(50), xtol=1e-4, gtol=0, method=method, backend=backend)
        assert (batch.status == Status.STEP).all()
        size = np.abs(batch.x).max(axis=1)
        assert (1e-3 * np.linalg.norm(batch.jac, axis=1) < 1e-4 * (1e-4 + size)).all()

    def test_value(self, backend):
        method = bgd.GradientDescent(1e-3)
        batch = bgd.descend(himmelblau, points(50), ftol=1e-8, gtol=0, method=method, backend=backend)
        assert (batch.status == Status.VALUE).all()
        before = batch.x + 0.0
        after = before - 1e-3 * batch.jac
        assert (np.abs([himmelblau(a) - himmelblau(b) for a, b in zip(after, before, strict=True)]) < 1e-8).all()

    @pytest.mark.parametrize("method", [bgd.GradientDescent(0.01), bgd.BarzilaiBorwein()], ids=str)
    def test_stalled_in_float32(self, backend, method):
        batch = bgd.descend(himmelblau, points(200), gtol=1e-9, dtype="float32", method=method, backend=backend)
        assert set(batch.status.tolist()) <= {Status.STALLED, Status.GRADIENT}
        assert np.mean(batch.status == Status.STALLED) > 0.5
        assert np.abs(batch.fun).max() < 1e-7
        assert batch.nfev.max() < 2000

    def test_maxiter(self, backend):
        batch = bgd.descend(himmelblau, points(50), maxiter=3, backend=backend)
        assert (batch.status == Status.MAXITER).all()
        assert (batch.nit == 3).all()

    def test_maxtime(self, backend):
        slow = bgd.GradientDescent(1e-9)
        batch = bgd.descend(himmelblau, points(50), max_time=0.2, maxiter=10**12, method=slow, backend=backend)
        assert (batch.status == Status.MAXTIME).all()
        assert batch.nit.min() >= 0
        assert np.isfinite(batch.x).all()

    def test_diverged_and_escaped(self, backend):
        too_large = bgd.GradientDescent(1.0)
        assert self.statuses(lambda x: 2.0 * x[0] ** 2, [[1.0], [0.0]], backend, method=too_large) == [
            Status.DIVERGED,
            Status.GRADIENT,
        ]
        unit = bgd.GradientDescent(1.0)
        drift = bgd.descend(
            lambda x: np.exp(-x[0]), [[0.0]], backend=backend, method=unit, gtol=1e-30, stopping={"escape": 3.0}
        )
        assert drift.status.tolist() == [Status.ESCAPED]
        assert 3.5 < drift.x[0, 0] < 4.0

    def test_nonfinite_touches_nobody_else(self, backend):
        def fun(x):
            return np.sqrt(x[0]) + himmelblau(x)

        x0 = points(64)
        x0[:, 0] = np.abs(x0[:, 0]) + 0.5
        x0[::2, 0] *= -1.0
        mixed = bgd.descend(fun, x0, backend=backend, box=[(-5.5, 5.5)] * 2)
        alone = bgd.descend(fun, x0[1::2], backend=backend, box=[(-5.5, 5.5)] * 2)
        assert (mixed.status[::2] == Status.NONFINITE).all()
        np.testing.assert_array_equal(mixed.x[1::2], alone.x)
        np.testing.assert_array_equal(mixed.status[1::2], alone.status)

    def test_a_nonfinite_trial_is_a_rejected_step(self, backend):
        batch = bgd.descend(lambda x: x[0] - np.log(x[0]), [[1e-3], [0.5], [3.0]], backend=backend, box=[(0.0, 50.0)])
        np.testing.assert_allclose(batch.x, 1.0, atol=1e-5)

    def test_interrupted(self, backend):
        pressed = []

        def press(update):
            if not pressed:
                os.kill(os.getpid(), signal.SIGINT)
            pressed.append(update)

        slow = bgd.GradientDescent(1e-9)
        result = bgd.multistart(
            himmelblau, box=BOX, starts=30, maxiter=10**12, method=slow, backend=backend, progress=press
        )
        assert result.interrupted
        assert (result.status == Status.INTERRUPTED).all()
        assert np.isfinite(result.fun).all()


def test_a_callback_that_raises_leaves_no_worker_behind():
    def fail(update):
        raise RuntimeError("from the callback")

    slow, before = bgd.GradientDescent(1e-9), set(threading.enumerate())
    with pytest.raises(RuntimeError, match="from the callback"):
        bgd.multistart(himmelblau, box=BOX, starts=500, maxiter=10**12, method=slow, backend="cpu", progress=fail)
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize(("n", "threads"), [(1, 2), (1000, 1), (65_536, 2), (1_000_003, 7)])
def test_shards_cover_the_starts_and_shrink_towards_the_end(n, threads):
    shards = list(launch_cpu.shards_of(n, 16_384, threads))
    sizes = np.diff(shards, axis=1).ravel()
    assert shards[0][0] == 0
    assert shards[-1][1] == n
    assert all(before[1] == after[0] for before, after in itertools.pairwise(shards))
    assert (np.diff(sizes) <= 0).all()
    assert 0 < sizes.min() <= sizes.max() <= 16_384
    assert len(sizes) <= n // 16_384 + 32 * threads


def test_what_fails_in_a_worker_is_what_is_raised():
    batch = prepared(starts=points(500))

    class Broken(Starts):
        def points(self, first, stop):
            if first:
                raise RuntimeError(f"no starts from {first} on")
            return batch.starts.points(first, stop)

    endless = replace(
        batch, starts=Broken(batch.starts.n, 2), method=bgd.GradientDescent(1e-9), stopping=bgd.Stopping(maxiter=10**12)
    )
    before = set(threading.enumerate())
    with pytest.raises(RuntimeError, match="no starts from 50 on"):
        run(endless, shard=50)
    assert set(threading.enumerate()) <= before
