"""The tick in block form for NumPy: the evaluation, then one piece after another, on whole arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from batchgd.compiler.codegen.block_layout import BlockLayout
from batchgd.compiler.codegen.emit_evaluation import outputs_of
from batchgd.compiler.codegen.program import Operation
from batchgd.compiler.codegen.trace_block import pieces_of
from batchgd.compiler.codegen.trace_tick import traced
from batchgd.compiler.lower.array_tick import ArrayTick
from batchgd.compiler.lower.arrays import program_for
from batchgd.kernels import minibatch

if TYPE_CHECKING:
    from batchgd.compiler.codegen.specialisation import Specialisation
    from batchgd.compiler.finite_sum import FiniteSum


def block_tick(of: Specialisation) -> Callable[..., Any]:
    """Return the tick of a specialisation, which says whether each lane has ended."""
    evaluate, pieces = evaluation(of), [_done(piece, of) for piece in pieces_of(of)]

    def tick(*arrays: Any) -> Any:
        evaluate(*arrays[:4])
        ended = None
        for piece in pieces:
            ended = piece(*arrays)
        return ended

    return tick


def evaluation(of: Specialisation) -> Callable[..., None]:
    """Return what puts value, gradient and Hessian at every lane's x into their slots."""
    what, outputs = outputs_of(of.objective.dim, value=of.has_value, hessian=of.read.hessian)
    program: Any = of.function.program(what) if of.sum is None else program_for(of.sum.outputs(what))
    slots, dim = [*outputs.values()], of.objective.dim
    batches = None if of.sum is None or not of.batches else Batches(of.sum, what)
    layout = of.layout
    assert isinstance(layout, BlockLayout)
    nit = layout.counter("nit")

    def evaluate(ws: Any, index: Any, seed: Any, p: Any) -> None:
        if batches is None:
            ws[slots] = program(ws[:dim], p)
            return
        whole = minibatch.due(ws[nit], p[2])
        ws[layout.batch_slots["whole"]] = whole
        if whole.any():
            ws[np.ix_(slots, whole)] = program(ws[:dim, whole], p)
        if not whole.all():
            part = ~whole
            ws[np.ix_(slots, part)] = batches(ws[:dim, part], index[part], ws[nit, part], seed, p)

    return evaluate


class Batches:
    """The sums of a finite sum over the rows that lanes draw."""

    def __init__(self, objective: FiniteSum, what: Any):
        self.objective, self.what = objective, what
        self.rows = objective.data.reshape(objective.rows, -1).T.copy()

    def __call__(self, x: Any, index: Any, nit: Any, seed: Any, p: Any) -> Any:
        """Return an array of outputs and lanes."""
        of = self.objective
        counts = of.batch_size, of.rows
        rows = self.rows.astype(x.dtype)
        params = [] if of.params is None else [x.dtype.type(number) for number in of.params]
        total: Any = 0.0
        for turn in range(of.batch_size or 0):
            share = p[3]
            if of.replace:
                row = minibatch.row_replaced(seed, index, nit, turn, *counts)
            else:
                row = minibatch.row_of_epoch(seed, index, nit, turn, *counts)
                share = minibatch.share_in_epoch(nit, turn, *counts, p[3], p[4])
            total = total + share * of.element.at_each(self.what, x, [*rows[:, row], *params])
        return total


def _done(piece: Any, of: Specialisation) -> Callable[..., Any]:
    """Return a piece as a function of the arrays."""
    if not isinstance(piece, Operation):
        return ArrayTick(piece, of.dtype)
    real, sizes = np.dtype(of.dtype).type, {name.upper(): value for name, value in of.sizes.items()}

    def where(condition: Any, yes: Any, no: Any) -> Any:
        return np.where(condition, *(real(each) if isinstance(each, float) else each for each in (yes, no)))

    function = traced(piece.function, {**sizes, "W": 1, "where": where})
    numbers = [*piece.slots.values()]

    def operation(ws: Any, *_: Any) -> None:
        slots = _Slots(ws)
        with np.errstate(all="ignore"):
            function(slots, *numbers)
        slots.put()

    return operation


class _Slots:
    """A block whose slots are rows: what a function assigns is put into the array when it is over.

    So an assignment changes nothing that the function has read before; in place (``ws[k] += ...``) a row itself is
    changed, which is read for nothing else then. No two slots share an array.
    """

    def __init__(self, ws: Any):
        self._ws = ws
        self._new: dict[int, Any] = {}
        self._given: set[int] = set()

    def __getitem__(self, slot: int) -> Any:
        return self._new[slot] if slot in self._new else self._ws[slot]

    def __setitem__(self, slot: int, value: Any) -> None:
        if value is not self._new.get(slot) and isinstance(value, np.ndarray):
            if id(value) in self._given or value.base is not None:
                value = value.copy()
            self._given.add(id(value))
        self._new[slot] = value

    def put(self) -> None:
        """Put what was assigned into the array."""
        for slot, value in self._new.items():
            self._ws[slot] = value
