"""What the tests of the cache share: a cache of their own, what is in it, and something to compile."""

import os

import pytest

import batchgd as bgd
from batchgd.compiler.cache import modules
from batchgd.compiler.cache.toolchain import key_of

OTHERS = 65534
needs_modes = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows has neither owner nor mode")
as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def cache(tmp_path):
    """A cache of its own for this test, and nothing loaded."""
    with bgd.testing.fresh_cache(tmp_path / "cache") as folder:
        yield folder


def snapshot(path):
    """The files in a folder, with what changes when they are written."""
    return {file: (file.stat().st_ino, file.stat().st_mtime_ns) for file in path.rglob("*") if file.is_file()}


def compiled_functions(cache):
    """The names of what is compiled in the cache, once for each kind of arguments."""
    return sorted(path.name.split("-")[0] for path in cache.rglob("*.code"))


def fill(cache, number, size=1000, used=None):
    """Make one entry of ``size`` bytes."""
    entry = cache / f"{number:024x}"
    entry.mkdir(parents=True)
    (entry / "specialisation.py").write_bytes(b"#" * size)
    os.utime(entry, (used or number, used or number))
    return entry


def square(x):
    return x[0] ** 2


def load_text():
    """Load a module that needs no compilation, and return what is in it."""
    text = "value = 1.0\n"
    return modules.module(key_of(text), text).value
