"""The machine code of one compiled function on disk, in place of Numba's own cache.

Numba's cache stops the program on a damaged or unwritable file, and its index loses entries when two processes write
at once. Here every function and signature is one file (``folder.write_code``).
"""

from __future__ import annotations

import contextlib
import gc
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from batchgd.compiler.cache.folder import code_path, read_code, write_code


def keep(function: Any, folder: Path) -> None:
    """Have a Numba function look for its machine code in a folder before it compiles, and store it there afterwards."""
    if hasattr(function, "enable_caching"):  # a plain function when compilation is switched off
        function._cache = MachineCode(folder, function.py_func.__name__)


def keep_kernel(kernel: Any, folder: Path, variant: str = "") -> None:
    """Do the same for a CUDA kernel; ``variant`` distinguishes kernels of the same name."""
    if hasattr(kernel, "enable_caching"):  # the simulator's kernels are plain functions
        kernel._cache = DeviceCode(folder, kernel.py_func.__name__ + variant)


def hasten(function: Any) -> None:
    """Have a Numba function compile without the garbage collector, which takes an eighth of the time for nothing."""
    if hasattr(function, "enable_caching"):
        compile_ = function.compile

        def compile_undisturbed(signature: Any) -> Any:
            with undisturbed():
                return compile_(signature)

        function.compile = compile_undisturbed


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Switch the garbage collector off, and on again if it was on."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:  # of two threads, the one that found it on turns it on again
            gc.enable()


class MachineCode:
    """What Numba's dispatcher expects of a cache: load or save the code of one signature."""

    def __init__(self, folder: Path, name: str):
        self._folder, self._name = folder, name

    @property
    def cache_path(self) -> str:
        """The folder, as Numba's statistics show it."""
        return str(self._folder)

    def load_overload(self, signature: Any, target: Any) -> Any:
        """Return the compiled function for these argument types; None if there is none that can be trusted."""
        return read_code(self._path(signature), lambda payload: self._rebuilt(payload, target))

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Store compiled code for the next process."""
        payload = self._payload(compiled)
        if payload is not None:
            write_code(self._path(signature), payload)

    def _payload(self, compiled: Any) -> bytes | None:
        """The bytes that represent a compiled function; None if they would mean nothing to another process."""
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
        return code_path(self._folder, self._name, f"{signature}{self._processor()}")

    def _processor(self) -> str:
        """What the code runs on, if the name of the entry does not contain it."""
        return ""

    def enable(self) -> None:
        """Nothing to switch on."""

    def disable(self) -> None:
        """Nothing to switch off."""

    def flush(self) -> None:
        """Nothing is buffered."""


class DeviceCode(MachineCode):
    """The same for a CUDA kernel: its PTX and the machine code that was assembled from it, for one kind of device."""

    def _payload(self, compiled: Any) -> bytes:
        from batchgd.kernels.cuda.assemble import kernel_to_bytes

        return kernel_to_bytes(compiled)

    def _rebuilt(self, payload: bytes, target: Any) -> Any:
        from batchgd.kernels.cuda.assemble import kernel_from_bytes

        return kernel_from_bytes(payload)

    def _processor(self) -> str:
        from batchgd.kernels.cuda.assemble import current_capability

        return f" {current_capability()}"
