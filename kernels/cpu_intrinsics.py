"""What Numba's code for the CPU needs beyond Numba: a call by address, and an aligned stack.

The block form's tick is the same for every objective: it calls the evaluation by its address (``cpu_places.py``).
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

from batchgd.kernels.cpu_places import EVALUATE, LINE, TAIL

_INTEGERS = types.CPointer(types.int64)


def arguments_of(name: str, dtype: str) -> tuple[Any, ...]:
    """Return the types of what ``tick`` or ``evaluate`` is called with by its address: pointers and the seed."""
    reals = types.CPointer(from_dtype(np.dtype(dtype)))
    shared = (reals, _INTEGERS, types.uint64, reals)
    return (*shared, reals, reals, reals) if name == "tick" else shared


def _call(place: int) -> Any:
    """Lower to a call of the address at ``index[place - TAIL]``, with the arrays' data as arguments."""

    def lower(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        kinds, passed = [], []
        for kind, value in zip(signature.args, arguments, strict=True):
            array = context.make_array(kind)(context, builder, value) if isinstance(kind, types.Array) else None
            kinds.append(kind if array is None else types.CPointer(kind.dtype))
            passed.append(value if array is None else array.data)
        index = context.make_array(signature.args[1])(context, builder, arguments[1])
        last = builder.sub(index.nitems, ir.Constant(index.nitems.type, TAIL - place))
        address = builder.load(builder.gep(index.data, [last]))
        convention = context.call_conv
        kind = convention.get_function_type(signature.return_type, kinds)
        # There is no status to look at: with NumPy's error model nothing in there raises.
        _, result = convention.call_function(
            builder, builder.inttoptr(address, kind.as_pointer()), signature.return_type, kinds, passed
        )
        return result

    return lower


@intrinsic
def evaluate(typing_context, ws, index, seed, p):
    """Call the evaluation whose address ``index`` contains."""
    return types.none(ws, index, seed, p), _call(EVALUATE)


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
