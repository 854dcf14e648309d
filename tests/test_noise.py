"""Noise: its numbers, the stationary law of Langevin dynamics, reproducibility, backends, and what it refuses."""

import numpy as np
import pytest

import batchgd as bgd
from batchgd import InputError
from batchgd.kernels import philox

CURVATURES = np.array([1.0, 4.0, 9.0])


def bowl(x):
    return 0.5 * (x[0] ** 2 + 4.0 * x[1] ** 2 + 9.0 * x[2] ** 2)


def noisy(method, updates, n=64, backend="cpu", **options):
    x0 = np.full((n, 3), 0.1)
    return bgd.descend(
        bowl, x0, method=method, maxiter=updates, gtol=1e-300, stopping={"escape": 1e9}, backend=backend, **options
    )


def numbers(stream, starts=20_000, updates=3, axes=3):
    index, nit = np.arange(starts), np.arange(updates)[:, None]
    return np.array([philox.normal(7, index, nit, axis, stream) for axis in range(axes)])


def test_the_numbers_are_standard_normal_and_independent():
    from scipy.stats import kstest

    drawn = numbers(philox.STREAM_LANGEVIN)
    assert kstest(drawn.ravel(), "norm").pvalue > 1e-3
    flat = np.concatenate([drawn.reshape(9, -1), numbers(philox.STREAM_GRADIENT_NOISE).reshape(9, -1)])
    correlation = np.corrcoef(flat) - np.eye(18)
    assert np.abs(correlation).max() < 5.0 / np.sqrt(flat.shape[1])
    assert abs((drawn**4).mean() - 3.0) < 0.1


@pytest.mark.parametrize("backend", ["cpu", "numpy"])
def test_gradient_noise_has_its_variance_and_its_decay(backend):
    step, noise, decay = 0.01, 0.3, 2.0
    for updates, weights in ((1, [1.0]), (2, [1.0, 0.25])):
        batch = noisy(bgd.GradientDescent(step, noise=noise, noise_decay=decay), updates, 20_000, backend)
        contracted = (1.0 - step * CURVATURES) ** (2 * np.arange(updates)[::-1, None])
        wanted = step**2 * noise * (np.array(weights)[:, None] * contracted).sum(axis=0)
        np.testing.assert_allclose(batch.x.var(axis=0), wanted, rtol=0.05)


def test_langevin_dynamics_reach_their_stationary_variance():
    step, temperature = 0.02, 0.5
    batch = noisy(bgd.GradientDescent(step, temperature=temperature), 600, 8_000, "numpy")
    # The unadjusted chain x <- (1 - ηλ) x + sqrt(2 η T) ξ has the variance T / (λ (1 - ηλ/2)).
    wanted = temperature / (CURVATURES * (1.0 - step * CURVATURES / 2.0))
    np.testing.assert_allclose(batch.x.var(axis=0), wanted, rtol=0.05)
    assert np.abs(np.corrcoef(batch.x.T) - np.eye(3)).max() < 0.04


SCHEDULES = [bgd.InverseTime(0.5, 3), bgd.Exponential(0.5, 0.8), bgd.Step(0.5, 0.1, every=2)]
SCHEDULES += [bgd.Cosine(0.5, 4, final=0.1), bgd.Cosine(0.5, np.linspace(2.0, 3.0, 20), growth=2)]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_a_temperature_follows_its_schedule_beside_that_of_the_rate(schedule):
    rate = bgd.Step(0.1, 0.5, every=2)

    def kicks(temperature, backend):
        method = bgd.GradientDescent(rate, temperature=temperature)
        options = {"box": [(-1.0, 1.0)], "gtol": 1e-300, "stopping": {"escape": 1e9}, "backend": backend}
        x0 = np.zeros((20, 1))
        x = [bgd.descend(lambda x: x[0], x0, method=method, maxiter=k, **options).x[:, 0] for k in range(9)]
        return np.diff(x, axis=0) + rate(np.arange(8))[:, None]

    wanted = np.sqrt(np.array([schedule(t) * np.ones(20) for t in range(8)]))
    constant = kicks(1.0, "numpy")
    for backend in ("numpy", "cpu") if schedule.part == "exponential" else ("numpy",):
        np.testing.assert_allclose(kicks(schedule, backend) / constant, wanted, rtol=1e-9)


def test_cooling_brings_it_to_rest():
    method = bgd.GradientDescent(0.1, temperature=bgd.Exponential(0.5, 0.9))
    batch = bgd.descend(bowl, np.full((200, 3), 0.1), method=method, maxiter=3000, backend="numpy")
    assert batch.success.all()
    assert np.abs(batch.x).max() < 1e-5


@pytest.mark.parametrize("method", [bgd.GradientDescent(0.02, temperature=0.5), bgd.Adam(0.02, noise=0.1)])
def test_numbers_belong_to_the_start_whatever_runs_beside_it(method):
    box, options = [(-1.0, 1.0)] * 3, {"method": method, "maxiter": 30, "gtol": 1e-300}
    whole = bgd.multistart(bowl, box=box, starts=2500, threads=2, seed=5, **options)
    part = bgd.multistart(bowl, box=box, starts=1100, threads=1, seed=5, **options)
    np.testing.assert_array_equal(part.x, whole.x[:1100])
    plain = bgd.multistart(bowl, box=box, starts=1100, seed=5, backend="numpy", **options)
    np.testing.assert_allclose(plain.x, part.x, rtol=0, atol=1e-12)
    other = bgd.multistart(bowl, box=box, starts=1100, seed=6, **options)
    assert np.abs(other.x - part.x).max() > 0.01


def test_float32_draws_the_leading_bits_of_the_same_numbers():
    method = bgd.GradientDescent(0.02, temperature=0.5, noise=0.1)
    single, double = (
        noisy(method, 3, dtype=dtype, backend=backend) for dtype, backend in (("float32", "cpu"), ("float64", "numpy"))
    )
    np.testing.assert_allclose(single.x, double.x, rtol=0, atol=1e-4)


def test_a_run_in_block_form_draws_the_same_numbers():
    dim = 40  # beyond the dimension from which the tick is a sequence of passes
    method, x0 = bgd.GradientDescent(0.02, temperature=0.5, noise=0.1), np.full((20, dim), 0.1)
    cpu, plain = (
        bgd.descend(lambda x: np.sum(x**2), x0, method=method, maxiter=5, gtol=1e-300, backend=backend)
        for backend in ("cpu", "numpy")
    )
    np.testing.assert_allclose(cpu.x, plain.x, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"noise": 0.0}, "noise is 0"),
        ({"noise": 0.1, "noise_decay": -1.0}, "noise_decay is -1"),
        ({"temperature": np.nan}, "temperature is nan"),
        ({"noise": bgd.Step(0.1, 0.5, 3)}, "noise is Step"),
        ({"noise_decay": 0.5}, "give noise as well"),
    ],
)
def test_what_it_refuses(options, cause):
    with pytest.raises(InputError, match=cause):
        bgd.GradientDescent(0.1, **options)


def test_fire_has_no_rate_that_langevin_dynamics_could_use():
    with pytest.raises(InputError, match="temperature has no meaning in FIRE"):
        bgd.FIRE(0.1, temperature=1.0)


@pytest.mark.parametrize("call", [bgd.descend, bgd.path])
def test_given_starts_draw_by_their_seed(call):
    def ends(seed):
        made = call(
            bowl, [[1.0, 1.0, 1.0]], method=bgd.GradientDescent(0.1, noise=1.0), maxiter=5, seed=seed, backend="numpy"
        )
        return made[0].x[-1] if call is bgd.path else made.x[0]

    np.testing.assert_array_equal(ends(7), ends(7))
    assert (ends(7) != ends(8)).any()
    method = bgd.GradientDescent(0.1, noise=1.0)
    options = {"method": method, "maxiter": 5, "seed": 7, "backend": "numpy"}
    wanted = bgd.multistart(bowl, box=[(-2, 2)] * 3, starts=[[1.0, 1.0, 1.0]], **options)
    np.testing.assert_array_equal(ends(7), wanted.x[0])
