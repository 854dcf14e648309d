"""Runs in parts from the shell: the same line does what is missing, shards fill a folder, and merge reads them."""

import json

import pytest
from shell_samples import shell

from batchgd.api.testing import forced, no_work

LINE = "run himmelblau --starts 1000 --backend numpy --json"


@pytest.fixture(autouse=True)
def in_parts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with forced(part=300):
        yield


def solved(capsys, line):
    code, out, err = shell(capsys, line)
    assert code == 0, err
    found = json.loads(out)
    return {name: found[name] for name in ("n_starts", "seed", "minima", "status")}, err


def test_the_same_line_does_only_what_is_missing(capsys):
    whole, _ = solved(capsys, LINE)
    first, err = solved(capsys, f"{LINE} --run runs/h")
    assert "4 parts computed and 0 found in" in err
    with no_work():
        again, err = solved(capsys, f"{LINE} --run runs/h")
    assert "0 parts computed and 4 found in" in err
    assert first == again == whole


def test_shards_and_merge(capsys):
    whole, _ = solved(capsys, LINE)
    for k in (1, 2, 3):
        solved(capsys, f"{LINE} --run runs/{k} --shard {k}/3")
    assert solved(capsys, "merge runs/1 runs/2 runs/3 --json")[0] == whole
    code, _, err = shell(capsys, "merge runs/1 runs/3")
    assert (code, err.count("\n")) == (2, 1)
    assert "333 of the 1,000 starts of seed 0 are missing (333 to 665): make them, or give --partial" in err
    assert solved(capsys, "merge runs/1 runs/3 --partial --json")[0]["n_starts"] == 667


def test_rows_go_into_a_file(capsys):
    parquet = pytest.importorskip("pyarrow.parquet")
    solved(capsys, f"{LINE} --run runs/h --keep disk")
    assert shell(capsys, "rows runs/h") == (0, "rows of himmelblau: 1,000 of 1,000 starts in 4 parts\n", "")
    code, out, err = shell(capsys, "rows runs/h --out rows.parquet")
    assert (code, out) == (0, "")
    assert err.startswith("1,000 rows written to ")
    assert parquet.read_metadata("rows.parquet").num_rows == 1000
    code, _, err = shell(capsys, "rows runs/h --out rows.parquet")
    assert (code, err.count("\n")) == (2, 1)
    assert "exists: choose another name, or give --overwrite" in err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rows", "RUN is missing: write batchgd rows RUN --out FILE.parquet"),
        ("rows runs/h --out rows.parquet", "is not a run: give a folder that --run made"),
        (f"{LINE} --shard 1/3", "--shard needs --run, a folder"),
        (f"{LINE} --run runs/h --shard 4/3", "shard is 4/3: shards are counted from 1 to 3; give one such as 3/16"),
        (f"{LINE} --keep disk", "--keep disk needs --run, a folder: add it, or give --keep minima"),
        ("merge", "RUN is missing"),
        ("merge nowhere", "is not a run: give a folder that --run made"),
    ],
)
def test_bad_lines_are_one_line(capsys, line, words):
    with no_work():
        code, out, err = shell(capsys, line)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err
