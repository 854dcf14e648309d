"""Emit the parts of a specialisation that depend on the objective: a lane block's evaluation, the value at points.

``evaluate(ws, index, seed, p)`` reads every lane's x from the first D slots and writes, after them, the gradient (D
slots), the value (one slot, left alone if it is not needed), and for rules that ask for it the lower triangle of a
matrix, row by row; or only the value. ``value_at(points, i, p)`` gives the value at one row of points.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchgd.compiler.codegen.typed_constants import Constants

if TYPE_CHECKING:
    from batchgd.compiler.objective import Objective, What


def triangle(dim: int) -> int:
    """The number of entries of a lower triangle."""
    return dim * (dim + 1) // 2


Outputs = tuple["What", dict[str, int]]
"""Which function of an objective computes what is needed, and the slot of each of its outputs."""


def value_alone(dim: int) -> Outputs:
    """Return the outputs for the value alone."""
    return "value", {"f": dim}


_WITH_MATRIX: dict[str, What] = {"hessian": "derivatives", "gauss_newton": "gauss_newton"}


def outputs_of(dim: int, *, value: bool, matrix: str | None = None) -> Outputs:
    """Return the outputs for the gradient, and what is needed besides."""
    what: What = _WITH_MATRIX[matrix] if matrix else "value_and_gradient" if value else "gradient"
    outputs = {f"g{i}": dim + i for i in range(dim)}
    if what != "gradient":
        outputs = {"f": 2 * dim} | outputs
    if matrix:
        outputs |= {f"h{k}": 2 * dim + 1 + k for k in range(triangle(dim))}
    return what, outputs


def arguments_of(objective: Objective) -> str:
    """Return the arguments of the objective's emitted functions."""
    return ", ".join([*(f"x{i}" for i in range(objective.dim)), *(f"p{k}" for k in range(_params(objective)))])


def _params(objective: Objective) -> int:
    return 0 if objective.params is None else len(objective.params)


def call_of(objective: Objective, asked: Outputs) -> str:
    """Return the statement that computes the outputs."""
    what, outputs = asked
    targets = "f" if what == "value" else f"{', '.join(outputs)},"
    return f"{targets} = {what}({arguments_of(objective)})"


def evaluation(objective: Objective, constants: Constants, asked: Outputs) -> tuple[str, str]:
    """Return the text of the function of one lane that ``evaluate`` calls, and of ``evaluate``."""
    what, outputs = asked
    lines = [
        "def evaluate(ws, index, seed, p):",
        *(f"    p{k} = p[{k}]" for k in range(_params(objective))),
        "    for lane in range(W):",
        *(f"        x{i} = ws[{i} * W + lane]" for i in range(objective.dim)),
        f"        {call_of(objective, asked)}",
        *(f"        ws[{slot} * W + lane] = {name}" for name, slot in outputs.items()),
    ]
    return objective.emit(what, constants), "\n".join(lines)


def evaluation_of_rows(objective: Objective, asked: Outputs) -> tuple[str, str]:
    """Return the same for NumPy and an expression with rows: a program that is made already, and its call."""
    what, outputs = asked
    lines = [
        "def evaluate(ws, index, seed, p):",
        f"    numbers = {what}(ws[:{objective.dim}], p)",
        *(f"    ws[{slot}] = numbers[{k}]" for k, slot in enumerate(outputs.values())),
    ]
    return program(objective, what), "\n".join(lines)


def program(objective: Objective, what: What) -> str:
    """Return the assignment of a program in NumPy to its name."""
    return f'{what} = program_named("{objective.program(what).name}")'


def value_at(objective: Objective, row: str) -> str:
    """Return the text of ``value_at``; ``row`` is how a row of points is named."""
    inputs = [f"points[{row}, {k}]" for k in range(objective.dim)]
    inputs += [f"p[{k}]" for k in range(_params(objective))]
    return f"def value_at(points, i, p):\n    return value({', '.join(inputs)})"
