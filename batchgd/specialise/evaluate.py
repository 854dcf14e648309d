"""Emit the evaluation of a lane block, the only part of a block tick that knows the objective.

``evaluate(ws, index, seed, p)`` reads every lane's x from the first D slots and writes, behind them, the gradient (D
slots), the value (one slot, left alone where nobody asks for it), and for rules that ask for it the lower triangle of
the Hessian, row by row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchgd.specialise.typed import Constants

if TYPE_CHECKING:
    from batchgd.objective import Objective, What


def triangle(dim: int) -> int:
    """The number of entries of a lower triangle."""
    return dim * (dim + 1) // 2


def evaluation(objective: Objective, constants: Constants, *, value: bool, hessian: bool) -> tuple[str, str]:
    """Return the text of the function of one lane that ``evaluate`` calls, and of ``evaluate``."""
    dim, params = objective.dim, 0 if objective.params is None else len(objective.params)
    what: What = "derivatives" if hessian else "value_and_gradient" if value else "gradient"
    outputs = {f"g{i}": dim + i for i in range(dim)}
    if what != "gradient":
        outputs = {"f": 2 * dim} | outputs
    if hessian:
        outputs |= {f"h{k}": 2 * dim + 1 + k for k in range(triangle(dim))}
    arguments = [*(f"x{i}" for i in range(dim)), *(f"p{k}" for k in range(params))]
    lines = [
        "def evaluate(ws, index, seed, p):",
        *(f"    p{k} = p[{k}]" for k in range(params)),
        "    for lane in range(W):",
        *(f"        x{i} = ws[{i} * W + lane]" for i in range(dim)),
        f"        {', '.join(outputs)}, = {what}({', '.join(arguments)})",
        *(f"        ws[{slot} * W + lane] = {name}" for name, slot in outputs.items()),
    ]
    return objective.emit(what, constants), "\n".join(lines)
