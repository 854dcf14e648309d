"""Which minima of two tables are the same, one-to-one, and labels of one result in the numbering of another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from batchgd.minima.classes import moved_onto
from batchgd.minima.merge import linked
from batchgd.problem.identity import Identity

if TYPE_CHECKING:
    from batchgd.minima import Minima
    from batchgd.problem.box import Box
    from batchgd.problem.symmetry import Symmetry

Rows = NDArray[np.int64]

WIDER = Identity(x=1e-4, f=1e-6)
"""The identity between two results: they were polished from different endpoints."""

_SETS = 1e9  # box widths from all else: sets of equal minima are paired by their values alone


def labels_onto(known: Minima, other: Minima, box: Box, symmetry: Symmetry | None = None) -> tuple[Rows, Rows]:
    """Labels in ``known`` for those in ``other``, with -1 last; and the labels of the minima that only other has.

    With m known minima, the k-th one that only ``other`` has gets the label m + k, so ``place[label]`` are the labels
    of the other's starts. Copies by the symmetry are one minimum.
    """
    place = np.full(len(other) + 1, -1)
    other = moved_next_to(known, other, box, symmetry)
    mine, theirs = pair_minima(places(known, box.width), known.fun, places(other, box.width), other.fun, WIDER)
    place[theirs] = mine
    alone = np.flatnonzero(place[:-1] < 0)
    place[alone] = len(known) + np.arange(len(alone))
    return place, alone


def moved_next_to(known: Minima, other: Minima, box: Box, symmetry: Symmetry | None, x: float = WIDER.x) -> Minima:
    """Return ``other`` with copies, by the symmetry, of its minima that are within ``x`` of known ones."""
    if symmetry is None:
        return other
    return replace(other, x=moved_onto(symmetry, box, known.x, other.x, x))


def confusion_counts(rows: ArrayLike, columns: ArrayLike, n_rows: int, n_columns: int) -> NDArray[np.int64]:
    """How many starts have each pair of labels, (n_rows + 1, n_columns + 1); label -1 is the last row and column.

    >>> confusion_counts([0, 0, 1, -1], [0, 1, 1, 1], 2, 2).tolist()
    [[1, 1, 0], [0, 1, 0], [0, 1, 0]]
    """
    counts = np.zeros((n_rows + 1, n_columns + 1), np.int64)
    np.add.at(counts, (np.asarray(rows, np.int64), np.asarray(columns, np.int64)), 1)  # -1 counts from the end
    return counts


def places(minima: Minima, width: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where minima are, in box widths; sets of equal minima, whose x is arbitrary, are all at one place far away."""
    return np.where(np.asarray(minima.free > 0)[:, None], _SETS, minima.x / width)


def pair_minima(a: NDArray, fun_a: NDArray, b: NDArray, fun_b: NDArray, identity: Identity) -> tuple[Rows, Rows]:
    """Rows of a and b that are one minimum, each row in one pair at most.

    Points pair when they differ by at most ``identity.x`` in every coordinate and ``identity.f max(1, |f|)`` in value.
    If several could, as many as possible are paired, in the way that minimises the sum of

        max_i |a_i - b_i| / identity.x + |f_a - f_b| / (identity.f max(1, |f_a|))

    Coordinates are in box widths. Chains of candidates are few and short, so each is solved by itself.

    >>> a, b = np.array([[0.2], [0.5]]), np.array([[0.5], [0.9]])
    >>> [rows.tolist() for rows in pair_minima(a, np.zeros(2), b, np.zeros(2), Identity(1e-4, 1e-6))]
    [[1], [0]]
    """
    from scipy.spatial import cKDTree

    empty = np.empty(0, np.int64)
    if not len(a) or not len(b):
        return empty, empty
    near = cKDTree(a).query_ball_tree(cKDTree(b), identity.x, p=np.inf)
    i = np.repeat(np.arange(len(a)), [len(rows) for rows in near])
    j = np.array([row for rows in near for row in rows], np.int64)
    off = np.abs(fun_a[i] - fun_b[j]) / (identity.f * np.maximum(1.0, np.abs(fun_a[i])))
    i, j, off = i[off <= 1.0], j[off <= 1.0], off[off <= 1.0]
    cost = np.abs(a[i] - b[j]).max(axis=1) / identity.x + off
    rows, columns = [empty], [empty]
    for chain in _chains(i, j, len(a), len(b)):
        first, second = _assign(i[chain], j[chain], cost[chain])
        rows.append(first)
        columns.append(second)
    first, second = np.concatenate(rows), np.concatenate(columns)
    order = np.argsort(first)
    return first[order], second[order]


def _chains(i: Rows, j: Rows, m: int, k: int) -> list[Rows]:
    """Candidate pairs, split into sets that share no point."""
    if not len(i):
        return []
    component = linked(m + k, np.stack([i, m + j], axis=1))[i]
    order = np.argsort(component, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(component[order])) + 1)


def _assign(i: Rows, j: Rows, cost: NDArray) -> tuple[Rows, Rows]:
    """The cheapest one-to-one choice among the largest ones."""
    from scipy.optimize import linear_sum_assignment

    if len(i) == 1:
        return i, j
    rows, at_row = np.unique(i, return_inverse=True)
    columns, at_column = np.unique(j, return_inverse=True)
    table = np.full((len(rows), len(columns)), 2.0 * (len(i) + 1))  # more expensive than all candidates together
    table[at_row, at_column] = cost
    first, second = linear_sum_assignment(table)
    real = table[first, second] <= 2.0
    return rows[first[real]], columns[second[real]]
