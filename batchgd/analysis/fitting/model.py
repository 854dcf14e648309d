"""The model of a fit: a function of x and named parameters, of x and a vector, or a formula; checked on its data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from batchgd.analysis.fitting.calls import FunctionCall, MissingModel, formula_call, function_call, given_by_name
from batchgd.analysis.fitting.data import Data, Floats, as_variables
from batchgd.analysis.fitting.parameters import ParameterSet
from batchgd.analysis.fitting.sets import Call, Joined, Sets
from batchgd.compiler.least_squares import LeastSquares
from batchgd.compiler.trace.escape import name_of
from batchgd.problem.errors import InputError, quoted

PAIRS = 16
"""How many pairs of points are compared, bit by bit, to see whether a parameter changes the model."""


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
            call = formula_call(model, variables, parameters)
            name, names = model, call.names
        elif callable(model):
            name = name_of(model)
            call, names = function_call(model, parameters, variables)
        else:
            raise InputError(f"model is {quoted(model)}: give a function of x and parameters, or a formula as text")
        return cls(name, call, names, given_by_name(parameters, names), x, shared)

    @property
    def of_one(self) -> Call:
        """The model as it is called for one data set."""
        return self.call.call if isinstance(self.call, Joined) else self.call

    @property
    def missing(self) -> bool:
        """Whether the model itself is not there: a fit that was loaded without it."""
        return isinstance(self.of_one, MissingModel)

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
            whole = isinstance(self.of_one, FunctionCall) and not self.of_one.by_name
            if whole and isinstance(data.x, dict) and isinstance(error, TypeError):
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
