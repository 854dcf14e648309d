"""A run with very many minima: what is printed of it, and that pictures say what they leave out."""

import csv
import io
import json

import numpy as np
import pytest
import result_samples as samples

import batchgd as bgd
from batchgd.cli import main

NAMES = ("x", "fun", "count", "fraction", "fraction_low", "fraction_high", "kind", "free", "inside")


@pytest.fixture(scope="module")
def many():
    """15,000 minima in 3-D, each with one start."""
    return samples.many_minima(15_000)


@pytest.fixture(scope="module")
def saved(many, tmp_path_factory):
    return str(many.save(tmp_path_factory.mktemp("many") / "run.npz"))


def shell(capsys, *words):
    assert main(list(words)) == 0
    return capsys.readouterr()


def rows_of(table):
    """The lines of a text table that begin with a label."""
    return [line for line in table.splitlines() if line.strip() and line.split()[0].isdigit()]


# Text


@pytest.mark.parametrize(("limit", "shown"), [(None, 20), ("3", 3), ("0", 0), ("1e2", 100), ("all", 15_000)])
def test_text_has_as_many_rows_as_asked_for_and_the_total(saved, capsys, limit, shown):
    words = [] if limit is None else ["--limit", limit]
    out = shell(capsys, "show", saved, *words).out
    assert len(rows_of(out)) == shown
    line = f"showing {shown} of 15,000 minima; more: --limit N or --limit all"
    assert (line in out) == (shown < 15_000)


def test_python_prints_a_bounded_table_and_the_total(many):
    for printed in (str(many), repr(many.minima)):
        assert len(rows_of(printed)) == 20
        assert "showing 20 of 15,000 minima; more: bgd.printoptions(limit=N)" in printed
    assert many._repr_html_().count("<tr>") == 21
    with bgd.printoptions(limit=30):
        assert len(rows_of(str(many))) == 30
        assert many.minima._repr_html_().count("<tr>") == 31
        with bgd.printoptions(limit="ALL"):
            assert len(rows_of(repr(many.minima))) == 15_000
        assert len(rows_of(str(many))) == 30
    assert len(rows_of(str(many))) == 20
    assert str(many.minima.to_dataframe()).splitlines()[-1].startswith("[15000 rows x ")


@pytest.mark.parametrize("limit", [-1, 2.5, "some", True])
def test_a_limit_is_a_whole_number_or_all(many, limit):
    with pytest.raises(bgd.InputError, match=r"^limit is .*: give a whole number of rows, 0 or more, or 'all'"):
        bgd.printoptions(limit=limit).__enter__()


# JSON and CSV


def expected(many, k):
    """Row k of the table of minima in JSON's own types."""
    row = {name: getattr(many.minima, name)[k] for name in NAMES}
    return {name: value.tolist() for name, value in row.items()}


@pytest.mark.parametrize(("limit", "shown"), [(None, 10_000), ("2", 2), ("all", 15_000)])
def test_json_parses_back_equal_and_has_the_total(many, saved, capsys, limit, shown):
    words = [] if limit is None else ["--limit", limit]
    captured = shell(capsys, "show", saved, "--json", *words)
    told = json.loads(captured.out)
    assert (told["total"], told["shown"]) == ({"minima": 15_000}, {"minima": shown})
    assert told["minima"] == [expected(many, k) for k in range(shown)]
    left_out = f"showing {shown:,} of 15,000 minima; more: --limit N or --limit all\n"
    assert captured.err == (left_out if shown < 15_000 else "")


def test_the_summary_is_what_json_prints(many, saved, capsys):
    told = json.loads(shell(capsys, "show", saved, "--json", "--quiet").out)
    assert json.loads(json.dumps(bgd.load(saved).summary(), allow_nan=False)) == told
    with bgd.printoptions(limit=1):
        assert len(many.summary()["minima"]) == 1
    assert len(many.minima) == 15_000


def test_json_has_null_for_numbers_that_do_not_exist(tmp_path, capsys):
    result = samples.many_minima(5)
    result.minima.fraction[1] = np.nan
    path = str(result.save(tmp_path / "run"))
    rows = json.loads(shell(capsys, "show", path, "--json").out)["minima"]
    assert [row["fraction"] is None for row in rows] == [False, True, False, False, False]
    table = list(csv.DictReader(io.StringIO(shell(capsys, "show", path, "--csv").out)))
    assert [row["fraction"] == "" for row in table] == [False, True, False, False, False]


@pytest.mark.parametrize(("limit", "shown"), [(None, 10_000), ("2", 2), ("all", 15_000)])
def test_csv_reads_back_equal(many, saved, capsys, limit, shown):
    words = [] if limit is None else ["--limit", limit]
    captured = shell(capsys, "show", saved, "--csv", *words)
    rows = list(csv.DictReader(io.StringIO(captured.out)))
    minima = many.minima
    assert [int(row["label"]) for row in rows] == list(range(shown))
    assert [[float(row[f"x{j}"]) for j in range(3)] for row in rows] == minima.x[:shown].tolist()
    assert [float(row["fun"]) for row in rows] == minima.fun[:shown].tolist()
    assert [row["kind"] for row in rows] == minima.kind[:shown].tolist()
    assert ("15,000 minima" in captured.err) == (shown < 15_000)


def test_one_format_at_a_time(saved, capsys):
    assert main(["show", saved, "--csv", "--json"]) == 2
    assert capsys.readouterr().err == "batchgd: --json and --csv were both given: give only one of them\n"
    assert main(["show", saved, "--limit", "few"]) == 2
    assert "--limit takes a whole number of at least 0, or all, not 'few'" in capsys.readouterr().err


def test_csv_needs_minima(tmp_path, capsys):
    path = str(bgd.descend("sphere", np.ones((2, 2)), backend="numpy").save(tmp_path / "run"))
    assert main(["show", path, "--csv"]) == 2
    assert "has endpoints but no minima" in capsys.readouterr().err


# Every other table


TABLES = {
    "run": ("run rastrigin --starts 2000", "minima"),
    "map": ("map rastrigin --resolution 32", "minima"),
    "connect": ("connect himmelblau --starts 200", "saddles"),
    "sweep": ("sweep himmelblau --learning-rate 1e-4 1e-2 --points 5 --starts 20", "values"),
    "compare": ("compare sphere:2 --method adam --method fire --method nadam --starts 20", "cells"),
    "path": ("path himmelblau --x0 0,0 --x0 1,1 --x0 2,2 --maxiter 3", "paths"),
}


def parsed(text):
    """The JSON object that contains the table: the first run's, if there are runs."""
    told = json.loads(text)
    return told["runs"][0] if "runs" in told else told


@pytest.mark.parametrize("name", TABLES)
def test_every_command_with_a_table_takes_a_limit(name, capsys):
    line, table = TABLES[name]
    words = [*line.split(), "--backend", "numpy", "--quiet"]
    told = parsed(shell(capsys, *words, "--json").out)
    total = told["total"][table]
    assert total == told["shown"][table] == len(told[table]) > 2
    cut = parsed(shell(capsys, *words, "--json", "--limit", "2").out)
    assert (cut["total"][table], cut["shown"][table], len(cut[table])) == (total, 2, 2)
    assert f"showing 2 of {total} {table}; more: --limit N or --limit all" in shell(capsys, *words, "--limit", "2").out


def test_rows_that_were_asked_for_are_all_printed(capsys):
    line = "sweep sphere --learning-rate 1e-4 1e-2 --points 25 --starts 4 --no-fidelity --backend numpy --quiet"
    assert "showing" not in shell(capsys, *line.split()).out


def test_diff_and_stability_take_a_limit(tmp_path, capsys):
    path = str(bgd.multistart("himmelblau", starts=200, backend="numpy").save(tmp_path / "run"))
    told = json.loads(shell(capsys, "diff", path, path, "--json", "--limit", "3").out)
    assert (told["total"]["minima"], told["shown"]["minima"], len(told["minima"])) == (4, 3, 3)
    assert "showing 3 of 4 minima" in shell(capsys, "diff", path, path, "--limit", "3").out
    told = json.loads(shell(capsys, "show", path, "--stability", "--json", "--limit", "1", "--quiet").out)["stability"]
    assert (told["total"], told["shown"], len(told["minima"])) == ({"minima": 4}, {"minima": 1}, 1)


# Files


def test_a_file_keeps_every_minimum_and_its_size_is_reported(many, saved, tmp_path, capsys):
    again = bgd.load(saved)
    assert np.array_equal(again.minima.x, many.minima.x)
    assert np.array_equal(again.minima.kind, many.minima.kind)
    out = str(tmp_path / "again.npz")
    err = shell(capsys, "show", saved, "--out", out, "--limit", "2").err
    assert err.startswith(f"saved to {out}, ")
    assert err.endswith(" MB\n")
    assert len(bgd.load(out).minima) == 15_000


# Pictures


def text_of(ax):
    """Everything that is written on a figure."""
    from matplotlib.text import Text

    return " ".join(text.get_text() for text in ax.figure.findobj(lambda artist: isinstance(artist, Text)))


def marks(ax):
    """How many marks a picture has, however they are drawn."""
    return sum(len(collection.get_offsets()) for collection in ax.collections)


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("waterfall", "drawn: 4,000 of 15,000 starts, evenly over the order"),
        ("fractions", "of 15,000 minima, evenly over the labels, and the 100 most frequent"),
        ("funnel", "colour: how many minima are in a pixel"),
        ("parallel", "the best 1,000 of 15,000"),
        ("slices", "○ minimum elsewhere, projected (the 300 lowest)"),
    ],
)
def test_a_picture_of_many_minima_says_what_it_leaves_out(many, name, note):
    drawn = getattr(many.plot, name)()
    axes = np.ravel(drawn)
    assert note in text_of(axes[0])
    assert max(map(marks, axes)) <= 4_200
    few = getattr(samples.many_minima(50).plot, name)()
    assert note not in text_of(np.ravel(few)[0])


def test_the_cloud_of_the_funnel_contains_every_minimum_at_its_place(many):
    ax = many.plot.funnel()
    counts = ax.images[0].get_array().filled(0)
    assert counts.sum() == 15_000
    away = np.sqrt(np.mean(((many.minima.x - many.minima.x[0]) / many.box.width) ** 2, axis=1))
    expected, _, _ = np.histogram2d(many.minima.fun, away, bins=counts.shape, range=(ax.get_ylim(), ax.get_xlim()))
    assert np.abs(counts - expected).sum() < 100  # those on an edge between pixels


def test_a_map_of_many_minima_marks_the_lowest_and_is_not_all_border():
    result = samples.many_minima(9_000, dim=2)
    ax = result.plot.basins()
    assert "marked: 4,000 of 9,000 minima, the lowest" in text_of(ax)
    assert marks(ax) <= 4_001
    pixels = ax.images[0].get_array()
    assert np.mean(np.all(pixels == 1.0, axis=-1)) < 0.01
