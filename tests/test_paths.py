"""Recorded paths: the very trajectories of ``descend``, thinned without losing their ends, drawn and told."""

import json
import re

import naive
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from shell_samples import assert_refused, shell
from test_methods import BOX, himmelblau, himmelblau_gradient

import batchgd as bgd
from batchgd import InputError, Status
from batchgd.output.plot.animation import animate
from batchgd.output.plot.paths import compare_paths, convergence, labels

METHODS = bgd.methods.METHODS

STARTS = np.random.default_rng(2).uniform(-5.0, 5.0, (40, 2))  # as many as test_methods takes: one code for both
BACKENDS = ("cpu", "numpy")
KINDS = ("gradient_descent", "armijo", "fire", "nonlinear_cg")
"""One method of each kind: never rejecting, with trials, with sums, with stages."""


def both(method, backend, x0=STARTS, fun=himmelblau, **options):
    options = {"box": BOX, "method": method, "backend": backend, "maxiter": 60} | options
    recorded = {name: options.pop(name) for name in ("every", "max_points") if name in options}
    return bgd.descend(fun, x0, **options), bgd.path(fun, x0, **options, **recorded)


def assert_same(batch, paths):
    for name in ("x", "fun", "nit", "nfev", "status"):
        np.testing.assert_array_equal(getattr(batch, name), getattr(paths.result, name))
    for i, path in enumerate(paths):
        np.testing.assert_array_equal(path.x[-1], batch.x[i])
        assert (path.nit[0], path.nit[-1], path.status) == (0, batch.nit[i], batch.status[i])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_recorded_bit_for_bit(name, backend):
    if backend == "cpu" and name not in KINDS:
        pytest.skip("all methods on numpy, one of each kind compiled")
    batch, paths = both(METHODS[name].example(), backend)
    assert_same(batch, paths)
    for path, x0 in zip(paths, STARTS, strict=True):
        np.testing.assert_array_equal(path.x[0], x0)
        np.testing.assert_array_equal(path.nit, np.arange(len(path)))
        lengths = np.linalg.norm(np.diff(path.x, axis=0), axis=1)
        np.testing.assert_allclose(path.step[1:], lengths, rtol=1e-12, atol=0.0)
        assert path.step[0] == 0.0
    for k in (1, 9):
        sooner = bgd.descend(himmelblau, STARTS, box=BOX, method=METHODS[name].example(), backend=backend, maxiter=k)
        for path, x, nit in zip(paths, sooner.x, sooner.nit, strict=True):
            np.testing.assert_array_equal(path.x[nit], x)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_block_form_is_recorded_too(backend):
    x0 = np.random.default_rng(4).uniform(-2.0, 2.0, (5, 32))
    options = {"fun": "rosenbrock", "box": [(-2.0, 2.0)] * 32, "x0": x0}  # as in test_block: one code for both
    with bgd.testing.forced(block=True):
        batch, paths = both(bgd.BarzilaiBorwein(), backend, **options)
        assert_same(batch, paths)
        sooner = both(bgd.BarzilaiBorwein(), backend, **options, maxiter=9)[0]
    np.testing.assert_array_equal([path.x[9] for path in paths], sooner.x)


@pytest.mark.parametrize("backend", BACKENDS)
def test_points_are_the_iterates_of_the_formula(backend):
    rate = 3e-3
    paths = both(bgd.GradientDescent(rate), backend)[1]
    for i in (0, 39):
        for k in range(len(paths[i])):
            x, _ = naive.gradient_descent(himmelblau_gradient, STARTS[i], rate, 0.0, k)
            np.testing.assert_allclose(paths[i].x[k], x, rtol=0, atol=1e-9)
        slopes = [np.linalg.norm(himmelblau_gradient(x)) for x in paths[i].x]
        np.testing.assert_allclose(paths[i].gradient_norm, slopes, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(paths[i].fun, [himmelblau(x) for x in paths[i].x], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_thinned_paths_are_part_of_the_whole_with_both_ends(backend):
    method = bgd.BarzilaiBorwein()
    whole = both(method, backend, maxiter=200)[1]
    for every, room in ((1, 3), (1, 7), (1, 10), (3, 2000), (4, 5), (1000, 3)):
        batch, thin = both(method, backend, maxiter=200, every=every, max_points=room)
        assert_same(batch, thin)
        for all_points, points, spacing in zip(whole, thin, thin.every, strict=True):
            rows = np.searchsorted(all_points.nit, points.nit)
            for name in ("x", "fun", "gradient_norm", "step", "nit"):
                np.testing.assert_array_equal(getattr(points, name), getattr(all_points, name)[rows])
            last = int(points.nit[-1])
            expected = [*range(0, last, spacing), last]
            assert points.nit.tolist() == expected
            assert len(points) <= room
            assert spacing % every == 0
            assert spacing == every or 2 * len(points) > room - 2


def test_float32_and_several_shards():
    x0 = np.random.default_rng(0).uniform(-5.0, 5.0, (600, 2))
    for backend in BACKENDS:
        batch, paths = both(bgd.GradientDescent(3e-3), backend, x0, dtype="float32", maxiter=30)
        assert_same(batch, paths)
        assert paths.x.dtype == np.float32
        assert paths.fun.dtype == np.float64


@pytest.mark.parametrize("backend", BACKENDS)
def test_trajectories_that_are_cut_off_or_lost(backend):
    lost = bgd.path(lambda x: 2.0 * x[0] ** 2, [[1.0], [0.0]], method=bgd.GradientDescent(1.0), backend=backend)
    assert [path.status for path in lost] == [Status.DIVERGED, Status.GRADIENT]
    np.testing.assert_array_equal(lost[0].x.ravel(), (-3.0) ** np.arange(len(lost[0])))
    slow = bgd.GradientDescent(1e-9)
    cut = bgd.path(himmelblau, STARTS[:3], method=slow, max_time=0.1, maxiter=10**12, backend=backend)
    assert [path.status for path in cut] == [Status.MAXTIME] * 3
    np.testing.assert_array_equal([path.x[-1] for path in cut], cut.result.x)
    assert [path.nit[-1] for path in cut] == cut.result.nit.tolist()


@pytest.fixture(scope="module")
def runs():
    """A quadratic of curvatures 1 and 10 with η too small, right and too large."""
    return [
        bgd.path(
            lambda x: 0.5 * (x[0] ** 2 + 10.0 * x[1] ** 2),
            [[-1.0, 0.8], [1.0, 0.3]],
            box=[(-1.2, 1.2)] * 2,
            method=bgd.GradientDescent(rate),
            maxiter=100,
            backend="numpy",
        )
        for rate in (0.01, 0.15, 0.205)
    ]


def test_print_frame_and_dataset(runs):
    text = repr(runs[2])
    assert "DIVERGED" in text
    assert max(map(len, text.splitlines())) <= 100
    frame, data = runs[1].to_dataframe(), runs[1].to_xarray()
    assert list(frame.columns) == ["path", "nit", "x0", "x1", "fun", "gradient_norm", "step", "status"]
    for i, path in enumerate(runs[1]):
        rows = frame[frame["path"] == i]
        np.testing.assert_array_equal(rows[["x0", "x1"]], path.x)
        assert set(rows["status"][:-1]) == {"RUNNING"}
        assert rows["status"].iloc[-1] == path.status.name
    assert data.row_size.values.tolist() == [len(path) for path in runs[1]]
    assert (data.fun.values == runs[1].fun).all()
    with pytest.raises(IndexError, match="path 2 of 2"):
        runs[1][2]


def test_pictures(runs, tmp_path):
    axes = compare_paths(runs, tmp_path / "paths.png")
    assert (tmp_path / "paths.png").read_bytes().startswith(b"\x89PNG")
    assert [ax.get_title(loc="left") for ax in axes] == ["η = 0.01", "η = 0.15", "η = 0.205"] == labels(runs)
    for ax, run, kind in zip(axes, runs, ("lost", "rest", "lost"), strict=True):
        lines = [line for line in ax.lines if line.get_gid() == "path"]
        for line, path in zip(lines, run, strict=True):
            np.testing.assert_array_equal(np.transpose(line.get_data()), path.x)
        assert sum(artist.get_gid() == kind for artist in ax.collections) == 2
    ax = Figure().subplots()
    assert runs[0].plot.contours(ax) is ax
    value, slope = convergence(runs, optimum=0.0)
    assert (value.get_yscale(), slope.get_yscale(), len(slope.lines)) == ("log", "log", 6)
    np.testing.assert_array_equal(value.lines[0].get_ydata(), runs[0][0].fun)
    for wrong in (ax, [ax, 3], 3):
        with pytest.raises(InputError, match=r"axes is .*: give 2 axes"):
            runs[0].plot.convergence(wrong)
    shapes = bgd.path("sphere", np.ones((1, 3)), maxiter=2, backend="numpy").plot()
    assert len(shapes) == 2


def test_an_animation_grows_to_the_whole_path(runs, tmp_path):
    file = animate(runs[1:2], tmp_path / "descent.gif", frames=8)
    with Image.open(file) as image:
        assert image.format == "GIF"
        assert image.n_frames >= 6


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda runs: bgd.path("himmelblau", [[1.0, 2.0, 3.0]]), "x0 has 3 coordinates per start"),
        (lambda runs: bgd.path("himmelblau", [[1.0, 2.0], [1.0]]), "x0 holds rows of different lengths"),
        (lambda runs: bgd.path("himmelblau", 3.0), "give them as an array"),
        (lambda runs: bgd.path("himmelblau", [1.0, 2.0], every=0), "every is 0: give a whole number"),
        (lambda runs: bgd.path("himmelblau", [1.0, 2.0], every=1.5), "every is 1.5"),
        (lambda runs: bgd.path("himmelblau", [1.0, 2.0], max_points=2), "max_points is 2"),
        (lambda runs: bgd.path("himmelblau", np.zeros((10_001, 2))), "10,001 starts are too many"),
        (lambda runs: bgd.path("sphere", np.zeros((9_000, 10))), "do not fit in memory"),
        (lambda runs: bgd.path("himmelblau", [1.0, 2.0], gtoll=1), "did you mean 'gtol'?"),
        (lambda runs: bgd.path("himmelblau", [1.0, 2.0], maxiter=-1), "maxiter is -1"),
        (lambda runs: compare_paths([]), "no path to draw"),
        (lambda runs: compare_paths(runs * 5), "15 runs do not fit"),
        (lambda runs: runs[0].plot("paths.xyz"), "picture format"),
        (lambda runs: runs[0].plot.animation("paths.avi"), "must end in .gif"),
        (lambda runs: runs[0].plot.animation("nowhere/paths.gif"), "nowhere is not a folder"),
        (lambda runs: runs[0].plot.animation("paths.gif", fps=0), "fps is 0"),
    ],
)
def test_what_is_refused(make, says, runs):
    with pytest.raises(InputError, match=re.escape(says)) as error:
        make(runs)
    assert "\n" not in str(error.value)


def test_mp4_without_ffmpeg_is_told(runs, monkeypatch):
    from matplotlib.animation import FFMpegWriter

    monkeypatch.setattr(FFMpegWriter, "isAvailable", lambda: False)
    with pytest.raises(InputError, match=r"needs ffmpeg, which is not installed: install it, or name a \.gif"):
        runs[0].plot.animation("paths.mp4")


def test_the_command(folder, capsys):
    line = "path himmelblau --x0 0,0 --x0 4,4 --method adam --method fire --maxiter 9 --backend numpy --every 4 --json"
    code, out, err = shell(capsys, f"{line} --plot paths.png --animate paths.gif --convergence c.png")
    assert code == 0, err
    methods = [run["method"]["name"] for run in json.loads(out)["runs"]]
    assert methods == ["Adam", "FIRE"]
    first = json.loads(out)["runs"][0]["paths"][0]
    assert (first["nit"], first["status"], first["x"][0]) == ([0, 4, 8, 9], "MAXITER", [0.0, 0.0])
    code, out, err = shell(capsys, "path himmelblau --x0 4,4 --box -6 6 --target 5 --backend numpy --json")
    assert code == 0, err
    assert json.loads(out)["runs"][0]["paths"][0]["fun"][-1] <= 5.0
    assert all((folder / name).stat().st_size > 5_000 for name in ("paths.png", "paths.gif", "c.png"))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("path himmelblau", "--x0 1,2"),
        ("path himmelblau --x0 1", "dim 2 only"),
        ("path himmelblau --x0 1,2 --x0 1", "different lengths"),
        ("path himmelblau --x0 one,two", "--x0 takes numbers"),
        ("path himmelblau --x0 1,2 --every 0", "every is 0"),
        ("path himmelblau --x0 1,2 --method adamm", "'adam'"),
        ("path himmelblau --x0 1,2 --learning-rate -1", "learning_rate is -1"),
        ("path himmelblau --x0 1,2 --animate x.avi", ".gif"),
        ("path himmelblau --x0 1,2 --window 0", "window is 0"),
        ("path model.py:loss --x0 1,2 --plot x.xyz", ".png"),
    ],
)
def test_a_bad_command_line_is_one_line(line, words, folder, capsys):
    assert_refused(capsys, line, words)
