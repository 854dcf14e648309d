"""The cache of compiled code: a second process compiles nothing, and nothing that happens to the folder stops a run."""

import errno
import gc
import json
import linecache
import os
import re
import shutil
import stat
import subprocess
import sys
import warnings
from functools import lru_cache
from pathlib import Path

import numba
import numpy as np
import pytest

import batchgd as bgd
from batchgd.cli import main
from batchgd.compiler.cache import folder as folders
from batchgd.compiler.cache.folder import Entry, cache_folder, chosen_folder, entries, trim, write_atomically
from batchgd.compiler.cache.machine_code import digest, hasten, keep
from batchgd.compiler.codegen import loading

COMMAND = """\
import json, sys
from batchgd.cli import main
from batchgd.compiler.cache import machine_code, object_code
read, found = machine_code.read_code, []
def counted(*given):
    code = read(*given)
    found.append(code is not None)
    return code
machine_code.read_code = object_code.read_code = counted
code = main("run rastrigin --dim 10 --starts 2000 --backend cpu --method gradient_descent "
            "--learning-rate 0.002 --json".split())
print(json.dumps([code, found.count(True), found.count(False)]), file=sys.stderr)
"""
"""The shell in a process of its own, which then says how often code was found and how often it was compiled."""

LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))\n"
"""From here on no file of this process can grow beyond 500 bytes: what a full disk does."""


def process(cache, text=COMMAND):
    environment = os.environ | {"BATCHGD_CACHE_DIR": str(cache)}
    return subprocess.Popen(
        [sys.executable, "-c", text], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(child):
    """What the shell printed, [exit code, hits, misses], and the other lines on stderr."""
    out, err = child.communicate(timeout=120)
    *messages, last = err.strip().splitlines()
    return json.loads(out), json.loads(last), messages


def snapshot(path):
    return {file: (file.stat().st_ino, file.stat().st_mtime_ns) for file in path.rglob("*") if file.is_file()}


@pytest.fixture(scope="module")
def race(tmp_path_factory):
    """Two processes that fill one empty cache at the same time."""
    cache = tmp_path_factory.mktemp("race") / "cache"
    children = [process(cache), process(cache)]
    return cache, [finish(child) for child in children]


def without_seconds(answer):
    return {key: value for key, value in answer.items() if "seconds" not in key}


def test_two_processes_may_write_the_same_entry(race):
    cache, (first, second) = race
    assert first[1][0] == second[1][0] == 0
    assert without_seconds(first[0]) == without_seconds(second[0])
    files = [sorted(re.sub("-[0-9a-f]{16}", "", file.name) for file in entry.iterdir()) for entry in cache.iterdir()]
    assert sorted(files) == [
        ["descend.code", "specialisation.py"],
        ["evaluate_value.code", "specialisation.py"],
        ["specialisation.py", "tick.code"],
        ["specialisation.py", "values.code"],
    ]


def test_a_second_process_compiles_nothing(race):
    cache, (first, _) = race
    before = snapshot(cache)
    answer, (code, hits, misses), _ = finish(process(cache))
    assert (code, hits, misses) == (0, 4, 0)
    assert snapshot(cache) == before
    assert without_seconds(answer) == without_seconds(first[0])


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
def test_a_full_disk_costs_one_warning(race, tmp_path):
    answer, (code, hits, misses), messages = finish(process(tmp_path / "cache", LIMITED + COMMAND))
    assert (code, hits, misses) == (0, 0, 4)
    assert without_seconds(answer) == without_seconds(race[1][0][0])
    (warning,) = [line for line in messages if "cache folder" in line]
    assert "batchgd cache --clear" in warning
    assert not snapshot(tmp_path / "cache")


# One small compiled function


def compiled(path, constant=1.0):
    """Return a fresh dispatcher over the same code, kept in ``path``."""

    def add(x):
        return x + constant

    function = numba.njit(add)
    keep(function, path)
    return function


def misses(function):
    return sum(function.stats.cache_misses.values())


def test_code_is_found_again(tmp_path):
    first, second = compiled(tmp_path), compiled(tmp_path)
    assert (first(1.0), misses(first)) == (2.0, 1)
    assert (second(1.0), misses(second)) == (2.0, 0)
    assert second.stats.cache_path == str(tmp_path)


def test_every_signature_has_its_own_file(tmp_path):
    first, second = compiled(tmp_path), compiled(tmp_path)
    assert [first(x) for x in (1.0, 1, np.float32(1))] == [second(x) for x in (1.0, 1, np.float32(1))] == [2.0] * 3
    assert len(list(tmp_path.iterdir())) == 3
    assert misses(second) == 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:20],
        lambda content: content[: len(content) // 2],
        lambda content: b"garbage" * 1000,
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: content + b"more",
        lambda content: lambda path: digest(path, b"not a pickle") + b"not a pickle",
    ],
    ids=["empty", "no-digest", "half", "garbage", "one-bit", "longer", "valid-digest"],
)
def test_damaged_code_is_compiled_again(tmp_path, damage):
    compiled(tmp_path)(1.0)
    (path,) = tmp_path.iterdir()
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged(path) if callable(damaged) else damaged)
    again, then = compiled(tmp_path), compiled(tmp_path)
    assert (again(1.0), misses(again)) == (2.0, 1)
    assert (then(1.0), misses(then)) == (2.0, 0)


def test_code_that_cannot_be_read_or_replaced_is_compiled_again(tmp_path):
    compiled(tmp_path)(1.0)
    (path,) = tmp_path.iterdir()
    path.unlink()
    (path / "in the way").mkdir(parents=True)
    function = compiled(tmp_path)
    with pytest.warns(RuntimeWarning, match="cannot write"):
        assert function(1.0) == 2.0


@pytest.mark.parametrize("collecting", [True, False])
def test_compilation_leaves_the_garbage_collector_as_it_was(collecting):
    seen = []

    def add(x):
        return x + "text" if isinstance(x, int) else x

    function = numba.njit(add)
    inner = function.compile
    function.compile = lambda signature: (seen.append(gc.isenabled()), inner(signature))[1]
    hasten(function)
    before = gc.isenabled()
    try:
        (gc.enable if collecting else gc.disable)()
        assert function(1.0) == 1.0
        assert gc.isenabled() == collecting
        with pytest.raises(numba.TypingError):
            function(1)
        assert gc.isenabled() == collecting
    finally:
        (gc.enable if before else gc.disable)()
    assert seen == [False, False]


# The text of a module


def square(x):
    return x[0] ** 2


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of its own for this test, and nothing loaded that knows an objective."""
    path = tmp_path / "cache"
    monkeypatch.setenv("BATCHGD_CACHE_DIR", str(path))
    monkeypatch.setattr(folders, "_WARNED", set())
    cache_folder.cache_clear()
    forget()
    yield path
    cache_folder.cache_clear()
    forget()


def forget(*_):
    loading._function.cache_clear()
    loading._module.cache_clear()
    gc.collect()


def run_numpy():
    """Load a module that needs no compilation, and run it."""
    return bgd.descend(square, [[1.0]], backend="numpy", method="gradient_descent", maxiter=3).x[0, 0]


def test_however_starts_lie_in_memory_the_code_is_compiled_once(cache):
    loading.forget()
    x0 = np.linspace(0.1, 1.0, 6).reshape(3, 2)
    frozen = x0.copy()
    frozen.flags.writeable = False
    for points in (x0, frozen, np.asfortranarray(x0), x0[::-1], np.broadcast_to(x0[:1], (3, 2)), x0.tolist()):
        bgd.descend(square, points, backend="cpu", method="gradient_descent", maxiter=3)
    assert compiled_functions(cache) == ["descend", "evaluate_value", "tick", "values"]


def compiled_functions(cache):
    """The names of what is compiled in the cache, once for each kind of arguments."""
    return sorted(path.name.split("-")[0] for path in cache.rglob("*.code"))


def test_a_new_objective_compiles_only_what_knows_it(cache, monkeypatch):
    """The loop is shared by all objectives and methods, and a method's tick in block form by all objectives."""
    box = [(-1.0, 1.0)] * 2

    def compiled_by(function, method):
        before = snapshot(cache)
        loading.forget()  # as a new process would find it
        result = bgd.multistart(function, box=box, starts=20, method=method, backend="cpu")
        assert len(result.minima) == 1
        return sorted(file.name.split("-")[0] for file in set(snapshot(cache)) - set(before) if file.suffix == ".code")

    first, second = (lambda x: x[0] ** 2 + x[1] ** 2), (lambda x: np.cosh(x[0] - 0.5) + x[1] ** 2)
    assert compiled_by(first, "barzilai_borwein") == ["descend", "evaluate_value", "tick", "values"]
    assert compiled_by(second, "barzilai_borwein") == ["evaluate_value", "tick"]
    assert compiled_by(first, "nonlinear_cg") == ["evaluate", "tick"]
    assert compiled_by(second, "nonlinear_cg") == ["evaluate"]
    assert compiled_by(second, "nonlinear_cg") == []


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe\x00", b"raise SystemExit\n"], ids=["empty", "binary", "code"])
def test_damaged_text_is_never_run_and_is_mended(cache, damage, monkeypatch):
    x = run_numpy()
    (text,) = cache.rglob("*.py")
    good = text.read_bytes()
    text.write_bytes(damage)
    loading.forget()
    assert run_numpy() == x
    assert text.read_bytes() == good


def test_each_part_of_the_toolchain_is_a_new_entry(cache, monkeypatch):
    parts = loading.toolchain()
    for changed in (parts, *((*parts[:k], "other", *parts[k + 1 :]) for k in range(len(parts)))):
        monkeypatch.setattr(loading, "toolchain", lambda changed=changed: changed)
        run_numpy()
    assert len(entries(cache)) == 1 + len(parts)


def test_a_changed_source_changes_the_toolchain(tmp_path):
    (tmp_path / "deep").mkdir()
    path = tmp_path / "deep" / "rule.py"
    seen = set()
    for content in ("x = 1", "x = 2", "x = 1 "):
        path.write_text(content)
        seen.add(loading.sources_digest(tmp_path))
    path.rename(tmp_path / "deep" / "other.py")
    seen.add(loading.sources_digest(tmp_path))
    assert len(seen) == 4


def test_what_cannot_be_written_falls_back_with_one_warning(tmp_path, cache, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("BATCHGD_CACHE_DIR", str(tmp_path / "file" / "cache"))
    with pytest.warns(RuntimeWarning, match="cannot write to the cache folder") as caught:
        run_numpy()
    assert len(caught) == 1
    assert "BATCHGD_CACHE_DIR" in str(caught[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run_numpy()
    fallback = cache_folder()
    assert fallback is not None
    assert fallback.name.startswith("batchgd-cache-")
    assert entries(fallback)
    shutil.rmtree(fallback)


def test_without_any_folder_it_still_runs(tmp_path, cache, monkeypatch):
    x = run_numpy()

    def fail(**_):
        raise OSError(errno.ENOSPC, "No space left on device")

    loading.forget()
    monkeypatch.setattr(folders.tempfile, "mkdtemp", fail)
    monkeypatch.setattr(folders.tempfile, "TemporaryFile", fail)
    cache_folder.cache_clear()
    with pytest.warns(RuntimeWarning, match="No space left on device.*not kept"):
        assert run_numpy() == x
    assert cache_folder() is None


# What a process keeps


def names_of_modules():
    return {name for name in sys.modules if name.startswith("batchgd_generated")}


def alive(kind):
    gc.collect()
    gc.collect()  # what the first collection let go
    return sum(issubclass(type(thing), kind) for thing in gc.get_objects())


def run_new(number, backend):
    bgd.descend(lambda x: x[0] ** 2 + number * x[1] ** 2, [[1.0, 1.0]], backend=backend, maxiter=3)


def test_code_that_is_no_longer_kept_is_freed(cache, monkeypatch):
    """With room for two functions: engines, inlined functions, and what Numba and Python note of modules."""
    from llvmlite.binding import ExecutionEngine
    from numba.core import registry
    from numba.core.imputils import builtin_registry as lowered
    from numba.core.typing.templates import builtin_registry as typed

    from batchgd.kernels.inlined import Inlined

    def noted():
        target = registry.cpu_target.target_context
        counted = typed.functions, typed.globals, lowered.functions, target._defns, linecache.cache, names_of_modules()
        return [alive(ExecutionEngine), alive(Inlined), alive(loading.ModuleType), *map(len, counted)]

    monkeypatch.setattr(loading, "_function", lru_cache(2)(loading._function.__wrapped__))
    run_new(2.0, "cpu")
    before = noted()
    for number in (3.0, 4.0, 2.0, 3.0):  # the last two from disk
        run_new(number, "cpu")
        assert noted() == before
    assert compiled_functions(cache).count("tick") == 3


def test_numpy_modules_that_are_no_longer_kept_are_freed(cache, monkeypatch):
    monkeypatch.setattr(loading, "_module", lru_cache(2)(loading._module.__wrapped__))
    before = names_of_modules()
    for number in (2.0, 3.0, 4.0, 5.0):
        run_new(number, "numpy")
    gc.collect()
    held = [thing for thing in gc.get_objects() if type(thing) is loading.ModuleType]
    assert len([module for module in held if str(cache) in str(vars(module).get("__file__"))]) == 2
    assert names_of_modules() == before


@pytest.mark.parametrize("backend", ["cpu", "numpy"])
def test_what_runs_is_not_freed(cache, backend):
    """Everything is forgotten while a run is at work, in the middle of it."""
    options = {"box": [(-3.0, 3.0)] * 2, "starts": 3000, "backend": backend, "maxiter": 50}
    expected = bgd.multistart("himmelblau", **options)
    result = bgd.multistart("himmelblau", **options, progress=forget)
    assert np.array_equal(result.minima.x, expected.minima.x)


# Whose the folder is


OTHERS = 65534
needs_modes = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has neither owner nor mode")
as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def refused(cache, tmp_path, monkeypatch):
    """Run with a cache that is not to be used: with one warning, and nothing read from it or written to it."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(folders.tempfile, "tempdir", str(place))

    def run(match):
        loading.forget()
        cache_folder.cache_clear()
        before = snapshot(cache)
        with pytest.warns(RuntimeWarning, match=match) as caught:
            run_numpy()
        assert len(caught) == 1
        assert snapshot(cache) == before
        fallback = cache_folder()
        assert fallback.parent == place
        assert stat.S_IMODE(fallback.stat().st_mode) == 0o700
        assert main(["cache", "--info"]) == 0

    return run


@needs_modes
@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777, 0o1777])
def test_a_folder_that_others_can_write_to_is_not_used(cache, refused, capsys, mode):
    run_numpy()
    cache.chmod(mode)
    refused("can be written by others.*chmod -R go-w.*BATCHGD_CACHE_DIR")
    assert "not used" in capsys.readouterr().out


@as_root
def test_a_folder_of_another_user_is_not_used(cache, refused):
    run_numpy()
    os.chown(cache, OTHERS, OTHERS)
    refused("belongs to another user")


@needs_modes
def test_a_link_to_the_folder_is_as_good_as_the_folder(cache, refused, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    cache.symlink_to(tmp_path / "elsewhere")
    run_numpy()
    assert entries(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").chmod(0o777)
    refused("can be written by others")


@needs_modes
@pytest.mark.parametrize("umask", [0o000, 0o002, 0o777])
def test_folders_are_for_this_user_alone_whatever_the_umask(cache, monkeypatch, umask):
    monkeypatch.setenv("BATCHGD_CACHE_DIR", str(cache / "deep"))
    before = os.umask(umask)
    try:
        run_numpy()
    finally:
        os.umask(before)
    paths = [cache, *cache.rglob("*")]
    assert len(paths) == 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir()} == {0o700}
    assert not any(path.stat().st_mode & 0o077 for path in paths)


@needs_modes
def test_an_entry_that_is_a_link_is_neither_followed_nor_written_through(cache, tmp_path):
    run_numpy()
    (entry,) = cache.iterdir()
    entry.rename(tmp_path / "elsewhere")
    entry.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "specialisation.py").write_text("theirs")
    loading.forget()
    with pytest.warns(RuntimeWarning, match="is not a folder that belongs to you alone"):
        run_numpy()
    assert [file.read_text() for file in (tmp_path / "elsewhere").iterdir()] == ["theirs"]


def not_ours(path, tmp_path):
    """Ways in which a file of the cache can be one that somebody else made or can change."""
    target = tmp_path / "target.code"

    def link():
        path.rename(target)
        path.symlink_to(target)

    def pipe():
        path.unlink()
        os.mkfifo(path)

    return {
        "link": link,
        "pipe": pipe,
        "writable": lambda: path.chmod(0o666),
        "theirs": lambda: os.chown(path, OTHERS, OTHERS),
    }


@needs_modes
@pytest.mark.parametrize("way", ["link", "pipe", "writable", pytest.param("theirs", marks=as_root)])
def test_a_file_that_is_not_ours_alone_is_not_run_but_replaced(tmp_path, way):
    entry = tmp_path / "entry"
    compiled(entry)(1.0)
    (path,) = entry.iterdir()
    content = path.read_bytes()
    not_ours(path, tmp_path)[way]()
    again, then = compiled(entry), compiled(entry)
    assert (again(1.0), misses(again)) == (2.0, 1)
    assert (then(1.0), misses(then)) == (2.0, 0)
    status = path.lstat()
    assert stat.S_ISREG(status.st_mode)
    assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o600, os.geteuid())
    if way == "link":
        assert (tmp_path / "target.code").read_bytes() == content


def swap(cache):
    """Put good files into each other's place; returns whether each is where it belongs again."""
    files = sorted(cache.rglob("*.code"))
    contents = [path.read_bytes() for path in files]
    assert len(files) > 1
    for path, content in zip(files, [*contents[1:], contents[0]], strict=True):
        path.write_bytes(content)
    return lambda: all(path.read_bytes()[:32] == digest(path, path.read_bytes()[32:]) for path in files)


def test_swapped_files_are_compiled_again(cache):
    def run():
        loading.forget()
        return bgd.descend(lambda x: x[0] ** 2 + x[1] ** 4, [[1.0, 1.0]], backend="cpu", maxiter=9).x.tolist()

    expected = run()
    in_place = swap(cache)
    assert not in_place()
    assert run() == expected
    assert in_place()


def test_swapped_files_of_one_function_are_compiled_again(tmp_path):
    first = compiled(tmp_path)
    assert [first(x) for x in (1.0, 1)] == [2.0, 2.0]
    in_place = swap(tmp_path)
    second = compiled(tmp_path)
    assert ([second(x) for x in (1.0, 1)], misses(second)) == ([2.0, 2.0], 2)
    assert in_place()


@needs_modes
def test_temporary_folders_of_killed_processes_are_deleted(tmp_path, monkeypatch, capsys):
    """Those of processes that live are not, nor is anything in them that is not ours."""
    monkeypatch.setattr(folders.tempfile, "tempdir", str(tmp_path))
    living = folders._temporary_folder()
    stale, young, theirs = (tmp_path / f"batchgd-cache-{name}" for name in ("stale", "young", "theirs"))
    for folder in (stale, young, theirs, living):
        fill(folder, 1)
    (theirs / "notes.txt").write_text("mine")
    for folder in (stale, theirs, living):
        os.utime(folder, (1, 1))
    (tmp_path / "batchgd-cache-link").symlink_to(young)
    assert main(["cache", "--clear"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["batchgd-cache-link", "batchgd-cache-theirs", "batchgd-cache-young", living.name]
    )
    assert len(entries(living)) == len(entries(young)) == 1
    assert [path.name for path in theirs.iterdir()] == ["notes.txt"]


# The folder


def test_where_the_folder_is(monkeypatch, tmp_path):
    monkeypatch.setenv("BATCHGD_CACHE_DIR", str(tmp_path / "mine"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "shared"))
    assert chosen_folder() == tmp_path / "mine"
    monkeypatch.delenv("BATCHGD_CACHE_DIR")
    assert chosen_folder() == tmp_path / "shared" / "batchgd"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert chosen_folder().name == "batchgd"
    assert chosen_folder().is_absolute()
    assert Path("relative") not in chosen_folder().parents


def fill(cache, number, size=1000, used=None):
    """Make one entry of ``size`` bytes."""
    entry = cache / f"{number:024x}"
    write_atomically(entry / "specialisation.py", b"#" * size)
    os.utime(entry, (used or number, used or number))
    return entry


def test_the_least_recently_used_entries_go_first(tmp_path):
    for number, used in ((1, 30), (2, 10), (3, 20), (4, 40)):
        fill(tmp_path, number, used=used)
    trim(tmp_path, limit=2500)
    assert [int(entry.path.name, 16) for entry in entries(tmp_path)] == [1, 4]
    trim(tmp_path, limit=0)
    assert [int(entry.path.name, 16) for entry in entries(tmp_path)] == [4]


def test_loading_an_entry_makes_it_the_newest(cache, monkeypatch):
    run_numpy()
    (used,) = entries(cache)
    os.utime(used.path, (1, 1))
    fill(cache, 7, used=1000)
    loading.forget()
    run_numpy()
    assert entries(cache)[-1].path == used.path


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "_WARNED", set())
    (tmp_path / "entry" / "name").mkdir(parents=True)
    with pytest.warns(RuntimeWarning, match="cannot write"):
        assert not write_atomically(tmp_path / "entry" / "name", b"x")
    assert [path.name for path in (tmp_path / "entry").iterdir()] == ["name"]


# The shell


def test_info(cache, capsys):
    assert main(["cache"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:3] == ["holds", "0", "entries,"]
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
    assert "leave one out" in capsys.readouterr().err


def test_entries_know_their_size_and_last_use(tmp_path):
    assert entries(tmp_path / "missing") == []
    assert entries(fill(tmp_path, 5, 10).parent) == [Entry(tmp_path / f"{5:024x}", 10, 5.0)]
