"""The machine code of one compiled function on disk, in the place of Numba's own cache.

Numba's cache stops the program on a damaged or unwritable file, and its index loses entries when two processes write
at once. Here every function and signature is one file, written atomically, with a checksum in front: machine code
that was cut short or altered is never run, but compiled again.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import pickle
from pathlib import Path
from typing import Any

from batchgd.specialise.folder import CODE_SUFFIX, trim, write_atomically

_DIGEST_BYTES = hashlib.sha256().digest_size


def keep(function: Any, folder: Path) -> None:
    """Have a Numba function look for its machine code in a folder before it compiles, and leave it there after."""
    if hasattr(function, "enable_caching"):  # a plain function where compilation is switched off
        function._cache = MachineCode(folder, function.py_func.__name__)


def hasten(function: Any) -> None:
    """Have a Numba function compile without the garbage collector, which takes an eighth of the time for nothing."""
    if hasattr(function, "enable_caching"):
        compile_ = function.compile

        def compile_undisturbed(signature: Any) -> Any:
            collecting = gc.isenabled()
            gc.disable()
            try:
                return compile_(signature)
            finally:
                if collecting:  # of two threads, the one that found it on turns it on again
                    gc.enable()

        function.compile = compile_undisturbed


class MachineCode:
    """What Numba's dispatcher asks of a cache: load or save the code of one signature."""

    def __init__(self, folder: Path, name: str):
        self._folder, self._name = folder, name

    @property
    def cache_path(self) -> str:
        """The folder, as Numba's statistics show it."""
        return str(self._folder)

    def load_overload(self, signature: Any, target: Any) -> Any:
        """Return the compiled function for these argument types; None where there is none that can be trusted."""
        path = self._path(signature)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        try:
            return _restore(content, target)
        except Exception:  # whatever a damaged file leads to
            with contextlib.suppress(OSError):
                path.unlink()
            return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Leave compiled code for the next process; without it the next process compiles again."""
        if compiled.library.has_dynamic_globals:  # addresses of this process
            return
        from numba.core.serialize import dumps

        payload = dumps(compiled._reduce())
        if write_atomically(self._path(signature), hashlib.sha256(payload).digest() + payload):
            trim(self._folder.parent)

    def _path(self, signature: Any) -> Path:
        digest = hashlib.sha256(str(signature).encode()).hexdigest()[:16]
        return self._folder / f"{self._name}-{digest}{CODE_SUFFIX}"

    def enable(self) -> None:
        """Nothing to switch on."""

    def disable(self) -> None:
        """Nothing to switch off."""

    def flush(self) -> None:
        """Nothing is held back."""


def _restore(content: bytes, target: Any) -> Any:
    """Rebuild a compiled function from the bytes of its file."""
    payload = content[_DIGEST_BYTES:]
    if hashlib.sha256(payload).digest() != content[:_DIGEST_BYTES]:
        raise ValueError("the checksum does not match")
    from numba.core.compiler import CompileResult
    from numba.core.runtime import rtsys

    # Not `target.refresh()`: that imports all that Numba can compile, 0.2 s, and here nothing is compiled.
    rtsys.initialize(target)
    return CompileResult._rebuild(target, *pickle.loads(payload))
