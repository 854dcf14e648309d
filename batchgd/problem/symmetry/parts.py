"""The symmetries that users compose."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchgd.problem import check
from batchgd.problem.errors import InputError, quoted
from batchgd.problem.symmetry.part import Part
from batchgd.problem.symmetry.symmetry import Symmetry

NAMES = (
    "cluster",
    "hidden_units",
    "periods",
    "permutations",
    "rotations",
    "scalings",
    "signs",
    "translations",
)
"""What can be named in text."""


def permutations(vectors: Any = 3, groups: Any = None) -> Symmetry:
    """Equal vectors may be exchanged, such as equal atoms.

    Parameters
    ----------
    vectors : int or (n, k) array of int
        How coordinates form vectors: k for k consecutive coordinates each, ``x.reshape(-1, k)``, or the numbers of
        the coordinates of each vector.
    groups : sequence of sequences of int, optional
        Which vectors are alike, as ``[[0, 1, 2], [3, 4]]`` for three atoms of one kind and two of another; vectors in
        no group stay where they are. Default: all are alike.

    Examples
    --------
    >>> permutations(1).same([1.0, 2.0, 3.0], [3.0, 1.0, 2.0])
    True
    >>> permutations(1, groups=[[0, 1]]).same([1.0, 2.0, 3.0], [3.0, 1.0, 2.0])
    False
    """
    listed = None
    if groups is not None:
        listed = _tuples("groups", groups)
        members = sum(listed, ())
        if len(set(members)) < len(members) or min(members, default=0) < 0:
            raise InputError(f"groups are {quoted(groups)}: give each vector's number once at most, counted from 0")
    return Symmetry((Part("permutations", _vectors(vectors), groups=listed),))


def rotations(vectors: Any = 3, mirror: bool = False) -> Symmetry:
    """All vectors may be rotated together; about the origin, or about any point together with ``translations``.

    Parameters
    ----------
    vectors : int or (n, k) array of int
        As in ``permutations``; k is 2 or 3.
    mirror : bool
        Whether a point and its mirror image are the same; if not, both enantiomers of a chiral molecule are listed.

    Examples
    --------
    >>> rotations(2).same([1.0, 0.0, 0.0, 2.0], [0.0, 1.0, -2.0, 0.0])
    True
    >>> rotations(2).same([1, 0, 0, 2], [1, 0, 0, -2]), rotations(2, mirror=True).same([1, 0, 0, 2], [1, 0, 0, -2])
    (False, True)
    """
    chosen = _vectors(vectors)
    size = chosen if isinstance(chosen, int) else len(chosen[0])
    if size not in (2, 3):
        raise InputError(f"rotations of vectors of {size} coordinates: give vectors of 2 or 3 coordinates")
    return Symmetry((Part("rotations", chosen, mirror=check.flag("mirror", mirror)),))


def translations(vectors: Any = 3) -> Symmetry:
    """All vectors may be moved by the same amount.

    Parameters
    ----------
    vectors : int or (n, k) array of int
        As in ``permutations``.

    Examples
    --------
    >>> translations(1).same([1.0, 2.0, 4.0], [0.0, 1.0, 3.0])
    True
    """
    return Symmetry((Part("translations", _vectors(vectors)),))


def signs(vectors: Any = 1) -> Symmetry:
    """Each vector may change its sign by itself.

    Parameters
    ----------
    vectors : int or (n, k) array of int
        As in ``permutations``; with one vector of all coordinates, ``[range(d)]``, only x as a whole changes its sign.

    Examples
    --------
    >>> signs().same([1.0, -2.0], [-1.0, -2.0]), signs([[0, 1]]).same([1.0, -2.0], [-1.0, -2.0])
    (True, False)
    """
    return Symmetry((Part("signs", _vectors(vectors)),))


def scalings(vectors: Any = 3) -> Symmetry:
    """Each vector may be multiplied by a positive number by itself, as when only its direction matters.

    Parameters
    ----------
    vectors : int or (n, k) array of int
        As in ``permutations``.

    Examples
    --------
    >>> scalings(2).same([1.0, 1.0, 0.0, 3.0], [2.0, 2.0, 0.0, 1.0])
    True
    """
    return Symmetry((Part("scalings", _vectors(vectors)),))


def periods(period: Any, coordinates: Any = None) -> Symmetry:
    """Coordinates may be shifted by whole periods, such as angles by 2π.

    Parameters
    ----------
    period : float or sequence of float
        One for all coordinates, or one for each; positive, inf for a coordinate without one.
    coordinates : sequence of int, optional
        The numbers of the coordinates that have periods; default: all.

    Examples
    --------
    >>> periods(1.0).same([0.25, 0.75], [3.25, -0.25])
    True
    """
    wanted = "give a positive period, or one for each coordinate"
    numbers = check.reals("period contains", period, wanted).astype(np.float64)
    if numbers.ndim > 1 or numbers.size == 0 or not (numbers > 0.0).all():
        raise InputError(f"period is {quoted(period)}: {wanted}")
    which: int | tuple[tuple[int, ...], ...] = 1
    if coordinates is not None:
        which = tuple((check.whole("coordinates", one),) for one in np.ravel(coordinates).tolist())
        if len(set(which)) < max(len(which), 1):
            raise InputError(f"coordinates is {quoted(coordinates)}: give each coordinate's number once, from 0 on")
        if numbers.ndim and len(numbers) != len(which):
            raise InputError(f"{len(which)} coordinates with {len(numbers)} periods: give one period for each")
    given = float(numbers) if numbers.ndim == 0 else tuple(numbers.tolist())
    return Symmetry((Part("periods", which, period=given),))


def hidden_units(units: Any, odd: bool = True) -> Symmetry:
    """The hidden units of a layer may be exchanged and, if their function is odd like tanh, change their signs.

    Parameters
    ----------
    units : (n, k) array of int
        For each hidden unit the numbers of its coordinates: its weights in, its bias and its weights out.
    odd : bool
        Whether the activation function is odd.

    Examples
    --------
    Two tanh units, x = (weight in, weight in, weight out, weight out):

    >>> layer = hidden_units([[0, 2], [1, 3]])
    >>> layer.same([1.0, 2.0, 3.0, 4.0], [-2.0, 1.0, -4.0, 3.0])
    True
    """
    return permutations(units) * signs(units) if check.flag("odd", odd) else permutations(units)


def cluster(vectors: Any = 3, groups: Any = None, mirror: bool = True) -> Symmetry:
    """Atoms in free space: permutations of equal atoms, rotations, reflections and translations.

    Parameters
    ----------
    vectors, groups : as in ``permutations``
    mirror : bool
        As in ``rotations``: whether mirror images are one minimum.

    Examples
    --------
    >>> print(cluster(mirror=False))
    permutations(3) * rotations(3) * translations(3)
    """
    return permutations(vectors, groups) * rotations(vectors, mirror) * translations(vectors)


def _vectors(given: Any) -> int | tuple[tuple[int, ...], ...]:
    """How coordinates form vectors, checked."""
    if not check.is_array(given) and not isinstance(given, list | tuple | range):
        return check.whole("vectors", given, 1)
    listed = _tuples("vectors", given)
    numbers = sum(listed, ())
    if not numbers or len({len(vector) for vector in listed}) > 1 or len(set(numbers)) < len(numbers):
        raise InputError(
            f"vectors are {quoted(given)}: give k coordinates' numbers for each vector, every number once at most"
        )
    return listed


def _tuples(name: str, given: Any) -> tuple[tuple[int, ...], ...]:
    try:
        return tuple(tuple(check.whole(name, one) for one in np.ravel(row).tolist()) for row in given)
    except TypeError:
        raise InputError(f"{name} is {quoted(given)}: give a list of lists of numbers") from None
