"""Loads, stores and atomic operations, and the addresses of each space."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ptx.memory import GLOBAL, LOCAL, SHARED, Fault
from ptx.operands import Array, Reading, Run, reader, writer
from ptx.parse import DTYPES

if TYPE_CHECKING:
    from ptx.machine import Threads


def _to_space(reading: Reading) -> Run:
    """``cvta``: between generic addresses and those of one space."""
    back = reading.take("to") is not None
    space = reading.take("global", "shared", "local", "const", "param")
    (kind,) = reading.kinds()
    write, a = reading.write(0, kind), reading.read(1, kind)
    base = np.uint64({"global": 0, "const": 0, "shared": SHARED, "local": LOCAL}[space or ""])
    return lambda threads: write(threads, a(threads) - base if back else a(threads) + base)


def _where(reading: Reading, k: int) -> tuple[str, int]:
    """The register or name, and the offset, of an operand in brackets."""
    match = re.fullmatch(r"\[\s*([%$\w]+)\s*(?:\+\s*(-?\w+))?\s*\]", reading.operands[k])
    if match is None:
        raise reading.unknown()
    return match[1], int(match[2] or "0", 0)


def _inside(address: Array, size: int, variables: Array) -> bool:
    """Whether numbers of so many bytes lie within the variables of a space."""
    first = address.astype(np.int64)
    if len(first) and (first.min() < 0 or first.max() + size > len(variables)):
        return False
    return bool((variables[first] & variables[first + size - 1]).all())


class _Access:
    """Memory at the address of an operand, in a space or, without one, in the space that the address says."""

    def __init__(self, reading: Reading, k: int, space: str | None) -> None:
        self.frame, self.text = reading.frame, reading.instruction.text
        self.name, self.offset = _where(reading, k)
        self.space = space
        register = self.frame.registers.get(self.name)
        narrow = register is not None and register.dtype.itemsize == 4 and space is not None
        self.address = reader(self.frame, self.name, "u32" if narrow else "u64")

    def _places(self, threads: Threads, more: int) -> tuple[str, Array]:
        address = self.address(threads).astype(np.uint64) + np.uint64((self.offset + more) % (1 << 64))
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
            return launch.local.load(self._of_thread(threads, address, dtype.itemsize), dtype, self.text)
        flat = self._of_block(threads, address, dtype.itemsize)
        for word in range(max(1, dtype.itemsize // 4)):
            launch.races.loaded((flat - launch.shared.base).astype(np.int64) // 4 + word, threads, self.text)
        return launch.shared.load(flat, dtype, self.text)

    def store(self, threads: Threads, values: Array, more: int = 0) -> None:
        space, address = self._places(threads, more)
        launch = self.frame.launch
        if space == "global":
            launch.device.memory.store(address, values, self.text)
        elif space == "local":
            launch.local.store(self._of_thread(threads, address, values.dtype.itemsize), values, self.text)
        else:
            flat = self._of_block(threads, address, values.dtype.itemsize)
            changed = launch.shared.holds(flat, values.dtype) != values
            for word in range(max(1, values.dtype.itemsize // 4)):
                launch.races.stored(
                    (flat - launch.shared.base).astype(np.int64) // 4 + word, threads, values, changed, self.text
                )
            launch.shared.store(flat, values, self.text)

    def _of_thread(self, threads: Threads, address: Array, size: int) -> Array:
        frame = self.frame
        if not _inside(address, size, frame.in_local):
            raise Fault(f"an address outside of the thread's local memory: {self.text}")
        return address + np.uint64(frame.local_base) + (threads * frame.local_size).astype(np.uint64)

    def _of_block(self, threads: Threads, address: Array, size: int) -> Array:
        launch = self.frame.launch
        if not _inside(address, size, launch.in_shared):
            raise Fault(f"an address outside of the block's shared memory: {self.text}")
        return address + (launch.shared_base + launch.block[threads] * launch.shared_size).astype(np.uint64)


_SPACES = ("global", "shared", "local", "const", "param")
_CACHING = ("ca", "cg", "cs", "lu", "cv", "nc", "wb", "wt", "volatile", "relaxed", "weak", "gpu", "sys", "cta")


def _load(reading: Reading) -> Run:
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


def _load_parameter(reading: Reading) -> Run:
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


def _store(reading: Reading) -> Run:
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


def _store_parameter(reading: Reading, dtype: np.dtype[Any], kind: str) -> Run:
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


def _atomic(reading: Reading) -> Run:
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


def _nothing(reading: Reading) -> Run:
    """A fence: every access is seen at once."""
    return lambda threads: None


RULES: dict[str, Callable[[Reading], Run]] = {
    "ld": _load, "st": _store, "atom": _atomic, "red": _atomic, "membar": _nothing, "fence": _nothing,
    "cvta": _to_space,
}  # fmt: skip
