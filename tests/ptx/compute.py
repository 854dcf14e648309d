"""Arithmetic and logic: what is computed from numbers of one type."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ptx import arithmetic
from ptx.operands import Array, Reading, Run
from ptx.parse import DTYPES, ROUNDING

if TYPE_CHECKING:
    from ptx.machine import Threads


def _binary(compute: Callable[[Array, Array], Array], *allowed: str) -> Callable[[Reading], Run]:
    """The rule of an operation of two operands; only these modifiers change nothing."""

    def build(reading: Reading) -> Run:
        while reading.take(*allowed):
            pass
        (kind,) = reading.kinds()
        write, a, b = reading.write(0, kind), reading.read(1, kind), reading.read(2, kind)
        return lambda threads: write(threads, compute(a(threads), b(threads)))

    return build


def _sum(compute: Callable[[Array, Array], Array], sign: float) -> Callable[[Reading], Run]:
    """add and sub; in float32 also rounded in a direction."""
    nearest = _binary(compute, "rn")

    def build(reading: Reading) -> Run:
        mode = reading.take("rz", "rm", "rp")
        if mode is None:
            return nearest(reading)
        (kind,) = reading.kinds()
        if kind != "f32":
            raise reading.unknown()
        write, a, b, one = reading.write(0, kind), reading.read(1, kind), reading.read(2, kind), np.float32(1.0)
        factor = np.float32(sign)
        return lambda threads: write(threads, arithmetic.fma_rounded(a(threads), one, factor * b(threads), mode))

    return build


def _unary(compute: Callable[[Array], Array], *allowed: str) -> Callable[[Reading], Run]:
    def build(reading: Reading) -> Run:
        while reading.take(*allowed):
            pass
        (kind,) = reading.kinds()
        write, a = reading.write(0, kind), reading.read(1, kind)
        return lambda threads: write(threads, compute(a(threads)))

    return build


def _multiply(reading: Reading) -> Run:
    part = reading.take("lo", "hi", "wide")
    reading.take("rn")
    (kind,) = reading.kinds()
    if part is None and kind[0] == "f":
        write, a, b = reading.write(0, kind), reading.read(1, kind), reading.read(2, kind)
        return lambda threads: write(threads, a(threads) * b(threads))
    if part is None:
        raise reading.unknown()
    a, b = reading.read(1, kind), reading.read(2, kind)
    product = _product(kind, part)
    write = reading.write(0, _widened(kind) if part == "wide" else kind)
    return lambda threads: write(threads, product(a(threads), b(threads)))


def _multiply_add(reading: Reading) -> Run:
    part = reading.take("lo", "hi", "wide")
    if part is None:
        return _fused(reading)
    (kind,) = reading.kinds()
    out = _widened(kind) if part == "wide" else kind
    write, a, b, c = reading.write(0, out), reading.read(1, kind), reading.read(2, kind), reading.read(3, out)
    product = _product(kind, part)
    return lambda threads: write(threads, product(a(threads), b(threads)) + c(threads))


def _widened(kind: str) -> str:
    return {"u16": "u32", "s16": "s32", "u32": "u64", "s32": "s64"}[kind]


def _product(kind: str, part: str) -> Callable[[Array, Array], Array]:
    """Return what multiplies integers and keeps the low half, the high half, or all of the product."""
    if part == "lo":
        return lambda a, b: a * b
    if part == "wide":
        wide = DTYPES[_widened(kind)]
        return lambda a, b: a.astype(wide) * b.astype(wide)
    if kind[1:] != "64":
        wide = DTYPES[_widened(kind)]
        return lambda a, b: (a.astype(wide) * b.astype(wide) >> wide.type(int(kind[1:]))).astype(DTYPES[kind])
    dtype = DTYPES[kind]

    def high(a: Array, b: Array) -> Array:
        return np.array([int(x) * int(y) >> 64 & (1 << 64) - 1 for x, y in zip(a, b, strict=True)], np.uint64).view(
            dtype
        )

    return high


def _fused(reading: Reading) -> Run:
    mode = reading.take(*ROUNDING)
    (kind,) = reading.kinds()
    if mode is None or kind not in ("f32", "f64") or (kind == "f64" and mode != "rn"):
        raise reading.unknown()
    write, a, b, c = (reading.write(0, kind), *(reading.read(k, kind) for k in (1, 2, 3)))
    if mode == "rn":
        return lambda threads: write(threads, arithmetic.fma(a(threads), b(threads), c(threads)))
    return lambda threads: write(threads, arithmetic.fma_rounded(a(threads), b(threads), c(threads), mode))


def _approximately(name: str, exact: Callable[..., Array], count: int) -> Callable[[Reading], Run]:
    """The rule of an operation that also exists as an approximation in float32."""

    def build(reading: Reading) -> Run:
        approximate = reading.take("approx", "full")
        reading.take("rn")
        flush = reading.take("ftz") is not None
        (kind,) = reading.kinds()
        write, operands = reading.write(0, kind), [reading.read(k, kind) for k in range(1, count + 1)]
        if approximate is None:
            if flush:
                raise reading.unknown()
            return lambda threads: write(threads, exact(*(each(threads) for each in operands)).astype(DTYPES[kind]))
        if kind != "f32":
            raise reading.unknown()
        device = reading.frame.launch.device

        def approximated(threads: Threads) -> None:
            values = [each(threads) for each in operands]
            values = [arithmetic.flush(each) for each in values] if flush else values
            result = device.approximations(name, exact(*(each.astype(np.float64) for each in values)))
            write(threads, arithmetic.flush(result) if flush else result)

        return approximated

    return build


def _divide(reading: Reading) -> Run:
    kind = reading.modifiers[-1]
    if kind[0] == "f":
        return _approximately("div", np.divide, 2)(reading)
    (kind,) = reading.kinds()
    write, a, b = reading.write(0, kind), reading.read(1, kind), reading.read(2, kind)

    def divide(threads: Threads) -> None:
        x, y = a(threads), b(threads)
        quotient = np.where(y == 0, x.dtype.type(-1) if x.dtype.kind == "i" else ~x.dtype.type(0), _towards_zero(x, y))
        write(threads, quotient)

    return divide


def _towards_zero(x: Array, y: Array) -> Array:
    safe = np.where(y == 0, y.dtype.type(1), y)
    quotient = x // safe
    if x.dtype.kind == "i":
        quotient = quotient + ((quotient * safe != x) & ((x < 0) != (safe < 0))).astype(x.dtype)
    return quotient


def _remainder(reading: Reading) -> Run:
    (kind,) = reading.kinds()
    write, a, b = reading.write(0, kind), reading.read(1, kind), reading.read(2, kind)
    return lambda threads: write(threads, a(threads) - _towards_zero(a(threads), b(threads)) * b(threads))


def _extreme(
    pick: Callable[[Array, Array], Array], of_numbers: Callable[[Array, Array], Array]
) -> Callable[[Reading], Run]:
    """min and max: of numbers, NaN loses against a number, and -0 is below 0 (``.NaN``: NaN wins)."""

    def build(reading: Reading) -> Run:
        nan_wins = reading.take("NaN") is not None
        (kind,) = reading.kinds()
        write, a, b = reading.write(0, kind), reading.read(1, kind), reading.read(2, kind)

        def run(threads: Threads) -> None:
            x, y = a(threads), b(threads)
            if x.dtype.kind != "f":
                write(threads, pick(x, y))
                return
            result = of_numbers(x, y)
            zero = (x == 0) & (y == 0)
            signed = np.signbit(x) | np.signbit(y) if pick is np.minimum else np.signbit(x) & np.signbit(y)
            result = np.where(zero, np.where(signed, x.dtype.type(-0.0), x.dtype.type(0.0)), result)
            write(threads, np.where(np.isnan(x) | np.isnan(y), x.dtype.type(np.nan), result) if nan_wins else result)

        return run

    return build


def _shift(left: bool) -> Callable[[Reading], Run]:
    """A shift; amounts beyond the width give 0, or the sign."""

    def build(reading: Reading) -> Run:
        (kind,) = reading.kinds()
        dtype = DTYPES[kind]
        bits = 8 * dtype.itemsize
        write, a, by = reading.write(0, kind), reading.read(1, kind), reading.read(2, "u32")

        def run(threads: Threads) -> None:
            x, amount = a(threads), by(threads)
            inside = np.minimum(amount, bits - 1).astype(dtype)
            if left:
                shifted = np.where(amount >= bits, dtype.type(0), x << inside)
            elif dtype.kind == "i":
                shifted = x >> inside
            else:
                shifted = np.where(amount >= bits, dtype.type(0), x >> inside)
            write(threads, shifted)

        return run

    return build


def _logical(
    on_bits: Callable[..., Array], on_predicates: Callable[..., Array], count: int
) -> Callable[[Reading], Run]:
    def build(reading: Reading) -> Run:
        (kind,) = reading.kinds()
        write, operands = reading.write(0, kind), [reading.read(k, kind) for k in range(1, count + 1)]
        compute = on_predicates if kind == "pred" else on_bits
        return lambda threads: write(threads, compute(*(each(threads) for each in operands)))

    return build


def _insert(reading: Reading) -> Run:
    """``bfi d, a, b, position, length``: b with bits of a inserted."""
    (kind,) = reading.kinds()
    bits = 8 * DTYPES[kind].itemsize
    write, a, b = reading.write(0, kind), reading.read(1, kind), reading.read(2, kind)
    position, length = reading.read(3, "u32"), reading.read(4, "u32")

    def run(threads: Threads) -> None:
        first, count = (each(threads).astype(np.int64) & 255 for each in (position, length))
        shifts = zip(a(threads), b(threads), first, count, strict=True)
        made = []
        for x, y, p, n in shifts:
            mask = ((1 << int(n)) - 1) << int(p) & (1 << bits) - 1
            made.append(int(y) & ~mask | int(x) << int(p) & mask)
        write(threads, np.array(made, DTYPES[kind]))

    return run


def _reciprocal(name: str, compute: Callable[[Array], Array]) -> Callable[[Reading], Run]:
    """rcp, rsqrt; in float64 approximations read and give the upper half of a number, and flush denormal ones."""

    def build(reading: Reading) -> Run:
        if reading.modifiers != ["approx", "ftz", "f64"]:
            return _approximately(name, compute, 1)(reading)
        write, a, device = reading.write(0, "f64"), reading.read(1, "f64"), reading.frame.launch.device
        upper = np.uint64(0xFFFFFFFF00000000)

        def run(threads: Threads) -> None:
            x = (a(threads).view(np.uint64) & upper).view(np.float64)
            x = np.where(np.abs(x) < np.finfo(np.float64).tiny, np.copysign(0.0, x), x)
            write(threads, device.approximations.upper_half(compute(x)))

        return run

    return build


RULES: dict[str, Callable[[Reading], Run]] = {
    "add": _sum(np.add, 1.0), "sub": _sum(np.subtract, -1.0), "mul": _multiply, "mad": _multiply_add,
    "fma": _fused, "div": _divide, "rem": _remainder, "neg": _unary(np.negative), "abs": _unary(np.abs),
    "min": _extreme(np.minimum, np.fmin), "max": _extreme(np.maximum, np.fmax),
    "sqrt": _approximately("sqrt", np.sqrt, 1), "bfi": _insert,
    "rcp": _reciprocal("rcp", lambda x: 1 / x), "rsqrt": _reciprocal("rsqrt", lambda x: 1 / np.sqrt(x)),
    "copysign": _binary(lambda a, b: np.copysign(b, a)),
    "ex2": _approximately("ex2", np.exp2, 1), "shl": _shift(True), "shr": _shift(False),
    "and": _logical(np.bitwise_and, np.logical_and, 2), "or": _logical(np.bitwise_or, np.logical_or, 2),
    "xor": _logical(np.bitwise_xor, np.logical_xor, 2), "not": _logical(np.invert, np.logical_not, 1),
}  # fmt: skip
