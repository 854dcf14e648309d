"""Fits with some coordinates held at a value: one batch of descents, each with its own values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.fitting.profile_levels import RiseTest
from batchgd.analysis.fitting.statistics import linearised
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

EXACT = 1e-4
"""The gradient at the end of a fit, relative to that of one standard error: its square is the error of chi-square."""


class HeldFits:
    """The fits of a profile, in the coordinates u of the fit, within its limits.

    ``best`` is the point that the profile is about, ``cost`` its chi-square, ``test`` how rises of it are measured,
    ``steps`` the standard errors there, or those with all others held if the data determine no more.
    """

    def __init__(self, fit: Any, best: Floats, cost: float, watch: Watch):
        self.fit, self.best, self.cost, self.watch = fit, best, cost, watch
        parameters = fit.model.parameters
        self.names, self.inward, self.outward = fit.free, parameters.inward, parameters.outward
        with np.errstate(divide="ignore", invalid="ignore"):
            limits = np.where(parameters.log[:, None] & (parameters.limits <= 0.0), 0.0, parameters.limits)
            self.lower, self.upper = self.inward(limits.T)
        self.lower, self.upper = np.minimum(self.lower, best), np.maximum(self.upper, best)
        self.box = np.stack([np.maximum(parameters.box[:, 0], self.lower), np.minimum(parameters.box[:, 1], self.upper)])
        self.test = RiseTest(1.0 if fit.absolute_sigma else cost / fit.nfree, fit.nfree, fit.absolute_sigma)
        self.steps, self.undetermined, slope = self._scales()
        self.stopping = Stopping(gtol=slope, maxiter=MAXITER, escape=np.inf)
        self.count = 0

    def _scales(self) -> tuple[Floats, list[str], float]:
        """Return the steps, the parameters that J leaves undetermined, and the gradient that counts as none."""
        residuals, jacobian = self.fit.residuals.jacobian(self.outward(self.best))
        weights = np.broadcast_to(self.fit.residuals.loss.weights(residuals)[1], residuals.shape)
        log = self.fit.model.parameters.log
        jacobian = jacobian * np.sqrt(weights)[:, None] * np.where(log, self.outward(self.best), 1.0)
        found = linearised(jacobian, np.zeros(len(log), np.int8), self.test.variance)
        deviations, lengths = np.sqrt(np.diag(found.covariance)), np.linalg.norm(jacobian, axis=0)
        with np.errstate(divide="ignore"):
            alone = np.sqrt(self.test.variance) / lengths
        steps = np.where(np.isfinite(deviations), deviations, alone)
        width = self.box[1] - self.box[0]
        steps = np.where(np.isfinite(steps) & (steps > 0.0), np.minimum(steps, width), 0.1 * width)
        slope = EXACT * float(np.sqrt(self.test.variance)) * float(lengths[lengths > 0.0].min(initial=np.inf)) / max(found.condition, 1.0)
        least = 1e-13 * float(np.linalg.norm(jacobian) * np.linalg.norm(residuals))
        return steps, [self.names[k] for k in found.why], max(slope, least, 1e-300)

    def random(self, n: int, rng: np.random.Generator) -> Floats:
        """Return n points where the fit drew its starts."""
        return rng.uniform(*self.box, (n, len(self.best)))

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
        lower, upper = np.where(held, points, self.lower), np.where(held, points, self.upper)
        cost, found = self._descend(points, lower, upper)
        self.count += len(points)
        return np.where(np.isfinite(cost), 2.0 * cost, np.inf), found

    def _descend(self, points: Floats, lower: Floats, upper: Floats) -> tuple[Floats, Floats]:
        cost, found = np.empty(len(points)), np.empty_like(points)
        groups: dict[bytes, list[int]] = {}
        for k in range(len(points)):
            groups.setdefault(lower[k].tobytes() + upper[k].tobytes(), []).append(k)
        for rows in groups.values():
            bounds = np.stack([lower[rows[0]], upper[rows[0]]], axis=1)
            out = self._run(points[rows], bounds)
            cost[rows], found[rows] = out.fun, out.x
        return cost, found

    def _run(self, points: Floats, bounds: Floats) -> Any:
        landscape = self.fit.landscape
        batch = batch_at(
            Problem(landscape.objective, self.box.T, bounds=bounds),
            points,
            Compute.of(landscape.backend, "float64", landscape.threads),
            method=LevenbergMarquardt(),
            stopping=self.stopping,
            scale=None,
        )
        return run(replace(batch), watch=self.watch.part(self.count, self.count + len(points))).endpoints
