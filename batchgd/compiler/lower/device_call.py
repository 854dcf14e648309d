"""What the lowering finds in a function that Numba compiles for CUDA: scalars, arguments, and CUDA's own functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from batchgd.compiler.lower.functions import Functions
from batchgd.compiler.lower.vectors import INTEGER, Vectors, integer
from batchgd.kernels.vecmath import CUDA_MATH
from batchgd.kernels.vecmath.emitters import EMITTERS
from batchgd.kernels.vecmath.ir import FLOAT32, FLOAT64, Real, constant


class Scalars(Vectors):
    """One lane, where Numba appends; whole numbers in arrays are kept as numbers of the format."""

    def number(self, value: float) -> Real:
        """A constant."""
        return self.real(constant(self.builder, self.form.real, value))

    def position(self, address: ir.Value) -> ir.Value:
        """The whole number at an address, which nothing changes."""
        return self.builder.fptosi(self.uniform(address).value, INTEGER)

    def frozen(self, number: Real) -> Real:
        """The number itself: scalars need no masks."""
        return number

    def at(self, base: ir.Value, index: ir.Value, kind: ir.Type | None = None) -> ir.Value:
        """The address of an element of an array."""
        return self.builder.gep(base, [index], inbounds=True)


class DeviceFunctions(Functions):
    """The elementary functions: our own are appended, of the others CUDA's are called (``CUDA_MATH``)."""

    def __init__(self, typing: Any, context: Any):
        self._typing, self._context = typing, context

    def call(self, name: str, arguments: list[Any]) -> Any:
        """Append a call, and return its result: a number, a truth value, or two numbers of ``sincos``."""
        theirs = CUDA_MATH.get(name)
        if theirs is None:
            return EMITTERS[name](*arguments)
        first = arguments[0]
        kind = types.float64 if first.format is FLOAT64 else types.float32
        function = self._typing.resolve_value_type(getattr(math, theirs))
        signature = self._typing.resolve_function_type(function, (kind,) * len(arguments), {})
        lower = self._context.get_function(function, signature)
        self._context.add_linking_libs(getattr(lower, "libs", ()))
        return Real(first.builder, first.format, lower(first.builder, [each.value for each in arguments]))


class Call:
    """A call where code is appended: its arguments by their names, and what it appends to."""

    def __init__(self, typing: Any, context: Any, builder: Any, signature: Any, values: Any, names: tuple[str, ...]):
        self.kinds = dict(zip(names, signature.args, strict=True))
        self.values = dict(zip(names, values, strict=True))
        real = next(kind.dtype for kind in signature.args if isinstance(getattr(kind, "dtype", None), types.Float))
        self.vectors = Scalars(builder, FLOAT64 if real == types.float64 else FLOAT32)
        self.functions = DeviceFunctions(typing, context)
        self.own: ir.Value | None = None
        self._bases = {
            name: context.make_array(kind)(context, builder, self.values[name]).data
            for name, kind in self.kinds.items()
            if isinstance(kind, types.Array)
        }

    def at(self, name: str, index: ir.Value) -> ir.Value:
        """The address of an element of an array."""
        return self.vectors.at(self._bases[name], index)

    def base(self, name: str) -> ir.Value:
        """The address of the first element of an array."""
        return self._bases[name]

    def element(self, name: str, number: int) -> ir.Value:
        """An element of an array or a tuple; a number that is given alone."""
        if name in self._bases:
            return self.vectors.builder.load(self.at(name, integer(number)))
        if isinstance(self.kinds[name], types.BaseTuple):
            return self.vectors.builder.extract_value(self.values[name], number)
        return self.values[name]

    def param(self, number: ir.Value) -> ir.Value:
        """A parameter of the objective, one of the lane's own if these begin at ``own`` in ``p``."""
        builder = self.vectors.builder
        return builder.load(self.at("p", number if self.own is None else builder.add(self.own, number)))

    def memory(self) -> Memory:
        """Room for as many numbers as will be needed."""
        return Memory(self.vectors)


class Memory:
    """Numbers of a thread that code looks up by computed places: in local memory, unless there are none."""

    def __init__(self, vectors: Scalars):
        self._vectors, self._count = vectors, ir.Constant(ir.IntType(32), 1)
        with vectors.builder.goto_entry_block():
            self._base = vectors.builder.alloca(vectors.form.real, size=self._count)

    def __call__(self, number: ir.Value) -> ir.Value:
        """The address of a number."""
        return self._vectors.at(self._base, number)

    def make_room(self, count: int) -> None:
        """Say how many there are, before the code is written out."""
        self._count.constant = max(count, 1)


def device_function(name: str, arguments: tuple[str, ...], kind: Any, append: Callable[[Call], Any]) -> Any:
    """Return a function for CUDA kernels that returns this type; ``append(call)`` appends what it does."""

    def lowered(typing: Any, *given: Any) -> Any:
        def lower(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            result = append(Call(typing, context, builder, signature, values, arguments))
            return context.get_dummy_value() if result is None else result

        kinds = tuple(types.unliteral(each) for each in given)
        returned = next(each.dtype for each in kinds if isinstance(each, types.Array)) if kind is None else kind
        return returned(*kinds), lower

    names = ", ".join(arguments)
    made: dict[str, Any] = {"lowered": lowered}
    exec(f"def {name}(typing_context, {names}):\n    return lowered(typing_context, {names})", made)
    return intrinsic(made[name])
