"""SplitMix64's finaliser [1]_, and the key of a fine cell of the box, which is made from it.

Plain functions in ``vecmath`` names: the same text runs on NumPy arrays, on the words of the CPU's code and inside CUDA
kernels, and gives the same bits there.

.. [1] G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
"""

import numpy as np

from batchgd.kernels.jitable import jitable
from batchgd.kernels.vecmath import floor, maximum, minimum

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""What every chain of keys begins with."""

FARTHEST = np.float64(2.0**62)
"""Cells further out than this are one: an int64 reaches little further."""

_MULTIPLIER_0 = np.uint64(0xBF58476D1CE4E5B9)
_MULTIPLIER_1 = np.uint64(0x94D049BB133111EB)
_30, _27, _31 = np.uint64(30), np.uint64(27), np.uint64(31)

_FLAGS = {"fastmath": False, "error_model": "numpy"}


@jitable(**_FLAGS)
def finalise(z):
    """Stir 64 bits so that each depends on all.

    Examples
    --------
    >>> hex(finalise(np.array([1], np.uint64))[0])
    '0x5692161d100b05e5'
    """
    z = (z ^ (z >> _30)) * _MULTIPLIER_0
    z = (z ^ (z >> _27)) * _MULTIPLIER_1
    return z ^ (z >> _31)


@jitable(**_FLAGS)
def cell_key(key, x, lower, width, cells):
    """Take the cell along one more axis, ``floor((x - lower) / width * cells)``, into the key of a point.

    Parameters
    ----------
    key : uint64
        The key of the axes so far; ``GOLDEN`` before the first one.
    x, lower, width : float64
        The coordinate, and the box along this axis. The result for NaN is not defined.
    cells : float64
        Cells along a side of the box. A power of two: then the product is exact, and coarser cells are unions of
        finer ones.

    Examples
    --------
    >>> keys = cell_key(GOLDEN, np.array([0.1, 0.2, 0.3]), 0.0, 1.0, 4.0)
    >>> bool(keys[0] == keys[1]), bool(keys[0] == keys[2])
    (True, False)
    """
    u = minimum(maximum(floor((x - lower) / width * cells), -FARTHEST), FARTHEST)
    return finalise((key ^ np.uint64(np.int64(u))) + GOLDEN)
