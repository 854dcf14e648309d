"""Emit CUDA's evaluation of a sum over rows of data: the traced element in a loop, added up in the lanes' slots.

The array ``p`` contains what ``FiniteSum.numbers`` lists: five numbers of its own, the user's parameters, and the rows.
Without a batch size every lane sees the same row at the same time, which is read once for all of them; rows of a batch
differ from lane to lane and are gathered. Sums over other index sets differ only in the gather.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchgd.compiler.codegen.emit_evaluation import Outputs, arguments_of, call_of
from batchgd.compiler.codegen.typed_constants import Constants
from batchgd.compiler.finite_sum import HEAD

if TYPE_CHECKING:
    from batchgd.compiler.finite_sum import FiniteSum

Slots = dict[str, int]


def scratch(objective: FiniteSum) -> tuple[str, ...]:
    """Return the names of the slots that a batch needs, none if every update sees the whole sum.

    ``whole`` marks lanes whose evaluation was that of the whole sum; after it are the row that a lane has drawn, its
    weight, and its entries.
    """
    if objective.batch_size is None:
        return ()
    return ("whole", "place", "weight", *(f"row_{k}" for k in range(objective.width)))


def evaluation(
    objective: FiniteSum, constants: Constants, asked: Outputs, *, nit: int, scratch: Slots
) -> tuple[str, str]:
    """Return the text of the function of one row that ``evaluate`` calls, and of ``evaluate``.

    ``nit`` is the slot of the number of updates, ``scratch`` those of the names that :func:`scratch` lists, without
    which it sums over all rows.
    """
    what, outputs = asked
    call = call_of(objective.element, asked)
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
    if not scratch:
        lines += every_row
    else:
        lines += [
            "some_whole = False",
            "for lane in range(W):",
            f"    is_whole = due(ws[{nit} * W + lane], p[2])",
            f"    ws[{scratch['whole']} * W + lane] = where(is_whole, {constants(1.0)}, {zero})",
            "    some_whole = some_whole | is_whole",
            "if some_whole:",
            *(f"    {line}" for line in every_row),
            *_batch(objective, outputs, [*point, call], constants, nit, scratch),
        ]
    text = "\n".join(["def evaluate(ws, index, seed, p):", *(f"    {line}" for line in lines)])
    return objective.element.emit(what, constants), text


def _batch(
    objective: FiniteSum, outputs: dict[str, int], evaluate: list[str], constants: Constants, nit: int, scratch: Slots
) -> list[str]:
    """The lines that add up a batch in the lanes that are not due for the whole sum."""
    zero, first, entries = constants(0.0), _first_row(objective), range(objective.width)
    whole, place, weight = (f"ws[{scratch[name]} * W + lane]" for name in ("whole", "place", "weight"))
    nits = f"ws[{nit} * W + lane]"
    row_function = "row_replaced" if objective.replace else "row_of_epoch"
    share = "share" if objective.replace else f"share_in_epoch({nits}, turn, batch, rows, share, last_share)"
    sums = [f"ws[{slot} * W + lane]" for slot in outputs.values()]
    gathered = [f"ws[{scratch[f'row_{k}']} * W + lane]" for k in entries]
    return [
        f"rows = (p.shape[0] - {first}) // {objective.width}",
        "batch, share, last_share = int(p[1]), p[3], p[4]",
        "for lane in range(W):",
        *(f"    {total} = where({whole} > {zero}, {total}, {zero})" for total in sums),
        "for turn in range(batch):",
        "    for lane in range(W):",
        f"        {place} = {row_function}(seed, index[lane], {nits}, turn, batch, rows)",
        "    for lane in range(W):",
        f"        {weight} = where({whole} > {zero}, {zero}, {share})",
        "    for lane in range(W):",
        f"        row = {first} + np.int64({place}) * {objective.width}",
        *(f"        {slot} = p[row + {k}]" for k, slot in enumerate(gathered)),
        "    for lane in range(W):",
        *(f"        p{k} = {slot}" for k, slot in enumerate(gathered)),
        *(f"        {line}" for line in evaluate),
        *(f"        {total} += {weight} * {name}" for name, total in zip(outputs, sums, strict=True)),
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
    return [f"p{objective.width + k} = p[{HEAD + k}]" for k in range(count)]


def _first_row(objective: FiniteSum) -> int:
    return HEAD + (0 if objective.params is None else len(objective.params))
