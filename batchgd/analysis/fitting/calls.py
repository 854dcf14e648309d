"""How a model of a fit is called: a formula by its names, a Python function with numbers or with a vector."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from batchgd.analysis.fitting.data import Variables
from batchgd.analysis.fitting.expressions import Expression
from batchgd.compiler.differentiable import check_by_name
from batchgd.compiler.trace.escape import name_of
from batchgd.problem.errors import InputError, quoted
from batchgd.problem.wording import plural

_SINGLE = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, eq=False)
class FormulaCall:
    """A formula, called with x and the values of its names."""

    expression: Expression
    names: list[str]

    def __call__(self, x: Variables, values: Sequence[Any]) -> Any:
        """Return the value; numbers may be traced."""
        known = x if isinstance(x, dict) else {"x": x}
        return self.expression({**known, **dict(zip(self.names, values, strict=True))})


@dataclass(frozen=True, eq=False)
class FunctionCall:
    """A Python function, called with x as it is or by name, and with parameters one by one, by name or as a vector."""

    function: Callable[..., Any]
    own: list[str]
    by_name: bool
    vector: bool

    @property
    def __runs__(self) -> tuple[Any, ...]:
        return (self.function,)

    def __call__(self, x: Any, values: Sequence[Any]) -> Any:
        """Return what the function returns; numbers may be traced."""
        if self.by_name:
            named = {self.own[0]: _vector(values)} if self.vector else dict(zip(self.own, values, strict=True))
            return self.function(**x, **named)
        return self.function(x, _vector(values)) if self.vector else self.function(x, *values)

    def __getstate__(self) -> dict[str, Any]:
        check_by_name(f"the model {name_of(self.function)}", self.function)
        return dict(vars(self))


@dataclass(frozen=True, eq=False)
class MissingModel:
    """Stands for the model of a fit that was loaded without it."""

    name: str

    def __call__(self, x: Any, values: Sequence[Any]) -> Any:
        """Raise InputError with the remedy."""
        raise InputError(f"the model {self.name} was not saved with its fit: load it with bgd.load(path, fun=model)")


def formula_call(text: str, variables: list[str], parameters: Any) -> FormulaCall:
    """Return the call of a formula, whose names are parameters unless they are those of x."""
    expression = Expression.parse(text, "model")
    columns = variables or ["x"]
    names = [name for name in _order(expression) if name not in columns]
    if not expression.names & {*columns}:
        free = [name for name in names if name not in (_names_given(parameters) or [])] or names
        remedy = (
            f"name the variable, as in x={{{free[-1]!r}: x}}" if free and not variables else "let it depend on that"
        )
        raise InputError(f"model {quoted(text)} does not contain {' or '.join(columns)}: {remedy}")
    if not names:
        raise InputError(f"model {quoted(text)} has no parameters: name at least one besides {', '.join(columns)}")
    return FormulaCall(expression, names)


def _order(expression: Expression) -> list[str]:
    """The names in the order in which they are written."""
    return sorted(expression.names, key=lambda name: _first(expression.text, name))


def _first(text: str, name: str) -> int:
    found = re.search(rf"\b{re.escape(name)}\b", text)
    return found.start() if found else len(text)


def function_call(model: Any, parameters: Any, variables: list[str]) -> tuple[FunctionCall, list[str]]:
    """Return the call of a Python function and the names of its parameters."""
    try:
        kinds = list(inspect.signature(model).parameters.values())
    except (TypeError, ValueError):
        kinds = [inspect.Parameter("p", inspect.Parameter.VAR_POSITIONAL)]
    named = [each.name for each in kinds if each.kind in _SINGLE]
    loose = any(each.kind is inspect.Parameter.VAR_POSITIONAL for each in kinds)
    columns = [name for name in variables if name in named]
    by_name = bool(columns) and set(variables) == set(columns)
    if columns and not by_name:
        raise InputError(
            f"x has {', '.join(variables)}, of which the model {name_of(model)} takes only {', '.join(columns)}: "
            "give x without the others"
        )
    own = [name for name in named if name not in columns] if by_name else named[1:]
    given = _names_given(parameters)
    if given and not by_name and named and named[0] in given:
        raise InputError(
            f"the model {name_of(model)} has the parameter {named[0]!r} as its first argument, which is x: "
            "write x first, then the parameters"
        )
    vector = len(own) == 1 and not loose
    vector = vector and (len(_as_list(parameters)) > 1 if given is None else own[0] not in given)
    call = FunctionCall(model, own, by_name, vector)
    if vector or loose:
        more = _as_list(parameters)
        names = given if given is not None else [f"p{k}" for k in range(len(more))]
        return call, names
    if not own:
        raise InputError(f"the model {name_of(model)} has no parameters: define it as model(x, a, b, ...)")
    return call, own


def _vector(values: Sequence[Any]) -> Any:
    from batchgd.compiler.trace.array import is_traced, traced_array

    return traced_array(list(values)) if is_traced(list(values)) else np.array(values, dtype=np.float64)


def _names_given(parameters: Any) -> list[str] | None:
    return [str(name) for name in parameters] if isinstance(parameters, Mapping) else None


def _as_list(parameters: Any) -> list[Any]:
    if isinstance(parameters, Mapping):
        return list(parameters.values())
    try:
        if isinstance(parameters, str):
            raise TypeError
        return list(parameters)
    except TypeError:
        raise InputError(
            f"parameters is {quoted(parameters)}: give a dict {{name: (lo, hi)}}, or a list with one pair per parameter"
        ) from None


def given_by_name(parameters: Any, names: list[str]) -> dict[str, Any]:
    """Return what is given for the parameters, a dict or a list in their order, by name."""
    if isinstance(parameters, Mapping):
        return {str(name): each for name, each in parameters.items()}
    given = _as_list(parameters)
    if len(given) != len(names):
        raise InputError(
            f"parameters has {plural(len(given), 'entry', 'entries')}, but the model has {len(names)} parameters "
            f"({', '.join(names)}): "
            "give one pair of limits for each"
        )
    return dict(zip(names, given, strict=True))
