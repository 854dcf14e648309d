"""Run many fits of one model: descents from several starts of every data set, the best of each, and its covariance.

Data sets are taken in parts of bounded memory. Residuals are divided by a power of two for each data set, so that one
tolerance suits all: ``Objective`` sees residuals of about 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.fitting.many_data import ManyData
from batchgd.analysis.fitting.many_parameters import ManyParameters
from batchgd.analysis.fitting.many_statistics import cholesky, covariances, scaled, solved
from batchgd.analysis.fitting.model import Model
from batchgd.analysis.fitting.parameters import ParameterSet
from batchgd.analysis.fitting.solutions import ROUNDING, SAME
from batchgd.analysis.fitting.statistics import weighted
from batchgd.compiler.least_squares import LeastSquares
from batchgd.compiler.problems import for_each
from batchgd.compiler.resolve import Problem
from batchgd.compiler.trace.call import flat
from batchgd.compiler.trace.graph import listing
from batchgd.engine.batch import batch_at
from batchgd.engine.compute import Compute
from batchgd.engine.many_points import evaluated, in_threads
from batchgd.engine.progress import Watch
from batchgd.engine.units import SAMPLE, resting_slope
from batchgd.kernels.plan import Problems
from batchgd.kernels.status import SUCCESSES, Status
from batchgd.minima.collect import endpoints_of
from batchgd.problem.box import Box

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.intp]

PART_BYTES = 1 << 27
"""What the data, starts and endpoints of the data sets that are fitted together may take: 128 MiB."""

LEAST_VARIANCE = 1e-12
"""The share of the sum of squares below which what differs from the mean is rounding."""

FINE = 1e-5
"""The gradient at which descents end, as a share of the default: two evaluations more, and few fits are polished."""

NEWTON_STEPS = 8
CLOSE = 1e-6
"""A Newton step of this size, relative to the parameter or its range, is the last: the next would be its square."""

SETTLED = 1e-11
"""The step, relative in the same way, below which nothing is to be polished."""

REMEMBERED = 8
"""Objectives of earlier calls that are remembered."""

_BEFORE: dict[str, LeastSquares] = {}

FAR = 0.1
"""The longest Newton step, in box widths: polishing stays at the minimum that the descent has found."""


@dataclass
class Found:
    """What was found of N fits: the best u of each, with its cost, and what follows from J there.

    ``u`` (N, free), ``cost`` and ``chisqr`` (N,), ``inverse`` (N, free, free) is (J'J)⁻¹ of the values of the free
    parameters, ``rank``, ``status``, ``nfev`` and ``agree`` (N,).
    """

    u: Floats
    cost: Floats
    chisqr: Floats
    inverse: Floats
    rank: NDArray[np.int64]
    status: NDArray[np.int8]
    nfev: NDArray[np.int64]
    agree: NDArray[np.int64]

    @classmethod
    def empty(cls, count: int, free: int) -> Found:
        """Return what is known of fits that have not been made."""
        nan, zero = np.full(count, np.nan), np.zeros(count, np.int64)
        return cls(
            np.full((count, free), np.nan),
            nan,
            nan.copy(),
            np.full((count, free, free), np.nan),
            zero,
            np.full(count, Status.NONFINITE, np.int8),
            zero.copy(),
            zero.copy(),
        )


@dataclass(frozen=True, eq=False)
class ManyResiduals:
    """Model minus data as a function of u, in units in which it is about 1, and 0 where data are missing."""

    call: Any
    x: Any
    parameters: ParameterSet

    @property
    def __runs__(self) -> tuple[Any, ...]:
        return (self.call,)

    def __call__(self, u: Any, y: Any, c: Any, w: Any = None, **fixed: Any) -> Any:
        """Return the residuals of one data set; everything may be traced."""
        own = {name.removeprefix("fixed_"): value for name, value in fixed.items()}
        r = (self.call(self.x, self.parameters.values(u, coordinates=True, fixed=own)) - y) * c
        return r if w is None else np.where(w > 0.0, r * w, 0.0)


class ManyRuns:
    """The objective of many fits, and the runs that minimise it."""

    def __init__(
        self,
        model: Model,
        data: ManyData,
        parameters: ManyParameters,
        *,
        loss: str,
        f_scale: float,
        drawn: int,
        seed: int,
        method: Any,
        stopping: Any,
        compute: Compute,
    ):
        self.model, self.data, self.parameters, self.drawn, self.seed = model, data, parameters, drawn, seed
        self.method, self.stopping, self.compute = method, stopping, compute
        self._width = np.ptp(parameters.box, axis=1)
        largest, self.factor = np.empty(len(data)), np.ones(len(data))

        def measure(rows: slice) -> None:
            weighted = _weighted(data, rows)
            largest[rows] = np.maximum(weighted.max(axis=1), -weighted.min(axis=1))
            if loss == "linear":
                self.factor[rows] = _factors(data, rows, weighted, largest[rows])

        in_threads(compute.threads, len(data), measure)
        with np.errstate(over="ignore"):
            self._rounding = data.ndata * (ROUNDING * largest) ** 2
        one = {name: each[0] for name, each in self._params(slice(0, 1)).items()}
        self.objective = _as_before(
            LeastSquares(
                ManyResiduals(model.call, data.x, parameters.one),
                len(parameters.free),
                one,
                loss=loss,
                f_scale=f_scale,
                sigma=data.sigma,
                box=parameters.box,
                name=model.name,
            )
        )

    def _params(self, rows: Any) -> dict[str, Floats]:
        """What data sets have of their own."""
        weights = {} if self.data.weights is None else {"w": self.data.weights[rows]}
        fixed = {f"fixed_{name}": each[rows] for name, each in self.parameters.fixed.items()}
        return {"y": self.data.y[rows], "c": self.factor[rows], **weights, **fixed}

    def run(self, watch: Watch) -> Found:
        """Fit every data set that has enough points."""
        count, p = len(self.data), len(self.parameters.free)
        found, able = Found.empty(count, p), self.data.ndata >= p
        self._set_tolerance()
        for first, stop in self._parts():
            rows = np.flatnonzero(able[first:stop]) + first
            if watch.ended_by is not None:
                found.status[first:stop] = watch.ended_by
            elif rows.size:
                self._part(found, rows, (first, stop), watch.part(first * self.starts, count * self.starts))
        return found

    def _set_tolerance(self) -> None:
        """Choose a gtol, if none was given, so small that most fits need no polishing."""
        if self.stopping.gtol is None:
            sample = np.arange(SAMPLE) * len(self.data) // SAMPLE
            params = flat(self._params(sample), self.objective.shapes or {})
            slope = resting_slope(for_each(self.objective, params), Box.parse(self.parameters.box), None)
            self.stopping = replace(self.stopping, gtol=FINE * slope)

    @property
    def starts(self) -> int:
        """Starts of a data set."""
        return self.drawn + (self.parameters.guesses is not None)

    def _parts(self) -> Iterator[tuple[int, int]]:
        """Ranges of data sets that are fitted together."""
        numbers, p = sum(each[0].size for each in self._params(slice(0, 1)).values()), len(self.parameters.free)
        size = max(1, PART_BYTES // (8 * (numbers + (8 * p + 12) * self.starts + 4 * p * p)))
        for first in range(0, len(self.data), size):
            yield first, min(first + size, len(self.data))

    def _part(self, found: Found, rows: Rows, span: tuple[int, int], watch: Watch) -> None:
        """Fit some data sets."""
        n, s, p = len(rows), self.starts, len(self.parameters.free)
        points = self.parameters.starts(*span, self.drawn, self.seed)[rows - span[0]].reshape(-1, p)
        ends = self.parameters.rows(self.parameters.bounds, rows)
        bounds = None
        if np.isfinite(ends).any():
            bounds = np.repeat(ends, s, axis=0) if ends.ndim == 3 else ends
        params = self._params(rows if n < span[1] - span[0] else slice(*span))  # the latter copies nothing
        batch = batch_at(
            Problem(self.objective, self.parameters.box, params=params, bounds=bounds),
            points,
            self.compute,
            which=np.repeat(np.arange(n), s),
            method=self.method,
            stopping=self.stopping,
            scale=None,
        )
        ended = endpoints_of(batch, watch=watch)
        assert batch.problems is not None
        problems = Problems(batch.problems.numbers, np.arange(n))
        fun = np.where(np.isfinite(ended.fun), ended.fun, np.inf).reshape(n, s)
        best = np.argmin(fun, axis=1) + np.arange(n) * s
        found.status[rows], found.nfev[rows] = ended.status[best], ended.nfev.reshape(n, s).sum(axis=1)
        finite = np.isfinite(ended.fun[best])
        found.status[rows[~finite]] = Status.NONFINITE
        kept = np.flatnonzero(finite)
        if not kept.size:
            return
        problems = problems.part(kept)
        u = np.asarray(ended.x[best[kept]], np.float64)
        in_threads(
            self.compute.threads,
            len(kept),
            lambda part: self._finished(found, rows[kept[part]], u[part], problems.part(part)),
        )
        same = found.cost[rows[kept]] * (1.0 + SAME) + self._rounding[rows[kept]]
        factor = self.factor[rows[kept], None]
        with np.errstate(over="ignore"):
            cost = 2.0 * fun[kept] / factor / factor
        reached = np.isin(ended.status, SUCCESSES).reshape(n, s)[kept]
        found.agree[rows[kept]] = ((cost <= same[:, None]) & reached).sum(axis=1)

    def _polished(self, u: Floats, rows: Rows, problems: Problems) -> Floats:
        """Return the minima next to some points, by Newton's method on the coordinates that are at no bound."""
        width = self._width
        left = np.arange(len(u))
        for _ in range(NEWTON_STEPS):
            here = u[left]
            _, g, hessian = self._model("derivatives", here, problems.part(left))
            low, high = np.moveaxis(self.parameters.rows(self.parameters.bounds, rows[left]), -1, 0)
            held = (((here <= low) & (g.T >= 0.0)) | ((here >= high) & (g.T <= 0.0))).T
            unit, units = scaled(hessian, held)
            lower, ok = cholesky(unit)
            with np.errstate(all="ignore"):
                step = -(units * solved(lower, units * g)).T
                ok &= (np.abs(step) <= FAR * width).all(axis=1)
                size = (np.abs(step) / np.maximum(np.abs(here), 1e-3 * width)).max(axis=1)
            u[left[ok]] = np.clip(here + step, low, high)[ok]
            left = left[ok & (size > CLOSE)]
            if not left.size:
                break
        return u

    def _model(self, what: str, u: Floats, problems: Problems) -> tuple[Floats, Floats, Floats]:
        """Return f, its gradient (p, n) and a matrix (p, p, n)."""
        p = u.shape[1]
        out = evaluated(self.objective, what, u, problems, compiled=self.compute.backend.name != "numpy")
        matrix, (i, j) = np.empty((p, p, len(u))), np.tril_indices(p)
        matrix[i, j] = matrix[j, i] = out[1 + p :]
        return out[0], out[1 : 1 + p], matrix

    def _linearised(self, u: Floats, rows: Rows, problems: Problems) -> tuple[Floats, Floats, NDArray[np.int64], Flags]:
        """Return f, (J'J)⁻¹ of u, (p, p, n), the rank of J, and whether Gauss and Newton's step would change u."""
        f, g, matrix = self._model("gauss_newton", u, problems)
        held, loss = (self.parameters.at_limit(u, rows) != 0).T, self.objective.loss

        def jacobian(some: Rows) -> Floats:
            function = for_each(self.objective, problems.part(some).of_starts)
            return weighted(loss, *function.jacobian(u[some]))

        with np.errstate(all="ignore"):
            inverse, rank = covariances(matrix, held, jacobian)
            step = np.abs(np.einsum("ijn,jn->in", np.where(np.isnan(inverse), 0.0, inverse), g))
            off = (SETTLED * np.maximum(np.abs(u), 1e-3 * self._width) < step.T).any(axis=1)
        return f, inverse, rank, off

    def _finished(self, found: Found, rows: Rows, u: Floats, problems: Problems) -> None:
        """Note the minima next to some points, and what follows from J there."""
        f, inverse, rank, off = self._linearised(u, rows, problems)
        left = np.flatnonzero(off)
        if left.size:
            some = problems.part(left)
            u[left] = self._polished(u[left], rows[left], some)
            f[left], inverse[:, :, left], rank[left], _ = self._linearised(u[left], rows[left], some)
        factor = self.factor[rows]
        slopes = np.where(self.parameters.one.log, self.parameters.outward(u, rows), 1.0).T  # of the value by u
        with np.errstate(all="ignore"):  # a square of the factor may be out of range
            found.u[rows], found.cost[rows], found.rank[rows] = u, 2.0 * f / factor / factor, rank
            found.inverse[rows] = np.moveaxis(inverse * slopes[:, None] * slopes[None] * factor * factor, 2, 0)
        found.chisqr[rows] = found.cost[rows] if self.objective.loss.name == "linear" else self._squares(u, problems)

    def _squares(self, u: Floats, problems: Problems) -> Floats:
        """Return the sum of squared residuals, where the cost is another."""
        found = np.empty(len(u))
        for some in np.array_split(np.arange(len(u)), len(u) // 1024 + 1):
            function = for_each(self.objective, problems.part(some).of_starts)
            found[some] = np.sum(function.jacobian(u[some])[0] ** 2, axis=1)
        return found


def _as_before(objective: LeastSquares) -> LeastSquares:
    """Return the objective of an earlier call if it has the same program: its code need not be written again.

    That takes 0.1 s, as long as 25,000 fits of a decay.
    """
    assert objective.box is not None
    what = [listing(objective.outputs("gauss_newton")), repr(objective.shapes), repr(objective.loss), objective.name]
    what += [objective.box.lower.tobytes().hex(), objective.box.width.tobytes().hex()]
    key = "\n".join(what)
    found = _BEFORE.pop(key, objective)
    while len(_BEFORE) >= REMEMBERED:
        del _BEFORE[next(iter(_BEFORE))]
    _BEFORE[key] = found
    return found


def _weighted(data: ManyData, rows: slice) -> Floats:
    """Return y of some data sets in units of its standard deviations."""
    if data.weights is not None:
        return data.y[rows] * data.weights[rows]
    return data.y[rows] if data.sigma is None else data.y[rows] / data.sigma


def _factors(data: ManyData, rows: slice, weighted: Floats, largest: Floats) -> Floats:
    """Return the power of two by which the residuals of each data set are of about the size 1: 1 / their deviation."""
    ones: Any = np.ones(data.y.shape[1]) if data.sigma is None else 1.0 / data.sigma
    ones = ones if data.weights is None else data.weights[rows]
    total = np.einsum("...j,...j->...", ones, ones)
    first = np.einsum("ij,...j->i", weighted, ones) if ones.ndim == 1 else np.einsum("ij,ij->i", weighted, ones)
    second = np.einsum("ij,ij->i", weighted, weighted)
    with np.errstate(all="ignore"):
        variance = second - first**2 / total
        size = np.sqrt(np.where(variance > LEAST_VARIANCE * second, variance, second) / np.maximum(data.ndata[rows], 1))
    size = np.where(np.isfinite(size) & (size > 0.0), size, largest)
    return np.exp2(-np.round(np.log2(np.where(size > 0.0, size, 1.0))))
