"""Vectors with the transformations that act on them: what those leave unchanged, and in which directions they move."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_WEIGHTS = 3  # random projections by which a vector is known up to its sign


@dataclass(frozen=True, eq=False)
class Piece:
    """n vectors of k coordinates and their transformations.

    ``index``: (n, k) numbers of coordinates. ``group``: (n,), vectors of one number are alike. ``period``: (n, k), inf
    for none. ``rotate``, ``mirror``, ``translate``: all vectors together; ``sign``, ``scale``: each by itself.
    """

    index: Integers
    group: Integers
    period: Floats
    rotate: bool = False
    mirror: bool = False
    translate: bool = False
    sign: bool = False
    scale: bool = False

    @property
    def groups(self) -> list[Integers]:
        """The vectors of each group."""
        return [np.flatnonzero(self.group == number) for number in np.unique(self.group)]

    @property
    def periodic(self) -> bool:
        """Whether any coordinate has a period."""
        return bool(np.isfinite(self.period).any())

    def wrapped(self, difference: Floats) -> Floats:
        """Differences of coordinates, (..., n, k), to the nearest copy."""
        return nearest_copy(difference, self.period) if self.periodic else difference


def nearest_copy(difference: Floats, period: Floats) -> Floats:
    """Differences less whole periods, half a period at most.

    >>> nearest_copy(np.array([0.75, 3.0]), np.array([1.0, np.inf])).tolist()
    [-0.25, 3.0]
    """
    finite = np.isfinite(period)
    step = np.where(finite, period, 1.0)
    return difference - np.where(finite, np.round(difference / step) * step, 0.0)


def directions(r: Floats) -> Floats:
    """Vectors (m, n, k) of length 1; a vector of length 0 stays as it is."""
    length = np.linalg.norm(r, axis=2, keepdims=True)
    return r / np.where(length > 0.0, length, 1.0)


def invariants(piece: Piece, r: Floats) -> Floats:
    """Numbers that no transformation of (m, n, k) vectors changes, (m, p).

    Each changes by at most as much as the coordinate that changes most: sorting does not increase differences.
    """
    r = directions(r) if piece.scale else r
    if piece.rotate:
        return _distances(piece, r)
    if piece.translate:
        return _differences(piece, r)
    return _units(piece, r)


def _distances(piece: Piece, r: Floats) -> Floats:
    """Distances between vectors, and from the centre, sorted within and between groups."""
    k = r.shape[2]
    r = r - r.mean(axis=1, keepdims=True) if piece.translate else r
    radius = np.linalg.norm(r, axis=2)
    groups = piece.groups
    parts = [np.sort(radius[:, members], axis=1) for members in groups]
    for a, b in _pairs_of_groups(piece):
        parts.append(np.sort(np.linalg.norm(r[:, a] - r[:, b], axis=2), axis=1))
    return np.concatenate(parts, axis=1) / (2.0 * np.sqrt(k))


def _differences(piece: Piece, r: Floats) -> Floats:
    """Differences between vectors, sorted within and between groups."""
    parts = []
    for a, b in _pairs_of_groups(piece):
        way = r[:, a] - r[:, b]
        numbers = _embedded(way, piece.period[a])
        alike = piece.group[a[0]] == piece.group[b[0]]
        # Which of two equal vectors comes first is arbitrary.
        numbers = np.where(_odd(numbers.shape[2], way.shape[2]), np.abs(numbers), numbers) if alike else numbers
        parts.append(np.sort(numbers, axis=1).reshape(len(r), -1) / 2.0)
    return np.concatenate(parts, axis=1) if parts else np.zeros((len(r), 0))


def _units(piece: Piece, r: Floats) -> Floats:
    """Projections of each vector, up to its sign, sorted within groups."""
    numbers = _embedded(r, piece.period)
    if piece.sign or r.shape[2] > 1:
        random = np.random.default_rng(r.shape[2])
        odd = _odd(numbers.shape[2], r.shape[2])
        parts = []
        for _ in range(max(_WEIGHTS, r.shape[2])):
            weight = random.uniform(-1.0, 1.0, numbers.shape[2])
            weight /= np.abs(weight).sum()
            if piece.sign:
                parts += [np.abs(numbers @ np.where(odd, weight, 0.0)), numbers @ np.where(odd, 0.0, weight)]
            else:
                parts.append(numbers @ weight)
        numbers = np.stack(parts, axis=2)
    return np.concatenate(
        [np.sort(numbers[:, members], axis=1).reshape(len(r), -1) for members in piece.groups], axis=1
    )


def _pairs_of_groups(piece: Piece) -> list[tuple[Integers, Integers]]:
    """The pairs of vectors within each group and between each two; all pairs are of one kind if there is one group."""
    groups = piece.groups
    if len(groups) == len(piece.index):  # no two are alike
        a, b = np.triu_indices(len(groups), 1)
        return [(a[k : k + 1], b[k : k + 1]) for k in range(len(a))] if len(a) else []
    found = []
    for members in groups:
        a, b = np.triu_indices(len(members), 1)
        found += [(members[a], members[b])] if len(a) else []
    for one, other in combinations(groups, 2):
        found.append((np.repeat(one, len(other)), np.tile(other, len(one))))
    return found


def _embedded(r: Floats, period: Floats) -> Floats:
    """Coordinates, (m, n, k), with sine and cosine in place of one that has a period: (m, n, 2 k), sines first."""
    if not np.isfinite(period).any():
        return r
    finite = np.isfinite(period)
    angle = 2.0 * np.pi / np.where(finite, period, 1.0)
    return np.concatenate(
        [np.where(finite, np.sin(angle * r) / angle, r), np.where(finite, np.cos(angle * r) / angle, 0.0)], axis=2
    )


def _odd(size: int, k: int) -> NDArray[np.bool_]:
    """Which embedded coordinates change their sign with the vector."""
    return np.arange(size) < k


def zero_modes(piece: Piece, r: Floats) -> Floats:
    """Directions in which continuous transformations move (m, n, k) vectors, (m, q, n, k)."""
    m, n, k = r.shape
    parts = [np.zeros((m, 0, n, k))]
    if piece.rotate:
        for a, b in combinations(range(k), 2):
            turn = np.zeros((m, 1, n, k))
            turn[:, 0, :, a], turn[:, 0, :, b] = -r[:, :, b], r[:, :, a]
            parts.append(turn)
    if piece.translate:
        shift = np.zeros((m, k, n, k))
        shift[:, np.arange(k), :, np.arange(k)] = 1.0
        parts.append(shift)
    if piece.scale:
        grow = np.zeros((m, n, n, k))
        grow[:, np.arange(n), np.arange(n)] = r
        parts.append(grow)
    return np.concatenate(parts, axis=1)


def copied(piece: Piece, r: Floats, random: np.random.Generator) -> Floats:
    """Vectors (n, k) under a random transformation."""
    out, (n, k) = r.copy(), r.shape
    for members in piece.groups:
        out[members] = r[random.permutation(members)]
    if piece.sign:
        out *= random.choice([-1.0, 1.0], (n, 1))
    if piece.scale:
        out *= np.exp(random.uniform(-0.5, 0.5, (n, 1)))
    if piece.rotate:
        turn = np.linalg.qr(random.normal(size=(k, k)))[0]
        hand = random.choice([-1.0, 1.0]) if piece.mirror else 1.0
        turn[:, 0] *= hand * np.sign(np.linalg.det(turn))
        out = out @ turn
    if piece.translate:
        out += random.normal(size=k) * max(float(np.abs(r).max()), 1.0)
    if piece.periodic:
        out += np.where(np.isfinite(piece.period), piece.period, 0.0) * random.integers(-2, 3, (n, k))
    return out
