"""Straight-line LLVM code written as ordinary arithmetic: the small language the vecmath functions are built in.

An emitter is a Python function of `Real` values. Each operator appends one LLVM instruction to the caller's block, so a
function is inlined by construction, every constant takes the type of the value that it is combined with (one float64
literal in float32 code promotes the whole lane), and no instruction carries a fast-math flag: a fused multiply-add is
fused because it was written as `fma`, and the scalar and the vectorised loop give the same bits.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.cpu import CPUContext
from numba.extending import intrinsic, overload

NO_WRAPPERS: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Overloads are called only by compiled code: without wrappers for Python and C they compile in half the time."""

JIT_OPTIONS: Any = {"fastmath": {"contract"}, "error_model": "numpy", "forceinline": True, **NO_WRAPPERS}


@dataclass(frozen=True)
class Format:
    """The layout of an IEEE 754 type: `bits` in all, `precision` of the significand, exponent `bias`."""

    real: ir.Type
    word: ir.IntType
    bits: int
    precision: int
    bias: int

    @property
    def mantissa(self) -> int:
        """Number of stored significand bits (the implied leading one is not stored)."""
        return self.precision - 1

    @property
    def sign(self) -> int:
        """The word whose only bit is the sign bit."""
        return 1 << (self.bits - 1)

    @property
    def magic(self) -> float:
        """1.5 * 2^mantissa: adding it rounds to an integer (ties to even), which is then in the low bits of the sum."""
        return 1.5 * 2.0**self.mantissa


FLOAT64 = Format(ir.DoubleType(), ir.IntType(64), 64, 53, 1023)
FLOAT32 = Format(ir.FloatType(), ir.IntType(32), 32, 24, 127)


def constant(builder: ir.IRBuilder, kind: ir.Type, number: float) -> ir.Value:
    """Return a number as a value; on CUDA, one in float64 that needs all its bits is read from constant memory.

    An instruction takes an operand from there at no cost. Of a literal it takes only 32 bits: on sm_90 every other one
    was put together by two to four instructions wherever it was used, a quarter of all in a loop with two sines.
    """
    literal = ir.Constant(kind, number)
    (bits,) = struct.unpack("<Q", struct.pack("<d", number))
    if not isinstance(kind, ir.DoubleType) or bits & 0xFFFFFFFF == 0 or not builder.module.triple.startswith("nvptx"):
        return literal
    name = f"constant_{bits:016x}"
    place = builder.module.globals.get(name)
    if place is None:
        place = _InConstantMemory(builder.module, kind, name, addrspace=4)
        place.initializer = literal
    return builder.load(place)


class _InConstantMemory(ir.GlobalVariable):
    """What the host might write, as far as the compiler knows: else it would take it for a literal again."""

    def descr(self, buf: list[str]) -> None:
        buf.append(f"weak addrspace(4) externally_initialized global {self.value_type} ")
        buf.append(f"{self.initializer.get_reference()}, align 8\n")


class Value:
    """One LLVM value of a given floating-point format, with the block it is appended to."""

    __slots__ = ("builder", "format", "value")

    def __init__(self, builder: ir.IRBuilder, format: Format, value: ir.Value):
        self.builder = builder
        self.format = format
        self.value = value


class Bool(Value):
    """A truth value (i1): the result of a comparison, consumed by `select`."""

    __slots__ = ()

    def __and__(self, other: Bool) -> Bool:
        return Bool(self.builder, self.format, self.builder.and_(self.value, other.value))

    def __or__(self, other: Bool) -> Bool:
        return Bool(self.builder, self.format, self.builder.or_(self.value, other.value))

    def __xor__(self, other: Bool) -> Bool:
        return Bool(self.builder, self.format, self.builder.xor(self.value, other.value))

    def __invert__(self) -> Bool:
        return Bool(self.builder, self.format, self.builder.not_(self.value))

    def choose(self, yes: int, no: int) -> Word:
        """The word `yes` where true, else `no`."""
        operands = ir.Constant(self.format.word, yes), ir.Constant(self.format.word, no)
        return Word(self.builder, self.format, self.builder.select(self.value, *operands))


class Word(Value):
    """The integer of the same width as the format; shifts to the right bring in zeros."""

    __slots__ = ()

    def _apply(self, name: str, other: Word | int) -> Word:
        right = other.value if isinstance(other, Word) else ir.Constant(self.format.word, other)
        return Word(self.builder, self.format, getattr(self.builder, name)(self.value, right))

    def __add__(self, other: Word | int) -> Word:
        return self._apply("add", other)

    def __sub__(self, other: Word | int) -> Word:
        return self._apply("sub", other)

    def __mul__(self, other: Word | int) -> Word:
        return self._apply("mul", other)

    def __and__(self, other: Word | int) -> Word:
        return self._apply("and_", other)

    def __or__(self, other: Word | int) -> Word:
        return self._apply("or_", other)

    def __xor__(self, other: Word | int) -> Word:
        return self._apply("xor", other)

    def __lshift__(self, other: Word | int) -> Word:
        return self._apply("shl", other)

    def __rshift__(self, other: Word | int) -> Word:
        return self._apply("lshr", other)

    def equals(self, other: Word | int) -> Bool:
        """True where both words are the same."""
        right = other.value if isinstance(other, Word) else ir.Constant(self.format.word, other)
        return Bool(self.builder, self.format, self.builder.icmp_unsigned("==", self.value, right))

    def below(self, other: int) -> Bool:
        """True where the word, read as unsigned, is less than `other`."""
        right = ir.Constant(self.format.word, other)
        return Bool(self.builder, self.format, self.builder.icmp_unsigned("<", self.value, right))

    def as_real(self) -> Real:
        """The floating-point number with these bits."""
        return Real(self.builder, self.format, self.builder.bitcast(self.value, self.format.real))


class Real(Value):
    """A floating-point number; Python numbers that meet it become constants of its type."""

    __slots__ = ()

    def constant(self, number: Real | float) -> Real:
        """`number` as a value of this format."""
        if isinstance(number, Real):
            return number
        return Real(self.builder, self.format, constant(self.builder, self.format.real, float(number)))

    def _apply(self, name: str, left: Real | float, right: Real | float) -> Real:
        operands = self.constant(left).value, self.constant(right).value
        return Real(self.builder, self.format, getattr(self.builder, name)(*operands))

    def __add__(self, other: Real | float) -> Real:
        return self._apply("fadd", self, other)

    def __radd__(self, other: float) -> Real:
        return self._apply("fadd", other, self)

    def __sub__(self, other: Real | float) -> Real:
        return self._apply("fsub", self, other)

    def __rsub__(self, other: float) -> Real:
        return self._apply("fsub", other, self)

    def __mul__(self, other: Real | float) -> Real:
        return self._apply("fmul", self, other)

    def __rmul__(self, other: float) -> Real:
        return self._apply("fmul", other, self)

    def __truediv__(self, other: Real | float) -> Real:
        return self._apply("fdiv", self, other)

    def __rtruediv__(self, other: float) -> Real:
        return self._apply("fdiv", other, self)

    def __neg__(self) -> Real:
        return self._apply("fsub", -0.0, self)  # NVVM's older dialect has this in place of fneg

    def _compare(self, operator: str, other: Real | float) -> Bool:
        right = self.constant(other).value
        return Bool(self.builder, self.format, self.builder.fcmp_ordered(operator, self.value, right))

    def __lt__(self, other: Real | float) -> Bool:
        return self._compare("<", other)

    def __le__(self, other: Real | float) -> Bool:
        return self._compare("<=", other)

    def __gt__(self, other: Real | float) -> Bool:
        return self._compare(">", other)

    def __ge__(self, other: Real | float) -> Bool:
        return self._compare(">=", other)

    def equals(self, other: Real | float) -> Bool:
        """True where both are the same number (never for NaN)."""
        return self._compare("==", other)

    def is_nan(self) -> Bool:
        """True for NaN."""
        return Bool(self.builder, self.format, self.builder.fcmp_unordered("uno", self.value, self.value))

    def bits(self) -> Word:
        """The number's bits."""
        return Word(self.builder, self.format, self.builder.bitcast(self.value, self.format.word))

    def magnitude(self) -> Real:
        """|x|; by bits, because NVVM has no fabs."""
        return (self.bits() & (self.format.sign - 1)).as_real()

    def with_sign_of(self, other: Real) -> Real:
        """|x| with the sign of `other`, zeros included."""
        sign = other.bits() & self.format.sign
        return (self.magnitude().bits() | sign).as_real()

    def root(self) -> Real:
        """Correctly rounded square root."""
        return _call(self.builder, self.format, "sqrt", [self])

    def floor(self) -> Real:
        """The largest integer not above x."""
        return _call(self.builder, self.format, "floor", [self])


def _call(builder: ir.IRBuilder, form: Format, name: str, operands: Sequence[Real]) -> Real:
    """Call the LLVM intrinsic `name` of this format."""
    return _intrinsic(builder, form, f"{name}.f{form.bits}", operands)


def _intrinsic(builder: ir.IRBuilder, form: Format, name: str, operands: Sequence[Real]) -> Real:
    full = f"llvm.{name}"
    function = builder.module.globals.get(full)
    if function is None:
        function = ir.Function(builder.module, ir.FunctionType(form.real, [form.real] * len(operands)), full)
    return Real(builder, form, builder.call(function, [operand.value for operand in operands]))


def fma(a: Real, b: Real | float, c: Real | float) -> Real:
    """a b + c, rounded once."""
    return _call(a.builder, a.format, "fma", [a, a.constant(b), a.constant(c)])


def select(condition: Bool, yes: Real | float, no: Real | float) -> Real:
    """`yes` where the condition holds, else `no`."""
    sample = Real(condition.builder, condition.format, condition.value)
    operands = sample.constant(yes).value, sample.constant(no).value
    return Real(condition.builder, condition.format, condition.builder.select(condition.value, *operands))


def polynomial(x: Real, coefficients: Sequence[float]) -> Real:
    """sum_k coefficients[k] x^k by Estrin's scheme: half the latency of Horner's for one more product per doubling."""
    terms: list[Real | float] = list(coefficients)
    power = x
    while len(terms) > 1:
        pairs: list[Real | float] = [fma(power, terms[k + 1], terms[k]) for k in range(0, len(terms) - 1, 2)]
        if len(terms) % 2:
            pairs.append(terms[-1])
        terms = pairs
        if len(terms) > 1:
            power = power * power
    return x.constant(terms[0])


def two_sum(a: Real, b: Real | float) -> tuple[Real, Real]:
    """a + b as a rounded sum and its exact error, for any order of magnitude (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def fast_two_sum(a: Real, b: Real) -> tuple[Real, Real]:
    """a + b as a rounded sum and its exact error, for |a| >= |b| or a = 0 (Dekker)."""
    total = a + b
    return total, b - (total - a)


def two_product(a: Real, b: Real | float) -> tuple[Real, Real]:
    """a b as a rounded product and its exact error."""
    product = a * b
    return product, fma(a, b, -product)


def pinned_product(a: Real, b: Real) -> Real:
    """a b, rounded before anything is added to it: CUDA's linker and assembler fuse products whatever the flags."""
    if "nvptx" not in a.builder.module.triple:
        return a * b
    return _intrinsic(a.builder, a.format, f"nvvm.mul.rn.{'d' if a.format is FLOAT64 else 'f'}", [a, b])


def quotient(high: Real, low: Real, divisor: Real, divisor_low: Real) -> tuple[Real, Real]:
    """(high + low) / (divisor + divisor_low) as a number and a correction, with one division; all must be finite."""
    inverse = 1.0 / divisor
    ratio = high * inverse
    rest = fma(-ratio, divisor, high)
    return ratio, (rest + fma(-ratio, divisor_low, low)) * inverse


def round_to_word(x: Real, scale: float) -> tuple[Real, Word]:
    """The integer nearest to x scale, as a number and as the low bits of a word; needs |x scale| < 2^(mantissa - 1)."""
    shifted = fma(x, scale, x.format.magic)
    return shifted - x.format.magic, shifted.bits()


def power_of_two(exponent: Word) -> Real:
    """2^exponent from the low bits of a word (the high bits are shifted out); needs a normal result."""
    form = exponent.format
    return ((exponent + form.bias) << form.mantissa).as_real()


def word_to_real(word: Word) -> Real:
    """The value of a word that holds an unsigned integer below 2^mantissa."""
    form = word.format
    base = (form.bias + form.mantissa) << form.mantissa  # the bits of 2^mantissa
    return (word | base).as_real() - 2.0**form.mantissa


Emitter = Callable[..., Any]


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
