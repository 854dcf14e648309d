"""What each instruction of PTX does to the threads that execute it, from its name and its operands.

The rules are those of NVIDIA's manual, "Parallel Thread Execution ISA". An instruction, a modifier or a kind of operand
that has no rule here raises :class:`UnknownInstruction` when the kernel is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptx import arithmetic
from ptx.machine import DTYPES, WARP, Frame, Threads
from ptx.memory import GLOBAL, LOCAL, SHARED, Fault
from ptx.parse import Instruction, UnknownInstruction

Array = NDArray[Any]
Read = Callable[[Threads], Array]
Write = Callable[[Threads, Array], None]
Run = Callable[[Threads], Any]

ROUNDING = {"rn", "rz", "rm", "rp"}
INTEGER_ROUNDING = {"rni", "rzi", "rmi", "rpi"}


def compiled(frame: Frame, instruction: Instruction) -> Run:
    """Return what runs an instruction for some threads."""
    builder = BUILDERS.get(instruction.name[0])
    if builder is None:
        raise UnknownInstruction(instruction.text)
    run = builder(_Reading(frame, instruction))
    if instruction.guard is None or instruction.name[0] in ("bra", "ret", "exit"):
        return run
    if instruction.synchronises or instruction.leaves:
        raise UnknownInstruction(f"a guard: {instruction.text}")
    guard, wanted = frame.registers[instruction.guard], not instruction.negated

    def guarded(threads: Threads) -> None:
        chosen = threads[guard[threads] == wanted]
        if len(chosen):
            run(chosen)

    return guarded


class _Reading:
    """An instruction while its rule is looked up: its modifiers must all be used."""

    def __init__(self, frame: Frame, instruction: Instruction) -> None:
        self.frame, self.instruction = frame, instruction
        self.operands = instruction.operands
        self.modifiers = list(instruction.name[1:])

    def unknown(self) -> UnknownInstruction:
        """The error for what has no rule."""
        return UnknownInstruction(self.instruction.text)

    def take(self, *names: str) -> str | None:
        """Use up one of these modifiers, if it is there."""
        for name in names:
            if name in self.modifiers:
                self.modifiers.remove(name)
                return name
        return None

    def kinds(self, count: int = 1) -> list[str]:
        """Use up the types; nothing else may be left."""
        if len(self.modifiers) != count or any(kind not in DTYPES and kind != "pred" for kind in self.modifiers):
            raise self.unknown()
        kinds, self.modifiers = self.modifiers, []
        return kinds

    def read(self, k: int, kind: str) -> Read:
        """Return what reads operand k as numbers of a type."""
        return reader(self.frame, self.operands[k], kind)

    def write(self, k: int, kind: str) -> Write:
        """Return what writes operand k."""
        return writer(self.frame, self.operands[k], kind)


def reader(frame: Frame, operand: str, kind: str) -> Read:
    """Return what reads an operand: a register, a number, a special register, or the address of a variable."""
    if kind == "pred":
        return _predicate(frame, operand)
    dtype = DTYPES[kind]
    register = frame.registers.get(operand)
    if register is not None:
        if register.dtype.itemsize == dtype.itemsize:
            seen = register.view(dtype)
            return lambda threads: seen[threads]
        if register.dtype.itemsize > dtype.itemsize:  # the low bits
            low, unsigned = register.view(f"u{register.dtype.itemsize}"), f"u{dtype.itemsize}"
            return lambda threads: low[threads].astype(unsigned).view(dtype)
        raise UnknownInstruction(f"{operand} is too narrow for .{kind}")
    special = _special(frame, operand)
    if special is not None:
        values = special.astype(dtype)
        return lambda threads: values[threads]
    number = _number(frame, operand, dtype)
    return lambda threads: np.full(len(threads), number, dtype)


def _predicate(frame: Frame, operand: str) -> Read:
    if operand.startswith("!"):
        inner = _predicate(frame, operand[1:])
        return lambda threads: ~inner(threads)
    register = frame.registers.get(operand)
    if register is not None:
        return lambda threads: register[threads]
    number = bool(int(operand, 0))
    return lambda threads: np.full(len(threads), number)


def _special(frame: Frame, operand: str) -> Array | None:
    launch, n = frame.launch, frame.launch.n
    zero, one = np.zeros(n, np.int64), np.ones(n, np.int64)
    values = {
        "%tid.x": launch.thread, "%tid.y": zero, "%tid.z": zero,
        "%ntid.x": one * launch.threads, "%ntid.y": one, "%ntid.z": one,
        "%ctaid.x": launch.block, "%ctaid.y": zero, "%ctaid.z": zero,
        "%nctaid.x": one * launch.blocks, "%nctaid.y": one, "%nctaid.z": one,
        "%laneid": launch.lane,
    }  # fmt: skip
    return values.get(operand)


def _number(frame: Frame, operand: str, dtype: np.dtype[Any]) -> Any:
    if match := re.fullmatch(r"0[fF]([0-9a-fA-F]{8})", operand):
        value: Any = np.array([int(match[1], 16)], np.uint32).view(np.float32)[0]
    elif match := re.fullmatch(r"0[dD]([0-9a-fA-F]{16})", operand):
        value = np.array([int(match[1], 16)], np.uint64).view(np.float64)[0]
    elif re.fullmatch(r"-?(0[xX][0-9a-fA-F]+|\d+)U?", operand):
        number = int(operand.rstrip("U"), 0)
        if dtype.kind == "f":
            return np.array([number % (1 << 8 * dtype.itemsize)], f"u{dtype.itemsize}").view(dtype)[0]
        return np.array([number % (1 << 8 * dtype.itemsize)], f"u{dtype.itemsize}").view(dtype)[0]
    else:
        return np.array([_address_of(frame, operand)], np.uint64).astype(dtype)[0]
    if dtype.kind == "f" and value.dtype == dtype:
        return value
    if value.dtype.itemsize == dtype.itemsize:  # the bits of a number, for .b types
        return np.array([value]).view(dtype)[0]
    raise UnknownInstruction(f"{operand} for {dtype}")


def _address_of(frame: Frame, name: str) -> int:
    """The address of a variable, within its own space."""
    if name in frame.launch.places:
        return frame.launch.places[name]
    if name in frame.launch.shared_at:
        return frame.launch.shared_at[name]
    if name in frame.local:
        return frame.local[name]
    raise UnknownInstruction(f"the operand {name}")


def writer(frame: Frame, operand: str, kind: str) -> Write:
    """Return what writes an operand."""
    if operand == "_":
        return lambda threads, values: None
    register = frame.registers.get(operand)
    if register is None:
        raise UnknownInstruction(f"the target {operand}")
    if kind == "pred":

        def write_predicate(threads: Threads, values: Array) -> None:
            register[threads] = values

        return write_predicate
    dtype = DTYPES[kind]
    if register.dtype.itemsize == dtype.itemsize:
        seen = register.view(dtype)

        def write(threads: Threads, values: Array) -> None:
            seen[threads] = values

        return write
    if register.dtype.itemsize < dtype.itemsize:
        raise UnknownInstruction(f"{operand} is too narrow for .{kind}")
    wide = register.view(f"{'i' if dtype.kind == 'i' else 'u'}{register.dtype.itemsize}")
    narrow = dtype if dtype.kind != "f" else np.dtype(f"u{dtype.itemsize}")

    def extend(threads: Threads, values: Array) -> None:
        wide[threads] = values.view(narrow) if values.dtype.kind == "f" else values

    return extend


# Arithmetic


def _binary(compute: Callable[[Array, Array], Array], *allowed: str) -> Callable[[_Reading], Run]:
    """The rule of an operation of two operands; only these modifiers change nothing."""

    def build(reading: _Reading) -> Run:
        while reading.take(*allowed):
            pass
        (kind,) = reading.kinds()
        write, a, b = reading.write(0, kind), reading.read(1, kind), reading.read(2, kind)
        return lambda threads: write(threads, compute(a(threads), b(threads)))

    return build


def _unary(compute: Callable[[Array], Array], *allowed: str) -> Callable[[_Reading], Run]:
    def build(reading: _Reading) -> Run:
        while reading.take(*allowed):
            pass
        (kind,) = reading.kinds()
        write, a = reading.write(0, kind), reading.read(1, kind)
        return lambda threads: write(threads, compute(a(threads)))

    return build


def _multiply(reading: _Reading) -> Run:
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


def _multiply_add(reading: _Reading) -> Run:
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
    if kind in ("u32", "s32"):
        wide = DTYPES[_widened(kind)]
        return lambda a, b: (a.astype(wide) * b.astype(wide) >> wide.type(32)).astype(DTYPES[kind])
    dtype = DTYPES[kind]

    def high(a: Array, b: Array) -> Array:
        return np.array([int(x) * int(y) >> 64 & (1 << 64) - 1 for x, y in zip(a, b, strict=True)], np.uint64).view(dtype)

    return high


def _fused(reading: _Reading) -> Run:
    mode = reading.take(*ROUNDING)
    (kind,) = reading.kinds()
    if mode is None or kind not in ("f32", "f64") or (kind == "f64" and mode != "rn"):
        raise reading.unknown()
    write, a, b, c = (reading.write(0, kind), *(reading.read(k, kind) for k in (1, 2, 3)))
    if mode == "rn":
        return lambda threads: write(threads, arithmetic.fma(a(threads), b(threads), c(threads)))
    return lambda threads: write(threads, arithmetic.fma_rounded(a(threads), b(threads), c(threads), mode))


def _approximately(name: str, exact: Callable[..., Array], count: int) -> Callable[[_Reading], Run]:
    """The rule of an operation that also exists as an approximation in float32."""

    def build(reading: _Reading) -> Run:
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


def _divide(reading: _Reading) -> Run:
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


def _remainder(reading: _Reading) -> Run:
    (kind,) = reading.kinds()
    write, a, b = reading.write(0, kind), reading.read(1, kind), reading.read(2, kind)
    return lambda threads: write(threads, a(threads) - _towards_zero(a(threads), b(threads)) * b(threads))


def _extreme(pick: Callable[[Array, Array], Array], of_numbers: Callable[[Array, Array], Array]) -> Callable[[_Reading], Run]:
    """min and max: of numbers, NaN loses against a number, and -0 is below 0 (``.NaN``: NaN wins)."""

    def build(reading: _Reading) -> Run:
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


def _shift(left: bool) -> Callable[[_Reading], Run]:
    """A shift; amounts beyond the width give 0, or the sign."""

    def build(reading: _Reading) -> Run:
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


def _logical(on_bits: Callable[..., Array], on_predicates: Callable[..., Array], count: int) -> Callable[[_Reading], Run]:
    def build(reading: _Reading) -> Run:
        (kind,) = reading.kinds()
        write, operands = reading.write(0, kind), [reading.read(k, kind) for k in range(1, count + 1)]
        compute = on_predicates if kind == "pred" else on_bits
        return lambda threads: write(threads, compute(*(each(threads) for each in operands)))

    return build


def _insert(reading: _Reading) -> Run:
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


def _reciprocal(reading: _Reading) -> Run:
    """``rcp``; in float64 the approximation reads and gives the upper half of a number, and flushes denormal ones."""
    if reading.modifiers != ["approx", "ftz", "f64"]:
        return _approximately("rcp", lambda x: 1 / x, 1)(reading)
    write, a, device = reading.write(0, "f64"), reading.read(1, "f64"), reading.frame.launch.device
    upper = np.uint64(0xFFFFFFFF00000000)

    def run(threads: Threads) -> None:
        x = (a(threads).view(np.uint64) & upper).view(np.float64)
        x = np.where(np.abs(x) < np.finfo(np.float64).tiny, np.copysign(0.0, x), x)
        write(threads, device.approximations.upper_half(1.0 / x))

    return run


# Comparison and selection

_ORDERED: dict[str, Callable[[Array, Array], Array]] = {
    "eq": np.equal, "ne": lambda a, b: (a < b) | (a > b), "lt": np.less, "le": np.less_equal,
    "gt": np.greater, "ge": np.greater_equal,
}  # fmt: skip
_WHOLE = {**_ORDERED, "ne": np.not_equal, "lo": np.less, "ls": np.less_equal, "hi": np.greater, "hs": np.greater_equal}


def _comparison(name: str, kind: str) -> Callable[[Array, Array], Array]:
    if kind[0] != "f":
        return _WHOLE[name]
    if name in _ORDERED:
        return _ORDERED[name]
    if name in ("num", "nan"):
        return lambda a, b: (np.isnan(a) | np.isnan(b)) == (name == "nan")
    ordered = _ORDERED[name.removesuffix("u")]
    return lambda a, b: ordered(a, b) | np.isnan(a) | np.isnan(b)


def _set_predicate(reading: _Reading) -> Run:
    name = reading.modifiers.pop(0)
    joined = reading.take("and", "or", "xor")
    (kind,) = reading.kinds()
    targets = reading.operands[0].split("|")
    write = writer(reading.frame, targets[0], "pred")
    other = writer(reading.frame, targets[1], "pred") if len(targets) == 2 else None
    a, b = reading.read(1, kind), reading.read(2, kind)
    compare = _comparison(name, kind)
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


def _select(reading: _Reading) -> Run:
    (kind,) = reading.kinds()
    write, a, b, which = reading.write(0, kind), reading.read(1, kind), reading.read(2, kind), reading.read(3, "pred")
    return lambda threads: write(threads, np.where(which(threads), a(threads), b(threads)))


# Moves and conversions


def _move(reading: _Reading) -> Run:
    (kind,) = reading.kinds()
    target, source = reading.operands
    if source.startswith("{") or target.startswith("{"):
        return _pack(reading, kind)
    write, a = reading.write(0, kind), reading.read(1, kind)
    return lambda threads: write(threads, a(threads))


def _pack(reading: _Reading, kind: str) -> Run:
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


def _convert(reading: _Reading) -> Run:
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


def _float_to_float(reading: _Reading, to: str, of: str, mode: str | None, saturated: bool) -> Callable[[Array], Array]:
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
            return np.array([np.float32(int(v)) if abs(int(v)) < 1 << 53 else _round_once(int(v)) for v in x], np.float32)
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


def _to_space(reading: _Reading) -> Run:
    """``cvta``: between generic addresses and those of one space."""
    back = reading.take("to") is not None
    space = reading.take("global", "shared", "local", "const", "param")
    (kind,) = reading.kinds()
    write, a = reading.write(0, kind), reading.read(1, kind)
    base = np.uint64({"global": 0, "const": 0, "shared": SHARED, "local": LOCAL}[space or ""])
    return lambda threads: write(threads, a(threads) - base if back else a(threads) + base)


# Memory


def _where(reading: _Reading, k: int) -> tuple[str, int]:
    """The register or name, and the offset, of an operand in brackets."""
    match = re.fullmatch(r"\[\s*([%$\w]+)\s*(?:\+\s*(-?\w+))?\s*\]", reading.operands[k])
    if match is None:
        raise reading.unknown()
    return match[1], int(match[2] or "0", 0)


class _Access:
    """Memory at the address of an operand, in a space or, without one, in the space that the address says."""

    def __init__(self, reading: _Reading, k: int, space: str | None) -> None:
        self.frame, self.text = reading.frame, reading.instruction.text
        self.name, self.offset = _where(reading, k)
        self.space = space
        self.address = reader(self.frame, self.name, "u64") if space not in ("param",) else None

    def _places(self, threads: Threads, more: int) -> tuple[str, Array]:
        assert self.address is not None
        address = self.address(threads) + np.uint64((self.offset + more) % (1 << 64))
        if self.space in ("global", "const"):
            return "global", address
        if self.space is None:
            if not len(address):
                return "global", address
            space = "global" if address[0] >= GLOBAL else "local" if address[0] >= LOCAL else "shared"
            low = {"global": GLOBAL, "local": LOCAL, "shared": SHARED}[space]
            high = {"global": 1 << 63, "local": GLOBAL, "shared": LOCAL}[space]
            if not ((address >= low) & (address < high)).all():
                raise Fault(f"one access to several spaces, or to none: {self.text}")
            return space, address if space == "global" else address - np.uint64(low)
        return self.space, address

    def load(self, threads: Threads, dtype: np.dtype[Any], more: int = 0) -> Array:
        space, address = self._places(threads, more)
        launch = self.frame.launch
        if space == "global":
            return launch.device.memory.load(address, dtype, self.text)
        if space == "local":
            return launch.local.load(self._of_thread(threads, address), dtype, self.text)
        flat = self._of_block(threads, address)
        for word in range(max(1, dtype.itemsize // 4)):
            launch.races.loaded((flat - launch.shared.base).astype(np.int64) // 4 + word, threads, self.text)
        return launch.shared.load(flat, dtype, self.text)

    def store(self, threads: Threads, values: Array, more: int = 0) -> None:
        space, address = self._places(threads, more)
        launch = self.frame.launch
        if space == "global":
            launch.device.memory.store(address, values, self.text)
        elif space == "local":
            launch.local.store(self._of_thread(threads, address), values, self.text)
        else:
            flat = self._of_block(threads, address)
            for word in range(max(1, values.dtype.itemsize // 4)):
                launch.races.stored((flat - launch.shared.base).astype(np.int64) // 4 + word, threads, self.text)
            launch.shared.store(flat, values, self.text)

    def _of_thread(self, threads: Threads, address: Array) -> Array:
        frame = self.frame
        if len(address) and address.max() >= frame.local_size:
            raise Fault(f"an address outside of the thread's local memory: {self.text}")
        return address + np.uint64(frame.local_base) + (threads * frame.local_size).astype(np.uint64)

    def _of_block(self, threads: Threads, address: Array) -> Array:
        launch = self.frame.launch
        if len(address) and address.max() >= launch.shared_size:
            raise Fault(f"an address outside of the block's shared memory: {self.text}")
        return address + (launch.shared_base + launch.block[threads] * launch.shared_size).astype(np.uint64)


_SPACES = ("global", "shared", "local", "const", "param")
_CACHING = ("ca", "cg", "cs", "lu", "cv", "nc", "wb", "wt", "volatile", "relaxed", "weak", "gpu", "sys", "cta")


def _load(reading: _Reading) -> Run:
    space = reading.take(*_SPACES)
    if space == "param":
        return _load_parameter(reading)
    while reading.take(*_CACHING):
        pass
    count = int((reading.take("v2", "v4") or "v1")[1:])
    (kind,) = reading.kinds()
    names = [each.strip() for each in reading.operands[0].strip("{}").split(",")]
    access, dtype = _Access(reading, 1, space), DTYPES[kind]
    writes = [writer(reading.frame, name, kind) for name in names]
    if len(names) != count:
        raise reading.unknown()

    def run(threads: Threads) -> None:
        for k, write in enumerate(writes):
            write(threads, access.load(threads, dtype, k * dtype.itemsize))

    return run


def _load_parameter(reading: _Reading) -> Run:
    (kind,) = reading.kinds()
    name, offset = _where(reading, 1)
    write, params, dtype = reading.write(0, kind), reading.frame.params, DTYPES[kind]

    def run(threads: Threads) -> None:
        held = params[name][..., offset : offset + dtype.itemsize]
        if held.ndim == 1:
            write(threads, np.full(len(threads), held.copy().view(dtype)[0]))
        else:
            write(threads, np.ascontiguousarray(held[threads]).view(dtype).ravel())

    return run


def _store(reading: _Reading) -> Run:
    space = reading.take(*_SPACES)
    while reading.take(*_CACHING):
        pass
    count = int((reading.take("v2", "v4") or "v1")[1:])
    (kind,) = reading.kinds()
    dtype = DTYPES[kind]
    if space == "param":
        return _store_parameter(reading, dtype, kind)
    names = [each.strip() for each in reading.operands[1].strip("{}").split(",")]
    access, reads = _Access(reading, 0, space), [reader(reading.frame, name, kind) for name in names]
    if len(names) != count:
        raise reading.unknown()

    def run(threads: Threads) -> None:
        for k, read in enumerate(reads):
            access.store(threads, read(threads), k * dtype.itemsize)

    return run


def _store_parameter(reading: _Reading, dtype: np.dtype[Any], kind: str) -> Run:
    name, offset = _where(reading, 0)
    read, params, n = reading.read(1, kind), reading.frame.params, reading.frame.launch.n

    def run(threads: Threads) -> None:
        end = offset + dtype.itemsize
        held = params.get(name)
        if held is None or held.ndim != 2 or held.shape[1] < end:
            grown = np.zeros((n, end), np.uint8)
            if held is not None and held.ndim == 2:
                grown[:, : held.shape[1]] = held
            params[name] = held = grown
        held[threads, offset:end] = np.ascontiguousarray(read(threads)).view(np.uint8).reshape(len(threads), -1)

    return run


_ATOMIC: dict[str, Callable[..., Any]] = {
    "add": lambda old, value: old + value, "min": min, "max": max, "exch": lambda old, value: value,
    "and": lambda old, value: old & value, "or": lambda old, value: old | value, "xor": lambda old, value: old ^ value,
    "cas": lambda old, compared, value: value if old == compared else old,
}  # fmt: skip


def _atomic(reading: _Reading) -> Run:
    """``atom`` returns the old value, ``red`` does not; threads come one after the other."""
    space = reading.take(*_SPACES)
    while reading.take(*_CACHING, "acquire", "release", "acq_rel"):
        pass
    operation = reading.take(*_ATOMIC)
    (kind,) = reading.kinds()
    if operation is None:
        raise reading.unknown()
    dtype, returns = DTYPES[kind], reading.instruction.name[0] == "atom"
    at = 1 if returns else 0
    access = _Access(reading, at, space)
    operands = [reading.read(k, kind) for k in range(at + 1, len(reading.operands))]
    write = reading.write(0, kind) if returns else None
    compute = _ATOMIC[operation]

    def run(threads: Threads) -> None:
        values = [each(threads) for each in operands]
        old = np.empty(len(threads), dtype)
        for k in range(len(threads)):
            one = threads[k : k + 1]
            old[k] = access.load(one, dtype)[0]
            access.store(one, np.array([compute(old[k], *(each[k] for each in values))], dtype))
        if write is not None:
            write(threads, old)

    return run


# Threads together


def _shuffle(reading: _Reading) -> Run:
    reading.take("sync")
    mode = reading.take("idx", "bfly", "up", "down")
    (kind,) = reading.kinds()
    targets = reading.operands[0].split("|")
    write = writer(reading.frame, targets[0], kind)
    valid = writer(reading.frame, targets[1], "pred") if len(targets) == 2 else None
    a, b, c = reading.read(1, kind), reading.read(2, "u32"), reading.read(3, "u32")
    mask = reading.read(4, "u32")
    launch = reading.frame.launch

    def run(threads: Threads) -> None:
        lanes, first = launch.lane[threads], WARP * launch.warp[threads]
        if (mask(threads) != 0xFFFFFFFF).any():
            raise UnknownInstruction(f"a mask of part of a warp: {reading.instruction.text}")
        row = np.full(WARP * launch.warps, -1)
        row[first + lanes] = np.arange(len(threads))
        bound, segment = (c(threads) & 31).astype(int), (c(threads) >> 8 & 31).astype(int)
        other = b(threads).astype(int)
        least = lanes & segment
        most = least | bound & ~segment
        if mode == "idx":
            source = least | other & ~segment & 31
            inside = source <= most
        elif mode == "bfly":
            source = lanes ^ other
            inside = source <= most
        elif mode == "down":
            source = lanes + other
            inside = source <= most
        else:
            source = lanes - other
            inside = source >= most
        source = np.where(inside, source, lanes)
        if (row[first + source] < 0).any():
            raise Fault(f"a thread that is not there is read: {reading.instruction.text}")
        write(threads, a(threads)[row[first + source]])
        if valid is not None:
            valid(threads, inside)

    return run


def _vote(reading: _Reading) -> Run:
    reading.take("sync")
    mode = reading.take("all", "any", "uni", "ballot")
    (kind,) = reading.kinds()
    write, a, launch = reading.write(0, kind), reading.read(1, "pred"), reading.frame.launch

    def run(threads: Threads) -> None:
        holds, warp, lane = a(threads), launch.warp[threads], launch.lane[threads].astype(np.uint32)
        bits, there = np.zeros(launch.warps, np.uint32), np.zeros(launch.warps, np.uint32)
        np.bitwise_or.at(there, warp, np.uint32(1) << lane)
        np.bitwise_or.at(bits, warp, np.where(holds, np.uint32(1) << lane, np.uint32(0)))
        answers = {"ballot": bits, "all": bits == there, "any": bits != 0, "uni": (bits == there) | (bits == 0)}
        write(threads, answers[mode or ""][warp])

    return run


def _barrier(reading: _Reading) -> Run:
    if set(reading.modifiers) - {"sync", "warp", "aligned", "cta"} or "sync" not in reading.modifiers:
        raise reading.unknown()
    if "warp" not in reading.modifiers and reading.operands not in (("0",), ()):
        raise reading.unknown()
    return lambda threads: None  # waiting is all that it does


# Control


def _branch(reading: _Reading) -> Run:
    reading.take("uni")
    frame, instruction = reading.frame, reading.instruction
    target = frame.function.labels.get(reading.operands[0])
    if target is None or reading.modifiers:
        raise reading.unknown()
    if instruction.guard is None:
        return lambda threads: [(target, threads)]
    guard, wanted = frame.registers[instruction.guard], not instruction.negated
    following = _position(frame, instruction) + 1

    def run(threads: Threads) -> list[tuple[int, Threads]]:
        taken = guard[threads] == wanted
        return [(target, threads[taken]), (following, threads[~taken])]

    return run


def _position(frame: Frame, instruction: Instruction) -> int:
    return next(k for k, each in enumerate(frame.function.code) if each is instruction)


def _return(reading: _Reading) -> Run:
    frame, instruction = reading.frame, reading.instruction
    reading.take("uni")
    leaves_kernel = instruction.name[0] == "exit" or frame.function.name in frame.launch.module.kernels
    following = _position(frame, instruction) + 1
    guard = None if instruction.guard is None else frame.registers[instruction.guard]

    def run(threads: Threads) -> list[tuple[int, Threads]]:
        left, kept = threads, threads[:0]
        if guard is not None:
            chosen = guard[threads] != instruction.negated
            left, kept = threads[chosen], threads[~chosen]
        if leaves_kernel:
            frame.launch.gone[left] = True
        return [(following, kept)]

    return run


def _call(reading: _Reading) -> Run:
    """``call (out), function, (in, ...)``: parameters were stored under their names before."""
    reading.take("uni")
    frame, operands = reading.frame, list(reading.operands)
    outs = _names(operands.pop(0)) if operands[0].startswith("(") else []
    name = operands.pop(0)
    ins = _names(operands.pop(0)) if operands else []
    function = frame.launch.module.functions.get(name)
    if function is None or not function.code or operands or reading.modifiers:
        raise reading.unknown()
    following = _position(frame, reading.instruction) + 1

    def run(threads: Threads) -> list[tuple[int, Threads]]:
        pool = frame.launch.frames.setdefault(name, [])
        called = pool.pop() if pool else Frame(frame.launch, function)
        called.params.clear()  # the instructions hold on to this dict
        called.params.update({inner: frame.params[outer] for inner, outer in zip(function.params, ins, strict=True)})
        frame.launch.execute(called, threads)
        for inner, outer in zip(function.returns, outs, strict=True):
            held = frame.params.get(outer)
            if held is None or held.shape != called.params[inner].shape:
                frame.params[outer] = called.params[inner].copy()
            else:
                held[threads] = called.params[inner][threads]
        pool.append(called)
        return [(following, threads)]

    return run


def _names(operand: str) -> list[str]:
    return [each.strip() for each in operand.strip("()").split(",") if each.strip()]


def _nothing(reading: _Reading) -> Run:
    return lambda threads: None


BUILDERS: dict[str, Callable[[_Reading], Run]] = {
    "add": _binary(np.add, "rn"), "sub": _binary(np.subtract, "rn"), "mul": _multiply, "mad": _multiply_add,
    "fma": _fused, "div": _divide, "rem": _remainder, "neg": _unary(np.negative), "abs": _unary(np.abs),
    "min": _extreme(np.minimum, np.fmin), "max": _extreme(np.maximum, np.fmax),
    "sqrt": _approximately("sqrt", np.sqrt, 1), "rcp": _reciprocal, "bfi": _insert,
    "ex2": _approximately("ex2", np.exp2, 1),
    "shl": _shift(True), "shr": _shift(False),
    "and": _logical(np.bitwise_and, np.logical_and, 2), "or": _logical(np.bitwise_or, np.logical_or, 2),
    "xor": _logical(np.bitwise_xor, np.logical_xor, 2), "not": _logical(np.invert, np.logical_not, 1),
    "setp": _set_predicate, "selp": _select, "mov": _move, "cvt": _convert, "cvta": _to_space,
    "ld": _load, "st": _store, "atom": _atomic, "red": _atomic, "membar": _nothing, "fence": _nothing,
    "shfl": _shuffle, "vote": _vote, "bar": _barrier, "barrier": _barrier,
    "bra": _branch, "ret": _return, "exit": _return, "call": _call,
}  # fmt: skip
"""The rule of each instruction."""
