"""What a fit found, as data: the distinct optima, and residuals with their derivatives at the best one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.fitting.data import Data, Floats
from batchgd.analysis.fitting.exchange import Exchange, swapped
from batchgd.analysis.fitting.model import Model
from batchgd.analysis.fitting.refine import refined
from batchgd.compiler.least_squares import LeastSquares
from batchgd.problem.errors import InputError

SAME = 1e-8
"""Relative difference of two costs that count as the same."""

ROUNDING = 1e-13
"""Residuals of this size, relative to the largest observation, are rounding."""


@dataclass(frozen=True, eq=False)
class Solution:
    """One optimum of a fit: its parameters, its chi-square, and how many starts led to it.

    ``cost`` is what the fit minimises, the sum of what residuals cost: chi-square, unless a loss is robust. ``free``
    are the values of the free parameters, and ``at_limit`` is, for each of them, -1 at its lower limit, 1 at its upper
    one, and 0 otherwise.
    """

    values: dict[str, float]
    chisqr: float
    cost: float
    count: int
    share: float
    kind: str
    free: Floats
    at_limit: NDArray[np.int8]


class Optima:
    """Makes solutions of points, for a model with its data and the objective in the coordinates u."""

    def __init__(self, model: Model, data: Data, objective: LeastSquares, exchange: Exchange):
        self.model, self.data, self.objective, self.exchange = model, data, objective, exchange
        self.loss = objective.loss

    def of(self, landscape: Any) -> list[Solution]:
        """Return the minima of a run as solutions, lowest cost first; if it has none, its lowest point."""
        minima, n = landscape.minima, landscape.n
        if len(minima):
            return [self._solution(*row, n) for row in zip(minima.x, minima.count, minima.kind, strict=True)]
        lowest = landscape.best
        if lowest is None:
            raise InputError(
                f"the model {self.model.name} is not finite at any start: change the limits of its parameters"
            )
        return [self._solution(lowest.x, 0, "not converged", n)]

    def _solution(self, u: Floats, count: Any, kind: Any, n: int) -> Solution:
        parameters, u = self.model.parameters, self.exchange.ordered(np.asarray(u))
        free = parameters.outward(u)
        values = dict(zip(parameters.names, map(float, parameters.values(free)), strict=True))
        residuals = self.residuals(free)
        with np.errstate(all="ignore"):
            cost, chisqr = 2.0 * float(np.sum(self.loss.cost(residuals))), float(np.sum(residuals**2))
        return Solution(values, chisqr, cost, int(count), int(count) / n, str(kind), free, parameters.at_limit(u))

    def refined(self, solution: Solution) -> Solution:
        """Return a solution with its last digits."""
        held = solution.at_limit != 0
        u = refined(self.objective, self.loss, self._coordinates(solution), held, self.model.parameters.bounds)
        found = self._solution(u, solution.count, solution.kind, 1)
        values, free = found.values, np.where(held, solution.free, found.free)
        return replace(solution, values=values, free=free, chisqr=found.chisqr, cost=found.cost)

    def slopes(self, solution: Solution) -> tuple[Floats, Floats]:
        """Return the residuals in units of sigma, (m,), and their derivatives by the free parameters, (m, free)."""
        slopes = self.objective.jacobian(self._coordinates(solution))[1]
        return self.residuals(solution.free), slopes / np.where(self.model.parameters.log, solution.free, 1.0)

    def _coordinates(self, solution: Solution) -> Floats:
        parameters = self.model.parameters
        return np.clip(parameters.inward(solution.free), *parameters.bounds.T)

    def residuals(self, free: Floats) -> Floats:
        """Return the residuals in units of sigma."""
        with np.errstate(all="ignore"):
            found = np.asarray(self.model.free(self.data.x, free), dtype=np.float64) - self.data.y
        return found if self.data.sigma is None else found / self.data.sigma


@dataclass(frozen=True, eq=False)
class Outcome:
    """All solutions, lowest cost first, equally good ones by the number of parameters at a limit.

    ``guess`` is the row of the one to which the given values lead, -1 if to none, None if no values were given.
    ``swapped`` are the components that equal solutions have in different order, ``exchange`` those that were given.
    ``residual``, (m,), and ``jac``, (m, free), are those of the best, in units of sigma.
    """

    solutions: list[Solution]
    guess: int | None
    swapped: list[Any] | None
    residual: Floats
    jac: Floats
    exchange: Exchange


def outcome(model: Model, data: Data, exchange: Exchange, landscape: Any, guess: Any) -> Outcome:
    """Return what a run found, and another one that began at the given values."""
    optima = Optima(model, data, landscape.objective, exchange)
    found, led = optima.of(landscape), None
    if guess is not None and len(guess.minima):
        row = _row(landscape, guess, exchange)
        if row is None:
            led = replace(optima.of(guess)[0], count=0, share=0.0)
            found = [*(found if len(landscape.minima) else []), led]
        else:
            led = found[row]
    found.sort(key=lambda each: each.cost)
    ties = len(equal(found, data))
    led_by = [k for k, each in enumerate(found) if each is led]
    found[:ties] = [optima.refined(each) for each in found[:ties]]
    led = found[led_by[0]] if led_by else None
    found[:ties] = sorted(found[:ties], key=lambda each: np.count_nonzero(each.at_limit))
    turned = swapped(found[:ties], model, data)
    at = None if guess is None else next((k for k, each in enumerate(found) if each is led), -1)
    named = None if turned is None else turned.named(model.parameters)
    return Outcome(found, at, named, *optima.slopes(found[0]), exchange)


def equal(solutions: list[Solution], data: Data) -> list[Solution]:
    """Return those whose cost is that of the first, up to rounding."""
    most = solutions[0].cost * (1.0 + SAME) + rounding(data)
    return [each for each in solutions if each.cost <= most]


def rounding(data: Data) -> float:
    """Return the cost of residuals that are rounding."""
    observed = data.y if data.sigma is None else data.y / data.sigma
    return len(data) * (ROUNDING * float(np.abs(observed).max())) ** 2


def _row(landscape: Any, guess: Any, exchange: Exchange) -> int | None:
    """Return the minimum of the run that the run from the given values found, too."""
    minima, one = landscape.minima, guess.minima[0]
    if not len(minima):
        return None
    known, place = np.array([exchange.ordered(u) for u in minima.x]), exchange.ordered(one["x"])
    near = np.all(np.abs(known - place) <= landscape.identity.x * landscape.box.width, axis=1)
    level = np.abs(minima.fun - one["fun"]) <= SAME * np.abs(one["fun"])
    rows = np.flatnonzero(near | (level & (minima.free > 0)))
    return int(rows[0]) if len(rows) else None
