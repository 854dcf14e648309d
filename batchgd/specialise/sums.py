"""Emit the evaluation of a sum over rows of data: the traced element in a loop, added up in the lanes' slots.

The array ``p`` holds what ``FiniteSum.numbers`` lists: five numbers of its own, the user's parameters, and the rows.
Without a batch size every lane sees the same row at the same time, which is read once for all of them; rows of a batch
differ from lane to lane and are gathered. Sums over other index sets differ in the gather alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchgd.specialise.evaluate import arguments_of, outputs_of
from batchgd.specialise.typed import Constants

if TYPE_CHECKING:
    from batchgd.finite_sum import FiniteSum

_HEAD = 5  # scale, batch size, period of whole sums, weight of a row in a batch and in the last one of an epoch


def evaluation(
    objective: FiniteSum, constants: Constants, *, value: bool, hessian: bool, nit: int, whole: int | None, arrays: bool
) -> tuple[str, str]:
    """Return the text of the function of one row that ``evaluate`` calls, and of ``evaluate``.

    ``nit`` is the slot of the number of updates; ``whole``, where rows are drawn in batches, the slot that tells lanes
    whose evaluation was that of the whole sum.
    """
    what, outputs = outputs_of(objective.dim, value=value, hessian=hessian)
    call = f"{', '.join(outputs)}, = {what}({arguments_of(objective.element)})"
    point = [f"x{i} = ws[{i} * W + lane]" for i in range(objective.dim)]
    add = [f"ws[{slot} * W + lane] += {name}" for name, slot in outputs.items()]
    zero = constants(0.0)
    lines = [
        *_parameters(objective),
        "for lane in range(W):",
        *(f"    ws[{slot} * W + lane] = {zero}" for slot in outputs.values()),
    ]
    every_row = [
        f"for row in range({_first_row(objective)}, p.shape[0], {objective.width}):",
        *(f"    p{k} = p[row + {k}]" for k in range(objective.width)),
        "    for lane in range(W):",
        *(f"        {line}" for line in (*point, call, *add)),
        "for lane in range(W):",
        *(f"    ws[{slot} * W + lane] *= p[0]" for slot in outputs.values()),
    ]
    if whole is None:
        lines += every_row
    else:
        flag = "np.any(is_whole)" if arrays else "np.int32(some_whole | np.int32(is_whole))"
        lines += [
            "some_whole = np.int32(0)",
            "for lane in range(W):",
            f"    is_whole = due(ws[{nit} * W + lane], p[2])",
            f"    ws[{whole} * W + lane] = where(is_whole, {constants(1.0)}, {zero})",
            f"    some_whole = {flag}",
            "if some_whole:",
            *(f"    {line}" for line in every_row),
            *_batch(objective, outputs, [*point, call], constants, nit=nit, whole=whole),
        ]
    text = "\n".join(["def evaluate(ws, index, seed, p):", *(f"    {line}" for line in lines)])
    return objective.element.emit(what, constants), text


def _batch(
    objective: FiniteSum, outputs: dict[str, int], evaluate: list[str], constants: Constants, *, nit: int, whole: int
) -> list[str]:
    """The lines that add up a batch in the lanes that are not due for the whole sum."""
    drawn = "row_replaced" if objective.replace else "row_of_epoch"
    rows = f"(p.shape[0] - {_first_row(objective)}) // {objective.width}"
    zero = constants(0.0)
    return [
        f"rows = {rows}",
        "for lane in range(W):",
        *(
            f"    ws[{slot} * W + lane] = where(ws[{whole} * W + lane] > {zero}, ws[{slot} * W + lane], {zero})"
            for slot in outputs.values()
        ),
        "for turn in range(int(p[1])):",
        "    for lane in range(W):",
        "        start = index[lane]",
        f"        place = {drawn}(seed, start, ws[{nit} * W + lane], turn, int(p[1]), rows)",
        "        share = p[3]"
        if objective.replace
        else f"        share = share_in_epoch(ws[{nit} * W + lane], turn, int(p[1]), rows, p[3], p[4])",
        f"        row = {_first_row(objective)} + place * {objective.width}",
        *(f"        p{k} = p[row + {k}]" for k in range(objective.width)),
        *(f"        {line}" for line in evaluate),
        f"        weight = where(ws[{whole} * W + lane] > {zero}, {zero}, share)",
        *(f"        ws[{slot} * W + lane] += weight * {name}" for name, slot in outputs.items()),
    ]


def value_at(objective: FiniteSum, row: str, constants: Constants) -> str:
    """Return the text of ``value_at``; ``row`` is how a row of points is named."""
    lines = [
        *_parameters(objective),
        *(f"x{i} = points[{row}, {i}]" for i in range(objective.dim)),
        f"total = {constants(0.0)} * x0",
        f"for row in range({_first_row(objective)}, p.shape[0], {objective.width}):",
        *(f"    p{k} = p[row + {k}]" for k in range(objective.width)),
        f"    total += value({arguments_of(objective.element)})",
        "return total * p[0]",
    ]
    return "\n".join(["def value_at(points, i, p):", *(f"    {line}" for line in lines)])


def _parameters(objective: FiniteSum) -> list[str]:
    """The lines that read the user's parameters, which follow the entries of a row in the element's arguments."""
    count = 0 if objective.params is None else len(objective.params)
    return [f"p{objective.width + k} = p[{_HEAD + k}]" for k in range(count)]


def _first_row(objective: FiniteSum) -> int:
    return _HEAD + (0 if objective.params is None else len(objective.params))
