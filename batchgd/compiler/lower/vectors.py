"""What the lowering appends besides arithmetic: vectors loaded, stored and spread out, memory for rows, and loops."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from batchgd.kernels.vecmath.ir import Bool, Format, Real

POINTER = ir.PointerType()
INTEGER = ir.IntType(64)
LINE = 64
"""Bytes of a line of the cache, which the vectors of a block of lanes begin at."""


def integer(value: int) -> ir.Constant:
    """An index."""
    return ir.Constant(INTEGER, value)


class Vectors:
    """Appends instructions on vectors of one format; ``entries`` counts the vectors that need memory of their own."""

    rolled = False
    """Whether loops must stay loops."""

    def __init__(self, builder: ir.IRBuilder, form: Format):
        self.builder, self.form = builder, form
        self.scalar = form.real.element if isinstance(form.real, ir.VectorType) else form.real
        self.entries = 0
        self._never_changes = builder.module.add_metadata([])

    @property
    def bytes(self) -> int:
        """The size of a vector."""
        return self.form.lanes * self.form.bits // 8

    def real(self, value: ir.Value) -> Real:
        """A value as a number of this format."""
        return Real(self.builder, self.form, value)

    def number(self, value: float) -> Real:
        """A constant."""
        return self.real(self.form.number(value))

    def load(self, address: ir.Value) -> Real:
        """The vector at an address."""
        return self.real(self.builder.load(address, typ=self.form.real, align=min(self.bytes, LINE)))

    def frozen(self, number: Real) -> Real:
        """A number that was loaded, of which LLVM does not see that it is written back to where it was read.

        LLVM 22 would make a masked store of "store where(condition, new, old)", and without AVX-512 that is slow on the
        processors of AMD (llvm/llvm-project, pull request 214187): in plain descent on 10-D Rastrigin they took a fifth
        of the time.
        """
        self.builder._insert(same := ir.Instruction(self.builder.block, number.value.type, "freeze", [number.value]))
        return self.real(same)

    def store(self, value: Real, address: ir.Value) -> ir.Instruction:
        """Put a vector at an address."""
        return self.builder.store(value.value, address, align=min(self.bytes, LINE))

    def uniform(self, address: ir.Value) -> Real:
        """The number at an address, which nothing changes, in every lane."""
        loaded = self.builder.load(address, typ=self.scalar, align=self.form.bits // 8)
        loaded.set_metadata("invariant.load", self._never_changes)
        return self.spread(loaded)

    def spread(self, scalar: ir.Value) -> Real:
        """A number, of any type, in every lane."""
        if self.form.lanes == 1:
            return self.real(scalar)
        empty = ir.Constant(ir.VectorType(scalar.type, self.form.lanes), ir.Undefined)
        one = self.builder.insert_element(empty, scalar, ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), self.form.lanes), None)
        return self.real(self.builder.shuffle_vector(one, empty, mask))

    def of_each(self, base: ir.Value, places: ir.Value, number: ir.Value) -> Real:
        """The number at this distance from a lane's own place in an array that nothing changes.

        Each lane is read on its own, which takes less time than a gather: 1 % more than contiguous lanes in a row of an
        exponential fit, a gather 6 % (Zen 4).
        """
        builder, lanes = self.builder, self.form.lanes
        if lanes == 1:
            return self.uniform(self.at(self.at(base, places, self.scalar), number, self.scalar))
        whole: Any = ir.Constant(ir.VectorType(self.scalar, lanes), ir.Undefined)
        for lane in range(lanes):
            position = ir.Constant(ir.IntType(32), lane)
            own = self.at(base, builder.extract_element(places, position), self.scalar)
            loaded = builder.load(self.at(own, number, self.scalar), typ=self.scalar, align=self.form.bits // 8)
            loaded.set_metadata("invariant.load", self._never_changes)
            whole = builder.insert_element(whole, loaded, position)
        return self.real(whole)

    def whole_numbers(self, address: ir.Value) -> ir.Value:
        """A whole number of each lane, side by side at an address."""
        lanes = self.form.lanes
        return self.builder.load(address, typ=INTEGER if lanes == 1 else ir.VectorType(INTEGER, lanes), align=8)

    def position(self, address: ir.Value) -> ir.Value:
        """The whole number at an address, which nothing changes."""
        loaded = self.builder.load(address, typ=INTEGER, align=8)
        loaded.set_metadata("invariant.load", self._never_changes)
        return loaded

    def pointer(self, address: ir.Value) -> ir.Value:
        """The pointer at an address, which nothing changes."""
        loaded = self.builder.load(address, typ=POINTER, align=8)
        loaded.set_metadata("invariant.load", self._never_changes)
        return loaded

    def any_of(self, condition: Bool) -> ir.Value:
        """Whether a condition holds in some lane."""
        if self.form.lanes == 1:
            return condition.value
        bits = ir.IntType(self.form.lanes)
        return self.builder.icmp_unsigned("!=", self.builder.bitcast(condition.value, bits), ir.Constant(bits, 0))

    def at_work(self, index: ir.Value, lane: ir.Value) -> ir.Value:
        """Whether one of the lanes from this one on descends from a start, and is not parked."""
        kind = INTEGER if self.form.lanes == 1 else ir.VectorType(INTEGER, self.form.lanes)
        starts = self.builder.load(self.at(index, lane, INTEGER), typ=kind, align=8)
        parked = ir.Constant(kind, -1 if self.form.lanes == 1 else [ir.Constant(INTEGER, -1)] * self.form.lanes)
        return self.any_of(Bool(self.builder, self.form, self.builder.icmp_signed("!=", starts, parked)))

    def at(self, base: ir.Value, index: ir.Value, kind: ir.Type | None = None) -> ir.Value:
        """The address of an element of an array, by default of vectors."""
        return self.builder.gep(base, [index], inbounds=True, source_etype=kind or self.form.real)

    def reserve(self, entries: int) -> int:
        """Make room for some vectors, and return the number of the first."""
        first = self.entries
        self.entries += entries
        return first

    def loop(self, first: int, last: int, step: int, carried: list[Real], body: Body) -> list[Real]:
        """Append a loop over ``range(first, last, step)``, at least one turn; return what is carried at its end.

        ``body(index, carried)`` appends one turn, and returns what it carries on.
        """
        builder = self.builder
        before, block = builder.block, builder.append_basic_block("loop")
        builder.branch(block)
        builder.position_at_end(block)
        index = builder.phi(INTEGER)
        index.add_incoming(integer(first), before)
        entering = []
        for value in carried:
            phi = builder.phi(value.value.type)
            phi.add_incoming(value.value, before)
            entering.append(phi)
        leaving = body(index, [self.real(phi) for phi in entering])
        following = builder.add(index, integer(step), flags=["nsw", "nuw"])
        index.add_incoming(following, builder.block)
        for phi, value in zip(entering, leaving, strict=True):
            phi.add_incoming(value.value, builder.block)
        after = builder.append_basic_block("after")
        self.again(builder.icmp_signed("<", following, integer(last)), block, after)
        builder.position_at_end(after)
        return leaving

    def again(self, condition: ir.Value, block: ir.Block, after: ir.Block) -> None:
        """Append the branch at the end of a loop: back to its beginning, or behind it."""
        branch = self.builder.cbranch(condition, block, after)
        if self.rolled:
            module = self.builder.module
            mark = ir.values.MDValue(module, [], name=str(len(module.metadata)))
            mark.operands = (mark, module.add_metadata(["llvm.loop.unroll.disable"]))
            branch.set_metadata("llvm.loop", mark)


Body = Callable[[ir.Value, list[Real]], list[Real]]


@dataclass(frozen=True)
class Rows:
    """Vectors in memory, some for each row of some axes, from entry ``first`` on."""

    first: int
    axes: tuple[Any, ...]
    together: int
