"""One batch of descents, checked and ready to run: everything that decides where n descents end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from batchgd.backends import MIXED, check_dtype, check_threads, choose
from batchgd.box import Box
from batchgd.errors import InputError
from batchgd.methods import Method, as_method, split_per_start
from batchgd.standins import not_stored
from batchgd.stopping import Stopping

if TYPE_CHECKING:
    from batchgd.backends import Backend
    from batchgd.differentiable import Differentiable
    from batchgd.result import BatchResult
    from batchgd.starts import Starts


@dataclass(frozen=True)
class Batch:
    """Everything that decides where n descents end; ``dataclasses.replace`` makes a related batch.

    ``watch_turns`` asks to tell which trajectories turned back on themselves (``Endpoints.turned``).
    With ``mixed`` the descent is in float32 and ends in float64, which ``dtype`` then is. ``scale`` are the units in
    which steps are measured (``units.py``).
    """

    objective: Differentiable
    starts: Starts
    box: Box
    method: Method
    stopping: Stopping
    dtype: str
    backend: Backend
    threads: int
    seed: int
    watch_turns: bool = False
    mixed: bool = False
    scale: np.ndarray | None = None

    @property
    def precision(self) -> str:
        """The dtype as a user gives it."""
        return MIXED if self.mixed else self.dtype

    @property
    def start_dtype(self) -> str:
        """The dtype that starts are placed in."""
        return "float32" if self.mixed else self.dtype

    def again(self, *, starts: Any = None, method: Any = None, **changes: Any) -> Batch:
        """Return the batch with other starts (anything that ``parse_starts`` takes), another method, or other fields.

        Raises InputError where they do not go together: a hyperparameter per start for another number of starts.
        """
        from batchgd.starts import parse_starts

        if starts is not None:
            changes["starts"] = parse_starts(starts, "uniform", self.box, self.box.dim, self.seed, self.start_dtype)
        if method is not None:
            changes["method"] = as_method(method)
        batch = replace(self, **changes)
        split_per_start(batch.method, batch.starts.n, batch.dtype)
        _check_rule(batch.objective, batch.method)
        return batch


def make_batch(
    fun: Any,
    *,
    box: Any = None,
    dim: int | None = None,
    starts: Any = 10_000,
    sampling: Any = "uniform",
    method: Any = None,
    seed: int | None = 0,
    stopping: Stopping | None = None,
    backend: str = "auto",
    dtype: Any = "float64",
    threads: int | None = None,
    params: Any = None,
    jac: Any = None,
    args: Any = (),
    scale: Any = "auto",
    resident: bool = True,
) -> Batch:
    """Check everything, cheapest first, before the function is traced.

    The parameters are those of :func:`batchgd.multistart`; ``resident`` says whether one row per start is held in
    memory, so that more starts than fit are refused.
    """
    from batchgd.objective import resolve
    from batchgd.starts import Starts, parse_seed, parse_starts
    from batchgd.units import chosen, resting_slope

    stopping = Stopping() if stopping is None else stopping
    precision, target, threads = check_dtype(dtype, mixed=True), choose(backend)[0], check_threads(threads)
    mixed = precision == MIXED
    dtype, first_dtype = ("float64", "float32") if mixed else (precision, precision)
    method = as_method(method)
    region, objective = resolve(fun, dim=dim, box=box, params=params, jac=jac, args=args)
    units = chosen(scale, region, method)
    seed = parse_seed(seed)
    if not isinstance(starts, Starts):
        starts = parse_starts(starts, sampling, region, region.dim, seed, first_dtype, resident=resident)
    split_per_start(method, starts.n, dtype)
    stopping.limits(region, first_dtype)
    traced = objective()
    if target.name != "numpy":
        traced.warn_if_large()
    _check_rule(traced, method)
    if stopping.gtol is None:
        stopping = replace(stopping, gtol=resting_slope(traced, region, units))
    return Batch(traced, starts, region, method, stopping, dtype, target, threads, seed, mixed=mixed, scale=units)


def _check_rule(objective: Differentiable, method: Method) -> None:
    """Refuse a method that compares values of an objective whose updates see different parts of a sum."""
    from batchgd.specialise.rule import read_rule

    if getattr(objective, "batch_size", None) is not None:
        rule = read_rule(method.rule, method.parts)
        if rule.decide is not None or rule.stages:
            raise InputError(
                f"{type(method).__name__} compares values, and with batch_size every update sees other rows: choose a "
                "first-order method, as method=bgd.GradientDescent(learning_rate=...), or leave batch_size out"
            )


def batch_from(result: BatchResult, **changes: Any) -> Batch:
    """Return the batch that a result came from, to run it again with some changes (see :meth:`Batch.again`).

    Raises
    ------
    InputError
        Where the function is not at hand, or the result was not made by a run.
    """
    if not result.has_function:
        raise not_stored("the function")
    if result.starts is None or result.box is None or not isinstance(result.method, Method):
        why = "does not know how it was made" if result.kept else "was saved without its starts (keep='minima')"
        raise InputError(f"this result {why}: run it again")
    from batchgd.samplings import ArrayStarts
    from batchgd.starts import Starts

    batch = Batch(
        result.objective,
        result.starts if isinstance(result.starts, Starts) else ArrayStarts(result.x0),
        result.box,
        result.method,
        Stopping() if result.stopping is None else result.stopping,
        "float64" if result.dtype == MIXED else result.dtype,
        choose(result.backend)[0],
        check_threads(result.threads),
        getattr(result, "seed", None) or 0,
        mixed=result.dtype == MIXED,
        scale=result.scale,
    )
    return batch.again(**changes)
