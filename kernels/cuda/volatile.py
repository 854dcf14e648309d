"""A load that compilers neither move nor drop, for what the host writes while a kernel runs.

``cuda.ldcv`` is not enough: its assembly is not marked as having an effect, so it was hoisted out of the loop.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.cuda.extending import intrinsic


@intrinsic
def load_first(typing: Any, array: Any) -> Any:
    """Return ``array[0]`` of an array of int32 as it is now."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, value=arguments[0]).data
        load = ir.FunctionType(ir.IntType(32), [data.type])
        return builder.asm(load, "ld.volatile.b32 $0, [$1];", "=r,l", [data], True)

    return types.int32(array), generate
