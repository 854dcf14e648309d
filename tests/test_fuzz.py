"""Damaged files of every kind, random calls, and a machine with no room: one line, or what an undamaged one gives.

The long versions are ``python benchmarks/reliability.py files``, ``calls``, ``formulas`` and ``limits``.
"""

import contextlib
import gzip
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from damaged_files import KINDS, forged, wrong
from hypothesis import HealthCheck, given, settings
from limited_runs import goes_on, limited, whole
from random_calls import calls, holds
from same_results import differing

import batchgd as bgd
from batchgd.cli import main


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", KINDS)
def test_a_damaged_file_is_refused_or_read_as_it_was(tmp_path, name):
    few = {"config": 4, "result": 8, "fit": 4, "code": 4}
    tried, _, bad = wrong(name, tmp_path, np.random.default_rng(0), few.get(name, 20))
    assert tried
    assert bad == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["part", "manifest", "fit"])
def test_a_forged_file_is_refused_or_consistent(tmp_path, name):
    assert forged(name, tmp_path, range(30, 70))[2] == []


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=5, deadline=None, database=None, derandomize=True, suppress_health_check=[*HealthCheck])
@given(calls())
def test_a_random_call_is_refused_or_right_whole_and_in_parts(drawn):
    holds(*drawn)


def refused(capsys, words):
    """The one line with which the shell refuses these words."""
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err


def test_nothing_larger_than_it_says_is_read(tmp_path, capsys):
    packed = tmp_path / "data.csv.gz"
    with gzip.open(packed, "wb") as file:
        for _ in range(30):
            file.write(b"1," + b"0" * 900_000 + b"\n")
    words = ["fit", str(packed), "--expr", "a*x", "--param", "a=0:1", "--x", "1", "--y", "1"]
    assert "it unpacks to more than 200 times its size" in refused(capsys, words)
    config = tmp_path / "large.toml"
    with open(config, "wb") as file:
        file.truncate(1 << 40)  # takes no room on the disk
    assert "has more than 1,048,576 bytes" in refused(capsys, ["run", "himmelblau", "--config", str(config)])
    if os.path.exists("/dev/zero"):
        assert "has more than" in refused(capsys, ["run", "himmelblau", "--config", "/dev/zero"])
        assert "is not a file" in refused(capsys, ["run", "/dev/zero:f"])


@pytest.fixture
def few_descriptors():
    """Forbid to open more files than are open already."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = [os.open(os.devnull, os.O_RDONLY)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (held[0] + 1, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    os.close(held[0])


SETTINGS = {"dim": 2, "starts": 200, "backend": "numpy", "maxiter": 60}


def test_without_descriptors_nothing_is_lost(tmp_path, request):
    whole = bgd.multistart("rastrigin", **SETTINGS)
    saved = whole.save(tmp_path / "saved.npz")
    (tmp_path / "run").mkdir()
    assert main(["show", str(saved)]) == 0
    bgd.load(saved)
    request.getfixturevalue("few_descriptors")
    for call in (
        lambda: bgd.multistart("rastrigin", **SETTINGS, run=tmp_path / "run"),
        lambda: whole.save(tmp_path / "other.npz"),
        lambda: bgd.load(saved),
    ):
        with pytest.raises(bgd.InputError, match="Too many open files") as line:
            call()
        assert "\n" not in str(line.value)
    assert main(["show", str(saved)]) == 2
    assert main(["run", "himmelblau", "--config", str(saved)]) == 2


@pytest.fixture
def another_user():
    """Become another user inside the block; yields a folder that all users can reach."""
    if not hasattr(os, "seteuid") or os.geteuid() != 0:
        pytest.skip("only root can be another user for a while")

    @contextlib.contextmanager
    def another():
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)

    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        yield Path(place), another


@pytest.mark.parametrize("closed", ["nothing", "parts", "run"])
def test_folders_that_may_not_be_written_or_read(another_user, closed):
    place, another = another_user
    run, saved = place / "run", place / "run" / "saved.npz"
    with bgd.testing.forced(part=50):
        whole = bgd.multistart("rastrigin", **SETTINGS, run=run)
        assert whole.n == bgd.merge(run).n == len(bgd.load(whole.save(saved)))
        {"nothing": place, "parts": run / "parts", "run": run}[closed].chmod(0o755 if closed == "nothing" else 0o700)
        calls = {
            "more": lambda: bgd.multistart("rastrigin", **SETTINGS | {"starts": 300}, run=run),
            "save": lambda: whole.save(run / "other.npz"),
            "again": lambda: bgd.multistart("rastrigin", **SETTINGS, run=run),
            "merge": lambda: bgd.merge(run),
            "rows": lambda: [*bgd.rows(run)],
            "load": lambda: bgd.load(saved),
        }
        allowed = {"nothing": ["again", "merge", "rows", "load"], "parts": ["load"], "run": []}[closed]
        with another():
            for name, call in calls.items():
                if name in allowed:
                    call()
                else:
                    with pytest.raises(bgd.InputError, match="Permission denied") as line:
                        call()
                    assert str(line.value).isprintable()
        run.chmod(0o755)
        assert differing(bgd.multistart("rastrigin", **SETTINGS, run=run), whole) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs limits on memory")
def test_what_a_process_without_memory_leaves_is_continued(tmp_path):
    limited("AS", 60, tmp_path / "run")
    assert goes_on(tmp_path / "run", whole())
