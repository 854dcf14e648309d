"""`batchgd plot`, the discovery curve and the count of minima by tolerance: what is drawn, and what is refused."""

import numpy as np
import pytest
import result_samples as samples
from matplotlib.figure import Figure
from shell_samples import assert_refused, shell

import batchgd as bgd
from batchgd import InputError
from batchgd.api.pictures import PICTURES


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    bgd.multistart("himmelblau", starts=400, backend="numpy").save(folder / "a")
    bgd.multistart("himmelblau", starts=400, backend="numpy", method=bgd.GradientDescent(0.0125)).save(folder / "b")
    bgd.multistart("himmelblau", starts=400, backend="numpy", keep="minima").save(folder / "lean")
    return folder


def line(ax, gid):
    return next(artist for artist in ax.get_lines() if artist.get_gid() == gid)


@pytest.mark.parametrize("name", ["", "tolerances", *(name for name, row in PICTURES.items() if not row.special)])
def test_every_picture_of_a_saved_run(name, runs, tmp_path, capsys):
    file = tmp_path / "picture.png"
    code, out, err = shell(capsys, f"plot {runs / 'a'} {name} --out {file}")
    assert (code, out) == (0, "")
    assert str(file) in err
    assert file.read_bytes().startswith(b"\x89PNG")


def test_help_names_every_picture(capsys):
    out = " ".join(shell(capsys, "plot --help")[1].split())
    assert f"{', '.join(PICTURES)} (default: the one that suits" in out


def test_a_picture_of_two_runs(runs, tmp_path, capsys):
    file = tmp_path / "picture.svg"
    assert shell(capsys, f"plot {runs / 'a'} confusion --with {runs / 'b'} --out {file} --quiet") == (0, "", "")
    assert b"<svg" in file.read_bytes()


def test_confusion_of_one_run_is_with_gradient_flow(runs, tmp_path, capsys):
    file = tmp_path / "picture.svg"
    assert shell(capsys, f"plot {runs / 'a'} confusion --out {file} --quiet") == (0, "", "")
    assert b"<svg" in file.read_bytes()


def test_lean_runs_have_the_pictures_of_minima(runs, tmp_path, capsys):
    assert shell(capsys, f"plot {runs / 'lean'} discovery --out {tmp_path / 'a.png'}")[0] == 0
    assert_refused(capsys, f"plot {runs / 'lean'} basins --out {tmp_path / 'a.png'}", "--keep all")
    assert_refused(capsys, f"plot {runs / 'lean'} tolerances --out {tmp_path / 'a.png'}", "neither endpoints nor cells")


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("discovry --out x.png", "did you mean 'discovery'"),
        ("basins", "--out FILE"),
        ("basins --out x.txt", "must end in a picture format"),
        ("basins --out nowhere/x.png", "not a folder"),
        ("basins --with {b} --out x.png", "omit --with"),
        ("basins --fun mine.py --out x.png", "names no function"),
    ],
)
def test_refused_in_one_line(rest, words, runs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert_refused(capsys, f"plot {runs / 'a'} {rest.format(b=runs / 'b')}", words)
    assert_refused(capsys, f"plot {runs / 'none'} --out x.png", "does not exist")


def test_the_discovery_curve_is_that_of_the_coverage():
    result = samples.rastrigin(22, n=1_500)
    ax = Figure().subplots()
    assert result.plot.discovery(ax) is ax
    for gid in ("seen", "foreseen"):
        x, y = line(ax, gid).get_data()
        assert y == pytest.approx(result.coverage.curve(x))
    assert line(ax, "foreseen").get_xdata()[-1] == 3_000
    assert line(ax, "chao1").get_ydata()[0] == result.coverage.chao1
    assert ax.collections[0].get_offsets().tolist() == [[1_500, result.coverage.seen]]


def test_dependent_starts_are_not_extrapolated():
    result = bgd.multistart("rastrigin", dim=2, starts=256, sampling="sobol", backend="cpu")
    ax = result.plot.discovery(Figure().subplots())
    assert not [artist for artist in ax.get_lines() if artist.get_gid() == "foreseen"]


def test_discovery_needs_a_minimum():
    with pytest.raises(InputError, match="needs minima, and this result has none"):
        samples.batch().plot.discovery()


def test_tolerances_are_those_asked_for():
    result = bgd.multistart("himmelblau", starts=200, backend="cpu")
    ax = result.plot.tolerances(Figure().subplots(), x=[0.5, 1e-8, 0.9], f=1.0)
    x, y = line(ax, "minima").get_data()
    assert np.array_equal(x, [1e-8, 0.5, 0.9])
    assert y[0] == 4
    assert y[-1] == 1
    assert line(ax, "used").get_xdata()[0] == 1e-6
