"""What Numba's code for the CPU needs beyond Numba: an aligned stack, and what it is called with by its address."""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

from batchgd.kernels.cpu_places import LINE


def arguments_of(dtype: str) -> tuple[Any, ...]:
    """Return the types of the arguments of ``evaluate``: pointers and the seed."""
    reals = types.CPointer(from_dtype(np.dtype(dtype)))
    return reals, types.CPointer(types.int64), types.uint64, reals


def _align(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
    attributes = builder.function.attributes
    attributes.alignstack = LINE
    attributes.add("nounwind")  # true of all our code; without a named attribute llvmlite omits them all
    return context.get_dummy_value()


@intrinsic
def align_stack(typing_context):
    """Have the function that calls this keep its stack aligned; called once, in one that LLVM does not inline.

    What does not fit into registers waits on the stack, and a vector of 64 bytes that crosses a line is read and
    written in two parts. LLVM aligns spilled vectors only in a function whose stack it has to align anyway.
    """
    return types.none(), _align
