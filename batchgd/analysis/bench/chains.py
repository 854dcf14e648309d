"""A loop of packed fused multiply-adds with nothing else in it, written as LLVM code: no compiler can split it up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic


def multiply_add_chains(lanes: int, dtype: str) -> Callable[..., Any]:
    """Return an intrinsic ``chains(iterations, start)``: x <- x m + c in each lane, many times; their sum.

    The lanes are one LLVM vector, wider than any register: the compiler splits it into as many independent registers as
    needed.
    """
    real = ir.DoubleType() if dtype == "float64" else ir.FloatType()
    wide = ir.VectorType(real, lanes)

    @intrinsic
    def chains(typingctx, iterations, start):
        def generate(context, builder, signature, arguments):
            name = f"llvm.fma.v{lanes}{'f64' if dtype == 'float64' else 'f32'}"
            fma = get_or_insert_function(builder.module, ir.FunctionType(wide, [wide] * 3), name)
            word = arguments[0].type
            x = ir.Constant(wide, ir.Undefined)
            for lane in range(lanes):
                x = builder.insert_element(x, arguments[1], ir.Constant(ir.IntType(32), lane))
            # The fixed point of x m + c is 1: values stay ordinary, and no register ever contains a denormal.
            m, c = (ir.Constant(wide, [ir.Constant(real, value)] * lanes) for value in (0.75, 0.25))
            before, body, after = builder.block, builder.append_basic_block("body"), builder.append_basic_block("done")
            builder.branch(body)
            builder.position_at_end(body)
            k, value = builder.phi(word), builder.phi(wide)
            following, changed = builder.add(k, word(1)), builder.call(fma, [value, m, c])
            for phi, first, later in ((k, word(0), following), (value, x, changed)):
                phi.add_incoming(first, before)
                phi.add_incoming(later, body)
            builder.cbranch(builder.icmp_signed("<", following, arguments[0]), body, after)
            builder.position_at_end(after)
            total = ir.Constant(real, 0.0)
            for lane in range(lanes):
                total = builder.fadd(total, builder.extract_element(changed, ir.Constant(ir.IntType(32), lane)))
            return total

        return getattr(types, dtype)(types.int64, getattr(types, dtype)), generate

    return chains
