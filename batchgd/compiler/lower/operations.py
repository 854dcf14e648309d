"""Operations on a block of lanes in vectors: their Python functions are run once, and leave their loops as code.

What a function of ``kernels/rule_parts/block_operations.py`` gets stands for what it will be: its block reads and
writes vectors, first slots are numbers to which an index may be added, and ``range`` gives the index of a loop whose
code begins when the index is given and ends when the next one is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llvmlite import ir

from batchgd.compiler.codegen.program import Operation
from batchgd.compiler.codegen.trace_tick import traced
from batchgd.compiler.lower.vectors import INTEGER, Vectors, integer
from batchgd.kernels.vecmath.emitters import EMITTERS
from batchgd.kernels.vecmath.ir import Bool, Real, fma


def append_operation(
    operation: Operation, constants: dict[str, int], vectors: Vectors, ws: ir.Value, lanes: int, *, fuses: bool
) -> None:
    """Append what a function does with the lanes of a vector; ``ws`` is the address of their first number."""
    code = _Code(vectors, fuses)
    names = {name.upper(): value for name, value in constants.items()}
    function = traced(operation.function, {**names, **code.functions(), "W": 1, "range": code.loop})
    function(_Block(code, ws, lanes), *(_Slot(name, number) for name, number in operation.slots.items()))


class _Code:
    """What is appended to, and how."""

    def __init__(self, vectors: Vectors, fuses: bool):
        self.vectors, self.fuses = vectors, fuses

    def functions(self) -> dict[str, Any]:
        """The elementary functions by their names."""

        def of(name: str) -> Any:
            def call(*arguments: Any) -> _Number:
                return _Number(self, EMITTERS[name](*map(self.operand, arguments)))

            return call

        return {name: of(name) for name in EMITTERS} | {"where": self.chosen}

    def chosen(self, condition: Bool | bool, yes: Any, no: Any) -> Any:
        """One of two numbers, often a new one or that which is there; known at once if indices are compared."""
        if isinstance(condition, bool):
            return yes if condition else no
        kept = self.operand(no)
        assert isinstance(kept, Real)
        return _Number(self, EMITTERS["where"](condition, self.operand(yes), self.vectors.frozen(kept)))

    def operand(self, value: Any) -> Real | Bool:
        """What an elementary function gets."""
        if isinstance(value, _Number):
            return value.real
        return value if isinstance(value, Bool) else self.vectors.number(value)

    def loop(self, first: Any, last: Any = None) -> Iterator[Any]:
        """Give the index of a loop over ``range(first, last)`` once, or the only number that it would have."""
        first, last = (0, first) if last is None else (first, last)
        known = isinstance(first, int) and isinstance(last, int)
        if known and last - first <= 1:
            yield from range(first, last)
            return
        builder = self.vectors.builder
        before, block, after = builder.block, builder.append_basic_block("loop"), builder.append_basic_block("after")
        begin, end = _value(first), _value(last)
        if known:
            builder.branch(block)
        else:
            builder.cbranch(builder.icmp_signed("<", begin, end), block, after)
        builder.position_at_end(block)
        index = builder.phi(INTEGER)
        index.add_incoming(begin, before)
        yield _Index(self, index)
        following = builder.add(index, integer(1), flags=["nsw", "nuw"])
        index.add_incoming(following, builder.block)
        self.vectors.again(builder.icmp_signed("<", following, end), block, after)
        builder.position_at_end(after)


def _value(number: Any) -> ir.Value:
    return integer(number) if isinstance(number, int) else number.value


class _Index:
    """A whole number that the code computes."""

    def __init__(self, code: _Code, value: ir.Value):
        self.code, self.value = code, value

    def _applied(self, name: str, left: Any, right: Any) -> _Index:
        return _Index(self.code, getattr(self.code.vectors.builder, name)(_value(left), _value(right)))

    def __add__(self, other: int | _Index) -> _Index:
        return self._applied("add", self, other)

    __radd__ = __add__

    def __sub__(self, other: int | _Index) -> _Index:
        return self._applied("sub", self, other)

    def __rsub__(self, other: int) -> _Index:
        return self._applied("sub", other, self)

    def __mul__(self, other: int | _Index) -> _Index:
        return self._applied("mul", self, other)

    __rmul__ = __mul__

    def __rshift__(self, bits: int) -> _Index:
        return self._applied("lshr", self, bits)

    def __eq__(self, other: object) -> Any:
        """Whether it is a number, in every lane."""
        vectors = self.code.vectors
        equal = vectors.builder.icmp_signed("==", self.value, _value(other))
        return Bool(vectors.builder, vectors.form, vectors.spread(equal).value)

    __hash__ = None  # type: ignore[assignment]


class _Slot:
    """A slot of an array of the block. What is added may not lead into another array."""

    def __init__(self, array: str, number: int | _Index):
        self.array, self.number = array, number

    def __add__(self, other: int | _Index) -> _Slot:
        return self if isinstance(other, int) and other == 0 else _Slot(self.array, self.number + other)

    def __sub__(self, other: int | _Index) -> _Slot:
        return _Slot(self.array, self.number - other)

    def __mul__(self, lanes: int) -> _Slot:
        """The place of the slot in a block of one lane."""
        assert lanes == 1
        return self


class _Block:
    """The block itself. LLVM is told that arrays do not overlap, so that sums stay in registers."""

    def __init__(self, code: _Code, ws: ir.Value, lanes: int):
        self.code, self.ws, self.lanes = code, ws, lanes
        module = code.vectors.builder.module
        self._root = module.add_metadata(["arrays of a lane"])
        self._kinds: dict[str, Any] = {}

    def _access(self, slot: _Slot, access: Any) -> Any:
        if slot.array not in self._kinds:
            module = self.code.vectors.builder.module
            kind = module.add_metadata([slot.array, self._root])
            self._kinds[slot.array] = module.add_metadata([kind, kind, integer(0)])
        access.set_metadata("tbaa", self._kinds[slot.array])

    def _address(self, slot: _Slot) -> ir.Value:
        vectors = self.code.vectors
        if isinstance(slot.number, int):
            return vectors.at(self.ws, integer(slot.number * self.lanes), vectors.scalar)
        return vectors.at(self.ws, (slot.number * self.lanes).value, vectors.scalar)

    def __getitem__(self, slot: _Slot) -> _Number:
        loaded = self.code.vectors.load(self._address(slot))
        self._access(slot, loaded.value)
        return _Number(self.code, loaded)

    def __setitem__(self, slot: _Slot, value: Any) -> None:
        number = self.code.operand(value)
        assert isinstance(number, Real)
        self._access(slot, self.code.vectors.store(number, self._address(slot)))


class _Number:
    """A number of each lane, or a product of two that a sum may take in."""

    def __init__(self, code: _Code, real: Real | None, factors: tuple[Real, Real] | None = None):
        self.code, self._real, self.factors = code, real, factors

    @property
    def real(self) -> Real:
        """The number itself."""
        if self._real is None:
            assert self.factors is not None
            self._real = self.factors[0] * self.factors[1]
        return self._real

    def _of(self, other: Any) -> _Number:
        return other if isinstance(other, _Number) else _Number(self.code, self.code.vectors.number(other))

    def _made(self, real: Real) -> _Number:
        return _Number(self.code, real)

    def _sum(self, other: _Number, sign: int) -> _Number:
        if self.code.fuses and other.factors is not None:
            a, b = other.factors
            return self._made(fma(a if sign > 0 else -a, b, self.real))
        if self.code.fuses and self.factors is not None:
            return self._made(fma(*self.factors, other.real if sign > 0 else -other.real))
        return self._made(self.real + other.real if sign > 0 else self.real - other.real)

    def __add__(self, other: Any) -> _Number:
        return self._sum(self._of(other), 1)

    def __radd__(self, other: float) -> _Number:
        return self._of(other)._sum(self, 1)

    def __sub__(self, other: Any) -> _Number:
        return self._sum(self._of(other), -1)

    def __rsub__(self, other: float) -> _Number:
        return self._of(other)._sum(self, -1)

    def __mul__(self, other: Any) -> _Number:
        return _Number(self.code, None, (self.real, self._of(other).real))

    def __rmul__(self, other: float) -> _Number:
        return self._of(other) * self

    def __truediv__(self, other: Any) -> _Number:
        return self._made(self.real / self._of(other).real)

    def __rtruediv__(self, other: float) -> _Number:
        return self._of(other) / self

    def __neg__(self) -> _Number:
        return self._made(-self.real)

    def __lt__(self, other: Any) -> Bool:
        return self.real < self._of(other).real

    def __le__(self, other: Any) -> Bool:
        return self.real <= self._of(other).real

    def __gt__(self, other: Any) -> Bool:
        return self.real > self._of(other).real

    def __ge__(self, other: Any) -> Bool:
        return self.real >= self._of(other).real

    def __eq__(self, other: object) -> Any:
        return self.real.equals(self._of(other).real)

    def __ne__(self, other: object) -> Any:
        return ~self.real.equals(self._of(other).real)

    __hash__ = None  # type: ignore[assignment]
