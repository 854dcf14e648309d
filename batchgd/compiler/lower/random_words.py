"""Random numbers in vectors: ``philox4x32`` of the kernels, called with words of code."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from batchgd.kernels.philox import philox4x32
from batchgd.kernels.vecmath.ir import FLOAT64, Real


class Word:
    """Words of 64 bits, one per lane, with the operators that Philox uses; NumPy's own numbers become constants."""

    __array_ufunc__ = None  # so that NumPy's numbers leave the operator to this class

    def __init__(self, builder: ir.IRBuilder, value: ir.Value):
        self.builder, self.value = builder, value

    def _apply(self, instruction: str, other: Any) -> Word:
        right = other.value if isinstance(other, Word) else constant(int(other), self.value.type)
        return Word(self.builder, getattr(self.builder, instruction)(self.value, right))

    def __mul__(self, other: Any) -> Word:
        return self._apply("mul", other)

    def __add__(self, other: Any) -> Word:
        return self._apply("add", other)

    def __and__(self, other: Any) -> Word:
        return self._apply("and_", other)

    def __or__(self, other: Any) -> Word:
        return self._apply("or_", other)

    def __xor__(self, other: Any) -> Word:
        return self._apply("xor", other)

    def __lshift__(self, other: Any) -> Word:
        return self._apply("shl", other)

    def __rshift__(self, other: Any) -> Word:
        return self._apply("lshr", other)

    __rmul__ = __mul__


def constant(value: int, kind: ir.Type) -> ir.Constant:
    """Return a word, the same in every lane."""
    lanes = kind.count if isinstance(kind, ir.VectorType) else 1
    return FLOAT64.over(lanes).integer(value)


def uniform_pair(seed: ir.Value, start: ir.Value, update: Real, counter: int) -> tuple[Real, Real]:
    """Append ``philox.uniform_pair``, or ``uniform_pair_single`` for numbers of 32 bits."""
    builder, form = update.builder, update.format
    block = builder.fptosi(update.value, start.type)
    key, index = Word(builder, seed), Word(builder, start)
    low = 0xFFFFFFFF
    stream = Word(builder, constant(counter, start.type))
    words = philox4x32(index & low, index >> 32, Word(builder, block), stream, key & low, key >> 32)
    if form.bits == 64:
        pairs = [((high << 32) | rest) >> 11 for high, rest in (words[:2], words[2:])]
        scale = 2.0**-53
    else:
        pairs = [word >> 8 for word in words[::2]]
        scale = 2.0**-24
    u, v = (Real(builder, form, _converted(builder, pair, form)) * scale for pair in pairs)
    return u, v


def _converted(builder: ir.IRBuilder, word: Word, form: Any) -> ir.Value:
    """The number that a word below 2^mantissa is."""
    if form.bits == 32:
        return builder.uitofp(builder.trunc(word.value, form.word), form.real)
    return builder.uitofp(word.value, form.real)
