"""A search by values alone, for points where derivatives fail, and the shape of the valley around the result."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from batchgd.engine.progress import CLASSIFYING, POLISHING, UNWATCHED, Watch
from batchgd.minima.eigen import single_threaded
from batchgd.minima.grouping import group_keys
from batchgd.minima.merge import mix
from batchgd.minima.polish import REACH
from batchgd.minima.scale import EPS, Derivable, Scale, scaled, values
from batchgd.minima.within import moved_within, tangent
from batchgd.problem.box import Box

_CELLS = 1024.0  # stalled points in one such cell are taken to one point
_SHIFT = 0.3819660112501051  # in cells, so that the middle of the box, where kinks are common, is not a corner
_LEADERS, _ROUNDS = 1024, 4
_ITERATIONS = 160  # steps shrink from 1e-4 to 1e-16 in 40 halvings; the others are moves
_LOG = 0.2  # an exponent this low may be that of a logarithm
_EVEN = 1.05  # times as much; |x|^0.02 then no longer counts as a power
_ENTRIES = 1 << 22  # numbers in memory at a time
_SHAPED = 1 << 20  # the same if values are needed at many distances: a fraction of a second


def rescue(
    objective: Derivable,
    box: Box,
    x: NDArray[np.float64],
    scale: Scale,
    reach: float = REACH,
    watch: Watch = UNWATCHED,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Locate the non-smooth or strongly degenerate minima behind points where Newton failed.

    Points are grouped in cells of 1/1024 of the box; the lowest of each group searches (at most 1024 groups at a time),
    and the others of its group around the point found belong to it; the rest try again, up to four times.

    Returns
    -------
    x, fun : the minimum behind each point; found : (m,) whether one was found
    """
    x, fun = x.copy(), values(objective, x)
    most = max(16, min(_LEADERS, _ENTRIES // ((2 * box.dim + 1) * box.dim)))
    found = np.zeros(len(x), np.bool_)
    u = (x - box.lower) / box.width
    keys = mix(np.floor(u * _CELLS + _SHIFT))
    left = np.flatnonzero(np.isfinite(fun))
    for _ in range(_ROUNDS):
        if len(left) == 0 or not watch.go_on(POLISHING, len(x) - len(left), len(x)):
            break
        order = left[np.argsort(fun[left], kind="stable")]
        _, _, rank, _ = group_keys(keys[order], np.arange(len(order)))
        leaders = order[np.sort(rank)[:most]]
        place, value, good = compass(objective, box, x[leaders], reach, watch)
        good &= np.isfinite(shape(objective, box, place, value, scale, watch))
        index = dict(zip(keys[leaders].tolist(), range(len(leaders)), strict=True))
        owner = np.array([index.get(key, -1) for key in keys[left].tolist()])
        near = (owner >= 0) & good[owner]
        near &= (np.abs(u[left] - (place[owner] - box.lower) / box.width) <= 1 / _CELLS).all(axis=1)
        rows = left[near]
        x[rows], fun[rows], found[rows] = place[owner[near]], value[owner[near]], True
        left = np.setdiff1d(left[~near], leaders)
        if not good.any():
            break
    return x, fun, found


def compass(
    objective: Derivable, box: Box, x: NDArray[np.float64], reach: float, watch: Watch = UNWATCHED
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Batched pattern search: the best of 2 d directions and two descent directions, else half the step.

    Directions are the axes and, every other time, a new rotation of them. The second descent direction is the shortest
    vector between the slopes here and one step down: if they are on two sides of a crease, it runs along the crease
    (gradient sampling with two gradients; Burke, Lewis, Overton 2005). Returns the places, their values, and whether
    the step shrank to rounding within ``reach``.
    """
    m, d = x.shape
    rng = np.random.default_rng(d)
    x, x0 = x.copy(), x
    f, g = _value_and_gradient(objective, x)
    step = np.full(m, 1e-4)
    active = np.arange(m)
    for k in range(_ITERATIONS):
        if not watch.go_on(POLISHING, m - len(active), m):
            break
        rotation = _rotation(rng, d) if k % 2 else np.eye(d)
        slope = _finite(g[active] * box.width)
        down = x[active] - _unit(slope) * step[active, None] * box.width
        across = _finite(_value_and_gradient(objective, down)[1] * box.width)
        both = np.stack([-_unit(slope), -_unit(_shortest(slope, across))], axis=1)
        ways = np.concatenate([np.broadcast_to(np.r_[rotation, -rotation], (len(active), 2 * d, d)), both], axis=1)
        trial = moved_within(objective, x[active, None] + ways * step[active, None, None] * box.width)
        height = values(objective, trial.reshape(-1, d)).reshape(len(active), -1)
        best = np.argmin(height, axis=1)
        row = np.arange(len(active))
        lower = height[row, best] < f[active]
        moved = active[lower]
        x[moved], f[moved] = trial[row, best][lower], height[row, best][lower]
        g[moved] = _value_and_gradient(objective, x[moved])[1]
        step[active] *= np.where(lower, 2.0, 0.5)
        floor = 1e-17 + EPS * np.abs(x[active] / box.width).max(axis=1)
        inside = (np.abs(x[active] - x0[active]) <= reach * box.width).all(axis=1)
        active = active[(step[active] > floor) & inside]
        if len(active) == 0:
            break
    done: NDArray[np.bool_] = np.asarray((np.abs(x - x0) <= reach * box.width).all(axis=1))
    done[active] = step[active] < 1e-9  # close enough to its end for the shape to decide
    return x, f, done


def shape(
    objective: Derivable,
    box: Box,
    x: NDArray[np.float64],
    fun: NDArray[np.float64],
    scale: Scale,
    watch: Watch = UNWATCHED,
) -> NDArray[np.float64]:
    """How the value rises around each point: the lowest exponent p of ``f(x + h v) - f(x) ~ h^p`` over directions v.

    About 1 at a kink, 2 at an ordinary minimum, 4 for x^4; -1 if the value falls without bound, as log|x| does at 0;
    NaN if the value falls, or does not rise, in some direction. Distances h are 1e-7 to 1e-3 box widths; directions are
    the axes, 2 d fixed rotated ones and the gradient.
    """
    rows = max(1, _SHAPED // ((4 * box.dim + 2) * box.dim))
    power = np.full(len(x), np.nan)
    for k in range(0, len(x), rows):
        if not watch.go_on(CLASSIFYING, k, len(x)):
            break
        power[k : k + rows] = _shape(objective, box, x[k : k + rows], fun[k : k + rows], scale)
    return power


def _shape(
    objective: Derivable, box: Box, x: NDArray[np.float64], fun: NDArray[np.float64], scale: Scale
) -> NDArray[np.float64]:
    ways = tangent(objective, x, _all_ways(_finite(_value_and_gradient(objective, x)[1] * box.width)))
    noise = 16 * EPS * np.abs(fun)[:, None]
    exponent = np.full(len(x), np.inf)
    good = np.ones(len(x), np.bool_)
    before = None
    for h in (1e-7, 1e-6, 1e-5, 1e-4, 1e-3):
        rise = _rise(objective, box, x, fun, h * ways)
        # A crease is located to rounding, the place along it only as far as values resolve it: a trace of slope
        # remains.
        good &= (rise >= -noise - 1e-6 * _finite(rise).max(axis=1, keepdims=True)).all(axis=1)
        if before is not None:
            # A secant this gentle is not a kink's; and rounding could mimic any power there.
            clear = before > np.maximum(16 * noise, 0.1 * h * 1e-6 * scale.slope)
            with np.errstate(all="ignore"):
                power = np.where(clear & np.isfinite(rise), np.log10(rise / before), np.inf)
            exponent = np.minimum(exponent, power.min(axis=1))
        before = rise
    good &= (rise > noise).all(axis=1)
    # Too flat to be measured at two distances: a high power.
    exponent = np.where(np.isfinite(exponent), np.maximum(exponent, 0.0), 99.0)
    steep = np.flatnonzero(good & (exponent < _LOG))
    exponent[steep[_bottomless(objective, box, x[steep], fun[steep], ways[steep])]] = -1.0
    return np.where(good, exponent, np.nan)


def _all_ways(slope: NDArray[np.float64]) -> NDArray[np.float64]:
    """Directions around points with these slopes, (m, 4 d + 2, d): axes, fixed rotated ones, up and down the slope."""
    m, d = slope.shape
    rotation = _rotation(np.random.default_rng(d + 1), d)
    fixed = np.r_[np.eye(d), -np.eye(d), rotation, -rotation]
    slope = np.where((slope == 0).all(axis=1, keepdims=True), fixed[0], _unit(slope))
    return np.concatenate([np.broadcast_to(fixed, (m, 4 * d, d)), -slope[:, None], slope[:, None]], axis=1)


def _rise(objective: Derivable, box: Box, x: NDArray, fun: NDArray, steps: NDArray) -> NDArray[np.float64]:
    """How much higher the value is after each of these steps, (m, k, d) in box widths; infinitely if it is no step."""
    m, k, d = steps.shape
    rise = values(objective, (x[:, None] + steps * box.width).reshape(m * k, d)).reshape(m, k) - fun[:, None]
    return np.where(steps.any(axis=2), rise, np.inf)


def _bottomless(
    objective: Derivable, box: Box, x: NDArray[np.float64], fun: NDArray[np.float64], ways: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether, in some direction, the value rises by no more in each decade of the distance than in the one before.

    So it does from 1e-12 to 1e-4 box widths for log|x| and 1/|x|. A power of the distance rises more and more, and a
    jump only once.
    """
    rises = [_rise(objective, box, x, fun, h * ways) for h in 10.0 ** np.arange(-12, -3)]
    with np.errstate(all="ignore"):
        decades = np.diff(np.array(rises), axis=0)
        even = np.all(decades > 0, axis=0) & np.all(decades[1:] <= _EVEN * decades[:-1], axis=0)
    return np.asarray(np.any(even, axis=1))


def sharp(objective: Derivable, box: Box, x: NDArray[np.float64], fun: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether values 1e-7 box widths away are not what gradient and Hessian predict, as at a kink."""
    slope = _value_and_gradient(objective, x)[1] * box.width
    ways = 1e-7 * tangent(objective, x, _all_ways(_finite(slope)))
    with np.errstate(all="ignore"):
        bend = np.einsum("kni,kij,knj->kn", ways, scaled(objective.hessian(x), box), ways)
        predicted = np.einsum("kni,ki->kn", ways, slope) + 0.5 * bend
        rise = _rise(objective, box, x, fun, ways)
        kept = (
            ~ways.any(axis=2)
            | (np.abs(rise - predicted) <= 0.5 * np.abs(rise))
            | (np.abs(rise) <= 16 * EPS * np.abs(fun)[:, None])
        )
    return np.asarray(~kept.all(axis=1))


def _shortest(a: NDArray, b: NDArray) -> NDArray[np.float64]:
    """The shortest vector on the segment between two vectors."""
    way = b - a
    length = np.maximum((way * way).sum(axis=1), np.finfo(np.float64).tiny)
    return np.asarray(a + np.clip(-(a * way).sum(axis=1) / length, 0.0, 1.0)[:, None] * way)


def _unit(vectors: NDArray) -> NDArray[np.float64]:
    """The same directions with largest component 1; zeros stay."""
    return np.asarray(vectors / np.maximum(np.abs(vectors).max(axis=1, keepdims=True), np.finfo(np.float64).tiny))


def _finite(vectors: NDArray) -> NDArray[np.float64]:
    """Zeros in place of non-finite numbers."""
    return np.where(np.isfinite(vectors), vectors, 0.0)


def _value_and_gradient(objective: Derivable, x: NDArray) -> tuple[NDArray, NDArray]:
    with np.errstate(all="ignore"):
        f, g = objective.value_and_gradient(x)
    return np.array(f, dtype=np.float64), np.array(g, dtype=np.float64)


def _rotation(rng: np.random.Generator, d: int) -> NDArray[np.float64]:
    """Random orthonormal rows."""
    with single_threaded():
        return np.linalg.qr(rng.normal(size=(d, d)))[0]
