"""Minima on any scale: sorted by value, kinds by the curvature at the point, and nothing that units change."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from minima_functions import Ackley, Affine, Function, Himmelblau, Michalewicz, Power, Ring, descend, draw, find

import batchgd as bgd
from batchgd import Box, Status
from batchgd.minima import Catalogue, find_minima
from batchgd.minima.polish import polish
from batchgd.minima.scale import measure


class Narrow(Function):
    """1e16 x^2 + y^2."""

    def value_and_gradient(self, x):
        a = np.array([1e16, 1.0])
        return (a * x * x).sum(axis=1), 2 * a * x

    def hessian(self, x):
        return np.broadcast_to(np.diag([2e16, 2.0]), (len(x), 2, 2)).copy()


class Steps(Function):
    """-cos(2 pi x / p) + x / (10 p): wells closer than identity.x and a tenth apart in value."""

    period = 1.6e-6

    def value_and_gradient(self, x):
        t = x / self.period
        wave = 2 * np.pi / self.period
        return 0.1 * t[:, 0] - np.cos(2 * np.pi * t[:, 0]), 0.1 / self.period + wave * np.sin(2 * np.pi * t)

    def hessian(self, x):
        return ((2 * np.pi / self.period) ** 2 * np.cos(2 * np.pi * x / self.period))[:, :, None]


def endpoints(name):
    """A function, its box and endpoints of descents, each made once."""
    rng = np.random.default_rng(3)
    if name == "himmelblau":
        near = np.r_[np.repeat(Himmelblau.minima, 5, axis=0), [Himmelblau.saddle, Himmelblau.maximum]]
        return Himmelblau(), [(-6.0, 6.0)] * 2, near + 1e-4 * rng.normal(size=near.shape)
    if name == "narrow":
        return Narrow(), [(-3.0, 3.0)] * 2, rng.uniform(-1e-2, 1e-2, (20, 2)) * [1e-8, 1.0]
    if name == "steps":
        return Steps(), [(-1.0, 1.0)], Steps.period * np.arange(-4.0, 5.0)[:, None]
    function, box, gtol = {
        "ackley": (Ackley(), [(-2.0, 2.0)] * 2, 1e-6),
        "ring": (Ring(), [(-2.0, 2.0)] * 2, 1e-6),
        "quartic": (Power(4, 0.3, -1.0), [(-1.0, 1.0)] * 2, 1e-6),
        "michalewicz": (Michalewicz(), [(0.0, np.pi)] * 2, 1e-6),
    }[name]
    return function, box, descend(function, draw(box, 80), gtol, 800)[0]


CASES = {
    name: endpoints(name) for name in ("himmelblau", "narrow", "steps", "ackley", "ring", "quartic", "michalewicz")
}


def tables(function, box, x):
    with np.errstate(under="ignore"):
        found, label = find(function, Box(*np.transpose(box)), x, Status.STALLED, noise=np.inf)
    return found.minima, found.stationary, label


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=6, deadline=None)
@given(factor=st.integers(-60, 60), stretch=st.integers(-60, 60))
def test_a_power_of_two_changes_no_kind_and_no_label(name, factor, stretch):
    function, box, x = CASES[name]
    factor, stretch = 2.0**factor, 2.0**stretch
    minima, stationary, label = tables(function, box, x)
    scaled = tables(Affine(function, factor, 0.0, stretch), np.multiply(box, stretch), x * stretch)
    np.testing.assert_array_equal(scaled[2], label)
    np.testing.assert_array_equal(scaled[0].kind, minima.kind)
    np.testing.assert_array_equal(scaled[0].x, minima.x * stretch)
    np.testing.assert_array_equal(scaled[0].fun, minima.fun * factor)
    np.testing.assert_array_equal(scaled[1].kind, stationary.kind)
    np.testing.assert_array_equal(scaled[1].count, stationary.count)


@pytest.mark.parametrize("power", [-60, -30, 30, 60])
def test_units_of_the_value_and_of_x_change_no_label_of_a_run(power):
    def wells(x, p):
        y = x / p[1]
        return p[0] * np.sum(y**2 - np.cos(5 * y))

    def run(factor, stretch):
        return bgd.multistart(
            wells,
            box=[(-3 * stretch, 3 * stretch)] * 2,
            starts=300,
            params=[factor, stretch],
            method=bgd.GradientDescent(0.01 * stretch**2 / factor),
            gtol=1e-6 * factor / stretch,
            backend="numpy",
        )

    plain = run(1.0, 1.0)
    assert len(plain.minima) > 9
    for other in (run(2.0**power, 1.0), run(1.0, 2.0**power)):
        np.testing.assert_array_equal(other.label, plain.label)
        np.testing.assert_array_equal(other.minima.kind, plain.minima.kind)


@pytest.mark.parametrize("factor", [1.0, 1e-9, 1e-12, 1e-19, 1e15])
def test_minima_are_sorted_by_value_at_every_scale(factor):
    result = bgd.multistart(
        lambda x: factor * np.sum(x**2 - np.cos(5 * x)),
        box=[(-3, 3)] * 2,
        starts=500,
        stopping=bgd.Stopping(gtol=0, gtol_rel=1e-8),
        backend="numpy",
    )
    assert result.minima.fun[0] == pytest.approx(-2 * factor)
    assert (np.diff(result.minima.fun) >= -1e-14 * factor).all()
    assert result.label[np.argmin(result.fun)] == 0


def test_curvature_far_below_that_of_the_box_still_makes_a_minimum():
    """exp(60) is 1e26; the Hessian at the minimum is 2 I."""
    result = bgd.multistart(
        lambda x: np.exp(x[0]) + np.exp(-x[0]) + x[1] ** 2, box=[(-60, 60)] * 2, starts=200, backend="numpy"
    )
    assert result.minima.kind.tolist() == ["minimum"]
    np.testing.assert_allclose(result.minima.eigenvalues, 2.0)


def test_a_narrow_parabola_has_neither_plateaus_nor_valleys():
    """Descents end on the floor, too far from the minimum to be booked to it: so much is said, and no more."""
    floor = np.c_[np.zeros(50), np.linspace(-0.5, 0.5, 50)]
    found, label = find(Narrow(), [(-3.0, 3.0)] * 2, floor, Status.STALLED)
    assert found.minima.kind.tolist() == ["minimum"]
    assert len(found.stationary) == 0
    assert found.unresolved == (label == -1).sum() > 0


def test_a_saddle_beside_a_narrow_direction_is_a_saddle():
    class Saddle(Function):  # 1e16 x^2 + (y^2 - 1)^2
        def value_and_gradient(self, x):
            t = x[:, 1] ** 2 - 1
            return 1e16 * x[:, 0] ** 2 + t * t, np.stack([2e16 * x[:, 0], 4 * x[:, 1] * t], 1)

        def hessian(self, x):
            out = np.zeros((len(x), 2, 2))
            out[:, 0, 0], out[:, 1, 1] = 2e16, 12 * x[:, 1] ** 2 - 4
            return out

    found, _ = find(Saddle(), [(-3.0, 3.0)] * 2, [[0.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    assert found.minima.kind.tolist() == ["minimum"] * 2
    assert found.stationary.kind.tolist() == ["saddle"]
    assert found.stationary.negative.tolist() == [1]


def test_a_valley_beside_a_stiff_mode_is_no_plateau():
    """In polar angles nothing depends on the azimuth at the poles: eigenvalues (0, 4.35)."""
    for fun in (lambda x: -2.175 * np.cos(x[0]) ** 2, lambda x: 2.175 * np.sin(x[0]) ** 2 * (2 + np.cos(x[1]))):
        result = bgd.multistart(fun, box=[(-3, 3), (0, 6.28)], starts=300, backend="numpy")
        assert result.minima.kind.tolist() == ["valley"]
        assert result.minima.free.tolist() == [1]
        assert not any("plateaus" in warning for warning in result.warnings)


def test_a_pole_is_no_minimum():
    for fun in (lambda x: np.log(np.abs(x[0])), lambda x: -1 / np.sqrt(np.abs(x[0] - 0.3))):
        result = bgd.multistart(fun, box=[(-2, 3)], starts=100, backend="numpy", maxiter=2_000)
        assert len(result.minima) == 0
        assert (result.label == -1).all()
        assert set(result.stationary.kind) <= {"unbounded"}
    result = bgd.multistart(lambda x: np.log(np.abs(x[0])), box=[(-2, 3)], starts=100, backend="numpy")
    assert result.stationary.kind.tolist() == ["unbounded"]
    assert any("100 starts fell to a singular point" in warning for warning in result.warnings)


def test_a_jump_is_a_kink_and_no_pole():
    def jump(x):
        return np.where(x[0] > 0.2, 1.0, 0.0) + x[0] ** 2 + (x[0] - 1) ** 2 + x[1] ** 2

    result = bgd.multistart(jump, box=[(-3, 3)] * 2, starts=300, backend="numpy")
    assert len(result.stationary) == 0
    assert result.minima.fun[0] <= result.fun.min()
    assert result.minima.kind[0] in ("kink", "unresolved")


@pytest.mark.parametrize("apart", [1e-3, 3e-3, 1e-2])
def test_starts_that_pass_near_a_saddle_are_booked_to_the_minimum_that_they_go_to(apart):
    result = bgd.multistart(
        lambda x: (x[0] ** 2 - apart**2) ** 2 + x[1] ** 2, box=[(-1, 1)] * 2, starts=500, backend="numpy"
    )
    np.testing.assert_allclose(result.minima.x[:, 0], [-apart, apart], rtol=1e-6)
    assert (result.label == (result.x[:, 0] > 0)).all()


def test_starts_that_end_beside_a_saddle_are_booked_to_the_side_they_are_on():
    result = bgd.multistart(
        lambda x: (x[0] ** 2 - 1e-6) ** 2 + x[1] ** 2,
        box=[(-1, 1)] * 2,
        starts=[[1e-5, 0.0], [-1e-5, 0.0], [1e-9, 0.0]],
        backend="numpy",
    )
    assert result.nit.tolist() == [0, 0, 0]
    assert result.label.tolist() == [1, 0, 1]


def test_polishing_does_not_jump_over_a_minimum_onto_a_saddle():
    """Above 1e-3 steps shrink as at a quartic minimum at 0, which is a saddle."""

    class Pair(Function):  # (x^2 - 1e-6)^2 + y^2
        def value_and_gradient(self, x):
            t = x[:, 0] ** 2 - 1e-6
            return t * t + x[:, 1] ** 2, np.stack([4 * x[:, 0] * t, 2 * x[:, 1]], 1)

        def hessian(self, x):
            out = np.zeros((len(x), 2, 2))
            out[:, 0, 0], out[:, 1, 1] = 12 * x[:, 0] ** 2 - 4e-6, 2.0
            return out

    box = Box([-1.0] * 2, [1.0] * 2)
    x = np.c_[np.linspace(5e-3, 7e-3, 21), np.zeros(21)]
    out = polish(Pair(), box, x, measure(Pair(), box))
    np.testing.assert_allclose(out.x[:, 0], 1e-3, rtol=1e-9)
    assert not out.root.any()


def test_a_start_on_the_ridge_still_ends_on_the_saddle():
    result = bgd.multistart(
        lambda x: (x[0] ** 2 - 1e-6) ** 2 + x[1] ** 2, box=[(-1, 1)] * 2, starts=[[0.0, 0.5]], backend="numpy"
    )
    assert result.stationary.kind.tolist() == ["saddle"]


def test_a_certified_fit_in_badly_scaled_parameters_is_a_minimum():
    """MGH10 of NIST: b1 exp(b2 / (x + b3)); curvatures in box widths differ by 1e7, and the valley ends in rounding."""
    x = np.arange(50.0, 126.0, 5.0)
    y = [34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872]

    result = bgd.multistart(
        lambda b: np.sum((np.array(y, float) - b[0] * np.exp(b[1] / (x + b[2]))) ** 2),
        box=[(0.005, 2.2), (3600.0, 440_000.0), (225.0, 27_500.0)],
        starts=20,
        method="newton",
        stopping=bgd.Stopping(gtol=1e-6, maxfev=1_500),
        backend="numpy",
    )
    assert result.minima.kind.tolist() == ["minimum"]
    np.testing.assert_allclose(result.minima.x, [[5.6096364710e-3, 6.1813463463e3, 3.4522363462e2]], rtol=1e-7)
    # Far up the valley, where it is so narrow that rounding holds every step, it has a slope still.
    far = np.array([[1.40828948e-14, 4.85090777e4, 1.09571441e3]])
    catalogue = Catalogue(result.box)
    catalogue.add(0, far, result.objective.value(far), np.array([Status.STALLED]))
    catalogue.add(1, result.minima.x, result.minima.fun, np.array([Status.STALLED]))
    assert find_minima(catalogue, result.objective).minima.kind.tolist() == ["minimum"]


def weierstrass(x):
    a, b = 0.5 ** np.arange(21), 3.0 ** np.arange(21)
    whole = [np.sum(a * np.cos(2 * np.pi * b * (x[i] + 0.5))) for i in range(2)]
    return whole[0] + whole[1] - 2 * np.sum(a * np.cos(np.pi * b))


def test_a_rough_function_keeps_its_lowest_endpoint_and_the_order_of_values():
    result = bgd.multistart(weierstrass, box=[(-0.5, 0.5)] * 2, starts=300, backend="numpy")
    assert result.label[np.argmin(result.fun)] == 0
    assert result.minima.fun[0] <= result.fun.min() + 1e-10
    assert (np.diff(result.minima.fun) >= -1e-10).all()


class Slope(Function):
    """(x + 1)^2, whose minimum is further away than polishing goes."""

    def value_and_gradient(self, x):
        return (x[:, 0] + 1) ** 2, 2 * (x + 1)

    def hessian(self, x):
        return np.full((len(x), 1, 1), 2.0)


def test_the_lowest_endpoint_is_listed_even_if_nothing_decides_what_it_is():
    found, label = find(Slope(), [(-1.0, 1.0)], [[0.5], [0.2], [0.3]], Status.STALLED)
    assert found.minima.kind.tolist() == ["unresolved"]
    assert found.minima.x.tolist() == [[0.2]]
    assert label.tolist() == [-1, 0, -1]
    assert found.unresolved == 2


def test_an_endpoint_on_its_way_is_not_listed():
    found, label = find(Slope(), [(-1.0, 1.0)], [[0.5], [0.2]], Status.MAXITER)
    assert len(found.minima) == 0
    assert label.tolist() == [-1, -1]


def test_the_lowest_endpoint_of_a_cell_is_found_whatever_the_order():
    class Comb(Function):  # wells 1e-8 apart, each deeper than the one before
        def value_and_gradient(self, x):
            return -1e8 * x[:, 0] - np.cos(2e8 * np.pi * x[:, 0]) * 10, -1e8 + 2e9 * np.pi * np.sin(2e8 * np.pi * x)

        def hessian(self, x):
            return (2e8 * np.pi) ** 2 * 10 * np.cos(2e8 * np.pi * x)[:, :, None]

    x = 1e-8 * (5 + np.arange(8.0))[:, None]
    for order in (np.arange(8), np.arange(8)[::-1]):
        halves = [Catalogue(Box([-1.0], [1.0])) for _ in range(2)]
        for k, rows in enumerate(np.array_split(order, 4)):
            halves[k % 2].add(rows, x[rows], Comb().value(x[rows]), np.full(len(rows), int(Status.STALLED)))
        catalogue = halves[0].merge(halves[1])
        assert len(catalogue) == 1
        found = find_minima(catalogue, Comb())
        assert found.minima.x[0, 0] == pytest.approx(12e-8, rel=1e-2)
        assert found.minima.count.tolist() == [8]
