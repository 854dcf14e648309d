"""What every objective offers: value, gradient and Hessian at many points at once, in NumPy."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from batchgd.compiler.trace.call import Shapes, WithArgs, flat
from batchgd.problem import check
from batchgd.problem.errors import InputError, quoted
from batchgd.problem.keywords import Explained
from batchgd.problem.speaker import said

if TYPE_CHECKING:
    from batchgd.compiler.own.code import UserCode
    from batchgd.compiler.trace.counts import OperationCounts
    from batchgd.compiler.units import Units
    from batchgd.problem.box import Box
    from batchgd.problem.symmetry import Symmetry

Floats = NDArray[np.float64]


class Differentiable(Explained):
    """A twice differentiable function of ``dim`` coordinates.

    A new kind of objective sets what is declared here and implements ``_evaluate``; how its evaluation gets into a
    kernel is in ``batchgd/compiler/codegen``.

    Attributes
    ----------
    dim, name, box
        The number of coordinates, what it is called, and where starts are drawn by default (or None).
    counts, gradient_counts
        Operations for value and gradient, and for the gradient alone.
    plain
        Whether evaluations are calls of plain Python: the NumPy backend makes them, for some starts at a time, and no
        more than necessary.
    is_sum
        Whether kernels add up an ``element`` over rows of data.
    has_residuals
        Whether it is half a sum of squares, whose Gauss-Newton matrix kernels can compute.
    code
        The user's own machine code, which kernels call where they otherwise compute an expression.
    shapes
        The shapes of the params, if they have names.
    symmetry
        Transformations known to leave the function as it is, those of a library landscape; or None.
    """

    plain = False
    is_sum = False
    has_residuals = False
    code: UserCode | None = None
    symmetry: Symmetry | None = None
    shapes: Shapes | None = None

    dim: int
    name: str
    box: Box | None
    counts: OperationCounts
    gradient_counts: OperationCounts
    _params: Floats | None
    _each: Floats | None = None
    """The params of each of the points that are evaluated, if these are of different problems."""

    def warn_if_large(self) -> None:
        """Warn if a kernel of this objective takes long to compile."""

    @property
    def params(self) -> Floats | None:
        """The parameters as a flat array, in the order of the inputs ``p0, p1, ...`` of emitted code, or None."""
        return None if self._params is None else self._params.ravel()

    @property
    def n_params(self) -> int:
        """How many parameters there are."""
        return 0 if self._params is None else self._params.size

    @property
    def numbers(self) -> Floats:
        """What a kernel reads besides the point, as a flat array of at least one number."""
        raise NotImplementedError

    def with_params(self, params: ArrayLike) -> Self:
        """Return the same function with other parameters of the same shape, without a new trace.

        >>> from batchgd import Objective
        >>> objective = Objective(lambda x, a: a * x[0] ** 2, dim=1, params=2.0)
        >>> objective.with_params(5.0).value([3.0])
        45.0
        """
        if self._params is None or params is None:
            raise InputError(f"{self.name} takes no params: trace it with params= first")
        fresh = flat(self.named(params, ()), self.shapes) if self.shapes else checked_params(params)
        assert fresh is not None
        if fresh.shape != self._params.shape:
            raise InputError(f"params have shape {fresh.shape}, but {self.name} was traced with {self._params.shape}")
        other = object.__new__(type(self))  # copy.copy would go through __reduce__, which traces again
        other.__dict__.update(self.__dict__, _params=fresh)
        return other

    def named(self, params: Any, ahead: tuple[int, ...]) -> Named:
        """Return params by name, with these dimensions in front of their shapes, or raise InputError."""
        assert self.shapes is not None
        if not isinstance(params, Mapping) or params.keys() != self.shapes.keys():
            given = ", ".join(map(str, params)) if isinstance(params, Mapping) else f"a {type(params).__name__}"
            raise InputError(
                f"params has {given}, but {self.name} was traced with {', '.join(self.shapes)}: give these"
            )
        found = by_name(params)
        for name, shape in self.shapes.items():
            if found[name].shape != (*ahead, *shape):
                wanted = (*ahead, *shape)
                raise InputError(f"params[{name!r}] has shape {found[name].shape}, but {self.name} takes {wanted}")
        return found

    @property
    def in_programs(self) -> bool:
        """Whether the NumPy backend calls ``program(what)`` where it otherwise writes out the expression."""
        return self.plain

    @property
    def can_be_written_out(self) -> bool:
        """Whether there are few enough operations to do without loops over rows."""
        return True

    def evaluations(self, what: Any) -> int:
        """Return what the outputs of this name count as in ``nfev``."""
        return 1

    def completed(self, region: Box, params: Any, jac: Any, args: Any) -> Differentiable:
        """Return the objective with what a call gives besides: the box of its starts, and arguments if it takes any.

        Raises InputError for arguments that belong to the making of the objective.
        """
        for word, given in {"jac": jac, "args": args}.items():
            if given is not None and not (isinstance(given, tuple) and not given):
                kind = f"bgd.{'LeastSquares' if self.has_residuals else 'Objective'}(fun, {word}=...)"
                raise InputError(f"{word} was given with a ready objective: pass it to {kind} instead")
        return self if params is None else self.with_params(params)

    def global_value(self, dim: int | None = None) -> float | None:
        """Return the least value of the function if it is known, as that of a landscape."""
        return None

    def in_units(self, units: Units) -> Differentiable:
        """Return the function in other units of its coordinates and of its values."""
        raise NotImplementedError

    def value(self, x: ArrayLike) -> Any:
        """Return f at points of shape (n, dim) as (n,), or at one point of shape (dim,) as a float."""
        points, single = self._points(x)
        result = self._evaluate("value", 1, points)[0]
        return float(result[0]) if single else result

    def gradient(self, x: ArrayLike) -> Floats:
        """Return the gradient at points of shape (n, dim) as (n, dim), or at one point as (dim,)."""
        points, single = self._points(x)
        result = np.ascontiguousarray(self._evaluate("gradient", self.dim, points).T)
        return result[0] if single else result

    def value_and_gradient(self, x: ArrayLike) -> tuple[Any, Floats]:
        """Return ``(value(x), gradient(x))``, computed together."""
        points, single = self._points(x)
        result = self._evaluate("value_and_gradient", self.dim + 1, points)
        value, slopes = result[0].copy(), np.ascontiguousarray(result[1:].T)
        return (float(value[0]), slopes[0]) if single else (value, slopes)

    def hessian(self, x: ArrayLike) -> Floats:
        """Return the symmetric matrix of second derivatives, (n, dim, dim), or (dim, dim) at one point."""
        points, single = self._points(x)
        rows, columns = np.tril_indices(self.dim)
        entries = self._evaluate("hessian", len(rows), points)
        result = np.empty((len(points), self.dim, self.dim))
        result[:, rows, columns] = result[:, columns, rows] = entries.T
        return result[0] if single else result

    def _evaluate(self, what: Any, n_outputs: int, points: Floats) -> Floats:
        """Return the numbers that the emitted function ``what`` gives at points (n, dim), shape (n_outputs, n)."""
        raise NotImplementedError

    def _points(self, x: ArrayLike) -> tuple[Floats, bool]:
        takes = f"{self.name} takes real numbers of shape ({self.dim},) or (n, {self.dim})"
        points = check.reals("x contains", x, takes).astype(np.float64, copy=False)
        if points.ndim not in (1, 2) or points.shape[-1] != self.dim:
            raise InputError(f"x has shape {points.shape}: {takes}")
        return points.reshape(-1, self.dim), points.ndim == 1


Named = dict[str, Floats]


def by_name(params: Mapping[Any, Any]) -> Named:
    """Return params that are given by name as float64, or raise InputError; NaN is a number here."""
    if not params:
        raise InputError(
            "params is an empty dict: give arrays by the names of the function's arguments, or leave it out"
        )
    wrong = next((name for name in params if not isinstance(name, str) or not name.isidentifier()), None)
    if wrong is not None:
        raise InputError(f"params has the name {quoted(wrong)}: give names of the function's arguments")
    remedy = "give real numbers, one or an array of them"
    arrays = {name: check.reals(f"params[{name!r}] contains", each, remedy) for name, each in params.items()}
    return {name: np.asarray(each, np.float64) for name, each in arrays.items()}


def shapes_of(params: Any, function: Any) -> Shapes | None:
    """Return the shapes of params that are given by name, or that a function has already been given in this way."""
    if isinstance(params, Mapping):
        return {name: each.shape for name, each in by_name(params).items()}
    return getattr(function, "shapes", None) if isinstance(function, WithArgs) else None


def checked_params(params: Any) -> Floats | None:
    """Return the parameters of an objective as float64, if there are any; those given by name as one flat array."""
    if params is None:
        return None
    if isinstance(params, Mapping):
        named = by_name(params)
        return flat(named, {name: each.shape for name, each in named.items()})
    return check.finite("params contain", params, "give finite real numbers, one or an array of them")


def not_stored(function: str) -> InputError:
    """The error of a result whose function is not at hand."""
    return InputError(
        f"{function} is not stored with this result: "
        f"{said('load it with bgd.load(path, fun=...)', 'give it with --fun (connect: FUN)')}"
    )


class MissingFunction:
    """Takes the place of a function: it has the name and the dimension, and its error shows how to get the rest.

    >>> MissingFunction("mine", 2).value(0.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    batchgd.problem.errors.InputError: the function 'mine' is not stored with this result: load it with ...
    """

    def __init__(self, name: str, dim: int) -> None:
        self.name, self.dim = name, dim

    def _missing(self, *_: Any) -> Any:
        raise not_stored(f"the function {self.name!r}")

    value: Callable[..., Any] = _missing
    gradient: Callable[..., Any] = _missing
    value_and_gradient: Callable[..., Any] = _missing
    hessian: Callable[..., Any] = _missing


# Pickles

_NAMELESS = ("<lambda>", "<locals>")
_BY_VALUE = {"cloudpickle", "dill"}
"""Packages whose pickles carry the code of a function along."""


def check_by_name(name: str, *functions: Any) -> None:
    """Raise PicklingError if plain pickle asks for a function that cannot be found by name; call in __reduce__.

    ``copy`` asks in the same way, and takes every function.
    """
    nameless = any(part in getattr(each, "__qualname__", "") for each in functions for part in _NAMELESS)
    if nameless and not _asked_by_value():
        raise pickle.PicklingError(
            f"{name} is a lambda or an inner function, which plain pickle cannot find by its name: "
            "define it with def at the top of a module, or use cloudpickle"
        )


def _asked_by_value() -> bool:
    """Whether it is copy, cloudpickle or dill that called the __reduce__ two frames up."""
    if sys._getframe(3).f_globals.get("__name__") == "copy":
        return True
    frame: FrameType | None = sys._getframe(3)
    while frame is not None:
        if _BY_VALUE & {*frame.f_globals.get("__name__", "").split(".")}:
            return True
        frame = frame.f_back
    return False
