"""Fit DanWood, energy radiated by a carbon filament against its temperature, by least squares from many starts.

    python examples/nist_danwood.py

The model is y = b1 x^b2, with a single minimum at the end of a curved valley.
"""

import nist
import numpy as np

DATA = nist.read(nist.FOLDER / "DanWood.dat")


def residual_sum(b):
    """Sum of squared residuals of y = b1 x^b2."""
    return np.sum((DATA.y - b[0] * DATA.x ** b[1]) ** 2)


def fit(starts=1_000):
    """Descend from `starts` points in a box around NIST's two."""
    import batchgd as bgd

    return bgd.multistart(residual_sum, box=DATA.box(), starts=starts, seed=0)


if __name__ == "__main__":
    result = fit()
    print(result)
    print()
    print(nist.compare(DATA, result.minima.x[0], result.minima.fun[0]))
