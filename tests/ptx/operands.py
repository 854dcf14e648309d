"""An instruction's operands: what reads and writes registers, numbers, special registers and addresses."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ptx.parse import DTYPES, Instruction, UnknownInstruction

if TYPE_CHECKING:
    from ptx.machine import Frame, Threads

Array = NDArray[Any]
Read = Callable[["Threads"], Array]
Write = Callable[["Threads", Array], None]
Run = Callable[["Threads"], Any]


class Reading:
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
        if register.dtype == bool:
            raise UnknownInstruction(f"{operand} for .{kind}")
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
    if register is not None and register.dtype == bool:
        return lambda threads: register[threads]
    if not re.fullmatch(r"-?\d+", operand):
        raise UnknownInstruction(f"{operand} as a predicate")
    number = operand != "0"
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
    if (kind == "pred") != (register.dtype == bool):
        raise UnknownInstruction(f"{operand} for .{kind}")
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
