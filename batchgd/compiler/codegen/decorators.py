"""How the functions of a generated module for CUDA are compiled: the head of its text, and its decorators."""

HEADER = """\
from batchgd.kernels import for_numba
from batchgd.kernels.cuda.templates import cuda
from numba import njit

FLAGS = {"fastmath": {"contract"}, "error_model": "numpy"}
"""

LANE = "njit(**FLAGS)"
"""For plain functions of numbers."""

DEVICE = "cuda.jit(device=True)"
"""For the tick, the loop, and operations on a block.

These are called, so that each is unrolled by itself: within the loops of another one, some were left rolled, and the
state of a thread in memory.
"""

ENTRY = "cuda.jit"
"""For what the host calls."""
