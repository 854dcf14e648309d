"""The gradient flow within bounds: against closed forms of quadratics over a box, and as what basins are."""

import numpy as np
import pytest
from scipy.optimize import brentq

import batchgd as bgd
from batchgd import Status

Q = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
H = Q @ np.diag([1.0, 8.0, 40.0]) @ Q.T
MINIMUM = np.array([0.25, -0.3, 0.55])
LOWER, UPPER = -np.array([0.3, 0.4, 0.3]), np.array([0.3, 0.2, 0.5])
BOUNDS = np.stack([LOWER, UPPER], axis=-1)


def quadratic(x):
    return 0.5 * ((x - MINIMUM) @ (H @ (x - MINIMUM)))


def starts(n):
    """Points of the box, of its faces and of its corners."""
    rng = np.random.default_rng(1)
    return np.clip(rng.uniform(1.5 * LOWER, 1.5 * UPPER, (n, 3)), LOWER, UPPER)


def piece(x, free, times):
    """The flow of the free coordinates, exponentials of time, and how far every coordinate is from changing face."""
    at = np.repeat(x[None], len(times), axis=0)
    if free.any():
        rest = np.linalg.solve(H[np.ix_(free, free)], -(H[np.ix_(free, ~free)] @ (x - MINIMUM)[~free]))
        values, vectors = np.linalg.eigh(H[np.ix_(free, free)])
        begin = vectors.T @ ((x - MINIMUM)[free] - rest)
        at[:, free] = MINIMUM[free] + rest + (np.exp(-np.outer(times, values)) * begin) @ vectors.T
    g = (at - MINIMUM) @ H
    held = np.where(x <= LOWER, g, -g)
    return at, np.where(free, np.minimum(at - LOWER, UPPER - at), held)


def flow(x, end):
    """The exact flow after some time, and how often a coordinate came to rest on a bound and left it."""
    now, rested, left = 0.0, 0, 0
    while now < end:
        g = (x - MINIMUM) @ H
        free = ~(((x <= LOWER) & (g > 0.0)) | ((x >= UPPER) & (g < 0.0)))
        times = np.geomspace(1e-9, end - now, 2000)
        at, room = piece(x, free, times)
        over = room < -1e-13
        if not over.any():
            return at[-1], rested, left
        first = int(np.argmax(over.any(axis=1)))
        axis = int(np.argmax(over[first]))
        time = times[first]
        if first and room[first - 1, axis] > 0.0:
            gap = lambda t, axis=axis, x=x, free=free: piece(x, free, [t])[1][0, axis]  # noqa: E731
            time = brentq(gap, times[first - 1], time, xtol=1e-15)
        x = np.clip(piece(x, free, [time])[0][0], LOWER, UPPER)
        if free[axis]:
            x[axis] = min(LOWER[axis], UPPER[axis], key=lambda end, at=x[axis]: abs(end - at))
        rested, left, now = rested + free[axis], left + (not free[axis]), now + time
    return x, rested, left


@pytest.mark.parametrize("stiff", [True, False])
@pytest.mark.parametrize("end", [0.02, 0.1, 0.5])
def test_follows_the_closed_form_over_a_box(stiff, end):
    x0 = starts(40)
    exact, rested, left = (np.array(each) for each in zip(*(flow(x, end) for x in x0), strict=True))
    assert rested.sum() > 5
    assert left.sum() > 3
    for tolerance in (1e-4, 1e-6):
        method = bgd.GradientFlow(tolerance, tolerance, end_time=end, stiff=stiff)
        result = bgd.descend(quadratic, x0, bounds=BOUNDS, method=method, backend="numpy", gtol=1e-300)
        assert (result.status == Status.TIME).all()
        assert abs(result.x - exact).max() < 5.0 * tolerance
        assert (result.x >= LOWER).all()
        assert (result.x <= UPPER).all()


@pytest.mark.parametrize("stiff", [True, False])
def test_a_trajectory_rests_on_its_face_to_the_last_bit(stiff):
    method = bgd.GradientFlow(1e-6, 1e-6, end_time=np.linspace(0.01, 0.3, 30), stiff=stiff)
    x0 = np.tile([0.0, 0.5, 0.0], (30, 1))
    bounds = [(-1, 1), (0.25, 1), (0, 0)]
    result = bgd.descend(lambda x: x @ x, x0, bounds=bounds, method=method, backend="numpy", gtol=1e-300)
    arrived = np.log(2.0) / 2.0
    late = method.end_time > arrived
    assert (result.x[late, 1] == 0.25).all()
    np.testing.assert_allclose(result.x[~late, 1], 0.5 * np.exp(-2.0 * method.end_time[~late]), atol=1e-6)
    assert (result.x[:, 2] == 0.0).all()


@pytest.mark.parametrize("stiff", [True, False])
@pytest.mark.parametrize("block", [False, True])
def test_every_form_makes_the_same_steps(stiff, block):
    method, x0 = bgd.GradientFlow(1e-4, 1e-4, stiff=stiff), starts(20)
    with bgd.testing.forced(block=block):
        cpu, numpy = (
            bgd.descend(quadratic, x0, bounds=BOUNDS, method=method, backend=backend) for backend in ("cpu", "numpy")
        )
    np.testing.assert_allclose(cpu.nfev, numpy.nfev, rtol=0.1)
    np.testing.assert_allclose(cpu.x, numpy.x, atol=1e-7)


def test_basins_are_those_of_small_projected_steps():
    bounds = [(-4.0, 3.5), (-2.5, 3.0)]
    x0 = np.random.default_rng(5).uniform([-4.0, -2.5], [3.5, 3.0], (300, 2))
    small = bgd.descend("himmelblau", x0, bounds=bounds, method=bgd.GradientDescent(2e-4), gtol=1e-3, maxiter=20_000)
    for stiff in (True, False):
        result = bgd.descend("himmelblau", x0, bounds=bounds, method=bgd.GradientFlow(1e-4, 1e-4, stiff=stiff))
        assert result.success.all()
        np.testing.assert_allclose(result.x, small.x, atol=1e-3)
