"""``bgd.sweep``: one launch over starts x values, and the gradient flow that shows where each start belongs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.sweeps.grid import SweepGrid, parse_grid
from batchgd.analysis.sweeps.recommend import Curvatures
from batchgd.analysis.sweeps.sweep_result import SweepResult
from batchgd.analysis.sweeps.tally import Tally
from batchgd.compiler.resolve import Problem
from batchgd.engine.batch import Batch, make_batch
from batchgd.engine.compute import Compute
from batchgd.engine.interrupts import Interrupt, heeded
from batchgd.engine.progress import Watch
from batchgd.minima.invariance import identity_for
from batchgd.minima.mapper import FLOW_UPDATES
from batchgd.problem import check
from batchgd.problem.errors import InputError
from batchgd.problem.identity import Identity, as_identity
from batchgd.problem.keywords import explained, parameters, refuse_strange
from batchgd.problem.methods import METHODS, GradientFlow
from batchgd.problem.methods.base import field_names
from batchgd.problem.samplings import Starts
from batchgd.problem.stopping import GTOL, Stopping, as_stopping

if TYPE_CHECKING:
    from batchgd.engine.progress import Progress
    from batchgd.minima import Found

_TRAJECTORIES = 1 << 20  # in memory at once; a larger sweep runs in several launches, some starts at all values each
_OSCILLATION, _PATIENCE_SHARE, _LEAST_PATIENCE = 10, 10, 100


@explained
def sweep(
    fun: Any,
    *,
    method: Any = None,
    zipped: bool = False,
    fidelity: bool = True,
    box: Any = None,
    dim: int | None = None,
    bounds: Any = None,
    domain: Any = None,
    starts: Any = 1_000,
    sampling: Any = "uniform",
    seed: int | None = 0,
    gtol: float | None = None,
    xtol: float | None = None,
    ftol: float | None = None,
    maxiter: int | None = None,
    max_time: float | None = None,
    stopping: Stopping | dict[str, Any] | None = None,
    identity: Identity | dict[str, Any] | None = None,
    backend: str = "auto",
    dtype: Any = "float64",
    threads: int | None = None,
    params: Any = None,
    jac: Any = None,
    args: Any = (),
    scale: Any = "auto",
    progress: Progress | None = None,
    **hyperparameters: Any,
) -> SweepResult:
    """Descend from the same starts at every value of a hyperparameter, and report the effect of the value.

    Each start counts once at each value, as **slow** (maxiter or another cap), **monotone** (converged, and no step
    turned against the one before), **oscillating** (converged, and some step did: s_k . s_(k-1) < 0) or **lost**
    (diverged, left, not finite; jumps back and forth without decrease; or wanders: no better value in a tenth of
    ``maxiter``). On a quadratic with eigenvalues λ every step is (1 - η λ) times the one before in each component: so
    no step turns if η λ <= 1 for all, some component alternates if η λ > 1, and beyond 2 / λ it grows.

    Parameters
    ----------
    fun, box, dim, bounds, domain, starts, sampling, seed, identity, backend, dtype, threads, params, jac, args, scale
        As in :func:`multistart`; ``starts`` is the number per value.
    method : Method class, name or Method, optional
        The update rule; default: :class:`GradientDescent`. An instance brings its other hyperparameters.
    zipped : bool
        Several swept hyperparameters make every combination; with ``zipped`` the k-th values of all go together.
    fidelity : bool
        Also follow gradient flow from every start, and report the share of the starts that land in the minimum that it
        leads to.
    gtol, xtol, ftol, maxiter, max_time, stopping
        As in :func:`multistart`. ``oscillation`` and ``patience`` are set to 10 and ``maxiter`` / 10 (100 at least)
        unless ``stopping`` gives them; a given ``patience`` counts as convergence.
    progress : callable, optional
        Called with a :class:`ProgressUpdate` about twice a second.
    **hyperparameters
        The method's settings by name: a list or array is swept (0 < values, in the units of the hyperparameter; best
        spaced by equal factors), a number is fixed.

    Returns
    -------
    SweepResult
        ``slow, monotone, oscillating, lost, nit_median, nit_tail, best, fidelity, ...``, one entry per value;
        ``recommended``, ``plot()``, ``to_dataframe()``, ``summary()``.

    Raises
    ------
    InputError
        If an argument cannot be used; before work starts.

    References
    ----------
    Y. Nesterov, Introductory Lectures on Convex Optimization, 2004, theorem 2.1.15 (2 / (L + μ)). E. B. Wilson, J. Am.
    Stat. Assoc. 22 (1927) 209 (intervals of the fidelity).

    Examples
    --------
    Curvatures 1 and 10: below 1/10 monotone, up to 2/10 with oscillation, beyond that lost.

    >>> result = sweep(lambda x: 0.5 * (x[0] ** 2 + 10.0 * x[1] ** 2), box=[(-1, 1)] * 2, starts=100,
    ...                learning_rate=[0.05, 0.099, 0.19, 0.21], fidelity=False)
    >>> result.monotone.tolist(), result.lost.tolist()
    ([1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0])
    >>> result.recommended.value
    0.099
    """
    watch = Watch(progress)
    hyper = {name for cls in METHODS.values() for name in field_names(cls)}
    refuse_strange("sweep", hyperparameters, parameters(sweep), hyper)
    rule = as_stopping(stopping, gtol=gtol, xtol=xtol, ftol=ftol, maxiter=maxiter, max_time=max_time)
    identity = as_identity(identity)
    fidelity = check.flag("fidelity", fidelity)
    grid = parse_grid(method, hyperparameters, check.flag("zipped", zipped))
    batch = make_batch(
        Problem(fun, box, dim, params, jac, args, bounds, domain),
        Compute.of(backend, dtype, threads),
        starts=starts,
        sampling=sampling,
        method=grid.make(**dict(zip(grid.names, grid.values[0], strict=True))),
        seed=seed,
        stopping=_watchful(rule),
        scale=scale,
        resident=False,
    ).inside()  # rates and curvatures are those of the coordinates that are descended in
    if batch.mixed:
        raise InputError(
            "dtype='mixed' ends every descent with another method, and a sweep shows how one behaves: use "
            "float32 or float64"
        )
    identity = identity_for(batch, identity)
    return _Sweep(batch, grid, identity, fidelity, rule.patience is None, watch).result()


def _watchful(rule: Stopping) -> Stopping:
    """Return the stopping rule with the tests that detect starts that will never converge."""
    patience = max(_LEAST_PATIENCE, rule.maxiter // _PATIENCE_SHARE)
    return dataclasses.replace(
        rule,
        oscillation=_OSCILLATION if rule.oscillation is None else rule.oscillation,
        patience=patience if rule.patience is None else rule.patience,
    )


class _Sweep:
    """The launches of one sweep, and what they add up to."""

    def __init__(
        self, batch: Batch, grid: SweepGrid, identity: Identity, fidelity: bool, own_patience: bool, watch: Watch
    ) -> None:
        self.batch, self.grid, self.identity = batch, grid, identity
        self.fidelity, self.watch = fidelity, watch
        self.tally = Tally(len(grid), own_patience)
        self.curvatures: Curvatures | None = None

    def result(self) -> SweepResult:
        """Run everything; an interrupt or ``max_time`` ends it with the starts that were begun."""
        n, size = self.batch.starts.n, max(1, _TRAJECTORIES // len(self.grid))
        with heeded() as interrupt:
            for first in range(0, n, size):
                if not self._add(first, min(first + size, n), interrupt):
                    break
            self.tally.interrupted = interrupt.seen
        return SweepResult(self.batch, self.grid, self.tally, self.fidelity, self.curvatures, self.watch.elapsed)

    def _add(self, first: int, stop: int, interrupt: Interrupt) -> bool:
        """Descend from some starts at every value; returns whether time is left for more."""
        from batchgd.engine.run import run
        from batchgd.minima.collector import Collector

        points = self.batch.starts.points(first, stop)
        collector = Collector(self.batch.coordinates, self.identity)
        if self.fidelity:
            flow = self.batch.again(starts=points, method=GradientFlow(), stopping=_to_the_end(self.batch.stopping))
            collector.run(flow.in_dtype("float64"), self.watch.silent())
        if interrupt.seen and first > 0:
            return False
        values = len(self.grid)
        lanes = self.batch.again(starts=_Repeated(points, values), method=self.grid.method(len(points)))
        part = self.watch.part(first * values, self.batch.starts.n * values)
        rows = run(dataclasses.replace(lanes, watch_turns=True), watch=part).endpoints
        self.tally.add(rows)
        converged = np.flatnonzero(self.tally.converged(rows))
        collector.add(rows.take(converged))
        found = collector.find(self.batch, self.watch.silent())
        self._note_curvature(found)
        if self.fidelity and not interrupt.seen:  # else the flow or the lanes may be unfinished
            labels = collector.labels(found)
            label = np.full(len(rows), -1)
            label[converged] = labels[len(points) :]
            self.tally.compare(label, labels[: len(points)])
        return self.watch.ended_by is None

    def _note_curvature(self, found: Found) -> None:
        """Record the smallest and the largest eigenvalue at each proper minimum."""
        eigenvalues = found.minima.eigenvalues[found.minima.kind == "minimum"]
        eigenvalues = eigenvalues[np.isfinite(eigenvalues).any(axis=1)]  # NaN: of coordinates that bounds hold
        if len(eigenvalues):
            largest = np.nanmax(eigenvalues, axis=1)
            these = Curvatures(float(largest.max()), float(largest.min()), float(np.nanmin(eigenvalues)))
            self.curvatures = these if self.curvatures is None else self.curvatures.joined(these)


class _Repeated(Starts):
    """The same points, once for each value."""

    name = "array"

    def __init__(self, points: NDArray, times: int) -> None:
        super().__init__(len(points) * times, points.shape[1])
        self._points = points

    def points(self, first: int, stop: int) -> NDArray:
        return self._points[np.arange(first, stop) % len(self._points)]


def _to_the_end(rule: Stopping) -> Stopping:
    """The stopping rule of the flow, which must arrive."""
    return Stopping(gtol=min(rule.gtol or GTOL, GTOL), maxiter=max(rule.maxiter, FLOW_UPDATES), escape=rule.escape)
