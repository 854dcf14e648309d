"""Alignment without rotations: permutations, signs, periods and translations of vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from batchgd.problem.symmetry.piece import Floats, Integers, Piece, directions, nearest_copy

_PAIRS = 1 << 21  # differences between vectors in memory at once


def moved_onto(piece: Piece, target: Floats, r: Floats, tol: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Copies of vectors, (m, n, k), next to the target, (n, k), and which came within ``tol``, (n, k)."""
    moved, same = r.copy(), np.zeros(len(r), np.bool_)
    n, k = target.shape
    step = max(1, _PAIRS // (n * n * k))
    for begin in range(0, len(r), step):
        part = slice(begin, begin + step)
        moved[part], same[part] = _onto(piece, target, r[part], tol)
    return moved, same


def _onto(piece: Piece, target: Floats, r: Floats, tol: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    if piece.scale:
        length = np.linalg.norm(target, axis=1, keepdims=True)
        r = directions(r) * np.where(length > 0.0, length, 1.0)
    if not piece.translate:
        moved = _assigned(piece, target, r, tol)
        return moved, _within(moved, target, tol)
    # Where the first vector of the smallest group goes decides the translation.
    members = min(piece.groups, key=len)
    moved, same = r.copy(), np.zeros(len(r), np.bool_)
    for other in members:
        rows = np.flatnonzero(~same)
        if len(rows) == 0:
            break
        shift = target[members[0]] - r[rows, other]
        # Off by as much as that vector is: first everything within twice the tolerance, then the mean decides.
        place = _assigned(piece, target, r[rows] + shift[:, None], 2.0 * tol)
        place -= (place - target).mean(axis=1, keepdims=True)
        near = _within(place, target, tol)
        moved[rows[near]], same[rows[near]] = place[near], True
    return moved, same


def _within(moved: Floats, target: Floats, tol: Floats) -> NDArray[np.bool_]:
    return np.asarray((np.abs(moved - target) <= tol).all(axis=(1, 2)))


def _assigned(piece: Piece, target: Floats, r: Floats, tol: Floats) -> Floats:
    """Vectors in the order, with the signs, and shifted by the periods that bring them nearest to the target."""
    out = np.empty_like(r)
    for members in piece.groups:
        goal, given, period = target[members], r[:, members], piece.period[members]
        best, copies = np.full((len(r), len(members), len(members)), np.inf), None
        for sign in (1.0, -1.0) if piece.sign else (1.0,):
            off = sign * given[:, None] - goal[:, None]
            off = nearest_copy(off, period[:, None]) if piece.periodic else off
            far = (np.abs(off) / tol[members][:, None]).max(axis=3)
            copies = off if copies is None else np.where((far < best)[..., None], off, copies)
            best = np.minimum(best, far)
        assert copies is not None
        chosen = assignment(best)
        rows = np.arange(len(r))[:, None]
        out[:, members] = goal + copies[rows, np.arange(len(members)), chosen]
    return out


def assignment(cost: Floats) -> Integers:
    """Which column each row takes, (m, n), of (m, n, n) costs: the nearest, or the cheapest choice of one each.

    The cheapest is only computed if all of the nearest are within 1: otherwise the vectors do not match in any order.

    >>> assignment(np.array([[[0.1, 0.2], [0.0, 0.9]]])).tolist()
    [[1, 0]]
    """
    from scipy.optimize import linear_sum_assignment

    chosen = cost.argmin(axis=2)
    n = cost.shape[1]
    doubled = (np.sort(chosen, axis=1) != np.arange(n)).any(axis=1)
    possible = cost.min(axis=2, initial=np.inf).max(axis=1, initial=0.0) <= 1.0
    for row in np.flatnonzero(doubled & possible):
        chosen[row] = linear_sum_assignment(np.minimum(cost[row], 1e6) ** 2)[1]
    return chosen
