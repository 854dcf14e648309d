"""What PTX computes, on NumPy arrays: fused multiply-adds, directed rounding, conversions, and approximations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import vectorize
from numba.extending import intrinsic
from numpy.typing import NDArray

Array = NDArray[Any]


@intrinsic
def _fused(typing: Any, a: Any, b: Any, c: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fma(*arguments)

    return a(a, b, c), generate


@vectorize(["float32(float32, float32, float32)", "float64(float64, float64, float64)"])
def fma(a: Any, b: Any, c: Any) -> Any:
    """Return a b + c, rounded once."""
    return _fused(a, b, c)


def fma_rounded(a: Array, b: Array, c: Array, mode: str) -> Array:
    """Return a b + c of float32 numbers, rounded once: to nearest (rn), to zero (rz), down (rm) or up (rp)."""
    if mode == "rn":
        return np.asarray(fma(a, b, c))
    product = a.astype(np.float64) * b.astype(np.float64)  # exact: 48 bits
    addend = c.astype(np.float64)
    total = product + addend
    left = total - product
    error = (product - (total - left)) + (addend - left)  # of the sum, exactly (Knuth)
    rounded = _directed(total, error, mode)
    if mode != "rm":
        return rounded
    nothing = (total == 0) & (np.signbit(product) != np.signbit(addend))  # x - x is -0 where one rounds down
    return np.where(nothing, np.float32(-0.0), rounded)


def _directed(total: Array, error: Array, mode: str) -> Array:
    """Round total + error, whose second part is far smaller, to float32 in a direction."""
    near = total.astype(np.float32)
    beyond = near.astype(np.float64) - total
    above = (beyond > 0) | ((beyond == 0) & (error < 0))
    below = (beyond < 0) | ((beyond == 0) & (error > 0))
    down = np.where(above, np.nextafter(near, np.float32(-np.inf)), near)
    up = np.where(below, np.nextafter(near, np.float32(np.inf)), near)
    result = {"rm": down, "rp": up, "rz": np.where(total < 0, up, down)}[mode]
    return np.where(np.isfinite(total), result, near).astype(np.float32)


def to_integer(value: Array, target: np.dtype[Any], mode: str) -> Array:
    """Convert to an integer: rounded (rni, rzi, rmi, rpi), clamped to the range; NaN as the manual says."""
    rounded = {"rni": np.rint, "rzi": np.trunc, "rmi": np.floor, "rpi": np.ceil}[mode](value)
    limits = np.iinfo(target)
    wide = value.dtype == np.float64 or target.itemsize == 8
    nan = (limits.min if limits.min < 0 else 1 << (8 * target.itemsize - 1)) if wide else 0
    out = np.empty(value.shape, target)
    low, high, strange = rounded <= float(limits.min), rounded >= float(limits.max), np.isnan(value)
    inside = ~(low | high | strange)
    out[inside] = rounded[inside].astype(target)
    out[low], out[high], out[strange] = limits.min, limits.max, nan
    return out


def flush(value: Array) -> Array:
    """Return float32 numbers with denormal ones as zeros of their sign (.ftz)."""
    tiny = np.float32(np.finfo(np.float32).tiny)
    return np.where(np.abs(value) < tiny, np.copysign(np.float32(0), value), value)


class Approximations:
    """The results of approximate instructions: exact, or wrong by what the manual allows, signs alternating.

    ``units`` is 0, or the share of the documented error that is added: 1 and -1 begin with opposite signs.
    """

    ULPS = {"ex2": 2, "div": 2, "rcp": 1, "sqrt": 1, "rsqrt": 2}
    """Units in the last place (PTX manual, section on floating point instructions)."""

    def __init__(self, units: float = 0.0) -> None:
        self._units, self._sign = units, 1.0
        self.used = 0

    def __call__(self, name: str, exact: Array) -> Array:
        """Return float32 numbers as the instruction of this name might give them."""
        near = exact.astype(np.float32)
        with np.errstate(all="ignore"):
            moved = near + self._signs(near) * self.ULPS[name] * np.spacing(np.abs(near)).astype(np.float64)
            return np.where(np.isfinite(near) & (near != 0), moved.astype(np.float32), near)

    def upper_half(self, exact: Array) -> Array:
        """Return float64 numbers of which only the upper 32 bits are known; the manual bounds the error by 2^-20."""
        bits = exact.view(np.uint64) + np.uint64(1 << 31)
        near = np.where(np.isfinite(exact), (bits & np.uint64(0xFFFFFFFF00000000)).view(np.float64), exact)
        return np.where(
            np.abs(near) < np.finfo(np.float64).tiny, np.copysign(0.0, near), near * (1 + 2.0**-20 * self._signs(near))
        )

    def _signs(self, numbers: Array) -> Array:
        self.used += numbers.size
        self._sign = -self._sign
        return np.asarray(self._sign * self._units * np.where(np.arange(numbers.size) % 2, -1.0, 1.0))
