"""Tests of a change of fractions: independent runs, runs from the same starts, and many tests at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_EXPECTED = 5.0  # counts expected at least for the normal approximation; below, the exact test


def two_proportions(count_a: ArrayLike, n_a: int, count_b: ArrayLike, n_b: int) -> NDArray[np.float64]:
    r"""Two-sided p-value of equal shares, count_a of n_a and count_b of n_b independent starts.

        z = (p_a - p_b) / sqrt(p (1 - p) (1 / n_a + 1 / n_b)),    p = (count_a + count_b) / (n_a + n_b)

    Where fewer than 5 are expected in any of the four cells, Fisher's exact test instead.

    >>> two_proportions([500, 3], 1000, [560, 0], 1000).round(4).tolist()
    [0.0072, 0.2496]

    References
    ----------
    R. A. Fisher, "Statistical Methods for Research Workers", 5th ed., 1934, section 21.02.
    """
    from scipy.special import erfc
    from scipy.stats import fisher_exact

    a, b = np.asarray(count_a, np.int64), np.asarray(count_b, np.int64)
    p = (a + b) / (n_a + n_b)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (a / n_a - b / n_b) / np.sqrt(p * (1 - p) * (1 / n_a + 1 / n_b))
    out = erfc(np.abs(z) / np.sqrt(2.0))
    for k in np.flatnonzero(np.minimum(p, 1 - p) * min(n_a, n_b) < _EXPECTED):
        out[k] = fisher_exact([[a[k], n_a - a[k]], [b[k], n_b - b[k]]])[1]
    return np.asarray(out, np.float64)


def mcnemar(left: ArrayLike, came: ArrayLike) -> NDArray[np.float64]:
    """Two-sided exact p-value that as many of the same starts left a minimum as came to it.

    Twice the binomial probability, at 1/2, of the smaller number among ``left + came`` starts, 1 at most.

    >>> mcnemar([0, 6], [10, 5]).round(6).tolist()
    [0.001953, 1.0]

    References
    ----------
    Q. McNemar, "Note on the sampling error of the difference between correlated proportions", Psychometrika 12, 1947.
    """
    from scipy.special import betainc

    few, many = np.minimum(left, came), np.maximum(left, came)
    # The binomial's distribution function, P(X <= few), is a beta integral; without any moves there is nothing to test.
    return np.minimum(1.0, 2.0 * np.where(many == 0, 1.0, betainc(np.maximum(many, 1), few + 1, 0.5)))


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """P-values corrected for their number: below α, at most a share α of such comparisons errs in any of them.

    Sorted, the k-th smallest of m becomes the largest of (m - i + 1) p_i over i <= k, 1 at most.

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]

    References
    ----------
    S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Stat. 6, 1979.
    """
    p = np.asarray(p, np.float64)
    order = np.argsort(p)
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    out = np.empty(len(p))
    out[order] = np.minimum(raised, 1.0)
    return out
