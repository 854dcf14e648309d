"""How many threads a multiprocessor holds at once, and the launch configuration that follows from it; no device needed.

The limits of each compute capability are those of the CUDA C++ programming guide, "Features and technical
specifications", and the rounding that of the CUDA occupancy calculator.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from batchgd.kernels.cuda.assemble import ComputeCapability, Resources

WARP = 32
REGISTER_UNIT = 256
"""Registers are allocated to a warp in multiples of this."""
WARP_UNIT = 4
"""Warps that a multiprocessor has registers for, in multiples of this: one for each of its schedulers."""

ENOUGH = 0.5
"""Share of the threads above which more of them hide no more latency here: a tick has several independent chains."""
BLOCK_SIZES = (128, 256, 64, 32)
"""Threads of a block, the preferred size first."""
MOST_TRIES = 3
"""Register bounds to try at most: each is an assembly of about 0.1 s."""


@dataclass(frozen=True)
class Limits:
    """What a multiprocessor holds: threads, blocks, registers, bytes of shared memory, and those that a block costs."""

    threads: int
    blocks: int
    registers: int = 65_536
    shared: int = 65_536
    shared_per_block: int = 0


_KIB = 1024
_LIMITS: dict[ComputeCapability, Limits] = {
    (7, 0): Limits(2048, 32, shared=96 * _KIB),
    (7, 5): Limits(1024, 16, shared=64 * _KIB),
    (8, 0): Limits(2048, 32, shared=164 * _KIB, shared_per_block=_KIB),
    (8, 6): Limits(1536, 16, shared=100 * _KIB, shared_per_block=_KIB),
    (8, 7): Limits(1536, 16, shared=164 * _KIB, shared_per_block=_KIB),
    (8, 9): Limits(1536, 24, shared=100 * _KIB, shared_per_block=_KIB),
    (9, 0): Limits(2048, 32, shared=228 * _KIB, shared_per_block=_KIB),
    (10, 0): Limits(2048, 32, shared=228 * _KIB, shared_per_block=_KIB),
    (12, 0): Limits(1536, 24, shared=100 * _KIB, shared_per_block=_KIB),
}


def limits_of(capability: ComputeCapability) -> Limits:
    """Return the limits of a compute capability; for an unknown one, those of the newest known one before it.

    >>> limits_of((9, 0)).threads, limits_of((8, 9)).threads, limits_of((9, 9)) == limits_of((9, 0))
    (2048, 1536, True)
    """
    return _LIMITS[max((known for known in _LIMITS if known <= capability), default=min(_LIMITS))]


def resident_blocks(registers: int, threads: int, limits: Limits, shared: int = 0) -> int:
    """Return how many blocks a multiprocessor holds at once; 0 if not one fits.

    Parameters
    ----------
    registers : int
        Of a thread.
    threads : int
        Of a block.
    limits : Limits
        Of the device.
    shared : int
        Bytes of shared memory of a block.

    >>> resident_blocks(168, 128, limits_of((9, 0)))
    3
    """
    warps = -(-threads // WARP)
    per_warp = -(-max(registers, 1) * WARP // REGISTER_UNIT) * REGISTER_UNIT
    warps_with_registers = limits.registers // per_warp // WARP_UNIT * WARP_UNIT
    bounds = [limits.blocks, limits.threads // (warps * WARP), warps_with_registers // warps]
    if shared + limits.shared_per_block > 0:
        bounds.append(limits.shared // (shared + limits.shared_per_block))
    return min(bounds)


def occupancy(registers: int, threads: int, limits: Limits, shared: int = 0) -> float:
    """Return the share of a multiprocessor's threads that are resident at once, in whole warps.

    >>> occupancy(32, 128, limits_of((9, 0))), occupancy(122, 128, limits_of((9, 0)))
    (1.0, 0.25)
    """
    return resident_blocks(registers, threads, limits, shared) * -(-threads // WARP) * WARP / limits.threads


@dataclass(frozen=True)
class Configuration:
    """How a kernel is launched: threads of a block, blocks that a multiprocessor holds, and the register bound."""

    threads: int
    blocks_per_multiprocessor: int
    max_registers: int | None = None


def configure(
    needs: Callable[[int | None], Resources],
    limits: Limits,
    *,
    sizes: Sequence[int] = BLOCK_SIZES,
    shared: int = 0,
) -> Configuration:
    """Choose block size and register bound of a kernel.

    A bound is kept only if it lets more threads be resident and costs no byte of stack or spills beyond what the kernel
    needs without one, and none is tried if half of the threads are resident anyway. The assembler is thrifty by itself:
    most of the standard kernels spill under the next bound already.

    Parameters
    ----------
    needs : callable
        Assembles the kernel under a bound (None: without) and returns what it then needs.
    limits : Limits
        Of the device.
    sizes : sequence of int
        Threads of a block, the preferred size first.
    shared : int
        Bytes of shared memory of a block.

    >>> from batchgd.kernels.cuda.assemble import Resources
    >>> configure(lambda bound: Resources(bound or 140, 0, 0, 0), limits_of((9, 0)))
    Configuration(threads=128, blocks_per_multiprocessor=6, max_registers=80)
    >>> configure(lambda bound: Resources(bound or 140, 0, 8 if bound else 0, 0), limits_of((9, 0)))
    Configuration(threads=128, blocks_per_multiprocessor=3, max_registers=None)
    """

    def share(needed: Resources, threads: int) -> float:
        return occupancy(needed.registers, threads, limits, shared)

    def size_for(needed: Resources) -> int:
        return max(sizes, key=lambda threads: share(needed, threads))

    best = needs(None)
    least, size, bound = _memory(best), size_for(best), None
    for tried in register_bounds(best.registers, limits):
        bounded = needs(tried)
        if _memory(bounded) > least:
            break
        wider = size_for(bounded)
        if share(bounded, wider) > share(best, size):
            best, size, bound = bounded, wider, tried
    return Configuration(size, max(1, resident_blocks(best.registers, size, limits, shared)), bound)


def register_bounds(registers: int, limits: Limits) -> list[int]:
    """Return the register bounds worth trying, the mildest first: each lets some more warps be resident.

    >>> register_bounds(122, limits_of((9, 0))), register_bounds(64, limits_of((9, 0)))
    ([96, 80, 72], [])
    """
    most = limits.threads // WARP
    unit = REGISTER_UNIT // WARP
    found = []
    for warps in range(WARP_UNIT, int(ENOUGH * most) + 1, WARP_UNIT):
        bound = limits.registers // WARP // warps // unit * unit
        if bound < registers and bound not in found:
            found.append(bound)
    return found[:MOST_TRIES]


def _memory(needs: Resources) -> int:
    return needs.stack + needs.spill_stores + needs.spill_loads


def grid(n: int, how: Configuration, multiprocessors: int) -> tuple[int, int]:
    """Return (blocks, threads of a block) of a persistent launch over n starts.

    As many blocks as the device holds at once, and no more than there is work for. A few starts are spread over all
    multiprocessors, in blocks of fewer threads: warps that share one wait for each other.

    >>> how = Configuration(threads=128, blocks_per_multiprocessor=8)
    >>> grid(10**6, how, 132), grid(1000, how, 132), grid(20_000, how, 132)
    ((1056, 128), (32, 32), (157, 128))
    """
    threads = how.threads
    while threads > WARP and n < threads * multiprocessors:
        threads //= 2
    held = multiprocessors * how.blocks_per_multiprocessor * (how.threads // threads)
    return max(1, min(-(-n // threads), held)), threads
