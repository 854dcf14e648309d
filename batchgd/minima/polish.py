"""Polish: a batched, trust-limited Newton method that takes endpoints to the stationary points next to them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from batchgd.engine.progress import POLISHING, UNWATCHED, Watch
from batchgd.minima.newton import INDEFINITE, Local, compiled, falls, indefinite_steps, newton, with_hessian
from batchgd.minima.scale import EPS, Derivable, Scale, rounding, scaled
from batchgd.minima.within import moved_within
from batchgd.problem.box import Box

LOCATED, LEFT, STUCK, UNTOUCHED, PLATEAU = range(5)
"""Stationary point located; the point left its neighbourhood; Newton did not converge; an interrupt came before; the
point is on a plateau and was left there."""

REACH = 1e-2
"""How far, in box widths per coordinate, polishing may take a point: beyond that, it is in another basin."""

_MAXITER = 40
_QUADRATIC = 1e-9  # a step this short, after one ten times longer, has converged to rounding
_NEIGHBOURS = 8  # if one value decides whether a point is accepted, its rounding is measured well
_FLOOR = 1e-7  # a Newton step below this that cannot improve anything has met rounding


@dataclass
class Polished:
    """Polished points: ``x`` (m, d), ``fun`` (m,), ``state`` (LOCATED, LEFT, ...) and ``noise`` of the value.

    ``root`` marks points that were located by root finding, as saddles and maxima are. ``kind`` is what is known of the
    Hessian (``newton.CLEAR`` and so on), ``slope`` the largest component of the gradient per box width.
    """

    x: NDArray[np.float64]
    fun: NDArray[np.float64]
    state: NDArray[np.int8]
    noise: NDArray[np.float64]
    root: NDArray[np.bool_]
    kind: NDArray[np.int8]
    slope: NDArray[np.float64]

    @classmethod
    def unmoved(cls, x: NDArray[np.float64], state: int) -> Polished:
        """Points where they are, about which nothing is known."""
        m = len(x)
        unknown = np.full(m, INDEFINITE, np.int8)
        states, root = np.full(m, state, np.int8), np.zeros(m, np.bool_)
        return cls(x.copy(), np.full(m, np.nan), states, np.zeros(m), root, unknown, np.full(m, np.inf))

    def put(self, rows: NDArray, other: Polished) -> None:
        """Replace some of the points."""
        for field in fields(self):
            getattr(self, field.name)[rows] = getattr(other, field.name)


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
    leave: NDArray[np.bool_] | None = None,
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
    leave : (m,) array of bool
        Points that stay where they are, as ``PLATEAU``.

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
    if leave is not None and leave.any():
        out = Polished.unmoved(x, PLATEAU)
        out.put(~leave, polish(objective, box, x[~leave], scale, reach, watch, phase, downhill=downhill))
        return out
    out = Polished.unmoved(x, STUCK)
    numbers = 4 * box.dim if compiled(objective) else box.dim * box.dim  # per point, in arrays that the cache holds
    rows = int(np.clip((1 << 18) // (numbers + 8), 256, 16384))
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
    at: Local
    radius: NDArray  # longest step now allowed
    last: NDArray  # the last step if it was a full Newton step, else zeros
    size: NDArray  # its length before any cut, inf if there was none

    def keep(self, mask: NDArray) -> _State:
        at = self.at.take(mask)
        row, x0, x, radius, last, size = (
            array[mask] for array in (self.row, self.x0, self.x, self.radius, self.last, self.size)
        )
        return _State(row, x0, x, at, radius, last, size)


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
    m, d = x0.shape
    at = newton(objective, box, x0, scale)
    now = _State(np.arange(m), x0.copy(), x0.copy(), at, np.full(m, reach), np.zeros((m, d)), np.full(m, np.inf))
    part = Polished(*(getattr(out, field.name)[rows] for field in fields(out)))
    part.fun[:] = at.f
    for _ in range(_MAXITER):
        good = np.isfinite(now.at.g).all(axis=1) & np.isfinite(now.at.stiffest)
        now = now.keep(good) if not good.all() else now
        if len(now.row) == 0:
            return
        if not watch.go_on(phase, rows.start, len(out.x)):
            part.state[now.row] = UNTOUCHED
            return
        state, part.root[now.row] = _iterate(objective, box, now, scale, reach, downhill)
        part.x[now.row], part.fun[now.row], part.kind[now.row] = now.x, now.at.f, now.at.kind
        part.slope[now.row] = np.abs(now.at.g).max(axis=1)
        part.state[now.row] = np.where(state < 0, STUCK, state)
        now = now.keep(state < 0) if (state >= 0).any() else now


def _iterate(
    objective: Derivable, box: Box, now: _State, scale: Scale, reach: float, downhill: bool
) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """One step of every point, in place; returns the states (-1: goes on) and which points used root finding."""
    full_step, root, rest = _steps(objective, box, now, scale, downhill)
    size = np.abs(full_step).max(axis=1)
    step, jumped = _accelerate(full_step, size, now)
    length = np.abs(step).max(axis=1)
    cut = np.minimum(1.0, now.radius / np.maximum(length, np.finfo(np.float64).tiny))
    step *= cut[:, None]
    length *= cut
    x = moved_within(objective, now.x + step * box.width)
    # Nothing left to do: the step is lost in the rounding of x.
    done = rest & (np.abs(full_step) <= 1e-15 + 2 * EPS * np.abs(now.x) / box.width).all(axis=1)
    trial = newton(objective, box, x, scale) if compiled(objective) else _slopes(objective, box, x)
    better = _better(objective, box, now, trial, root) & ~done
    better[_overshot(objective, box, x, better & jumped & ~root)] = False
    full = better & (cut == 1.0) & ~jumped
    quick = full & rest & (size <= _QUADRATIC) & (size <= 0.1 * now.size)
    floor = ~better & rest & (size <= _FLOOR) & ~jumped & np.isfinite(trial.f)
    slow = full & rest & (size <= _FLOOR) & ~quick
    slow[slow] = _norm(trial.g[slow]) > 0.5 * _norm(now.at.g[slow])
    state = np.where(done | quick | floor | slow, LOCATED, -1).astype(np.int8)
    now.x[better] = x[better]
    now.at.put(better, trial.take(better))
    far = (np.abs(now.x - now.x0) > reach * box.width).any(axis=1)
    now.radius = np.where(better, np.minimum(reach, 2 * np.maximum(now.radius, length)), 0.25 * length)
    now.radius[jumped & ~better] = reach  # a jump that failed says nothing about the plain step
    now.last = np.where(full[:, None], full_step, 0.0)
    now.size = np.where(full, size, np.inf)
    state[((now.radius < 1e-15) | ~np.isfinite(size)) & (state < 0)] = STUCK
    state[far] = LEFT
    fresh = np.flatnonzero(better & (state < 0))
    if len(fresh) and not compiled(objective):
        now.at.put(fresh, with_hessian(objective, box, now.x[fresh], now.at.f[fresh], now.at.g[fresh]))
    return state, root


def _steps(
    objective: Derivable, box: Box, now: _State, scale: Scale, downhill: bool
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Newton's step per point, whether it is root finding, and whether its end would be a stationary point."""
    step, root, rest = now.at.step.copy(), np.zeros(len(now.x), np.bool_), np.ones(len(now.x), np.bool_)
    rows = np.flatnonzero(now.at.kind == INDEFINITE)
    if len(rows):
        hessian = scaled(objective.hessian(now.x[rows]), box)
        step[rows], root[rows], rest[rows] = indefinite_steps(now.at.g[rows], hessian, scale, downhill=downhill)
    return step, root, rest


def _slopes(objective: Derivable, box: Box, x: NDArray) -> Local:
    """Value and gradient; the rest is not known yet."""
    f, g = objective.value_and_gradient(x)
    unknown = np.full(len(x), INDEFINITE, np.int8)
    return Local(f, g * box.width, np.zeros_like(g), unknown, np.full(len(x), np.nan))


def _better(objective: Derivable, box: Box, now: _State, trial: Local, root: NDArray) -> NDArray[np.bool_]:
    """Which trial points are accepted."""
    f, known = trial.f, now.at
    fine = np.isfinite(f) & np.isfinite(trial.g).all(axis=1)
    lower = f <= known.f + 4 * EPS * np.abs(known.f)
    # When sums cancel, rounding in f exceeds eps |f|; then the gradient decides.
    doubt = np.flatnonzero(fine & ~lower & ~root)
    doubt = doubt[_norm(trial.g[doubt]) < 0.9 * _norm(known.g[doubt])]
    doubt = doubt[f[doubt] <= known.f[doubt] + 8 * EPS * (np.abs(known.f[doubt]) + known.stiffest[doubt])]
    lower[doubt] = f[doubt] <= known.f[doubt] + rounding(objective, box, now.x[doubt], known.f[doubt], _NEIGHBOURS)
    lower[root] = _norm(trial.g[root]) < _norm(known.g[root])
    return fine & lower


def _overshot(objective: Derivable, box: Box, x: NDArray, which: NDArray) -> NDArray[np.int64]:
    """Rows of ``which`` where a mode falls."""
    rows = np.flatnonzero(which)
    return rows[falls(scaled(objective.hessian(x[rows]), box))] if len(rows) else rows


def _accelerate(step: NDArray, size: NDArray, now: _State) -> tuple[NDArray, NDArray[np.bool_]]:
    """Lengthen steps that shrink by a constant ratio along one line."""
    if not np.isfinite(now.size).any():
        return step.copy(), np.zeros(len(size), np.bool_)
    ratio = size / now.size
    along = (step * now.last).sum(axis=1) / (_norm(step) * _norm(now.last))
    jumped = (ratio > 0.45) & (ratio < 0.97) & (along > 0.99)
    return step / np.where(jumped, 1 - ratio, 1.0)[:, None], jumped


def _norm(vectors: NDArray) -> NDArray[np.float64]:
    """Euclidean length of each row, safe from under- and overflow for ordinary Hessians."""
    largest = np.abs(vectors).max(axis=1)
    return largest * np.sqrt(((vectors / np.where(largest > 0, largest, 1.0)[:, None]) ** 2).sum(axis=1))
