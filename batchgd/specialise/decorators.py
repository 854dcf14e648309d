"""How the functions of a generated module are compiled for each target: the head of its text, and its decorators."""

from __future__ import annotations

from dataclasses import dataclass

HEADERS = {
    "cpu": """\
from batchgd.kernels.stack import align_stack
from batchgd.kernels.straight import straight
from numba import carray, njit

FLAGS = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}
INNER = {**FLAGS, "no_cpython_wrapper": True}
PASS = {**INNER, "fastmath": False}
""",
    "cuda": """\
from numba import cuda, njit

FLAGS = {"fastmath": {"contract"}, "error_model": "numpy", "nogil": True}
""",
    "numpy": "",
}


@dataclass(frozen=True)
class Decorators:
    """How each kind of function is compiled: what one lane does, the loop, and what the host calls.

    Only what the host calls gets a wrapper for Python: wrappers for all took a fifth of the compile time. In the passes
    of the block form no product is fused with a sum: whether LLVM sees that a pass adds what the one before multiplied
    depends on how far it unrolls the lanes, and results must not depend on the width of a block. ``tick`` and
    ``pass_tick`` are for what the loop calls, and what a tick in block form calls.
    """

    lane: str | None
    loop: str | None
    entry: str | None
    pass_lane: str | None
    pass_loop: str | None
    tick: str | None
    pass_tick: str | None


_DEVICE = "cuda.jit(device=True)"

DECORATORS = {
    # Inlined by force: a call that passes a dozen arrays costs more than what it does.
    "cpu": Decorators(
        "straight(fused=True)",
        "njit(**INNER, forceinline=True)",
        "njit(**FLAGS)",
        "straight(fused=False)",
        "straight(fused=False)",
        "njit(**INNER)",
        "njit(**PASS)",
    ),
    "cuda": Decorators("njit(**FLAGS)", _DEVICE, "cuda.jit", "njit(**FLAGS)", _DEVICE, _DEVICE, _DEVICE),
    "numpy": Decorators(None, None, None, None, None, None, None),
}
