"""When a trajectory ends: the tolerances as a user gives them, checked, and the limits that the kernels read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from batchgd.problem import check
from batchgd.problem.box import Box
from batchgd.problem.errors import InputError, told
from batchgd.problem.keywords import Explained, refuse_strange

_EVALUATIONS = 20  # that an update may take on average, its rejected trials included
GTOL = 1e-6  # the default of gtol, if nothing is known about the function's slope
_LEAST_SIZE = 1e-3  # of the narrowest side: below this, rounding of x is measured against the box

_TOLERANCES = ("gtol", "gtol_rel", "xtol", "xtol_abs", "xtol_rel", "ftol", "ftol_abs", "ftol_rel")
_COUNTS = {"maxiter": 0, "window": 1, "maxfev": 1, "patience": 1, "oscillation": 2}
"""The whole numbers, and the least value of each."""


@dataclass(frozen=True)
class Stopping(Explained):
    """The stopping rule of a run; the first condition that holds ends a trajectory and names its status.

    If several hold at once, the last of them in ``kernels.stopping_tests.TESTS`` names it: convergence comes before
    ``MAXITER``. A test that is not used is not compiled, so it costs nothing. A rejected trial of a line search is not
    an update: only the rounding floor and ``maxfev`` are tested there. The names are SciPy's and, for the purely
    absolute and relative tolerances, NLopt's.

    Parameters
    ----------
    gtol : float, optional
        ``GRADIENT``: ||∇f(x)|| <= gtol, in units of f / x. 0 asks for a gradient of exactly zero. If omitted, it is
        1e-6, or less for a function that is flat in its units: then 1e-8 max |g_i w_i| / max w_i, with the gradients g
        at 64 points of the box and its widths w. A result's ``stopping`` has the number.
    xtol : float
        ``STEP``: ||step||₂ < xtol (xtol + ||x||∞). 0 switches it off, as in all tolerances that follow.
    ftol : float
        ``VALUE``: |Δf| < ftol max(1, |f|, |f_previous|).
    maxiter : int
        ``MAXITER``: this many updates were made. It bounds evaluations as well, see ``maxfev``.
    max_time : float, optional
        ``MAXTIME``: seconds after which everything still running ends where it is. They are counted over the whole run,
        however many parts it has, and compiling does not count. On CUDA each thread checks at every 4096th evaluation.
    escape : float
        ``ESCAPED`` or ``DIVERGED`` (with a gradient larger than at the start): x is more than this many box widths
        outside the box in some coordinate. ``inf`` lets trajectories go anywhere.
    gtol_rel : float
        ``GRADIENT``: ||∇f(x)|| <= gtol_rel ||∇f(x_0)||, as PETSc's gttol; for use when the scale of f is unknown.
    xtol_abs, xtol_rel : float
        ``STEP``: ||step||₂ < xtol_abs, in units of x; ||step||₂ < xtol_rel ||x||∞.
    ftol_abs, ftol_rel : float
        ``VALUE``: |Δf| < ftol_abs, in units of f; |Δf| < ftol_rel |f|.
    norm : 2 or "max"
        The norm of the gradient in ``gtol`` and ``gtol_rel``: the 2-norm, or the largest component, which does not grow
        with the number of coordinates (``gtol`` of SciPy's BFGS).
    window : int
        ``GRADIENT``, ``STEP`` and ``VALUE`` must hold at this many updates in a row: a method with momentum passes
        turning points where one small step or one small change of the value means nothing.
    maxfev : int, optional
        ``MAXFEV``: this many evaluations were made, those of rejected trials included. If omitted, it is
        20 (maxiter + 10) for methods that reject trials; the others make one evaluation per update.
    target : float, optional
        ``TARGET``: f(x) <= target (NLopt's stopval). It names the reason even if a tolerance is met as well.
    patience : int, optional
        ``PLATEAU``: the best value has not improved by more than ``min_delta`` for this many updates (scikit-learn's
        n_iter_no_change; with Keras' names). The test for methods whose value rises now and then.
    min_delta : float
        What counts as an improvement for ``patience``, in units of f.
    f_growth : float, optional
        ``DIVERGED``: f(x) - f(x_0) > f_growth max(1, |f(x_0)|). PETSc's divtol is 1e4.
    x_growth : float, optional
        ``DIVERGED``: ||x||∞ > x_growth max(||x_0||∞, the largest |coordinate| of the box).
    oscillation : int, optional
        ``OSCILLATING``: for this many updates in a row x returned to where it was two updates before, within 0.1 % of
        the step, and f came no lower: the learning rate is above 2 / curvature. 10 is a good choice; each lane then
        stores two more points.

    Always on: ``NONFINITE``, for a gradient or a step that is not a number, and ``STALLED`` when a step is no longer
    than two rounding errors of x.

    Raises
    ------
    InputError
        If a limit is negative or undefined, or if no test is left that could detect convergence.

    Examples
    --------
    >>> Stopping(gtol=1e-8).maxiter
    10000
    >>> Stopping(gtol_rel=1e-6, norm="max", target=0.0).active
    ('gtol_rel', 'target', 'max_norm')

    References
    ----------
    P. E. Gill, W. Murray and M. H. Wright, Practical Optimization, 1981, section 8.2. S. G. Johnson, the NLopt library,
    "Stopping criteria". S. Balay et al., PETSc/TAO Users Manual, "Convergence".
    """

    gtol: float | None = None
    xtol: float = 0.0
    ftol: float = 0.0
    maxiter: int = 10_000
    max_time: float | None = None
    escape: float = 10.0
    gtol_rel: float = 0.0
    xtol_abs: float = 0.0
    xtol_rel: float = 0.0
    ftol_abs: float = 0.0
    ftol_rel: float = 0.0
    norm: int | str = 2
    window: int = 1
    maxfev: int | None = None
    target: float | None = None
    patience: int | None = None
    min_delta: float = 0.0
    f_growth: float | None = None
    x_growth: float | None = None
    oscillation: int | None = None

    def __post_init__(self) -> None:
        numbers = [name for name in (*_TOLERANCES, "min_delta") if name != "gtol" or self.gtol is not None]
        for name in numbers:
            value = self._settle(name)
            if not 0.0 <= value < math.inf:
                raise InputError(f"{name} is {value:g}: give a finite number of at least 0")
        for name, least in _COUNTS.items():
            if getattr(self, name) is not None or name in ("maxiter", "window"):
                of = "evaluations" if name == "maxfev" else "updates"
                count = check.whole(name, getattr(self, name), least, of=of, real=True)
                object.__setattr__(self, name, count)
        converging = self.gtol is None or any(getattr(self, name) for name in (*_TOLERANCES, "patience"))
        if not converging and self.target is None:
            raise InputError("gtol, xtol and ftol are all 0, so nothing would ever converge: give at least one of them")
        if self.min_delta and self.patience is None:
            raise InputError("min_delta belongs to patience: give both, or neither")
        if self.max_time is not None and not self._settle("max_time") > 0.0:
            raise InputError(f"max_time is {self.max_time:g}: give a positive number of seconds, or leave it out")
        if not self._settle("escape") >= 0.0:
            raise InputError(f"escape is {self.escape:g}: give a number of box widths, 0 or more")
        if self.target is not None and not math.isfinite(self._settle("target")):
            raise InputError(f"target is {self.target:g}: give the value to reach, or leave it out")
        for name in ("f_growth", "x_growth"):
            if getattr(self, name) is not None and not 1.0 <= self._settle(name) < math.inf:
                growth = getattr(self, name)
                raise InputError(f"{name} is {growth:g}: give a finite factor of at least 1, or leave it out")
        object.__setattr__(self, "norm", check.one_of("norm", self.norm, (2, "max")))

    def _settle(self, name: str) -> float:
        """Turn a number that was given into a float, and return it."""
        value = check.number(name, getattr(self, name))
        object.__setattr__(self, name, value)
        return value

    @property
    def active(self) -> tuple[str, ...]:
        """The options whose tests are compiled only when they are used."""
        used = [name for name in (*_TOLERANCES[1:], "f_growth", "x_growth") if getattr(self, name)]
        used += [name for name in ("maxfev", "target", "patience", "oscillation") if getattr(self, name) is not None]
        return (*used, *(["window"] if self.window > 1 else []), *(["max_norm"] if self.norm == "max" else []))

    def limits(self, box: Box, dtype: str) -> np.ndarray:
        """Return what the kernels' tests read, in the order of ``kernels.stopping_tests.LIMITS``; unused ones are 0."""
        from batchgd.kernels.stopping_tests import LIMITS

        for name in _COUNTS:
            if dtype == "float32" and (getattr(self, name) or 0) > 2**24:
                raise InputError(
                    f"{name} is {getattr(self, name)}: float32 counts no further than {2**24}; use float64"
                )
        tiny, gtol = float(np.finfo(dtype).tiny), GTOL if self.gtol is None else self.gtol
        values = {
            "gtol_squared": 0.0 if gtol == 0.0 else max(gtol * gtol, tiny),
            "resolution": 2.0 * float(np.finfo(dtype).eps),
            "least_size": _LEAST_SIZE * float(box.width.min()),
            "maxfev": self.maxfev or min(_EVALUATIONS * (self.maxiter + 10), 2**24 if dtype == "float32" else 2**53),
            "box_reach": float(np.abs([box.lower, box.upper]).max()),
        }
        return np.array([values[name] if name in values else getattr(self, name) or 0.0 for name in LIMITS], dtype)

    def outer(self, box: Box) -> tuple[np.ndarray, np.ndarray]:
        """Return the ends of the region beyond which a trajectory counts as lost."""
        with np.errstate(over="ignore"):  # an infinite end is never reached
            return box.lower - self.escape * box.width, box.upper + self.escape * box.width


def as_stopping(stopping: Stopping | Mapping[str, Any] | None, **shortcuts: Any) -> Stopping:
    """Return the stopping rule of a call: the one given, or one made from a dict and the arguments given by name.

    >>> as_stopping({"target": 0.5}, gtol=1e-8, maxiter=None) == Stopping(gtol=1e-8, target=0.5)
    True
    """
    named = {name: value for name, value in shortcuts.items() if value is not None}
    if stopping is None:
        return Stopping(**named)
    if isinstance(stopping, Mapping):
        refuse_strange("stopping", stopping, [field.name for field in fields(Stopping)])
        if twice := [name for name in named if name in stopping]:
            raise InputError(f"{twice[0]} was given by name and in stopping: leave out one of them")
        return Stopping(**stopping, **named)
    if not isinstance(stopping, Stopping):
        raise InputError(
            f"stopping is {told(stopping)}: give bgd.Stopping(...) or a dict of its fields, as in {{'gtol_rel': 1e-6}}"
        )
    if named:
        inside = ", ".join(f"{name}={told(value)}" for name, value in named.items())
        raise InputError(f"{', '.join(named)} was given besides stopping: write stopping=bgd.Stopping(..., {inside})")
    return stopping
