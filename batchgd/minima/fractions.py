"""Shares of the starts with their intervals."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from batchgd.errors import InputError


def wilson(count: ArrayLike, n: int, confidence: float = 0.95) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Wilson's score interval of a share.

    With p = count / n and z the two-sided normal quantile,

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
        When ``confidence`` is not strictly between 0 and 1.

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
    if not 0.0 < confidence < 1.0:
        raise InputError(f"confidence is {confidence}: give a probability between 0 and 1, such as 0.95")
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
