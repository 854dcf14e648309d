"""Where the parts run: on a device, or, to rehearse, in Numba's simulator or in the interpreter of PTX."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
REHEARSALS = ("simulator", "interpreter")


@dataclass(frozen=True)
class Place:
    """A device or its stand-in; ``spoil`` is a change to the descent kernel, ``PATTERN=TEXT``, for the interpreter."""

    name: str = "device"
    spoil: str | None = None

    @property
    def real(self) -> bool:
        """Whether times mean anything."""
        return self.name == "device"

    @property
    def reference(self) -> str:
        """The backend that results are compared with: with the simulator Numba compiles nothing."""
        return "numpy" if self.name == "simulator" else "cpu"

    def of(self, device: Any, rehearsal: Any) -> Any:
        """Return the size for a device, or the one for a rehearsal."""
        return device if self.real else rehearsal

    def environment(self, cache: str | None) -> dict[str, str]:
        """Return the environment of a process that measures; ``cache`` is the folder for what it compiles."""
        found = dict(os.environ)
        found["NUMBA_ENABLE_CUDASIM"] = found["NUMBA_DISABLE_JIT"] = str(int(self.name == "simulator"))
        if cache is not None:
            found |= {"BATCHGD_CACHE_DIR": cache, "CUDA_CACHE_PATH": cache, "CUPY_CACHE_DIR": cache}
        return found

    @contextmanager
    def standing_in(self) -> Iterator[None]:
        """Let ``backend="cuda"`` mean this place in the current process."""
        sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]
        if self.name == "simulator":
            import simulated_cuda

            simulated_cuda.plain_python()
            simulated_cuda.agree_on_shared_arrays()
            sys.setswitchinterval(2e-5)  # threads of a block that wait for each other poll
        if self.name != "interpreter":
            yield
            return
        sys.path.insert(0, str(ROOT / "tests"))
        from ptx.product import interpreted

        with interpreted(edit=self._spoiled):
            yield

    def _spoiled(self, kernel: str, text: str) -> str:
        if self.spoil is None or kernel != "descend_kernel":
            return text
        pattern, _, by = self.spoil.partition("=")
        spoiled, times = re.subn(pattern, by, text)
        if times == 0:
            raise ValueError(f"{pattern} is not in the PTX of {kernel}: nothing is spoiled")
        return spoiled
