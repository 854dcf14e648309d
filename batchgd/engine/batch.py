"""One batch of descents, checked and ready to run: everything that decides where n descents end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from batchgd.compiler.differentiable import Differentiable
from batchgd.compiler.problems import ParamsPerStart, function_of
from batchgd.compiler.units import Units
from batchgd.engine.units import SAMPLE, InwardStarts, OutwardStarts, ScaledStarts, chosen, resting_slope
from batchgd.kernels.plan import Problems
from batchgd.problem.bounds import Bounds, StartsWithin, are_inside
from batchgd.problem.box import Box
from batchgd.problem.coordinates import Coordinates
from batchgd.problem.domain import Domain, LogScale, angles, check_positive, parse_domain, positive
from batchgd.problem.errors import InputError
from batchgd.problem.methods import Method, as_method, split_per_start
from batchgd.problem.samplings import ArrayStarts
from batchgd.problem.starts import Starts, parse_seed, parse_starts
from batchgd.problem.stopping import Stopping

if TYPE_CHECKING:
    from batchgd.compiler.callback import Callback
    from batchgd.compiler.resolve import Problem
    from batchgd.engine.backends import Backend
    from batchgd.engine.compute import Compute
    from batchgd.problem.starts import Starts


@dataclass(frozen=True)
class Batch:
    """Everything that decides where n descents end; ``dataclasses.replace`` makes a related batch.

    ``watch_turns`` records which trajectories turned back on themselves (``Endpoints.turned``). ``scale`` are the
    units in which steps are measured (``units.py``). No point outside ``bounds`` is evaluated; they may differ per
    start. With ``problems`` each start has its own params. All is in x; a ``domain`` may have the descent in other
    coordinates, those of ``inside``, of which ``scale`` are the units.
    """

    objective: Differentiable
    starts: Starts
    box: Box
    method: Method
    stopping: Stopping
    compute: Compute
    seed: int
    watch_turns: bool = False
    scale: np.ndarray | None = None
    bounds: Bounds | None = None
    problems: Problems | None = None
    domain: Domain | None = None

    @property
    def dtype(self) -> str:
        """The dtype of the endpoints; that of the whole descent, unless it is mixed."""
        return self.compute.end_dtype

    @property
    def mixed(self) -> bool:
        """Whether the descent begins in float32 and ends in float64."""
        return self.compute.mixed

    @property
    def backend(self) -> Backend:
        """What runs the batch."""
        return self.compute.backend

    @property
    def threads(self) -> int:
        """Worker threads of the CPU."""
        return self.compute.threads

    def in_dtype(self, dtype: str) -> Batch:
        """Return the batch in another precision."""
        return replace(self, compute=replace(self.compute, dtype=dtype))

    def part(self, first: int, stop: int) -> Batch:
        """Return the batch of the starts first..stop-1; hyperparameters that differ per start are not cut."""
        if (first, stop) == (0, self.starts.n):
            return self
        return self.with_starts(self.starts.part(first, stop), slice(first, stop))

    def with_starts(self, starts: Starts, numbers: Any) -> Batch:
        """Return the batch with other starts, which have the bounds and the params of the ones with these numbers."""
        bounds = None if self.bounds is None else self.bounds.of(numbers)
        problems = None if self.problems is None else self.problems.part(numbers)
        return replace(self, starts=starts, bounds=bounds, problems=problems)

    @property
    def coordinates(self) -> Coordinates:
        """Those of the descent."""
        return Coordinates(self.box, self.bounds, self.domain, self.compute.start_dtype)

    def inside(self) -> Batch:
        """Return the batch in the coordinates of its descent; itself if these are x."""
        at, starts = self.coordinates, self.starts
        if self.domain is None or at.scale is None:
            return self
        return replace(
            self,
            objective=objective_inside(self.objective, at),
            starts=starts.inner if isinstance(starts, OutwardStarts) else InwardStarts(starts, at),
            box=at.inside_box,
            bounds=at.inside_bounds,
            domain=self.domain.inside,
        )

    def in_units(self) -> Batch:
        """Return the batch in its scaled coordinates."""
        assert self.scale is not None
        units = Units(self.scale)
        return replace(
            self,
            objective=self.objective.in_units(units),
            starts=ScaledStarts(self.starts, self.scale),
            box=units.of_box(self.box),
            bounds=None if self.bounds is None else units.of_bounds(self.bounds),
            scale=None,
            domain=None,
        )

    def again(self, *, starts: Any = None, method: Any = None, **changes: Any) -> Batch:
        """Return the batch with other starts (anything that ``parse_starts`` takes), another method, or other fields.

        Raises InputError if they do not fit together: a hyperparameter per start for another number of starts.
        """
        if starts is not None:
            changes["starts"] = _starts(starts, "uniform", self.coordinates, self.seed)
        if method is not None:
            changes["method"] = as_method(method)
        batch = replace(self, **changes)
        split_per_start(batch.method, batch.starts.n, batch.dtype)
        _check_rule(batch.objective, batch.method)
        _check_bounds(batch.bounds, batch.box, batch.objective, batch.method)
        return batch


def make_batch(
    problem: Problem,
    compute: Compute,
    *,
    starts: Any = 10_000,
    sampling: Any = "uniform",
    method: Any = None,
    seed: int | None = 0,
    stopping: Stopping | None = None,
    scale: Any = "auto",
    resident: bool = True,
    params: ParamsPerStart | None = None,
    bounds_per_start: bool = False,
) -> Batch:
    """Check everything, cheapest first, before the function is traced.

    The parameters are those of :func:`batchgd.multistart`; ``resident`` is whether one row per start is kept in memory,
    so that more starts than fit are refused, and ``bounds_per_start`` whether each may have its own bounds. ``params``
    are those of each start.
    """
    stopping = Stopping() if stopping is None else stopping
    method = as_method(method)
    problem = problem.settled()
    region, objective = problem.resolve()
    compute = compute.for_plain_python() if problem.plain else compute
    seed = parse_seed(seed)
    rows = len(starts) if isinstance(starts, Starts) and bounds_per_start else None
    bounds = None if problem.bounds is None else Bounds.parse(problem.bounds, region.dim, rows)
    coordinates = Coordinates(region, bounds, problem.domain, compute.start_dtype)
    units = chosen(scale, coordinates.inside_box, method)
    starts = _starts(starts, sampling, coordinates, seed, resident=resident)
    split_per_start(method, starts.n, compute.end_dtype)
    stopping.limits(coordinates.inside_box, compute.start_dtype)
    traced = objective()
    problems = None if params is None else params.of(traced, "float64")
    if compute.backend.name != "numpy":
        traced.warn_if_large()
    _check_rule(traced, method)
    _check_bounds(bounds, region, traced, method)
    traced = _with_differences(traced, bounds)
    batch = Batch(
        traced, starts, region, method, stopping, compute, seed, scale=units, bounds=bounds, problems=problems,
        domain=problem.domain,
    )  # fmt: skip
    if stopping.gtol is None:
        sampled = np.arange(SAMPLE) * starts.n // SAMPLE
        within = batch.inside()
        slope = resting_slope(function_of(within.objective, problems, sampled), within.box, units, within.bounds)
        batch = replace(batch, stopping=replace(stopping, gtol=slope))
    return batch


def batch_at(
    problem: Problem,
    x0: Any,
    compute: Compute,
    *,
    check: Callable[[int], None] | None = None,
    which: Any = None,
    **options: Any,
) -> Batch:
    """Return the batch that descends from given starts, as :func:`descend` does; ``check`` may refuse their number.

    Params that are a dict have a row for each start, or each has the row ``which``.
    """
    points = parse_starts(x0, "uniform", None, None, 0, compute.start_dtype)
    if check is not None:
        check(points.n)
    _check_width(problem.fun, points.dim)
    if isinstance(problem.params, Mapping):
        options["params"] = given = ParamsPerStart(problem.params, which, points.n)
        traced = isinstance(problem.fun, Differentiable)  # with params of its own, in place of which others are read
        problem = replace(problem, params=None if traced else given.one)
    elif which is not None:
        raise InputError("which is given without params by name: give params={name: array with a row per problem}")
    box, x0 = problem.box, points.points(0, points.n)
    region = _surrounding(x0) if box is None else _scale(box, points.dim)
    if problem.domain is not None:
        problem = problem.settled(points.dim, _surrounding_in(problem.domain, x0), points.n)
        box = region = problem.box
    if problem.bounds is not None:
        bounds = Bounds.parse(problem.bounds, points.dim, points.n)
        bounds.check_points(x0)
        region = bounds.box(region) if box is None else region
        problem = replace(problem, bounds=bounds)
    return make_batch(replace(problem, box=region), compute, starts=points, bounds_per_start=True, **options)


def _starts(starts: Any, sampling: Any, at: Coordinates, seed: int, *, resident: bool = True) -> Starts:
    """Return starts in x, within the bounds; those that are drawn are drawn in the coordinates of the descent."""
    ready = parse_starts(starts, sampling, at.inside_box, at.box.dim, seed, at.dtype, resident=resident)
    if at.scale is None or isinstance(ready, ArrayStarts) or ready is starts:
        return _within(ready, at.bounds)
    return OutwardStarts(_within(ready, at.inside_bounds), at)


def _within(starts: Starts, bounds: Bounds | None) -> Starts:
    """Return starts within the bounds: what was drawn is moved there, what was given is refused."""
    if bounds is None or isinstance(starts, StartsWithin) or are_inside(starts, bounds):
        return starts
    if isinstance(starts, ArrayStarts):
        bounds.check_points(starts.points(0, starts.n))
    return StartsWithin(starts, bounds)


def _surrounding(x0: np.ndarray) -> Box:
    """Return the box around some starts, each side at least 1 wide, and wide enough to stand out from rounding."""
    lower, upper = x0.min(axis=0).astype(np.float64), x0.max(axis=0).astype(np.float64)
    with np.errstate(over="ignore"):
        width = upper - lower
    if not np.isfinite(width).all():
        raise InputError("x0 spreads wider than float64 can hold: rescale the variables, or remove such starts")
    least = np.maximum(1.0, 1e-6 * np.maximum(np.abs(lower), np.abs(upper)))
    margin = np.maximum(0.0, 0.5 * (least - width))
    return Box(lower - margin, upper + margin)


def _surrounding_in(domain: Any, x0: np.ndarray) -> Box:
    """Return the box around some starts, measured in logarithms where they are positive; one period for angles."""
    kinds, _ = parse_domain(domain, x0.shape[1])
    check_positive(kinds, x0)
    scale = LogScale(positive(kinds))
    around = _surrounding(scale.inward(x0))
    ends = np.array([-np.inf]), np.array([np.inf])
    lower, upper = (scale.outward(side, ends, ends) for side in (around.lower, around.upper))
    turning = angles(kinds)
    return Box(np.where(turning, -np.pi, lower), np.where(turning, np.pi, upper))


def objective_inside(objective: Differentiable, at: Coordinates) -> Differentiable:
    """Return an objective in the coordinates of a descent; itself if these are x."""
    if at.scale is None:
        return objective
    return _with_differences(objective.in_units(Units(log=at.scale.mask)), at.inside_bounds)


def _with_differences(objective: Differentiable, bounds: Bounds | None) -> Differentiable:
    """Return an objective whose differences, if it takes any, are taken within bounds that are the same for all."""
    if not objective.plain or bounds is None:
        return objective
    return cast("Callback", objective).within(None if bounds.per_start else bounds)


def _scale(box: Any, width: int) -> Box:
    """Return the box that a user gave with starts of this many coordinates; one pair applies to every axis."""
    region = Box.parse(box)
    if region.dim == 1 and not isinstance(box, Box):
        return Box.parse(box, width)
    if region.dim != width:
        raise InputError(
            f"x0 has {width} coordinates per start, but the box has {region.dim}: give one (lo, hi) pair per coordinate"
        )
    return region


def _check_width(fun: Any, width: int) -> None:
    """Refuse starts that do not fit a landscape or an Objective in width; other functions are checked by a call."""
    from batchgd.problem import landscapes

    known = landscapes.get(fun) if isinstance(fun, str) else fun
    if isinstance(known, landscapes.Landscape):
        least, greatest = known.dims
    elif isinstance(known, Differentiable) and known.dim:
        least = greatest = known.dim
    else:
        return
    if width < least or (greatest is not None and width > greatest):
        span = f"{least} or more" if greatest is None else f"{least}" if least == greatest else f"{least} to {greatest}"
        raise InputError(f"x0 has {width} coordinates per start, but {known.name} takes {span}: give x0 to match")


def _check_rule(objective: Differentiable, method: Method) -> None:
    """Refuse a method that compares values if updates of the objective see different parts of a sum."""
    from batchgd.compiler.codegen.rule import read_rule

    if getattr(objective, "batch_size", None) is not None:
        rule = read_rule(method.rule, method.parts)
        if rule.decide is not None or rule.stages:
            raise InputError(
                f"{type(method).__name__} compares values, and with batch_size every update sees other rows: choose a "
                "first-order method, such as method=bgd.GradientDescent(learning_rate=...), or leave batch_size out"
            )


def _check_bounds(bounds: Bounds | None, box: Box, objective: Differentiable, method: Method) -> None:
    """Refuse bounds where they would not be kept."""
    if bounds is None:
        return
    from batchgd.compiler.codegen.rule import read_rule, takes_bounds

    bounds.check_box(box)
    rule = method.rule_in(objective.dim)
    if not takes_bounds(rule):
        raise InputError(
            f"the rule of {type(method).__name__} has stages, and none for bounds (STAGES_WITHIN): choose another "
            "method, such as method=bgd.LBFGS(), or leave bounds out"
        )
    if objective.plain and bounds.per_start and getattr(objective, "jac", None) is None:
        raise InputError(
            f"the gradient of {objective.name} is computed by differences, which may evaluate outside the bounds of a "
            "start: give the Callback its jac, or bounds that are the same for all starts"
        )
    by_differences = bounds.per_start if objective.plain else objective.code is not None
    if by_differences and read_rule(rule, bounded=True).matrix:
        raise InputError(
            f"{type(method).__name__} takes second derivatives of {objective.name} by differences, which may evaluate "
            "outside the bounds: choose another method, such as method=bgd.LBFGS(), or leave bounds out"
        )
