"""Polish: a batched, trust-limited Newton method that takes endpoints to the stationary points next to them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from batchgd.engine.progress import POLISHING, UNWATCHED, Watch
from batchgd.minima.eigen import eigh, eigvalsh
from batchgd.minima.scale import EPS, Derivable, Scale, rounding, scaled
from batchgd.problem.box import Box

LOCATED, LEFT, STUCK, UNTOUCHED = 0, 1, 2, 3
"""Stationary point located; the point left its neighbourhood; Newton did not converge; an interrupt came before."""

REACH = 1e-2
"""How far, in box widths per coordinate, polishing may take a point: beyond that, it is in another basin."""

_MAXITER = 40
_NEAR = 1e-3  # root finding only starts with a step below this: further away an indefinite point is not at a saddle yet
_PIVOT = 1e-14  # a pivot this small against its diagonal is rounding
_ZERO = 1e-12  # modes this small against the largest get no Newton step
_QUADRATIC = 1e-9  # a step this short, after one ten times longer, has converged to rounding
_NEIGHBOURS = 8  # if one value decides whether a point is accepted, its rounding is measured well
_FLOOR = 1e-7  # a Newton step below this that cannot improve anything has met rounding


@dataclass
class Polished:
    """Polished points: ``x`` (m, d), ``fun`` (m,), ``state`` (LOCATED, LEFT, ...) and ``noise`` of the value.

    ``root`` marks points that were located by root finding, as saddles and maxima are.
    """

    x: NDArray[np.float64]
    fun: NDArray[np.float64]
    state: NDArray[np.int8]
    noise: NDArray[np.float64]
    root: NDArray[np.bool_]


def polish(
    objective: Derivable,
    box: Box,
    x: NDArray[np.float64],
    scale: Scale,
    reach: float = REACH,
    watch: Watch = UNWATCHED,
    phase: str = POLISHING,
    *,
    downhill: bool = False,
) -> Polished:
    r"""Take each point to the stationary point next to it; on the way to a minimum the value never rises.

    In coordinates measured in box widths, with gradient g and Hessian H:

    - H positive definite: Newton's step ``-H^-1 g``, cut to a quarter if the value rises;
    - H indefinite but the step to the stationary point short: the same step as root finding (the gradient norm must
      fall), which locates saddles and maxima as exactly as minima; modes without curvature are left alone;
    - otherwise downhill by ``-|H|^-1 g``.

    If steps shrink by a constant ratio r, as they do at a degenerate minimum (2/3 for x^4), the remaining distance
    ``step / (1 - r)`` is tried at once (Schröder 1870), unless it ends where a mode falls: there it went across a
    minimum and on to a saddle. A point stops when its step is lost in rounding.

    Parameters
    ----------
    x : (m, d) array
        Points to polish, in chunks of bounded memory.
    scale : Scale
        Typical slope of the box, from :func:`batchgd.minima.scale.measure`.
    reach : float
        Box widths per coordinate that a point may move before it counts as ``LEFT``.
    watch, phase
        Checked before every step of a chunk; if it ends the work, points that still move are ``UNTOUCHED``.
    downhill : bool
        Without root finding: points go down past saddles.

    Returns
    -------
    Polished
        One row per row of ``x``.

    References
    ----------
    J. Nocedal, S. Wright, "Numerical Optimization", 2nd ed. 2006, sections 3.4 and 11.1.
    E. Schröder, "Über unendlich viele Algorithmen zur Auflösung der Gleichungen", Math. Ann. 2, 1870.
    """
    m = len(x)
    out = Polished(x.copy(), np.empty(m), np.full(m, STUCK, np.int8), np.zeros(m), np.zeros(m, np.bool_))
    rows = int(np.clip((1 << 18) // (box.dim * box.dim + 8), 256, 16384))
    with np.errstate(all="ignore"):
        for begin in range(0, m, rows):
            if not watch.go_on(phase, begin, m):
                out.state[begin:] = UNTOUCHED
                break
            chunk = slice(begin, begin + rows)
            _polish_chunk(objective, box, out, chunk, scale, reach, watch, phase, downhill)
            located = begin + np.flatnonzero(out.state[chunk] == LOCATED)
            out.noise[located] = rounding(objective, box, out.x[located], out.fun[located])
    return out


@dataclass
class _State:
    """The points of a chunk that still move; every array has one entry per point."""

    row: NDArray  # place in the chunk
    x0: NDArray
    x: NDArray
    f: NDArray
    g: NDArray  # gradient per box width
    hessian: NDArray  # Hessian per box width squared
    radius: NDArray  # longest step now allowed
    last: NDArray  # the last step if it was a full Newton step, else zeros
    size: NDArray  # its length before any cut, inf if there was none

    def keep(self, mask: NDArray) -> _State:
        return _State(*(getattr(self, field.name)[mask] for field in fields(self)))


def _polish_chunk(
    objective: Derivable,
    box: Box,
    out: Polished,
    rows: slice,
    scale: Scale,
    reach: float,
    watch: Watch,
    phase: str,
    downhill: bool,
) -> None:
    x0 = out.x[rows]
    f, g = objective.value_and_gradient(x0)
    hessian = scaled(objective.hessian(x0), box)
    m, d = x0.shape
    inf = np.full(m, np.inf)
    now = _State(
        np.arange(m), x0.copy(), x0.copy(), f, g * box.width, hessian, np.full(m, reach), np.zeros((m, d)), inf
    )
    x_out, f_out, s_out, r_out = out.x[rows], out.fun[rows], out.state[rows], out.root[rows]
    f_out[:] = f
    for _ in range(_MAXITER):
        good = np.isfinite(now.g).all(axis=1) & np.isfinite(now.hessian).all(axis=(1, 2))
        now = now.keep(good) if not good.all() else now
        if len(now.row) == 0:
            return
        if not watch.go_on(phase, rows.start, len(out.x)):
            s_out[now.row] = UNTOUCHED
            return
        state, r_out[now.row] = _iterate(objective, box, now, scale, reach, downhill)
        x_out[now.row], f_out[now.row], s_out[now.row] = now.x, now.f, np.where(state < 0, STUCK, state)
        now = now.keep(state < 0) if (state >= 0).any() else now


def _iterate(
    objective: Derivable, box: Box, now: _State, scale: Scale, reach: float, downhill: bool
) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """One step of every point, in place; returns the states (-1: goes on) and which points used root finding."""
    newton, root, rest = newton_steps(now.g, now.hessian, scale, downhill=downhill)
    size = np.abs(newton).max(axis=1)
    step, jumped = _accelerate(newton, size, now)
    length = np.abs(step).max(axis=1)
    cut = np.minimum(1.0, now.radius / np.maximum(length, np.finfo(np.float64).tiny))
    step *= cut[:, None]
    length *= cut
    x = now.x + step * box.width
    # Nothing left to do: the step is lost in the rounding of x.
    done = rest & (np.abs(newton) <= 1e-15 + 2 * EPS * np.abs(now.x) / box.width).all(axis=1)
    f, g = objective.value_and_gradient(x)
    g = g * box.width
    better = _better(objective, box, now, f, g, root) & ~done
    better[_overshot(objective, box, x, better & jumped & ~root)] = False
    full = better & (cut == 1.0) & ~jumped
    quick = full & rest & (size <= _QUADRATIC) & (size <= 0.1 * now.size)
    floor = ~better & rest & (size <= _FLOOR) & ~jumped & np.isfinite(f)
    slow = full & rest & (size <= _FLOOR) & (_norm(g) > 0.5 * _norm(now.g))
    state = np.where(done | quick | floor | slow, LOCATED, -1).astype(np.int8)
    now.x[better], now.f[better], now.g[better] = x[better], f[better], g[better]
    far = (np.abs(now.x - now.x0) > reach * box.width).any(axis=1)
    now.radius = np.where(better, np.minimum(reach, 2 * np.maximum(now.radius, length)), 0.25 * length)
    now.radius[jumped & ~better] = reach  # a jump that failed says nothing about the plain step
    now.last = np.where(full[:, None], newton, 0.0)
    now.size = np.where(full, size, np.inf)
    state[(now.radius < 1e-15) & (state < 0)] = STUCK
    state[far] = LEFT
    fresh = better & (state < 0)
    if fresh.any():
        now.hessian[fresh] = scaled(objective.hessian(now.x[fresh]), box)
    return state, root


def _better(objective: Derivable, box: Box, now: _State, f: NDArray, g: NDArray, root: NDArray) -> NDArray[np.bool_]:
    """Which trial points are accepted."""
    fine = np.isfinite(f) & np.isfinite(g).all(axis=1)
    old, new = _norm(now.g), _norm(g)
    lower = f <= now.f + 4 * EPS * np.abs(now.f)
    # When sums cancel, rounding in f exceeds eps |f|; then the gradient decides.
    doubt = np.flatnonzero(fine & ~lower & ~root & (new < 0.9 * old))
    most = 8 * EPS * (np.abs(now.f[doubt]) + np.abs(now.hessian[doubt]).max(axis=(1, 2)))
    doubt = doubt[f[doubt] <= now.f[doubt] + most]
    lower[doubt] = f[doubt] <= now.f[doubt] + rounding(objective, box, now.x[doubt], now.f[doubt], _NEIGHBOURS)
    return fine & np.where(root, new < old, lower)


def _overshot(objective: Derivable, box: Box, x: NDArray, which: NDArray) -> NDArray[np.int64]:
    """Rows of ``which`` where a mode falls."""
    rows = np.flatnonzero(which)
    if len(rows) == 0:
        return rows
    hessian = scaled(objective.hessian(x[rows]), box)
    value = eigvalsh(hessian)
    return rows[value[:, 0] < -_ZERO * np.abs(value).max(axis=1)]


def _accelerate(newton: NDArray, size: NDArray, now: _State) -> tuple[NDArray, NDArray[np.bool_]]:
    """Lengthen steps that shrink by a constant ratio along one line."""
    ratio = size / now.size
    along = (newton * now.last).sum(axis=1) / (_norm(newton) * _norm(now.last))
    jumped = (ratio > 0.45) & (ratio < 0.97) & (along > 0.99)
    return newton / np.where(jumped, 1 - ratio, 1.0)[:, None], jumped


def newton_steps(
    g: NDArray, hessian: NDArray, scale: Scale, *, downhill: bool = False
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Newton's step per point, whether it is root finding, and whether its end would be a stationary point.

    With ``downhill`` falling modes are never solved for a root.
    """
    step, positive = _solve_positive(hessian, g)
    root = np.zeros(len(g), np.bool_)
    rest = np.ones(len(g), np.bool_)
    rows = np.flatnonzero(~positive)
    if len(rows) == 0:
        return step, root, rest
    value, mode = eigh(hessian[rows])
    c = np.einsum("kij,ki->kj", mode, g[rows])
    size = np.abs(value)
    largest = size.max(axis=1, keepdims=True)
    zero = (size <= _ZERO * largest) | (size == 0)
    to_root = np.where(zero, 0.0, -c / np.where(zero, 1.0, value))
    short = np.abs(np.einsum("kij,kj->ki", mode, to_root)).max(axis=1) <= _NEAR
    idle = (np.abs(np.where(zero, c, 0.0)) <= 1e-7 * scale.slope).all(axis=1)
    falling = ((value < 0) & ~zero).any(axis=1)
    near = short & idle & ~(downhill & falling)
    downhill = -c / np.maximum(size, np.maximum(1e-8 * largest, 1e-8 * scale.slope))
    chosen = np.where(near[:, None], to_root, downhill)
    step[rows] = np.einsum("kij,kj->ki", mode, chosen)
    root[rows] = near & falling
    rest[rows] = near
    return step, root, rest


def _solve_positive(hessian: NDArray, g: NDArray) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Newton's step by L D L^T over the whole batch (ten times faster than LAPACK for small d); where H > 0."""
    a = hessian.copy()
    step = -g
    d = g.shape[1]
    positive = np.ones(len(g), np.bool_)
    for k in range(d):
        positive &= a[:, k, k] > _PIVOT * np.abs(hessian[:, k, k])
        if k + 1 < d:
            factor = a[:, k + 1 :, k] / a[:, k, k, None]
            step[:, k + 1 :] -= factor * step[:, k, None]
            a[:, k + 1 :, k + 1 :] -= factor[:, :, None] * a[:, None, k, k + 1 :]
            a[:, k + 1 :, k] = factor
    for k in range(d - 1, -1, -1):
        step[:, k] /= a[:, k, k]
        for i in range(k + 1, d):
            step[:, k] -= a[:, i, k] * step[:, i]
    return step, positive & np.isfinite(step).all(axis=1)


def _norm(vectors: NDArray) -> NDArray[np.float64]:
    """Euclidean length of each row, safe from under- and overflow for ordinary Hessians."""
    largest = np.abs(vectors).max(axis=1)
    return largest * np.sqrt(((vectors / np.where(largest > 0, largest, 1.0)[:, None]) ** 2).sum(axis=1))
