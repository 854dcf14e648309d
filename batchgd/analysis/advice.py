"""What to do about starts that found no minimum: tried on some of them before it is recommended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from batchgd.kernels.status import AT_REST, Status
from batchgd.problem.speaker import option, said

if TYPE_CHECKING:
    from batchgd.engine.batch import Batch
    from batchgd.minima.results import LandscapeData
    from batchgd.problem.methods import Method

_TRIED = 32  # starts
_UPDATES, _SECONDS = 1000, 3.0  # of each method that is tried
_LEAST = 1.0  # seconds that a trial may take after any run; otherwise it takes at most as long as the run did
_MANY = 0.1  # share of the starts from which a trial is worth its time
_COMPILED = 10_000  # starts from which on compiling a method, once, is a small part of the run
_LARGEST_HESSIAN = 12  # dimensions
_MOST_OPERATIONS = 5000  # beyond, writing the code for NumPy takes longer than the trial
_UNFINISHED = (Status.MAXITER, Status.MAXFEV, Status.STALLED, Status.GRADIENT)


def advice(batch: Batch, result: LandscapeData) -> tuple[str, ...]:
    """Return sentences for the warnings of a result that has kept one entry per start."""
    return tuple(
        line for look in (_at_rest, _escaped, _lost, _another_method) if (line := look(batch, result)) is not None
    )


def _at_rest(batch: Batch, result: LandscapeData) -> str | None:
    """Starts that have not moved."""
    still = float(np.mean((result.nit == 0) & np.isin(result.status, AT_REST)))
    if still <= 0.5:
        return None
    return (
        f"{100 * still:.3g} % of the starts count as at rest where they began, with gtol={batch.stopping.gtol:.3g}: "
        f"omit {option('gtol')}, which then follows the slope of the function, or give {option('gtol_rel')}"
    )


def _escaped(batch: Batch, result: LandscapeData) -> str | None:
    """Escaped trajectories that are lower than all minima, if the value keeps falling."""
    from batchgd.minima.notes import endless_fall
    from batchgd.minima.within import within

    rows = np.flatnonzero((result.status == Status.ESCAPED) & np.isfinite(result.fun))
    if not rows.size:
        return None
    row = rows[np.argmin(result.fun[rows])]
    rest = result.fun[np.isin(result.status, AT_REST)]
    if rest.size and rest.min() <= result.fun[row]:
        return None
    x = np.asarray(result.x[row], np.float64)
    objective = within(batch.objective, batch.bounds, batch.box)
    return endless_fall(objective, batch.box, x, float(result.fun[row]), result.minima)


def _lost(batch: Batch, result: LandscapeData) -> str | None:
    """Steps so long that trajectories diverge."""
    rate = getattr(batch.method, "learning_rate", None)
    share = float(np.mean(np.isin(result.status, (Status.DIVERGED, Status.NONFINITE))))
    if rate is None or share <= 0.5:
        return None
    return (
        f"{100 * share:.3g} % of the starts diverged: the learning rate is too large for this function; "
        f"{said('bgd.sweep', 'batchgd sweep')} shows which rates are not"
    )


def _another_method(batch: Batch, result: LandscapeData) -> str | None:
    """A method that finds minima from starts where this one found none."""
    stuck = np.flatnonzero((result.label < 0) & np.isin(result.status, _UNFINISHED))
    if batch.objective.counts.total > _MOST_OPERATIONS or stuck.size <= _MANY * result.n or not batch.method.unit_free:
        return None
    points = batch.starts.at(stuck[:_TRIED])
    backend = "cpu" if batch.backend.name == "cpu" and result.n >= _COMPILED else "numpy"
    seconds = min(_SECONDS, max(_LEAST, result.seconds))
    found = {name: _found(batch, points, method, backend, seconds) for name, method in _candidates(batch).items()}
    best = max(found, key=lambda name: found[name], default="")
    if not best or found[best] <= 0.5 * len(points):
        return None
    return (
        f"{stuck.size:,} starts reached no minimum; {best} takes {found[best]} of {len(points)} of them to one: "
        f"try {option('method', best)}"
    )


def _candidates(batch: Batch) -> dict[str, Method]:
    from batchgd.problem.methods import LBFGS, LevenbergMarquardt, Newton

    tried: dict[str, Method] = {"lbfgs": LBFGS(), "newton": Newton()}
    if batch.objective.dim > _LARGEST_HESSIAN:
        del tried["newton"]
    if isinstance(batch.method, LevenbergMarquardt):  # has more curvature than L-BFGS will learn
        del tried["lbfgs"]
    return {name: method for name, method in tried.items() if type(method) is not type(batch.method)}


def _found(batch: Batch, points: NDArray[np.float64], method: Method, backend: str, seconds: float) -> int:
    """How many of these starts a method takes to a minimum; NumPy compiles nothing."""
    from batchgd.engine.compute import Compute
    from batchgd.minima.collect import collect

    stopping = replace(batch.stopping, maxiter=min(batch.stopping.maxiter, _UPDATES), max_time=seconds)
    trial = batch.again(starts=points, method=method, stopping=stopping, compute=Compute.of(backend, batch.dtype))
    return int(np.count_nonzero(collect(trial).label >= 0))
