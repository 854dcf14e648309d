"""Fit BoxBOD, biochemical oxygen demand against incubation time, by least squares from many starts.

    python examples/nist_boxbod.py

The model is y = b1 (1 - exp(-b2 x)). NIST rates it among the difficult ones: where b2 is large, exp(-b2 x) vanishes and
the residual sum hardly depends on b2 any more.
"""

import nist
import numpy as np

DATA = nist.read(nist.FOLDER / "BoxBOD.dat")


def residual_sum(b):
    """Sum of squared residuals of y = b1 (1 - exp(-b2 x))."""
    return np.sum((DATA.y - b[0] * (1.0 - np.exp(-b[1] * DATA.x))) ** 2)


def fit(starts=1_000):
    """Descend from `starts` points in a box around NIST's two."""
    import batchgd as bgd

    return bgd.multistart(residual_sum, box=DATA.box(), starts=starts, seed=0)


if __name__ == "__main__":
    result = fit()
    print(result)
    print()
    print(nist.compare(DATA, result.minima.x[0], result.minima.fun[0]))
