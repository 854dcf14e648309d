"""The pictures: axes in, axes out; what is drawn, counted; files; and no trace left in matplotlib's state."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import result_samples as samples
from matplotlib.figure import Figure

import batchgd as bgd
from batchgd import Box, InputError
from batchgd.api.pictures import PICTURES
from batchgd.output.plot import register_picture, save_picture, suitable
from batchgd.output.plot.basins import pixel_labels
from batchgd.output.plot.canvas import grid_values, levels, write
from batchgd.output.plot.landscapes import draw_landscape
from batchgd.output.plot.style import palette

MANY = {
    "few": lambda: samples.himmelblau(5_000, unlabelled=50),
    "dots": lambda: samples.himmelblau(500, unlabelled=5),
    "121": lambda: samples.rastrigin(11),
    "484": lambda: samples.rastrigin(22),
}


def artists(ax, gid):
    return [a for a in ax.collections if a.get_gid() == gid]


def count(ax, gid):
    return sum(len(a.get_offsets()) for a in artists(ax, gid))


def first(axes):
    return np.asarray(axes, dtype=object).ravel()[0]


@pytest.mark.parametrize("name", [name for name, row in PICTURES.items() if not row.special])
@pytest.mark.parametrize("which", MANY)
def test_every_picture_draws_into_a_file(name, which, tmp_path):
    result = MANY[which]()
    axes = save_picture(result, tmp_path / "picture.png", name)
    raw = (tmp_path / "picture.png").read_bytes()
    assert raw.startswith(b"\x89PNG")
    assert len(raw) > 5_000
    figure = first(axes).figure
    heading = figure._suptitle.get_text() if name == "slices" else first(axes).get_title(loc="left")
    assert f"{result.n:,}" in heading


def test_every_picture_says_what_it_shows_and_takes():
    pictures = samples.himmelblau(10).plot
    assert dir(pictures) == sorted(PICTURES)
    for name, row in PICTURES.items():
        assert row.shows
        text = getattr(pictures, name).__doc__
        assert text.count("Parameters\n----------\nresult : BatchResult") == text.count("Returns\n") == 1


@pytest.mark.usefixtures("registries")
def test_a_picture_says_what_it_needs():
    @register_picture("values of the minima", trajectories=False, dims=(1, 3), instead="funnel")
    def values(result, ax):
        ax.plot(result.minima.fun)
        return ax

    ax = Figure().subplots()
    assert samples.himmelblau(20).plot.values(ax) is ax
    with pytest.raises(InputError, match="needs 1 to 3 dimensions, this result has 4: draw"):
        samples.rastrigin(2, dim=4).plot.values()
    with pytest.raises(InputError, match="needs minima, and this result has none"):
        samples.batch().plot.values()


@pytest.mark.parametrize("name", ["basins", "waterfall", "iterations"])
def test_axes_in_axes_out(name):
    ax = Figure().subplots()
    assert getattr(samples.himmelblau(100).plot, name)(ax=ax) is ax
    with pytest.raises(InputError, match="ax is 3: give axes"):
        getattr(samples.himmelblau(100).plot, name)(ax=3)


def test_pyplot_is_never_imported(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import result_samples as s\n"
        "s.himmelblau(50).plot(sys.argv[2]); assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    import os
    import subprocess

    environment = {k: v for k, v in os.environ.items() if k != "DISPLAY"}
    here = os.path.dirname(samples.__file__)
    command = [sys.executable, "-W", "error", "-c", code, here, str(tmp_path / "a.png")]
    subprocess.run(command, check=True, env=environment)


def test_matplotlibs_settings_stay():
    import matplotlib

    before = dict(matplotlib.rcParams)
    samples.himmelblau(100).plot.basins()
    samples.rastrigin(3, dim=3).plot.slices()
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(("which", "minima", "best"), [("few", 4, 4), ("121", 121, 1), ("484", 484, 1)])
def test_the_map_marks_every_minimum_and_stars_the_best(which, minima, best):
    ax = MANY[which]().plot.basins()
    assert count(ax, "minima") == minima - best
    assert count(ax, "best") == best
    assert (ax.get_legend() is not None) == (minima <= 12)
    assert len(ax.images) == 1
    assert ax.get_aspect() == 1.0


def test_few_starts_are_dots_each_in_its_place():
    result = samples.himmelblau(500, unlabelled=5)
    ax = result.plot.basins(contours=False)
    assert not ax.images
    assert sum(len(c.get_offsets()) for c in ax.collections if c.get_gid() is None) == 500


def test_the_key_lists_the_shares():
    legend = samples.himmelblau(5_000, unlabelled=50).plot.basins().get_legend()
    lines = [text.get_text() for text in legend.get_texts()]
    assert len(lines) == 5
    assert lines[-1].split() == ["-1", "none", "1.00", "%"]


def test_colours_of_the_map_are_those_of_the_labels():
    result = samples.himmelblau(5_000)
    image = result.plot.basins(contours=False).images[0].get_array()
    side = image.shape[0]
    from batchgd.output.plot.style import blend

    colours = blend(palette(4), 0.72)
    for k, (u, v) in enumerate(result.minima.x):
        cell = image[int((v + 6) / 12 * side), int((u + 6) / 12 * side)]
        assert np.allclose(cell, colours[k])


def test_a_map_without_its_function_has_no_contours():
    result = samples.himmelblau(5_000)
    drawn = len(result.plot.basins().collections)
    result.objective = None
    assert len(result.plot.basins().collections) == drawn - 1


def test_minima_outside_the_drawn_region_are_told():
    result = samples.himmelblau(5_000)
    result.minima.x[2] = 50.0
    ax = result.plot.basins()
    assert count(ax, "best") == 3
    assert any("1 minimum is outside" in t.get_text() for t in ax.texts)


def test_starts_that_leave_the_box_widen_the_map():
    starts = np.random.default_rng(0).normal(scale=4.0, size=(4_000, 2))
    box = Box([-1, -1], [1, 1])
    ax = samples.multistart(samples.HIMMELBLAU, samples.HIMMELBLAU_MINIMA, starts, box).plot.basins()
    assert ax.get_xlim()[0] < starts[:, 0].min()
    assert np.any(np.all(ax.images[0].get_array()[..., :3] == 1.0, axis=2))


def test_pixels_take_the_majority_and_the_nearest():
    starts = np.array([[0.5, 0.5], [0.6, 0.5], [0.7, 0.5], [3.5, 0.5]])
    image = pixel_labels(starts, np.array([2, 1, 1, -1]), np.zeros(2), np.array([4.0, 1.0]), (1, 4))
    assert image.tolist() == [[1, 1, -1, -1]]
    far = pixel_labels(np.full((1, 2), 0.5), np.array([0]), np.zeros(2), np.array([900.0, 1.0]), (1, 900))
    assert far[0, 0] == 0
    assert far[0, -1] == -2


def test_slices_say_what_they_show():
    result = samples.rastrigin(3, dim=3)
    axes = result.plot.slices()
    assert len(axes) == 3
    for ax in axes:
        assert count(ax, "best") == 1
        assert count(ax, "minima") == 8
    assert "value on planes through the best minimum" in axes[0].figure._supxlabel.get_text()
    assert [(ax.get_xlabel(), ax.get_ylabel()) for ax in axes] == [("x0", "x1"), ("x0", "x2"), ("x1", "x2")]
    result.objective = None
    assert "starts, projected" in result.plot.slices()[0].figure._supxlabel.get_text()


def test_minima_elsewhere_are_open_circles():
    minima = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 0.0], [-1.0, 0.5, 1.0]])
    starts = np.random.default_rng(0).uniform(-2, 2, size=(50, 3))
    function = samples.Function("bowl", 3, lambda x: np.sum(np.square(x), axis=-1), lambda x: 2 * np.asarray(x))
    ax = samples.multistart(function, minima, starts, Box([-2] * 3, [2] * 3)).plot.slices(pairs=[(0, 1)])[0]
    assert count(ax, "minima") == count(ax, "projected") == 1


@pytest.mark.parametrize("pairs", [[(0, 0)], [(0, 3)], [(-1, 0)], []])
def test_pairs_that_are_none(pairs):
    with pytest.raises(InputError, match="pair"):
        samples.rastrigin(3, dim=3).plot.slices(pairs=pairs)


def test_slices_in_high_dimensions_are_at_most_six():
    assert len(samples.rastrigin(1, dim=20, n=50).plot.slices()) == 6


def test_the_waterfall_rises_and_its_axis_suits():
    ax = samples.rastrigin(11).plot.waterfall()
    height = artists(ax, "values")[0].get_offsets()[:, 1]
    assert np.all(np.diff(height) > -1e-6)
    assert len(height) <= 4_000 + 2 * 121
    assert ax.get_yscale() == "linear"
    flat = samples.himmelblau(500).plot.waterfall()
    assert np.ptp(flat.get_ylim()) > 0.1


def test_a_wide_range_is_logarithmic():
    minima = np.array([[0.0, 0.0], [0.1, 0.0], [5.0, 5.0], [30.0, 30.0]])
    starts = np.random.default_rng(0).uniform(-1, 40, size=(40_000, 2))
    function = samples.Function("bowl", 2, lambda x: np.sum(np.square(x), axis=-1), lambda x: 2 * np.asarray(x))
    ax = samples.multistart(function, minima, starts, Box([-1, -1], [40, 40])).plot.waterfall()
    assert ax.get_yscale() == "symlog"
    assert ax.get_ylabel() == "fun − best"


def test_outliers_do_not_stretch_the_axis():
    result = samples.himmelblau(500, unlabelled=3)
    result.fun[-3:] = [1e12, np.inf, np.nan]
    ax = result.plot.waterfall()
    assert ax.get_ylim()[1] < 10
    assert count(ax, "beyond") == 3
    assert any("3 starts end above the axis or not finite" in t.get_text() for t in ax.texts)


def test_a_batch_without_labels_has_its_pictures():
    batch = samples.batch(40)
    assert suitable(batch) == "waterfall"
    assert batch.plot.waterfall().get_legend() is None
    assert "ended by" in batch.plot.iterations().get_legend().get_title().get_text()
    with pytest.raises(InputError, match="needs labels"):
        batch.plot.basins()


def test_the_histogram_counts_everyone():
    result = samples.himmelblau(1_000, unlabelled=10)
    result.nit[:3] = [0, 10_000, 9_999]
    ax = result.plot.iterations()
    total = sum(patch.get_data().values.sum() for patch in ax.patches if patch.get_fill())
    assert total == 1_000
    assert ax.get_xscale() == "log"


@pytest.mark.parametrize("nit", [[0], [5, 5, 5], [0, 1], [1, 100_000]])
def test_odd_histograms(nit, tmp_path):
    batch = samples.batch(len(nit))
    batch.nit = np.array(nit)
    ax = save_picture(batch, tmp_path / "a.png", "iterations")
    assert sum(patch.get_data().values.sum() for patch in ax.patches if patch.get_fill()) == len(nit)


def test_the_picture_that_suits():
    assert suitable(samples.himmelblau(10)) == "basins"
    assert suitable(samples.rastrigin(3, dim=3)) == "slices"
    assert suitable(samples.rastrigin(3, dim=1)) == "waterfall"


def test_no_minimum_and_no_finite_value_still_draw(tmp_path):
    result = samples.himmelblau(20, unlabelled=20)
    for name in ("x", "fun", "count", "fraction", "fraction_low", "fraction_high", "kind", "inside"):
        object.__setattr__(result.minima, name, getattr(result.minima, name)[:0])
    for name in ("basins", "waterfall", "iterations"):
        save_picture(result, tmp_path / f"{name}.png", name)
    with pytest.raises(InputError, match="this result has none"):
        result.plot.slices()


def test_files_that_cannot_be_written(tmp_path):
    result = samples.himmelblau(10)
    with pytest.raises(InputError, match="must end in a picture format"):
        result.plot(tmp_path / "a.docx")
    with pytest.raises(InputError, match="is not a folder; create it first"):
        result.plot(tmp_path / "no" / "a.png")
    (tmp_path / "b.png").mkdir()
    with pytest.raises(InputError, match="cannot write"):
        result.plot(tmp_path / "b.png")
    with pytest.raises(AttributeError, match="unknown picture 'pie': choose from "):
        _ = result.plot.pie
    result.plot(tmp_path / "a.svg")
    assert "<svg" in (tmp_path / "a.svg").read_text()


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps links and permissions differently")
def test_a_new_picture_keeps_the_link_and_the_mode_of_the_old(tmp_path):
    (tmp_path / "kept").mkdir()
    target = tmp_path / "kept" / "picture"
    target.write_text("an earlier picture")
    target.chmod(0o600)
    (tmp_path / "a.png").symlink_to(target)
    (tmp_path / "full.png").symlink_to("/dev/full")
    result = samples.himmelblau(10)
    result.plot(tmp_path / "a.png")
    assert (tmp_path / "a.png").is_symlink()
    assert target.read_bytes().startswith(b"\x89PNG")
    assert target.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in target.parent.iterdir()] == ["picture"]
    if Path("/dev/full").exists():
        with pytest.raises(InputError, match=r"cannot write .*full\.png: No space left on device"):
            result.plot(tmp_path / "full.png")


def test_a_landscape_with_its_known_minima():
    box = Box([-6, -6], [6, 6])
    ax = draw_landscape(samples.HIMMELBLAU, box, samples.HIMMELBLAU_MINIMA, "Himmelblau")
    assert count(ax, "best") == 4
    assert ax.get_title(loc="left") == "Himmelblau"
    assert len(ax.figure.axes) == 2
    assert any("4 minima, global" in t.get_text() for t in ax.texts)
    ax = draw_landscape(samples.HIMMELBLAU, box, samples.HIMMELBLAU_MINIMA[:1], "Himmelblau", total=4)
    assert any("1 of 4 minima" in t.get_text() for t in ax.texts)


def test_levels_suit_the_range():
    assert np.allclose(np.diff(levels(np.linspace(0, 1, 100), 9)), 0.1)
    wide = levels(np.geomspace(1e-3, 1e6, 1_000), 10) - 1e-3
    assert np.ptp(np.diff(np.log(wide))) < 1e-6
    assert len(levels(np.full(4, 2.0))) == len(levels(np.full(4, np.nan))) == 0


def test_values_that_are_not_finite_leave_holes():
    function = samples.Function("log", 2, lambda x: np.log(x[:, 0]) + x[:, 1], None)
    _, _, values = grid_values(function, [-1, 0], [1, 1], side=5)
    assert np.isnan(values[:, :2]).all()
    assert np.isfinite(values[:, 3:]).all()


def test_the_palette_is_stable_and_distinct():
    many = palette(500)
    assert np.array_equal(many[:5], palette(5))
    assert many.min() >= 0
    assert many.max() <= 1
    gap = np.linalg.norm(many[:40, None] - many[None, :40], axis=2) + np.eye(40)
    assert gap.min() > 0.05
    assert np.linalg.norm(np.diff(many, axis=0), axis=1).min() > 0.15


def test_no_label_is_cut_off(tmp_path):
    """With equal scales of the axes the layout needs several rounds; after one, x1 was cut on the left."""
    axes = bgd.multistart("mueller_brown", starts=200, backend="numpy").plot.basins()
    write(axes, tmp_path / "made.png")
    assert axes.yaxis.label.get_window_extent().x0 > 0.0
