"""The stack of a compiled function, aligned to a line of the cache.

What does not fit into registers waits on the stack, and a vector of 64 bytes that crosses a line is read and written in
two parts. LLVM aligns spilled vectors only in a function whose stack it has to align anyway; this makes it one.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

LINE = 64
"""Bytes of a line of the cache, and of the longest vector."""


def _align(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
    attributes = builder.function.attributes
    attributes.alignstack = LINE
    attributes.add("nounwind")  # true of all our code; without any named attribute llvmlite leaves them all out
    return context.get_dummy_value()


@intrinsic
def align_stack(typing_context):
    """Have the function that calls this keep its stack aligned; called once, in one that LLVM does not inline."""
    return types.none(), _align
