"""How often intervals of shares hold, given that a minimum was seen: `python benchmarks/intervals.py [runs]`.

A run is a draw of n starts from basins of known shares (multinomial), so only the statistics are tested. Every minimum
that a run sees is listed with an interval at 95 %. Prints one Markdown table; for each kind of interval,

each: the share of all listings in which the interval contains the basin's share, should be at least 95 %;
rare: the same among basins that are expected less than once (n p < 1), should be at least 95 %;
all:  the share of runs in which all listed intervals hold at once, with the error divided by their number.
"""

import sys
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from batchgd.minima.fractions import seen_interval, wilson

Floats = NDArray[np.float64]
SIZES = (50, 200, 1_000, 5_000, 10_000)
ERROR = 0.05


class Held(NamedTuple):
    """Shares of listings and of runs in which intervals hold; NaN if no rare basin was listed."""

    each: float
    rare: float
    all: float


def clopper_pearson(count: NDArray[np.int64], n: int, confidence: float) -> tuple[Floats, Floats]:
    """The exact interval of a share that was not chosen by its count."""
    half = (1 - confidence) / 2
    low = np.where(count > 0, betaincinv(np.maximum(count, 1), n - count + 1, half), 0.0)
    return low, np.where(count < n, betaincinv(count + 1, np.maximum(n - count, 1), 1 - half), 1.0)


KINDS = {"Wilson": wilson, "Clopper-Pearson": clopper_pearson, "given that it was seen": seen_interval}


def landscapes() -> dict[str, Floats]:
    """The shares of the basins of some landscapes in their library boxes, and a very skewed set of shares."""
    barrier = np.sort(np.roots([4.0, 0.0, -32.0, 5.0]).real)[1]  # of Styblinski and Tang's x^4 - 16 x^2 + 5 x
    styblinski_tang = np.array([5.0 + barrier, 5.0 - barrier]) / 10.0
    zipf = np.arange(1.0, 516.0) ** -1.5
    return {
        "Styblinski-Tang, 8-D": _product(styblinski_tang, 8),
        "Styblinski-Tang, 5-D": _product(styblinski_tang, 5),
        "Rastrigin, 3-D": _product(np.diff([-5.12, *_rastrigin_maxima(), 5.12]) / 10.24, 3),
        "Zipf 1.5, 515 basins": zipf / zipf.sum(),
    }


def _product(cells: Floats, dim: int) -> Floats:
    """The shares of a separable function's basins from those along one coordinate."""
    shares = np.ones(1)
    for _ in range(dim):
        shares = np.outer(shares, cells).ravel()
    return shares


def _rastrigin_maxima() -> Floats:
    """The maxima of x^2 - 10 cos(2 pi x) within the box, by Newton's method from the half-integers."""
    x = np.arange(-4.5, 5.0)
    for _ in range(20):
        x = x - (2 * x + 20 * np.pi * np.sin(2 * np.pi * x)) / (2 + 40 * np.pi**2 * np.cos(2 * np.pi * x))
    return x


def held(interval, share: Floats, n: int, runs: int, seed: int = 0) -> Held:
    """How often the intervals contain the shares of the basins that were seen."""
    listings = rare = good = rare_good = every = 0
    for count in np.random.default_rng(seed).multinomial(n, share, size=runs):
        seen = count > 0
        p, k = share[seen], count[seen]
        holds, wide = (
            (low <= p) & (p <= high) for low, high in (interval(k, n, 1 - e) for e in (ERROR, ERROR / len(k)))
        )
        listings, good, every = listings + len(k), good + holds.sum(), every + wide.all()
        rare, rare_good = rare + (n * p < 1).sum(), rare_good + holds[n * p < 1].sum()
    return Held(good / listings, rare_good / rare if rare else np.nan, every / runs)


def main(runs: int = 300) -> None:
    """Print the table."""
    heads = [f"{name}: {what}" for name in KINDS for what in Held._fields]
    print("| shares | n |", " | ".join(heads), "|")
    print("|---|---|" + "---|" * len(heads))
    for name, share in landscapes().items():
        for n in SIZES:
            row = [value for interval in KINDS.values() for value in held(interval, share, n, runs)]
            cells = " | ".join("-" if np.isnan(v) else f"{100 * v:.1f} %" for v in row)
            print(f"| {name} | {n:,} | {cells} |", flush=True)


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:2]))
