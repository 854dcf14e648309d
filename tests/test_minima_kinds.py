"""What kind of point: kinks, degenerate minima, valleys, plateaus, inflections, and ill-conditioned minima."""

import numpy as np
import pytest
from minima_functions import (
    Ackley,
    Affine,
    Function,
    Michalewicz,
    Power,
    Quadratic,
    Ring,
    descend,
    draw,
    find,
)

from batchgd import Status

SQUARE = [(-6.0, 6.0)] * 2


@pytest.mark.parametrize("gtol", [1e-2, 1e-6, 1e-10])
@pytest.mark.parametrize("dim", [2, 3])
def test_a_ring_is_one_set_of_minima(gtol, dim):
    box = [(-2.0, 2.0)] * dim
    x, _ = descend(Ring(), draw(box, 2000), gtol)
    found, label = find(Ring(), box, x)
    assert found.minima.kind.tolist() == ["valley"]
    assert found.minima.free.tolist() == [dim - 1]
    assert found.minima.count.tolist() == [2000]
    assert (label == 0).all()
    assert len(found.stationary) == 0
    assert found.warnings == ()


def test_a_straight_valley_is_one_set_of_minima():
    x = np.c_[np.linspace(-1, 1, 500), np.full(500, 1e-5)]
    found, _ = find(Quadratic([[0, 0], [0, 2]], [0, 0], 5.0), [(-2.0, 2.0)] * 2, x)
    assert found.minima.kind.tolist() == ["valley"]
    assert (found.minima.free.tolist(), found.minima.fun.tolist(), found.minima.count.tolist()) == ([1], [5.0], [500])


@pytest.mark.parametrize("power", [4, 6])
@pytest.mark.parametrize("offset", [0.0, 1.0, -37.0])
@pytest.mark.parametrize("dim", [1, 2])
def test_a_quartic_minimum_is_one_degenerate_minimum(power, offset, dim):
    box = [(-1.0, 1.0)] * dim
    function = Power(power, 0.3, offset)
    x, _ = descend(function, draw(box, 300), 1e-6 if power == 4 else 1e-9)
    found, label = find(function, box, x)
    assert found.minima.kind.tolist() == ["degenerate"]
    np.testing.assert_allclose(found.minima.x, 0.3, atol=1e-8)
    assert (label == 0).all()


def test_several_isolated_degenerate_minima_stay_apart():
    class Wells(Function):  # (x^2 - 1)^4: curvature vanishes at both minima
        def value_and_gradient(self, x):
            t = x[:, 0] ** 2 - 1
            return t**4, (8 * x[:, 0] * t**3)[:, None]

        def hessian(self, x):
            t = x[:, 0] ** 2 - 1
            return (8 * t**3 + 48 * x[:, 0] ** 2 * t**2)[:, None, None]

    x, _ = descend(Wells(), draw([(-2.0, 2.0)], 200), 1e-8)
    found, _ = find(Wells(), [(-2.0, 2.0)], x)
    np.testing.assert_allclose(found.minima.x.ravel(), [-1, 1], atol=1e-6)
    assert found.minima.kind.tolist() == ["degenerate"] * 2


@pytest.mark.parametrize("shift", [0.0, np.array([0.7, -0.2])])
def test_ackleys_origin_is_a_kink(shift):
    function = Affine(Ackley(), shift=shift)
    box = [(-2.2, 2.3)] * 2
    x, _ = descend(function, draw(box, 600), 1e-6)
    found, label = find(function, box, x)
    assert found.minima.kind[0] == "kink"
    assert (found.minima.kind[1:] == "minimum").all()
    np.testing.assert_allclose(found.minima.x[0], np.broadcast_to(shift, 2), atol=1e-12)
    assert (label >= 0).all()


def test_ackleys_kink_in_ten_dimensions():
    box = [(-0.4, 0.4)] * 10
    x, _ = descend(Ackley(), draw(box, 100), 1e-6, steps=1000)
    found, label = find(Ackley(), box, x, Status.STALLED)
    assert found.minima.kind.tolist() == ["kink"]
    assert (label == 0).all()
    # Beside the kink rounding makes a Hessian of any sign, and the lowest value may lie there.
    found, label = find(Ackley(), box, x * 1e-16 / np.abs(x).max(), Status.STALLED)
    assert found.minima.kind.tolist() == ["kink"]


def test_newton_is_kept_from_overshooting():
    class Slope(Function):  # sqrt(1 + x^2): the full Newton step goes from x to -x^3
        def value_and_gradient(self, x):
            r = np.sqrt(1 + x[:, 0] ** 2)
            return r, x / r[:, None]

        def hessian(self, x):
            return (1 + x[:, 0] ** 2)[:, None, None] ** -1.5

    found, label = find(Slope(), [(-1000.0, 1000.0)], [[2.0], [-5.0], [0.1]])
    assert label.tolist() == [0, 0, 0]
    assert abs(found.minima.x[0, 0]) < 1e-12


@pytest.mark.parametrize("dim", [1, 3])
def test_absolute_values_have_a_kink(dim):
    class Absolute(Function):
        def value_and_gradient(self, x):
            return np.abs(x).sum(axis=1), np.sign(x)

        def hessian(self, x):
            return np.zeros((*x.shape, x.shape[1]))

    x = np.random.default_rng(0).normal(size=(50, dim)) * 1e-4
    x[0] = 0.0
    found, label = find(Absolute(), [(-1.0, 2.0)] * dim, x, Status.STALLED)
    assert found.minima.kind.tolist() == ["kink"]
    assert (label == 0).all()
    np.testing.assert_allclose(found.minima.x[0], 0.0, atol=1e-9)


@pytest.mark.parametrize("angle", [0.0, 0.5, np.pi / 4])
def test_a_crease_is_followed_to_its_lowest_point(angle):
    a, b = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])

    class Crease(Function):  # |a.y| + (b.y)^2
        def value_and_gradient(self, x):
            across, along = (x - 0.2) @ a, (x - 0.2) @ b
            return np.abs(across) + along**2, np.sign(across)[:, None] * a + 2 * along[:, None] * b

        def hessian(self, x):
            return np.broadcast_to(2 * np.outer(b, b), (len(x), 2, 2)).copy()

    x = 0.2 + 1e-5 * np.random.default_rng(0).normal(size=(100, 2))
    found, label = find(Crease(), [(-1.0, 1.0)] * 2, x, Status.STALLED)
    assert found.minima.kind.tolist() == ["kink"]
    assert (label == 0).all()
    np.testing.assert_allclose(found.minima.x[0], 0.2, atol=1e-7)


def test_a_cusp_is_a_kink_although_it_curves_down_on_both_sides():
    class Cusp(Function):
        def value_and_gradient(self, x):
            r = np.sqrt(np.abs(x[:, 0] - 0.3))
            return r, (0.5 * np.sign(x[:, 0] - 0.3) / r)[:, None]

        def hessian(self, x):
            return -0.25 * np.abs(x - 0.3)[:, :, None] ** -1.5

    found, label = find(Cusp(), [(-1.0, 2.0)], [[0.3 + 1e-9], [0.3 - 1e-6]], Status.STALLED)
    assert found.minima.kind.tolist() == ["kink"]
    assert label.tolist() == [0, 0]


def test_a_kink_that_leans_is_no_minimum():
    class Roof(Function):  # |x| + y
        def value_and_gradient(self, x):
            return np.abs(x[:, 0]) + x[:, 1], np.stack([np.sign(x[:, 0]), np.ones(len(x))], 1)

        def hessian(self, x):
            return np.zeros((len(x), 2, 2))

    found, _ = find(Roof(), [(-1.0, 1.0)] * 2, [[1e-6, 0.1], [0.0, -0.3]], Status.MAXITER)
    assert len(found.minima) == 0
    assert found.unresolved == 2


@pytest.mark.parametrize(("dim", "count"), [(2, 2), (3, 6)])
def test_michalewicz_has_d_factorial_minima_and_plateaus_have_no_label(dim, count):
    box = [(0.0, np.pi)] * dim
    x, _ = descend(Michalewicz(), draw(box, 1200), 1e-6, steps=800)
    x = x[((x > 0) & (x < np.pi)).all(axis=1)]
    found, label = find(Michalewicz(), box, x)
    minima = found.minima
    assert len(minima) == count
    assert minima.fun[0] == pytest.approx([-1.80130341, -2.76039468][dim - 2], abs=1e-8)
    assert {"flat", "degenerate"} <= set(found.stationary.kind.tolist())
    assert len(found.stationary) <= 100
    slope = np.abs(Michalewicz().value_and_gradient(x)[1]).max(axis=1)
    plateau = (slope < 1e-6) & (label == -1)
    assert plateau.sum() > 50
    assert any("plateaus" in text for text in found.warnings)


def test_the_bottom_of_a_constant_is_all_of_it():
    found, label = find(Quadratic(np.zeros((2, 2)), [0, 0], 3.0), SQUARE, draw(SQUARE, 100))
    assert found.minima.kind.tolist() == ["flat"]
    assert (found.minima.free.tolist(), found.minima.count.tolist()) == ([2], [100])
    assert (label == 0).all()


def test_an_inflection_is_degenerate_and_no_minimum():
    found, _ = find(Power(3, 0.25), [(-1.0, 1.0)], [[0.25 + 1e-4], [0.25]])
    assert len(found.minima) == 0
    assert set(found.stationary.kind) == {"degenerate"}


@pytest.mark.parametrize("condition", [1e4, 1e8, 1e10])
def test_an_ill_conditioned_minimum_stays_a_minimum(condition):
    angle = np.array([[0.8, 0.6], [-0.6, 0.8]])
    function = Quadratic(angle @ np.diag([1.0, 1 / condition]) @ angle.T, [0.1, 0.2], 1e-3)
    x = np.add([0.1, 0.2], np.random.default_rng(0).normal(size=(200, 2)) * 1e-3)
    found, label = find(function, [(-1.0, 1.0)] * 2, x)
    assert found.minima.kind.tolist() == ["minimum"]
    assert (label == 0).all()
    np.testing.assert_allclose(found.minima.x[0], [0.1, 0.2], atol=1e-16 * condition * 10 + 1e-12)


def test_a_continuum_of_many_cells_is_sampled_and_still_one_row():
    angle = np.linspace(0, 2 * np.pi, 20_000, endpoint=False)
    found, _ = find(Ring(), [(-2.0, 2.0)] * 2, np.stack([np.cos(angle), np.sin(angle)], 1))
    assert (len(found.minima), len(found.stationary)) == (1, 0)
    assert found.minima.count.tolist() == [20_000]
