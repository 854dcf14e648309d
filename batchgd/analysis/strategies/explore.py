"""From a batch and a strategy to a result like any other, with fractions only where the sampling allows them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.strategies.campaign import Campaign
from batchgd.analysis.strategies.info import StrategyInfo
from batchgd.minima import Minima, seen_interval
from batchgd.minima.collector import Collector
from batchgd.minima.invariance import identity_for
from batchgd.problem.errors import InputError
from batchgd.problem.methods import split_per_start

if TYPE_CHECKING:
    from batchgd.analysis.strategies.base import Strategy
    from batchgd.engine.batch import Batch
    from batchgd.engine.progress import Watch
    from batchgd.minima.results import LandscapeData
    from batchgd.problem.identity import Identity


def explore(
    batch: Batch,
    strategy: Strategy,
    identity: Identity,
    *,
    watch: Watch,
) -> LandscapeData:
    """Let a strategy spend the descents of a batch and collect the minima.

    Raises
    ------
    InputError
        If batch and strategy are incompatible; before any work starts.
    """
    from batchgd.minima.collect import landscape

    if split_per_start(batch.method, batch.starts.n, batch.dtype)[1]:
        raise InputError("a hyperparameter has one value per start, but a strategy chooses the starts: give one value")
    strategy.check(batch)
    identity = identity_for(batch, identity)
    collector = Collector(batch.coordinates, identity)
    campaign = Campaign(batch, collector, watch)
    facts = strategy.explore(campaign)
    rows = collector.endpoints()
    info = StrategyInfo(
        strategy.name,
        strategy.settings(),
        strategy.bias,
        sampling=batch.starts.name,
        sampled=campaign.sampled,
        evaluations=int(rows.nfev.sum()) + campaign.sampled,
        **facts,
    )
    note = batch.starts.interval_note if info.drawn else strategy.bias
    batch = replace(batch, starts=campaign.starts(strategy.name, note or strategy.bias))
    result = landscape(batch, collector, collector.find(batch, watch), watch=watch)
    result.strategy, result.independent = info, note is None and info.drawn == result.n
    result.minima = drawn_fractions(result.minima, result.label, info.drawn, note)
    return result


def drawn_fractions(minima: Minima, label: NDArray[np.int32], drawn: int, note: str | None) -> Minima:
    """Return the minima with the fractions of the starts that were drawn from the box; NaN if none was."""
    label = label[:drawn]
    count = np.bincount(label[label >= 0], minlength=len(minima))
    fraction = count / drawn if drawn else np.full(len(minima), np.nan)
    low, high = seen_interval(count, drawn) if note is None else (None, None)
    return replace(minima, fraction=fraction, fraction_low=low, fraction_high=high, interval_note=note)
