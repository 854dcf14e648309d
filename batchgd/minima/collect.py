"""From a batch to its result, endpoints alone or with the minima behind them, and from a result back to its batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from batchgd.compiler.differentiable import not_stored
from batchgd.engine.batch import Batch
from batchgd.engine.compute import Compute
from batchgd.engine.progress import Watch
from batchgd.engine.run import run
from batchgd.kernels.plan import Endpoints, Trails, columns
from batchgd.kernels.status import Status
from batchgd.minima.collector import Collector
from batchgd.minima.coverage.rule import Coverage, Stopped
from batchgd.minima.coverage.run_until import run_until
from batchgd.minima.find import Found
from batchgd.minima.invariance import identity_for
from batchgd.minima.results import BatchData, LandscapeData
from batchgd.problem.errors import InputError
from batchgd.problem.identity import SAME, Identity
from batchgd.problem.methods import Method
from batchgd.problem.stopping import Stopping


def endpoints_of(batch: Batch, *, watch: Watch | None = None, trails: Trails | None = None) -> BatchData:
    """Run a batch and return one entry per start; paths are written to ``trails``."""
    watch = Watch() if watch is None else watch
    out = run(batch, watch=watch, trails=trails)
    return BatchData(**_common(batch, out.endpoints), seconds=watch.elapsed)


def collect(
    batch: Batch,
    identity: Identity = SAME,
    *,
    keep: bool = True,
    watch: Watch | None = None,
    until: Coverage | None = None,
    gather: Callable[..., Collector] = Collector,
) -> LandscapeData:
    """Run a batch, collect the occupied cells shard by shard, and find the minima behind them.

    ``gather(coordinates, identity, keep=...)`` makes the collector.
    """
    watch = Watch() if watch is None else watch
    identity = identity_for(batch, identity)
    collector, stopped = gather(batch.coordinates, identity, keep=keep), None
    if until is None:
        collector.run(batch, watch)
        found = collector.find(batch, watch)
    else:
        found, stopped = run_until(collector, batch, until, watch)
    if collector.n != batch.starts.n:
        batch = batch.again(starts=collector.taken(batch.starts))
    return landscape(batch, collector, found, watch=watch, stopped=stopped)


def landscape(
    batch: Batch,
    collector: Collector,
    found: Found,
    *,
    watch: Watch,
    stopped: Stopped | None = None,
) -> LandscapeData:
    """Build the result from the endpoints and the minima found."""
    return LandscapeData(
        **_common(batch, collector.endpoints()),
        counted=None if collector.keep else dict(collector.status_counts),
        label=_placed(collector.labels(found), batch),
        minima=found.minima,
        stationary=found.stationary,
        seed=batch.seed,
        independent=batch.starts.independent,
        stopped=stopped,
        identity=collector.identity,
        cells=None if collector.keep else collector.catalogue,
        warnings=found.warnings,
        cut_short=watch.ended_by is Status.INTERRUPTED,
        seconds=watch.elapsed,
    )


def _common(batch: Batch, out: Endpoints) -> dict[str, Any]:
    """The fields of both kinds of result."""
    return {
        **columns(out, lambda array: _placed(array, batch)),
        "objective": batch.objective,
        "starts": batch.starts,
        "method": batch.method,
        "box": batch.box,
        "stopping": batch.stopping,
        "backend": batch.backend.name,
        "dtype": batch.compute.dtype,
        "scale": batch.scale,
        "bounds": batch.bounds,
        "domain": batch.domain,
        "problems": batch.problems,
        "threads": batch.threads,
    }


def _placed(array: np.ndarray, batch: Batch) -> Any:
    """Return an array of a result where the caller wants it: on the host, or on the device as CuPy."""
    if not batch.compute.device:
        return array
    import cupy

    return cupy.asarray(array)


def batch_from(result: BatchData) -> Batch:
    """Return the batch that a result came from, to run it again with some changes (see :meth:`Batch.again`).

    Raises
    ------
    InputError
        If the function is not available, or the result was not made by a run.
    """
    if not result.has_function:
        raise not_stored("the function")
    if result.starts is None or result.box is None or not isinstance(result.method, Method):
        why = "has no record of how it was made" if result.kept else "was saved without its starts (keep='minima')"
        raise InputError(f"this result {why}: run it again")
    return Batch(
        result.objective,
        result.starts,
        result.box,
        result.method,
        Stopping() if result.stopping is None else result.stopping,
        Compute.of(result.backend, result.dtype, result.threads),
        getattr(result, "seed", None) or 0,
        scale=result.scale,
        bounds=result.bounds,
        domain=result.domain,
    )
