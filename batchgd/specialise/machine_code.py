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


def keep_kernel(kernel: Any, folder: Path, variant: str = "") -> None:
    """Have a CUDA kernel do so; ``variant`` tells kernels of one name apart."""
    if hasattr(kernel, "enable_caching"):  # the simulator's kernels are plain functions
        kernel._cache = DeviceCode(folder, kernel.py_func.__name__ + variant)


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
            return self._rebuilt(_checked(content), target)
        except Exception:  # whatever a damaged file leads to
            with contextlib.suppress(OSError):
                path.unlink()
            return None

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Leave compiled code for the next process; without it the next process compiles again."""
        payload = self._payload(compiled)
        if payload is None:
            return
        if write_atomically(self._path(signature), hashlib.sha256(payload).digest() + payload):
            trim(self._folder.parent)

    def _payload(self, compiled: Any) -> bytes | None:
        """The bytes that stand for a compiled function; None where they would mean nothing to another process."""
        if compiled.library.has_dynamic_globals:  # addresses of this process
            return None
        from numba.core.serialize import dumps

        return dumps(compiled._reduce())

    def _rebuilt(self, payload: bytes, target: Any) -> Any:
        from numba.core.compiler import CompileResult
        from numba.core.runtime import rtsys

        # Not `target.refresh()`: that imports all that Numba can compile, 0.2 s, and here nothing is compiled.
        rtsys.initialize(target)
        return CompileResult._rebuild(target, *pickle.loads(payload))

    def _path(self, signature: Any) -> Path:
        digest = hashlib.sha256(f"{signature}{self._processor()}".encode()).hexdigest()[:16]
        return self._folder / f"{self._name}-{digest}{CODE_SUFFIX}"

    def _processor(self) -> str:
        """What the code runs on, where the name of the entry does not say it."""
        return ""

    def enable(self) -> None:
        """Nothing to switch on."""

    def disable(self) -> None:
        """Nothing to switch off."""

    def flush(self) -> None:
        """Nothing is held back."""


class DeviceCode(MachineCode):
    """The same for a CUDA kernel: its PTX and the machine code that was assembled of it, for one kind of device."""

    def _payload(self, compiled: Any) -> bytes:
        from numba.cuda.serialize import dumps

        return dumps(compiled._reduce_states())

    def _rebuilt(self, payload: bytes, target: Any) -> Any:
        from numba.cuda.dispatcher import _Kernel

        kernel = _Kernel._rebuild(**pickle.loads(payload))
        kernel.bind()  # what the driver refuses to load is compiled again
        return kernel

    def _processor(self) -> str:
        from numba.cuda import dispatcher

        return f" {dispatcher.get_current_device().compute_capability}"


def _checked(content: bytes) -> bytes:
    """Return what follows the checksum of a file, if it is what was written."""
    payload = content[_DIGEST_BYTES:]
    if hashlib.sha256(payload).digest() != content[:_DIGEST_BYTES]:
        raise ValueError("the checksum does not match")
    return payload
