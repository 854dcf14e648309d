"""The cache of compiled code: a second process compiles nothing, and nothing that happens to the folder stops a run."""

import errno
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from cache_samples import OTHERS, as_root, compiled_functions, fill, load_text, needs_modes, snapshot, square

import batchgd as bgd
from batchgd.cli import main

COMMAND = """\
import sys
from batchgd.cli import main
sys.exit(main("run rastrigin --dim 10 --starts 2000 --backend cpu --method gradient_descent "
              "--learning-rate 0.002 --json".split()))
"""

LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))\n"
"""From here on no file of this process can grow beyond 500 bytes: what a full disk does."""


def process(cache, text=COMMAND):
    environment = os.environ | {"BATCHGD_CACHE_DIR": str(cache)}
    return subprocess.Popen(
        [sys.executable, "-c", text], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(child):
    """What the shell printed, but for the seconds that it took, and the lines on stderr."""
    out, err = child.communicate(timeout=120)
    assert child.returncode == 0, err
    return {key: value for key, value in json.loads(out).items() if "seconds" not in key}, err.splitlines()


@pytest.fixture(scope="module")
def race(tmp_path_factory):
    """Two processes that fill one empty cache at the same time."""
    cache = tmp_path_factory.mktemp("race") / "cache"
    children = [process(cache), process(cache)]
    return cache, [finish(child) for child in children]


def test_two_processes_may_write_the_same_entry(race):
    cache, (first, second) = race
    assert first[0] == second[0]
    files = [sorted(re.sub("-[0-9a-f]{16}", "", file.name) for file in entry.iterdir()) for entry in cache.iterdir()]
    assert sorted(files) == [
        ["descend.code"],
        ["evaluate_value.code"],
        ["tick.code"],
        ["values.code"],
    ]


def test_a_second_process_compiles_nothing(race):
    cache, (first, _) = race
    before = snapshot(cache)
    assert finish(process(cache))[0] == first[0]
    assert snapshot(cache) == before


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
def test_a_full_disk_costs_one_warning(race, tmp_path):
    answer, messages = finish(process(tmp_path / "cache", LIMITED + COMMAND))
    assert answer == race[1][0][0]
    (warning,) = [line for line in messages if "cache folder" in line]
    assert "batchgd cache --clear" in warning
    assert not snapshot(tmp_path / "cache")


# What is compiled, and what is found again


def test_however_starts_lie_in_memory_the_code_is_compiled_once(cache):
    x0 = np.linspace(0.1, 1.0, 6).reshape(3, 2)
    frozen = x0.copy()
    frozen.flags.writeable = False
    for points in (x0, frozen, np.asfortranarray(x0), x0[::-1], np.broadcast_to(x0[:1], (3, 2)), x0.tolist()):
        bgd.descend(square, points, backend="cpu", method=bgd.GradientDescent(0.1), maxiter=3)
    assert compiled_functions(cache) == ["descend", "evaluate_value", "tick", "values"]


def test_a_new_objective_compiles_only_what_knows_it(cache):
    """The loop is shared by all objectives and methods, and a method's tick in block form by all objectives."""
    box = [(-1.0, 1.0)] * 2

    def compiled_by(function, method):
        before = snapshot(cache)
        with bgd.testing.fresh_cache(cache), bgd.testing.forced(block=method == "nonlinear_cg"):
            result = bgd.multistart(function, box=box, starts=20, method=method, backend="cpu")
        assert len(result.minima) == 1
        return sorted(file.name.split("-")[0] for file in set(snapshot(cache)) - set(before) if file.suffix == ".code")

    first, second = (lambda x: x[0] ** 2 + x[1] ** 2), (lambda x: np.cosh(x[0] - 0.5) + x[1] ** 2)
    assert compiled_by(first, "barzilai_borwein") == ["descend", "evaluate_value", "tick", "values"]
    assert compiled_by(second, "barzilai_borwein") == ["evaluate_value", "tick"]
    with bgd.testing.forced(block=True):
        assert compiled_by(first, "nonlinear_cg") == ["evaluate", "tick"]
        assert compiled_by(second, "nonlinear_cg") == ["evaluate"]
        assert compiled_by(second, "nonlinear_cg") == []


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe\x00", b"raise SystemExit\n"], ids=["empty", "binary", "code"])
def test_damaged_text_is_never_run_but_written_anew(cache, damage):
    value = load_text()
    (text,) = cache.rglob("*.py")
    good = text.read_bytes()
    text.write_bytes(damage)
    with bgd.testing.fresh_cache(cache):
        assert load_text() == value
    assert text.read_bytes() == good


@pytest.fixture
def unwritable(tmp_path, monkeypatch):
    """A folder that cannot be made, and another place for temporary folders."""
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "file" / "cache"


def test_what_cannot_be_written_falls_back_with_one_warning(unwritable, tmp_path):
    with bgd.testing.fresh_cache(unwritable):
        with pytest.warns(RuntimeWarning, match="cannot write to the cache folder") as caught:
            load_text()
        assert len(caught) == 1
        assert "BATCHGD_CACHE_DIR" in str(caught[0].message)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            load_text()
    (fallback,) = (tmp_path / "temporary").iterdir()
    assert fallback.name.startswith("batchgd-cache-")
    assert len([*fallback.iterdir()]) == 1


def test_without_any_folder_it_still_runs(cache, monkeypatch):
    value = load_text()
    before = snapshot(cache)

    def fail(**_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "mkdtemp", fail)
    monkeypatch.setattr(tempfile, "TemporaryFile", fail)
    with (
        bgd.testing.fresh_cache(cache),
        pytest.warns(RuntimeWarning, match="No space left on device.*not kept"),
    ):
        assert load_text() == value
    assert snapshot(cache) == before


@pytest.mark.parametrize("backend", ["cpu", "numpy"])
def test_what_runs_is_not_freed(cache, backend):
    """Everything is forgotten while a run is at work, in the middle of it."""

    def forget(update):
        with bgd.testing.fresh_cache(cache):
            pass

    options = {"box": [(-3.0, 3.0)] * 2, "starts": 3000, "backend": backend, "maxiter": 50}
    expected = bgd.multistart("himmelblau", **options)
    result = bgd.multistart("himmelblau", **options, progress=forget)
    assert np.array_equal(result.minima.x, expected.minima.x)


# Whose the folder is


@pytest.fixture
def refused(cache, tmp_path, monkeypatch):
    """Run with a cache that is not to be used: with one warning, and nothing read from it or written to it."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))

    def run(match):
        before = snapshot(cache)
        with bgd.testing.fresh_cache(cache), pytest.warns(RuntimeWarning, match=match) as caught:
            load_text()
        assert len(caught) == 1
        assert snapshot(cache) == before
        (fallback,) = place.iterdir()
        assert stat.S_IMODE(fallback.stat().st_mode) == 0o700
        assert main(["cache", "--info"]) == 0

    return run


@needs_modes
@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777, 0o1777])
def test_a_folder_that_others_can_write_to_is_not_used(cache, refused, capsys, mode):
    load_text()
    cache.chmod(mode)
    refused("can be written by others.*chmod -R go-w.*BATCHGD_CACHE_DIR")
    assert "not used" in capsys.readouterr().out


@needs_modes
@pytest.mark.parametrize("mode", [pytest.param(0o720, marks=as_root), 0o702, 0o777])
def test_a_folder_that_others_could_replace_is_not_used(tmp_path, mode):
    """The folder is private, but not the one above it, in which others could rename it and make another."""
    shared = tmp_path / "shared"
    (shared / "cache").mkdir(parents=True, mode=0o700)
    if mode == 0o720:
        os.chown(shared, -1, OTHERS)
    (tmp_path / "link").symlink_to(shared / "cache")
    for chosen in (shared / "cache", tmp_path / "link"):
        shared.chmod(mode | stat.S_ISVTX)
        with bgd.testing.fresh_cache(chosen), warnings.catch_warnings():
            warnings.simplefilter("error")
            load_text()
        shared.chmod(mode)
        before = snapshot(shared)
        assert before
        with bgd.testing.fresh_cache(chosen), pytest.warns(RuntimeWarning, match=f"`chmod go-w {shared}`") as caught:
            load_text()
        assert len(caught) == 1
        assert snapshot(shared) == before


@needs_modes
def test_nothing_is_kept_if_temporary_folders_can_be_replaced(unwritable, tmp_path):
    (tmp_path / "temporary").chmod(0o777)
    with bgd.testing.fresh_cache(unwritable), pytest.warns(RuntimeWarning, match="compiled code is not kept"):
        load_text()
    assert not [*(tmp_path / "temporary").iterdir()]


@as_root
def test_a_folder_of_another_user_is_not_used(cache, refused):
    load_text()
    os.chown(cache, OTHERS, OTHERS)
    refused("belongs to another user")


@needs_modes
def test_a_link_to_the_folder_is_as_good_as_the_folder(cache, refused, tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    cache.symlink_to(tmp_path / "elsewhere")
    load_text()
    assert snapshot(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").chmod(0o777)
    refused("can be written by others")


@needs_modes
@pytest.mark.parametrize("umask", [0o000, 0o002, 0o777])
def test_folders_are_for_this_user_alone_whatever_the_umask(tmp_path, umask):
    cache = tmp_path / "cache"
    before = os.umask(umask)
    try:
        with bgd.testing.fresh_cache(cache / "deep"):
            load_text()
    finally:
        os.umask(before)
    paths = [cache, *cache.rglob("*")]
    assert len(paths) == 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir()} == {0o700}
    assert not any(path.stat().st_mode & 0o077 for path in paths)


@needs_modes
def test_an_entry_that_is_a_link_is_neither_followed_nor_written_through(cache, tmp_path):
    load_text()
    (entry,) = cache.iterdir()
    entry.rename(tmp_path / "elsewhere")
    entry.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "specialisation.py").write_text("theirs")
    with (
        bgd.testing.fresh_cache(cache),
        pytest.warns(RuntimeWarning, match="is not a folder that belongs to you alone"),
    ):
        load_text()
    assert [file.read_text() for file in (tmp_path / "elsewhere").iterdir()] == ["theirs"]


@needs_modes
def test_temporary_folders_of_killed_processes_are_deleted(unwritable, tmp_path):
    """Those of processes that live are not, nor is anything in them that is not ours."""
    place = tmp_path / "temporary"
    with bgd.testing.fresh_cache(unwritable), pytest.warns(RuntimeWarning, match="cannot write"):
        load_text()
    (living,) = place.iterdir()
    stale, young, theirs = (place / f"batchgd-cache-{name}" for name in ("stale", "young", "theirs"))
    for folder in (stale, young, theirs, living):
        fill(folder, 1)
    (theirs / "notes.txt").write_text("mine")
    for folder in (stale, theirs, living):
        os.utime(folder, (1, 1))
    (place / "batchgd-cache-link").symlink_to(young)
    with bgd.testing.fresh_cache(tmp_path / "cache"):
        assert main(["cache", "--clear"]) == 0
    assert sorted(path.name for path in place.iterdir()) == sorted(
        ["batchgd-cache-link", "batchgd-cache-theirs", "batchgd-cache-young", living.name]
    )
    assert (len([*living.iterdir()]), len([*young.iterdir()])) == (2, 1)
    assert [path.name for path in theirs.iterdir()] == ["notes.txt"]


# The folder


def test_where_the_folder_is(monkeypatch, tmp_path, capsys):
    def chosen():
        capsys.readouterr()
        assert main(["cache", "--json"]) == 0
        return Path(json.loads(capsys.readouterr().out)["folder"])

    monkeypatch.setenv("BATCHGD_CACHE_DIR", str(tmp_path / "mine"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "shared"))
    assert chosen() == tmp_path / "mine"
    monkeypatch.delenv("BATCHGD_CACHE_DIR")
    assert chosen() == tmp_path / "shared" / "batchgd"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert chosen().name == "batchgd"
    assert chosen().is_absolute()
    assert Path("relative") not in chosen().parents


def test_loading_an_entry_makes_it_the_newest(cache):
    load_text()
    (used,) = cache.iterdir()
    os.utime(used, (1, 1))
    fill(cache, 7, used=1000)
    with bgd.testing.fresh_cache(cache):
        load_text()
    assert max(cache.iterdir(), key=os.path.getmtime) == used


# The shell


def test_info(cache, capsys):
    assert main(["cache"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:3] == ["contents", "0", "entries,"]
    assert not cache.exists()
    fill(cache, 1, 1000)
    fill(cache, 2, 2000)
    assert main(["cache", "--info"]) == 0
    assert "2 entries, 2.9 KiB of at most 1.0 GiB" in capsys.readouterr().out
    assert main(["cache", "--info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["folder"], facts["entries"], facts["bytes"]) == (str(cache), 2, 3000)
    assert facts["oldest"] < facts["newest"]


def test_clear_deletes_only_what_is_ours(cache, capsys):
    theirs = [
        cache / "thesis.py",
        cache / "specialisation.py",
        cache / "0123" / "specialisation.py",
        cache / f"{9:024x}" / "notes.txt",
        cache.parent / "elsewhere" / "specialisation.py",
    ]
    for number in (1, 2, 9):
        fill(cache, number)
    for path in theirs:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    (cache / f"{8:024x}").symlink_to(cache.parent / "elsewhere", target_is_directory=True)
    assert main(["cache", "--clear"]) == 0
    assert capsys.readouterr().out == f"freed 2.9 KiB in 2 entries from {cache}\n"
    assert all(path.read_text() == "mine" for path in theirs)
    assert not (cache / f"{1:024x}").exists()
    assert [file.name for file in (cache / f"{9:024x}").iterdir()] == ["notes.txt"]
    assert main(["cache", "--clear", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["freed_bytes"] == 0


def test_info_and_clear_at_once_is_a_question(capsys):
    assert main(["cache", "--info", "--clear"]) == 2
    assert "give only one of them" in capsys.readouterr().err
