"""Moves of basin hopping: small displacements of all coordinates, and atoms taken to other places on the surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.strategies.base import fold
from batchgd.problem.box import Box
from batchgd.problem.symmetry import Symmetry

_MOST = 4  # atoms that are moved at once


@dataclass(frozen=True)
class Moves:
    """What walkers do between descents.

    Attributes
    ----------
    box : Box
        Its widths are the units of ``step``; points outside are reflected at its faces, unless the symmetry moves
        points freely.
    step : float
        Longest displacement per coordinate.
    surface : float
        Share of the moves that take atoms of a cluster to its surface.
    atoms : (n, k) array of int or None
        The coordinates of each atom, if the symmetry is that of a cluster.
    free : bool
        Whether the symmetry moves points freely.
    """

    box: Box
    step: float
    surface: float
    atoms: NDArray[np.int64] | None
    free: bool

    @classmethod
    def of(cls, box: Box, step: float, surface: float | None, symmetry: Symmetry | None) -> Moves:
        """The moves of points with this symmetry; by default half of those of a cluster are surface moves."""
        plan = None if symmetry is None else symmetry.plan(box.dim)
        atoms = None
        for piece in () if plan is None else plan.pieces:
            if piece.rotate and piece.translate and len(piece.index) > _MOST:
                atoms = piece.index
        share = (0.5 if surface is None else surface) if atoms is not None else 0.0
        return cls(box, step, share, atoms, plan is not None and plan.continuous)

    def __call__(self, x: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
        """Where the next descents start, (n, d), from minima (n, d)."""
        move = random.random(x.shape)
        out = x + self.step * self.box.width * (2 * move - 1)
        if not self.free:
            return fold(out, self.box)
        if self.atoms is None:
            return out
        rows = np.flatnonzero(random.random(len(x)) < self.surface)
        out[rows] = x[rows]
        r = out[:, self.atoms]
        r -= r.mean(axis=1, keepdims=True) - self.box.center[self.atoms].mean(axis=0)  # or clusters would drift away
        r[rows] = self._resurfaced(r[rows], random)
        out[:, self.atoms] = r
        return out

    def _resurfaced(self, r: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
        """Take one to four of the outermost atoms of each cluster, (m, n, k), to random places on its surface."""
        m, _, k = r.shape
        centre = r.mean(axis=1, keepdims=True)
        radius = np.linalg.norm(r - centre, axis=2)
        outermost = np.argsort(-radius, axis=1)[:, :_MOST]
        way = random.normal(size=(m, _MOST, k))
        size = radius.max(axis=1, keepdims=True) / np.linalg.norm(way, axis=2)
        place = centre + way * size[:, :, None]
        which = np.arange(_MOST) < random.integers(1, _MOST + 1, (m, 1))
        row, number = np.nonzero(which)
        out = r.copy()
        out[row, outermost[row, number]] = place[row, number]
        return out
