"""From endpoints to minima: places, counts, labels, tables and warnings."""

import numpy as np
import pytest
from minima_functions import (
    Ackley,
    Affine,
    Function,
    Himmelblau,
    Quadratic,
    descend,
    draw,
    find,
)

from batchgd import Box, InputError, Status
from batchgd.minima import Catalogue, find_minima

SQUARE = [(-6.0, 6.0)] * 2


@pytest.mark.parametrize("noise", [1e-9, 1e-5, 1e-2])
def test_himmelblau_has_four_minima_with_exact_counts(noise):
    rng = np.random.default_rng(1)
    truth = rng.choice(4, 3000, p=[0.5, 0.3, 0.1, 0.1])
    x = Himmelblau.minima[truth] + noise * rng.uniform(-1, 1, (3000, 2))
    found, label = find(Himmelblau(), SQUARE, x)
    minima = found.minima
    assert len(minima) == 4
    order = np.lexsort(Himmelblau.minima.T[::-1])
    np.testing.assert_allclose(minima.x, Himmelblau.minima[order], atol=2e-11)
    assert (minima.fun < 1e-28).all()
    assert (order[label] == truth).all()
    assert minima.kind.tolist() == ["minimum"] * 4
    assert minima.inside.all()
    assert (minima.eigenvalues > 0).all()
    assert minima.spread.max() < 1e-12
    assert (minima.fraction_low < minima.fraction).all()
    assert (minima.fraction < minima.fraction_high).all()
    assert found.warnings == ()
    assert found.gap_ratio > 1e5


def test_saddles_and_maxima_are_located_and_kept_out():
    near = [np.add(Himmelblau.saddle, 1e-4), np.add(Himmelblau.maximum, -1e-4), Himmelblau.minima[0]]
    found, label = find(Himmelblau(), SQUARE, near)
    assert label.tolist() == [-1, -1, 0]
    stationary = found.stationary
    assert stationary.kind.tolist() == ["saddle", "maximum"]
    assert stationary.negative.tolist() == [1, 2]
    np.testing.assert_allclose(stationary.x, [Himmelblau.saddle, Himmelblau.maximum], atol=1e-9)
    assert np.sign(stationary.eigenvalues).tolist() == [[-1, 1], [-1, -1]]


def test_a_point_far_from_any_stationary_point_stays_unresolved():
    found, label = find(Himmelblau(), SQUARE, [[1.0, 1.0], [3.0, 2.0]], Status.MAXITER)
    assert label.tolist() == [-1, 0]
    assert found.unresolved == 1
    assert any("1 of 2 starts ended too far" in text for text in found.warnings)


def test_the_exact_kink_where_the_gradient_is_not_defined():
    found, label = find(Ackley(), [(-3.0, 3.0)] * 2, [[0.0, 0.0], [1e-9, -2e-9], [0.0, 3e-5]])
    assert found.minima.kind.tolist() == ["kink"]
    assert label.tolist() == [0, 0, 0]


def test_a_badly_scaled_fit_is_solved_to_many_digits():
    t = np.linspace(1, 10, 20)
    truth = np.array([2.5e3, 4e-4])  # as in NIST's BoxBOD and the like: parameters seven decades apart

    class Fit(Function):
        def value_and_gradient(self, x):
            e = np.exp(-x[:, 1:] * 1e3 * t)
            r = x[:, :1] * (1 - e) - truth[0] * (1 - np.exp(-truth[1] * 1e3 * t)) - 5 * np.sin(7 * t)
            dr = np.stack([1 - e, x[:, :1] * e * 1e3 * t], 2)
            return (r * r).sum(axis=1), 2 * np.einsum("kt,ktj->kj", r, dr)

        def hessian(self, x):
            e = np.exp(-x[:, 1:] * 1e3 * t)
            r = x[:, :1] * (1 - e) - truth[0] * (1 - np.exp(-truth[1] * 1e3 * t)) - 5 * np.sin(7 * t)
            dr = np.stack([1 - e, x[:, :1] * e * 1e3 * t], 2)
            h = 2 * np.einsum("kti,ktj->kij", dr, dr)
            h[:, 0, 1] += 2 * (r * e * 1e3 * t).sum(axis=1)
            h[:, 1, 0] = h[:, 0, 1]
            h[:, 1, 1] -= 2 * (r * x[:, :1] * e * (1e3 * t) ** 2).sum(axis=1)
            return h

    box = Box([1e3, 1e-4], [5e3, 1e-3])
    near = truth * (1 + np.random.default_rng(0).uniform(-1, 1, (100, 2)) * [3e-3, 3e-3])
    found, label = find(Fit(), box, near)
    assert (label == 0).all()
    x = found.minima.x
    gradient = Fit().value_and_gradient(x)[1]
    step = np.linalg.solve(Fit().hessian(x)[0], gradient[0])
    assert (np.abs(step) <= 1e-10 * x[0]).all()


@pytest.mark.parametrize("factor", [1.0, 1e-290, 1e-12, 1e12, 1e280])
@pytest.mark.parametrize(("stretch", "shift"), [(1.0, 0.0), (1e-6, 0.0), (1e6, 1e5), (np.array([1e-4, 1e3]), 0.25)])
def test_units_change_nothing(factor, stretch, shift):
    function = Affine(Himmelblau(), factor, shift, stretch)
    rng = np.random.default_rng(0)
    inner = np.r_[np.repeat(Himmelblau.minima, 25, axis=0), [Himmelblau.saddle]] + 1e-3 * rng.uniform(-1, 1, (101, 2))
    box = Box(np.full(2, -6.0) * stretch + shift, np.full(2, 6.0) * stretch + shift)
    found, _ = find(function, box, inner * stretch + shift, noise=1e-10 * factor)
    assert len(found.minima) == 4
    assert found.stationary.kind.tolist() == ["saddle"]
    assert found.minima.count.tolist() == [25] * 4
    order = np.lexsort(Himmelblau.minima.T[::-1])
    np.testing.assert_allclose(function.inner(found.minima.x), Himmelblau.minima[order], atol=1e-9)


def test_values_never_rise_and_points_never_leave_their_neighbourhood():
    from batchgd.minima.polish import LEFT, LOCATED, polish
    from batchgd.minima.scale import measure

    box = Box([-6.0, -6.0], [6.0, 6.0])
    x = draw(SQUARE, 3000)
    function = Himmelblau()
    out = polish(function, box, x, measure(function, box))
    near = out.state == LOCATED
    assert (np.abs(out.x - x)[near] <= 0.01 * box.width + 1e-12).all()
    positive = np.linalg.eigvalsh(function.hessian(out.x))[:, 0] > 0
    assert (out.fun <= function.value(x) + 1e-12)[near & positive].all()
    assert (np.abs(function.value_and_gradient(out.x)[1])[near] < 1e-11).all()
    assert (out.state == LEFT).sum() > 2000


def test_the_same_catalogue_gives_the_same_answer_whatever_the_order():
    x, fun = descend(Ackley(), draw([(-2.0, 2.0)] * 2, 400), 1e-4)
    order = np.random.default_rng(5).permutation(400)
    box = Box([-2.0] * 2, [2.0] * 2)
    answers = []
    for rows in (np.arange(400), order):
        catalogue = Catalogue(box)
        for part in np.array_split(rows, 7):
            catalogue.add(part, x[part], fun[part], np.ones(len(part), int))
        found = find_minima(catalogue, Ackley())
        answers.append(b"".join(getattr(found.minima, n).tobytes() for n in ("x", "fun", "count", "kind", "spread")))
        answers[-1] += found.labels(catalogue.keys(x, fun, np.ones(400, int))).tobytes()
    assert answers[0] == answers[1]


def test_minima_outside_the_box_are_marked_and_those_on_its_border_are_inside():
    found, _ = find(Himmelblau(), [(-6.0, 3.0), (-6.0, 6.0)], Himmelblau.minima)
    assert dict(zip(found.minima.x[:, 0].round(3).tolist(), found.minima.inside.tolist(), strict=True)) == {
        -3.779: True,
        -2.805: True,
        3.0: True,
        3.584: False,
    }


def test_two_minima_close_together_are_told():
    class Twins(Function):  # minima at +-c
        c = 2e-6

        def value_and_gradient(self, x):
            t = x[:, 0] ** 2 - self.c**2
            return t * t, (4 * x[:, 0] * t)[:, None]

        def hessian(self, x):
            return (12 * x[:, 0] ** 2 - 4 * self.c**2)[:, None, None]

    found, _ = find(Twins(), [(-1.0, 1.0)], [[2e-6], [-2e-6]])
    if len(found.minima) == 2:  # told apart, with a warning; or blurred into one degenerate minimum
        assert any("too close to tell apart" in text for text in found.warnings)
    else:
        assert found.minima.kind.tolist() == ["degenerate"]

    wells = Affine(Quadratic([[1.0]], [0.0]))
    wells.value_and_gradient = lambda x: (1 - np.cos(x[:, 0] * 1e6), 1e6 * np.sin(x * 1e6))
    wells.value = lambda x: 1 - np.cos(x[:, 0] * 1e6)
    wells.hessian = lambda x: 1e12 * np.cos(x * 1e6)[:, :, None]
    found, _ = find(wells, [(-1.0, 1.0)], 2 * np.pi * 1e-6 * np.arange(3)[:, None])
    assert len(found.minima) == 3
    assert any("two minima are too close to tell apart" in text for text in found.warnings)


def test_dependent_starts_have_no_interval():
    found, _ = find(Himmelblau(), SQUARE, Himmelblau.minima, independent=False, interval_note="a grid")
    assert found.minima.fraction_low is None
    assert found.minima.fraction_high is None
    assert found.minima.interval_note == "a grid"
    assert found.minima.fraction.tolist() == [0.25] * 4


def test_nothing_to_find_gives_empty_tables():
    found, label = find(Himmelblau(), SQUARE, draw(SQUARE, 20), Status.DIVERGED)
    assert (label == -1).all()
    assert found.minima.x.shape == found.minima.eigenvalues.shape == (0, 2)
    assert len(found.stationary) == found.unresolved == 0
    assert "all 20 starts" in found.warnings[0]


def test_all_starts_are_the_denominator():
    x = np.r_[Himmelblau.minima[[0, 0, 0]], [[np.nan, 0.0]]]
    found, label = find(Himmelblau(), SQUARE, x)
    assert found.minima.fraction.tolist() == [0.75]
    assert label.tolist() == [0, 0, 0, -1]


def test_rows_and_slices_of_the_tables():
    found, _ = find(Himmelblau(), SQUARE, Himmelblau.minima)
    minima = found.minima
    assert len(minima[1:3]) == 2
    assert minima[1:3].x.tolist() == minima.x[1:3].tolist()
    assert minima[0]["count"] == 1
    assert minima[minima.count > 5].x.shape == (0, 2)
    assert minima[:1].interval_note is None


def test_keys_from_before_the_cap_are_refused():
    catalogue = Catalogue(Box([-6.0] * 2, [6.0] * 2), cap=5)
    old = catalogue.add(0, Himmelblau.minima, np.zeros(4), np.ones(4, int))
    catalogue.add(4, Himmelblau.minima + 1e-4, np.zeros(4), np.ones(4, int))
    found = find_minima(catalogue, Himmelblau())
    assert any("more than 5 cells" in text for text in found.warnings)
    with pytest.raises(InputError, match=r"use catalogue\.keys"):
        found.labels(old)
    assert sorted(found.labels(catalogue.keys(Himmelblau.minima, np.zeros(4), np.ones(4)))) == [0, 1, 2, 3]
