"""Sets of points that are one row of a table: valleys of equal minima, plateaus, blurred copies of one minimum."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from batchgd.minima.classify import BOTTOM, DEGENERATE, DEGENERATE_MINIMUM, FLAT, KINK, MINIMUM, UNBOUNDED, VALLEY
from batchgd.minima.merge import Clustering
from batchgd.minima.scale import EPS, Derivable, Scale, rounding, values
from batchgd.problem.box import Box
from batchgd.problem.identity import Identity

_BLUR = Identity(1e-4, 1e-6)  # if rounding blurs place or value: kinks, degenerate and soft minima
_LEVEL = 1e-6  # values closer than this share of the typical slope per box width are one level of a plateau
_ROWS = 100  # plateaus told apart by value; if there are more, one row per kind and number of modes
_NEAR = 10.0 ** np.arange(-4.0, 0.0)  # box widths at which a plateau that still has a slope is lower
_FAR = 4.0 ** np.arange(-1.0, 5.0)  # box widths over which a value that falls for ever is followed
_SEEN = 3  # distances at which all values must be finite


@dataclass
class Sites:
    """One row per distinct point; ``points``: those of a continuum before it became one row; ``noise``: of ``fun``.

    ``blurred``: rounding may have moved the point by more than ``identity.x``.
    """

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
    blurred: NDArray[np.bool_]

    def take(self, rows: NDArray) -> Sites:
        """Some of the rows."""
        return Sites(*(getattr(self, field.name)[rows] for field in fields(self)))


def levels(fun: NDArray[np.float64], tolerance: NDArray[np.float64]) -> NDArray[np.int64]:
    """Sets of points of one value, numbered upwards: a gap between neighbouring values beyond both tolerances ends one.

    >>> levels(np.array([2.0, 1.0, 1.01]), np.full(3, 0.1)).tolist()
    [1, 0, 0]
    """
    order = np.argsort(fun, kind="stable")
    tolerance = tolerance[order]
    gap = np.diff(fun[order]) > np.maximum(tolerance[1:], tolerance[:-1])
    level = np.empty(len(fun), np.int64)
    level[order] = np.cumsum(np.r_[False, gap])[: len(fun)]
    return level


def coarse(fun: NDArray[np.float64], scale: Scale, apart: float = _LEVEL) -> NDArray[np.float64]:
    """How far values on one level of a plateau, which has a slope of its own, may differ."""
    return np.maximum(apart * scale.slope, 1e-9 * np.abs(fun))


def fine(fun: NDArray[np.float64], noise: NDArray[np.float64], scale: Scale, f: float = 1e-9) -> NDArray[np.float64]:
    """How far the values of equal minima may differ: what rounding, and the end of a polish, leave."""
    return np.maximum(noise, np.maximum(f * np.abs(fun), 64 * EPS * scale.value))


def groups(sites: Sites, box: Box, scale: Scale, tolerance: NDArray[np.float64]) -> NDArray[np.int64]:
    """The number of each site's set; sites that are their own set have numbers of their own."""
    k = len(sites.fun)
    group = np.arange(k)

    def assign(rows: NDArray[np.int64], number: NDArray[np.int64]) -> None:
        group[rows] = group.max(initial=-1) + 1 + number

    def place(rows: NDArray[np.int64]) -> NDArray[np.float64]:
        return (sites.x[rows] - box.lower) / box.width

    equal = np.flatnonzero(np.isin(sites.kind, (VALLEY, BOTTOM)))
    assign(equal, levels(sites.fun[equal], tolerance[equal]))
    vast = np.flatnonzero(np.isin(sites.kind, (DEGENERATE, FLAT)))
    assign(vast, _plateaus(sites.take(vast), scale))
    soft = (sites.kind == MINIMUM) & sites.blurred
    blurred = np.flatnonzero(np.isin(sites.kind, (KINK, DEGENERATE_MINIMUM)) | soft)
    assign(blurred, Clustering(_BLUR, scale.value).components(place(blurred), sites.fun[blurred], sites.noise[blurred]))
    singular = np.flatnonzero(sites.kind == UNBOUNDED)  # how far a descent fell there means nothing
    assign(singular, Clustering(_BLUR).components(place(singular), np.zeros(len(singular))))
    return group


def _plateaus(sites: Sites, scale: Scale) -> NDArray[np.int64]:
    """Number points of one kind, with the same numbers of flat and falling modes, at about one value."""
    zero = np.where(sites.kind == FLAT, 0, sites.zero)
    alike = _numbered(sites.kind, _numbered(sites.negative, zero))
    for apart in (_LEVEL, 1e-3):
        group = _numbered(alike, levels(sites.fun, coarse(sites.fun, scale, apart)))
        if group.max(initial=0) < _ROWS:
            return np.asarray(group)
    return np.asarray(alike)


def _numbered(a: NDArray, b: NDArray) -> NDArray[np.int64]:
    """The number of each pair of whole numbers of 0 or more, in their order."""
    pair = a.astype(np.int64) * (int(b.max(initial=0)) + 1) + b
    seen = np.zeros(int(pair.max(initial=-1)) + 1, np.bool_)
    seen[pair] = True
    return (np.cumsum(seen) - 1)[pair]


def most_common(group: NDArray[np.int64], number: NDArray[np.int64], weight: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number of greatest weight in each group 0..k-1; of several, the least.

    >>> most_common(np.array([0, 0, 1, 0]), np.array([3, 2, 9, 2]), np.array([2, 1, 1, 2])).tolist()
    [2, 9]
    """
    most = int(number.max(initial=0)) + 1
    total = np.bincount(group * most + number, weights=weight)
    total = np.pad(total, (0, -len(total) % most)).reshape(-1, most)
    return total.argmax(axis=1)


def slopes(objective: Derivable, box: Box, x: NDArray[np.float64], fun: float) -> bool:
    """Whether the value at the point ``x`` falls along its gradient, however slightly: then it is not on a plateau."""
    way = _downhill(objective, box, x)
    near = values(objective, x + _NEAR[:, None] * way * box.width)
    return bool((near < fun - rounding(objective, box, x[None], np.array([fun]))[0]).any())


def descent_beyond(objective: Derivable, box: Box, x: NDArray[np.float64], fun: float) -> str | None:
    """How the value falls from ``x`` on in some direction without ever rising: ``"infimum"``, ``"unbounded"`` or None.

    It is followed over 256 box widths, or to where it overflows, but four at least: downhill, away from the middle of
    the box, and both ways along each coordinate. A fall that does not slow down is unbounded.
    """
    unit = np.eye(box.dim)
    off = (x - box.lower) / box.width - 0.5
    ways = np.stack([_downhill(objective, box, x), off / max(np.abs(off).max(), EPS), *unit, *-unit])
    ahead = values(objective, (x + _FAR[:, None, None] * ways * box.width).reshape(-1, box.dim))
    path = np.concatenate([np.full((1, len(ways)), fun), ahead.reshape(len(_FAR), len(ways))])
    path = np.where(np.isfinite(path) | (np.arange(len(path)) < _SEEN)[:, None], path, np.nan)
    with np.errstate(invalid="ignore"):
        fall = -np.diff(path, axis=0)
    noise = EPS * abs(fun)
    steady = ((fall >= -noise) | np.isnan(fall)).all(axis=0) & (fall[0] > 8 * noise)
    if not steady.any():
        return None
    speed = (fall / np.diff(_FAR, prepend=0.0)[:, None])[:_SEEN, steady]
    return "unbounded" if (speed[-1] >= 0.5 * speed[0]).any() else "infimum"


def _downhill(objective: Derivable, box: Box, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Against the gradient, in box widths, the largest component 1; zeros if there is no slope."""
    with np.errstate(all="ignore"):
        slope = np.nan_to_num(np.asarray(objective.value_and_gradient(x[None])[1])[0] * box.width)
    return -slope / max(float(np.abs(slope).max()), float(np.finfo(np.float64).tiny))
