"""The elementary functions as functions of an LLVM module: each is written once, however often it is called.

Calls are inlined, so that they share constants, fill each other's waits, and what is in registers stays there; of many,
each would cost as much to compile as the first.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from batchgd.kernels.vecmath.emitters import EMITTERS
from batchgd.kernels.vecmath.ir import Format, Real

INLINED = 32
"""Calls of elementary functions in a program, up to which they are inlined.

Each takes 2 to 3 ms to compile. Ten sines that are not take a quarter longer: a call leaves nothing in registers.
"""

CHEAP = ("absolute", "copysign", "floor", "maximum", "minimum", "sign", "sqrt", "where")
"""Functions of a few instructions, written where they are called."""


class Functions:
    """The elementary functions of one module."""

    def __init__(self, module: ir.Module, *, inlined: bool):
        self._module, self._inlined = module, inlined

    def call(self, name: str, arguments: list[Any]) -> Any:
        """Append a call, and return its result: a number, a truth value, or two numbers of ``sincos``."""
        if name in CHEAP:
            return EMITTERS[name](*arguments)
        first = arguments[0]
        result = first.builder.call(self._function(name, first.format, len(arguments)), [a.value for a in arguments])
        if not isinstance(result.type, ir.LiteralStructType):
            return Real(first.builder, first.format, result)
        parts = range(len(result.type.elements))
        return tuple(Real(first.builder, first.format, first.builder.extract_value(result, k)) for k in parts)

    def _function(self, name: str, form: Format, arity: int) -> ir.Function:
        full = f"{name}.{form.suffix}"
        if full in self._module.globals:
            return self._module.globals[full]
        pair = name == "sincos"
        returned = ir.LiteralStructType([form.real] * 2) if pair else form.real
        function = ir.Function(self._module, ir.FunctionType(returned, [form.real] * arity), full)
        function.linkage = "internal"
        function.attributes.add("alwaysinline" if self._inlined else "noinline")
        function.attributes.add("nounwind")
        builder = ir.IRBuilder(function.append_basic_block())
        result = EMITTERS[name](*(Real(builder, form, argument) for argument in function.args))
        value = ir.Constant(returned, ir.Undefined) if pair else result.value
        for place, part in enumerate(result if pair else ()):
            value = builder.insert_value(value, part.value, place)
        builder.ret(value)
        return function
