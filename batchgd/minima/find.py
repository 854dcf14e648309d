"""From the occupied cells of a run to its minima: polish, merge, classify, count."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from batchgd.engine.progress import UNWATCHED, Watch
from batchgd.minima.catalogue import Catalogue
from batchgd.minima.classes import moves_freely, quotient
from batchgd.minima.classify import NAMES, NOTHING
from batchgd.minima.eigen import HessianEigenvalues, hessian_eigenvalues
from batchgd.minima.fractions import seen_interval
from batchgd.minima.grouping import Lookup
from batchgd.minima.hints import symmetry_hint
from batchgd.minima.merge import Clustering
from batchgd.minima.notes import CLOSE, Shown, endless_fall, notes
from batchgd.minima.scale import Derivable, measure
from batchgd.minima.sets import Sites, levels
from batchgd.minima.sites import MINIMA, SETS, find_sites
from batchgd.minima.tables import Minima, Stationary
from batchgd.minima.within import Within
from batchgd.problem.box import Box
from batchgd.problem.errors import InputError
from batchgd.problem.identity import SAME, Identity

_ROUND = 1e-6  # box widths to which coordinates are rounded before they decide an order
_SMALL = 1 << 20  # numbers below this, of either sign, take 21 bits
_PLACES = np.array([1 << 42, 1 << 21, 1])
_NOT_INDEPENDENT = "the starts are not independent of each other, so fractions have no interval"


@dataclass(frozen=True)
class Found:
    """What the endpoints of a run show about the objective.

    Attributes
    ----------
    minima, stationary : tables of points
    keys, key_labels : (k,)
        The catalogue's cells (ascending) and the label of the starts in each; -1 if they reached no minimum.
    warnings : tuple of str
        What a person should know before trusting the tables, a sentence each.
    unresolved : int
        Starts that ended too far from any stationary point to tell where they were going; label -1.
    gap_ratio : float
        Distance between the nearest two minima over the widest cluster (at least ``identity.x``, and a cell); inf if it
        is more than ``notes.CLOSE``, or for one minimum.
    """

    minima: Minima
    stationary: Stationary
    keys: NDArray[np.uint64]
    key_labels: NDArray[np.int32]
    warnings: tuple[str, ...]
    unresolved: int
    gap_ratio: float

    def labels(self, keys: ArrayLike) -> NDArray[np.int32]:
        """The label of each start, from the keys that ``Catalogue.add`` or ``Catalogue.keys`` gave it; -1 for key 0.

        Raises
        ------
        InputError
            If keys were made before the catalogue's cap coarsened its cells.
        """
        keys = np.asarray(keys, dtype=np.uint64)
        out = np.empty(keys.shape, np.int32)
        label = Lookup(self.keys, self.key_labels.astype(np.int32) + 1)
        for begin in range(0, len(keys), 1 << 18):
            part = keys[begin : begin + (1 << 18)]
            found = label(part)
            if (part[found < 0] != 0).any():
                raise InputError(
                    "keys are from before the catalogue coarsened its cells: use catalogue.keys(x, fun, status)"
                )
            out[begin : begin + (1 << 18)] = np.maximum(found - 1, -1)
        return out


@np.errstate(all="ignore")  # non-finite points are sorted out by value
def find_minima(
    catalogue: Catalogue,
    objective: Derivable,
    box: Box | None = None,
    *,
    n_starts: int | None = None,
    identity: Identity = SAME,
    independent: bool = True,
    interval_note: str | None = None,
    confidence: float = 0.95,
    watch: Watch = UNWATCHED,
    shown: Shown | None = None,
) -> Found:
    """Turn the occupied cells of a run into distinct minima and other stationary points, and label the cells.

    Each cell's representative is polished (:func:`batchgd.minima.polish.polish`; if derivatives fail, by a search on
    values), polished points that are the same are merged, and each distinct point is classified by its curvature.

    Parameters
    ----------
    catalogue : Catalogue
        The endpoints.
    objective : Objective
        Value, gradient and Hessian.
    box : Box, optional
        The box of the starts; default: the catalogue's.
    n_starts : int, optional
        All starts, the denominator of the fractions; default: those the catalogue has seen.
    identity : Identity
        When two polished points are the same.
    independent : bool
        Whether the starts were drawn independently; if not, fractions have no interval.
    interval_note : str, optional
        The reason, if they were not.
    confidence : float
        Of each interval.
    watch : Watch, optional
        Receives the progress, and may end the work early: points left undone have kind ``"unknown"``.
    shown : callable, optional
        Points, (m, d), as warnings name them.

    Returns
    -------
    Found
        Tables, labels and warnings.

    Examples
    --------
    >>> class Wells:  # (x^2 - 1)^2: minima at -1 and 1
    ...     def value(self, x): return (x[:, 0] ** 2 - 1) ** 2
    ...     def value_and_gradient(self, x): return self.value(x), 4 * x * (x**2 - 1)
    ...     def hessian(self, x): return (12 * x**2 - 4)[:, :, None]
    >>> box = Box([-2.0], [2.0])
    >>> catalogue = Catalogue(box)
    >>> x = np.array([[1.0001], [-0.9998], [0.9999], [np.nan]])
    >>> keys = catalogue.add(0, x, Wells().value(x), np.array([1, 1, 1, 8]))
    >>> found = find_minima(catalogue, Wells())
    >>> found.minima.x.ravel().round(12).tolist(), found.minima.fraction.tolist(), found.labels(keys).tolist()
    ([-1.0, 1.0], [0.25, 0.5], [1, 0, 1, -1])
    """
    box = catalogue.box if box is None else box
    scale = measure(objective, box)
    n = catalogue.starts if n_starts is None else n_starts
    clustering = Clustering(identity, scale.value)
    shapes = quotient(objective, identity.symmetry, box)
    sites, site = find_sites(catalogue, shapes, box, clustering, scale, watch=watch)
    order = by_value(box, sites.x, sites.fun, sites.noise, sites.kind)
    lowest = order[np.isin(sites.kind[order], MINIMA)]
    other = order[~np.isin(sites.kind[order], (*MINIMA, NOTHING))]
    note = None if independent else interval_note or _NOT_INDEPENDENT
    minima = _minima(objective, box, sites.take(lowest), n, confidence, note, identity, watch)
    label = np.full(len(sites.fun) + 1, -1, np.int32)  # the last entry is for cells without a site, -1
    label[lowest] = np.arange(len(lowest))
    nowhere = (site < 0) | np.isin(site, np.flatnonzero(sites.kind == NOTHING))
    unresolved = int(catalogue.count[nowhere].sum())
    stationary = _stationary(objective, sites.take(other), watch)
    hint = None if watch.cut else symmetry_hint(objective, box, minima, identity)
    low = catalogue.lowest
    endless = None if low is None or watch.cut else endless_fall(objective, box, low.x, low.fun, minima, shown)
    named = sites if shown is None else replace(sites, x=shown(sites.x))
    gap = _gap(clustering, box, minima, max(identity.x, 1 / catalogue.cells_per_width), watch)
    return Found(
        minima=minima,
        stationary=stationary,
        keys=catalogue.key,
        key_labels=label[site],
        warnings=notes(catalogue, minima, named, gap, unresolved, n, watch.cut, endless, watch.late)
        + (() if hint is None else (hint,)),
        unresolved=unresolved,
        gap_ratio=gap[0],
    )


def _minima(
    objective: Derivable,
    box: Box,
    sites: Sites,
    n: int,
    confidence: float,
    note: str | None,
    identity: Identity,
    watch: Watch,
) -> Minima:
    low, high = seen_interval(sites.count, n, confidence) if note is None else (None, None)
    margin = identity.x * box.width
    outside = (sites.x < box.lower - margin) | (sites.x > box.upper + margin)
    outside &= not moves_freely(identity.symmetry, box.dim)
    return Minima(
        x=sites.x,
        fun=sites.fun,
        count=sites.count,
        fraction=sites.count / max(n, 1),
        kind=np.array(NAMES)[sites.kind],
        eigenvalues=eigenvalues(objective, sites.x, watch),
        inside=np.asarray(~outside.any(axis=1)),
        spread=sites.spread,
        free=np.where(np.isin(sites.kind, SETS), sites.zero, 0),
        fraction_low=low,
        fraction_high=high,
        interval_note=note,
        active=objective.active(sites.x) if isinstance(objective, Within) else None,
        multipliers=objective.multipliers(sites.x) if isinstance(objective, Within) else None,
    )


def _stationary(objective: Derivable, sites: Sites, watch: Watch) -> Stationary:
    return Stationary(
        x=sites.x,
        fun=sites.fun,
        count=sites.count,
        kind=np.array(NAMES)[sites.kind],
        eigenvalues=eigenvalues(objective, sites.x, watch),
        negative=sites.negative,
        active=objective.active(sites.x) if isinstance(objective, Within) else None,
    )


def eigenvalues(objective: Derivable, x: NDArray[np.float64], watch: Watch) -> Any:
    """Eigenvalues, when they are asked for; of a function that is called as plain Python at once, in the run's time.

    NaN if the run was cut short before.
    """
    if getattr(objective, "plain", False) or watch.cut:
        return hessian_eigenvalues(objective, x, watch)
    return HessianEigenvalues(objective, x)


def by_value(box: Box, x: NDArray, fun: NDArray, noise: NDArray, kind: NDArray) -> NDArray[np.int64]:
    """Rows with the lowest value first; values that rounding cannot order are ordered by rounded coordinates."""
    keys: NDArray = np.empty((-(-box.dim // 3), len(x)), np.int64)
    for begin in range(0, len(x), 1 << 14):
        rows = slice(begin, begin + (1 << 14))
        u = np.rint((x[rows] - box.lower) / (box.width * _ROUND))
        if not np.abs(u).max() < _SMALL:  # too many digits for three coordinates in a key
            keys = np.rint((x - box.lower) / (box.width * _ROUND)).T
            break
        whole = u.astype(np.int64) + _SMALL
        for k in range(0, box.dim, 3):
            keys[k // 3, rows] = whole[:, k : k + 3] @ _PLACES[-min(3, box.dim - k) :]
    return np.lexsort((kind, *keys[::-1], levels(fun, noise)))


def _gap(clustering: Clustering, box: Box, minima: Minima, floor: float, watch: Watch) -> tuple[float, int, int]:
    """Distance between the nearest two isolated minima over the widest cluster (or ``floor``), and their labels.

    It is measured only if it is small enough to be reported.
    """
    alone = np.append(np.flatnonzero(minima.free == 0), -1)
    widest = max(floor, float(minima.spread[alone[:-1]].max(initial=0.0)))
    u = (minima.x[alone[:-1]] - box.lower) / box.width
    distance, a, b = clustering.nearest(u, CLOSE * widest, watch)
    return distance / widest, int(alone[a]), int(alone[b])
