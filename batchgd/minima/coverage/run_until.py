"""Run until covered: one multi-start in batches of growing size, with a look at the counts after each."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from batchgd.engine.interrupts import current
from batchgd.engine.progress import ProgressUpdate, Watch
from batchgd.kernels.status import Status
from batchgd.minima.coverage import Coverage, CoverageReport, Stopped
from batchgd.problem.errors import InputError, told
from batchgd.problem.samplings import PartOfStarts

if TYPE_CHECKING:
    from batchgd.engine.batch import Batch
    from batchgd.engine.progress import Progress
    from batchgd.minima import Found
    from batchgd.minima.collector import Gathering

_CUT = {Status.MAXTIME: "max_time", Status.INTERRUPTED: "interrupted"}


def check_rule(until: object, batch: Batch) -> Coverage:
    """Return the rule, or raise InputError where it cannot end this run."""
    if not isinstance(until, Coverage):
        raise InputError(f"until is {told(until)}: give bgd.Coverage(0.999), or leave it out")
    if not batch.starts.independent:
        raise InputError(
            f"a bound on what is unseen needs independent starts, and {batch.starts.name} starts are not: "
            "leave out sampling (uniform), or until"
        )
    if any(np.ndim(value) for value in batch.method.hyperparameters(batch.dtype).values()):
        raise InputError(
            "with until the number of starts is open: give one value of each hyperparameter for all starts"
        )
    return until


def run_until(gathering: Gathering, batch: Batch, rule: Coverage, progress: Progress | None) -> tuple[Found, Stopped]:
    """Run the batch until the rule is met, starts or time run out, or Ctrl-C; returns the minima and what ended it.

    Batches are ranges of the same starts, so a run that ends after n of them has found what a run of n starts finds.
    """
    began, looks, interrupt = time.perf_counter(), 0, current()
    limit = batch.stopping.max_time
    for first, stop in rule.looks(batch.starts.n):
        left = None if limit is None else max(limit - (time.perf_counter() - began), 1e-9)
        part = replace(
            batch,
            starts=PartOfStarts(batch.starts, first, stop),
            stopping=replace(batch.stopping, max_time=left),
        )
        gathering.run(part, progress and _shifted(progress, first, stop, began))
        found, looks = gathering.find(batch, Watch(progress, gathering.n, began, interrupt)), looks + 1
        cut = [why for status, why in _CUT.items() if gathering.status_counts[status]]
        cut += ["interrupted"] if interrupt.seen else []
        why = cut[0] if cut else "covered" if _covered(found, gathering, rule, looks) else "starts"
        if why != "starts":
            break
    return found, Stopped(why, gathering.n, looks, rule.share, rule.confidence)


def _covered(found: Found, gathering: Gathering, rule: Coverage, looks: int) -> bool:
    """Whether the bound on the unseen share is met at this look."""
    high = CoverageReport(found.minima.count, gathering.n, rule.confidence, looks=looks).unseen_high
    return high is not None and high <= (1.0 - rule.share) * (1.0 + 1e-12)


def _shifted(progress: Progress, first: int, stop: int, began: float) -> Progress:
    """Tell of a batch as a part of the run: its total is the next look."""

    def shifted(update: ProgressUpdate) -> None:
        progress(replace(update, done=first + update.done, total=stop, seconds=time.perf_counter() - began))

    return shifted
