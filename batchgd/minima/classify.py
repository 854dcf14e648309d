"""What kind of point a located stationary point is: curvature decides, and where there is none, a probe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batchgd.box import Box
from batchgd.minima.compass import shape
from batchgd.minima.polish import LOCATED, polish
from batchgd.minima.scale import EPS, Derivable, Scale, scaled
from batchgd.progress import CLASSIFYING, UNWATCHED, Watch

MINIMUM, KINK, DEGENERATE_MINIMUM, SADDLE, MAXIMUM, DEGENERATE, FLAT, NOTHING, UNKNOWN = range(9)
"""Kinds; the first three are minima. ``NOTHING`` is a place that is not stationary after all, ``UNKNOWN`` one that an
interrupt left undecided."""

NAMES = ("minimum", "kink", "degenerate", "saddle", "maximum", "degenerate", "flat", "unresolved", "unknown")

_SOFT = 1e-7  # modes this soft against the stiffest are probed: an ill-conditioned minimum, or none
_SOFT_BOX = 1e-10  # the same against the typical curvature of the box
_SLOPE = 1e-4  # of the typical slope: a place that is steeper can only be a kink
_PROBE = 1e-4  # box widths
_MODES = 4  # soft modes probed one by one; of more, the softest four and one mixture
_SAMPLE = 256  # points probed of a set of one value; when they agree, the set is settled


@dataclass
class Kinds:
    """Per point: ``kind`` (m,), ``negative`` and ``zero`` (m,), the numbers of falling and of flat modes."""

    kind: NDArray[np.int8]
    negative: NDArray[np.int64]
    zero: NDArray[np.int64]


def classify(
    objective: Derivable,
    box: Box,
    x: NDArray[np.float64],
    fun: NDArray[np.float64],
    scale: Scale,
    groups: NDArray,
    watch: Watch = UNWATCHED,
) -> Kinds:
    """Tell the kind of each located point by the eigenvalues of its Hessian, measured in box widths.

    All positive: minimum; some negative: saddle; all negative: maximum. An eigenvalue below 1e-7 of the largest, or
    1e-10 of the curvature that is typical of the box, decides nothing: such a point is moved by 1e-4 box widths along
    the mode and polished again. If it returns (or ends higher), it is an isolated minimum, however ill-conditioned; if
    it stays where it was put, it lies on a continuum: degenerate, or flat when all modes are like that; if it ends
    lower, it is no minimum.

    Parameters
    ----------
    groups : (m,) array of int
        Sets of points of about one value. Of a large set a sample is probed, and all of it where the sample disagrees.
    watch : Watch
        When it says stop, what is not decided yet is ``UNKNOWN``.
    """
    m = len(x)
    kinds = Kinds(np.full(m, NOTHING, np.int8), np.zeros(m, np.int64), np.zeros(m, np.int64))
    rows = max(64, (1 << 20) // (box.dim**2 + 1))
    probe: NDArray[np.bool_] = np.zeros(m, np.bool_)
    for begin in range(0, m, rows):
        if not watch.go_on(CLASSIFYING, begin, m):
            kinds.kind[begin:] = UNKNOWN
            break
        part = slice(begin, begin + rows)
        value, _ = modes(objective, box, x[part])
        soft: NDArray[np.bool_] = _soft(value, scale)
        falling = falling_modes(value, scale).sum(axis=1)
        still = _stationary(objective, box, x[part], scale)
        kinds.negative[part], kinds.zero[part] = falling, soft.sum(axis=1)
        by_sign = np.where(falling == 0, MINIMUM, np.where(falling == box.dim, MAXIMUM, SADDLE))
        kinds.kind[part] = np.where(soft.any(axis=1), np.where(falling == 0, NOTHING, DEGENERATE), by_sign)
        kinds.kind[np.arange(m)[part][~still]] = NOTHING
        probe[part] = (soft.any(axis=1) & (falling == 0)) | ~np.isfinite(value).all(axis=1) | ~still
    _probe_sets(objective, box, x, fun, scale, kinds, np.flatnonzero(probe), groups, watch)
    return kinds


def modes(objective: Derivable, box: Box, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eigenvalues (ascending; NaN where the Hessian is not finite) and eigenvectors, in box widths."""
    with np.errstate(all="ignore"):
        hessian = scaled(objective.hessian(x), box)
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(hessian).all(axis=(1, 2)))
    value, vector = np.linalg.eigh(np.where(finite[:, None, None], hessian, np.eye(box.dim)))
    value[~finite] = np.nan
    return value, vector


def _stationary(objective: Derivable, box: Box, x: NDArray, scale: Scale) -> NDArray[np.bool_]:
    """Whether the slope vanishes: beside a kink Newton may stop although it does not."""
    with np.errstate(all="ignore"):
        slope = np.abs(np.asarray(objective.value_and_gradient(x)[1]) * box.width).max(axis=1)
    return np.asarray(slope <= _SLOPE * scale.slope)


def falling_modes(value: NDArray, scale: Scale) -> NDArray[np.bool_]:
    """Which eigenvalues, (m, d) in box widths, are negative, and not so soft that they decide nothing."""
    return (value < 0) & ~_soft(value, scale)


def _soft(value: NDArray, scale: Scale) -> NDArray[np.bool_]:
    size = np.abs(value)
    return np.asarray(size <= np.maximum(_SOFT * size.max(axis=1, keepdims=True), _SOFT_BOX * scale.curvature))


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
    """Probe the points in ``rows``; of a set with more than a few hundred a sample first."""
    order = rows[np.lexsort((rows, groups[rows], kinds.zero[rows]))]
    if len(order) == 0:
        return
    new = (np.diff(groups[order]) != 0) | (np.diff(kinds.zero[order]) != 0)
    sets = np.split(order, np.flatnonzero(new) + 1)
    sample = [s[:: -(-len(s) // _SAMPLE)] for s in sets]
    probed = np.concatenate(sample)
    kinds.kind[probed] = _probe(objective, box, x[probed], fun[probed], scale, watch)
    rest = []
    for whole, part in zip(sets, sample, strict=True):
        verdict = kinds.kind[part]
        if len(part) < len(whole):
            if (verdict == verdict[0]).all() and verdict[0] in (DEGENERATE, FLAT):
                kinds.kind[whole] = verdict[0]
            else:
                rest.append(np.setdiff1d(whole, part))
    if rest:
        again = np.concatenate(rest)
        kinds.kind[again] = _probe(objective, box, x[again], fun[again], scale, watch)


def _probe(objective: Derivable, box: Box, x: NDArray, fun: NDArray, scale: Scale, watch: Watch) -> NDArray[np.int8]:
    """Move each point along its soft modes and see what becomes of it."""
    value, vector = modes(objective, box, x)
    smooth = np.isfinite(value).all(axis=1) & _stationary(objective, box, x, scale)
    soft = np.where(smooth[:, None], _soft(np.nan_to_num(value), scale), False)
    way, row = _ways(value, vector, soft)
    u = way * (_PROBE / np.abs(way).max(axis=1, keepdims=True))
    end = polish(objective, box, x[row] + u * box.width, scale, watch=watch, phase=CLASSIFYING)
    moved = (np.abs(end.x - x[row]) / box.width).max(axis=1)
    with np.errstate(all="ignore"):
        put = np.nan_to_num(np.asarray(objective.value(x[row] + u * box.width)) - fun[row])
    # Values that differ by less than a thousandth of what the move itself changed are the same.
    noise = 64 * EPS * np.abs(fun[row]) + 1e-3 * np.abs(put)
    # A maximum without curvature takes Newton back as well; there the move itself went down.
    lower = (end.fun < fun[row] - noise) | (put < -64 * EPS * np.abs(fun[row]))
    back = (moved <= 0.1 * _PROBE) | ((end.state != LOCATED) & (end.fun > fun[row] + noise))
    power = np.full(len(x), np.nan)
    isolated = ~_any(row, ~back | lower, len(x))
    power[isolated] = shape(objective, box, x[isolated], fun[isolated], scale, watch)
    if watch.cut:
        return np.full(len(x), UNKNOWN, np.int8)
    kind = np.where(soft.all(axis=1) & ~_any(row, lower, len(x)), FLAT, DEGENERATE)
    kind = np.where(isolated, _name(power, value, scale), kind)
    return np.where(smooth | np.isfinite(power), kind, NOTHING).astype(np.int8)


def _name(power: NDArray, value: NDArray, scale: Scale) -> NDArray[np.int64]:
    """Name isolated points: by how the value rises, and by curvature where rounding hides the rise."""
    positive = (value > 1e-10 * np.abs(value).max(axis=1, keepdims=True)).all(axis=1)
    stiff = (value > _SOFT_BOX * scale.curvature).all(axis=1)
    kind = np.where(positive & stiff, MINIMUM, DEGENERATE_MINIMUM)
    return np.where(power < 1.5, KINK, kind)


def _ways(value: NDArray, vector: NDArray, soft: NDArray) -> tuple[NDArray, NDArray[np.int64]]:
    """Both ways along each point's softest modes, and one mixture of all its soft modes; with the point's row."""
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
