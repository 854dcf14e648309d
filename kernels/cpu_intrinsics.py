"""What CPU code needs beyond Numba: calls by address, so that a caller is compiled once for all, and an aligned stack.

The loop of ``descend.py`` is the same for every objective and method: it calls the tick by its address, and reads where
the tick keeps everything of a lane. The block form's tick is the same for every objective too, and calls the evaluation
by its address. Addresses, sizes and slots are in the tail of ``index``, after the W lanes and the first start that has
not been drawn: they are data, and never part of the code on disk.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numba.np.numpy_support import from_dtype

WS_SIZE, P_SIZE, TICK, EVALUATE, TABLES, MEMORY, ALL_LANES, MOST_TICKS, RUN, TICKS, ENDS, FIRST_SLOT = range(12)
"""The tail of ``index``: the sizes of ``ws`` and ``p``; addresses of the tick, the evaluation, a list of its tables and
its memory; whether it is to evaluate parked lanes as well; how many ticks to make; and, for the fused tick, how many of
them a group of lanes makes before the next group, and how many groups have made until a lane has ended how often."""

SLOTS = ("D", "ACCEPTED", "STATE", "PER_START", "N_PER_START", "NIT", "NFEV", "BUSY", "CODE", "SLOTS", "VALUE")
"""And from ``FIRST_SLOT`` on, where everything of a lane is, by the names of ``descend.py``."""

TAIL = FIRST_SLOT + len(SLOTS)

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
def tick(typing_context, ws, index, seed, p, box, h, limits):
    """Call the tick whose address ``index`` contains."""
    return types.int32(ws, index, seed, p, box, h, limits), _call(TICK)


@intrinsic
def evaluate(typing_context, ws, index, seed, p):
    """Call the evaluation whose address ``index`` contains."""
    return types.none(ws, index, seed, p), _call(EVALUATE)


def next_ended_of(lanes: int) -> Any:
    """Return ``next_ended`` for blocks of as many lanes, at most 64."""

    def lower(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        ws, code, first = arguments
        array = context.make_array(signature.args[0])(context, builder, ws)
        real, word = context.get_data_type(signature.args[0].dtype), ir.IntType(64)
        vector, bits = ir.VectorType(real, lanes), ir.IntType(lanes)
        address = builder.gep(array.data, [builder.mul(code, ir.Constant(word, lanes))])
        address = builder.bitcast(address, vector.as_pointer())
        codes = builder.load(address, align=signature.args[0].dtype.bitwidth // 8)
        ended = builder.bitcast(builder.fcmp_unordered("!=", codes, ir.Constant(vector, None)), bits)
        later = builder.shl(ir.Constant(word, -1), builder.and_(first, ir.Constant(word, 63)))
        none = builder.icmp_signed(">=", first, ir.Constant(word, 64))
        mask = builder.select(none, ir.Constant(word, 0), later)
        left = builder.and_(builder.zext(ended, word) if lanes < 64 else ended, mask)
        return builder.cttz(left, ir.Constant(ir.IntType(1), 0))

    @intrinsic
    def next_ended(typing_context, ws, code, first):
        return types.int64(ws, types.int64, types.int64), lower

    return next_ended


LINE = 64
"""Bytes of a line of the cache, and of the longest vector."""


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
