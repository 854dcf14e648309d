"""Second-order conditions at a point that rests on bounds without being pushed: coordinates that only move inwards.

There the Hessian need not be positive definite: it is enough that the value rises in the directions that stay within.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.newton_step import SOFT

_MOST = 10  # coordinates of which all subsets are looked at


def strictly_copositive(hessian: NDArray[np.float64], inwards: NDArray[np.int64], held: NDArray[np.bool_]) -> bool:
    """Whether d' H d > 0 for all d != 0 with d = 0 where held, and d of the sign ``inwards`` where that is not 0.

    The coordinates that move both ways are eliminated (their block must be positive definite); what remains, S, is
    strictly copositive if no principal submatrix of it has an eigenvector of positive components with an eigenvalue of
    0 or less. Beyond ten coordinates that only move inwards the answer is no.

    >>> strictly_copositive(np.array([[1.0, 5.0], [5.0, 1.0]]), np.array([1, 1]), np.array([False, False]))
    True
    >>> strictly_copositive(np.array([[1.0, -5.0], [-5.0, 1.0]]), np.array([1, 1]), np.array([False, False]))
    False
    >>> strictly_copositive(np.array([[1.0, -5.0], [-5.0, 1.0]]), np.array([1, -1]), np.array([False, False]))
    True

    References
    ----------
    W. Kaplan, "A test for copositive matrices", Linear Algebra Appl. 313, 2000, 203-206.
    """
    weak, free = np.flatnonzero((inwards != 0) & ~held), np.flatnonzero((inwards == 0) & ~held)
    least = SOFT * np.abs(hessian).max(initial=0.0)
    if len(weak) > _MOST or not np.isfinite(hessian).all():
        return False
    block, across = hessian[np.ix_(free, free)], hessian[np.ix_(free, weak)]
    if len(free) and np.linalg.eigvalsh(block)[0] <= least:
        return False
    rest = hessian[np.ix_(weak, weak)] - (across.T @ np.linalg.solve(block, across) if len(free) else 0.0)
    rest = rest * inwards[weak] * inwards[weak][:, None]
    for size in range(1, len(weak) + 1):
        for chosen in itertools.combinations(range(len(weak)), size):
            value, vector = np.linalg.eigh(rest[np.ix_(chosen, chosen)])
            positive = (vector > 0.0).all(axis=0) | (vector < 0.0).all(axis=0)
            if (positive & (value <= least)).any():
                return False
    return True
