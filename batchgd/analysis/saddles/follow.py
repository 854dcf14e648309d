"""Eigenvector-following: walkers that climb along one mode of the Hessian and descend along all others, to a saddle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batchgd.minima.curvature import falling_modes, modes
from batchgd.minima.scale import Derivable, Scale
from batchgd.minima.within import moved_within
from batchgd.problem.box import Box

ARRIVED, STALLED, LEFT, NONFINITE, RESTED = range(5)
"""Near a saddle of index 1; still on the way after the last step; half a box width outside the box; no derivatives;
at rest at a point of another kind."""

_NEAR = 1e-3  # box widths: with a shorter step, polishing takes over
_LOST = 1e-13  # box widths: a step this short changes nothing
MARGIN = 0.5
"""Box widths outside the box that a walker may go."""

_ROWS = 1 << 21  # numbers in the Hessians of one chunk


@dataclass
class Walk:
    """Where each walker ended: ``x`` (n, d) and ``state`` (n,)."""

    x: NDArray[np.float64]
    state: NDArray[np.int8]


def follow(
    objective: Derivable,
    box: Box,
    x: NDArray[np.float64],
    way: NDArray[np.float64],
    scale: Scale,
    *,
    radius: float = 0.01,
    maxiter: int = 300,
    margin: float = MARGIN,
) -> Walk:
    r"""Follow one mode uphill and all others downhill from each point, until a saddle of index 1 is near.

    In the eigenvectors v_i of the Hessian, with eigenvalues λ_i and the gradient's components c_i (all in box widths),

        step = +c_f / |λ_f| v_f - sum_{i != f} c_i / |λ_i| v_i,     cut to ``radius``,

    which is Newton's step once λ_f is the only negative eigenvalue. The followed mode f is the one most like the last
    one, at first most like ``way``; as soon as exactly one mode is negative, that one. Steps end at bounds, and a
    coordinate that these hold takes no part.

    Parameters
    ----------
    x : (n, d)
        Where walkers set out; not at a stationary point, where there is no uphill.
    way : (n, d)
        The direction in box widths in which each is to climb.
    radius : float
        Longest step, in box widths per coordinate; a tenth of the distance between minima at most.
    maxiter : int
        Steps after which a walker has stalled.
    margin : float
        Box widths outside the box that a walker may go.

    Returns
    -------
    Walk

    References
    ----------
    C. J. Cerjan and W. H. Miller, J. Chem. Phys. 75, 2800 (1981); D. J. Wales, "Energy Landscapes", Cambridge 2003,
    section 6.2.1.
    """
    out = Walk(x.copy(), np.full(len(x), STALLED, np.int8))
    rows = max(64, _ROWS // (box.dim**2 + 1))
    for begin in range(0, len(x), rows):
        now = np.arange(begin, min(begin + rows, len(x)))
        heading = way[now]
        for _ in range(maxiter):
            state, heading = _step(objective, box, out.x, now, heading, scale, radius, margin)
            out.state[now] = state
            now, heading = now[state == STALLED], heading[state == STALLED]
            if len(now) == 0:
                break
    return out


def _step(
    objective: Derivable,
    box: Box,
    x: NDArray,
    now: NDArray,
    way: NDArray,
    scale: Scale,
    radius: float,
    margin: float,
) -> tuple[NDArray, NDArray]:
    """Move the walkers ``now`` in place; returns their states and the modes that they follow."""
    with np.errstate(all="ignore"):
        slope = objective.value_and_gradient(x[now])[1] * box.width
    value, vector = modes(objective, box, x[now])
    finite = np.isfinite(value).all(axis=1) & np.isfinite(slope).all(axis=1)
    value, slope = np.where(finite[:, None], value, 1.0), np.where(finite[:, None], slope, 0.0)
    along = np.einsum("kij,ki->kj", vector, way)
    falling = falling_modes(value, scale)
    followed = np.where(falling.sum(axis=1) == 1, falling.argmax(axis=1), np.abs(along).argmax(axis=1))
    pick = np.arange(len(now))
    size = np.abs(value)
    floor = np.maximum(1e-8 * size.max(axis=1, keepdims=True), 1e-8 * scale.slope)
    part = -np.einsum("kij,ki->kj", vector, slope) / np.maximum(size, floor)
    part[pick, followed] *= -1.0
    step = np.einsum("kij,kj->ki", vector, part)
    length = np.abs(step).max(axis=1)
    arrived = finite & (length < _NEAR) & (falling.sum(axis=1) == 1)
    rested = finite & ~arrived & (length < _LOST)
    step *= np.minimum(1.0, radius / np.maximum(length, np.finfo(np.float64).tiny))[:, None]
    moving = finite & ~arrived
    x[now[moving]] = moved_within(objective, x[now[moving]] + step[moving] * box.width)
    far = (np.abs((x[now] - box.lower) / box.width - 0.5) > 0.5 + margin).any(axis=1)
    state = np.select([~finite, arrived, rested, far], [NONFINITE, ARRIVED, RESTED, LEFT], STALLED)
    heading = vector[pick, :, followed] * np.where(along[pick, followed] < 0, -1.0, 1.0)[:, None]
    return state.astype(np.int8), heading
