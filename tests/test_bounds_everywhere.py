"""Bounds in everything that descends, or descends again: paths, maps, sweeps, strategies, saddles, the shell."""

import json

import numpy as np
import pytest

import batchgd as bgd
from batchgd.cli import main

BOUNDS = [(-2, 2.5), (-1, 4)]
LOWER, UPPER = np.array(BOUNDS).T
PLACES = [[2.5, 2.24860217], [-2.0, 3.10289827], [2.5, -1.0], [-2.0, -1.0]]
ACTIVE = [[1, 0], [-1, 0], [1, -1], [-1, -1]]


def himmelblau(x):
    """NaN outside the bounds."""
    inside = (x[0] >= -2.0) & (x[0] <= 2.5) & (x[1] >= -1.0) & (x[1] <= 4.0)
    value = (x[0] ** 2 + x[1] - 11.0) ** 2 + (x[0] + x[1] ** 2 - 7.0) ** 2
    return np.where(inside, value, np.nan)


@pytest.fixture(scope="module")
def result():
    return bgd.multistart(himmelblau, bounds=BOUNDS, starts=500)


def assert_faces(minima):
    np.testing.assert_allclose(minima.x, PLACES, atol=1e-7)
    assert minima.active.tolist() == ACTIVE


def test_path():
    paths = bgd.path(himmelblau, [[0.0, 0.0], [2.0, 3.0]], bounds=BOUNDS)
    ends = bgd.descend(himmelblau, [[0.0, 0.0], [2.0, 3.0]], bounds=BOUNDS)
    assert np.array_equal(paths.result.x, ends.x)
    assert np.isfinite(paths.fun).all()
    assert ((paths.x >= LOWER) & (paths.x <= UPPER)).all()
    assert paths.gradient_norm[-1] < 1e-5  # of the projected gradient
    assert paths.result.bounds is not None


def test_map():
    basins = bgd.map(himmelblau, bounds=BOUNDS, resolution=64)
    assert_faces(basins.minima)
    assert basins.within is None
    assert basins.window.tolist() == [[-2.0, 2.5], [-1.0, 4.0]]
    assert basins.label.min() == 0
    points = basins.plane.points(*np.meshgrid(basins.u, basins.v)).reshape(-1, 2)
    same = bgd.multistart(himmelblau, bounds=BOUNDS, starts=points)
    assert np.array_equal(basins.label.ravel(), same.label)


def test_a_map_beyond_the_bounds():
    basins = bgd.map(himmelblau, bounds=BOUNDS, resolution=64, window=((-4, 4), (-2, 5)))
    u, v = np.meshgrid(basins.u, basins.v)
    inside = (u >= -2) & (u <= 2.5) & (v >= -1) & (v <= 4)
    assert np.array_equal(basins.within, inside)
    assert (basins.label[~inside] == -1).all()
    assert (basins.label[inside] >= 0).all()
    assert basins.unlabelled == 0
    assert basins.minima.count.sum() == basins.n == inside.sum()
    assert "outside the bounds" in str(basins)
    zoomed = basins.zoom(((-2.2, -1.8), (0, 1)), resolution=32)
    assert 0 < zoomed.n < 32 * 32
    assert_faces(zoomed.minima)
    with pytest.raises(bgd.InputError, match="no pixel of the map is within the bounds"):
        bgd.map(himmelblau, bounds=BOUNDS, resolution=16, window=((3, 4), (0, 1)))
    with pytest.raises(bgd.InputError, match="at has 9 in coordinate 2, outside its bounds"):
        bgd.map("rastrigin", dim=3, bounds=(-1, 1), plane=(0, 1), at=[0, 0, 9])


def test_a_fixed_coordinate_in_a_map():
    basins = bgd.map(
        "styblinski_tang", dim=3, bounds=[(-5, 5), (-5, 5), (0.3, 0.3)], plane=(0, 1), resolution=32, box=None
    )
    assert (basins.minima.x[:, 2] == 0.3).all()
    assert len(basins.minima) == 4
    assert basins.n == 32 * 32


def test_sweep():
    swept = bgd.sweep(himmelblau, bounds=BOUNDS, starts=100, learning_rate=[0.001, 0.005], fidelity=False)
    assert (swept.lost == 0).all()
    assert swept.best.tolist() == pytest.approx([6.56636258] * 2)


def test_compare():
    table = bgd.compare(
        [bgd.BarzilaiBorwein(), bgd.LBFGS()], ["himmelblau", ("rastrigin", 3)], bounds=(-2, 2.5), starts=100,
        reference=bgd.Armijo(),
    )  # fmt: skip
    assert not table.failures
    assert [cell.minima for cell in table][:2] == [4, 4]
    scaled = bgd.compare(["armijo"], ["himmelblau"], bounds=BOUNDS, starts=100, reference=bgd.Armijo(), scale=True)
    assert scaled.cells[0].minima == 4
    with pytest.raises(bgd.InputError, match="given for 3 coordinates, and there are 2"):
        bgd.compare(["armijo"], ["himmelblau"], bounds=[(0, 1)] * 3)


@pytest.mark.parametrize("strategy", [bgd.MLSL(), bgd.BasinHopping(hops=5), bgd.RareBasins()])
def test_strategies(strategy):
    found = bgd.multistart(himmelblau, bounds=BOUNDS, starts=200, strategy=strategy)
    assert_faces(found.minima)
    assert ((found.x >= LOWER) & (found.x <= UPPER)).all()
    assert ((found.x0 >= LOWER) & (found.x0 <= UPPER)).all()
    assert np.isfinite(found.fun).all()


@pytest.mark.parametrize("strategy", [bgd.MLSL(), bgd.BasinHopping(hops=3), bgd.RareBasins()])
def test_strategies_leave_fixed_coordinates_alone(strategy):
    found = bgd.multistart(
        "styblinski_tang", dim=3, bounds=[(-5, 5), (1.0, 1.0), (-5, 5)], starts=100, strategy=strategy
    )
    assert (found.x0[:, 1] == 1.0).all()
    assert (found.x[:, 1] == 1.0).all()
    assert len(found.minima) == 4


def test_check_and_recluster(result):
    checked = bgd.multistart(himmelblau, bounds=BOUNDS, starts=500, check=True)
    assert not checked.warnings
    assert_faces(result.recluster({"x": 1e-4}).minima)


def test_stability_is_measured_within_the_bounds(result):
    measured = result.stability(16)
    assert ((measured.nearest >= LOWER) & (measured.nearest <= UPPER)).all()
    assert (measured.radius < 3.0).all()
    # Two wells on an interval, of which the left one is cut off: the barrier at 0 is as far as without bounds.
    wells = bgd.multistart(lambda x: x[0] ** 4 / 4 - x[0] ** 3 / 3 - x[0] ** 2, bounds=[(-0.5, 3)], starts=50)
    assert wells.minima.x.ravel().tolist() == [2.0, -0.5]
    assert wells.stability().radius.round(3).tolist() == [2.0, 0.5]
    whole = bgd.multistart(lambda x: x @ x, bounds=[(-1, 1)] * 2, starts=20)
    assert np.isinf(whole.stability(4).radius).all()


def test_saddles_on_faces_and_between_them():
    # Gradient flow goes down from a saddle; what is said about the saddles does not depend on it.
    cube = bgd.multistart(lambda x: -(x @ x) + 0.1 * x[0], bounds=[(-1, 1)] * 3, starts=300).connect()
    assert len(cube) == 12  # the middles of the edges
    assert (np.count_nonzero(cube.active, axis=1) == 2).all()
    assert sorted(cube.fun.round(4).tolist()) == [-2.1] * 4 + [-1.9975] * 4 + [-1.9] * 4
    assert (np.isfinite(cube.eigenvalues).sum(axis=1) == 1).all()
    assert not cube.unconnected


def test_saddles_within_bounds(result):
    saddles = result.connect()
    assert saddles.active.tolist() == [[1, 0], [0, 0], [-1, 0], [0, -1]]
    assert saddles.joins.tolist() == [[0, 2], [0, 1], [1, 3], [2, 3]]
    np.testing.assert_allclose(saddles.fun, [45.787825, 67.719150, 132.912321, 181.569904], rtol=1e-7)
    assert saddles.eigenvalues[:, 0].max() < 0.0
    assert saddles.summary()["saddles"][0]["active"] == [1, 0]
    assert "on bounds" in str(saddles)


def test_fidelity_and_the_basins_of_projected_flow():
    # Separable: each coordinate of the projected flow goes down on its own, and stops at a bound. The barrier between
    # the wells of x^4 - 8 x^2 + x / 2 is at 0.0312652, so the left one has 2.0312652 of the 6 between the bounds.
    barrier = 0.0312652
    found = bgd.multistart(
        lambda x: np.sum(x**4 - 8.0 * x**2 + 0.5 * x), bounds=[(-1.5, 4), (-2.0, 1.0)], starts=4000,
        method=bgd.GradientFlow(),
    )  # fmt: skip
    left = (barrier + 1.5) / 5.5, (barrier + 2.0) / 3.0
    assert found.minima.active.tolist().count([0, 0]) == 0
    for x, fraction, low, high in zip(
        found.minima.x, found.minima.fraction, found.minima.fraction_low, found.minima.fraction_high, strict=True
    ):
        shares = [share if side < 0 else 1 - share for share, side in zip(left, x, strict=True)]
        assert low <= np.prod(shares) <= high
        assert fraction == pytest.approx(np.prod(shares), abs=0.03)
    starts = found.x0
    assert np.array_equal(found.minima.x[found.label] < 0.0, starts < barrier)
    agree = bgd.multistart(himmelblau, bounds=BOUNDS, starts=300).fidelity(200)
    assert agree.agree > 0.95


def test_a_symmetry_that_the_bounds_have():
    fun = lambda x: (x[0] ** 2 - 4.0) ** 2 + (x[1] ** 2 - 4.0) ** 2 + x[0] * x[1]  # noqa: E731
    swapped = bgd.Identity(symmetry="permutations(1)")
    free = bgd.multistart(fun, bounds=[(-1.5, 3)] * 2, starts=300)
    found = bgd.multistart(fun, bounds=[(-1.5, 3)] * 2, starts=300, identity=swapped)
    assert (len(free.minima), len(found.minima)) == (4, 3)
    assert found.minima.count.sum() == 300
    assert found.minima.active.any()
    with pytest.raises(bgd.InputError, match=r"do not have the symmetry permutations\(1\), which takes points outside"):
        bgd.multistart(fun, bounds=[(-1.5, 3), (-1, 3)], starts=20, identity=swapped)
    with pytest.raises(bgd.InputError, match=r"do not have the symmetry permutations\(1\)"):
        bgd.multistart(fun, bounds=[(-1.5, 3), (-1, 3)], starts=20).recluster(swapped)
    with pytest.raises(bgd.InputError, match=r"do not have the symmetry rotations\(2\)"):
        bgd.multistart(lambda x: x @ x, bounds=[(-1, 1)] * 2, starts=20, identity=bgd.Identity(symmetry="rotations(2)"))
    own = bgd.multistart("lennard_jones", atoms=3, bounds=(-1.0, 1.0), starts=50, maxiter=200)
    assert own.identity.symmetry is None


def test_pictures_show_the_bounds(result):
    pytest.importorskip("matplotlib").use("Agg")
    basins = bgd.map(himmelblau, bounds=BOUNDS, resolution=32, window=((-4, 4), (-2, 5)))
    paths = bgd.path(himmelblau, [[0.0, 0.0]], bounds=BOUNDS)
    slices = result.plot.slices().ravel()[0]
    for ax in (basins.plot(), result.plot.basins(), slices, paths.plot.contours()):
        assert [each.get_gid() for each in ax.collections].count("bound") == 4
        segments = np.concatenate([each.get_segments()[0] for each in ax.collections if each.get_gid() == "bound"])
        assert np.unique(segments[:, 0]).tolist() == [-2.0, 2.5]
        assert np.unique(segments[:, 1]).tolist() == [-1.0, 4.0]


SHELL = ("--bounds", "-2", "2.5", "--bounds", "-1", "4")


def shell(capsys, *words):
    assert main([*words]) == 0
    return json.loads(capsys.readouterr().out)


def test_shell(capsys, tmp_path):
    path = shell(capsys, "path", "himmelblau", *SHELL, "--x0", "0,0", "--json")
    assert path["runs"][0]["paths"][0]["x"][-1] == pytest.approx(PLACES[0])
    basins = shell(capsys, "map", "himmelblau", *SHELL, "--resolution", "32", "--json", "--quiet")
    assert len(basins["minima"]) == 4
    words = ("--learning-rate", "0.001,0.005", "--starts", "50", "--no-fidelity", "--json", "--quiet")
    assert shell(capsys, "sweep", "himmelblau", *SHELL, *words)
    words = ("--method", "armijo", "--bounds", "-2", "2.5", "--starts", "50", "--json", "--quiet")
    assert main(["compare", "himmelblau", *words]) in (0, 1)
    capsys.readouterr()
    run = ("run", "himmelblau", *SHELL, "--starts", "200", "--quiet")
    saved = shell(capsys, *run, "--json", "--out", str(tmp_path / "run"))
    assert [each["active"] for each in saved["minima"]] == ACTIVE
    shown = shell(capsys, "show", str(tmp_path / "run"), "--json")
    assert [each["multipliers"] for each in shown["minima"]] == [each["multipliers"] for each in saved["minima"]]
    assert main([*run, "--csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "active" in lines[0]
    assert main(["run", "himmelblau", "--bounds", "1", "0"]) == 2
