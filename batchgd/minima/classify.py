"""The kind of a located stationary point: curvature decides, or a probe if there is none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batchgd.engine.progress import CLASSIFYING, UNWATCHED, Watch
from batchgd.minima.curvature import curvature, hessians, in_doubt
from batchgd.minima.newton import clear
from batchgd.minima.pattern_search import shape, sharp
from batchgd.minima.plateaus import ALONG
from batchgd.minima.polish import LOCATED, polish
from batchgd.minima.scale import EPS, Derivable, Scale, points_at_once, rounding, values
from batchgd.minima.within import Within, tangent
from batchgd.problem.box import Box

MINIMUM, KINK, DEGENERATE_MINIMUM, LOWEST, SADDLE, MAXIMUM, DEGENERATE, FLAT, UNBOUNDED, NOTHING, UNKNOWN = range(11)
VALLEY, BOTTOM = 11, 12
"""Kinds. ``LOWEST`` is the lowest endpoint if nothing decides its kind; ``NOTHING`` is a point that is not stationary
after all, ``UNKNOWN`` one that an interrupt left undecided. ``VALLEY`` is a point of a set of equal minima, ``BOTTOM``
one of a plateau below which nothing was found."""

NAMES = (
    "minimum",
    "kink",
    "degenerate",
    "unresolved",
    "saddle",
    "maximum",
    "degenerate",
    "flat",
    "unbounded",
    "unresolved",
    "unknown",
    "valley",
    "flat",
)

SLOPE = 1e-4
"""Of the typical slope: a steeper point can only be a kink."""

_HIDDEN = 1e-10  # of the stiffest mode and of the box's: anything less may be rounding
_PROBE = 1e-4  # box widths
_BLURRED = 1e-7  # box widths: points known less precisely may be copies
_MODES = 4  # soft modes probed one by one; if there are more, the softest four and one mixture
_SAMPLE = 256  # points probed in a set of one value; if they agree, the set is settled
_SAMPLED, _FEWEST = 2048, 32  # coordinates in such a sample, and points at least: probes in many dimensions are dear


@dataclass
class Kinds:
    """Per point: ``kind`` (m,), ``negative`` and ``zero`` (m,), the numbers of falling and of flat modes.

    ``blurred`` (m,): a mode is so soft that rounding may have moved the point along it.
    """

    kind: NDArray[np.int8]
    negative: NDArray[np.int64]
    zero: NDArray[np.int64]
    blurred: NDArray[np.bool_]


def classify(
    objective: Derivable,
    box: Box,
    x: NDArray[np.float64],
    fun: NDArray[np.float64],
    scale: Scale,
    groups: NDArray,
    watch: Watch = UNWATCHED,
    settled: NDArray[np.bool_] | None = None,
) -> Kinds:
    """Determine the kind of each located point from the curvature of its Hessian, measured in box widths.

    All modes rise: minimum; some fall: saddle; all fall: maximum. A Cholesky factor shows the first without any
    eigenvalue. An eigenvalue below 1e-7 of the largest, or
    1e-10 of the curvature that is typical of the box, decides only if values confirm it
    (:func:`batchgd.minima.curvature.curvature`). If they do not, the point is moved by 1e-4 box widths along the mode
    and polished again. If it returns (or ends higher), it is an isolated minimum, however ill-conditioned; if
    it stays where it was put, it is on a continuum: a valley, or flat if all modes are like that; if it ends
    lower, or the value is constant along the mode and falls at its end, it is not a minimum but degenerate.

    Parameters
    ----------
    groups : (m,) array of int
        Sets of points of about one value. Large sets are sampled first; if the sample disagrees, every point is probed.
    watch : Watch
        If it ends the work, points not decided yet are ``UNKNOWN``.
    settled : (m,) array of bool
        Points that are known to be minima: without slope, and with a Hessian that is ``newton.CLEAR``.
    """
    m = len(x)
    settled = np.zeros(m, np.bool_) if settled is None else settled
    kind = np.where(settled, MINIMUM, NOTHING).astype(np.int8)
    kinds = Kinds(kind, np.zeros(m, np.int64), np.zeros(m, np.int64), np.zeros(m, np.bool_))
    rows, open_rows = points_at_once(box), np.flatnonzero(~settled)
    probe: NDArray[np.bool_] = np.zeros(m, np.bool_)
    for begin in range(0, len(open_rows), rows):
        if not watch.go_on(CLASSIFYING, begin, len(open_rows)):
            kinds.kind[open_rows[begin:]] = UNKNOWN
            break
        part = open_rows[begin : begin + rows]
        still = _stationary(objective, box, x[part], scale)
        rises = still & clear(hessians(objective, box, x[part]), scale)
        kinds.kind[part[rises]] = MINIMUM
        if not rises.all():
            probe[part[~rises]] = _by_modes(objective, box, x, fun, scale, kinds, part[~rises], still[~rises])
    _probe_sets(objective, box, x, fun, scale, kinds, np.flatnonzero(probe), groups, watch)
    return kinds


def _by_modes(
    objective: Derivable,
    box: Box,
    x: NDArray,
    fun: NDArray,
    scale: Scale,
    kinds: Kinds,
    rows: NDArray[np.int64],
    still: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Enter what the eigenvalues show about some points; returns which of them must be probed."""
    value, _, soft = curvature(objective, box, x[rows], fun[rows], scale)
    falling = ((value < 0) & ~soft).sum(axis=1)
    kinds.negative[rows], kinds.zero[rows] = falling, soft.sum(axis=1)
    doubt = np.where(in_doubt(value, scale), value, np.inf)
    kinds.blurred[rows] = _blurred(objective, box, x[rows], fun[rows], doubt)
    by_sign = np.where(falling == 0, MINIMUM, np.where(falling == box.dim, MAXIMUM, SADDLE))
    kind = np.where(soft.any(axis=1), np.where(falling == 0, NOTHING, DEGENERATE), by_sign)
    kinds.kind[rows] = np.where(still, kind, NOTHING)
    if isinstance(objective, Within):
        rises = still & (kind != MINIMUM)
        rises[rises] = objective.rises(x[rows[rises]])
        kinds.kind[rows[rises]] = MINIMUM
        still = still | rises
        soft = soft & ~rises[:, None]
    return (soft.any(axis=1) & (falling == 0)) | ~np.isfinite(value).all(axis=1) | ~still


def _blurred(objective: Derivable, box: Box, x: NDArray, fun: NDArray, value: NDArray) -> NDArray[np.bool_]:
    """Whether the value rises by less than its rounding over a distance along a mode of these curvatures."""
    rows = np.flatnonzero(np.isfinite(value).any(axis=1))
    out = np.zeros(len(x), np.bool_)
    rise = 0.5 * np.abs(value[rows]).min(axis=1) * _BLURRED**2
    out[rows] = rise <= rounding(objective, box, x[rows], fun[rows])
    return out


def _stationary(objective: Derivable, box: Box, x: NDArray, scale: Scale) -> NDArray[np.bool_]:
    """Whether the slope vanishes: next to a kink, Newton may stop although it does not."""
    with np.errstate(all="ignore"):
        slope = np.abs(np.asarray(objective.value_and_gradient(x)[1]) * box.width).max(axis=1)
    return np.asarray(slope <= SLOPE * scale.slope)


def _probe_sets(
    objective: Derivable,
    box: Box,
    x: NDArray,
    fun: NDArray,
    scale: Scale,
    kinds: Kinds,
    rows: NDArray[np.int64],
    groups: NDArray,
    watch: Watch,
) -> None:
    """Probe the points in ``rows``; sets of more than a few hundred are sampled first."""
    order = rows[np.lexsort((rows, groups[rows], kinds.zero[rows]))]
    if len(order) == 0:
        return
    new = (np.diff(groups[order]) != 0) | (np.diff(kinds.zero[order]) != 0)
    sets = np.split(order, np.flatnonzero(new) + 1)
    most = int(np.clip(_SAMPLED // box.dim, _FEWEST, _SAMPLE))
    sample = [s[:: -(-len(s) // most)] for s in sets]
    probed = np.concatenate(sample)
    kinds.kind[probed] = _probe(objective, box, x[probed], fun[probed], scale, watch)
    rest = []
    for whole, part in zip(sets, sample, strict=True):
        verdict = kinds.kind[part]
        if len(part) < len(whole):
            if (verdict == verdict[0]).all() and verdict[0] in (DEGENERATE, FLAT, VALLEY):
                kinds.kind[whole] = verdict[0]
            else:
                rest.append(np.setdiff1d(whole, part))
    if rest:
        again = np.concatenate(rest)
        kinds.kind[again] = _probe(objective, box, x[again], fun[again], scale, watch)


def _probe(objective: Derivable, box: Box, x: NDArray, fun: NDArray, scale: Scale, watch: Watch) -> NDArray[np.int8]:
    """Move each point along its soft modes and see where it goes; ``UNKNOWN`` if ``watch`` ends the work."""
    kind = np.full(len(x), UNKNOWN, np.int8)
    rows = points_at_once(box)
    for k in range(0, len(x), rows):
        if not watch.go_on(CLASSIFYING, k, len(x)):
            break
        kind[k : k + rows] = _probe_some(objective, box, x[k : k + rows], fun[k : k + rows], scale, watch)
    return kind


def _probe_some(
    objective: Derivable, box: Box, x: NDArray, fun: NDArray, scale: Scale, watch: Watch
) -> NDArray[np.int8]:
    value, vector, soft = curvature(objective, box, x, fun, scale)
    smooth = np.isfinite(value).all(axis=1) & _stationary(objective, box, x, scale)
    soft &= smooth[:, None]
    way, row = _ways(value, vector, soft)
    way = tangent(objective, x[row], way[:, None])[:, 0]
    u = way * (_PROBE / np.abs(way).max(axis=1, keepdims=True))
    end = polish(objective, box, x[row] + u * box.width, scale, watch=watch, phase=CLASSIFYING)
    moved = (np.abs(end.x - x[row]) / box.width).max(axis=1)
    with np.errstate(all="ignore"):
        change = np.nan_to_num(np.asarray(objective.value(x[row] + u * box.width)) - fun[row])
    # Values that differ by less than a thousandth of the change by the move itself are the same.
    blur = np.maximum(64 * EPS * np.abs(fun), rounding(objective, box, x, fun))[row]
    noise = blur + 1e-3 * np.abs(change)
    # A maximum without curvature takes Newton back as well; there the move itself went down.
    lower = (end.fun < fun[row] - noise) | (change < -blur)
    back = (moved <= 0.1 * _PROBE) | ((end.state != LOCATED) & (end.fun > fun[row] + noise))
    power = np.full(len(x), np.nan)
    isolated = ~_any(row, ~back | lower, len(x))
    power[isolated] = shape(objective, box, x[isolated], fun[isolated], scale, watch)
    if watch.cut:
        return np.full(len(x), UNKNOWN, np.int8)
    level = ~_any(row, lower, len(x))
    valley = level & ~isolated & ~soft.all(axis=1)
    if valley.any():
        level &= ~_any(row, _ends_lower(objective, box, x, fun, way, row, blur, valley[row]), len(x))
    kind = np.where(level, np.where(soft.all(axis=1), FLAT, VALLEY), DEGENERATE)
    kind = np.where(isolated, _name(power, value, soft, scale), kind)
    kinks = np.flatnonzero(kind == KINK)
    bent = kinks[~sharp(objective, box, x[kinks], fun[kinks])]
    kind[bent] = _name(np.full(len(bent), 2.0), value[bent], soft[bent], scale)
    real = smooth | np.isfinite(power)
    real[bent] = smooth[bent]  # a valley so narrow that rounding ends the descent on its slope
    return np.where(real, kind, NOTHING).astype(np.int8)


def _ends_lower(
    objective: Derivable,
    box: Box,
    x: NDArray,
    fun: NDArray,
    way: NDArray,
    row: NDArray[np.int64],
    blur: NDArray,
    which: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Whether the value, constant along a straight line at first, falls at its end: then the line is on a plateau.

    Along a curved valley it rises first, because the straight line leaves it.
    """
    rows = np.flatnonzero(which)
    step = way[rows] / np.abs(way[rows]).max(axis=1, keepdims=True) * box.width
    out, going = np.zeros(len(row), np.bool_), np.ones(len(rows), np.bool_)
    for distance in ALONG:
        rise = values(objective, x[row[rows[going]]] + distance * step[going]) - fun[row[rows[going]]]
        limit = blur[rows[going]]
        out[rows[going]] = rise < -limit
        going[going] = np.abs(rise) <= limit
        if not going.any():
            break
    return out


def _name(power: NDArray, value: NDArray, soft: NDArray, scale: Scale) -> NDArray[np.int64]:
    """Name isolated points: by how the value rises, and by curvature if rounding hides the rise."""
    least = np.maximum(_HIDDEN * np.abs(value).max(axis=1, keepdims=True), _HIDDEN * scale.curvature)
    curved = ((value > 0) & (~soft | (value > least))).all(axis=1)
    kind = np.where(curved, MINIMUM, DEGENERATE_MINIMUM)
    kind = np.where(power < 1.5, KINK, kind)
    return np.where(power < 0.0, UNBOUNDED, kind)


def _ways(value: NDArray, vector: NDArray, soft: NDArray) -> tuple[NDArray, NDArray[np.int64]]:
    """Both directions along each point's softest modes, and one mixture of all its soft modes; with the point's row."""
    order = np.argsort(np.where(soft, np.abs(value), np.inf), axis=1)
    ways, rows = [], []
    for k in range(min(_MODES, soft.shape[1])):
        use = np.flatnonzero(soft.sum(axis=1) > k)
        along = vector[use, :, order[use, k]]
        ways += [along, -along]
        rows += [use, use]
    many = np.flatnonzero(soft.sum(axis=1) > 1)
    weight = np.random.default_rng(soft.shape[1]).normal(size=soft.shape[1])
    mixture = np.einsum("kij,kj->ki", vector[many], soft[many] * weight)
    return np.concatenate([*ways, mixture]), np.concatenate([*rows, many])


def _any(row: NDArray[np.int64], flag: NDArray[np.bool_], m: int) -> NDArray[np.bool_]:
    found = np.zeros(m, np.bool_)
    found[row[flag]] = True
    return found
