"""The evaluation of a finite sum whose updates see some of the rows, as LLVM text.

In lanes that are due for it the whole sum is computed, as ``evaluation.py`` does. The others draw a row, copy what it
contains into their slots, compute the loss of it, and add its share, for one row of the batch after another. Which row
that is, is a function of the seed, the start and the number of updates: those of ``kernels/minibatch.py`` are called
with words of code.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
from llvmlite import ir

from batchgd.compiler.codegen.trace_tick import traced
from batchgd.compiler.finite_sum import HEAD
from batchgd.compiler.lower.evaluation import Evaluation, Writer
from batchgd.compiler.lower.processor import Processor
from batchgd.compiler.lower.vectors import INTEGER, Vectors, integer
from batchgd.compiler.trace.graph import Node
from batchgd.kernels import minibatch
from batchgd.kernels.vecmath.ir import FLOAT64, Bool, Real, Word, fma, select

if TYPE_CHECKING:
    from batchgd.compiler.finite_sum import FiniteSum


def batch_evaluation(
    objective: FiniteSum,
    whole: Mapping[int, Node],
    element: Mapping[int, Node],
    slots: Mapping[str, int],
    *,
    lanes: int,
    dtype: str,
    processor: Processor,
    width: int | None = None,
) -> Evaluation:
    """Return ``evaluate``, with the outputs of the whole sum and of the loss of a row by the slots that they are for.

    ``slots`` has those of ``nit``, of ``whole``, which says where the whole sum was computed, and of the entries of a
    row, from ``row_0`` on.
    """
    writer = _BatchWriter("evaluate", whole, lanes, dtype, processor, width)
    writer.objective, writer.element, writer.slots = objective, element, slots
    return writer.evaluation()


class _BatchWriter(Writer):
    """Writes the function."""

    objective: FiniteSum
    element: Mapping[int, Node]
    slots: Mapping[str, int]
    batch: ir.Function | None = None

    def call(self, vectors: Vectors, group: ir.Function, arguments: list[ir.Value]) -> None:
        """Append the whole sum if a lane is due for it, and a batch if another is not."""
        self.batch = self.batch or self.group("batch", self._batch)
        ws, p, builder = arguments[0], arguments[2], vectors.builder

        def slot(name: str) -> Any:
            return vectors.at(ws, integer(self.slots[name] * self.lanes), vectors.scalar)

        every = vectors.uniform(vectors.at(p, integer(2), vectors.scalar))
        nit = vectors.load(slot("nit"))
        due = ((nit / every).floor() * every).equals(nit)
        vectors.store(select(due, vectors.number(1.0), vectors.number(0.0)), slot("whole"))
        with builder.if_then(vectors.any_of(due)):
            builder.call(group, arguments)
        with builder.if_then(vectors.any_of(~due)):
            builder.call(self.batch, arguments)

    def _batch(self, others: list[ir.Value]) -> None:
        """Append the sum over a batch in the lanes that are not due."""
        vectors, zero, (starts, seed) = self.vectors, self.vectors.number(0.0), others
        due = vectors.load(self.slot(integer(self.slots["whole"]))) > 0.0
        first, last = min(self.element), max(self.element)

        def cleared(number: Any, _: list[Real]) -> list[Real]:
            address = self.slot(vectors.builder.add(number, integer(first)))
            vectors.store(select(due, vectors.load(address), zero), address)
            return []

        vectors.loop(0, last + 1 - first, 1, [], cleared)
        kind = INTEGER if self.width == 1 else ir.VectorType(INTEGER, self.width)
        start = vectors.builder.load(starts, typ=kind, align=8)
        nit = vectors.load(self.slot(integer(self.slots["nit"])))
        share, last_share = (vectors.uniform(vectors.at(self.p, integer(place), vectors.scalar)) for place in (3, 4))
        draw = Draw(vectors, self.objective, (start, vectors.spread(seed).value), nit, (share, last_share))
        rows = self.at_entry.builder.alloca(draw.seed.value.type)

        def turn(number: ir.Value, _: list[Real]) -> list[Real]:
            row, share = draw.row(number)
            vectors.builder.store(row.value, rows)
            self._copy(rows)

            def added(slot: Any, value: Real) -> None:
                address = self.slot(slot)
                before = vectors.load(address)
                after = fma(share, value, before) if self.processor.fuses else before + share * value
                vectors.store(select(due, before, after), address)

            self.put(self.element, self._leaf_of_row, added)
            return []

        vectors.loop(0, self.objective.batch_size or 0, 1, [], turn)

    def _copy(self, rows: ir.Value) -> None:
        """Append a loop over the lanes that copies the entries of each one's row into its slots."""
        vectors, builder, entries = self.vectors, self.vectors.builder, self.objective.width
        begin = integer(HEAD + self.objective.n_params)

        def lane(number: ir.Value, _: list[Real]) -> list[Real]:
            row = builder.load(vectors.at(rows, number, INTEGER), typ=INTEGER, align=8)
            source = builder.add(builder.mul(row, integer(entries)), begin)
            target = vectors.at(self.slot(integer(self.slots["row_0"])), number, vectors.scalar)

            def entry(k: ir.Value, _: list[Real]) -> list[Real]:
                value = builder.load(vectors.at(self.p, builder.add(source, k), vectors.scalar), typ=vectors.scalar)
                builder.store(value, vectors.at(target, builder.mul(k, integer(self.lanes)), vectors.scalar))
                return []

            vectors.loop(0, entries, 1, [], entry)
            return []

        vectors.loop(0, self.width, 1, [], lane)

    def _leaf_of_row(self, node: Node) -> Real:
        """A coordinate, an entry of the row, or a parameter of the user's, which are numbered after these."""
        number = int(node.value)
        if node.op == "x":
            return self._leaf(node)
        if number < self.objective.width:
            return self.vectors.load(self.slot(integer(self.slots["row_0"] + number)))
        place = integer(HEAD + number - self.objective.width)
        return self.vectors.uniform(self.vectors.at(self.p, place, self.vectors.scalar))


class Draw:
    """Appends which row a lane sees, and its share: of every row, or of those in the last batch of an epoch."""

    def __init__(
        self,
        vectors: Vectors,
        objective: FiniteSum,
        words: tuple[ir.Value, ir.Value],
        nit: Real,
        shares: tuple[Real, Real],
    ):
        self.vectors, self.objective, self.nit = vectors, objective, nit
        self.form = FLOAT64.over(vectors.form.lanes)  # words have 64 bits
        self.start, self.seed = map(self._word, words)
        self.share, self.last_share = shares
        whole = SimpleNamespace(int64=self._whole, uint64=self._whole, float32=np.float32)
        self.names = {"np": whole, "where": self._where, "floor": lambda real: real.floor()}

    def row(self, number: ir.Value) -> tuple[Word, Real]:
        """The row at a place of the batch."""
        objective, turn = self.objective, self._word(self.vectors.spread(number).value)
        counts = objective.batch_size, objective.rows
        function = minibatch.row_replaced if objective.replace else minibatch.row_of_epoch
        row = traced(function, self.names)(self.seed, self.start, self.nit, turn, *counts)
        if objective.replace:
            return row, self.share
        share = traced(minibatch.share_in_epoch, self.names)
        return row, share(self.nit, turn, *counts, self.share, self.last_share)

    def _word(self, value: ir.Value) -> _Signed:
        return _Signed(self.vectors.builder, self.form, value)

    def _whole(self, value: Any) -> Any:
        """A number as a whole one."""
        if not isinstance(value, Real):
            return value
        return self._word(self.vectors.builder.fptosi(value.value, self.form.word))

    def _where(self, condition: Bool, yes: Any, no: Any) -> Any:
        words = isinstance(yes, Word) or isinstance(no, Word)
        if not words:
            return select(Bool(condition.builder, self.vectors.form, condition.value), yes, no)
        operands = [each.value if isinstance(each, Word) else self.form.integer(each) for each in (yes, no)]
        return self._word(self.vectors.builder.select(condition.value, *operands))


class _Signed(Word):
    """A word that may be negative."""

    __slots__ = ()

    def _apply(self, name: str, other: Word | int) -> _Signed:
        return _Signed(self.builder, self.format, super()._apply(name, other).value)

    def __rsub__(self, other: int) -> _Signed:
        return _Signed(self.builder, self.format, self.format.integer(other)) - self  # type: ignore[return-value]

    def _compare(self, sign: str, other: Word | int) -> Bool:
        right = other.value if isinstance(other, Word) else self.format.integer(other)
        return Bool(self.builder, self.format, self.builder.icmp_signed(sign, self.value, right))

    def __lt__(self, other: Word | int) -> Bool:
        return self._compare("<", other)

    def __gt__(self, other: Word | int) -> Bool:
        return self._compare(">", other)

    def __ne__(self, other: object) -> Any:
        assert isinstance(other, int)
        return self._compare("!=", other)

    __hash__ = None  # type: ignore[assignment]
