"""What a symmetry does to points of a given number of coordinates: one piece for each set of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batchgd.problem.errors import InputError
from batchgd.problem.symmetry.part import Part
from batchgd.problem.symmetry.piece import Piece, copied, invariants, zero_modes
from batchgd.problem.symmetry.rigid import rotated_onto
from batchgd.problem.symmetry.units import moved_onto

Floats = NDArray[np.float64]

_DEPENDENT = 1e-9  # of the longest: directions this short are combinations of the others


@dataclass(frozen=True)
class Plan:
    """The pieces of a symmetry, which have no coordinate in common and together all coordinates."""

    dim: int
    pieces: tuple[Piece, ...]

    def invariants(self, x: Floats) -> Floats:
        """Numbers that no transformation changes, (m, p)."""
        return np.concatenate([invariants(piece, x[:, piece.index]) for piece in self.pieces], axis=1)

    def onto(self, target: Floats, x: Floats, tol: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """Copies of the points (m, d) next to the target, and which came within ``tol`` per coordinate."""
        moved, same = x.copy(), np.ones(len(x), np.bool_)
        for piece in self.pieces:
            rows = np.flatnonzero(same)
            if len(rows) == 0:
                break
            align = rotated_onto if piece.rotate else moved_onto
            place, near = align(piece, target[piece.index], x[rows][:, piece.index], tol[piece.index])
            moved[rows[:, None, None], piece.index] = place
            same[rows[~near]] = False
        moved[~same] = x[~same]
        return moved, same

    def copy(self, x: Floats, random: np.random.Generator) -> Floats:
        """A copy of a point under a random transformation."""
        out = x.copy()
        for piece in self.pieces:
            out[piece.index] = copied(piece, x[piece.index], random)
        return out

    def zero_modes(self, x: Floats, width: Floats) -> Floats:
        """Directions of continuous transformations, (m, q, d), orthonormal in coordinates x / width; else zeros."""
        parts = []
        for piece in self.pieces:
            own = zero_modes(piece, x[:, piece.index])
            spread = np.zeros((*own.shape[:2], self.dim))
            spread[:, :, piece.index] = own
            parts.append(spread)
        ways = np.concatenate(parts, axis=1) / width
        if ways.shape[1] == 0 or len(x) == 0:
            return ways
        _, size, basis = np.linalg.svd(ways, full_matrices=False)
        return np.where((size > _DEPENDENT * size[:, :1])[:, :, None], basis, 0.0)

    @property
    def continuous(self) -> bool:
        """Whether there are any zero modes."""
        return any(piece.rotate or piece.translate or piece.scale for piece in self.pieces)


def plan_of(parts: Sequence[Part], dim: int) -> Plan:
    """The plan of these parts for points of ``dim`` coordinates; InputError if they do not fit them or each other."""
    by_vectors: dict[tuple[tuple[int, ...], ...], list[Part]] = {}
    period = np.full(dim, np.inf)
    for part in parts:
        vectors = _vectors(part, dim)
        if part.kind == "periods":
            _set_periods(period, vectors, part)
        else:
            by_vectors.setdefault(vectors, []).append(part)
    used = np.zeros(dim, np.int64)
    pieces = []
    for vectors, own in by_vectors.items():
        index = np.array(vectors)
        used[index] += 1
        if used.max() > 1:
            raise InputError(
                f"two parts of the symmetry act on coordinate {int(used.argmax())} as members of different vectors: "
                "give parts that share coordinates the same vectors"
            )
        pieces.append(_piece(index, own, period[index]))
    rest = np.flatnonzero(used == 0)
    if len(rest):
        pieces.append(Piece(rest[:, None], np.arange(len(rest)), period[rest][:, None]))
    return Plan(dim, tuple(pieces))


def _vectors(part: Part, dim: int) -> tuple[tuple[int, ...], ...]:
    if isinstance(part.vectors, int):
        size = part.vectors
        if dim % size:
            raise InputError(
                f"x has {dim} coordinates, but the symmetry {part} needs a multiple of {size}: "
                "give the numbers of each vector's coordinates, as in vectors=[[0, 1], [2, 3]]"
            )
        return tuple(tuple(range(k, k + size)) for k in range(0, dim, size))
    largest = max(map(max, part.vectors))
    if largest >= dim:
        raise InputError(f"the symmetry {part} names coordinate {largest}, but x has {dim}: count from 0")
    return part.vectors


def _set_periods(period: Floats, vectors: tuple[tuple[int, ...], ...], part: Part) -> None:
    given = np.atleast_1d(np.asarray(part.period, np.float64))
    if len(given) not in (1, len(vectors)):
        raise InputError(f"x has {len(vectors)} coordinates, but the symmetry {part} has {len(given)} periods")
    period[np.array(vectors).ravel()] = given


def _piece(index: NDArray[np.int64], parts: list[Part], period: Floats) -> Piece:
    kinds = {part.kind for part in parts}
    group = np.arange(len(index))
    for part in parts:
        if part.kind == "permutations":
            for members in (tuple(range(len(index))),) if part.groups is None else part.groups:
                if max(members) >= len(index):
                    raise InputError(f"groups name vector {max(members)}, but there are {len(index)}: count from 0")
                group[list(members)] = group[members[0]]
                if not (period[list(members)] == period[members[0]]).all():
                    raise InputError("permutations exchange coordinates of different periods: give them the same one")
    other = {"signs", "scalings"} | ({"periods"} if np.isfinite(period).any() else set())
    present = kinds | ({"periods"} if np.isfinite(period).any() else set())
    for one, others in {"rotations": {"signs", "periods"}, "translations": {"signs", "scalings"}}.items():
        clash = sorted(others & present & other)
        if one in kinds and clash:
            raise InputError(f"{one} and {clash[0]} of the same vectors cannot be combined: leave one of them out")
    if "scalings" in kinds and np.isfinite(period).any():
        raise InputError("scalings and periods of the same vectors cannot be combined: leave one of them out")
    mirror = any(part.mirror for part in parts)
    return Piece(
        index, group, period, "rotations" in kinds, mirror, "translations" in kinds, "signs" in kinds,
        "scalings" in kinds,
    )  # fmt: skip
