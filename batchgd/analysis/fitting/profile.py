"""Profiles of a fit: the lowest chi-square at each value of a parameter, with all others fitted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from batchgd.analysis.fitting.profile_held import Floats, HeldFits
from batchgd.analysis.fitting.profile_identifiability import Identifiability, Verdict, judge
from batchgd.analysis.fitting.profile_intervals import ConfidenceInterval, ConfidenceIntervals, regions
from batchgd.analysis.fitting.profile_levels import RiseTest, levels_of
from batchgd.analysis.fitting.profile_request import begin_again, check_test, chosen_names
from batchgd.analysis.fitting.profile_result import Profile, Profiles
from batchgd.analysis.fitting.profile_roots import Crossing, all_crossings
from batchgd.analysis.fitting.profile_scan import Scan
from batchgd.analysis.fitting.profile_search import Search
from batchgd.engine.progress import Watch
from batchgd.problem import check
from batchgd.problem.wording import plural


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
    seed = check.whole("seed", seed)
    check_test(fit)
    coordinates = [fit.free.index(name) for name in chosen]

    def attempt(fits: HeldFits, seeds: Floats) -> Profiles:
        rises = [float(fits.test.rise(each)) for each in levels]
        search = Search(fits, coordinates, max(rises), seeds, restarts, np.random.default_rng(seed))
        search.run(points)
        return _collected(fit, search, levels, all_crossings(search, rises, points))

    return begin_again(fit, watch, attempt)


def _collected(fit: Any, search: Search, levels: Sequence[float], found: list[list[Crossing]]) -> Profiles:
    fits = search.fits
    profiles, rows, verdicts = {}, {}, {}
    for scan in search.scans:
        name = fit.free[scan.k]
        profiles[name] = _profile(fit, search, scan)
        rows[name] = tuple(
            _interval(search, scan, name, level, [each for each in crossed if each.scan is scan])
            for level, crossed in zip(levels, found, strict=True)
        )
        last = [each for each in found[-1] if each.scan is scan]
        verdicts[name] = _verdict(search, scan, rows[name][-1], _limits_at_ends(search, last))
    notes = _notes(fit, fits)
    return Profiles(
        profiles,
        ConfidenceIntervals(rows, _test_in_words(fits.test), notes),
        Identifiability(verdicts, levels[-1]),
        fits.test,
        model=fit.name,
        fits=fits.count,
        chisqr=fits.cost,
        better=fits.better,
        notes=notes,
    )


def _profile(fit: Any, search: Search, scan: Scan) -> Profile:
    fits, name = search.fits, fit.free[scan.k]
    values, rises = scan.lowest()
    branches = scan.branches(float(fits.best[scan.k]))
    lowest = [scan.optima[value][0] for value in values.tolist()]
    points = fits.outward(np.array([each.point for each in lowest]))
    optima = [(each.point, each.rise, branches[each.number]) for each in scan.everything()]
    return Profile(
        name,
        float(fits.outward(fits.best)[scan.k]),
        fit.params[name].stderr if fits.better is None else None,
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
    others = tuple(shown(span) for span in spans if span is not mine and not _is_copy(search, scan, span))
    return ConfidenceInterval(name, value, level, low, high, bool(np.isinf(mine[0])), bool(np.isinf(mine[1])), others)


def _is_copy(search: Search, scan: Scan, span: tuple[float, float]) -> bool:
    """Return whether the lowest fit of an interval is another order of components that may be exchanged."""
    exchange = search.fits.fit.outcome.exchange
    within = [scan.optima[value][0] for value in scan.values if span[0] <= value <= span[1] and scan.optima[value]]
    if not exchange.groups or not within:
        return False
    lowest = min(within, key=lambda each: each.rise).point
    return not np.array_equal(exchange.ordered(lowest), lowest)


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


def _notes(fit: Any, fits: HeldFits) -> tuple[str, ...]:
    notes = []
    if fits.better is not None:
        values = ", ".join(f"{name}={value:.7g}" for name, value in fits.better.items())
        notes.append(
            f"a better fit than the best was found, and all this is about it: chi-square {fits.cost:.8g} instead of "
            f"{fit.best.cost:.8g}, at {values}; fit.with_start(profile.better) takes it"
        )
    if fits.over:
        notes.append("interrupted: profiles are those of the fits made until then")
    return tuple(notes)


def _test_in_words(test: RiseTest) -> str:
    return "the rise of chi-square" if test.absolute else f"an F-test with {plural(test.nfree, 'degree')} of freedom"
