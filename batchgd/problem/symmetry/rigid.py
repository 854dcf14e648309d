"""Alignment with rotations: two sets of vectors that are congruent, whatever the order of equal vectors.

Two vectors of the target and the centre fix a frame. Every pair in the other set that has the same lengths and the same
angle gives a frame in which it may agree with the target; vectors are then assigned to their nearest ones, and the
rotation of least squares decides. All pairs are tried, so congruent sets are always recognised.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from batchgd.problem.symmetry.piece import Floats, Integers, Piece, directions
from batchgd.problem.symmetry.units import assignment

_PAIRS = 1 << 21  # numbers in memory at once
_SLANTED = 0.1  # sine of the angle between vectors that fix a frame, at least
_ROUGH = 1e-3  # of the size of the target: how far vectors may be off before the rotation is refined


def rotated_onto(piece: Piece, target: Floats, r: Floats, tol: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Copies of vectors, (m, n, k), next to the target, (n, k), and which came within ``tol``, (n, k)."""
    length = np.linalg.norm(target, axis=1, keepdims=True)
    if piece.scale:
        r = directions(r)
        target_used = directions(target[None])[0]
        tol = tol / np.where(length > 0.0, length, 1.0)
    else:
        target_used = target
    centre = target_used.mean(axis=0) if piece.translate else np.zeros(target.shape[1])
    a = target_used - centre
    b = r - r.mean(axis=1, keepdims=True) if piece.translate else r
    moved, same = r.copy(), np.zeros(len(r), np.bool_)
    n, k = a.shape
    step = max(1, _PAIRS // (n * n * k))
    for begin in range(0, len(r), step):
        part = slice(begin, begin + step)
        moved[part], same[part] = _congruent(piece, a, b[part], tol)
    moved += centre
    return (moved * np.where(length > 0.0, length, 1.0) if piece.scale else moved), same


def _congruent(piece: Piece, a: Floats, b: Floats, tol: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """The same for centred vectors."""
    moved, same = b.copy(), np.zeros(len(b), np.bool_)
    size = float(np.linalg.norm(a, axis=1).max(initial=0.0))
    slack = 2.0 * np.sqrt(a.shape[1]) * float(tol.max())
    first, second = _references(piece, a, slack, size)
    if first < 0:  # everything at the centre
        return moved, np.asarray((np.abs(b - a) <= tol).all(axis=(1, 2)))
    row, p, q = _candidates(piece, a, b, first, second, slack)
    begin = np.searchsorted(row, np.arange(len(b)))
    count = np.bincount(row, minlength=len(b))
    variants = (1.0, -1.0) if piece.mirror else (1.0,)
    rough = np.maximum(tol, _ROUGH * size)
    frame_a = _frame(a[None, first], a[None, second])[0]
    for turn in range(int(count.max(initial=0))):
        for hand in variants:
            rows = np.flatnonzero(~same & (count > turn))
            if len(rows) == 0:
                return moved, same
            pair = begin[rows] + turn
            frame_b = _frame(b[rows, p[pair]], b[rows, q[pair]])
            frame_b[:, -1] *= hand
            rotation = np.einsum("ji,mjl->mil", frame_a, frame_b)
            place = np.einsum("mnl,mil->mni", b[rows], rotation)
            order = _matched(piece, a, place, rough)
            place = _least_squares(a, np.take_along_axis(b[rows], order[:, :, None], axis=1), rotation)
            near = (np.abs(place - a) <= tol).all(axis=(1, 2))
            near &= (np.sort(order, axis=1) == np.arange(a.shape[0])).all(axis=1)
            moved[rows[near]], same[rows[near]] = place[near], True
    return moved, same


def _references(piece: Piece, a: Floats, slack: float, size: float) -> tuple[int, int]:
    """Two vectors that fix the frame, chosen so that few pairs can be mistaken for them; -1 if all are at the centre.

    In a plane, and if all vectors are on one line, one is enough, and it is given twice.
    """
    radius = np.linalg.norm(a, axis=1)
    far = np.flatnonzero(radius > max(0.1 * size, 10.0 * slack))
    if size <= 0.0 or len(far) == 0:
        return -1, -1
    alike = (np.abs(radius[:, None] - radius) <= slack) & (piece.group[:, None] == piece.group)
    number = alike.sum(axis=1)
    first = int(far[np.lexsort((far, -radius[far], number[far]))[0]])
    sine = np.linalg.norm(a - np.outer(a @ a[first], a[first]) / radius[first] ** 2, axis=1) / np.maximum(
        radius, 1e-300
    )
    other = far[sine[far] > _SLANTED]
    if a.shape[1] == 2 or len(other) == 0:
        return first, first
    dot = a @ a[first]
    pairs = (alike & (np.abs(dot[:, None] - dot) <= slack * size)).sum(axis=1)
    return first, int(other[np.lexsort((other, -sine[other], pairs[other]))[0]])


def _candidates(
    piece: Piece, a: Floats, b: Floats, first: int, second: int, slack: float
) -> tuple[Integers, Integers, Integers]:
    """Pairs of vectors of each set that may be the two of the target: rows, and the numbers of the two vectors."""
    radius, near = np.linalg.norm(b, axis=2), []
    for one in (first, second):
        alike = piece.group == piece.group[one]
        near.append(alike & (np.abs(radius - np.linalg.norm(a[one])) <= slack))
    if first == second:
        row, p = np.nonzero(near[0])
        return row, p, p
    reach = slack * (np.linalg.norm(a[first]) + np.linalg.norm(a[second]) + slack)
    angle = np.abs(np.einsum("mik,mjk->mij", b, b) - a[first] @ a[second]) <= reach
    row, p, q = np.nonzero(near[0][:, :, None] & near[1][:, None, :] & angle)
    return row, p, q


def _frame(u: Floats, v: Floats) -> Floats:
    """Orthonormal frames, rows of (m, k, k): along u, then towards v; any such frame if v is along u."""
    one = directions(u[:, None])[:, 0]
    if u.shape[1] == 2:
        return np.stack([one, np.stack([-one[:, 1], one[:, 0]], axis=1)], axis=1)
    two = v - (v * one).sum(axis=1, keepdims=True) * one
    along = np.linalg.norm(two, axis=1) <= 1e-6 * np.linalg.norm(v, axis=1)
    axis = np.eye(3)[np.abs(one).argmin(axis=1)]
    two = np.where(along[:, None], axis - (axis * one).sum(axis=1, keepdims=True) * one, two)
    two = directions(two[:, None])[:, 0]
    return np.stack([one, two, np.cross(one, two)], axis=1)


def _matched(piece: Piece, a: Floats, place: Floats, rough: Floats) -> Integers:
    """Which vector of each set is at each one of the target, (m, n)."""
    cost = np.sqrt(((a[None, :, None] - place[:, None]) ** 2).sum(axis=3)) / rough.max(axis=1)[:, None]
    return assignment(np.where(piece.group[:, None] == piece.group, cost, np.inf))


def _least_squares(a: Floats, b: Floats, rotation: Floats) -> Floats:
    """Vectors rotated onto the target's by least squares (Kabsch 1976), a reflection only if ``rotation`` is one."""
    u, _, v = np.linalg.svd(np.einsum("mni,nj->mij", b, a))
    hand = np.where(np.linalg.det(rotation) < 0.0, -1.0, 1.0)
    flip = np.ones((len(b), a.shape[1]))
    flip[:, -1] = hand * np.sign(np.linalg.det(u) * np.linalg.det(v))
    return np.einsum("mni,mij,mj,mjk->mnk", b, u, flip, v)
