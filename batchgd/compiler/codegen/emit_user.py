"""Emit what calls the user's own compiled function in a CUDA kernel: the evaluation, and the value at points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchgd.compiler.codegen.emit_evaluation import Outputs, call_of
from batchgd.compiler.codegen.typed_constants import Constants

if TYPE_CHECKING:
    from batchgd.compiler.objective import Objective


def evaluation(objective: Objective, constants: Constants, asked: Outputs) -> tuple[str, str]:
    """Return the text of the function of one lane that ``evaluate`` calls, and of ``evaluate``."""
    what, outputs = asked
    lines = [
        "def evaluate(ws, index, seed, p):",
        *(f"    p{k} = p[{k}]" for k in range(objective.n_params)),
        "    for lane in range(W):",
        *(f"        x{i} = ws[{i} * W + lane]" for i in range(objective.dim)),
        f"        {call_of(objective, asked)}",
        *(f"        ws[{slot} * W + lane] = {name}" for name, slot in outputs.items()),
    ]
    return objective.emit(what, constants), "\n".join(lines)


def value_at(objective: Objective) -> str:
    """Return the text of ``value_at``, the value at a row of points."""
    inputs = [f"points[i, {k}]" for k in range(objective.dim)]
    inputs += [f"p[{k}]" for k in range(objective.n_params)]
    return f"def value_at(points, i, p, place):\n    return value({', '.join(inputs)})"
