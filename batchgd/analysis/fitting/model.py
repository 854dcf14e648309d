"""The model of a fit: a function of x and named parameters, of x and a vector, or a formula; checked on its data."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from batchgd.analysis.fitting.data import Data, Floats, Variables, as_variables
from batchgd.analysis.fitting.expressions import Expression
from batchgd.analysis.fitting.parameters import ParameterSet
from batchgd.analysis.fitting.sets import Call, Joined, Sets
from batchgd.compiler.differentiable import check_by_name
from batchgd.compiler.least_squares import LeastSquares
from batchgd.compiler.trace.escape import name_of
from batchgd.problem.errors import InputError, quoted
from batchgd.problem.wording import plural

PAIRS = 16
"""How many pairs of points are compared, bit by bit, to see whether a parameter changes the model."""

_SINGLE = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Model:
    """A model as it is called, and the parameters that it has.

    ``names`` are the parameters for one data set, and ``given`` what was said of them by name.

    >>> model = Model.parse(lambda t, a, k: a * np.exp(-k * t), {"a": (0, 5), "k": (0, 3)}, np.zeros(2))
    >>> model.parameters.names, model(np.array([0.0, 1.0]), [2.0, 0.0])
    (['a', 'k'], array([2., 2.]))
    """

    def __init__(self, name: str, call: Call, names: list[str], given: dict[str, Any], x: Any, shared: Any = None):
        self.name, self.call, self.names, self.given, self.shared = name, call, names, given, shared
        self.several, self.count = shared is not None, 1 if shared is None else len(x)
        if self.several:
            sets = Sets(names, given, shared, self.count)
            self.call, names, given = sets.joined(call), sets.names, sets.given
        self.parameters = ParameterSet(names, given)

    @classmethod
    def parse(cls, model: Any, parameters: Any, x: Any, shared: Any = None) -> Model:
        """Read a function or a formula, and what is given for its parameters."""
        one = x if shared is None else x[0]
        variables = list(one) if isinstance(one, dict) else []
        call: Call
        if isinstance(model, str):
            call = _formula(model, variables, parameters)
            name, names = model, call.names
        elif callable(model):
            name = name_of(model)
            call, names = _function(model, parameters, variables)
        else:
            raise InputError(f"model is {quoted(model)}: give a function of x and parameters, or a formula as text")
        return cls(name, call, names, _by_name(parameters, names), x, shared)

    @property
    def by_name(self) -> bool:
        """Whether x is passed by name."""
        return isinstance(self.call, FormulaCall) or (isinstance(self.call, FunctionCall) and self.call.by_name)

    @property
    def missing(self) -> bool:
        """Whether the model itself is not there: a fit that was loaded without it."""
        call = self.call.call if isinstance(self.call, Joined) else self.call
        return isinstance(call, MissingModel)

    def __call__(self, x: Any, values: Sequence[Any]) -> Any:
        """Return the model at x; the values may be traced."""
        return self.call(x, values)

    def at(self, x: Any) -> Any:
        """Return x as the model takes it; of several data sets a list with one entry for each."""
        if not self.several:
            return as_variables(x)
        if not isinstance(x, list | tuple) or len(x) != self.count:
            given = f"{len(x)} entries" if isinstance(x, list | tuple) else f"the type {type(x).__name__}"
            raise InputError(f"x has {given}: give a list with one x for each of the {self.count} data sets")
        return [as_variables(each) for each in x]

    def parts(self, x: Any, values: Sequence[Any]) -> list[Any]:
        """Return the model at x for each data set, of which there may be one."""
        if not self.several:
            return [self.call(x, values)]
        joined = self.call
        assert isinstance(joined, Joined)
        return joined.parts(x, values)

    def free(self, x: Any, free: Any, *, coordinates: bool = False) -> Any:
        """Return the model at x as a function of the free parameters, or of their coordinates u."""
        return self.call(x, self.parameters.values(free, coordinates=coordinates))

    def residuals(self, data: Data, *, coordinates: bool, **options: Any) -> LeastSquares:
        """Return the sum of squares of the fit, in the free parameters or in their coordinates u."""

        dim = len(self.parameters.free)
        return LeastSquares(Residuals(self, data, coordinates), dim, sigma=data.sigma, name=self.name, **options)

    def checked(self, data: Data) -> None:
        """Call the model as plain Python; InputError if its shape is wrong or it does not depend on a parameter."""
        rng = np.random.default_rng(0)
        free, box = self.parameters.free, self.parameters.box
        points = self.parameters.outward(rng.uniform(box[:, 0], box[:, 1], (2, PAIRS, len(free))))
        first = [self._plain(data, point) for point in points[0]]
        ignored = []
        for k, name in enumerate(free):
            moved = points[0].copy()
            moved[:, k] = points[1, :, k]
            known = [(a, self._plain(data, b)) for a, b in zip(first, moved, strict=True)]
            if all(np.array_equal(a, b, equal_nan=True) for a, b in known) and np.isfinite(known[0][0]).any():
                ignored.append(name)
        if len(ignored) == len(free) and not all(np.isnan(each).all() for each in first):
            raise InputError(f"the model {self.name} is constant: let it depend on its parameters {', '.join(free)}")
        if ignored and len(ignored) < len(free):
            raise InputError(f"the model {self.name} ignores its parameter {ignored[0]!r}: use it, or remove it")

    def _plain(self, data: Data, point: Floats) -> Floats:
        try:
            with np.errstate(all="ignore"):
                found = np.asarray(self.free(data.x, point))
        except InputError:
            raise
        except Exception as error:
            if self.several and isinstance(error, ValueError):
                raise InputError(f"the model {self.name} does not return one number per observation: {error}") from None
            if isinstance(data.x, dict) and isinstance(error, TypeError) and not self.by_name:
                raise InputError(
                    f"the model {self.name} cannot take x as a dict ({error}): give its arguments the names of x, "
                    f"{', '.join(data.x)}"
                ) from None
            values = ", ".join(f"{name} = {value:.3g}" for name, value in zip(self.parameters.free, point, strict=True))
            raise InputError(
                f"the model {self.name} fails at {values} with {type(error).__name__}: {error}; write it for arrays of "
                "x in plain NumPy, such as np.exp for math.exp"
            ) from error
        if found.shape != data.y.shape:
            raise InputError(
                f"the model {self.name} returns the shape {found.shape}, but y has {data.y.shape}: "
                "return one number per observation"
            )
        if found.dtype.kind not in "biuf":
            kind = "complex numbers" if found.dtype.kind == "c" else f"values of type {found.dtype}"
            raise InputError(f"the model {self.name} returns {kind}: return real numbers")
        return found.astype(np.float64)


@dataclass(frozen=True, eq=False)
class Residuals:
    """Model minus data, as a function of the free parameters or of their coordinates u."""

    model: Model
    data: Data
    coordinates: bool

    @property
    def __runs__(self) -> tuple[Any, ...]:
        return (self.model.call,)

    def __call__(self, u: Any) -> Any:
        """Return the residuals in units of y; u may be traced."""
        return self.model.free(self.data.x, u, coordinates=self.coordinates) - self.data.y


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


def _formula(text: str, variables: list[str], parameters: Any) -> FormulaCall:
    expression = Expression.parse(text, "model")
    columns = variables or ["x"]
    names = [name for name in _order(expression) if name not in columns]
    if not variables and "x" not in expression.names:
        free = [name for name in names if name not in (_names_given(parameters) or [])] or names
        raise InputError(f"model {quoted(text)} does not contain x: name the variable, as in x={{{free[-1]!r}: x}}")
    if not names:
        raise InputError(f"model {quoted(text)} has no parameters: name at least one besides {', '.join(columns)}")
    if not expression.names & {*columns}:
        given = "write it with x, or give x by name, x={'t': ...}" if not variables else "write it with one of them"
        raise InputError(f"model {quoted(text)} does not contain {' or '.join(columns)}: {given}")
    return FormulaCall(expression, names)


def _order(expression: Expression) -> list[str]:
    """The names in the order in which they are written."""
    return sorted(expression.names, key=lambda name: _first(expression.text, name))


def _first(text: str, name: str) -> int:
    found = re.search(rf"\b{re.escape(name)}\b", text)
    return found.start() if found else len(text)


def _function(model: Any, parameters: Any, variables: list[str]) -> tuple[FunctionCall, list[str]]:
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


def _by_name(parameters: Any, names: list[str]) -> dict[str, Any]:
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
