"""Counter-based random numbers: every number is a function of (seed, index, block, stream), and of nothing else.

Philox4x32-10 [1]_: the counter holds (index low, index high, block, stream), the key (seed low, seed high), each a
32-bit word. Nothing is stored and nothing depends on who drew before, so any shard of starts can be made anywhere.
The same text runs on NumPy arrays, on the words of the CPU's code (``compiler/lower/random_words.py``) and inside CUDA
kernels, and gives the same bits there.

.. [1] J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

import math

import numpy as np

from batchgd.kernels.jitable import jitable
from batchgd.kernels.splitmix import finalise
from batchgd.kernels.vecmath import log, sincos, sqrt, where
from batchgd.kernels.vecmath.emitters import emitted
from batchgd.kernels.vecmath.ir import pinned_product

# What the fourth counter word is used for; a stream never shares a number with another one.
STREAM_STARTS = 0
STREAM_PERMUTATION = 1
STREAM_GRADIENT_NOISE = 2
STREAM_LANGEVIN = 3
STREAM_BATCHES = 4
STREAM_EPOCHS = 5

# Every constant is typed: Numba turns uint64 with an int literal into float64, and 32-bit words are kept in uint64
# because a product of two of them must not lose its upper half (it still compiles to one widening multiply).
_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_WORD = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_11 = np.uint64(11)
_UNIT_53 = np.float64(2.0**-53)
_8 = np.uint64(8)
_UNIT_24 = np.float32(2.0**-24)

_FLAGS = {"fastmath": {"contract"}, "error_model": "numpy", "forceinline": True}


@jitable(**_FLAGS)
def philox4x32(c0, c1, c2, c3, k0, k1):
    """Return the four 32-bit words, as uint64, that Philox4x32-10 makes from counter ``c0..c3`` and key ``k0, k1``.

    Parameters
    ----------
    c0, c1, c2, c3, k0, k1 : uint64 scalars or arrays that broadcast
        Words below 2**32.

    Examples
    --------
    >>> zero = np.uint64(0)
    >>> [hex(word) for word in philox4x32(zero, zero, zero, zero, zero, zero)]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    for _ in range(10):
        product_0 = _MULTIPLIER_0 * c0
        product_1 = _MULTIPLIER_1 * c2
        c0 = (product_1 >> _32) ^ c1 ^ k0
        c1 = product_1 & _WORD
        c2 = (product_0 >> _32) ^ c3 ^ k1
        c3 = product_0 & _WORD
        k0 = (k0 + _WEYL_0) & _WORD
        k1 = (k1 + _WEYL_1) & _WORD
    return c0, c1, c2, c3


@jitable(**_FLAGS)
def random_words(seed, index, block, stream):
    """Return the four 32-bit words, as uint64, of ``block`` of draw ``index`` under ``seed``, in ``stream``.

    Parameters
    ----------
    seed, index : non-negative integers below 2**64
        Scalars, or an array of indices.
    block, stream : non-negative integers below 2**32
        Which four words of this index, and what they are for (``STREAM_STARTS``, ...).
    """
    seed = np.uint64(seed)
    index = np.uint64(index)
    return philox4x32(index & _WORD, index >> _32, np.uint64(block), np.uint64(stream), seed & _WORD, seed >> _32)


@jitable(**_FLAGS)
def uniform_pair(seed, index, block, stream=STREAM_STARTS):
    """Return two float64 numbers in [0, 1), each with 53 random bits: coordinates ``2 block`` and ``2 block + 1``.

    Parameters
    ----------
    seed, index, block, stream : non-negative integers
        As in :func:`random_words`.

    Examples
    --------
    >>> u, v = uniform_pair(7, np.arange(2), 0)
    >>> u[1] == uniform_pair(7, 1, 0)[0]
    np.True_
    """
    w0, w1, w2, w3 = random_words(seed, index, block, stream)
    u = np.float64(((w0 << _32) | w1) >> _11) * _UNIT_53
    v = np.float64(((w2 << _32) | w3) >> _11) * _UNIT_53
    return u, v


@jitable(**_FLAGS)
def uniform_pair_single(seed, index, block, stream=STREAM_STARTS):
    """Return two float32 numbers in [0, 1): the leading 24 bits of those of :func:`uniform_pair`.

    Made without float64 arithmetic, which most GPUs are slow at.

    Parameters
    ----------
    seed, index, block, stream : non-negative integers
        As in :func:`random_words`.

    Examples
    --------
    >>> (u, _), (single, _) = uniform_pair(7, 3, 0), uniform_pair_single(7, 3, 0)
    >>> bool(0 <= u - single < 2.0**-24)
    True
    """
    w0, _, w2, _ = random_words(seed, index, block, stream)
    return np.float32(w0 >> _8) * _UNIT_24, np.float32(w2 >> _8) * _UNIT_24


def rounded_product(u, width):
    """Return ``u * width``, rounded before anything is added to it."""
    return u * width


emitted(rounded_product, arity=2)(pinned_product)


# No contraction here: a fused multiply-add rounds once where NumPy rounds twice, and starts would differ by a bit.
@jitable(fastmath=False, error_model="numpy", forceinline=True)
def place(u, lower, width):
    """Return ``lower + u * width``, rounded after the product and after the sum, as NumPy does.

    For u in [0, 1) the result is in [lower, upper); if ``u * width`` rounds up it can equal the upper end.
    """
    return lower + rounded_product(u, width)


def permuted(seed, axis, index, n):
    """Return where a random permutation of 0..n-1 sends each ``index``, without building the permutation.

    A Feistel network on Z_a x Z_b with a b just above n, whose halves are stirred by keyed 64-bit mixing, and
    cycle-walking for the few values past n (Black & Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002,
    the generalised Feistel cipher). Memory does not grow with n. NumPy only.

    Parameters
    ----------
    seed, axis : non-negative integers
        Which permutation: each axis has its own.
    index : (m,) array of integers in 0..n-1
    n : int
        The number of elements, 1 to 2**62.

    Examples
    --------
    >>> sorted(permuted(0, 0, np.arange(7), 7).tolist())
    [0, 1, 2, 3, 4, 5, 6]
    """
    rows = math.isqrt(n - 1) + 1
    columns = -(-n // rows)
    keys = [key for block in range(_ROUNDS // 2) for key in _keys(seed, axis, block)]
    out = _shuffle(np.asarray(index, np.uint64), keys, np.uint64(rows), np.uint64(columns))
    outside = np.flatnonzero(out >= np.uint64(n))
    while outside.size:
        out[outside] = _shuffle(out[outside], keys, np.uint64(rows), np.uint64(columns))
        outside = outside[out[outside] >= np.uint64(n)]
    return out


_ROUNDS = 8


def _keys(seed, axis, block):
    """Two 64-bit round keys from one Philox block."""
    w0, w1, w2, w3 = random_words(seed, axis, block, STREAM_PERMUTATION)
    return (w0 << _32) | w1, (w2 << _32) | w3


def _shuffle(value, keys, rows, columns):
    """One pass of the Feistel network over 0..rows*columns-1."""
    left, right = value % rows, value // rows
    for turn, key in enumerate(keys):
        if turn % 2 == 0:
            left = (left + _mixed(right, key)) % rows
        else:
            right = (right + _mixed(left, key)) % columns
    return left + rows * right


def _mixed(half, key):
    """Stir a half with a key to 62 random bits (so that adding the other half cannot wrap)."""
    return finalise(half ^ key) >> np.uint64(2)


def normal(seed, start, nit, axis, stream):
    """Return the standard normal number of one coordinate at one update, for noise.

    Two coordinates share one call of Philox by the transform of Box and Muller [2]_: sqrt(-2 log(1 - u)) times
    cos(2 π v) or sin(2 π v), without branches.

    The counter of Philox holds the start, the updates made and, besides the stream in its lowest byte, the pair of
    coordinates: no two numbers share one.

    .. [2] G. E. P. Box, M. E. Muller, "A note on the generation of random normal deviates", Ann. Math. Stat. 29, 1958.
    """
    u, v = uniform_pair(seed, start, np.int64(nit), (np.int64(axis >> 1) << 8) | np.int64(stream))
    sine, cosine = sincos(6.283185307179586 * v)
    return sqrt(-2.0 * log(1.0 - u)) * where((axis & 1) == 0, cosine, sine)
