"""Classes of points under a symmetry: copies are moved onto one another, and zero modes get a curvature.

Everything else then works as without one: merging, classifying, pairing and labelling compare coordinates.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.minima.merge import Parts, projected
from batchgd.minima.scale import Derivable
from batchgd.problem.box import Box
from batchgd.problem.identity import Identity
from batchgd.problem.symmetry import Symmetry
from batchgd.problem.symmetry.plan import Plan

Floats = NDArray[np.float64]

_COLUMNS = 4  # projections of the fingerprint that are compared
_ROWS = 1 << 22  # numbers of fingerprints in memory at once
_BLUR = Identity(x=1e-4, f=1e-6)  # copies of kinks, degenerate and soft minima may differ by this much


class Quotient:
    """An objective whose zero modes, those of its symmetry, are as stiff as its stiffest entry: H + s T^T T.

    T has the directions of the symmetry's continuous transformations as orthonormal rows, in box widths, and s is the
    largest entry of the Hessian there. The gradient has no component along T, so stationary points stay what they are,
    and Newton's steps are those in the space of shapes.
    """

    has_newton = False  # a compiled step knows nothing of the stiff modes

    def __init__(self, objective: Derivable, plan: Plan, box: Box) -> None:
        self._objective, self._plan, self._width = objective, plan, box.width

    def __getattr__(self, name: str) -> Any:
        return getattr(self._objective, name)

    def value(self, x: Any) -> Any:
        """Values, (n,)."""
        return self._objective.value(x)

    def value_and_gradient(self, x: Any) -> tuple[Any, Any]:
        """Values, (n,), and gradients, (n, d)."""
        return self._objective.value_and_gradient(x)

    def hessian(self, x: Any) -> Any:
        """Hessians with stiff zero modes, (n, d, d)."""
        points, width = np.asarray(x, np.float64), self._width
        hessian = np.array(self._objective.hessian(points))
        rows = np.flatnonzero(np.isfinite(points).all(axis=1) & np.isfinite(hessian).all(axis=(1, 2)))
        modes = self._plan.zero_modes(points[rows], width)
        stiff = np.abs(hessian[rows] * width * width[:, None]).max(axis=(1, 2), initial=0.0)
        modes = modes * (np.sqrt(stiff)[:, None, None] / width)
        hessian[rows] += np.swapaxes(modes, 1, 2) @ modes
        return hessian


def moves_freely(symmetry: Symmetry | None, dim: int) -> bool:
    """Whether copies of a point are everywhere along its zero modes, so that the box says nothing about where it is."""
    return symmetry is not None and symmetry.plan(dim).continuous


def quotient(objective: Any, symmetry: Symmetry | None, box: Box) -> Any:
    """The objective with stiff zero modes; itself if the symmetry explains none."""
    if symmetry is None or not moves_freely(symmetry, box.dim):
        return objective
    return Quotient(objective, symmetry.plan(box.dim), box)


def gathered(identity: Identity, box: Box, x: Floats, fun: Floats, tol_f: Floats, first: NDArray[np.int64]) -> Floats:
    """Move copies of one point, (m, d), onto one of them: inside the box if one is, with the lowest start index.

    Points that are the same within the identity's tolerance are moved first; of those that remain, the ones that are
    nearly the same are moved next to each other, for later steps to judge. ``tol_f``: how far their values may differ.
    """
    if identity.symmetry is None or len(x) < 2:
        return x
    plan, outside = identity.symmetry.plan(box.dim), ~np.asarray(box.contains(x), np.bool_)
    order = np.lexsort((first, outside))
    marks = _marks(plan, x)
    head, out = np.arange(len(x)), x.copy()
    _gather(plan, out, head, order, marks, fun, identity.x * box.width, tol_f)
    heads = order[head[order] == order]
    if len(heads) > 1 and identity.x < _BLUR.x:
        wide = np.maximum(tol_f, _BLUR.f * np.abs(fun))
        moved, parent = x[heads], np.arange(len(heads))
        whole = np.arange(len(heads))
        _gather(plan, moved, parent, whole, marks[heads], fun[heads], _BLUR.x * box.width, wide[heads])
        for k in np.flatnonzero(parent != whole):
            members = np.flatnonzero(head == heads[k])
            out[members] = plan.onto(moved[k], out[members], _BLUR.x * box.width)[0]
    return out


def _gather(
    plan: Plan, x: Floats, head: NDArray, order: NDArray, marks: Floats, fun: Floats, tol: Floats, tol_f: Floats
) -> None:
    """Move points onto the first, in this order, that is the same; ``head`` becomes its row. Both in place."""
    near, parts = 4.0 * float(tol.max()), Parts(len(order))
    columns = marks[order]
    parts.split([(fun[order], tol_f[order]), *projected(columns, near), *((column, near) for column in columns.T)])
    parts.close([])
    group = parts.numbers()
    rows = order[np.argsort(group, kind="stable")]
    cuts = np.flatnonzero(np.diff(np.sort(group))) + 1
    for rest in np.split(rows, cuts):
        while len(rest) > 1:
            moved, same = plan.onto(x[rest[0]], x[rest[1:]], tol)
            x[rest[1:]] = moved
            head[rest[1:][same]] = rest[0]
            rest = rest[1:][~same]


def moved_onto(symmetry: Symmetry | None, box: Box, known: Floats, x: Floats, tol: float) -> Floats:
    """Move each point next to the nearest of the known ones, (k, d), if a copy is within ``tol`` box widths of it."""
    if symmetry is None or len(known) == 0 or len(x) == 0:
        return x
    from scipy.spatial import cKDTree

    plan, width, out = symmetry.plan(box.dim), tol * box.width, x.copy()
    finite = np.flatnonzero(np.isfinite(x).all(axis=1))
    near = cKDTree(_marks(plan, x[finite])).query_ball_point(_marks(plan, known), 4.0 * float(width.max()), p=np.inf)
    best = np.full(len(x), np.inf)
    for target, found in zip(known, near, strict=True):
        rows = finite[np.array(found, np.int64)]
        if len(rows) == 0:
            continue
        moved, same = plan.onto(target, x[rows], width)
        off = np.where(same, (np.abs(moved - target) / width).max(axis=1), np.inf)
        nearer = off < best[rows]
        out[rows[nearer]], best[rows[nearer]] = moved[nearer], off[nearer]
    return out


def _marks(plan: Plan, x: Floats) -> Floats:
    """A few numbers per point, (m, 4), the same for all its copies, that differ by no more than its coordinates."""
    step = max(1, _ROWS // (plan.dim**2 + 1))
    parts, weights = [np.empty((0, _COLUMNS))], None
    for begin in range(0, len(x), step):
        numbers = plan.invariants(x[begin : begin + step])
        if weights is None:
            weights = np.random.default_rng(plan.dim).uniform(-1.0, 1.0, (numbers.shape[1], _COLUMNS))
            weights /= np.abs(weights).sum(axis=0)
        parts.append(numbers @ weights)
    return np.concatenate(parts)
