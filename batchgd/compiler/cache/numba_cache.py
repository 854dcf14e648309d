"""The machine code of a CUDA kernel on disk, in place of Numba's own cache.

Numba's cache stops the program on a damaged or unwritable file, and its index loses entries when two processes write
at once. Here every kernel and signature is one file (``folder.write_code``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from batchgd.compiler.cache.folder import code_path, read_code, write_code


def keep_kernel(kernel: Any, folder: Path, variant: str = "") -> None:
    """Have a CUDA kernel look for its machine code in a folder before it is compiled, and store it there afterwards.

    ``variant`` distinguishes kernels of the same name.
    """
    if hasattr(kernel, "enable_caching"):  # the simulator's kernels are plain functions
        kernel._cache = DeviceCode(folder, kernel.py_func.__name__ + variant)


class DeviceCode:
    """What Numba's dispatcher expects of a cache: load or save a kernel, its PTX and what was assembled from it."""

    def __init__(self, folder: Path, name: str):
        self._folder, self._name = folder, name

    @property
    def cache_path(self) -> str:
        """The folder, as Numba's statistics show it."""
        return str(self._folder)

    def load_overload(self, signature: Any, target: Any) -> Any:
        """Return the compiled kernel for these argument types; None if there is none that can be trusted."""
        from batchgd.kernels.cuda.assemble import kernel_from_bytes

        return read_code(self._path(signature), lambda payload: kernel_from_bytes(payload, signature))

    def save_overload(self, signature: Any, compiled: Any) -> None:
        """Store a compiled kernel for the next process."""
        from batchgd.kernels.cuda.assemble import kernel_to_bytes

        write_code(self._path(signature), kernel_to_bytes(compiled))

    def _path(self, signature: Any) -> Path:
        """The file for one kind of device, which the name of the entry does not contain."""
        from batchgd.kernels.cuda.assemble import current_capability

        return code_path(self._folder, self._name, f"{signature} {current_capability()}")

    def enable(self) -> None:
        """Nothing to switch on."""

    def disable(self) -> None:
        """Nothing to switch off."""

    def flush(self) -> None:
        """Nothing is buffered."""
