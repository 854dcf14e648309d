"""Fits with some coordinates held at a value: one batch of descents, each with its own values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.fitting.profile_levels import RiseTest
from batchgd.analysis.fitting.statistics import linearised, weighted
from batchgd.compiler.resolve import Problem
from batchgd.engine.batch import batch_at
from batchgd.engine.compute import Compute
from batchgd.engine.progress import Watch
from batchgd.engine.run import run
from batchgd.problem.methods.residuals import LevenbergMarquardt
from batchgd.problem.stopping import Stopping

Floats = NDArray[np.float64]

MAXITER = 500
"""Updates of one fit: those that need more are in valleys so narrow that their neighbours lead further."""

FARTHEST = 10.0
"""The longest step, in widths of the box around the starts: from one value to the next a valley may lead far away."""

SETTLED = 1e-9
"""A fit has ended if chi-square has changed by less than this, in units of the variance, at two updates in a row.

No gradient can be the test: far from the best value that of a parameter may be smaller by any factor.
"""


BETTER = 1e-6
"""A fit is better than the best if its chi-square is lower by more than this, in units of the variance."""


class BetterFit(Exception):
    """Raised when a fit with one parameter held is better than the best fit."""

    def __init__(self, point: Floats):
        super().__init__()
        self.point = point


class HeldFits:
    """The fits of a profile, in the coordinates u of the fit, within its limits.

    ``best`` is the point that the profile is about, ``cost`` its chi-square, ``test`` how rises of it are measured,
    ``steps`` the standard errors there, or those with all others held if the data determine no more.
    """

    def __init__(self, fit: Any, best: Floats, cost: float, watch: Watch):
        self.fit, self.best, self.cost, self.watch = fit, best, cost, watch
        parameters, run = fit.model.parameters, fit.landscape
        how = {"loss": fit.loss.name, "f_scale": fit.loss.f_scale}
        self.objective = run.objective if run.has_function else fit.model.residuals(fit.data, coordinates=True, **how)
        self.names, self.inward, self.outward = fit.free, parameters.inward, parameters.outward
        self.lower, self.upper = parameters.bounds.T
        self.box = parameters.box.T
        self.test = RiseTest(1.0 if fit.absolute_sigma else cost / fit.nfree, fit.nfree, fit.absolute_sigma)
        self.steps, self.undetermined = self._scales()
        least = max(SETTLED * self.test.variance, 8.0 * np.finfo(np.float64).eps * cost)
        self.stopping = Stopping(gtol=0.0, ftol_abs=0.5 * least, window=2, maxiter=MAXITER, escape=np.inf)
        self.count = 0

    def _scales(self) -> tuple[Floats, list[str]]:
        """Return the steps, and the parameters that J leaves undetermined."""
        jacobian = weighted(self.fit.loss, *self.objective.jacobian(self.best))
        found = linearised(jacobian, np.zeros(len(self.best), np.int8), self.test.variance)
        deviations, lengths = np.sqrt(np.diag(found.covariance)), np.linalg.norm(jacobian, axis=0)
        with np.errstate(divide="ignore"):
            alone = np.sqrt(self.test.variance) / lengths
        self.deviations = np.where(self.fit.model.parameters.log, self.outward(self.best), 1.0) * deviations
        steps = np.where(np.isfinite(deviations), deviations, alone)
        width = self.box[1] - self.box[0]
        steps = np.where(np.isfinite(steps) & (steps > 0.0), np.minimum(steps, width), 0.1 * width)
        return steps, [self.names[k] for k in found.why]

    def random(self, n: int, rng: np.random.Generator) -> Floats:
        """Return n points where the fit drew its starts."""
        return rng.uniform(self.box[0], self.box[1], (n, len(self.best)))

    def rise(self, cost: Any) -> Any:
        """Return how far a chi-square is above the best, in units of the variance."""
        return (np.asarray(cost) - self.cost) / self.test.variance

    @property
    def over(self) -> bool:
        """Whether Ctrl-C was pressed."""
        return self.watch.over(None)

    def __call__(self, points: Floats, held: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Descend from points, (n, d), with the coordinates held that are marked; return chi-squares and endpoints."""
        points = np.clip(points, self.lower, self.upper)
        bounds = np.stack([np.where(held, points, self.lower), np.where(held, points, self.upper)], axis=2)
        landscape = self.fit.landscape
        batch = batch_at(
            Problem(self.objective, self._around(points), bounds=bounds),
            points,
            Compute.of(landscape.backend, "float64", landscape.threads),
            method=LevenbergMarquardt(max_displacement=FARTHEST),
            stopping=self.stopping,
            scale=None,
        )
        ends = run(batch, watch=self.watch.part(self.count, self.count + len(points))).endpoints
        self.count += len(points)
        cost = 2.0 * ends.fun
        return np.where(np.isfinite(cost), cost, np.inf), ends.x

    def rises(self, points: Floats, held: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Return rises and endpoints; raise BetterFit if one is lower than the best."""
        costs, ends = self(points, held)
        rises = self.rise(costs)
        lowest = int(np.argmin(rises))
        if rises[lowest] < -BETTER:
            raise BetterFit(ends[lowest])
        return rises, ends

    def stderr(self, k: int) -> float | None:
        """Return the standard error of a parameter at the point that this is about, or None."""
        if self.better is None:
            found: float | None = self.fit.params[self.names[k]].stderr
            return found
        inside = self.fit.model.parameters.at_limit(self.best)[k] == 0
        return float(self.deviations[k]) if inside and np.isfinite(self.deviations[k]) else None

    @property
    def better(self) -> dict[str, float] | None:
        """The values of the parameters, if this is not about the best fit but about a better one."""
        if self.cost >= self.fit.best.cost:
            return None
        parameters = self.fit.model.parameters
        return dict(zip(parameters.names, map(float, parameters.values(self.outward(self.best))), strict=True))

    def _around(self, points: Floats) -> Floats:
        """Return the box of the starts that contains the points, too: steps are measured by it."""
        lower, upper = np.minimum(self.box[0], points.min(axis=0)), np.maximum(self.box[1], points.max(axis=0))
        return np.stack([lower, upper], axis=1)
