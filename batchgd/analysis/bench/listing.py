"""The instructions of one tick, from nvdisasm's listing of a kernel: which blocks of the loop run, and on which pipes.

The loop is the innermost one around the volatile load of the host's number, which every tick passes. Of its blocks
those are left out that run only now and then: those with an atomic (refill), a store to global memory (an endpoint),
the volatile load itself, or a call (the slow path of a division or a root), those that are only passed on the way from
or to one of these, and those that may be skipped and branch to one. What is left is counted once, both sides of a
branch included: a warp executes both if its threads differ.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from batchgd.problem.errors import BackendError

PIPES = ("fp64", "fp32", "integer", "special", "memory", "control")
"""Where instructions are executed, as the tables show them; see ``pipe_of``."""

_FP64 = {"DADD", "DMUL", "DFMA", "DSETP", "DMNMX"}
_FP32 = {"FADD", "FADD32I", "FMUL", "FMUL32I", "FFMA", "FFMA32I", "HFMA2", "HADD2", "HMUL2"}
_SPECIAL = {"MUFU", "POPC", "FLO", "BREV", "F2F", "F2I", "I2F", "FRND"}
_MEMORY = re.compile(r"(LD|ST|ATOM|RED|SHFL|CCTL|MEMBAR|ULDC)")
_CONTROL = {
    *("BRA", "BRX", "JMP", "BSSY", "BSYNC", "BREAK", "BMOV", "CALL", "RET", "EXIT", "KILL", "NOP", "YIELD"),
    *("WARPSYNC", "BAR", "DEPBAR", "NANOSLEEP", "ERRBAR", "S2R", "S2UR", "R2UR", "VOTEU", "REDUX"),
}
_RARE = re.compile(r"(ATOM|RED\b|STG\b|ST\b|LD\b.*\.STRONG\.SYS)")
_VOLATILE = re.compile(r"LD\w*\b.*\.STRONG\.SYS")
_ENDS = {"BRA", "BRX", "JMP", "EXIT", "RET"}
_LINE = re.compile(r"/\*[0-9a-f]{4,}\*/\s+(?:(@!?U?P\d+|@!?U?PT)\s+)?([A-Z][\w.]*)\s*([^;]*);")
_LABEL = re.compile(r"^\s*([.$\w]+):\s*$")
_TARGET = re.compile(r"`\(([.$\w]+)\)")


@dataclass(frozen=True)
class Instruction:
    """One line of a listing: the predicate ("" if it always runs), the name with its modifiers, and the operands."""

    predicate: str
    name: str
    operands: str

    @property
    def base(self) -> str:
        """The name without modifiers."""
        return self.name.split(".")[0]

    @property
    def branches(self) -> bool:
        """Whether it ends a block; a call under a predicate is a far branch, as some assemblers write it."""
        return self.base in _ENDS or (self.base == "CALL" and bool(self.predicate))

    @property
    def target(self) -> str:
        """The label that a branch leads to, if it names one."""
        found = _TARGET.search(self.operands) if self.base in ("BRA", "CALL") else None
        return found.group(1) if found else ""

    @property
    def falls_through(self) -> bool:
        """Whether the next instruction may follow: always, but for a branch without a condition."""
        if not self.branches or self.predicate:
            return True
        return self.base == "BRA" and bool(self.operands.split("`")[0].strip())

    @property
    def rare(self) -> bool:
        """Whether only the end of a trajectory, a look at the host or a slow path needs it."""
        return bool(_RARE.match(self.name)) or (self.base == "CALL" and not self.predicate)


@dataclass
class Block:
    """Instructions without a branch in or out between them, and the numbers of the blocks that may follow."""

    instructions: list[Instruction]
    following: list[int]

    @property
    def rare(self) -> bool:
        """Whether it contains what does not run in an ordinary tick."""
        return any(each.rare for each in self.instructions)


@dataclass(frozen=True)
class Tick:
    """What a thread executes in one tick.

    ``names`` counts instructions by their names with modifiers; ``local`` is the number of bytes that loads and stores
    move to and from local memory (spills, and arrays that do not fit into registers); ``loops`` is the number of loops
    within the tick, whose instructions are counted once.
    """

    names: Mapping[str, int]
    local: int
    loops: int

    @property
    def pipes(self) -> dict[str, int]:
        """The instructions by pipe."""
        found = dict.fromkeys(PIPES, 0)
        for name, count in self.names.items():
            found[pipe_of(name)] += count
        return found

    @property
    def total(self) -> int:
        """All instructions."""
        return sum(self.names.values())


def pipe_of(name: str) -> str:
    """Return the pipe of an instruction: what no other pipe does is integer (with logic, comparisons, selections).

    >>> [pipe_of(name) for name in ("DFMA", "FADD.FTZ", "FSEL", "IMAD.WIDE.U32", "MUFU.RCP64H", "LDG.E.64", "BRA")]
    ['fp64', 'fp32', 'integer', 'integer', 'special', 'memory', 'control']
    """
    base = name.split(".")[0]
    for pipe, names in (("fp64", _FP64), ("fp32", _FP32), ("special", _SPECIAL), ("control", _CONTROL)):
        if base in names:
            return pipe
    if _MEMORY.match(base):
        return "memory"
    return "control" if re.match(r"U[A-Z]", base) else "integer"  # the uniform data path, one for a whole warp


def tick_of(listing: str) -> Tick:
    """Return what one tick of the only kernel in a listing executes."""
    blocks = blocks_of(listing)
    loops = _loops(blocks)
    around = [loop for loop in loops if any(_looks(blocks[k]) for k in loop.body)]
    if not around:
        raise ValueError("the listing has no loop with a volatile load")
    main = min(around, key=lambda loop: len(loop.body))
    hot = _hot(blocks, main)
    names = Counter(each.name for k in sorted(hot) for each in blocks[k].instructions)
    inner = [loop for loop in loops if loop.head != main.head and loop.head in hot and loop.body <= main.body]
    return Tick(names, sum(count * _local_bytes(name) for name, count in names.items()), len(inner))


def listing_of(cubin: bytes) -> str:
    """Return nvdisasm's listing of a cubin.

    Raises
    ------
    BackendError
        If nvdisasm is not installed.
    """
    program = _nvdisasm()
    if program is None:
        raise BackendError("nvdisasm is needed to list machine code: pip install nvidia-cuda-nvdisasm")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kernel.cubin"
        path.write_bytes(cubin)
        done = subprocess.run([program, "-c", str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackendError(f"nvdisasm cannot read the kernel: {' '.join(done.stderr.split())}")
    return done.stdout


@cache
def _nvdisasm() -> str | None:
    try:
        from cuda.pathfinder import find_nvidia_binary_utility
    except ImportError:
        return shutil.which("nvdisasm")
    found: str | None = find_nvidia_binary_utility("nvdisasm") or shutil.which("nvdisasm")
    return found


def _looks(block: Block) -> bool:
    return any(_VOLATILE.match(each.name) for each in block.instructions)


def _local_bytes(name: str) -> int:
    if not re.match(r"(LDL|STL)\b", name):
        return 0
    bits = re.search(r"\.[US]?(8|16|64|128)\b", name)
    return int(bits.group(1)) // 8 if bits else 4


# Blocks


def blocks_of(listing: str) -> list[Block]:
    """Cut a listing into blocks, in order; the first is the entry of the kernel."""
    lines: list[Instruction] = []
    labels: dict[str, int] = {}
    for line in listing.splitlines():
        if label := _LABEL.match(line):
            labels[label.group(1)] = len(lines)
        elif found := _LINE.search(line):
            lines.append(Instruction(found.group(1) or "", found.group(2), found.group(3).strip()))
    leaders = {0, *labels.values(), *(k + 1 for k, each in enumerate(lines) if each.branches)}
    starts = sorted(k for k in leaders if k < len(lines))
    number = {start: k for k, start in enumerate(starts)}
    blocks = []
    for start, stop in zip(starts, [*starts[1:], len(lines)], strict=True):
        last = lines[stop - 1]
        ahead = [labels.get(last.target)] if last.branches else []
        ahead += [stop] if last.falls_through else []
        blocks.append(Block(lines[start:stop], [number[place] for place in ahead if place in number]))
    return blocks


# Loops


@dataclass(frozen=True)
class Loop:
    """A natural loop: its first block, the blocks that branch back to it, and all of its blocks."""

    head: int
    latches: frozenset[int]
    body: frozenset[int]


def _loops(blocks: list[Block]) -> list[Loop]:
    """Return the natural loops: for every head, all that leads back to it without passing it."""
    reachable = _reach(blocks, 0, frozenset(range(len(blocks))))
    before: dict[int, set[int]] = {k: set() for k in reachable}
    for k in reachable:
        for following in blocks[k].following:
            before[following].add(k)
    latches: dict[int, set[int]] = {}
    for k in reachable:
        for head in blocks[k].following:
            if k == head or k not in _reach(blocks, 0, reachable - {head}):  # the head dominates the branch back to it
                latches.setdefault(head, set()).add(k)
    found = []
    for head, back in latches.items():
        body, ahead = {head}, list(back)
        while ahead:
            k = ahead.pop()
            if k not in body:
                body.add(k)
                ahead += before[k]
        found.append(Loop(head, frozenset(back), frozenset(body)))
    return found


def _reach(blocks: list[Block], start: int, within: Iterable[int]) -> frozenset[int]:
    """Return the blocks that are reached from one, itself included, without leaving a set of blocks."""
    allowed, seen, ahead = set(within), set(), [start]
    while ahead:
        k = ahead.pop()
        if k in allowed and k not in seen:
            seen.add(k)
            ahead += blocks[k].following
    return frozenset(seen)


def _hot(blocks: list[Block], loop: Loop) -> frozenset[int]:
    """Return the blocks of a loop that run in an ordinary tick."""
    kept = frozenset(k for k in loop.body if not blocks[k].rare)
    while True:
        kept = _round(blocks, loop, kept)
        skipped = {k for k in kept if k != loop.head and _can_go_round(blocks, loop, kept - {k})}
        leading = {k for k in skipped if any(n in loop.body and n not in kept for n in blocks[k].following)}
        if not leading:
            return kept
        kept -= leading


def _round(blocks: list[Block], loop: Loop, kept: frozenset[int]) -> frozenset[int]:
    """Return those blocks that are passed on some way round within them."""
    reached = _reach(blocks, loop.head, kept)
    return frozenset(k for k in reached if _reach(blocks, k, reached) & loop.latches)


def _can_go_round(blocks: list[Block], loop: Loop, kept: frozenset[int]) -> bool:
    return bool(_reach(blocks, loop.head, kept) & loop.latches)
