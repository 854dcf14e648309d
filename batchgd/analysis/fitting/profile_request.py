"""What profiles are asked for: which parameters, of which fit, and about which optimum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from batchgd.analysis.fitting.profile_held import BetterFit, Floats, HeldFits
from batchgd.analysis.fitting.profile_intervals import unknown
from batchgd.analysis.fitting.solutions import rounding
from batchgd.engine.progress import Watch
from batchgd.problem.errors import InputError
from batchgd.problem.wording import plural

Found = TypeVar("Found")

IMPROVEMENTS = 20
"""How often profiles begin again because they found a better fit."""

SEEDS = 20
"""How many solutions of the fit, the lowest, are starts at each value."""


def chosen_names(fit: Any, names: Any) -> list[str]:
    """Return the parameters that were asked for, each of which must vary."""
    chosen = list(fit.free) if names is None else [names] if isinstance(names, str) else list(names)
    given = fit.model.parameters.given
    for name in chosen:
        if name not in given:
            raise unknown(name, list(given), "the model has no parameter")
        if given[name].expr is not None:
            raise InputError(
                f"parameter {name!r} is computed as {given[name].expr}, so it has no profile of its own: profile those "
                "that it depends on, or write the model with it in the place of one of them"
            )
        if name not in fit.free:
            raise InputError(f"parameter {name!r} does not vary, so it has no profile: give it limits (lo, hi) instead")
    if len(set(chosen)) < len(chosen) or not chosen:
        raise InputError(f"names are {chosen}: give each parameter once, and at least one")
    return chosen


def check_test(fit: Any) -> None:
    """Refuse a fit whose chi-square has no scale, so that nothing says how far it may rise."""
    if fit.absolute_sigma:
        return
    remedy = "give sigma and absolute_sigma=True"
    if fit.nfree <= 0:
        raise InputError(
            f"{plural(fit.ndata, 'point')} and {plural(fit.nvarys, 'free parameter')} leave no degrees of freedom to "
            f"estimate the noise from: {remedy}, or more data"
        )
    if fit.best.cost <= rounding(fit.data):
        raise InputError(f"the model fits the data exactly, which says nothing about the noise: {remedy}")


def begin_again(fit: Any, watch: Watch, attempt: Callable[[HeldFits, Floats], Found]) -> Found:
    """Return what an attempt finds about the best fit, given starts; begun again from each better fit."""
    parameters = fit.model.parameters
    low, high = parameters.bounds.T
    seeds = np.clip(parameters.inward(np.array([each.free for each in fit.solutions[:SEEDS]])), low, high)
    best, cost = seeds[0], fit.best.cost
    for _ in range(IMPROVEMENTS):
        fits = HeldFits(fit, best, cost, watch)
        try:
            return attempt(fits, seeds)
        except BetterFit as better:
            costs, ends = fits(better.point[None], np.zeros((1, len(best)), dtype=bool))
            best, cost = ends[0], float(costs[0])
            seeds = np.concatenate([best[None], seeds])
    raise InputError("profiles keep finding better fits than the best: fit again with more starts")
