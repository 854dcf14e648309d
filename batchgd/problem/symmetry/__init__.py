"""Symmetries of an objective: transformations of x that leave its value as it is, to be composed with ``*``.

``bgd.Identity(symmetry=...)`` takes one, and then points that a symmetry transforms into each other are one minimum.

>>> import batchgd as bgd
>>> atoms = bgd.symmetry.permutations() * bgd.symmetry.rotations(mirror=True) * bgd.symmetry.translations()
>>> print(atoms.describe())
permutations, rotations, reflections and translations of vectors of 3 coordinates
>>> bgd.Identity(symmetry=atoms) == bgd.Identity(symmetry="cluster")
True
"""

from batchgd.problem.symmetry.parts import (
    cluster,
    hidden_units,
    periods,
    permutations,
    rotations,
    scalings,
    signs,
    translations,
)
from batchgd.problem.symmetry.symmetry import Symmetry
from batchgd.problem.symmetry.text import as_symmetry

__all__ = [
    "Symmetry",
    "as_symmetry",
    "cluster",
    "hidden_units",
    "periods",
    "permutations",
    "rotations",
    "scalings",
    "signs",
    "translations",
]
