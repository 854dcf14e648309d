"""Where threads meet and part: shuffles, votes, barriers, branches and calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ptx.memory import Fault
from ptx.operands import Reading, Run, writer
from ptx.parse import WARP, Instruction, UnknownInstruction

if TYPE_CHECKING:
    from ptx.machine import Frame, Threads


def _shuffle(reading: Reading) -> Run:
    synchronised, mode = reading.take("sync"), reading.take("idx", "bfly", "up", "down")
    if not (synchronised and mode):
        raise reading.unknown()
    (kind,) = reading.kinds()
    targets = reading.operands[0].split("|")
    write = writer(reading.frame, targets[0], kind)
    valid = writer(reading.frame, targets[1], "pred") if len(targets) == 2 else None
    a, b, c = reading.read(1, kind), reading.read(2, "u32"), reading.read(3, "u32")
    check = _whole_warp(reading, 4)
    launch = reading.frame.launch

    def run(threads: Threads) -> None:
        lanes, first = launch.lane[threads], WARP * launch.warp[threads]
        check(threads)
        row = np.full(WARP * launch.warps, -1)
        row[first + lanes] = np.arange(len(threads))
        bound, segment = (c(threads) & 31).astype(int), (c(threads) >> 8 & 31).astype(int)
        other = (b(threads) & 31).astype(int)
        least = lanes & segment
        most = least | bound & ~segment
        if mode == "idx":
            source = least | other & ~segment
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


def _vote(reading: Reading) -> Run:
    check = _whole_warp(reading, 2) if reading.take("sync") else lambda threads: None
    mode = reading.take("all", "any", "uni", "ballot")
    (kind,) = reading.kinds()
    if mode is None:
        raise reading.unknown()
    write, a, launch = reading.write(0, kind), reading.read(1, "pred"), reading.frame.launch

    def run(threads: Threads) -> None:
        check(threads)
        holds, warp, lane = a(threads), launch.warp[threads], launch.lane[threads].astype(np.uint32)
        bits, there = np.zeros(launch.warps, np.uint32), np.zeros(launch.warps, np.uint32)
        np.bitwise_or.at(there, warp, np.uint32(1) << lane)
        np.bitwise_or.at(bits, warp, np.where(holds, np.uint32(1) << lane, np.uint32(0)))
        answers = {"ballot": bits, "all": bits == there, "any": bits != 0, "uni": (bits == there) | (bits == 0)}
        write(threads, answers[mode][warp])

    return run


def _barrier(reading: Reading) -> Run:
    if set(reading.modifiers) - {"sync", "warp", "aligned", "cta"} or "sync" not in reading.modifiers:
        raise reading.unknown()
    if "warp" in reading.modifiers:
        return _whole_warp(reading, 0)
    if reading.operands not in (("0",), ()):
        raise reading.unknown()
    return lambda threads: None  # waiting is all that it does


def _whole_warp(reading: Reading, k: int) -> Run:
    """Check that the mask of those that take part is that of a whole warp."""
    mask = reading.read(k, "u32")

    def check(threads: Threads) -> None:
        if (mask(threads) != 0xFFFFFFFF).any():
            raise UnknownInstruction(f"a mask of part of a warp: {reading.instruction.text}")

    return check


def _branch(reading: Reading) -> Run:
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


def _return(reading: Reading) -> Run:
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


def _call(reading: Reading) -> Run:
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
        called = pool.pop() if pool else frame.launch.frame(function)
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


RULES: dict[str, Callable[[Reading], Run]] = {
    "shfl": _shuffle, "vote": _vote, "bar": _barrier, "barrier": _barrier,
    "bra": _branch, "ret": _return, "exit": _return, "call": _call,
}  # fmt: skip
