"""Profiles of a fit: the lowest chi-square at each value of a parameter, with all others fitted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.fitting.profile_held import HeldFits
from batchgd.analysis.fitting.profile_identifiability import Identifiability, Verdict, judge
from batchgd.analysis.fitting.profile_intervals import (
    ConfidenceInterval,
    ConfidenceIntervals,
    percent_of,
    regions,
    unknown,
)
from batchgd.analysis.fitting.profile_levels import RiseTest, levels_of
from batchgd.analysis.fitting.profile_roots import Crossing, close, crossings
from batchgd.analysis.fitting.profile_scan import Scan
from batchgd.analysis.fitting.profile_search import BetterFit, Search
from batchgd.analysis.fitting.solutions import rounding
from batchgd.engine.progress import Watch
from batchgd.problem import check
from batchgd.problem.errors import InputError
from batchgd.problem.optional import require
from batchgd.problem.tables import TextTable
from batchgd.problem.wording import plural

Floats = NDArray[np.float64]

IMPROVEMENTS = 20
"""How often profiles begin again because they found a better fit."""


@dataclass(frozen=True, eq=False)
class Profile:
    """The profile of one parameter.

    Attributes
    ----------
    name : str
    value, stderr : float
        The best value, and its standard error or None.
    values : (n,)
        Values of the parameter, in order.
    cost : (n,)
        The lowest chi-square at each (the cost, if the loss is robust), with the others fitted; ``rise`` (n,) is its
        distance to the best, in units of s² = chi-square / nfree, or as it is if sigma is absolute.
    points : (n, p)
        The free parameters there.
    branch : (n,)
        Which basin that fit is in: 0 for that of the best fit, followed along the parameter.
    optima : (k, 3)
        All optima that were found: value, rise, branch.
    scale : "linear" or "log"
    """

    name: str
    value: float
    stderr: float | None
    values: Floats
    cost: Floats
    rise: Floats
    points: Floats
    branch: NDArray[np.int64]
    optima: Floats
    scale: str


class Profiles(Mapping):
    """Profiles of several parameters by name, and what follows from them: :meth:`FitResult.profile`; print it.

    Attributes
    ----------
    intervals : ConfidenceIntervals
        For each parameter and level.
    identifiability : Identifiability
        For each parameter, at the highest level.
    better : dict or None
        The parameters of a better fit than the best, if one was found: profiles and intervals are then about it.
    chisqr : float
        The chi-square of the best fit, or of the better one.
    fits : int
        How many fits with one parameter held were made.
    """

    def __init__(
        self,
        profiles: Mapping[str, Profile],
        intervals: ConfidenceIntervals,
        identifiability: Identifiability,
        test: RiseTest,
        **facts: Any,
    ):
        self._profiles, self.intervals, self.identifiability, self.test = dict(profiles), intervals, identifiability, test
        self.model, self.fits, self.chisqr = facts["model"], facts["fits"], facts["chisqr"]
        self.better, self.notes = facts["better"], facts["notes"]

    def __getitem__(self, name: str) -> Profile:
        if name not in self._profiles:
            raise unknown(name, [*self._profiles], "there is no profile of")
        return self._profiles[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._profiles)

    def __len__(self) -> int:
        return len(self._profiles)

    def to_dataframe(self) -> Any:
        """Return a pandas DataFrame with a row per parameter and value: value, cost, rise, branch, confidence."""
        pandas = require("pandas", "frames")
        parts = [
            pandas.DataFrame(
                {"parameter": name, "value": each.values, "cost": each.cost, "rise": each.rise}
                | {"branch": each.branch, "confidence": self.test.level(each.rise)}
            )
            for name, each in self._profiles.items()
        ]
        return pandas.concat(parts, ignore_index=True)

    def plot(self, path: Any = None, axes: Any = None) -> Any:
        """Draw a panel per parameter; with a path, write it there. Returns the axes."""
        from batchgd.output.plot.canvas import drawn
        from batchgd.output.plot.profiles_of_fits import profiles

        return drawn(path, lambda: profiles(self, axes))

    def __repr__(self) -> str:
        of = "" if self.model == "<lambda>" else f" of {self.model}"
        head = f"profiles{of} · {plural(len(self), 'parameter')} · {plural(self.fits, 'fit')} with one held"
        rows = []
        for name, each in self._profiles.items():
            interval = _highest(self.intervals[name])
            level = percent_of(interval.level)
            shown = {
                "parameter": name,
                "best": f"{each.value:.7g}",
                "stderr": "–" if each.stderr is None else f"{each.stderr:.4g}",
                f"low {level}": "open" if interval.open_left else f"{interval.low:.6g}",
                f"high {level}": "open" if interval.open_right else f"{interval.high:.6g}",
                "basins": f"{len(np.unique(each.branch[self.test.level(each.rise) <= interval.level]))}",
                "verdict": self.identifiability[name].verdict,
            }
            rows.append(shown)
        lines = [str(verdict) for verdict in self.identifiability.values() if not verdict.identifiable]
        parts = [head, str(TextTable(rows, words=["parameter", "verdict"]))]
        return "\n\n".join([*parts, *(["\n".join([*lines, *self.notes])] if lines or self.notes else [])])


def _highest(found: Any) -> ConfidenceInterval:
    return found[-1] if isinstance(found, tuple) else found


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
        search = Search(fits, coordinates, max(rises), seeds, restarts, seed)
        try:
            search.run(points)
            found = [crossings(search, rise) for rise in rises]
            close(search, [each for level in found for each in level])
            return search, found
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

    low, high = shown(mine)
    others = tuple(shown(span) for span in spans if span is not mine)
    return ConfidenceInterval(
        name, float(search.fits.outward(search.fits.best)[scan.k]), level, low, high, bool(np.isinf(mine[0])), bool(np.isinf(mine[1])), others
    )


def _verdict(search: Search, scan: Scan, interval: ConfidenceInterval, limits: list[str]) -> Verdict:
    fits = search.fits
    values, rises = scan.lowest()
    best = fits.best[scan.k]
    near = np.abs(values - best) <= 0.6 * scan.step
    sides = float(rises[values <= best].max()), float(rises[values >= best].max())
    with_it = fits.undetermined if interval.name in fits.undetermined else []
    rise = float(fits.test.rise(interval.level))
    return judge(interval, float(rises[near].max()), sides, rise, with_it, limits)


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
