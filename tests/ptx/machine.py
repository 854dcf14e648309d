"""A device that runs PTX: the threads of a grid are the elements of NumPy arrays.

Threads at the same instruction run together; the lowest instruction goes first, so that threads which took different
branches meet again. Where threads must wait for each other (``shfl``, ``bar``, ``vote``) the instruction runs once all
that take part have arrived, as on a device whose threads are scheduled independently.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptx.arithmetic import Approximations
from ptx.instructions import compiled
from ptx.memory import GLOBAL, LOCAL, SHARED, Arena, Fault, Races
from ptx.parse import DTYPES, WARP, Function, Instruction, Module, UnknownInstruction, Variable, parse

Threads = NDArray[np.int64]
_REGISTERS = {"pred": bool, "f32": np.float32, "f64": np.float64}

_UNSET = 0xFF
"""The bytes of registers before they are written: no number in all real ones, and far out of range as an index."""


class Device:
    """Global memory, and the launches on it.

    ``instructions`` counts what threads have executed; those in ``between`` are called now and then while a kernel
    runs, and may change what it sees.
    """

    def __init__(self, approximations: Approximations | None = None) -> None:
        self.memory = Arena(1 << 20, GLOBAL, "global")
        self.approximations = approximations or Approximations()
        self.instructions = 0
        self.between: list[Callable[[], None]] = []
        self.modules: dict[str, tuple[Module, dict[str, int]]] = {}

    def launch(self, text: str, blocks: int, threads: int, arguments: Sequence[Any], kernel: str | None = None) -> None:
        """Run a kernel of a module (its only one if not named) on a grid, with its parameters in order."""
        if text not in self.modules:
            module = parse(text)
            self.modules[text] = module, self._place(module)
        module, places = self.modules[text]
        name = kernel or module.kernels[0]
        if kernel is None and len(module.kernels) != 1:
            raise ValueError(f"name one of the kernels {module.kernels}")
        _Launch(self, module, places, blocks, threads).run(module.functions[name], arguments)

    def _place(self, module: Module) -> dict[str, int]:
        """Put the global and constant variables of a module into memory."""
        places = {}
        for name, (space, variable) in module.variables.items():
            if space in ("global", "const"):
                places[name] = self.memory.allocate(max(variable.size, 1), written=True)
                if variable.content:
                    self.memory.view(places[name], variable.size)[:] = np.frombuffer(variable.content, np.uint8)
        return places


def laid_out(variables: dict[str, Variable]) -> tuple[dict[str, int], NDArray[np.bool_]]:
    """Return where variables lie in a space, with gaps between them, and which bytes of it are theirs."""
    places, end = {}, 0
    for name, variable in variables.items():
        places[name] = first = -(-end // variable.align) * variable.align
        end = first + variable.size + 64
    inside = np.zeros(-(-max(end, 16) // 16) * 16, bool)
    for name, variable in variables.items():
        inside[places[name] : places[name] + variable.size] = True
    return places, inside


class Frame:
    """A function that some threads are in: its registers, its local memory, and its parameters."""

    def __init__(self, launch: _Launch, function: Function) -> None:
        self.launch, self.function, n = launch, function, launch.n
        self.registers: dict[str, NDArray[Any]] = {}
        for prefix, (kind, count) in function.registers.items():
            dtype = _REGISTERS.get(kind) or DTYPES[kind]
            unset = 1 if dtype is bool else _UNSET
            block = np.full((max(count, 1), n * np.dtype(dtype).itemsize), unset, np.uint8).view(dtype)
            names = [prefix] if count == 0 else [f"{prefix}{k}" for k in range(count)]
            self.registers |= dict(zip(names, block, strict=True))
        self.params: dict[str, NDArray[np.uint8]] = {}
        self.local, self.in_local = laid_out(function.local)
        self.local_size = len(self.in_local)
        self.local_base = launch.local.allocate(self.local_size * n)
        self.code = _compiled(self)


class _Launch:
    """One grid."""

    def __init__(self, device: Device, module: Module, places: dict[str, int], blocks: int, threads: int) -> None:
        self.device, self.module, self.places = device, module, places
        self.blocks, self.threads, self.n = blocks, threads, blocks * threads
        self.block, self.thread = np.divmod(np.arange(self.n), threads)
        self.warp = self.block * (-(-threads // WARP)) + self.thread // WARP
        self.warps = blocks * (-(-threads // WARP))
        self.lane = self.thread % WARP
        self.gone = np.zeros(self.n, bool)
        self.local = Arena(1 << 16, LOCAL, "local")
        variables = {name: v for name, (space, v) in module.variables.items() if space == "shared"}
        for function in module.functions.values():
            variables |= function.shared
        self.shared_at, self.in_shared = laid_out(variables)
        self.shared_size = len(self.in_shared)
        self.shared = Arena(self.shared_size * blocks + 4096, SHARED, "shared")
        self.shared_base = self.shared.allocate(self.shared_size * blocks)
        self.races = Races(len(self.shared._bytes) // 4 + 1, self.warp)
        self.frames: dict[str, list[Frame]] = {}

    def run(self, function: Function, arguments: Sequence[Any]) -> None:
        if len(arguments) != len(function.params):
            raise ValueError(f"{function.name} takes {len(function.params)} parameters, not {len(arguments)}")
        frame = Frame(self, function)
        for (name, (kind, _)), value in zip(function.params.items(), arguments, strict=True):
            frame.params[name] = np.array(value).astype(DTYPES[kind]).reshape(1).view(np.uint8)
        everyone = np.arange(self.n)
        with np.errstate(all="ignore"):
            self.execute(frame, everyone)
        if not self.gone.all():
            raise Fault("threads ran over the end of the kernel")

    def frame(self, function: Function) -> Frame:
        """Make a frame of a function that is called."""
        return Frame(self, function)

    def execute(self, frame: Frame, threads: Threads) -> None:
        """Run threads from the first instruction of a function until all have left it."""
        ready: dict[int, list[Threads]] = {0: [threads]}
        waiting: dict[int, list[Threads]] = {}
        while ready or waiting:
            if not ready:
                where = {frame.function.code[pc].text: sum(map(len, some)) for pc, some in waiting.items()}
                raise Fault(f"threads wait for others that never come: {where}")
            for each in self.device.between:
                each()
            pc = min(ready)
            some = _together(ready.pop(pc))
            instruction = frame.function.code[pc]
            if instruction.synchronises:
                waiting.setdefault(pc, []).append(some)
                released = self._released(instruction, frame, waiting)
                for at, come in released:
                    frame.code[at](come)
                    if instruction.name[0] in ("bar", "barrier"):  # the others order no accesses to memory
                        self.races.passed(come, _of_block(instruction))
                    self.device.instructions += len(come)
                    ready.setdefault(at + 1, []).append(come)
                continue
            for target, come in self._block(frame, pc, some):
                if len(come):
                    ready.setdefault(target, []).append(come)

    def _block(self, frame: Frame, pc: int, some: Threads) -> list[tuple[int, Threads]]:
        """Run from an instruction to the next one that leaves, synchronises or has a label."""
        code, source, ends = frame.code, frame.function.code, frame.ends
        count = len(some)
        while True:
            instruction = source[pc]
            if instruction.leaves:
                self.device.instructions += count
                return code[pc](some)
            if instruction.synchronises:
                return [(pc, some)]
            code[pc](some)
            self.device.instructions += count
            pc += 1
            if pc in ends:
                return [(pc, some)]

    def _released(
        self, instruction: Instruction, frame: Frame, waiting: dict[int, list[Threads]]
    ) -> list[tuple[int, Threads]]:
        """The threads that need not wait any longer: whole warps, or whole blocks at ``bar.sync``."""
        released = []
        if _of_block(instruction):
            at = [pc for pc in waiting if frame.function.code[pc].name == instruction.name]
            for block in np.unique(np.concatenate([_together(waiting[pc]) for pc in at]) // self.threads):
                here = [(pc, t[self.block[t] == block]) for pc in at for t in [_together(waiting[pc])]]
                if sum(len(t) for _, t in here) == np.count_nonzero((self.block == block) & ~self.gone):
                    released += [(pc, t) for pc, t in here if len(t)]
        else:
            for pc in list(waiting):
                some = _together(waiting[pc])
                here = np.bincount(self.warp[some], minlength=self.warps)
                complete = here == np.bincount(self.warp[~self.gone], minlength=self.warps)
                come = some[complete[self.warp[some]]]
                if len(come):
                    released.append((pc, come))
        for pc, come in released:
            left = np.setdiff1d(_together(waiting[pc]), come)
            waiting.pop(pc)
            if len(left):
                waiting[pc] = [left]
        return released


def _of_block(instruction: Instruction) -> bool:
    """Whether a whole block waits here, and not only a warp."""
    return instruction.name[0] in ("bar", "barrier") and "warp" not in instruction.name


def _together(parts: list[Threads]) -> Threads:
    return parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts))


def _compiled(frame: Frame) -> list[Callable[[Threads], Any]]:
    targets = set(frame.function.labels.values())
    frame.ends = targets | {pc for pc, each in enumerate(frame.function.code) if each.synchronises}
    return [compiled(frame, instruction) for instruction in frame.function.code]


__all__ = ["Device", "Fault", "UnknownInstruction"]
