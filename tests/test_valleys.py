"""Sets of equal minima: one row each, told apart by value, with their share, through every way a result is shown."""

import io
import json
from contextlib import redirect_stdout

import numpy as np
import pytest

import batchgd as bgd
from batchgd.cli.app import main

SQUARE = [(-2.0, 2.0)] * 2


def ring(x):
    return (x[0] ** 2 + x[1] ** 2 - 1.0) ** 2


def steps(x):
    return np.floor(np.abs(x[0])) + np.floor(np.abs(x[1]))


def factors(x):
    """A 2 x 2 matrix as a product of two: any invertible A gives W A, A^-1 H."""
    w, h = x[:4].reshape(2, 2), x[4:].reshape(2, 2)
    return np.sum((w @ h - np.array([[1.0, 0.5], [0.3, 2.0]])) ** 2)


def two_rings(x):
    """Around (-1, 0) and (1, 0), mirror images but for the value: 0 on the right one, 1e-3 on the left one."""
    right = ((x[0] - 1.0) ** 2 + x[1] ** 2 - 0.25) ** 2
    left = ((x[0] + 1.0) ** 2 + x[1] ** 2 - 0.25) ** 2 + 1e-3
    return bgd.where(x[0] > 0, right, left)


def charges(n):
    i, j = np.triu_indices(n, 1)

    def energy(x):
        p = x.reshape(n, 3)
        p = p / np.sqrt(np.sum(p**2, axis=1))[:, None]
        return np.sum(1.0 / np.sqrt(np.sum((p[i] - p[j]) ** 2, axis=1)))

    return energy


def cluster(n):
    i, j = np.triu_indices(n, 1)

    def energy(x):
        r = x.reshape(n, 3)
        s6 = 1.0 / np.sum((r[i] - r[j]) ** 2, axis=1) ** 3
        return np.sum(4.0 * (s6**2 - s6))

    return energy


@pytest.mark.parametrize("backend", ["cpu", "numpy"])
@pytest.mark.parametrize(
    ("fun", "box", "value", "free"),
    [
        (ring, SQUARE, 0.0, 1),
        (factors, [(-2, 2)] * 8, 0.0, 4),
        (lambda x: -(x[0] + 2 * x[1]) / np.sqrt(x[0] ** 2 + x[1] ** 2), [(0.1, 1)] * 2, -np.sqrt(5), 1),
        (charges(4), [(-1, 1)] * 12, 3.674234614, 7),  # three rotations and four radii
        (charges(5), [(-1, 1)] * 15, 6.474691495, 8),
        (cluster(3), [(-1.5, 1.5)] * 9, -3.0, 6),
    ],
)
def test_one_set_is_one_row(fun, box, value, free, backend):
    result = bgd.multistart(fun, box=box, starts=200, backend=backend)
    assert result.minima.kind.tolist() == ["valley"]
    assert result.minima.free.tolist() == [free]
    assert (result.label == 0).all()
    assert result.minima.fraction.tolist() == [1.0]
    assert result.minima.inside.all()
    np.testing.assert_allclose(result.minima.fun, value, atol=1e-8)
    assert [warning for warning in result.warnings if "symmetry" not in warning] == []
    assert f"valley, {free} free direction" in str(result)


def test_sets_are_told_apart_by_value_and_have_their_shares():
    result = bgd.multistart(two_rings, box=SQUARE, starts=2_000)
    assert result.minima.free.tolist() == [1, 1]
    np.testing.assert_allclose(result.minima.fun, [0.0, 1e-3], atol=1e-12)
    assert (result.minima.fraction_low < 0.5).all()
    assert (result.minima.fraction_high > 0.5).all()
    assert (np.sign(result.x0[:, 0]) == np.where(result.label == 0, 1, -1)).mean() > 0.95
    assert result.coverage.seen == 2
    again = bgd.multistart(two_rings, box=SQUARE, starts=2_000, seed=1)
    assert bgd.diff(result, again).both.tolist() == [[0, 0], [1, 1]]


def test_the_four_minima_of_seven_atoms_are_four_rows():
    minima = bgd.multistart(cluster(7), box=[(-1.5, 1.5)] * 21, starts=300).minima
    assert (set(minima.kind), set(minima.free)) == ({"valley"}, {6})
    np.testing.assert_allclose(minima.fun, [-16.505384, -15.935043, -15.593211, -15.533060], atol=1e-6)


def test_the_bottom_step_is_a_minimum_and_the_others_are_plateaus():
    result = bgd.multistart(steps, box=[(-3, 3)] * 2, starts=1_000)
    assert (result.minima.kind.tolist(), result.minima.free.tolist()) == (["flat"], [2])
    assert result.minima.fun.tolist() == [0.0]
    assert result.minima.fraction_low[0] < 1 / 9 < result.minima.fraction_high[0]
    assert set(result.stationary.fun) == {1.0, 2.0, 3.0, 4.0}
    assert "no minimum was found" not in str(result)


def test_a_step_along_one_coordinate_is_no_valley_unless_it_is_the_lowest():
    result = bgd.multistart(lambda x: np.floor(np.abs(x[0])) + x[1] ** 2, box=[(-3, 3)] * 2, starts=500)
    assert (result.minima.kind.tolist(), result.minima.free.tolist()) == (["valley"], [1])
    assert abs(result.minima.fun[0]) < 1e-20


def test_a_flat_disc_and_its_rim_are_one_set():
    result = bgd.multistart(
        lambda x: np.maximum(np.sqrt(x[0] ** 2 + x[1] ** 2) - 1.0, 0.0) ** 2, box=[(-3, 3)] * 2, starts=300
    )
    assert result.minima.kind.tolist() == ["flat"]
    assert (result.label == 0).all()


def test_a_valley_beside_isolated_minima_has_no_part_in_their_distances():
    def fun(x):
        u, v = x[0] - 3.0, x[1]
        return bgd.where(x[0] < 1.6, ring(x), u**2 + (v**2 - 1) ** 2 + 0.5)

    result = bgd.multistart(fun, box=[(-2, 4), (-2, 2)], starts=500)
    assert result.minima.kind.tolist() == ["valley", "minimum", "minimum"]
    assert not any("too close" in warning for warning in result.warnings)


@pytest.mark.parametrize("box", [[(0, 1)], [(0, 20)]])
def test_an_infimum_at_infinity_is_named(box):
    result = bgd.multistart(lambda x: np.exp(-x[0]), box=box, starts=100)
    assert len(result.minima) == 0
    assert any("infimum at infinity" in warning for warning in result.warnings)
    assert (result.best.fun, result.best.label) == (np.min(result.fun), -1)
    assert f"best value reached: {result.best.fun:.10g} at x = " in str(result)


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_a_logistic_fit_whose_best_is_a_step_has_an_infimum(noise):
    t = np.linspace(-1, 1, 21)
    y = (t > 0.03) + noise * np.cos(40 * t)
    box = [(0, 50), (-0.5, 0.5)]
    result = bgd.multistart(lambda x: np.sum((y - 1 / (1 + np.exp(-x[0] * (t - x[1])))) ** 2), box=box, starts=100)
    step = np.sum((y - (t > 0.03)) ** 2)
    assert result.best.fun < step + 1e-3
    if noise == 0:
        assert any("infimum at infinity" in warning for warning in result.warnings)


def test_what_falls_without_end_is_unbounded_and_what_rises_again_is_neither():
    assert any("unbounded below" in w for w in bgd.multistart(lambda x: -x[0], box=[(0, 1)], starts=20).warnings)
    for fun in (lambda x: x[0] ** 2, lambda x: np.cos(x[0]) + 1e-3 * x[0] ** 2):
        result = bgd.multistart(fun, box=[(-3, 5)], starts=20, maxiter=3)
        assert not any("does not rise again" in warning for warning in result.warnings)


def test_a_set_goes_through_storage_frames_json_and_the_shell(tmp_path):
    result = bgd.multistart(ring, box=SQUARE, starts=100)
    again = bgd.load(result.save(tmp_path / "run"))
    assert again.minima.free.tolist() == [1]
    assert str(again) == str(result)
    (tmp_path / "ring.py").write_text("def ring(x):\n    return (x[0]**2 + x[1]**2 - 1)**2\n")
    with redirect_stdout(io.StringIO()) as out:
        assert main(["show", str(tmp_path / "run"), "--json", "--quiet"]) == 0
    shown = json.loads(out.getvalue())
    assert (shown["minima"][0]["kind"], shown["minima"][0]["free"], shown["best"]["label"]) == ("valley", 1, 0)
    assert result.recluster({"x": 1e-5}).minima.free.tolist() == [1]
    assert np.isinf(result.stability(directions=4).radius[0])  # there is no other basin


def test_a_table_saved_without_the_column_has_isolated_minima():
    minima = bgd.multistart("himmelblau", starts=50).minima
    fields = {name: getattr(minima, name) for name in minima.__dataclass_fields__ if name != "free"}
    assert type(minima)(**fields).free.tolist() == [0] * 4


def test_analyses_take_valleys():
    result = bgd.multistart(two_rings, box=SQUARE, starts=300)
    assert result.fidelity(50) is not None
    saddles = result.connect(border_points=20, rounds=1)
    assert len(saddles.nodes) == 2
