"""Sampled curvature: closed forms, verdicts that are true, witnesses that hold, and what a result says of convexity."""

import json
import re

import numpy as np
import pytest
from shell_samples import assert_refused, shell

import batchgd as bgd
from batchgd import InputError

BOX = [(-3.0, 3.0)] * 2


def log_sum_exp(x):
    return np.log(np.exp(x[0]) + np.exp(x[1]) + np.exp(-x[0] - x[1]))


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_a_quadratic_is_known_exactly(dim):
    rng = np.random.default_rng(dim)
    rotation = np.linalg.qr(rng.normal(size=(dim, dim)))[0]
    for low, verdict in ((0.5, "convex"), (0.0, "convex"), (-0.5, "not convex")):
        values = np.linspace(low, 8.0, dim) if dim > 1 else np.array([low or 1.0])
        matrix = rotation * values @ rotation.T
        found = bgd.curvature(lambda x, matrix=matrix: 0.5 * x @ matrix @ x + x[0], [(-1.0, 2.0)] * dim, samples=50)
        assert (found.verdict, found.constant, found.proved) == (verdict, True, True)
        np.testing.assert_allclose(found.eigenvalues, np.tile(values, (50, 1)), atol=1e-12)
        assert found.strong_convexity == pytest.approx(values[0], abs=1e-12)
        assert found.lipschitz == pytest.approx(np.abs(values).max(), rel=1e-12)


def test_eigenvalues_and_the_share_of_the_box_that_curves_downwards():
    found = bgd.curvature("styblinski_tang", dim=2, samples=20_000)
    expected = np.sort(6.0 * found.x**2 - 16.0, axis=1)  # a sum over coordinates: the Hessian is diagonal
    np.testing.assert_allclose(found.eigenvalues, expected, atol=1e-10)
    assert -16.0 <= found.strong_convexity < -15.99
    assert 133.0 < found.lipschitz <= 134.0
    share, low, high = found.negative_share
    assert share == np.mean(np.any(np.abs(found.x) < np.sqrt(16.0 / 6.0), axis=1))
    assert low < 1.0 - (1.0 - np.sqrt(16.0 / 6.0) / 5.0) ** 2 < high
    assert not found.constant


@pytest.mark.parametrize(
    "fun", ["himmelblau", "rosenbrock", "ackley", "beale", "hartmann3", "rastrigin", lambda x: abs(x[1]) - abs(x[0])]
)
def test_a_witness_is_three_points_on_a_line_in_the_box(fun):
    box = BOX if callable(fun) else None
    found = bgd.curvature(fun, box, samples=500)
    plain = fun if callable(fun) else bgd.landscapes.get(fun).fun
    x, offset = found.witness.x, found.witness.offset
    ends = x - offset, x + offset
    assert (found.verdict, found.proved) == ("not convex", True)
    assert plain(x) - 0.5 * (plain(ends[0]) + plain(ends[1])) == pytest.approx(found.witness.excess, rel=1e-6)
    assert found.witness.excess > 0.0
    assert all(found.box.contains(end) for end in ends)
    assert np.isnan(found.witness.eigenvalue) == callable(fun)  # its Hessian is zero: only values tell
    assert "not convex" in repr(found)


@pytest.mark.parametrize(
    "fun", [log_sum_exp, lambda x: x[0] ** 4 + abs(x[1]), lambda x: np.exp(x[0]) + np.maximum(x[1], 0.0)]
)
def test_convex_functions_are_nowhere_refuted_and_never_proved(fun):
    found = bgd.curvature(fun, BOX, samples=5_000)
    assert (found.verdict, found.proved, found.witness) == ("convexity not refuted", False, None)
    assert "5,000 points" in found.sentence()


def test_pieces_of_planes_are_no_quadratic():
    assert not bgd.Objective(lambda x: abs(x[0]) + x[1], dim=2).is_quadratic
    assert not bgd.Objective(lambda x: 1.0 / x[0] + x[1], dim=2, box=[(1.0, 2.0)] * 2).is_quadratic
    assert bgd.Objective(lambda x: (x[0] - 1.0) ** 2 / 3.0 + x[1], dim=2).is_quadratic
    assert bgd.Objective(lambda x, p: p * x[0] ** 2, dim=1, params=2.0).is_quadratic


def test_hessians_that_are_not_finite_are_left_out():
    found = bgd.curvature(lambda x: np.sqrt(x[0]) ** 3 + x[1] ** 2, [(-1.0, 1.0)] * 2, samples=1000)
    assert 400 < found.finite < 600
    assert found.finite == np.count_nonzero(found.x[:, 0] > 0.0)
    assert "not finite" in repr(found)
    assert found.verdict == "convexity not refuted"


def test_a_result_says_when_its_one_minimum_is_global():
    def run(fun, **options):
        return repr(bgd.multistart(fun, starts=200, backend="numpy", **options))

    assert "the only minimum is global" in run("sphere", dim=3)
    assert "if the function is convex, the only minimum" in " ".join(run(log_sum_exp, box=BOX).split())
    for text in (run("himmelblau"), run("rosenbrock", dim=2)):  # several minima; one minimum, but not convex
        assert "is global" not in text


def test_the_command(folder, capsys):
    code, out, _ = shell(capsys, "curvature himmelblau --samples 300 --seed 3 --json")
    told = json.loads(out)
    assert (code, told["verdict"], told["samples"]) == (0, "not convex", 300)
    assert told["witness"]["eigenvalue"] == told["strong_convexity"] < 0.0
    code, out, _ = shell(capsys, "curvature model.py:loss --box -1 1 --dim 3")
    assert "convex, proved" in out
    assert "2/L = 0.5" in out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("curvature himmelblau --samples 1", "samples is 1"),
        ("curvature himmelblau --samples 1e9", "do not fit in memory"),
        ("curvature model.py:loss", "box"),
        ("curvature himelblau", "'himmelblau'"),
    ],
)
def test_a_bad_command_line_is_one_line(line, words, folder, capsys):
    assert_refused(capsys, line, words)


@pytest.mark.parametrize(
    ("options", "says"), [({"samples": 2.5}, "samples is 2.5"), ({"seed": -1}, "seed"), ({"dim": 3}, "dim 2 only")]
)
def test_what_is_refused(options, says):
    with pytest.raises(InputError, match=re.escape(says)):
        bgd.curvature("himmelblau", **options)
