"""The operations that a graph may contain: how each is computed by NumPy, written in source text, and counted.

The names of the elementary functions are the ones that generated kernels bind (``batchgd.kernels.vecmath``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Operation:
    """One operation: ``compute`` on NumPy values, ``text`` with a place per operand, ``cost`` a field of the counts."""

    compute: Callable[..., Any]
    text: str
    cost: str
    boolean: bool = False


def sincos(t: Any) -> tuple[Any, Any]:
    """Return sin and cos of one argument."""
    return np.sin(t), np.cos(t)


def _erf(t: Any) -> Any:
    from scipy.special import erf

    return erf(t)


def _erfc(t: Any) -> Any:
    from scipy.special import erfc

    return erfc(t)


_OPERATORS = {
    "add": Operation(np.add, "{} + {}", "adds"),
    "sub": Operation(np.subtract, "{} - {}", "adds"),
    "neg": Operation(np.negative, "-{}", "adds"),
    "mul": Operation(np.multiply, "{} * {}", "multiplies"),
    "div": Operation(np.divide, "{} / {}", "divides"),
    "lt": Operation(np.less, "{} < {}", "adds", boolean=True),
    "le": Operation(np.less_equal, "{} <= {}", "adds", boolean=True),
    "gt": Operation(np.greater, "{} > {}", "adds", boolean=True),
    "ge": Operation(np.greater_equal, "{} >= {}", "adds", boolean=True),
    "eq": Operation(np.equal, "{} == {}", "adds", boolean=True),
    "ne": Operation(np.not_equal, "{} != {}", "adds", boolean=True),
    "and": Operation(np.logical_and, "{} & {}", "adds", boolean=True),
    "or": Operation(np.logical_or, "{} | {}", "adds", boolean=True),
    "not": Operation(np.logical_not, "~{}", "adds", boolean=True),
}

_Table = dict[str, tuple[int, Callable[..., Any]]]

_CHEAP: _Table = {
    "absolute": (1, np.absolute),
    "sign": (1, np.sign),
    "floor": (1, np.floor),
    "minimum": (2, np.minimum),
    "maximum": (2, np.maximum),
    "where": (3, np.where),
    "copysign": (2, np.copysign),
}

_TRANSCENDENTAL: _Table = {
    "sin": (1, np.sin),
    "cos": (1, np.cos),
    "tan": (1, np.tan),
    "asin": (1, np.arcsin),
    "acos": (1, np.arccos),
    "atan": (1, np.arctan),
    "atan2": (2, np.arctan2),
    "sinh": (1, np.sinh),
    "cosh": (1, np.cosh),
    "tanh": (1, np.tanh),
    "asinh": (1, np.arcsinh),
    "acosh": (1, np.arccosh),
    "exp": (1, np.exp),
    "exp2": (1, np.exp2),
    "expm1": (1, np.expm1),
    "log": (1, np.log),
    "log1p": (1, np.log1p),
    "log2": (1, np.log2),
    "log10": (1, np.log10),
    "cbrt": (1, np.cbrt),
    "power": (2, np.power),
    "hypot": (2, np.hypot),
    "erf": (1, _erf),
    "erfc": (1, _erfc),
}


def _functions() -> dict[str, Operation]:
    rows: list[tuple[_Table, str]] = [
        (_CHEAP, "adds"),
        (_TRANSCENDENTAL, "transcendentals"),
        ({"sqrt": (1, np.sqrt)}, "square_roots"),
        ({"fmod": (2, np.fmod)}, "divides"),
    ]
    return {
        name: Operation(compute, f"{name}({', '.join(['{}'] * arity)})", cost)
        for table, cost in rows
        for name, (arity, compute) in table.items()
    }


OPERATIONS: dict[str, Operation] = {**_OPERATORS, **_functions()}
BOOLEAN = frozenset(name for name, operation in OPERATIONS.items() if operation.boolean)
COMMUTATIVE = frozenset(["add", "mul", "eq", "ne", "and", "or"])
LEAVES = frozenset(["const", "x", "p", "data", "input"])
REDUCTIONS = {"sum": np.add, "prod": np.multiply, "least": np.minimum, "greatest": np.maximum}
"""What combines the rows of an axis; see ``graph.Node`` for these and the other operations on rows."""
_FINITE = (
    "const x p pick sum prod least greatest spread part add sub neg mul absolute sign floor minimum maximum where "
    "copysign sin cos tan atan atan2 asinh tanh cbrt hypot erf erfc"
)
FINITE = BOOLEAN | frozenset(_FINITE.split())
"""Operations that are finite if their operands are, unless they overflow."""
SHARP = frozenset(["atan2", "cbrt", "hypot"])
"""Those of them whose derivatives are infinite or 0/0 somewhere."""
POLYNOMIAL = LEAVES | {"add", "sub", "neg", "mul", "div", "pick", "sum", "prod", "spread", "part"}
"""What a polynomial is written with; a division by something that depends on x leaves x in its derivatives."""


def numpy_names() -> dict[str, Any]:
    """Return what the names in emitted text mean for NumPy arrays."""
    names = {name: operation.compute for name, operation in OPERATIONS.items() if operation.text.startswith(name)}
    return {**names, "sincos": sincos, "inf": np.inf, "nan": np.nan}
