"""Basin maps: planes in closed form, refinement against every pixel, known fractions, pictures, bad input."""

import json

import numpy as np
import pytest

import batchgd as bgd
from batchgd import InputError
from batchgd.analysis.basins.plane import PixelGrid, PixelStarts, Plane
from batchgd.analysis.basins.refine import extent, fill, refine, stride_of
from batchgd.cli import main

# Shares of ±6 squared under gradient flow, from an error-controlled integration on 1000 x 1000 starts, by minimum
HIMMELBLAU = {(3.0, 2.0): 0.24951, (3.58443, -1.84813): 0.24890, (-3.77931, -3.28319): 0.24336}


@pytest.fixture(scope="module")
def himmelblau():
    return bgd.map("himmelblau", resolution=256)


def drawn(image, stride):
    """Refine an image that is known as a whole: which pixels are looked at, and the image filled from them."""
    rows, columns = image.shape
    side = extent(image.shape, stride)
    whole = np.pad(image, [(0, side[0] - rows), (0, side[1] - columns)], mode="edge").astype(np.int32)
    seen = []

    def visit(row, column):
        seen.append((row, column))

    def labels():
        row, column = (np.concatenate(part) for part in zip(*seen, strict=True))
        return whole[row, column]

    known = refine(image.shape, stride, visit, labels)
    row, column = (np.concatenate(part) for part in zip(*seen, strict=True))
    assert len(np.unique(row * side[1] + column)) == len(row) == known.sum()  # no pixel twice
    made, heights = np.where(known, whole, -9), np.where(known, whole.astype(float), np.nan)
    looked = known.copy()
    fill(known, stride, [made], [heights])
    return looked[:rows, :columns], made[:rows, :columns], heights[:rows, :columns]


@pytest.mark.parametrize("shape", [(128, 128), (127, 200), (65, 64)])
@pytest.mark.parametrize("stride", [1, 2, 4, 8])
def test_refinement_restores_images_with_wide_pieces(shape, stride):
    row, column = np.mgrid[: shape[0], : shape[1]]
    image = (column > 40 + 10 * np.sin(row / 9)).astype(int) + 2 * (row > 50)
    looked, made, heights = drawn(image, stride)
    assert np.array_equal(made, image)
    assert np.array_equal(heights, image)
    assert looked.all() == (stride == 1)


def test_refinement_looks_at_few_pixels():
    image = (np.add.outer(np.arange(1024), 0.3 * np.arange(1024)) > 600).astype(int)
    looked, made, _ = drawn(image, 8)
    assert np.array_equal(made, image)
    assert looked.mean() < 0.06


def test_islands_between_the_lattice_are_missed():
    """The risk, as it is told: an island of 5 x 5 pixels that no lattice point hits."""
    image = np.zeros((128, 128), int)
    image[65:70, 65:70] = 1
    _, made, _ = drawn(image, 8)
    assert not made.any()
    image[63:70, 63:70] = 1  # now pixel (64, 64) hits it
    _, made, _ = drawn(image, 8)
    assert np.array_equal(made, image)


def test_between_lattice_points_values_are_blended():
    known = np.zeros((3, 3), bool)
    known[::2, ::2] = True
    values = np.array([[0.0, 9, 2], [9, 9, 9], [4, 9, 6]])
    fill(known, 2, [], [values])
    assert values.tolist() == [[0, 1, 2], [2, 3, 4], [4, 5, 6]]


def test_strides():
    assert [stride_of((n, n)) for n in (2, 16, 32, 64, 128, 4096)] == [1, 1, 2, 4, 8, 8]


def test_planes_in_closed_form():
    plane = Plane.through([[1, 1, 1], [3, 1, 1], [0, 5, 1]])
    assert plane.first.tolist() == [1, 0, 0]
    assert plane.second.tolist() == [0, 1, 0]
    u, v, away = plane.coordinates([[3.0, 1, 1], [0, 5, 1], [1, 1, 4]])
    assert (u.tolist(), v.tolist(), away.tolist()) == ([2, -1, 0], [0, 4, 0], [0, 0, 3])
    rng = np.random.default_rng(0)
    plane = Plane.through(rng.normal(size=(3, 6)))
    assert np.stack([plane.first, plane.second]) @ np.stack([plane.first, plane.second]).T == pytest.approx(np.eye(2))
    u, v = rng.normal(size=(2, 7))
    assert plane.coordinates(plane.points(u, v))[:2] == (pytest.approx(u), pytest.approx(v))


def test_pixels_lie_at_the_centres_of_equal_cells():
    grid = PixelGrid(Plane.axes((1, 0), [0.0, 0.0, 7.0]), np.array([[0.0, 4.0], [10.0, 12.0]]), (2, 4))
    assert grid.u.tolist() == [0.5, 1.5, 2.5, 3.5]
    assert grid.v.tolist() == [10.5, 11.5]
    starts = PixelStarts(grid, np.array([1, 0]), np.array([2, 3]))
    assert starts.points(0, 2).tolist() == [[11.5, 2.5, 7.0], [10.5, 3.5, 7.0]]
    assert starts.points(1, 2).tolist() == [[10.5, 3.5, 7.0]]


def test_shares_of_himmelblau(himmelblau):
    """Known to 5 digits; a map of 256^2 pixels errs by the pixels that borders cross."""
    for place, share in HIMMELBLAU.items():
        label = np.abs(himmelblau.minima.x - place).max(axis=1).argmin()
        assert himmelblau.minima.fraction[label] == pytest.approx(share, abs=0.002)
    assert himmelblau.minima.count.sum() == himmelblau.n
    assert himmelblau.minima.fraction_low is None


def test_an_adaptive_map_equals_the_full_one(himmelblau):
    full = bgd.map("himmelblau", resolution=256, adaptive=False)
    assert np.array_equal(full.label, himmelblau.label)
    assert np.array_equal(full.nit[himmelblau.computed], himmelblau.nit[himmelblau.computed])
    assert np.array_equal(full.fun[himmelblau.computed], himmelblau.fun[himmelblau.computed])
    assert full.descents == 256**2
    assert himmelblau.descents < 0.2 * 256**2
    assert (full.audit.pixels, himmelblau.audit.pixels, himmelblau.audit.wrong) == (0, 1000, 0)
    assert full.computed.all()
    held = ~himmelblau.computed
    assert np.abs(np.log((1.0 + full.nit[held]) / (1.0 + himmelblau.nit[held]))).mean() < 0.15


def test_each_computed_pixel_is_the_descent_from_its_centre(himmelblau):
    row, column = np.nonzero(himmelblau.computed)
    some = np.random.default_rng(0).choice(len(row), 50)
    starts = np.stack([himmelblau.u[column[some]], himmelblau.v[row[some]]], axis=1)
    ends = bgd.multistart("himmelblau", starts=starts, backend="cpu")
    place = himmelblau.minima.x[himmelblau.label[row[some], column[some]]]
    assert ends.minima.x[ends.label] == pytest.approx(place, abs=1e-6)
    assert np.array_equal(ends.nit, himmelblau.nit[row[some], column[some]])


def test_an_audit_finds_what_refinement_misses():
    """A crater on a hill, whose basin fits between the points of the lattice: the audit finds wrong pixels."""

    def dented(x):
        square = (x[0] - 0.285) ** 2 + (x[1] - 0.285) ** 2
        hill = 0.2 * np.exp(-square / (2 * 0.1**2)) - 0.05 * np.exp(-square / (2 * 0.008**2))
        return (x[0] - 0.6) ** 2 + (x[1] - 0.53) ** 2 + hill

    box = [(0, 1), (0, 1)]
    found, full = bgd.map(dented, box, 128, audit=10**6), bgd.map(dented, box, 128, adaptive=False)
    island = int(np.sum(full.label == len(full.minima) - 1))
    assert 4 < island < 64
    assert found.audit.wrong == island
    assert np.array_equal(found.label, full.label)  # an audit of all filled-in pixels leaves nothing wrong
    assert bgd.map(dented, box, 128, audit=0).minima.count.sum() == 128**2
    assert f"{island:,} of" in repr(found)


def test_zoom_keeps_labels(himmelblau):
    part = himmelblau.zoom(((-6, 0), (-6, 0)), resolution=64)
    assert part.minima.x == pytest.approx(himmelblau.minima.x, abs=1e-8)
    assert part.minima.count.sum() == 64**2
    corner = himmelblau.label[1:128:2, 1:128:2]
    assert np.mean(corner == part.label) > 0.97
    assert part.label.shape == (64, 64)


def test_planes_of_a_landscape_in_four_dimensions():
    result = bgd.multistart("shekel", dim=4, starts=500, backend="cpu")
    three = result.minima.x[:3]
    found = bgd.map("shekel", dim=4, plane=three, resolution=96)
    u, v, away = found.plane.coordinates(three)
    assert away == pytest.approx(np.zeros(3), abs=1e-12)
    for k in range(3):  # the pixel at each minimum belongs to it
        row, column = np.abs(found.v - v[k]).argmin(), np.abs(found.u - u[k]).argmin()
        assert found.minima.x[found.label[row, column]] == pytest.approx(three[k], abs=1e-5)
    axes = bgd.map("shekel", dim=4, plane=(2, 0), at=three[0], resolution=(40, 24))
    assert axes.label.shape == (24, 40)
    assert axes.plane.names == ("x2", "x0")
    assert axes.plane.points(1.0, 2.0) == pytest.approx([2.0, three[0][1], 1.0, three[0][3]])


def test_no_label_is_a_label():
    found = bgd.map(lambda x: x[0] ** 3 + x[1] ** 2, [(-1, 1)] * 2, 32, maxiter=100, backend="cpu")
    assert (found.label == -1).all()
    assert "no minimum" in repr(found)
    assert found.plot() is not None


def test_a_dataset_has_the_coordinates(himmelblau):
    data = himmelblau.to_xarray()
    assert data["label"].dims == ("x1", "x0")
    assert np.array_equal(data["label"].sel(x0=3.0, x1=2.0, method="nearest"), himmelblau.label[170, 191])
    assert data["nit"].shape == (256, 256)
    assert data["minimum_x"].shape == (4, 2)


def test_the_picture(himmelblau, tmp_path):
    from matplotlib.figure import Figure

    ax = Figure().subplots()
    assert himmelblau.plot(ax) is ax
    image = ax.images[0].get_array()
    assert image.shape == (256, 256, 3)
    white = np.all(image == 1.0, axis=-1)
    assert 0.001 < white.mean() < 0.02  # borders, a pixel wide
    assert sum(len(a.get_offsets()) for a in ax.collections if a.get_gid() == "best") == 4
    plain = himmelblau.plot(Figure().subplots(), shade=False, contours=False, key=False)
    assert len(np.unique(np.asarray(plain.images[0].get_array()).reshape(-1, 3), axis=0)) == 5


def test_the_shell_maps(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["map", "himmelblau", "--resolution", "64", "--plot", "map.png", "--json", "--quiet"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["pixels"] == 64**2
    assert len(told["minima"]) == 4
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    line = "map shekel --dim 4 --resolution 40 --plane 0,2 --at 4,4,4,4 --window=3,5,3,5 --no-adaptive"
    assert main(line.split()) == 0
    assert "1,600 descents" in capsys.readouterr().out
    points = ["--through=4,4,4,4", "--through=8,8,8,8", "--through=1,1,2,1"]
    assert main(["map", "shekel", "--dim", "4", "--resolution", "40", *points]) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"resolution": 0}, "resolution is 0"),
        ({"resolution": 1_000_000}, "resolution is 1000000"),
        ({"resolution": 12.5}, "resolution is 12.5"),
        ({"plane": (0, 0)}, "two different axes"),
        ({"plane": (0, 2)}, "an axis of the plane is 2: give a whole number from 0 to 1"),
        ({"plane": [[0, 0], [1, 1], [2, 2]]}, "lie on one line"),
        ({"plane": [[1, 1], [1, 1], [2, 2]]}, "lie on one line"),
        ({"plane": [[0, 0], [1, np.nan], [2, 2]]}, "finite"),
        ({"plane": [[0, 0, 0], [1, 1, 0], [2, 2, 1]]}, "three points of 2 coordinates"),
        ({"at": [1.0]}, "at has shape"),
        ({"plane": [[0, 0], [1, 1], [2, 0]], "at": [0, 0]}, "leave it out"),
        ({"window": ((1, 0), (0, 1))}, "window is"),
        ({"window": 3}, "window is"),
        ({"audit": -1}, "audit is -1"),
        ({"method": bgd.Adam(np.array([0.1, 0.2]))}, "2 values for 1 starts"),
    ],
)
def test_bad_input_is_told_in_one_line(arguments, words):
    with pytest.raises(InputError, match=words) as caught:
        bgd.map("himmelblau", **arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "line",
    ["shekel --dim 4", "himmelblau --window 1,2", "himmelblau --plane 0,1 --through 1,1", "himmelblau --plot x.txt"],
)
def test_the_shell_refuses_in_one_line(line, capsys):
    assert main(["map", *line.split()]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_function_of_one_variable_has_no_plane():
    with pytest.raises(InputError, match="two coordinates or more"):
        bgd.map("rastrigin", dim=1)


def test_a_map_reports_its_progress_and_ends_when_its_time_is_up(monkeypatch):
    monkeypatch.setattr("batchgd.engine.progress.SECONDS", 0.0)
    updates = []
    found = bgd.map("himmelblau", resolution=64, backend="numpy", audit=0, progress=updates.append)
    assert max(update.total for update in updates) == found.descents
    late = bgd.map("himmelblau", resolution=64, backend="numpy", max_time=1e-9)
    assert (late.status == bgd.Status.MAXTIME).any()
