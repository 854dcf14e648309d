"""Fractions, funnel, parallel coordinates, confusion, local-optima network, border zoom: held against the result."""

import numpy as np
import pytest
import result_samples as samples
from matplotlib.figure import Figure

import batchgd as bgd
from batchgd import InputError
from batchgd.analysis.basins.confusion import confusion_with
from batchgd.output.plot import save_picture
from batchgd.output.plot.canvas import write
from batchgd.output.plot.confusion import draw_confusion
from batchgd.output.plot.funnel import distance_to_best
from batchgd.output.plot.network import downhill


def artist(ax, gid):
    return next(a for a in [*ax.collections, *ax.images] if a.get_gid() == gid)


@pytest.mark.parametrize("name", ["fractions", "funnel", "parallel"])
def test_axes_in_axes_out(name):
    ax = Figure().subplots()
    assert getattr(samples.himmelblau(100).plot, name)(ax=ax) is ax


@pytest.mark.parametrize("name", ["fractions", "funnel", "parallel"])
def test_minima_are_enough(name, tmp_path):
    result = bgd.multistart("six_hump_camel", starts=500, keep="minima")
    save_picture(result, tmp_path / "a.png", name)
    with pytest.raises(InputError, match="kept none"):
        result.plot.waterfall()


# Fractions


@pytest.mark.parametrize("per_axis", [2, 22])
def test_fractions_are_those_of_the_table_with_their_intervals(per_axis):
    result = samples.himmelblau(2_000) if per_axis == 2 else samples.rastrigin(per_axis)
    minima = result.minima
    ax = result.plot.fractions()
    points, bars = artist(ax, "fractions").get_offsets(), ax.collections[0].get_segments()
    column = 0 if per_axis == 2 else 1
    assert np.allclose(points[:, column], 100 * minima.fraction)
    ends = np.array(bars)[:, :, column]
    assert np.allclose(ends[:, 0], 100 * minima.fraction_low)
    assert np.allclose(ends[:, 1], 100 * minima.fraction_high)


def test_minima_that_only_chosen_starts_reached_are_told():
    result = bgd.multistart("vincent", dim=2, starts=1000, strategy=bgd.RareBasins())
    zero = result.minima.fraction == 0
    assert zero.any()
    ax = result.plot.fractions()
    assert len(artist(ax, "unseen").get_offsets()) == zero.sum()
    assert any("of the first 500 starts" in text.get_text() for text in ax.texts)
    assert ax.get_yscale() == "log"


def test_fractions_without_intervals_say_why():
    ax = bgd.multistart("himmelblau", starts=100, sampling="sobol").plot.fractions()
    assert any("no intervals: starts of a Sobol" in text.get_text() for text in ax.texts)


# Funnel and parallel coordinates


def test_the_funnel_measures_in_box_widths():
    result = samples.himmelblau(500)
    away = distance_to_best(result)
    x = result.minima.x
    assert away[0] == 0
    assert np.allclose(away[1:], np.linalg.norm((x[1:] - x[0]) / 12.0, axis=1) / np.sqrt(2))
    points = artist(result.plot.funnel(), "minima").get_offsets()
    assert np.allclose(points, np.column_stack([away, result.minima.fun])[1:])


def test_the_funnel_of_classes_does_not_depend_on_how_their_points_are_turned():
    result = bgd.multistart("lennard_jones", atoms=6, starts=60)
    away = distance_to_best(result)
    assert len(away) == 2
    assert away[1] > 1e-3
    result.minima.x[1] = result.identity.symmetry.copy(result.minima.x[1], seed=1)
    assert np.allclose(distance_to_best(result), away)
    assert "fingerprints" in result.plot.funnel().get_xlabel()


def test_parallel_lines_run_over_the_box():
    result = samples.rastrigin(3, dim=4)
    lines = artist(result.plot.parallel(), "minima").get_segments()
    assert len(lines) == 80  # the best is drawn on top
    u = (result.minima.x - result.box.lower) / result.box.width
    assert np.allclose(np.array(lines)[:, :, 1], u[:0:-1])
    assert artist(result.plot.parallel(), "best").get_linewidths()[0] > 1
    few = samples.himmelblau(100).plot.parallel()
    assert len(artist(few, "minima").get_segments()) == 4
    assert few.get_legend() is not None


# Confusion


def test_confusion_counts_where_starts_went():
    a = bgd.multistart("himmelblau", starts=2_000)
    b = bgd.multistart("himmelblau", starts=2_000, method=bgd.GradientDescent(learning_rate=0.0125))
    counts, rows, _ = confusion_with(a, b)
    assert counts.sum() == 2_000
    expected = np.zeros((4, 4), int)
    np.add.at(expected, (a.label[b.label >= 0], b.label[b.label >= 0]), 1)
    assert np.array_equal(counts[:4, :4], expected)
    assert rows[:4] == ["0", "1", "2", "3"]
    wrong = np.mean(a.label != b.label)
    assert 0.15 < wrong < 0.30  # gradient descent at 0.0125 mislabels about a fifth of the starts
    ax = a.plot.confusion(b)
    assert ax.get_ylabel() == "label by BarzilaiBorwein"
    assert any(text.get_text() == f"{counts[0, 0]:,}" for text in ax.texts)
    assert any(f"{100 * (1 - wrong):.4g} % on the diagonal" in text.get_text() for text in ax.texts)


def test_confusion_with_gradient_flow():
    """At η = 0.0125, 20.8 % of the starts on Himmelblau's function have another label than by gradient flow."""
    result = bgd.multistart("himmelblau", starts=1_000, method=bgd.GradientDescent(learning_rate=0.0125))
    ax = result.plot.confusion()
    found = result.fidelity()
    assert ax.get_xlabel() == "label by gradient flow"
    shares = artist(ax, "counts").get_array()
    counts = found.confusion[:4, :4]
    assert np.allclose(shares[:4, :4], counts / counts.sum(axis=1, keepdims=True))
    assert 0.75 < np.trace(counts) / 1_000 < 0.84


def test_minima_of_the_other_run_alone_and_starts_without_a_label_come_last():
    a, b = samples.himmelblau(400, unlabelled=4), samples.himmelblau(400)
    counts, rows, columns = confusion_with(a, b)
    assert rows == columns == ["0", "1", "2", "3", "-1"]
    assert counts[4, :4].sum() == 4
    lacking = samples.multistart(samples.HIMMELBLAU, samples.HIMMELBLAU_MINIMA[:3], b.x0, b.box)
    counts, rows, columns = confusion_with(lacking, b)
    assert counts.shape == (3, 4)
    assert columns[3].startswith("+")
    assert counts.sum() == 400


@pytest.mark.parametrize("size", [5, 500])
def test_a_matrix_of_counts_by_itself(size, tmp_path):
    matrix = np.random.default_rng(0).poisson(2.0, (size, size)) + 50 * np.eye(size, dtype=int)
    ax = draw_confusion(matrix, names=("gradient flow", "Adam"))
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("gradient flow", "Adam")
    assert np.allclose(artist(ax, "counts").get_array(), matrix / matrix.sum(axis=1, keepdims=True))
    write(ax, tmp_path / "a.png")


# The local-optima network


def test_the_network_follows_the_most_frequent_way_down():
    walk = bgd.BasinHopping(hops=20, step=0.1, temperature=0)
    result = bgd.multistart("rastrigin", dim=2, starts=300, strategy=walk)
    network = result.network()
    onward = downhill(network.counts, network.fun)
    moves = network.counts.toarray()
    for a, b in enumerate(onward):
        lower = (network.fun < network.fun[a]) & (moves[a] > 0)
        assert b == a if not lower.any() else moves[a, b] == moves[a, lower].max()
    ax = result.plot.network()
    assert len(artist(ax, "moves").get_segments()) == np.sum(onward != np.arange(len(onward)))


# The border zoom


def test_windows_lie_in_each_other_around_a_border():
    """The border of the tilted double well is the line x0 = 0.15673125678 (Styblinski-Tang), in each coordinate."""
    result = bgd.multistart("styblinski_tang", dim=2, starts=200, backend="numpy")
    axes = result.plot.zoom(factor=8, panels=3, resolution=64)
    limits = np.array([[ax.get_xlim(), ax.get_ylim()] for ax in axes])
    assert np.allclose(np.diff(limits[0]), 10.0)
    assert np.allclose(np.diff(limits[:-1]) / np.diff(limits[1:]), 8.0)
    border = 0.15673125678  # borders cross where both coordinates are here, and that is where border is densest
    assert np.all((limits[..., 0] < border) & (border < limits[..., 1]))
    frames = [patch for ax in axes for patch in ax.patches if patch.get_gid() == "window"]
    assert len(frames) == 2
    assert np.allclose(frames[0].get_xy(), limits[1][:, 0])


def test_zooming_in_on_a_point_that_is_given():
    result = bgd.multistart("hartmann3", starts=200, backend="numpy")
    axes = result.plot.zoom((0.5, 0.25), plane=(0, 2), panels=2, resolution=32)
    assert np.allclose([axes[1].get_xlim(), axes[1].get_ylim()], [[0.45, 0.55], [0.20, 0.30]])


def too_many():
    return samples.rastrigin(94, n=20)


BAD = [
    (lambda: bgd.multistart("himmelblau", starts=50, strategy="mlsl").plot.fractions(), "has no fractions: descents"),
    (lambda: samples.rastrigin(3, dim=1).plot.parallel(), "at least 2 dimensions"),
    (lambda: samples.himmelblau(20).plot.network(), "no moves between minima"),
    (lambda: samples.himmelblau(20).plot.confusion(samples.himmelblau(21)), "two runs of the same starts"),
    (lambda: samples.himmelblau(20).plot.confusion(samples.rastrigin(2, n=20)), "have different starts"),
    (
        lambda: bgd.multistart("sphere", starts=20, backend="numpy").plot.zoom(resolution=16),
        "there is no border to zoom in on",
    ),
    (
        lambda: bgd.multistart("sphere", dim=3, starts=20, backend="numpy").plot.zoom(resolution=16),
        "there is no border to zoom in on: there is one minimum",
    ),
    (lambda: samples.himmelblau(20).plot.zoom(panels=1), "panels is 1"),
    (lambda: samples.himmelblau(20).plot.zoom(factor=0.5), "factor is 0.5"),
    (lambda: too_many().plot.confusion(too_many()), "a confusion matrix of 8,836 minima cannot be drawn"),
    (lambda: draw_confusion(np.ones(3)), "a table of counts"),
    (lambda: draw_confusion([[1, -1]]), "a table of counts"),
]


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_input_is_one_clear_line(call, message):
    with pytest.raises(InputError) as caught:
        call()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_zoom_of_more_dimensions_cuts_a_border_between_the_best_two():
    result = bgd.multistart("hartmann6", starts=50, backend="numpy")
    panels = result.plot.zoom(resolution=16, panels=2)
    assert panels[0].get_title(loc="left") == "a plane of the box"


def test_values_equal_but_for_rounding_lie_on_one_level_of_the_funnel():
    result = samples.himmelblau(20)
    object.__setattr__(result.minima, "fun", np.array([0.0, 1e-31, 0.0, 8e-31]))
    low, high = result.plot.funnel().get_ylim()
    assert high - low > 0.1


def test_ticks_of_a_large_confusion_matrix_are_round():
    ticks = draw_confusion(np.eye(121)).get_xticks()
    assert ticks.tolist() == list(range(0, 121, 20))


@pytest.mark.parametrize("name", ["fractions", "funnel", "parallel", "discovery", "slices", "tolerances", "zoom"])
def test_no_minimum_is_told(name):
    result = samples.himmelblau(20)
    for column in ("x", "fun", "count", "fraction"):
        object.__setattr__(result.minima, column, getattr(result.minima, column)[:0])
    with pytest.raises(InputError, match=f"the picture .{name}. needs minima, and this result has none"):
        getattr(result.plot, name)()
