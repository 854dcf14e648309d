"""How the functions of a generated module for CUDA are compiled: the head of its text, and its decorators."""

from __future__ import annotations

from dataclasses import dataclass

HEADER = """\
from batchgd.kernels.cuda.templates import cuda
from batchgd.kernels.inline import inlined
from numba import njit

FLAGS = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True}
"""


@dataclass(frozen=True)
class Decorators:
    """How each kind of function is compiled: what one lane does, the loop, and what the host calls.

    What a lane does, and a pass over the lanes, become instructions of their callers without Numba's passes
    (``kernels/inline``), which took two thirds of the compile time. Of the others, only what the host calls gets a
    wrapper for Python: wrappers for all took a fifth.

    In the passes of the block form no product is fused with a sum: whether LLVM sees that a pass adds what the one
    before multiplied depends on how far it unrolls the lanes, and results must not depend on the width of a block.
    ``pass_tick`` is for the tick in block form and what it calls, ``tick`` for the fused one, ``loop`` and ``carried``
    for the loop and what it does with a lane.
    """

    lane: str | None
    carried: str | None
    loop: str | None
    entry: str | None
    pass_lane: str | None
    pass_loop: str | None
    tick: str | None
    pass_tick: str | None


_DEVICE = "cuda.jit(device=True)"
_UNFUSED = "inlined(fused=False, on_cuda=True)"  # on CUDA the assembler decides what is fused

DECORATORS = {
    # Passes are called, so that each is unrolled by itself: within the loops of another one, some were left rolled,
    # and the state of a thread in memory.
    "cuda": Decorators(_UNFUSED, _UNFUSED, _DEVICE, "cuda.jit", _UNFUSED, _DEVICE, _UNFUSED, _UNFUSED),
    "called": Decorators("njit(**FLAGS)", _DEVICE, _DEVICE, "cuda.jit", "njit(**FLAGS)", _DEVICE, _DEVICE, _DEVICE),
}
"""``called`` is for threads that share a trajectory, and for the simulator, which calls all functions."""
