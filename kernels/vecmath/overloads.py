"""Numba's overloads of the functions of this package: for scalars of both types, branch-free and inlined.

Only importing ``kernels/for_numba.py`` registers them: code that Numba does not compile needs none of this.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload, register_jitable

from batchgd.kernels.vecmath.emitters import Emitted, Emitter
from batchgd.kernels.vecmath.ir import FLOAT32, FLOAT64, Real
from batchgd.kernels.vecmath.simple import absolute, isfinite, maximum, minimum, sign, sqrt, square, where

NO_WRAPPERS: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Overloads are called only by compiled code: without wrappers for Python and C they compile in half the time."""

OPTIONS: Any = {"fastmath": {"contract"}, "error_model": "numpy", **NO_WRAPPERS}
JIT_OPTIONS: Any = {**OPTIONS, "forceinline": True}


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


def result_type(*arguments: Any) -> Any:
    """The floating type a call on these Numba scalars computes in, or None if an argument is not a real scalar.

    Integers and truth values are weak, as in NumPy 2: they take the floating type of the other argument, float64
    without one.
    """
    if not all(isinstance(a, (types.Float, types.Integer, types.Boolean)) for a in arguments):
        return None
    floats = [a for a in arguments if isinstance(a, types.Float)]
    return types.float32 if floats and all(a == types.float32 for a in floats) else types.float64


def give_overload(of: Emitted) -> None:
    """Give a function a Numba overload for real scalars whose body is what its emitter appends."""
    core = _core(of.emitter, of.arity, of.results)
    bodies = {real: _body(core, real, of.arity) for real in (types.float64, types.float32)}
    if of.arity == 1:

        @overload(of.function, jit_options=JIT_OPTIONS)
        def choose(x):
            return bodies.get(result_type(x))
    else:

        @overload(of.function, jit_options=JIT_OPTIONS)
        def choose_two(x, y):
            return bodies.get(result_type(x, y))


def _body(core: Any, real: Any, arity: int) -> Callable[..., Any]:
    if arity == 1:

        def body(x):
            return core(real(x))

        return body

    def body_two(x, y):
        return core(real(x), real(y))

    return body_two


# One instruction or a select: the same overload serves the CPU and CUDA, and integers.


def _common_type(*arguments: Any) -> Any:
    """What the arguments are converted to: their floating type, or nothing among integers (counters stay integers)."""
    if not any(isinstance(a, types.Float) for a in arguments):
        return None if result_type(*arguments) is None else _as_is
    return result_type(*arguments)


@register_jitable
def _as_is(x):
    return x


@overload(where, jit_options=OPTIONS)
def _where(condition, yes, no):
    real = _common_type(yes, no)
    if real is None or result_type(condition) is None:
        return None

    def body(condition, yes, no):
        return real(yes) if condition else real(no)

    return body


@overload(minimum, jit_options=OPTIONS)
def _minimum(x, y):
    real = _common_type(x, y)
    if real is None:
        return None

    def body(x, y):
        a, b = real(x), real(y)
        return a if (a <= b) | (a != a) else b

    return body


@overload(maximum, jit_options=OPTIONS)
def _maximum(x, y):
    real = _common_type(x, y)
    if real is None:
        return None

    def body(x, y):
        a, b = real(x), real(y)
        return a if (a >= b) | (a != a) else b

    return body


@overload(absolute, jit_options=OPTIONS)
def _absolute(x):
    real = result_type(x)
    return None if real is None else lambda x: abs(real(x))


@overload(sign, jit_options=OPTIONS)
def _sign(x):
    real = result_type(x)
    if real is None:
        return None
    one, minus_one = _typed(real, 1.0), _typed(real, -1.0)

    def body(x):
        a = real(x)
        below = minus_one if a < 0 else a  # what is left, 0 and NaN, is its own sign
        return one if a > 0 else below

    return body


@overload(sqrt, jit_options=OPTIONS)
def _sqrt(x):
    real = result_type(x)
    return None if real is None else lambda x: math.sqrt(real(x))


@overload(square, jit_options=OPTIONS)
def _square(x):
    real = result_type(x)
    return None if real is None else lambda x: real(x) * real(x)


@overload(isfinite, jit_options=OPTIONS)
def _isfinite(x):
    real = result_type(x)
    return None if real is None else lambda x: real(x) - real(x) == 0


def _typed(real: Any, number: float) -> Any:
    return np.float32(number) if real == types.float32 else np.float64(number)
