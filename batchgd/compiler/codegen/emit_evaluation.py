"""Where a lane block's evaluation leaves what it computes, and how emitted functions of an objective are called.

``evaluate(ws, index, seed, p)`` reads every lane's x from the first D slots and writes, after them, the gradient (D
slots), the value (one slot, left alone if it is not needed), and for rules that ask for it the lower triangle of a
matrix, row by row; or only the value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    return ", ".join([*(f"x{i}" for i in range(objective.dim)), *(f"p{k}" for k in range(objective.n_params))])


def call_of(objective: Objective, asked: Outputs) -> str:
    """Return the statement that computes the outputs."""
    what, outputs = asked
    targets = "f" if what == "value" else f"{', '.join(outputs)},"
    return f"{targets} = {what}({arguments_of(objective)})"
