"""A symmetry: a product of parts, what is the same by it, and how it is written."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from batchgd.problem import check
from batchgd.problem.symmetry.part import KINDS, Part
from batchgd.problem.symmetry.plan import Plan, plan_of

Floats = NDArray[np.float64]


class Symmetry:
    """Transformations of x that leave the value of an objective as it is; made by the functions of ``bgd.symmetry``.

    ``a * b`` is the symmetry with the transformations of both. Parts on the same vectors are treated together, so that
    two clusters of atoms are compared over all permutations *and* rotations at once.

    Examples
    --------
    >>> import numpy as np
    >>> import batchgd as bgd
    >>> atoms = bgd.symmetry.cluster()
    >>> a = np.array([0.0, 0, 0, 1, 0, 0, 0, 2, 0])  # three atoms in a plane
    >>> b = np.array([5.0, 0, 1, 5, 0, 0, 5, 2, 0])  # moved, rotated and renumbered
    >>> atoms.same(a, b), atoms.same(a, 2 * b)
    (True, False)
    >>> atoms.zero_modes(a).shape
    (6, 9)
    """

    def __init__(self, parts: tuple[Part, ...]) -> None:
        order = sorted(set(parts), key=lambda part: (KINDS.index(part.kind), str(part)))
        self.parts: tuple[Part, ...] = tuple(order)

    def __mul__(self, other: Symmetry) -> Symmetry:
        if not isinstance(other, Symmetry):
            return NotImplemented
        return Symmetry((*self.parts, *other.parts))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Symmetry) and self.parts == other.parts

    def __hash__(self) -> int:
        return hash(self.parts)

    def __repr__(self) -> str:
        """The product of its parts, as ``bgd.Identity`` takes it as text."""
        return " * ".join(map(str, self.parts)) or "none"

    def describe(self) -> str:
        """Return what it does in words."""
        by_vectors: dict[str, list[str]] = {}
        for part in self.parts:
            words = by_vectors.setdefault(_vectors(part), [])
            words += [part.kind, *(["reflections"] if part.mirror else [])]
        return "; ".join(f"{_listed(words)} of {vectors}" for vectors, words in by_vectors.items()) or "none"

    def plan(self, dim: int) -> Plan:
        """Return what it does to points of ``dim`` coordinates; raise InputError if it does not fit them."""
        return _plan(self.parts, dim)

    def fingerprint(self, x: ArrayLike) -> Floats:
        """Return numbers that no transformation changes, (p,) for a point, (m, p) for m of them.

        Each changes by at most as much as the coordinate that changes most. Different points may share all of them.
        """
        points, single = _points(x)
        numbers = self.plan(points.shape[1]).invariants(points)
        return numbers[0] if single else numbers

    def align(self, a: ArrayLike, b: ArrayLike, tol: float = 1e-3) -> tuple[Floats, NDArray[np.bool_]]:
        """Return transformed copies of the points ``b``, (m, d), next to ``a``, (d,), and which came within ``tol``.

        Points of ``b`` that no transformation takes there, each coordinate within ``tol``, are returned unchanged.
        """
        target = np.asarray(a, np.float64)
        points, single = _points(b)
        moved, same = self.plan(points.shape[1]).onto(target, points, np.full(len(target), float(tol)))
        return (moved[0], same[0]) if single else (moved, same)

    def same(self, a: ArrayLike, b: ArrayLike, tol: float = 1e-6) -> bool:
        """Return whether some transformation takes ``b`` to ``a``, each coordinate within ``tol``."""
        return bool(self.align(a, b, tol)[1])

    def copy(self, x: ArrayLike, seed: int = 0) -> Floats:
        """Return a copy of a point, (d,), under a random transformation."""
        point = np.asarray(x, np.float64)
        return self.plan(len(point)).copy(point, np.random.default_rng(seed))

    def zero_modes(self, x: ArrayLike) -> Floats:
        """Return the directions in which continuous transformations move a point, (k, d), orthonormal.

        The value is constant along them: at a stationary point they are modes of the Hessian with eigenvalue 0.
        """
        point = np.asarray(x, np.float64)
        modes = self.plan(len(point)).zero_modes(point[None], np.ones(len(point)))[0]
        return modes[np.abs(modes).max(axis=1) > 0.0]


@lru_cache(256)
def _plan(parts: tuple[Part, ...], dim: int) -> Plan:
    return plan_of(parts, dim)


def _points(x: ArrayLike) -> tuple[Floats, bool]:
    points = check.finite("x contains", x, "give points of shape (m, d)").astype(np.float64)
    return np.atleast_2d(points), points.ndim == 1


def _vectors(part: Part) -> str:
    if isinstance(part.vectors, tuple):
        return f"{len(part.vectors)} chosen " + ("coordinates" if len(part.vectors[0]) == 1 else "vectors")
    return "coordinates" if part.vectors == 1 else f"vectors of {part.vectors} coordinates"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
