"""The parts of the cache: files of machine code, what they are named after, what a process keeps, and the folder."""

import ctypes
import gc
import linecache
import os
import stat
import sys
from functools import lru_cache

import pytest
from cache_samples import OTHERS, as_root, compiled_functions, fill, load_text, needs_modes

import batchgd as bgd
from batchgd.compiler.cache import folder as folders
from batchgd.compiler.cache import modules, toolchain
from batchgd.compiler.cache.folder import Entry, digest, entries, trim, write_atomically, write_code
from batchgd.compiler.cache.native import ByText
from batchgd.compiler.codegen import loading

# One small compiled function


def compiled(path, constant=1.0):
    """Return a fresh function that adds a constant to a number, kept in ``path``."""
    body = f"%sum = fadd double %x, {constant!r}\n  ret double %sum"
    return Add(ByText(f"define double @add(double %x) {{\n  {body}\n}}\n", "add", path))


class Add:
    def __init__(self, code):
        self.code = code

    def __call__(self, x):
        return ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(self.code.address())(x)


def test_code_is_found_again(tmp_path):
    first, second = compiled(tmp_path), compiled(tmp_path)
    assert (first(1.0), first.code.compiled) == (2.0, True)
    assert (second(1.0), second.code.compiled) == (2.0, False)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:20],
        lambda content: content[: len(content) // 2],
        lambda content: b"garbage" * 1000,
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: content + b"more",
    ],
    ids=["empty", "no-digest", "half", "garbage", "one-bit", "longer"],
)
def test_damaged_code_is_compiled_again(tmp_path, damage):
    compiled(tmp_path)(1.0)
    (path,) = tmp_path.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    again, then = compiled(tmp_path), compiled(tmp_path)
    assert (again(1.0), again.code.compiled) == (2.0, True)
    assert (then(1.0), then.code.compiled) == (2.0, False)


def test_code_that_cannot_be_read_or_replaced_is_compiled_again(tmp_path):
    compiled(tmp_path)(1.0)
    (path,) = tmp_path.iterdir()
    path.unlink()
    (path / "in the way").mkdir(parents=True)
    function = compiled(tmp_path)
    with pytest.warns(RuntimeWarning, match="cannot write"):
        assert function(1.0) == 2.0


def test_each_part_of_the_toolchain_is_a_new_entry(cache, monkeypatch):
    parts = toolchain.toolchain()
    for changed in (parts, *((*parts[:k], "other", *parts[k + 1 :]) for k in range(len(parts)))):
        monkeypatch.setattr(toolchain, "toolchain", lambda changed=changed: changed)
        load_text()
    assert len(entries(cache)) == 1 + len(parts)


def test_a_changed_source_changes_the_toolchain(tmp_path):
    (tmp_path / "deep").mkdir()
    path = tmp_path / "deep" / "rule.py"
    seen = set()
    for content in ("x = 1", "x = 2", "x = 1 "):
        path.write_text(content)
        seen.add(toolchain.sources_digest(tmp_path))
    path.rename(tmp_path / "deep" / "other.py")
    seen.add(toolchain.sources_digest(tmp_path))
    assert len(seen) == 4


# What a process keeps


def names_of_modules():
    return {name for name in sys.modules if name.startswith("batchgd_generated")}


@pytest.fixture
def new_objects():
    """Collections pass over all that was alive before the test, millions of objects late in a run."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def alive(*kinds):
    """How many objects there are of each kind."""
    gc.collect()
    gc.collect()  # what the first collection let go
    found = [type(thing) for thing in gc.get_objects()]
    return [sum(issubclass(each, kind) for each in found) for kind in kinds]


def run_new(number, backend):
    bgd.descend(lambda x: x[0] ** 2 + number * x[1] ** 2, [[1.0, 1.0]], backend=backend, maxiter=3)


@pytest.mark.usefixtures("new_objects")
def test_code_that_is_no_longer_kept_is_freed(cache, monkeypatch):
    """With room for one objective: engines, and what Python notes of modules."""
    from llvmlite.binding import ExecutionEngine

    def noted():
        return [*alive(ExecutionEngine, modules.ModuleType), len(linecache.cache), len(names_of_modules())]

    monkeypatch.setattr(modules, "by_text", lru_cache(1)(modules.by_text.__wrapped__))
    run_new(2.0, "cpu")
    before = noted()
    for number in (3.0, 4.0, 2.0, 3.0):  # the last two from disk
        run_new(number, "cpu")
        assert noted() == before
    assert compiled_functions(cache).count("tick") == 3


def test_modules_that_are_no_longer_kept_are_freed(cache, monkeypatch):
    monkeypatch.setattr(modules, "module", lru_cache(2)(modules.module.__wrapped__))
    before = names_of_modules()
    for number in range(4):
        text = f"value = {number}"
        modules.module(toolchain.key_of(text), text)
    gc.collect()
    held = [thing for thing in gc.get_objects() if type(thing) is modules.ModuleType]
    assert len([module for module in held if str(cache) in str(vars(module).get("__file__"))]) == 2
    assert names_of_modules() == before


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
    assert (again(1.0), again.code.compiled) == (2.0, True)
    assert (then(1.0), then.code.compiled) == (2.0, False)
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


def test_the_least_recently_used_entries_go_first(tmp_path):
    for number, used in ((1, 30), (2, 10), (3, 20), (4, 40)):
        fill(tmp_path, number, used=used)
    trim(tmp_path, limit=2500)
    assert [int(entry.path.name, 16) for entry in entries(tmp_path)] == [1, 4]
    trim(tmp_path, limit=0)
    assert [int(entry.path.name, 16) for entry in entries(tmp_path)] == [4]


def test_the_cache_is_trimmed_now_and_then(tmp_path, monkeypatch):
    trimmed = []
    monkeypatch.setattr(folders, "trim", trimmed.append)
    for number in range(1000):
        write_code(tmp_path / f"{number:024x}" / "tick.code", b"code")
    assert 1 <= len(trimmed) <= 20
    assert set(trimmed) == {tmp_path}


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "_WARNED", set())
    (tmp_path / "entry" / "name").mkdir(parents=True)
    with pytest.warns(RuntimeWarning, match="cannot write"):
        assert not write_atomically(tmp_path / "entry" / "name", b"x")
    assert [path.name for path in (tmp_path / "entry").iterdir()] == ["name"]


def test_entries_know_their_size_and_last_use(tmp_path):
    assert entries(tmp_path / "missing") == []
    assert entries(fill(tmp_path, 5, 10).parent) == [Entry(tmp_path / f"{5:024x}", 10, 5.0)]
