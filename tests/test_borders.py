"""Borders: Newton's fractal and smooth borders as known truths; distances and balls in closed form."""

import functools
import json

import numpy as np
import pytest

import batchgd as bgd
from batchgd.analysis.basins.exponent import sampled_exponent
from batchgd.analysis.basins.stability import bisect, border_distance
from batchgd.cli import main
from batchgd.minima.mapper import Mapper

BOX = bgd.Box([-2.0, -2.0], [2.0, 2.0])


def grid(n, dim=2):
    """Centres of n cells a side on [-2, 2]^dim, (n, ..., n, dim)."""
    ticks = (np.arange(n) + 0.5) / n * 4 - 2
    return np.stack(np.meshgrid(*[ticks] * dim, indexing="ij"), axis=-1)


def newton(points):
    """Which cube root of 1 Newton's method reaches from each point of the plane."""
    z = points[..., 0] + 1j * points[..., 1]
    for _ in range(50):
        z = z - (z**3 - 1) / (3 * z**2)
    return np.rint(np.angle(z) * 1.5 / np.pi).astype(int)


@functools.cache
def fractal():
    return newton(grid(600))


def line(points):
    return (0.37 * points[..., 0] + points[..., 1] > 0.1).astype(int)


def ball(points):
    return ((points**2).sum(axis=-1) < 1.3).astype(int)


def test_newtons_fractal():
    measured = bgd.borders(fractal())
    assert 0.55 <= measured.exponent.value <= 0.65
    assert 0 < measured.exponent.error < 0.02
    assert measured.entropy.boundary > np.log(2)
    assert abs(measured.dimension - measured.boxes.value) < 0.1
    assert measured.fractal
    assert "fractal, as far as the grid resolves them" in repr(measured)


def test_newtons_fractal_by_random_points():
    found = sampled_exponent(lambda x: newton(x), BOX, points=20_000)
    assert 0.55 <= found.value <= 0.65
    assert found.error < 0.03


@pytest.mark.parametrize(("labels", "dim", "n"), [(line, 2, 600), (ball, 2, 600), (ball, 3, 120)])
def test_smooth_borders(labels, dim, n):
    measured = bgd.borders(labels(grid(n, dim)))
    assert abs(measured.exponent.value - 1) < 0.03
    assert abs(measured.dimension - (dim - 1)) < 0.03
    assert abs(measured.boxes.value - (dim - 1)) < (0.03 if dim == 2 else 0.08)  # a ball 68 cells wide is bent
    assert measured.entropy.boundary < np.log(2)
    assert not measured.fractal


@pytest.mark.parametrize(("wide", "fractal"), [(2, None), (4, None), (8, None), (16, None), (30, False), (60, False)])
@pytest.mark.parametrize("turned", [0.0, 0.3])
def test_small_smooth_basins_are_not_fractal(wide, fractal, turned):
    """Squares of so many cells, as Ackley's basins are; upright, and turned so that rows and columns cut them."""
    i, j = np.indices((600, 600))
    across, up = np.cos(turned) * i - np.sin(turned) * j, np.sin(turned) * i + np.cos(turned) * j
    measured = bgd.borders((1000 * np.floor(across / wide) + np.floor(up / wide)).astype(int) + 10**6)
    assert measured.fractal is fractal
    assert ("not resolved" in repr(measured)) == (fractal is None)
    if fractal is None:
        assert np.isnan(measured.exponent.value)
        assert "exponent    not resolved" in repr(measured)
        assert "take more cells or a smaller window" in repr(measured)


def test_a_grid_of_fifty_cells_is_too_coarse_for_a_verdict():
    measured = bgd.borders(line(grid(50)))
    assert measured.fractal is None
    assert "not resolved: they are seen at too few sizes; take more cells" in repr(measured)


def test_narrow_stripes_of_two_basins_are_not_fractal():
    for wide, fractal in ((4, None), (30, False)):
        assert bgd.borders(np.indices((400, 400))[0] // wide % 2).fractal is fractal


def test_specks_of_other_basins_make_nothing_fractal_and_leave_a_fractal_its_verdict():
    corner = np.random.default_rng(5).integers(0, 597, (500, 2))
    for labels, truth in ((fractal(), True), (line(grid(600)), None)):
        labels = labels.copy()
        for k, (i, j) in enumerate(corner):
            labels[i : i + 3, j : j + 3] = 10 + k
        measured = bgd.borders(labels)
        assert measured.fractal is truth


def test_shuberts_basins_at_too_few_pixels():
    measured = bgd.map("shubert", resolution=128, backend="cpu").borders()
    assert measured.fractal is None


def test_one_label_has_no_border():
    measured = bgd.borders(np.zeros((50, 50), int))
    assert measured.entropy.basin == 0
    assert np.isnan(measured.entropy.boundary)
    assert np.isnan(measured.exponent.value)
    assert not measured.fractal
    assert "no border" in repr(measured)


def test_entropy_against_its_definition():
    rng = np.random.default_rng(0)
    labels = np.where(rng.random((23, 17)) < 0.6, 3, rng.integers(-1, 4, (23, 17)))
    labels[:8, :8] = 2
    sums = []
    for i in range(0, 20, 4):
        for j in range(0, 16, 4):
            _, count = np.unique(labels[i : i + 4, j : j + 4], return_counts=True)
            sums.append(sum(c / 16 * np.log(16 / c) for c in count))
    found = bgd.basin_entropy(labels, size=4)
    assert found.basin == pytest.approx(np.mean(sums))
    assert found.boundary == pytest.approx(np.mean([s for s in sums if s > 0]))


def test_entropy_of_random_labels_is_the_logarithm_of_their_number():
    found = bgd.basin_entropy(np.random.default_rng(1).integers(0, 4, (400, 400)), size=20)
    assert found.basin == pytest.approx(np.log(4), abs=0.01)


def test_box_counting_against_windows():
    labels = fractal()[:200, :200]
    found = bgd.fractal_dimension(labels)
    for size, measured in zip(found.size.astype(int), found.measured, strict=True):
        count = 199 // size
        corners = [(i * size, j * size) for i in range(count) for j in range(count)]
        mixed = sum(len(np.unique(labels[i : i + size + 1, j : j + size + 1])) > 1 for i, j in corners)
        assert measured == pytest.approx(mixed / count**2 * (199 / size) ** 2)


def test_distance_to_a_disc_from_inside_in_five_dimensions():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(7, 5)) * 0.1
    way = rng.normal(size=(7, 11, 5))
    way /= np.linalg.norm(way, axis=2, keepdims=True)
    found = border_distance(ball, x, way, 4.0, 1e-9)
    along = np.einsum("nd,nkd->nk", x, way)
    np.testing.assert_allclose(found, -along + np.sqrt(along**2 + 1.3 - (x**2).sum(axis=1)[:, None]), atol=1e-7)


def test_no_border_is_infinitely_far():
    assert border_distance(ball, [[0.0, 0.0]], [[[1.0, 0.0]]], 1.0).tolist() == [[np.inf]]


def test_bisection_keeps_each_side():
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(50, 3)), rng.normal(size=(50, 3))
    a, b = a[ball(a) != ball(b)], b[ball(a) != ball(b)]
    low, high = bisect(ball, a, b, ball(a), 1e-7)
    assert (ball(low) == ball(a)).all()
    assert (ball(high) != ball(a)).all()
    assert np.abs(low - high).max() <= 1e-7
    np.testing.assert_allclose((low**2).sum(axis=1), 1.3, atol=1e-5)


def test_labels_of_points_are_those_of_starts():
    result = bgd.multistart("himmelblau", starts=300, backend="numpy")
    np.testing.assert_array_equal(Mapper.of(result)(result.x0), result.label)


def test_wells_in_one_dimension_reach_to_the_barrier():
    def fun(x):  # minima at -1 and 2, a maximum at 0
        return x[0] ** 4 / 4 - x[0] ** 3 / 3 - x[0] ** 2

    result = bgd.multistart(fun, box=[(-3, 3)], starts=50, backend="numpy")
    np.testing.assert_allclose(result.stability().radius, [2.0, 1.0], atol=1e-4)


def test_the_ball_reaches_to_the_nearest_border():
    """Two round wells on the diagonal: the border is the straight line x + y = 0.5 in the middle."""

    def fun(x):
        return -np.exp(-((x[0] + 0.5) ** 2 + (x[1] + 0.5) ** 2)) - np.exp(-((x[0] - 1.0) ** 2 + (x[1] - 1.0) ** 2))

    result = bgd.multistart(fun, box=[(-3, 3), (-3, 3)], starts=200, backend="numpy")
    found = result.stability(directions=16)
    distance = np.abs(result.minima.x.sum(axis=1) - 0.5) / np.sqrt(2)
    assert len(distance) == 2
    np.testing.assert_allclose(found.radius, distance, rtol=3e-3)
    assert (found.radius >= distance - 1e-3).all()
    np.testing.assert_allclose(found.nearest.sum(axis=1), 0.5, atol=2e-3)
    assert (found.escape_radius >= found.radius[:, None] - 1e-3).all()


def test_rastrigins_central_ball_is_as_wide_as_its_square():
    result = bgd.multistart("rastrigin", dim=2, starts=3000, backend="cpu")
    assert result.stability(directions=8).radius[0] == pytest.approx(0.502546, abs=1e-3)


def test_the_map_command_measures_borders(capsys):
    words = ["map", "himmelblau", "--resolution", "100", "--backend", "numpy", "--borders", "--quiet"]
    assert main(words) == 0
    assert "uncertainty exponent" in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["borders"]
    assert abs(told["uncertainty_exponent"][0] - 1) < 0.05
    assert told["fractal"] is False


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: bgd.borders("no"), "labels hold text"),
        (lambda: bgd.borders(np.zeros((100, 100))), "labels are not a grid"),
        (lambda: bgd.borders(np.zeros((30, 30), int)), "side of 30 cells: give 40"),
        (lambda: bgd.basin_entropy(np.zeros((9, 9), int), size=1), "size is 1"),
        (lambda: bgd.basin_entropy(np.zeros((9, 1), int)), "two cells or more"),
        (lambda: bgd.multistart("himmelblau", starts=50, backend="numpy").stability(-1), "directions is -1"),
    ],
)
def test_bad_input(call, said):
    with pytest.raises(bgd.InputError, match=said):
        call()


def test_stability_of_a_loaded_result_needs_its_function(tmp_path):
    bgd.multistart(lambda x: x[0] ** 2, box=[(-1, 1)], starts=9, backend="numpy").save(tmp_path / "run")
    with pytest.raises(bgd.InputError, match="the function is not stored with this result"):
        bgd.load(tmp_path / "run").stability()
