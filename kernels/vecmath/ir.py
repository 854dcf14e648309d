"""Straight-line LLVM code written as ordinary arithmetic: the small language the vecmath functions are built in.

An emitter is a Python function of `Real` values. Each operator appends one LLVM instruction to the caller's block, so a
function is inlined by construction, every constant takes the type of the value that it is combined with (one float64
literal in float32 code promotes the whole lane), and no instruction carries a fast-math flag: a fused multiply-add is
fused because it was written as `fma`, and the scalar and the vectorised loop give the same bits.

A value may also be a vector of several numbers (`Format.over`): the same instructions then apply to each of them, and
give each the bits that the scalar has.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from llvmlite import binding as llvm
from llvmlite import ir


@dataclass(frozen=True)
class Format:
    """The layout of an IEEE 754 type: `bits` in all, `precision` of the significand, exponent `bias`.

    `lanes` numbers make one value: a scalar if it is 1, else a vector. `real` and `word` are its types. `scales` is
    whether the processor has an instruction for x 2^n, that of AVX-512.
    """

    real: ir.Type
    word: ir.Type
    bits: int
    precision: int
    bias: int
    lanes: int = 1
    scales: bool = False

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

    @property
    def suffix(self) -> str:
        """What LLVM puts after the names of its intrinsics for this type."""
        return f"f{self.bits}" if self.lanes == 1 else f"v{self.lanes}f{self.bits}"

    def over(self, lanes: int) -> Format:
        """Return the format of as many numbers as one value.

        >>> str(FLOAT64.over(8).real)
        '<8 x double>'
        """
        return _over(self, lanes)

    def number(self, value: float) -> ir.Constant:
        """A number, the same in every lane."""
        return _constant(self.real, float(value))

    def integer(self, value: int) -> ir.Constant:
        """A word, the same in every lane."""
        return _constant(self.word, int(value))


@cache
def _over(form: Format, lanes: int) -> Format:
    if lanes == form.lanes:
        return form
    assert form.lanes == 1
    return replace(form, real=ir.VectorType(form.real, lanes), word=ir.VectorType(form.word, lanes), lanes=lanes)


def _constant(kind: ir.Type, value: float) -> ir.Constant:
    return _Splat(kind, value) if isinstance(kind, ir.VectorType) else ir.Constant(kind, value)


class _Splat(ir.Constant):
    """A vector of equal numbers, which llvmlite would list, as LLVM 15 needs it."""

    def __init__(self, kind: ir.VectorType, value: float):
        self.type, self.constant = kind, ir.Constant(kind.element, value)

    def _get_reference(self) -> str:
        if llvm.llvm_version_info[0] >= 19:
            return f"splat ({self.constant})"
        return f"<{', '.join([str(self.constant)] * self.type.count)}>"


FLOAT64 = Format(ir.DoubleType(), ir.IntType(64), 64, 53, 1023)
FLOAT32 = Format(ir.FloatType(), ir.IntType(32), 32, 24, 127)


def constant(builder: ir.IRBuilder, kind: ir.Type, number: float) -> ir.Value:
    """Return a number as a value; on CUDA, one in float64 that needs all its bits is read from constant memory.

    An instruction takes an operand from there at no cost. Of a literal it takes only 32 bits: on sm_90 every other one
    was put together by two to four instructions wherever it was used, a quarter of all in a loop with two sines.
    """
    literal = _constant(kind, number)
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
    """A truth value (i1, or a vector of them): the result of a comparison, consumed by `select`."""

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
        operands = self.format.integer(yes), self.format.integer(no)
        return Word(self.builder, self.format, self.builder.select(self.value, *operands))


class Word(Value):
    """The integer of the same width as the format; shifts to the right bring in zeros."""

    __slots__ = ()
    __array_ufunc__ = None  # NumPy's whole numbers leave the operator to this class, and become constants

    def _apply(self, name: str, other: Word | int) -> Word:
        right = other.value if isinstance(other, Word) else self.format.integer(other)
        return Word(self.builder, self.format, getattr(self.builder, name)(self.value, right))

    def __add__(self, other: Word | int) -> Word:
        return self._apply("add", other)

    def __sub__(self, other: Word | int) -> Word:
        return self._apply("sub", other)

    def __mul__(self, other: Word | int) -> Word:
        return self._apply("mul", other)

    __rmul__ = __mul__

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
        right = other.value if isinstance(other, Word) else self.format.integer(other)
        return Bool(self.builder, self.format, self.builder.icmp_unsigned("==", self.value, right))

    def below(self, other: int) -> Bool:
        """True where the word, read as unsigned, is less than `other`."""
        right = self.format.integer(other)
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
    return _intrinsic(builder, form, f"{name}.{form.suffix}", operands)


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
    """sum_k coefficients[k] x^k by Horner's scheme; a long one as two in x^2, in which neither waits for the other.

    Estrin's scheme is quicker alone, by half, but takes one product more per doubling. A tick has as a rule several
    polynomials at once, and these products cost a sum of sines a tenth of its speed.
    """
    if len(coefficients) <= LONGEST_CHAIN:
        return _horner(x, coefficients)
    return fma(_horner(x * x, coefficients[1::2]), x, _horner(x * x, coefficients[::2]))


LONGEST_CHAIN = 8
"""Coefficients of a polynomial whose steps may all wait for one another."""


def _horner(x: Real, coefficients: Sequence[float]) -> Real:
    value = x.constant(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = fma(value, x, coefficient)
    return value


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


def scaled(x: Real, exponent: Real) -> Real:
    """x 2^exponent, rounded once, for an integer exponent and a format that `scales`."""
    builder, form = x.builder, x.format
    lanes = WIDEST // form.bits
    kind, mask = ir.VectorType(form.real.element, lanes), ir.IntType(lanes)
    full = f"llvm.x86.avx512.mask.scalef.p{'d' if form.bits == 64 else 's'}.{WIDEST}"
    function = builder.module.globals.get(full)
    if function is None:
        function = ir.Function(builder.module, ir.FunctionType(kind, [kind, kind, kind, mask, ir.IntType(32)]), full)
    nothing = ir.Constant(kind, ir.Undefined)
    parts = []
    for first in range(0, form.lanes, lanes):
        places = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [*range(first, first + lanes)])
        each = [builder.shuffle_vector(a.value, a.value, places) for a in (x, exponent)]
        parts.append(builder.call(function, [*each, nothing, mask(-1), ir.IntType(32)(AS_SET)]))
    while len(parts) > 1:
        places = ir.Constant(ir.VectorType(ir.IntType(32), 2 * lanes), [*range(2 * lanes)])
        parts = [builder.shuffle_vector(*pair, places) for pair in zip(parts[::2], parts[1::2], strict=True)]
        lanes *= 2
    return Real(builder, form, parts[0])


WIDEST = 512
"""Bits of a vector that AVX-512 scales at once."""
AS_SET = 4
"""Round as the processor is set to: to nearest."""


def word_to_real(word: Word) -> Real:
    """The value of a word that holds an unsigned integer below 2^mantissa."""
    form = word.format
    base = (form.bias + form.mantissa) << form.mantissa  # the bits of 2^mantissa
    return (word | base).as_real() - 2.0**form.mantissa
