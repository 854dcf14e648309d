"""Where a shape has moved: points matched with their nearest neighbours, by a Numba function of one's own.

The squared distance of each point to the nearest one of the shape has a minimum wherever many points meet others by
chance. A search is not arithmetic, so it is not traced; its gradient is easy to write.
"""

import numpy as np
from numba import njit

import batchgd as bgd

SHAPE = np.random.default_rng(0).uniform(0.0, 10.0, (40, 2))
SHIFT = np.array([0.7, -0.4])
SEEN = SHAPE[:25] + SHIFT


@njit
def registration(x, g):
    """The sum of squared distances of the points that were seen, moved by -x, to the shape."""
    total = 0.0
    for k in range(len(SEEN)):
        least, right, up = np.inf, 0.0, 0.0
        for j in range(len(SHAPE)):
            a, b = SEEN[k, 0] - x[0] - SHAPE[j, 0], SEEN[k, 1] - x[1] - SHAPE[j, 1]
            if a * a + b * b < least:
                least, right, up = a * a + b * b, a, b
        total += least
        g[0] -= 2.0 * right
        g[1] -= 2.0 * up
    return total


def run(starts: int = 2000):
    """Find the shifts that are minima."""
    return bgd.multistart(bgd.compiled(registration, box=[(-3.0, 3.0)] * 2), starts=starts)


if __name__ == "__main__":
    print(run())
