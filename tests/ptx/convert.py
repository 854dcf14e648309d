"""Comparison, selection, moves and conversions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ptx import arithmetic
from ptx.operands import Array, Reading, Run, reader, writer
from ptx.parse import DTYPES, INTEGER_ROUNDING, ROUNDING

if TYPE_CHECKING:
    from ptx.machine import Threads


_ORDERED: dict[str, Callable[[Array, Array], Array]] = {
    "eq": np.equal, "ne": lambda a, b: (a < b) | (a > b), "lt": np.less, "le": np.less_equal,
    "gt": np.greater, "ge": np.greater_equal,
}  # fmt: skip
_WHOLE = {**_ORDERED, "ne": np.not_equal, "lo": np.less, "ls": np.less_equal, "hi": np.greater, "hs": np.greater_equal}


def _comparison(name: str, kind: str) -> Callable[[Array, Array], Array] | None:
    if kind[0] != "f":
        return _WHOLE.get(name)
    if name in _ORDERED:
        return _ORDERED[name]
    if name in ("num", "nan"):
        return lambda a, b: (np.isnan(a) | np.isnan(b)) == (name == "nan")
    ordered = _ORDERED.get(name.removesuffix("u"))
    if ordered is None:
        return None
    return lambda a, b: ordered(a, b) | np.isnan(a) | np.isnan(b)


def _set_predicate(reading: Reading) -> Run:
    name = reading.modifiers.pop(0)
    joined = reading.take("and", "or", "xor")
    (kind,) = reading.kinds()
    targets = reading.operands[0].split("|")
    write = writer(reading.frame, targets[0], "pred")
    other = writer(reading.frame, targets[1], "pred") if len(targets) == 2 else None
    a, b = reading.read(1, kind), reading.read(2, kind)
    compare = _comparison(name, kind)
    if compare is None:
        raise reading.unknown()
    join = {None: None, "and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor}[joined]
    extra = reading.read(3, "pred") if join is not None else None

    def run(threads: Threads) -> None:
        holds = compare(a(threads), b(threads))
        fails = ~holds
        if join is not None and extra is not None:
            holds, fails = join(holds, extra(threads)), join(fails, extra(threads))
        write(threads, holds)
        if other is not None:
            other(threads, fails)

    return run


def _select(reading: Reading) -> Run:
    (kind,) = reading.kinds()
    write, a, b, which = reading.write(0, kind), reading.read(1, kind), reading.read(2, kind), reading.read(3, "pred")
    return lambda threads: write(threads, np.where(which(threads), a(threads), b(threads)))


def _move(reading: Reading) -> Run:
    (kind,) = reading.kinds()
    target, source = reading.operands
    if source.startswith("{") or target.startswith("{"):
        return _pack(reading, kind)
    write, a = reading.write(0, kind), reading.read(1, kind)
    return lambda threads: write(threads, a(threads))


def _pack(reading: Reading, kind: str) -> Run:
    """``mov.b64 %rd, {%lo, %hi}`` and the other way round."""
    target, source = reading.operands
    whole, parts = (target, source) if source.startswith("{") else (source, target)
    names = [each.strip() for each in parts.strip("{}").split(",")]
    part = f"b{8 * DTYPES[kind].itemsize // len(names)}"
    dtype = DTYPES[part]
    if source is parts:
        write, reads = writer(reading.frame, whole, kind), [reader(reading.frame, name, part) for name in names]
        return lambda threads: write(
            threads, np.ascontiguousarray(np.stack([each(threads) for each in reads], 1)).view(DTYPES[kind]).ravel()
        )
    read, writes = reader(reading.frame, whole, kind), [writer(reading.frame, name, part) for name in names]

    def unpack(threads: Threads) -> None:
        halves = np.ascontiguousarray(read(threads)).view(dtype).reshape(-1, len(names))
        for k, write_part in enumerate(writes):
            write_part(threads, halves[:, k])

    return unpack


def _convert(reading: Reading) -> Run:
    mode = reading.take(*ROUNDING, *INTEGER_ROUNDING)
    saturated = reading.take("sat") is not None
    flush = reading.take("ftz") is not None
    to, of = reading.kinds(2)
    target = DTYPES[to]
    write, a = reading.write(0, to), reading.read(1, of)
    if flush or (saturated and not (to[0] == of[0] == "f")):
        raise reading.unknown()
    if to[0] == "f" and of[0] == "f":
        compute = _float_to_float(reading, to, of, mode, saturated)
    elif to[0] == "f":
        if mode != "rn":
            raise reading.unknown()
        compute = _integer_to_float(target)
    elif of[0] == "f":
        if mode not in INTEGER_ROUNDING:
            raise reading.unknown()
        compute = lambda x: arithmetic.to_integer(x, target, mode)  # noqa: E731
    else:
        compute = lambda x: x.astype(target)  # noqa: E731

    return lambda threads: write(threads, compute(a(threads)))


def _float_to_float(reading: Reading, to: str, of: str, mode: str | None, saturated: bool) -> Callable[[Array], Array]:
    if mode in INTEGER_ROUNDING:
        rounded = {"rni": np.rint, "rzi": np.trunc, "rmi": np.floor, "rpi": np.ceil}[mode]
    elif mode == "rn" and (to, of) == ("f32", "f64"):
        rounded = lambda x: x.astype(np.float32)  # noqa: E731
    elif mode in ("rm", "rp", "rz") and to == of:  # the older name of rounding to an integer
        rounded = {"rm": np.floor, "rp": np.ceil, "rz": np.trunc}[mode]
    elif mode is None and DTYPES[to].itemsize >= DTYPES[of].itemsize:
        rounded = lambda x: x.astype(DTYPES[to])  # noqa: E731
    else:
        raise reading.unknown()
    if not saturated:
        return rounded
    return lambda x: np.where(np.isnan(x), DTYPES[to].type(0), np.clip(rounded(x), 0, 1)).astype(DTYPES[to])


def _integer_to_float(target: np.dtype[Any]) -> Callable[[Array], Array]:
    def compute(x: Array) -> Array:
        if target == np.float32 and x.dtype.itemsize == 8:  # once, and not by way of float64
            return np.array(
                [np.float32(int(v)) if abs(int(v)) < 1 << 53 else _round_once(int(v)) for v in x], np.float32
            )
        return x.astype(target)

    return compute


def _round_once(value: int) -> np.float32:
    """Round a whole number beyond 2^53 to float32: the bits below are joined into the last one first."""
    size = abs(value)
    shift = size.bit_length() - 40
    top = size >> shift
    if size & (1 << shift) - 1:
        top |= 1
    return np.float32(np.ldexp(float(top), shift) * (-1.0 if value < 0 else 1.0))


RULES: dict[str, Callable[[Reading], Run]] = {
    "setp": _set_predicate, "selp": _select, "mov": _move, "cvt": _convert,
}  # fmt: skip
