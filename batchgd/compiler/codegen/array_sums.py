"""The evaluation of a finite sum in NumPy: the whole sum by its rows, or a batch that every lane draws for itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from batchgd.compiler.lower.arrays import program_for
from batchgd.kernels import minibatch

if TYPE_CHECKING:
    from batchgd.compiler.finite_sum import FiniteSum
    from batchgd.compiler.objective import What


def sum_evaluation(objective: FiniteSum, what: What, slots: Sequence[int], nit: int, whole: int) -> Callable[..., None]:
    """Return what computes these outputs at the points in the first slots, and puts each into its slot.

    ``nit`` is the slot of the number of updates; where the whole sum was computed, that of ``whole`` becomes 1.
    """
    program, dim = program_for(objective.outputs(what)), objective.dim

    def evaluate(ws: Any, index: Any, seed: Any, p: Any) -> None:
        ws[slots] = program(ws[:dim], p)

    if objective.batch_size is None:
        return evaluate
    batches = Batches(objective, what)

    def evaluate_some(ws: Any, index: Any, seed: Any, p: Any) -> None:
        due = minibatch.due(ws[nit], p[2])
        ws[whole] = due
        if due.any():
            ws[np.ix_(slots, due)] = program(ws[:dim, due], p)
        if not due.all():
            part = ~due
            ws[np.ix_(slots, part)] = batches(ws[:dim, part], index[part], ws[nit, part], seed, p)

    return evaluate_some


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
