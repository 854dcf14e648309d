"""What the loop over lanes appends: whole numbers with operators, numbers in arrays, loops and variables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from llvmlite import ir

from batchgd.compiler.lower.vectors import INTEGER, integer


class Whole:
    """A whole number of 64 bits, or a truth value; Python's numbers become constants."""

    __slots__ = ("builder", "value")

    def __init__(self, builder: ir.IRBuilder, value: ir.Value):
        self.builder, self.value = builder, value

    def _apply(self, name: str, other: Whole | int) -> Whole:
        right = other.value if isinstance(other, Whole) else integer(other)
        return Whole(self.builder, getattr(self.builder, name)(self.value, right))

    def _compare(self, sign: str, other: Whole | int) -> Whole:
        right = other.value if isinstance(other, Whole) else integer(other)
        return Whole(self.builder, self.builder.icmp_signed(sign, self.value, right))

    def __add__(self, other: Whole | int) -> Whole:
        return self._apply("add", other)

    def __sub__(self, other: Whole | int) -> Whole:
        return self._apply("sub", other)

    def __mul__(self, other: Whole | int) -> Whole:
        return self._apply("mul", other)

    def __mod__(self, other: Whole | int) -> Whole:
        return self._apply("srem", other)

    def __rshift__(self, other: Whole | int) -> Whole:
        return self._apply("ashr", other)

    def __and__(self, other: Whole | int) -> Whole:
        return self._apply("and_", other)

    def __lt__(self, other: Whole | int) -> Whole:
        return self._compare("<", other)

    def __gt__(self, other: Whole | int) -> Whole:
        return self._compare(">", other)

    def __ge__(self, other: Whole | int) -> Whole:
        return self._compare(">=", other)

    def equals(self, other: Whole | int) -> Whole:
        """Whether both are the same number."""
        return self._compare("==", other)

    def differs(self, other: Whole | int) -> Whole:
        """Whether they are not."""
        return self._compare("!=", other)

    def choose(self, yes: Whole | int, no: Whole | int) -> Whole:
        """``yes`` if this is true, else ``no``."""
        operands = (other.value if isinstance(other, Whole) else integer(other) for other in (yes, no))
        return Whole(self.builder, self.builder.select(self.value, *operands))


class Variable:
    """A whole number that changes; LLVM keeps it in a register."""

    def __init__(self, builder: ir.IRBuilder, value: Whole | int):
        self.builder = builder
        with builder.goto_entry_block():
            self.address = builder.alloca(INTEGER)
        self.set(value)

    def get(self) -> Whole:
        """Its value now."""
        return Whole(self.builder, self.builder.load(self.address, typ=INTEGER))

    def set(self, value: Whole | int) -> None:
        """Give it another value."""
        self.builder.store(value.value if isinstance(value, Whole) else integer(value), self.address)


class Scalars:
    """Appends scalar code to a function."""

    def __init__(self, builder: ir.IRBuilder):
        self.builder = builder

    def whole(self, value: ir.Value) -> Whole:
        """A value as a whole number; shorter ones keep their sign."""
        shorter = value.type.width < INTEGER.width
        return Whole(self.builder, self.builder.sext(value, INTEGER) if shorter else value)

    def at(self, base: ir.Value, place: Whole | int, kind: ir.Type) -> ir.Value:
        """The address of an element of an array."""
        place = place.value if isinstance(place, Whole) else integer(place)
        return self.builder.gep(base, [place], inbounds=True, source_etype=kind)

    def read(self, base: ir.Value, place: Whole | int, kind: ir.Type) -> ir.Value:
        """An element of an array."""
        return self.builder.load(self.at(base, place, kind), typ=kind)

    def write(self, value: ir.Value, base: ir.Value, place: Whole | int) -> None:
        """Change an element of an array."""
        self.builder.store(value, self.at(base, place, value.type))

    def variable(self, value: Whole | int) -> Variable:
        """A number that changes."""
        return Variable(self.builder, value)

    def when(self, condition: Whole) -> AbstractContextManager[Any]:
        """What is appended within is done if the condition holds."""
        return self.builder.if_then(condition.value)

    def either(self, condition: Whole) -> AbstractContextManager[Any]:
        """Two blocks, one of which is done."""
        return self.builder.if_else(condition.value)

    @contextmanager
    def each(self, last: Whole | int, first: Whole | int = 0, step: int = 1) -> Iterator[Whole]:
        """What is appended within is done for each of ``range(first, last, step)``."""
        builder = self.builder
        before, head = builder.block, builder.append_basic_block("head")
        body, after = (builder.append_basic_block(name) for name in ("body", "after"))
        builder.branch(head)
        builder.position_at_end(head)
        place = Whole(builder, builder.phi(INTEGER))
        place.value.add_incoming(first.value if isinstance(first, Whole) else integer(first), before)
        builder.cbranch((place < last).value, body, after)
        builder.position_at_end(body)
        yield place
        place.value.add_incoming((place + step).value, builder.block)
        builder.branch(head)
        builder.position_at_end(after)

    @contextmanager
    def during(self, condition: Callable[[], Whole]) -> Iterator[None]:
        """What is appended within is done as long as the condition, appended before each turn, holds."""
        builder = self.builder
        head, body, after = (builder.append_basic_block(name) for name in ("head", "body", "after"))
        builder.branch(head)
        builder.position_at_end(head)
        builder.cbranch(condition().value, body, after)
        builder.position_at_end(body)
        yield
        builder.branch(head)
        builder.position_at_end(after)
