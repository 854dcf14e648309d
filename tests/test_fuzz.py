"""Damaged files of every kind, random calls, and a machine with no room: one line, or what an undamaged one gives.

The long versions are ``python benchmarks/reliability.py files``, ``calls`` and ``formulas``.
"""

import gzip
import os
import sys

import numpy as np
import pytest
from damaged_files import KINDS, wrong
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


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="Windows has no such users")
def test_folders_that_may_not_be_written_or_read(tmp_path, capsys):
    if os.geteuid() != 0:
        pytest.skip("only root can be another user for a while")
    run, saved = tmp_path / "run", tmp_path / "saved.npz"
    with bgd.testing.forced(part=50):
        whole = bgd.multistart("rastrigin", **SETTINGS, run=run)
        whole.save(saved)
        bgd.load(saved)
        for mode in (0o755, 0o700):
            run.chmod(mode)
            saved.chmod(mode & 0o644)
            os.seteuid(65534)
            try:
                with pytest.raises(bgd.InputError, match=r"Permission denied|is not a run"):
                    bgd.multistart("rastrigin", **SETTINGS | {"starts": 300}, run=run)
                with pytest.raises(bgd.InputError, match="Permission denied"):
                    whole.save(tmp_path / "run" / "x.npz")
                if mode == 0o700:
                    with pytest.raises(bgd.InputError, match="Permission denied"):
                        bgd.load(saved)
            finally:
                os.seteuid(0)
        assert differing(bgd.multistart("rastrigin", **SETTINGS, run=run), whole) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs limits on memory")
@pytest.mark.parametrize(("name", "value"), [("AS", 60), ("NOFILE", 3), ("FSIZE", 15_000)])
def test_what_a_process_in_need_leaves_is_continued(tmp_path, name, value):
    limited(name, value, tmp_path / "run")
    assert goes_on(tmp_path / "run", whole())
