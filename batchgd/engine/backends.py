"""Where descents run: one row per backend, and the choice between them."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from batchgd.problem.errors import BackendError
from batchgd.problem.registry import find_name


@dataclass(frozen=True)
class Backend:
    """A way to run a batch.

    ``problem()`` returns one line on why it cannot run here, or None. ``launcher`` is the module whose
    ``launch(module, plan, threads)`` runs a plan, imported when used. ``lanes(n)`` is the block width for n starts,
    ``shard(n, threads)`` the largest number of starts handed out at once.
    """

    name: str
    launcher: str
    problem: Callable[[], str | None]
    lanes: Callable[[int], int]
    shard: Callable[[int, int], int]

    def __reduce__(self) -> tuple[Any, ...]:
        return _registered, (self.name,)

    def launch(self, *arguments: Any) -> None:
        """Run a plan."""
        importlib.import_module(self.launcher).launch(*arguments)


def simulated() -> bool:
    """Whether Numba's CUDA simulator was asked for (``NUMBA_ENABLE_CUDASIM=1``)."""
    return switched_on("NUMBA_ENABLE_CUDASIM")


def switched_on(variable: str) -> bool:
    """Whether a variable of the environment is set, and not to 0."""
    return os.environ.get(variable, "0") not in ("", "0")


NUMPY_TOO_NEW = (2, 5)
"""The first NumPy with which numba-cuda does not compile, as in the extras of pyproject.toml."""


@cache
def cuda_problem() -> str | None:
    """Return why CUDA cannot be used, or None if a device, its driver and numba-cuda work together."""
    if importlib.util.find_spec("numba_cuda") is None:
        return "numba-cuda is not installed"
    if simulated():
        return None
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return "no NVIDIA driver was found"
    if tuple(map(int, np.__version__.split(".")[:2])) >= NUMPY_TOO_NEW:
        return f"numba-cuda does not compile with NumPy {np.__version__}"
    try:
        from batchgd.kernels.cuda.stream import wake

        wake()
    except Exception as error:  # any failure of a foreign library means the same here
        return f"the device does not respond ({type(error).__name__}: {str(error).strip().splitlines()[0]})"
    return None


def _no_problem() -> str | None:
    return None


def _cpu_lanes(n: int) -> int:
    return 64 if n >= 1000 else 16


BACKENDS = {
    "cuda": Backend(
        "cuda",
        "batchgd.kernels.launch_cuda",
        cuda_problem,
        lambda n: 1,
        lambda n, threads: 256 if simulated() else 1 << 22,
    ),
    "cpu": Backend("cpu", "batchgd.kernels.launch_cpu", _no_problem, _cpu_lanes, lambda n, threads: 16_384),
    "numpy": Backend("numpy", "batchgd.kernels.launch_numpy", _no_problem, lambda n: 8192, lambda n, threads: 65_536),
}
"""Every backend, the fastest first."""


def _registered(name: str) -> Backend:
    """Return the backend of this name, in another process too: the row of this table."""
    return BACKENDS[name]


automatic = "auto"
"""What ``"auto"`` means: ``"auto"`` is to choose, and tests set a name (``api.testing``)."""


def choose(name: str = "auto") -> tuple[Backend, str]:
    """Return the backend of this name, and one line that explains the choice.

    ``"auto"`` takes CUDA if a device works, else the CPU.

    Raises
    ------
    BackendError
        If the requested backend cannot run; the message names what is missing.
    InputError
        If there is no such backend.
    """
    name = find_name("backend", name, ["auto", *BACKENDS])
    name = automatic if name == "auto" else name
    if name == "auto":
        problem = "the simulator is never chosen automatically" if simulated() else cuda_problem()
        if problem is None:
            return BACKENDS["cuda"], "cuda: a device works"
        return BACKENDS["cpu"], f"cpu: {problem}"
    problem = BACKENDS[name].problem()
    if problem is not None:
        raise BackendError(f"{name} cannot be used: {problem}; `batchgd doctor` shows what to do, or use cpu")
    return BACKENDS[name], f"{name}: requested"
