"""One batch of descents, checked and ready to run: everything that decides where n descents end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from batchgd.engine.backends import check_threads, choose
from batchgd.problem.arrays import MIXED, check_dtype
from batchgd.problem.box import Box
from batchgd.problem.errors import InputError
from batchgd.problem.methods import Method, as_method, split_per_start
from batchgd.problem.stopping import Stopping

if TYPE_CHECKING:
    from batchgd.compiler.differentiable import Differentiable
    from batchgd.engine.backends import Backend
    from batchgd.problem.starts import Starts


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
        from batchgd.problem.starts import parse_starts

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
    from batchgd.compiler.resolve import resolve
    from batchgd.engine.units import chosen, resting_slope
    from batchgd.problem.starts import Starts, parse_seed, parse_starts

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
    from batchgd.compiler.codegen.rule import read_rule

    if getattr(objective, "batch_size", None) is not None:
        rule = read_rule(method.rule, method.parts)
        if rule.decide is not None or rule.stages:
            raise InputError(
                f"{type(method).__name__} compares values, and with batch_size every update sees other rows: choose a "
                "first-order method, as method=bgd.GradientDescent(learning_rate=...), or leave batch_size out"
            )
