"""Sites: the distinct points behind the occupied cells, each with its kind, and the cells that belong to it."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from batchgd.engine.progress import CLASSIFYING, MERGING, UNWATCHED, Watch
from batchgd.kernels.status import AT_REST
from batchgd.minima.catalogue import Catalogue
from batchgd.minima.classes import gathered
from batchgd.minima.classify import (
    BOTTOM,
    DEGENERATE,
    DEGENERATE_MINIMUM,
    FLAT,
    KINK,
    LOWEST,
    MINIMUM,
    NOTHING,
    SLOPE,
    UNBOUNDED,
    UNKNOWN,
    VALLEY,
    classify,
)
from batchgd.minima.merge import UNPOLISHED, Clustering
from batchgd.minima.newton import CLEAR, INDEFINITE
from batchgd.minima.pattern_search import rescue
from batchgd.minima.plateaus import flat_modes, on_plateaus
from batchgd.minima.polish import LOCATED, STUCK, UNTOUCHED, Polished, polish
from batchgd.minima.scale import EPS, Derivable, Scale, points_at_once, rounding, values
from batchgd.minima.sets import Sites, descent_beyond, fine, groups, levels, most_common, slopes
from batchgd.minima.within import Within
from batchgd.problem.box import Box

SETS = (VALLEY, BOTTOM)  # rows that represent a set of equal minima
MINIMA = (MINIMUM, KINK, DEGENERATE_MINIMUM, LOWEST, *SETS, UNKNOWN)  # the last in an interrupted run only


def find_sites(
    catalogue: Catalogue,
    objective: Derivable,
    box: Box,
    clustering: Clustering,
    scale: Scale,
    polished: Polished | None = None,
    watch: Watch = UNWATCHED,
) -> tuple[Sites, NDArray[np.int64]]:
    """Polish the cells, merge them into distinct points and classify those.

    Returns the sites, and for each cell the row of its site, -1 if it leads nowhere. ``polished`` are the cells' points
    if ``locate`` has found them before. If ``watch`` ends the work, endpoints that were not polished are taken as they
    are, and points that were not classified are ``UNKNOWN``.
    """
    polished = locate(objective, box, catalogue, scale, watch) if polished is None else polished
    watch.go_on(MERGING, 0, len(catalogue))
    site = np.full(len(catalogue), -1)
    rows = np.flatnonzero(polished.state == LOCATED)
    fun, noise = polished.fun[rows], polished.noise[rows]
    tolerance = clustering.value_tolerance(fun, noise)
    polished.x[rows] = gathered(clustering.identity, box, polished.x[rows], fun, tolerance, catalogue.first[rows])
    component = clustering.components((polished.x[rows] - box.lower) / box.width, fun, noise)
    site[rows] = component
    _join_untouched(polished, site, catalogue, box, scale)
    sites, best = _gather(polished, site, catalogue, box)
    level = levels(sites.fun, fine(sites.fun, sites.noise, scale, clustering.identity.f))
    settled = (polished.kind[best] == CLEAR) & (polished.slope[best] <= SLOPE * scale.slope)
    kinds = classify(objective, box, sites.x, sites.fun, scale, level, watch, settled)
    sites.kind, sites.negative, sites.zero, sites.blurred = kinds.kind, kinds.negative, kinds.zero, kinds.blurred
    sites, site = _add_plateaus(objective, box, catalogue, scale, sites, site, watch)
    if not _has_lowest(objective, box, catalogue, clustering, sites):
        sites, site = _keep_lowest(objective, box, catalogue, scale, sites, site, watch)
    tolerance = fine(sites.fun, sites.noise, scale, clustering.identity.f)
    _join_valleys(sites, tolerance)
    _mark_bottom(objective, box, catalogue, sites, tolerance)
    return _collapse(sites, site, box, scale, tolerance)


def locate(objective: Derivable, box: Box, catalogue: Catalogue, scale: Scale, watch: Watch = UNWATCHED) -> Polished:
    """Polish every cell that is not on a plateau; if Newton fails, search on values.

    If ``watch`` ends the work, the rest is UNTOUCHED.
    """
    flat = on_plateaus(objective, box, catalogue, scale, watch)
    polished = polish(objective, box, catalogue.x, scale, watch=watch, leave=flat)
    stuck = np.flatnonzero(polished.state == STUCK)
    if len(stuck):
        x, fun, found = rescue(objective, box, catalogue.x[stuck], scale, watch=watch)
        rows = stuck[found]
        polished.x[rows], polished.fun[rows], polished.state[rows] = x[found], fun[found], LOCATED
        polished.noise[rows] = rounding(objective, box, x[found], fun[found])
        polished.root[rows], polished.kind[rows] = False, INDEFINITE
        if watch.cut:
            polished.state[stuck[~found]] = UNTOUCHED
    _leave_saddles(polished, objective, box, catalogue, scale, watch)
    _onto_bounds(polished, objective, box)
    raw = polished.state == UNTOUCHED
    polished.x[raw], polished.fun[raw], polished.noise[raw] = catalogue.x[raw], catalogue.fun[raw], 0.0
    polished.kind[raw] = INDEFINITE
    # The value may come out as not finite at the polished point only (0/0 in the value itself).
    polished.state[~np.isfinite(polished.fun) & (polished.state == LOCATED)] = STUCK
    return polished


def _onto_bounds(polished: Polished, objective: Derivable, box: Box) -> None:
    """Put points that are next to a bound without being pushed against it, but for rounding, on it."""
    if not isinstance(objective, Within):
        return
    rows = np.flatnonzero(polished.state == LOCATED)
    x = objective.onto_bounds(polished.x[rows])
    moved = (x != polished.x[rows]).any(axis=1)
    rows, x = rows[moved], x[moved]
    fun = values(objective, x)
    lower = fun <= polished.fun[rows] + rounding(objective, box, polished.x[rows], polished.fun[rows])
    polished.x[rows[lower]], polished.fun[rows[lower]] = x[lower], fun[lower]


def _leave_saddles(
    polished: Polished, objective: Derivable, box: Box, catalogue: Catalogue, scale: Scale, watch: Watch
) -> None:
    """Take endpoints that only came near a saddle, or a maximum, on to the minimum if it is within reach downhill."""
    rows = np.flatnonzero((polished.state == LOCATED) & polished.root)
    if len(rows) == 0:
        return
    down = polish(objective, box, catalogue.x[rows], scale, watch=watch, downhill=True)
    left = (down.state == LOCATED) & (down.fun < polished.fun[rows] - polished.noise[rows])
    for name in ("x", "fun", "noise", "root", "kind", "slope"):
        getattr(polished, name)[rows[left]] = getattr(down, name)[left]


def _join_untouched(polished: Polished, site: NDArray[np.int64], catalogue: Catalogue, box: Box, scale: Scale) -> None:
    """Assign unpolished endpoints that came to rest to the point next to them, or else group them with each other."""
    raw = np.flatnonzero((polished.state == UNTOUCHED) & np.isin(catalogue.status, AT_REST))
    if len(raw) == 0:
        return
    heads = np.unique(site, return_index=True)[1][int((site < 0).any()) :]  # a polished point of each component
    rows = np.r_[heads, raw]
    near = replace(UNPOLISHED, unit=scale.value)
    group = near.components((polished.x[rows] - box.lower) / box.width, polished.fun[rows])
    number = np.full(group.max() + 1, -1)
    number[group[: len(heads)][::-1]] = np.arange(len(heads))[::-1]  # of several, the first
    alone = np.flatnonzero(number < 0)
    number[alone] = len(heads) + np.arange(len(alone))
    site[raw] = number[group[len(heads) :]]


def _gather(
    polished: Polished, site: NDArray[np.int64], catalogue: Catalogue, box: Box
) -> tuple[Sites, NDArray[np.int64]]:
    """One row per component, and its representative, which is the lowest of those polished, and then the first."""
    rows = np.flatnonzero(site >= 0)
    own = site[rows]  # components are numbered 0..k-1
    members = np.bincount(own)
    k = len(members)
    best = np.empty(k, np.int64)
    best[own] = rows
    several = rows[members[own] > 1]
    order = several[
        np.lexsort((catalogue.first[several], polished.fun[several], polished.state[several], site[several]))
    ]
    head = np.flatnonzero(np.diff(site[order], prepend=-1))
    best[site[order[head]]] = order[head]
    spread, first, count = np.zeros(k), catalogue.first[best], catalogue.count[best]
    if len(several):
        together = site[order[head]]
        away = (np.abs(polished.x[order] - polished.x[best[site[order]]]) / box.width).max(axis=1)
        spread[together] = np.maximum.reduceat(away, head)
        first[together] = np.minimum.reduceat(catalogue.first[order], head)
        count[together] = np.add.reduceat(catalogue.count[order], head)
    whole = np.zeros(k, np.int64)
    kind = np.full(k, DEGENERATE, np.int8)
    place = polished.x[best], polished.fun[best]
    sharp = np.zeros(k, np.bool_)
    return Sites(*place, first, count, spread, kind, whole, whole.copy(), whole + 1, polished.noise[best], sharp), best


def _add_plateaus(
    objective: Derivable,
    box: Box,
    catalogue: Catalogue,
    scale: Scale,
    sites: Sites,
    site: NDArray[np.int64],
    watch: Watch,
) -> tuple[Sites, NDArray[np.int64]]:
    """Add the cells that polishing could not place, if they have no slope and a mode without curvature.

    Each becomes a site: flat if no mode has curvature, else a point of a valley.
    """
    # Only where a trajectory came to rest: maxiter may end one on a gentle slope.
    lost = np.flatnonzero((site < 0) & np.isin(catalogue.status, AT_REST))
    found, softs = [np.empty(0, np.int64)], [np.empty((0, box.dim), np.bool_)]
    rows = points_at_once(box)
    for begin in range(0, len(lost), rows):
        if not watch.go_on(CLASSIFYING, begin, len(lost)):
            break
        part = lost[begin : begin + rows]
        soft = flat_modes(objective, box, catalogue.x[part], scale)[0]
        found.append(part[soft.any(axis=1)])
        softs.append(soft[soft.any(axis=1)])
    new, soft = np.concatenate(found), np.concatenate(softs)
    kind = np.where(soft.all(axis=1), FLAT, DEGENERATE).astype(np.int8)
    x, zero = catalogue.x[new], soft.sum(axis=1)
    return _append(sites, site, new, catalogue, x, values(objective, x), np.zeros(len(new)), kind, 0 * zero, zero)


def _append(
    sites: Sites,
    site: NDArray[np.int64],
    cells: NDArray[np.int64],
    catalogue: Catalogue,
    x: NDArray[np.float64],
    fun: NDArray[np.float64],
    noise: NDArray[np.float64],
    kind: NDArray[np.int8],
    negative: NDArray[np.int64],
    zero: NDArray[np.int64],
) -> tuple[Sites, NDArray[np.int64]]:
    """Give each of these cells a site of its own."""
    m = len(cells)
    if m == 0:
        return sites, site
    old, site = site, site.copy()
    site[cells] = len(sites.fun) + np.arange(m)
    moved = old[cells] >= 0
    np.subtract.at(sites.count, old[cells[moved]], catalogue.count[cells[moved]])
    first, count, one = catalogue.first[cells], catalogue.count[cells], np.ones(m, np.int64)
    more = Sites(x, fun, first, count, np.zeros(m), kind, negative, zero, one, noise, zero > 0)
    both = Sites(*(np.concatenate([getattr(a, f.name) for a in (sites, more)]) for f in fields(Sites)))
    kept = np.flatnonzero(both.count > 0)  # a site that lost its last cell is gone
    place = np.full(len(both.fun) + 1, -1)
    place[kept] = np.arange(len(kept))
    return both.take(kept), place[site]


def _has_lowest(objective: Derivable, box: Box, catalogue: Catalogue, clustering: Clustering, sites: Sites) -> bool:
    """Whether the lowest endpoint is a minimum that was located by differences, which leave errors of their own."""
    low = catalogue.lowest
    if low is None or not getattr(objective, "plain", False):
        return False
    near = (np.abs(sites.x - low.x) <= clustering.identity.x * box.width).all(axis=1) & np.isin(sites.kind, MINIMA)
    off = np.abs(sites.fun - low.fun)
    return bool((near & (off <= clustering.value_tolerance(sites.fun, sites.noise))).any())


def _keep_lowest(
    objective: Derivable,
    box: Box,
    catalogue: Catalogue,
    scale: Scale,
    sites: Sites,
    site: NDArray[np.int64],
    watch: Watch,
) -> tuple[Sites, NDArray[np.int64]]:
    """Make a site of the lowest endpoint if it came to rest below all that was located.

    If an interrupt left the site of its cell undecided, that site is moved there instead.
    """
    low = catalogue.lowest
    if low is None or low.status not in AT_REST:
        return sites, site
    x, fun = low.x[None], np.array([low.fun])
    cells = np.flatnonzero(catalogue.key == catalogue.keys(x, fun, low.status))
    known = np.where(sites.kind == UNBOUNDED, -np.inf, sites.fun)[sites.kind != NOTHING]
    if (known <= fun + rounding(objective, box, x, fun)).any():
        return sites, site
    own = site[cells]
    if (own >= 0).all() and (sites.kind[own] == UNKNOWN).all():
        sites.x[own], sites.fun[own], sites.noise[own] = x, fun, 0.0
        return sites, site
    end = polish(objective, box, x, scale, watch=watch)
    place, value, found = (end.x, end.fun, end.state == LOCATED)
    if not found[0] or value[0] > fun[0]:
        place, value, found = rescue(objective, box, x, scale, watch=watch)
    if not found[0] or value[0] > fun[0]:
        if descent_beyond(objective, box, low.x, low.fun) is not None:
            return sites, site
        place, value = x, fun
    kinds = classify(objective, box, place, value, scale, np.zeros(1, np.int64), watch)
    kind = np.where(kinds.kind == NOTHING, LOWEST, kinds.kind).astype(np.int8)
    noise = rounding(objective, box, place, value)
    return _append(sites, site, cells, catalogue, place, value, noise, kind, kinds.negative, kinds.zero)


def _collapse(
    sites: Sites, site: NDArray[np.int64], box: Box, scale: Scale, tolerance: NDArray[np.float64]
) -> tuple[Sites, NDArray[np.int64]]:
    """Make one row of each valley and plateau, and of blurred copies of one minimum."""
    k = len(sites.fun)
    group = groups(sites, box, scale, tolerance)
    alone, rows = np.flatnonzero(group < k), np.flatnonzero(group >= k)
    if len(rows) == 0:
        return sites, site
    sets, group = sites.take(rows), group[rows]
    order = np.lexsort((sets.first, _rank(sets, group, box, scale), group))
    new = np.r_[True, np.diff(group[order]) != 0]
    place = np.empty(len(rows), np.int64)
    place[order] = np.cumsum(new) - 1
    out = _as_one(sets, order[new], place, box)
    both = Sites(*(np.concatenate([getattr(a, f.name) for a in (sites.take(alone), out)]) for f in fields(Sites)))
    row = np.empty(k + 1, np.int64)
    row[alone], row[rows], row[-1] = np.arange(len(alone)), len(alone) + place, -1
    return both, row[site]


def _as_one(sites: Sites, chosen: NDArray[np.int64], place: NDArray[np.int64], box: Box) -> Sites:
    """One row per set, represented by its chosen site; ``place`` is the set of each site."""
    out = sites.take(chosen)
    for name in ("count", "points"):
        setattr(out, name, np.bincount(place, weights=getattr(sites, name)).astype(np.int64))
    # A valley that borders on a plateau is part of it.
    np.maximum.at(out.kind, place, np.where(sites.kind == BOTTOM, BOTTOM, -1))
    common = most_common(place, sites.zero, sites.count)
    out.zero = np.where(out.kind == VALLEY, common, np.where(out.kind == BOTTOM, box.dim, out.zero))
    away = (np.abs(sites.x - out.x[place]) / box.width).max(axis=1, initial=0.0)
    np.maximum.at(out.spread, place, np.where(np.isin(sites.kind, MINIMA), away + sites.spread, 0.0))
    return out


def _rank(sites: Sites, group: NDArray[np.int64], box: Box, scale: Scale) -> NDArray[np.float64]:
    """A group is represented by its lowest point; a set by one of its lowest inside the box, if any is."""
    least = np.full(group.max(initial=-1) + 1, np.inf)
    np.minimum.at(least, group, sites.fun)
    higher = sites.fun > least[group] + fine(sites.fun, sites.noise, scale, 64 * EPS)
    outside = ((sites.x < box.lower) | (sites.x > box.upper)).any(axis=1)
    return np.where(np.isin(sites.kind, SETS), 2.0 * higher + outside, sites.fun)


def _join_valleys(sites: Sites, tolerance: NDArray[np.float64]) -> None:
    """Assign doubtful points, which a mode without curvature kept from being polished, to the valley of their value."""
    valley = np.sort(sites.fun[sites.kind == VALLEY])
    doubt = np.flatnonzero((sites.kind == DEGENERATE) & (sites.negative == 0))
    if len(valley) and len(doubt):
        fun = sites.fun[doubt]
        after = np.searchsorted(valley, fun)
        off = np.abs(np.stack([valley[np.maximum(after - 1, 0)], valley[np.minimum(after, len(valley) - 1)]]) - fun)
        sites.kind[doubt[off.min(axis=0) <= tolerance[doubt]]] = VALLEY


def _mark_bottom(objective: Derivable, box: Box, catalogue: Catalogue, sites: Sites, tolerance: NDArray) -> None:
    """Turn the points of the lowest plateau into minima if nothing below it was found."""
    flat = np.flatnonzero(sites.kind == FLAT)
    if len(flat) == 0 or (sites.kind == UNBOUNDED).any() or catalogue.lowest is None:
        return
    row = flat[np.argmin(sites.fun[flat])]
    lowest = min(catalogue.lowest.fun, float(sites.fun[sites.kind != NOTHING].min()))
    if sites.fun[row] <= lowest + tolerance[row] and not slopes(objective, box, sites.x[row], float(sites.fun[row])):
        sites.kind[flat[sites.fun[flat] <= sites.fun[row] + tolerance[flat]]] = BOTTOM
