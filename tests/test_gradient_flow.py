"""Gradient flow: references step by step, SciPy's solve_ivp, the order of convergence, stiffness, and true basins."""

import re

import naive
import numpy as np
import pytest

import batchgd as bgd
from batchgd import InputError, Status

BOX = [(-6.0, 6.0)] * 2
WELLS = [(-2.0, 2.0), (-1.0, 1.0)]
STARTS = np.random.default_rng(0).uniform(-5.0, 5.0, (16, 2))


def himmelblau(x):
    return (x[0] ** 2 + x[1] - 11.0) ** 2 + (x[0] + x[1] ** 2 - 7.0) ** 2


def gradient(x):
    a, b = x[0] ** 2 + x[1] - 11.0, x[0] + x[1] ** 2 - 7.0
    return np.array([4.0 * a * x[0] + 2.0 * b, 2.0 * a + 4.0 * b * x[1]])


def hessian(x):
    cross = 4.0 * (x[0] + x[1])
    return np.array([[12.0 * x[0] ** 2 + 4.0 * x[1] - 42.0, cross], [cross, 12.0 * x[1] ** 2 + 4.0 * x[0] - 26.0]])


def flow(tolerance=1e-4, x0=STARTS, fun=himmelblau, box=BOX, backend="numpy", **options):
    stops = {name: options.pop(name, None) for name in ("end_time", "stiff")}
    method = bgd.GradientFlow(tolerance, tolerance, **stops)
    return bgd.descend(fun, x0, method=method, box=box, backend=backend, **{"gtol": 1e-300, **options})


@pytest.mark.parametrize("stiff", [True, False])
@pytest.mark.parametrize("updates", [1, 4, 15])
def test_follows_its_reference_step_by_step(stiff, updates):
    batch = flow(maxiter=updates, stiff=stiff)
    settings = (12.0, updates, 1e-4, 1e-4)
    ends = [naive.rodas3(gradient, hessian, x, *settings) for x in STARTS]
    if not stiff:
        ends = [naive.bogacki_shampine(gradient, x, *settings) for x in STARTS]
    np.testing.assert_allclose(batch.x, ends, rtol=0, atol=1e-9)
    assert (batch.nit == updates).all()
    assert (batch.nfev >= 3 * updates + 1).all()


@pytest.mark.parametrize("stiff", [True, False])
def test_agrees_with_scipy_at_a_time_and_converges_with_order_three(stiff):
    from scipy.integrate import solve_ivp

    end, tolerances = 0.05, (1e-5, 1e-7, 1e-9)
    exact = [
        solve_ivp(lambda t, x: -gradient(x), (0.0, end), x, method="DOP853", rtol=1e-13, atol=1e-13).y[:, -1]
        for x in STARTS
    ]
    batches = [flow(tolerance, end_time=end, stiff=stiff) for tolerance in tolerances]
    errors = np.array([np.abs(batch.x - exact).max() for batch in batches])
    assert all((batch.status == Status.TIME).all() for batch in batches)
    assert errors[-1] < 1e-7
    order = -np.polyfit(np.log([batch.nit.mean() for batch in batches]), np.log(errors), 1)[0]
    assert 2.7 < order < 3.5


def double_well(x):
    return (x[0] ** 2 - 1.0) ** 2 + x[1] ** 2


@pytest.mark.parametrize("backend", ["cpu", "numpy"])
def test_an_end_time_per_start(backend):
    times, x0 = np.array([0.1, 0.5, 1.5]), np.ones((3, 2))
    batch = flow(1e-6, x0, double_well, WELLS, backend, end_time=times)
    np.testing.assert_allclose(batch.x, np.column_stack([np.ones(3), np.exp(-2.0 * times)]), rtol=0, atol=1e-6)


def test_stiffness_costs_the_rosenbrock_method_nothing():
    stiff, mild = (
        flow(1e-4, [[1.0, 1.0]], lambda x, c=c: 0.5 * (x[0] ** 2 + c * x[1] ** 2), [(-2.0, 2.0)] * 2, gtol=1e-8)
        for c in (1e6, 10.0)
    )
    assert stiff.status.tolist() == mild.status.tolist() == [Status.GRADIENT]
    assert stiff.nit[0] < 3 * mild.nit[0] < 200


def test_many_dimensions_take_the_explicit_pair():
    assert bgd.GradientFlow().rule_in(12) == "gradient_flow"
    assert bgd.GradientFlow().rule_in(13) == bgd.GradientFlow(stiff=False).rule == "gradient_flow_explicit"
    assert bgd.GradientFlow(stiff=True).rule_in(40) == "gradient_flow"
    x0 = np.random.default_rng(4).uniform(-5.0, 5.0, (50, 20))
    ends = bgd.descend("styblinski_tang", x0, method=bgd.GradientFlow(), box=[(-5.0, 5.0)] * 20, backend="numpy")
    assert (ends.status == Status.GRADIENT).all()
    np.testing.assert_array_equal(ends.x < 0.0, x0 < 0.15673125678)


@pytest.mark.parametrize("stiff", [True, False])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_step_away_from_a_border_is_enough(stiff, dtype):
    border = 0.15673125678
    x0 = np.array([[border - 1e-4], [border + 1e-4], [-5.0], [5.0]])
    batch = bgd.descend(
        lambda x: 0.5 * (x[0] ** 4 - 16.0 * x[0] ** 2 + 5.0 * x[0]),
        x0, method=bgd.GradientFlow(stiff=stiff), box=[(-5.0, 5.0)], backend="numpy", dtype=dtype,
    )  # fmt: skip
    assert np.isin(batch.status, [Status.GRADIENT, Status.STALLED]).all()
    assert (batch.x[:, 0] < 0.0).tolist() == [True, False, True, False]


@pytest.mark.parametrize("backend", ["cpu", "numpy"])
def test_a_refused_stage_far_outside_ends_nothing(backend):
    """Near a saddle 2 / h + λ may nearly vanish: the stage then lies so far out that any step is short beside it."""
    starts = [[sign * distance, y] for sign in (1, -1) for distance in (4e-4, 4e-5) for y in (0.0, 1e-6)]
    for_ever = bgd.GradientFlow(end_time=np.full(len(starts), 1e9))
    ends = bgd.descend(double_well, starts, box=WELLS, method=for_ever, backend=backend)
    assert set(ends.status.tolist()) == {Status.GRADIENT}
    np.testing.assert_allclose(ends.x, [[np.sign(x), 0.0] for x, _ in starts], atol=1e-6)


def test_himmelblaus_basins_have_the_fractions_of_the_flow():
    result = bgd.multistart("himmelblau", starts=40_000, sampling="grid", method=bgd.GradientFlow(), backend="cpu")
    exact = {(3.0, 2.0): 0.24951, (3.58443, -1.84813): 0.24890, (-3.77931, -3.28319): 0.24336}
    exact[-2.80512, 3.13131] = 0.25823
    assert len(result.minima) == 4
    for x, fraction in zip(result.minima.x, result.minima.fraction, strict=True):
        nearest = min(exact, key=lambda known: np.hypot(*(known - x)))
        assert abs(fraction - exact[nearest]) < 5e-4


@pytest.mark.parametrize(
    ("settings", "says"),
    [({"rtol": 0.0}, "rtol is 0"), ({"end_time": -1.0}, "end_time is -1"), ({"stiff": "very"}, "stiff is 'very'")],
)
def test_what_is_refused(settings, says):
    with pytest.raises(InputError, match=re.escape(says)):
        bgd.GradientFlow(**settings)
