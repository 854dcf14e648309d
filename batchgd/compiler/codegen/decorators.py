"""How the functions of a generated module are compiled for each target: the head of its text, and its decorators."""

from __future__ import annotations

from dataclasses import dataclass

HEADERS = {
    "cpu": """\
from batchgd.kernels.cpu_intrinsics import align_stack
from batchgd.kernels.inline import inlined
from numba import carray, njit

FLAGS = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}
INNER = {**FLAGS, "no_cpython_wrapper": True}
PASS = {**INNER, "fastmath": False}
""",
    "cuda": """\
from batchgd.kernels.cuda.templates import cuda
from batchgd.kernels.inline import inlined
from numba import njit

FLAGS = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True}
""",
    "numpy": "",
}


@dataclass(frozen=True)
class Decorators:
    """How each kind of function is compiled: what one lane does, the loop, and what the host calls.

    What a lane does, and a pass over the lanes, become instructions of their callers without Numba's passes
    (``kernels/inline``), which took two thirds of the compile time. Of the others, only what the host calls gets a
    wrapper for Python: wrappers for all took a fifth.

    In the passes of the block form no product is fused with a sum: whether LLVM sees that a pass adds what the one
    before multiplied depends on how far it unrolls the lanes, and results must not depend on the width of a block.
    ``tick`` is for the fused tick, which Numba does not compile for the CPU, ``pass_tick`` for that in block form and
    what it calls; ``carried`` for what the loop does with a lane.
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
_ROLLED = "inlined(fused=False, rolled=True)"

DECORATORS = {
    # InlinedFunction by force: a call that passes a dozen arrays costs more than what it does.
    "cpu": Decorators(
        "inlined(fused=True, rolled=True)",
        _ROLLED,
        "njit(**INNER, forceinline=True)",
        "njit(**FLAGS)",
        _ROLLED,
        _ROLLED,
        None,
        "njit(**PASS)",
    ),
    # Passes are called, so that each is unrolled by itself: within the loops of another one, some were left rolled,
    # and the state of a thread in memory.
    "cuda": Decorators(_UNFUSED, _UNFUSED, _DEVICE, "cuda.jit", _UNFUSED, _DEVICE, _UNFUSED, _UNFUSED),
    "called": Decorators("njit(**FLAGS)", _DEVICE, _DEVICE, "cuda.jit", "njit(**FLAGS)", _DEVICE, _DEVICE, _DEVICE),
    "numpy": Decorators(None, None, None, None, None, None, None, None),
}
"""By target; ``called`` is CUDA when threads share a trajectory, and in its simulator, which calls all functions."""
