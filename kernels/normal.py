"""Standard normal numbers for noise: functions of seed, start, number of updates, coordinate and stream alone.

Two coordinates share one call of Philox by the transform of Box and Muller 1958, Ann. Math. Stat. 29, 610:
sqrt(-2 log(1 - u)) times cos(2 π v) or sin(2 π v). Without branches, so that it is vectorised over lanes.
"""

import numpy as np

from batchgd.kernels.philox import uniform_pair
from batchgd.kernels.vecmath import log, sincos, sqrt, where


def normal(seed, start, nit, axis, stream):
    """Return the number of one coordinate at one update.

    The counter of Philox holds the start, the updates made and, beside the stream in its lowest byte, the pair of
    coordinates: no two numbers share one.
    """
    u, v = uniform_pair(seed, start, np.int64(nit), (np.int64(axis >> 1) << 8) | np.int64(stream))
    sine, cosine = sincos(6.283185307179586 * v)
    return sqrt(-2.0 * log(1.0 - u)) * where((axis & 1) == 0, cosine, sine)
