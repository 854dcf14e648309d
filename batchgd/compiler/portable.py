"""Objectives for another process: what was traced travels as data, so that lambdas and notebooks need no import there.

What is sent can be descended on, with every method; it cannot be traced again.
"""

from __future__ import annotations

from typing import Any

from batchgd.compiler.differentiable import Differentiable
from batchgd.compiler.finite_sum import FiniteSum
from batchgd.compiler.least_squares import LeastSquares
from batchgd.compiler.objective import Objective
from batchgd.compiler.trace.portable import Program, as_data, from_data, numbered

_OF_TRACED = ("dim", "name", "box", "shapes", "_params", "loss", "sigma")


def reduced(objective: Any) -> tuple[Any, ...] | None:
    """Return what ``__reduce__`` would, without the user's function; None for objectives that are called as they are.

    >>> objective = Objective(lambda x: x[0] ** 2, dim=1)
    >>> make, parts = reduced(objective)
    >>> make(*parts).gradient([3.0])
    array([6.])
    """
    if type(objective) in (Objective, LeastSquares):
        known = vars(objective)
        kept = {name: known[name] for name in _OF_TRACED if name in known}
        model = [node.id for node in known.get("_model") or ()]
        return _traced, (type(objective), kept, objective.jac is not None, as_data(objective._traced), model)
    if type(objective) is FiniteSum:
        kept = {name: value for name, value in vars(objective).items() if name not in ("loss", "_outputs")}
        return _sum, (kept,)
    return None


def is_called(objective: Differentiable) -> bool:
    """Whether the user's own code is called, which has to be sent as well."""
    return objective.plain or objective.code is not None


def _traced(
    kind: type[Objective], kept: dict[str, Any], own_gradient: bool, program: Program, model: list[int]
) -> Objective:
    made = object.__new__(kind)
    made.__dict__.update(kept)
    made.fun, made.jac = _not_here, _not_here if own_gradient else None
    made._begin(from_data(program))
    if isinstance(made, LeastSquares):
        made.residuals = _not_here
        made._model = numbered(made._traced.value.graph, model) or None
        made._slopes = None
    return made


def _sum(kept: dict[str, Any]) -> FiniteSum:
    made = object.__new__(FiniteSum)
    made.__dict__.update(kept, loss=_not_here, _outputs={})
    made.data.setflags(write=False)
    return made


def _not_here(*_: Any) -> Any:
    raise RuntimeError("only the traced program was sent to this process, not the function")
