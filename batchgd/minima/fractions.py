"""Intervals of shares: of minima, which are listed because starts reached them, and of anything else."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from batchgd.minima.beta import beta_quantile
from batchgd.problem import check
from batchgd.problem.errors import InputError


def seen_interval(
    count: ArrayLike, n: int, confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Interval of a minimum's share, given that it was seen: the interval of fractions.

    A minimum is listed because at least one start reached it; a rare one is listed only when its count is higher than
    expected. With X the number of starts that reach a minimum of share p, a = 1 - ``confidence`` and k = ``count``

        low:   P(X >= k | X >= 1) = a / 2,    0 for k = 1
        high:  P(X <= k) = a / 2,             1 for k = n

    The upper end is Clopper and Pearson's; so is the lower one if the chance to miss the minimum at that share,
    (1 - low)^n, is negligible, from about 20 starts on. Among the runs that list a minimum, at least a share
    ``confidence`` has an interval that contains its share, whatever that is. A minimum that one start reached may be
    arbitrarily rare.

    Parameters
    ----------
    count : int or array
        How many of the ``n`` independent starts; 0 for a minimum that other starts found: low is 0 then.
    n : int
        All starts.
    confidence : float
        Probability, for one minimum, that the interval contains its share. For all k minima of a run at once use
        ``1 - (1 - confidence) / k``: if the counts are independent, as they nearly are, the chance that any of the k
        intervals fails is at most the sum over all minima of E[1(seen) (1 - confidence) / k], which is 1 - confidence.

    Returns
    -------
    low, high : arrays of the shape of ``count``, within [0, 1]

    Raises
    ------
    InputError
        If ``confidence`` is not strictly between 0 and 1.

    Examples
    --------
    >>> low, high = seen_interval([1, 2, 250], 1000)
    >>> low.round(6).tolist(), high.round(6).tolist()
    ([0.0, 5e-05, 0.22343], [0.005559, 0.007206, 0.27805])

    References
    ----------
    C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26, 1934. Y. Benjamini and D. Yekutieli, "False discovery rate-adjusted multiple confidence intervals for
    selected parameters", JASA 100, 2005 (intervals given the selection; why k may be the number that was selected).
    """
    check_confidence(confidence)
    if n == 0:
        return np.zeros(np.shape(count)), np.ones(np.shape(count))
    half = (1.0 - confidence) / 2
    k, back = _distinct(np.asarray(count))
    high = np.where(k == n, 1.0, beta_quantile(k + 1, np.maximum(n - k, 1), 1 - half))
    low = np.where(k > 1, beta_quantile(np.maximum(k, 1), n - k + 1, half), 0.0)
    rest = np.flatnonzero(k > 1)
    while len(rest):  # falls to the solution, each time by at least half of its distance in logarithms
        before = low[rest]
        low[rest] = beta_quantile(k[rest], n - k[rest] + 1, half * -np.expm1(n * np.log1p(-before)))
        rest = rest[low[rest] < before * (1 - 1e-12)]
    return low[back].reshape(np.shape(count)), high[back].reshape(np.shape(count))


def _distinct(count: NDArray) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The distinct counts, and the place of each count among them; small whole numbers need no sort."""
    if count.dtype.kind in "iu" and count.size and count.min() >= 0 and count.max() <= count.size:
        seen = np.bincount(count.ravel()) > 0
        return np.flatnonzero(seen).astype(np.float64), (np.cumsum(seen) - 1)[count.ravel()]
    k, back = np.unique(np.asarray(count, np.float64), return_inverse=True)
    return k, back.ravel()


def check_confidence(confidence: Any) -> float:
    """Return a probability strictly between 0 and 1, or raise InputError."""
    wanted = "a probability between 0 and 1, such as 0.95"
    value = check.number("confidence", confidence, wanted)
    if not 0.0 < value < 1.0:
        raise InputError(f"confidence is {value!r}: give {wanted}")
    return value


def wilson(count: ArrayLike, n: int, confidence: float = 0.95) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Wilson's score interval of a share that is reported whatever the count: of successes, of changed labels.

    It contains the share in 95 % of runs, on average over shares. Fractions of minima have :func:`seen_interval`
    instead. With p = count / n and z the two-sided normal quantile,

        (p + z^2 / 2n  -+  z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)

    Parameters
    ----------
    count : int or array
        How many of the ``n`` independent starts.
    n : int
        All starts.
    confidence : float
        Probability, for one share, that the interval covers it; for k shares at once use ``1 - (1 - confidence) / k``.

    Returns
    -------
    low, high : arrays of the shape of ``count``, within [0, 1]

    Raises
    ------
    InputError
        If ``confidence`` is not strictly between 0 and 1.

    Examples
    --------
    >>> low, high = wilson(81, 263)  # Newcombe 1998, table I: 0.2553 to 0.3662
    >>> round(float(low), 4), round(float(high), 4)
    (0.2553, 0.3662)

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.
    R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Stat. Med. 17, 1998 (method 3).
    """
    check_confidence(confidence)
    count = np.asarray(count, dtype=np.float64)
    if n == 0:
        return np.zeros_like(count), np.ones_like(count)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    p = count / n
    center = p + z * z / (2 * n)
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # At 0 and n the ends are 0 and 1 exactly; rounding must not move them.
    low = np.where(count == 0, 0.0, (center - half) / (1 + z * z / n))
    high = np.where(count == n, 1.0, (center + half) / (1 + z * z / n))
    return low, high
