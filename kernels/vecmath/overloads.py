"""What makes Numba functions of emitters: an overload for scalars of both types, whose body is what is appended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.cpu import CPUContext
from numba.extending import intrinsic, overload

from batchgd.kernels.vecmath.ir import FLOAT32, FLOAT64, Real

NO_WRAPPERS: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Overloads are called only by compiled code: without wrappers for Python and C they compile in half the time."""

JIT_OPTIONS: Any = {"fastmath": {"contract"}, "error_model": "numpy", "forceinline": True, **NO_WRAPPERS}

Emitter = Callable[..., Any]

EMITTERS: dict[str, Emitter] = {}
"""What appends each function of this package, by its name."""


def _core(emitter: Emitter, arity: int, results: int) -> Any:
    def lower(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        form = FLOAT64 if signature.args[0] == types.float64 else FLOAT32
        result = emitter(*(Real(builder, form, value) for value in arguments))
        if isinstance(result, tuple):
            return context.make_tuple(builder, signature.return_type, [part.value for part in result])
        return result.value

    if arity == 1:

        @intrinsic
        def core(typing_context, x):
            return (x if results == 1 else types.UniTuple(x, results))(x), lower
    else:

        @intrinsic
        def core(typing_context, x, y):
            return x(x, y), lower

    return core


def _frozen(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
    if not isinstance(context, CPUContext):  # CUDA's code passes through an LLVM without it
        return arguments[0]
    builder._insert(frozen := ir.Instruction(builder.block, arguments[0].type, "freeze", list(arguments)))
    return frozen


def _freeze(typing_context: Any, x: Any) -> Any:
    return x(x), _frozen


freeze: Any = intrinsic(_freeze)
"""x itself; LLVM no longer sees where it was loaded from."""


def result_type(*arguments: Any) -> Any:
    """The floating type a call on these Numba scalars computes in, or None if an argument is not a real scalar.

    Integers and truth values are weak, as in NumPy 2: they take the floating type of the other argument, float64
    without one.
    """
    if not all(isinstance(a, (types.Float, types.Integer, types.Boolean)) for a in arguments):
        return None
    floats = [a for a in arguments if isinstance(a, types.Float)]
    return types.float32 if floats and all(a == types.float32 for a in floats) else types.float64


def emitted(function: Callable[..., Any], arity: int = 1, results: int = 1) -> Callable[[Emitter], Emitter]:
    """Decorator: give `function` a Numba overload for real scalars whose body is what the decorated emitter appends."""

    def register(emitter: Emitter) -> Emitter:
        EMITTERS[function.__name__] = emitter
        core = _core(emitter, arity, results)
        bodies = {real: _body(core, real, arity) for real in (types.float64, types.float32)}
        if arity == 1:

            @overload(function, jit_options=JIT_OPTIONS)
            def choose(x):
                return bodies.get(result_type(x))
        else:

            @overload(function, jit_options=JIT_OPTIONS)
            def choose_two(x, y):
                return bodies.get(result_type(x, y))

        return emitter

    return register


def _body(core: Any, real: Any, arity: int) -> Callable[..., Any]:
    if arity == 1:

        def body(x):
            return core(real(x))

        return body

    def body_two(x, y):
        return core(real(x), real(y))

    return body_two
