"""Random numbers in vectors: ``philox4x32`` of the kernels, called with words of code."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from batchgd.kernels.philox import philox4x32
from batchgd.kernels.vecmath.ir import FLOAT64, Format, Real, Word


def uniform_pair(seed: ir.Value, start: ir.Value, update: Real, counter: int | Real) -> tuple[Real, Real]:
    """Append ``philox.uniform_pair``, or ``uniform_pair_single`` for numbers of 32 bits, of a lane's update."""
    builder = update.builder
    return pair_of_block(builder, update.format, seed, start, builder.fptosi(update.value, start.type), counter)


def pair_of_block(
    builder: ir.IRBuilder, form: Format, seed: ir.Value, start: ir.Value, block: ir.Value, counter: int | Real
) -> tuple[Real, Real]:
    """Append the same of a block, a whole number like seed and start."""
    whole = FLOAT64.over(form.lanes)  # its words have 64 bits
    key, index, turn = (Word(builder, whole, value) for value in (seed, start, block))
    number = builder.fptosi(counter.value, start.type) if isinstance(counter, Real) else whole.integer(counter)
    stream = Word(builder, whole, number)
    low = 0xFFFFFFFF
    words = philox4x32(index & low, index >> 32, turn, stream, key & low, key >> 32)
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
