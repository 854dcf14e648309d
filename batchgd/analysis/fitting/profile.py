"""Profiles of a fit: the lowest chi-square at each value of a parameter, with all others fitted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from batchgd.analysis.fitting.profile_held import HeldFits
from batchgd.analysis.fitting.profile_identifiability import Identifiability, Verdict, judge
from batchgd.analysis.fitting.profile_intervals import (
    ConfidenceInterval,
    ConfidenceIntervals,
    regions,
    unknown,
)
from batchgd.analysis.fitting.profile_levels import RiseTest, levels_of
from batchgd.analysis.fitting.profile_result import Profile, Profiles
from batchgd.analysis.fitting.profile_roots import Crossing, all_crossings
from batchgd.analysis.fitting.profile_scan import Scan
from batchgd.analysis.fitting.profile_search import BetterFit, Search
from batchgd.analysis.fitting.solutions import rounding
from batchgd.engine.progress import Watch
from batchgd.problem import check
from batchgd.problem.errors import InputError
from batchgd.problem.wording import plural

IMPROVEMENTS = 20
"""How often profiles begin again because they found a better fit."""


def profiles_of(
    fit: Any,
    names: Any = None,
    *,
    level: Any = None,
    sigmas: Any = (1, 2, 3),
    points: int = 30,
    restarts: int = 10,
    seed: int = 0,
    watch: Watch,
) -> Profiles:
    """Return the profiles of a fit; the parameters are those of :meth:`FitResult.profile`."""
    chosen, levels = chosen_names(fit, names), levels_of(level, sigmas)
    points, restarts = check.whole("points", points, 4), check.whole("restarts", restarts)
    check_test(fit)
    coordinates = [fit.free.index(name) for name in chosen]
    search, found = _searched(fit, coordinates, levels, points, restarts, check.whole("seed", seed), watch)
    return _collected(fit, search, levels, found)


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


def _searched(
    fit: Any, coordinates: Sequence[int], levels: Sequence[float], points: int, restarts: int, seed: int, watch: Watch
) -> tuple[Search, list[list[Crossing]]]:
    """Return the finished search and its crossings of each level, begun again from each better fit."""
    parameters = fit.model.parameters
    low, high = parameters.bounds.T
    seeds = np.clip(parameters.inward(np.array([each.free for each in fit.solutions])), low, high)
    best, cost = seeds[0], fit.best.cost
    for _ in range(IMPROVEMENTS):
        fits = HeldFits(fit, best, cost, watch)
        rises = [float(fits.test.rise(each)) for each in levels]
        search = Search(fits, coordinates, max(rises), seeds, restarts, np.random.default_rng(seed))
        try:
            search.run(points)
            return search, all_crossings(search, rises, points)
        except BetterFit as better:
            costs, ends = fits(better.point[None], np.zeros((1, len(best)), dtype=bool))
            best, cost = ends[0], float(costs[0])
            seeds = np.concatenate([best[None], seeds])
    raise InputError("profiles keep finding better fits than the best: fit again with more starts")


def _collected(fit: Any, search: Search, levels: Sequence[float], found: list[list[Crossing]]) -> Profiles:
    fits = search.fits
    better = fits.cost < fit.best.cost
    profiles, rows, verdicts = {}, {}, {}
    for scan in search.scans:
        name = fit.free[scan.k]
        profiles[name] = _profile(fit, search, scan, better)
        rows[name] = tuple(
            _interval(search, scan, name, level, [each for each in crossed if each.scan is scan])
            for level, crossed in zip(levels, found, strict=True)
        )
        last = [each for each in found[-1] if each.scan is scan]
        verdicts[name] = _verdict(search, scan, rows[name][-1], _limits_at_ends(search, last))
    values = fit.model.parameters.values(fits.outward(fits.best))
    named = dict(zip(fit.model.parameters.names, map(float, values), strict=True))
    notes = _notes(fit, fits, named if better else None)
    return Profiles(
        profiles,
        ConfidenceIntervals(rows, _test_in_words(fits.test), notes),
        Identifiability(verdicts, levels[-1]),
        fits.test,
        model=fit.name,
        fits=fits.count,
        chisqr=fits.cost,
        better=named if better else None,
        notes=notes,
    )


def _profile(fit: Any, search: Search, scan: Scan, better: bool) -> Profile:
    fits, name = search.fits, fit.free[scan.k]
    values, rises = scan.lowest()
    branches = scan.branches(float(fits.best[scan.k]))
    lowest = [scan.optima[value][0] for value in values.tolist()]
    points = fits.outward(np.array([each.point for each in lowest]))
    optima = [(each.point, each.rise, branches[each.number]) for each in scan.everything()]
    return Profile(
        name,
        float(fits.outward(fits.best)[scan.k]),
        None if better else fit.params[name].stderr,
        points[:, scan.k],
        fits.cost + rises * fits.test.variance,
        rises,
        points,
        np.array([branches[each.number] for each in lowest]),
        np.array([(fits.outward(point)[scan.k], rise, branch) for point, rise, branch in optima]),
        fit.params[name].scale,
    )


def _interval(search: Search, scan: Scan, name: str, level: float, crossed: list[Crossing]) -> ConfidenceInterval:
    rise, best = float(search.fits.test.rise(level)), search.fits.best[scan.k]
    ends = sorted((each.estimate(), each.inner < each.outer) for each in crossed)
    values, rises = scan.lowest()
    spans = regions(values, rises, rise, ends)
    mine = next(span for span in spans if span[0] <= best <= span[1])
    parameters = search.fits.fit.model.parameters
    outward, limits = np.exp if parameters.log[scan.k] else float, parameters.limits[scan.k]

    def shown(span: tuple[float, float]) -> tuple[float, float]:
        low, high = (
            float(limit) if np.isinf(end) else float(outward(end)) for end, limit in zip(span, limits, strict=True)
        )
        return low, high

    value = float(search.fits.outward(search.fits.best)[scan.k])
    low, high = shown(mine)
    others = tuple(shown(span) for span in spans if span is not mine)
    return ConfidenceInterval(name, value, level, low, high, bool(np.isinf(mine[0])), bool(np.isinf(mine[1])), others)


def _verdict(search: Search, scan: Scan, interval: ConfidenceInterval, limits: list[str]) -> Verdict:
    fits = search.fits
    values, rises = scan.lowest()
    best = fits.best[scan.k]
    near = np.abs(values - best) <= 0.6 * scan.step
    shown = np.exp if fits.fit.model.parameters.log[scan.k] else float
    left = float(rises[values <= best].max()), float(shown(values[0]))
    right = float(rises[values >= best].max()), float(shown(values[-1]))
    with_it = fits.undetermined if interval.name in fits.undetermined else []
    rise = float(fits.test.rise(interval.level))
    return judge(interval, float(rises[near].max()), (left, right), rise, with_it, limits)


def _limits_at_ends(search: Search, crossed: list[Crossing]) -> list[str]:
    """Return the parameters that reach a limit between the best fit and the ends of an interval."""
    fits = search.fits
    at_limit = fits.fit.model.parameters.at_limit
    reached = {
        fits.names[k]
        for each in crossed
        for k in np.flatnonzero((at_limit(each.last()) != 0) & (at_limit(fits.best) == 0))
    }
    return [name for name in fits.names if name in reached]


def _notes(fit: Any, fits: HeldFits, better: dict[str, float] | None) -> tuple[str, ...]:
    notes = []
    if better is not None:
        values = ", ".join(f"{name}={value:.7g}" for name, value in better.items())
        notes.append(
            f"a better fit than the best was found, and all this is about it: chi-square {fits.cost:.8g} instead of "
            f"{fit.best.cost:.8g}, at {values}; fit.with_start(profile.better) takes it"
        )
    if fits.over:
        notes.append("interrupted: profiles are those of the fits made until then")
    return tuple(notes)


def _test_in_words(test: RiseTest) -> str:
    return "the rise of chi-square" if test.absolute else f"an F-test with {plural(test.nfree, 'degree')} of freedom"
