"""Run until covered: one multi-start in batches of growing size, with a look at the counts after each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from batchgd.kernels.status import Status
from batchgd.minima.coverage import Coverage, CoverageReport, Stopped
from batchgd.problem.errors import InputError, told

if TYPE_CHECKING:
    from batchgd.engine.batch import Batch
    from batchgd.engine.progress import Watch
    from batchgd.minima import Found
    from batchgd.minima.collector import Collector

_ENDED_BY = {Status.MAXTIME: "max_time", Status.INTERRUPTED: "interrupted"}


def check_rule(until: object, batch: Batch) -> Coverage:
    """Return the rule, or raise InputError if it cannot end this run."""
    if not isinstance(until, Coverage):
        raise InputError(f"until is {told(until)}: give bgd.Coverage(0.999), or leave it out")
    if not batch.starts.independent:
        raise InputError(
            f"until needs independent starts, and {batch.starts.name} starts are not: use uniform starts, or omit until"
        )
    if any(np.ndim(value) for value in batch.method.hyperparameters(batch.dtype).values()):
        raise InputError("until leaves the number of starts open: give one value of each hyperparameter for all starts")
    return until


def run_until(collector: Collector, batch: Batch, rule: Coverage, watch: Watch) -> tuple[Found, Stopped]:
    """Run the batch until the rule is met, starts or time run out, or Ctrl-C; returns the minima and what ended it.

    Batches are ranges of the same starts, so a run that ends after n of them has found what a run of n starts finds.
    """
    looks = 0
    for first, stop in rule.looks(batch.starts.n):
        part = replace(batch, starts=batch.starts.part(first, stop))
        collector.run(part, watch.part(first, stop))  # to the next look
        found, looks = collector.find(batch, watch), looks + 1
        if watch.ended_by is not None:
            why = _ENDED_BY[watch.ended_by]
        else:
            why = "covered" if _covered(found, collector, rule, looks) else "starts"
        if why != "starts":
            break
    return found, Stopped(why, collector.n, looks, rule.share, rule.confidence)


def _covered(found: Found, collector: Collector, rule: Coverage, looks: int) -> bool:
    """Whether the bound on the unseen share is met at this look."""
    high = CoverageReport(found.minima.count, collector.n, rule.confidence, looks=looks).unseen_high
    return high is not None and high <= (1.0 - rule.share) * (1.0 + 1e-12)
