"""Sites: the distinct points behind the occupied cells, each with its kind, and the cells that belong to it."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from batchgd.box import Box
from batchgd.kernels.status import AT_REST
from batchgd.minima.catalogue import Catalogue
from batchgd.minima.classify import DEGENERATE, DEGENERATE_MINIMUM, FLAT, KINK, MINIMUM, UNKNOWN, classify, modes
from batchgd.minima.compass import rescue
from batchgd.minima.merge import UNPOLISHED, Identity
from batchgd.minima.polish import LOCATED, STUCK, UNTOUCHED, Polished, polish
from batchgd.minima.scale import EPS, Derivable, Scale, values
from batchgd.progress import CLASSIFYING, MERGING, UNWATCHED, Watch

MINIMA = (MINIMUM, KINK, DEGENERATE_MINIMUM, UNKNOWN)  # the last of an interrupted run only

_BLUR = Identity(1e-4, 1e-6)  # of kinks and degenerate minima, whose place or value rounding blurs
_LEVEL = 1e-6  # values closer than this share of the typical slope per box width are one level of a continuum
_ROWS = 100  # continua told apart by value; of more there is one row per kind and number of modes
_FLAT_SLOPE = 1e-5  # of the typical slope: an endpoint with less came to rest on a plateau
_FLAT_CURVATURE = 1e-5  # of the typical curvature, in one direction at least


@dataclass
class Sites:
    """One row per distinct point; ``points``: those of a continuum before it became one row; ``noise``: of ``fun``."""

    x: NDArray[np.float64]
    fun: NDArray[np.float64]
    first: NDArray[np.int64]
    count: NDArray[np.int64]
    spread: NDArray[np.float64]
    kind: NDArray[np.int8]
    negative: NDArray[np.int64]
    zero: NDArray[np.int64]
    points: NDArray[np.int64]
    noise: NDArray[np.float64]

    def take(self, rows: NDArray) -> Sites:
        """Some of the rows."""
        return Sites(*(getattr(self, field.name)[rows] for field in fields(self)))


def find_sites(
    catalogue: Catalogue,
    objective: Derivable,
    box: Box,
    identity: Identity,
    scale: Scale,
    polished: Polished | None = None,
    watch: Watch = UNWATCHED,
) -> tuple[Sites, NDArray[np.int64]]:
    """Polish the cells, merge them into distinct points and classify those.

    Returns the sites, and for each cell the row of its site, -1 where it leads nowhere. ``polished`` are the cells'
    points where ``locate`` has found them before. When ``watch`` says stop, endpoints that were not polished are taken
    as they are, and what was not classified is ``UNKNOWN``.
    """
    polished = locate(objective, box, catalogue, scale, watch) if polished is None else polished
    watch.go_on(MERGING, 0, len(catalogue))
    site = np.full(len(catalogue), -1)
    rows = np.flatnonzero(polished.state == LOCATED)
    component = identity.components(
        (polished.x[rows] - box.lower) / box.width, polished.fun[rows], polished.noise[rows]
    )
    site[rows] = component
    _join_untouched(polished, site, catalogue, box)
    sites, site = _gather(polished, site, catalogue, box)
    kinds = classify(objective, box, sites.x, sites.fun, scale, levels(sites.fun, scale), watch)
    sites.kind, sites.negative, sites.zero = kinds.kind, kinds.negative, kinds.zero
    sites, site = _add_plateaus(objective, box, catalogue, scale, sites, site, watch)
    return _collapse(sites, site, box, scale)


def levels(fun: NDArray[np.float64], scale: Scale, apart: float = _LEVEL) -> NDArray[np.int64]:
    """Sets of points of about one value: a gap between neighbouring values ends a set."""
    order = np.argsort(fun, kind="stable")
    gap = np.diff(fun[order]) > np.maximum(apart * scale.slope, 1e-9 * np.abs(fun[order][1:]))
    level = np.empty(len(fun), np.int64)
    level[order] = np.cumsum(np.r_[False, gap])[: len(fun)]
    return level


def locate(objective: Derivable, box: Box, catalogue: Catalogue, scale: Scale, watch: Watch = UNWATCHED) -> Polished:
    """Polish every cell; where Newton fails, search on values. ``watch`` leaves the rest UNTOUCHED."""
    polished = polish(objective, box, catalogue.x, scale, watch=watch)
    stuck = np.flatnonzero(polished.state == STUCK)
    if len(stuck):
        x, fun, found = rescue(objective, box, catalogue.x[stuck], scale, watch=watch)
        rows = stuck[found]
        polished.x[rows], polished.fun[rows], polished.state[rows] = x[found], fun[found], LOCATED
        polished.noise[rows] = 64 * EPS * (np.abs(fun[found]) + scale.slope)
        if watch.cut:
            polished.state[stuck[~found]] = UNTOUCHED
    raw = polished.state == UNTOUCHED
    polished.x[raw], polished.fun[raw], polished.noise[raw] = catalogue.x[raw], catalogue.fun[raw], 0.0
    # The value may come out as not finite at the polished point only (0/0 in the value itself).
    polished.state[~np.isfinite(polished.fun) & (polished.state == LOCATED)] = STUCK
    return polished


def _join_untouched(polished: Polished, site: NDArray[np.int64], catalogue: Catalogue, box: Box) -> None:
    """Give endpoints that came to rest, but were not polished, to the point next to them, or else to each other."""
    raw = np.flatnonzero((polished.state == UNTOUCHED) & np.isin(catalogue.status, AT_REST))
    if len(raw) == 0:
        return
    heads = np.unique(site, return_index=True)[1][int((site < 0).any()) :]  # a polished point of each component
    rows = np.r_[heads, raw]
    group = UNPOLISHED.components((polished.x[rows] - box.lower) / box.width, polished.fun[rows])
    number = np.full(group.max() + 1, -1)
    number[group[: len(heads)][::-1]] = np.arange(len(heads))[::-1]  # of several, the first
    alone = np.flatnonzero(number < 0)
    number[alone] = len(heads) + np.arange(len(alone))
    site[raw] = number[group[len(heads) :]]


def _gather(
    polished: Polished, site: NDArray[np.int64], catalogue: Catalogue, box: Box
) -> tuple[Sites, NDArray[np.int64]]:
    """One row per component; its representative is polished, if any is, and has the lowest value, then start index."""
    rows = np.flatnonzero(site >= 0)
    order = rows[np.lexsort((catalogue.first[rows], polished.fun[rows], polished.state[rows], site[rows]))]
    head = np.flatnonzero(np.r_[np.ones(len(order[:1]), np.bool_), np.diff(site[order]) != 0])
    best = order[head]
    k = len(head)
    own = site[rows]  # components are numbered 0..k-1
    away = (np.abs(polished.x[rows] - polished.x[best][own]) / box.width).max(axis=1, initial=0.0)
    spread = np.zeros(k)
    np.maximum.at(spread, own, away)
    first = np.minimum.reduceat(catalogue.first[order], head) if k else np.empty(0, np.int64)
    count = np.bincount(own, weights=catalogue.count[rows], minlength=k).astype(np.int64)
    whole = np.zeros(k, np.int64)
    kind = np.full(k, DEGENERATE, np.int8)
    place = polished.x[best], polished.fun[best]
    return Sites(*place, first, count, spread, kind, whole, whole.copy(), whole + 1, polished.noise[best]), site


def _add_plateaus(
    objective: Derivable,
    box: Box,
    catalogue: Catalogue,
    scale: Scale,
    sites: Sites,
    site: NDArray[np.int64],
    watch: Watch,
) -> tuple[Sites, NDArray[np.int64]]:
    """Cells that polishing could not place, but where there is neither slope nor curvature: each a flat site."""
    # Only where a trajectory came to rest: maxiter may end one on a gentle slope.
    lost = np.flatnonzero((site < 0) & np.isin(catalogue.status, AT_REST))
    flat = [np.empty(0, np.int64)]
    rows = max(64, (1 << 20) // (box.dim**2 + 1))
    for begin in range(0, len(lost), rows):
        if not watch.go_on(CLASSIFYING, begin, len(lost)):
            break
        part = lost[begin : begin + rows]
        with np.errstate(all="ignore"):
            gradient = objective.value_and_gradient(catalogue.x[part])[1] * box.width
        part = part[np.abs(gradient).max(axis=1) <= _FLAT_SLOPE * scale.slope]
        soft = np.abs(modes(objective, box, catalogue.x[part])[0]).min(axis=1, initial=np.inf)
        flat.append(part[soft <= _FLAT_CURVATURE * scale.curvature])
    new = np.concatenate(flat)
    k, m = len(sites.fun), len(new)
    site[new] = k + np.arange(m)
    one = np.ones(m, np.int64)
    more = Sites(
        catalogue.x[new],
        values(objective, catalogue.x[new]),
        catalogue.first[new],
        catalogue.count[new],
        np.zeros(m),
        np.full(m, FLAT, np.int8),
        0 * one,
        one,
        one,
        np.zeros(m),
    )
    return Sites(*(np.concatenate([getattr(a, f.name) for a in (sites, more)]) for f in fields(Sites))), site


def _collapse(sites: Sites, site: NDArray[np.int64], box: Box, scale: Scale) -> tuple[Sites, NDArray[np.int64]]:
    """Make one row of each continuum, and of blurred copies of one kink or degenerate minimum."""
    k = len(sites.fun)
    group = np.arange(k)
    vast = np.flatnonzero(np.isin(sites.kind, (DEGENERATE, FLAT)))
    if len(vast):
        group[vast] = k + _continua(sites.take(vast), scale)
    blurred = np.flatnonzero(np.isin(sites.kind, (KINK, DEGENERATE_MINIMUM)))
    if len(blurred):
        u = (sites.x[blurred] - box.lower) / box.width
        group[blurred] = 2 * k + _BLUR.components(u, sites.fun[blurred], sites.noise[blurred])
    order = np.lexsort((sites.first, sites.fun, group))
    new = np.r_[np.ones(len(order[:1]), np.bool_), np.diff(group[order]) != 0]
    place = np.empty(k, np.int64)
    place[order] = np.cumsum(new) - 1
    out = sites.take(order[new])
    for name in ("count", "points"):
        setattr(out, name, np.bincount(place, weights=getattr(sites, name), minlength=len(out.fun)).astype(np.int64))
    away = (np.abs(sites.x - out.x[place]) / box.width).max(axis=1, initial=0.0)
    np.maximum.at(out.spread, place, np.where(np.isin(sites.kind, MINIMA), away + sites.spread, 0.0))
    return out, np.where(site >= 0, place[site] if k else -1, -1)


def _continua(sites: Sites, scale: Scale) -> NDArray[np.int64]:
    """Number the continua: points of one kind, with as many flat and falling modes, at about one value."""
    zero = np.where(sites.kind == FLAT, 0, sites.zero)
    alike = np.unique(np.column_stack([sites.kind, sites.negative, zero]), axis=0, return_inverse=True)[1].ravel()
    for apart in (_LEVEL, 1e-3):
        told = np.column_stack([alike, levels(sites.fun, scale, apart)])
        group = np.unique(told, axis=0, return_inverse=True)[1].ravel()
        if group.max() < _ROWS:
            return group
    return alike
