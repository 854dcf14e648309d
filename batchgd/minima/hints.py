"""Symmetries that were not stated but show in the minima: a sentence that names the option."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from batchgd.minima.invariance import check_invariance
from batchgd.minima.scale import Derivable, values
from batchgd.minima.tables import Minima
from batchgd.problem.box import Box
from batchgd.problem.errors import InputError
from batchgd.problem.identity import Identity
from batchgd.problem.speaker import said
from batchgd.problem.symmetry import as_symmetry
from batchgd.problem.wording import plural

_RIGID = (
    *("cluster", "cluster(2)"),
    *("rotations(3) * translations(3)", "rotations(2) * translations(2)"),
    "permutations(3) * rotations(3, mirror=True) * scalings(3)",
    *("permutations(3) * rotations(3, mirror=True)", "permutations(2) * rotations(2, mirror=True)"),
    *("rotations(3)", "rotations(2)", "translations(3)", "translations(2)", "translations(1)"),
)
"""Symmetries with zero modes that are tried, the largest first."""

_OF_COORDINATES = ("signs(1)", "permutations(1)", "permutations(1) * signs(1)")
"""Symmetries of single coordinates that are tried if minima differ by order and signs, the smallest first."""

_LEAST = 3  # free directions: of a rigid body in a plane; a ring or a sphere needs no advice
_SAMPLE = 3  # minima of which copies are evaluated
_COPIES = 4
_SAME = 1e-8  # relative, of values of copies
_EQUAL = 8  # lowest minima that are permutations of each other: two hidden units give as many


def symmetry_hint(objective: Derivable, box: Box, minima: Minima, identity: Identity) -> str | None:
    """Name a symmetry that explains the free directions of all sets of equal minima, or equal isolated minima."""
    if identity.symmetry is not None or len(minima) == 0:
        return None
    free = np.asarray(minima.free)
    if (free >= _LEAST).all() and (free < box.dim).all():
        name = _explanation(objective, box, minima)
        if name is None:
            return None
        most = plural(int(free.max()), "zero mode")
        option = said(f"identity=bgd.Identity(symmetry={name!r})", f"--identity-symmetry '{name}'")
        return (
            f"every minimum found is a set of equal points with the {most} of rotations or translations: "
            f"with {option} it is one minimum"
        )
    return _exchanged(objective, box, minima) if (free == 0).all() else None


def _explanation(objective: Derivable, box: Box, minima: Minima) -> str | None:
    """The first symmetry that has as many zero modes as each minimum, and leaves the values of copies as they are."""
    rows = np.unique(np.linspace(0, len(minima) - 1, _SAMPLE).astype(int))
    for name in _RIGID:
        symmetry = as_symmetry(name)
        assert symmetry is not None
        try:
            symmetry.plan(box.dim)
        except InputError:
            continue
        if any(len(symmetry.zero_modes(minima.x[row])) != minima.free[row] for row in rows):
            continue
        copies = np.array([symmetry.copy(minima.x[row], seed) for row in rows for seed in range(_COPIES)])
        off = np.abs(values(objective, copies).reshape(len(rows), -1) - minima.fun[rows, None])
        if (off <= _SAME * np.maximum(1.0, np.abs(minima.fun[rows, None]))).all():
            return name
    return None


def _exchanged(objective: Derivable, box: Box, minima: Minima) -> str | None:
    """Report lowest minima that differ by the order and the signs of their coordinates alone."""
    size = max(1.0, abs(float(minima.fun[0])))
    lowest = np.flatnonzero(minima.fun <= minima.fun[0] + _SAME * size)
    if len(lowest) < _EQUAL or not _permuted(minima.x[lowest]):
        return None
    name = next((one for one in _OF_COORDINATES if _explains(objective, box, minima.x[lowest], one)), None)
    like = ""
    if name is None:
        name, like = "hidden_units(...)", ", like those of a network whose hidden units are exchanged"
    made = f"bgd.symmetry.{name}" if like else repr(name)
    option = said(f"identity=bgd.Identity(symmetry={made})", f"--identity-symmetry '{name}'")
    return (
        f"the {len(lowest)} lowest minima are equal but for the order and the signs of their coordinates{like}: "
        f"with {option} they are one minimum"
    )


def _explains(objective: Derivable, box: Box, x: NDArray[np.float64], name: str) -> bool:
    """Whether the objective has the symmetry of this name, and all these points are copies of the first by it."""
    symmetry = as_symmetry(name)
    assert symmetry is not None
    if not symmetry.align(x[0], x, 1e-6 * max(1.0, float(np.abs(x).max())))[1].all():
        return False
    try:
        check_invariance(objective, symmetry, box)
    except InputError:
        return False
    return True


def _permuted(x: NDArray[np.float64]) -> bool:
    """Whether all points have the same coordinates but for order and signs."""
    sizes = np.sort(np.abs(x), axis=1)
    return bool((np.ptp(sizes, axis=0) <= 1e-6 * max(1.0, float(sizes.max()))).all())
