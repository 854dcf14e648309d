"""From the text of a module to what runs: looked up in this process, then on disk, else compiled and kept in both.

The text runs from memory: the copy in the cache's folder is for readers, and cannot do harm. A text becomes

=================  ================================================================================================
``module``         a module for CUDA, whose kernels look for their code on disk (``numba_cache.py``)
``by_text``        a function of an LLVM text, which other code calls by its address (``native.py``)
=================  ================================================================================================

Both take the name of the entry on disk (``toolchain.key_of``, ``native.native_key``), which determines whether code is
still valid.
"""

from __future__ import annotations

import inspect
import linecache
import weakref
from functools import lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

from batchgd.compiler.cache.folder import TEXT, cache_folder, read, touch, write_atomically
from batchgd.compiler.cache.toolchain import key_of

LOADED = 256
"""How many modules of an objective or a method a process keeps; the least recently used go first.

A function takes about 0.1 MB. What a run uses lives on until the run is over.
"""


@lru_cache(maxsize=LOADED)
def module(key: str, text: str, kernels: tuple[str, ...] = ()) -> ModuleType:
    """Return the module of a text for CUDA, whose kernels of these names are kept on disk.

    If it has some, it gets two functions for further kernels: ``keep(kernel, variant)`` keeps them next to its own,
    ``keep_shared(kernel)`` in an entry for all texts.
    """
    entry = _entry(key, text)
    made = _run(key, text, entry)
    weakref.finalize(made, _forget_lines, key).atexit = False
    if kernels and entry is not None:
        from batchgd.compiler.cache.numba_cache import keep_kernel

        vars(made)["keep"] = partial(keep_kernel, folder=entry)
        vars(made)["keep_shared"] = partial(keep_kernel, folder=_shared_entry(entry.parent))
        for name in kernels:
            if hasattr(made, name):
                keep_kernel(getattr(made, name), entry)
    return made


@lru_cache(maxsize=LOADED)
def by_text(key: str, text: str, name: str) -> Any:
    """Return the function of this name of an LLVM text, compiled when its address is first asked for."""
    from batchgd.compiler.cache.native import ByText

    folder = cache_folder()
    if folder is None:
        return ByText(text, name, None)
    touch(folder / key)
    return ByText(text, name, folder / key)


def forget() -> None:
    """Forget all that is loaded: this process is then like a new one."""
    for kept in (module, by_text, cache_folder):
        kept.cache_clear()


def execute(text: str, names: dict[str, Any], file: str) -> None:
    """Run a text with these global names, whatever is in the file."""
    import numpy as np

    with np.errstate(over="ignore", under="ignore"):  # constants beyond float32 are infinite or 0 there
        exec(compile(text, file, "exec"), names)


def _run(key: str, text: str, entry: Path | None) -> ModuleType:
    made = ModuleType(f"batchgd_generated_{key}")
    made.__file__ = _file(key, entry)
    execute(text, vars(made), made.__file__)
    return made


def _file(key: str, entry: Path | None) -> str:
    return str(entry / TEXT) if entry else f"<batchgd_generated_{key}>"


def _forget_lines(key: str) -> None:
    """Drop the lines of a module that tracebacks and compilers have read."""
    for file in [file for file in linecache.cache if key in file]:
        linecache.cache.pop(file, None)


def _entry(key: str, text: str) -> Path | None:
    """The entry of the cache on disk, with the text in it; None without a cache."""
    folder = cache_folder()
    if folder is None:
        return None
    _leave_text(folder / key / TEXT, text.encode())
    return folder / key


def _shared_entry(folder: Path) -> Path:
    """The entry of the kernels that are the same for every function and method."""
    from batchgd.kernels.cuda import merge

    text = inspect.getsource(merge)
    entry = folder / key_of(text)
    _leave_text(entry / TEXT, text.encode())
    return entry


def _leave_text(path: Path, content: bytes) -> None:
    if read(path) == content:
        touch(path.parent)
    else:
        write_atomically(path, content)
