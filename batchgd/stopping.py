"""When a trajectory ends: the tolerances as a user gives them, checked, and the limits that the kernels read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from batchgd.box import Box
from batchgd.errors import InputError

_LEAST_SIZE = 1e-3  # of the narrowest side: below this, rounding of x is measured against the box


@dataclass(frozen=True)
class Stopping:
    """The stopping rule of a run; the first condition that holds ends a trajectory and names its status.

    Where several hold at once, ``kernels/stopping.py`` says which one names it: convergence comes before ``MAXITER``.

    Parameters
    ----------
    gtol : float
        ``GRADIENT``: ||∇f(x)||₂ <= gtol, in units of f / x. 0 asks for a gradient of exactly zero.
    xtol : float
        ``STEP``: ||step||₂ < xtol (xtol + ||x||∞). 0 switches it off.
    ftol : float
        ``VALUE``: |Δf| < ftol max(1, |f|, |f_previous|). 0 switches it off.
    maxiter : int
        ``MAXITER``: this many updates were made.
    max_time : float, optional
        ``MAXTIME``: seconds after which everything still running ends where it is. On CUDA each thread looks at
        every 4096th evaluation.
    escape : float
        ``ESCAPED`` or ``DIVERGED`` (with a gradient larger than at the start): x is more than this many box widths
        outside the box in some coordinate. ``inf`` lets trajectories go anywhere.

    Always on: ``NONFINITE``, and ``STALLED`` when a step is no longer than two rounding errors of x.

    Raises
    ------
    InputError
        For a negative or undefined limit, and when gtol, xtol and ftol are all 0.

    Examples
    --------
    >>> Stopping(gtol=1e-8).maxiter
    10000
    """

    gtol: float = 1e-6
    xtol: float = 0.0
    ftol: float = 0.0
    maxiter: int = 10_000
    max_time: float | None = None
    escape: float = 10.0

    def __post_init__(self) -> None:
        for name in ("gtol", "xtol", "ftol"):
            value = _real(name, getattr(self, name))
            if not 0.0 <= value < math.inf:
                raise InputError(f"{name} is {value:g}: give a finite number of at least 0")
        if self.gtol == self.xtol == self.ftol == 0.0:
            raise InputError("gtol, xtol and ftol are all 0, so nothing would ever converge: give at least one of them")
        if not 0.0 <= _real("maxiter", self.maxiter) <= 2.0**53 or self.maxiter != int(self.maxiter):
            raise InputError(f"maxiter is {self.maxiter}: give a whole number of updates, 0 or more")
        if self.max_time is not None and not _real("max_time", self.max_time) > 0.0:
            raise InputError(f"max_time is {self.max_time:g}: give a positive number of seconds, or leave it out")
        if not _real("escape", self.escape) >= 0.0:
            raise InputError(f"escape is {self.escape:g}: give a number of box widths, 0 or more")

    @property
    def active(self) -> tuple[str, ...]:
        """The tolerances whose tests are compiled only when they are used."""
        return tuple(name for name in ("ftol", "xtol") if getattr(self, name) > 0.0)

    def limits(self, box: Box, dtype: str) -> np.ndarray:
        """Return what the kernels' tests read, in the order of ``specialise.ending.LIMITS``."""
        if dtype == "float32" and self.maxiter > 2**24:
            raise InputError(f"maxiter is {self.maxiter}: float32 counts no further than {2**24}; use float64")
        resolution = 2.0 * float(np.finfo(dtype).eps)
        least_size = _LEAST_SIZE * float(box.width.min())
        tiny = float(np.finfo(dtype).tiny)
        squared = self.gtol**2 if self.gtol == 0.0 else max(self.gtol**2, tiny)
        return np.array([squared, self.xtol, self.ftol, resolution, least_size, self.maxiter], dtype)

    def outer(self, box: Box) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends of the region beyond which a trajectory counts as lost."""
        return box.lower - self.escape * box.width, box.upper + self.escape * box.width


def _real(name: str, value: Any) -> float:
    """Return a number that is not NaN, or raise."""
    if isinstance(value, bool | str) or not isinstance(value, int | float | np.number) or math.isnan(value):
        raise InputError(f"{name} is {value!r}: give a number")
    return float(value)
