"""The disconnectivity graph: how the sets of minima that a level connects split as the level falls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.minima.merge import linked
from batchgd.problem import check

_EXACT = 60  # minima up to which every saddle is a level
_MOST_LEVELS = 10_000
_STEPS = 40  # levels for more
_SAME = 1e-9  # relative to the value: saddles that symmetry makes equally high are one level


@dataclass(frozen=True, eq=False)
class Tree:
    """A forest whose leaves 0 .. m - 1 are the minima, and whose other nodes are superbasins.

    Attributes
    ----------
    level : (k,)
        Of a leaf the value of its minimum; of a superbasin the lowest level at which its minima are connected.
    parent : (k,)
        The superbasin that each node belongs to at the next level where it grows; -1 for a root.
    place : (k,)
        Where it is drawn, in minima from the left: leaves at 0 .. m - 1, a superbasin in the middle.
    """

    level: NDArray[np.float64]
    parent: NDArray[np.int64]
    place: NDArray[np.float64]


def disconnectivity(saddles: Any, levels: int | None = None) -> Tree:
    """Compute the disconnectivity graph of minima and saddles.

    Two minima are connected at level E if they are joined by a path whose saddles are all at most E high. At each level
    the minima fall into disjoint sets, the superbasins; the graph is the tree of their inclusion.

    Parameters
    ----------
    saddles : Saddles
        What ``result.connect()`` returned.
    levels : int, optional
        Even steps of the level between the lowest minimum and the highest saddle; sets that join within one step join
        at its upper end. Default: with up to 60 minima each saddle is a level of its own; with more there are 40 steps.

    Returns
    -------
    Tree

    Examples
    --------
    >>> import batchgd as bgd
    >>> tree = disconnectivity(bgd.multistart("mueller_brown", starts=200).connect())
    >>> tree.level.round(2).tolist(), tree.parent.tolist(), tree.place.tolist()
    ([-146.7, -108.17, -80.77, -72.25, -40.66], [4, 3, 3, 4, -1], [0.0, 1.0, 2.0, 1.5, 1.0])

    References
    ----------
    O. M. Becker and M. Karplus, "The topology of multidimensional potential energy surfaces", J. Chem. Phys. 106, 1495
    (1997); D. J. Wales, M. A. Miller and T. R. Walsh, "Archetypal energy landscapes", Nature 394, 758 (1998).
    """
    if levels is not None:
        check.whole("levels", levels, 1, _MOST_LEVELS, of="steps")
    m = len(saddles.nodes)
    level, parent = [float(value) for value in saddles.nodes.fun], [-1] * m
    root, node = np.arange(m), np.arange(m)  # the lowest label of each minimum's superbasin, and the node of that label
    for height, rows in _by_level(saddles, levels):
        ends, pairs = np.unique(root[saddles.joins[rows]], return_inverse=True)
        for members in connected(len(ends), pairs.reshape(-1, 2)):
            parts = ends[members]
            for part in node[parts].tolist():
                parent[part] = len(level)
            root[np.isin(root, parts)], node[parts[0]] = parts[0], len(level)
            level.append(height)
            parent.append(-1)
    above = np.array(parent, dtype=np.int64)
    return Tree(np.array(level), above, _places(np.array(level), above, m))


def _by_level(saddles: Any, levels: int | None) -> list[tuple[float, NDArray[np.int64]]]:
    """The levels at which sets of minima join, ascending, and the rows of the saddles at which they do."""
    rows = saddles.spanning
    if levels is None and len(saddles.nodes) > _EXACT:
        levels = _STEPS
    if len(rows) == 0:
        return []
    height = saddles.fun[rows]
    low, high = float(saddles.nodes.fun.min()), float(height.max())
    if levels is None:
        bin_, top = np.cumsum(np.r_[False, np.diff(height) > _SAME * np.maximum(1.0, np.abs(height[1:]))]), height
    else:
        step = (high - low) / levels
        bin_ = np.ceil((height - low) / step * (1 - 1e-12)).astype(np.int64)
        top = low + bin_ * step
    return [(float(top[bin_ == k].max()), rows[bin_ == k]) for k in np.unique(bin_)]


def _places(level: NDArray, parent: NDArray[np.int64], m: int) -> NDArray[np.float64]:
    """Lay the leaves out so that lines do not cross, the lowest part of each superbasin in its middle."""
    leaves: list[list[int]] = [[k] if k < m else [] for k in range(len(level))]
    lowest = level.copy()
    parts: dict[int, list[int]] = {}
    for k, up in enumerate(parent.tolist()):  # a superbasin comes after all of its parts
        if k >= m:
            leaves[k] = _inside_out(parts[k], lowest, leaves)
            lowest[k] = min(lowest[part] for part in parts[k])
        parts.setdefault(up, []).append(k)
    order = [leaf for root in sorted(parts[-1], key=lambda k: lowest[k]) for leaf in leaves[root]]
    place = np.empty(len(level))
    place[order] = np.arange(m)
    for k in range(m, len(level)):
        place[k] = 0.5 * (place[leaves[k][0]] + place[leaves[k][-1]])
    return place


def _inside_out(parts: list[int], lowest: NDArray, leaves: list[list[int]]) -> list[int]:
    """The leaves of some parts, the lowest part in the middle and the others on either side alternately."""
    line: list[list[int]] = []
    for count, part in enumerate(sorted(parts, key=lambda k: lowest[k])):
        line.insert(len(line) if count % 2 else 0, leaves[part])
    return [leaf for part in line for leaf in part]


def connected(n: int, pairs: NDArray[np.int64]) -> list[list[int]]:
    """The sets into which pairs, (k, 2), join 0 .. n - 1, each ascending, in the order of their lowest members.

    >>> connected(4, np.array([[3, 1]]))
    [[0], [1, 3], [2]]
    """
    number = linked(n, pairs)
    sets = np.split(np.argsort(number, kind="stable"), np.cumsum(np.bincount(number))[:-1])
    return [one.tolist() for one in sets if len(one)]
