"""How the functions of a generated module for CUDA are compiled: the head of its text, and its decorators."""

from __future__ import annotations

from dataclasses import dataclass

HEADER = """\
from batchgd.kernels.cuda.templates import cuda
from batchgd.kernels.inline import inlined
from numba import njit

FLAGS = {"fastmath": {"contract"}, "error_model": "numpy"}
"""


@dataclass(frozen=True)
class Decorators:
    """How each kind of function is compiled: of one lane, a block, the loop, what the host calls.

    ``lane`` is for plain functions of numbers, ``block`` for the tick and for what the loop does with a lane, ``loop``
    for the loop and for operations on a block, ``entry`` for what the host calls. Inlined functions become
    instructions of their callers without Numba's passes (``kernels/inline``), which took two thirds of the compile
    time.
    """

    lane: str
    block: str
    loop: str
    entry: str


_DEVICE = "cuda.jit(device=True)"

DECORATORS = {
    # Operations on a block are called, so that each is unrolled by itself: within the loops of another one, some were
    # left rolled, and the state of a thread in memory.
    "inlined": Decorators("inlined", "inlined", _DEVICE, "cuda.jit"),
    "called": Decorators("njit(**FLAGS)", _DEVICE, _DEVICE, "cuda.jit"),
}
"""``called`` is for threads that share a trajectory, and for the simulator, which calls all functions."""
