"""Where descents run, and in which precision: checked once, and passed on as one object."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any, Self

from batchgd.engine.backends import BACKENDS, Backend, choose
from batchgd.problem import check
from batchgd.problem.arrays import MIXED, check_dtype
from batchgd.problem.errors import InputError, bare
from batchgd.problem.speaker import option


@dataclass(frozen=True)
class Compute:
    """How a batch is computed.

    Attributes
    ----------
    backend : Backend
        What runs it.
    dtype : str
        As a user gives it: ``"float64"``, ``"float32"`` or ``"mixed"``.
    threads : int
        Worker threads of the CPU.
    device : bool
        Whether the arrays of the result are CuPy's, on the device.
    asked : bool
        Whether the backend was named, and not chosen automatically.
    """

    backend: Backend
    dtype: str
    threads: int
    device: bool = False
    asked: bool = True

    @classmethod
    def of(cls, backend: Any = "auto", dtype: Any = "float64", threads: Any = None, device: Any = False) -> Self:
        """Check the arguments of a call, those of :func:`batchgd.multistart`, or raise InputError."""
        compute = cls(
            choose(backend)[0],
            check_dtype(dtype, mixed=True),
            check_threads(threads),
            check.flag("device", device),
            asked=not (isinstance(backend, str) and bare(backend) == "auto"),
        )
        if compute.device:
            if compute.backend.name != "cuda":
                used = compute.backend.name
                raise InputError(f"device=True needs the cuda backend, and this run uses {used}: leave it out")
            check.cupy_for("device=True returns arrays of", "leave it out")
        return compute

    def for_plain_python(self) -> Self:
        """Return what runs a function that is called as plain Python, or raise InputError if that was excluded."""
        if self.backend.name == "numpy":
            return self
        if self.device or self.asked:
            given = "device=True" if self.device else option("backend", self.backend.name)
            raise InputError(f"{given} cannot call a bgd.Callback, which is plain Python: leave it out, numpy runs it")
        return replace(self, backend=BACKENDS["numpy"])

    @property
    def mixed(self) -> bool:
        """Whether the descent begins in float32 and ends in float64."""
        return self.dtype == MIXED

    @property
    def end_dtype(self) -> str:
        """The dtype of the endpoints."""
        return "float64" if self.mixed else self.dtype

    @property
    def start_dtype(self) -> str:
        """The dtype that starts are placed in."""
        return "float32" if self.mixed else self.dtype


def check_threads(threads: int | None) -> int:
    """Return the number of worker threads: those asked for, or one per core that this process may use."""
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return check.whole("threads", threads, 1, 4096)
