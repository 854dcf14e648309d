"""The grid of a sweep: the values of one or several hyperparameters, and the methods with these values."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.problem import check
from batchgd.problem.errors import InputError, did_you_mean, told
from batchgd.problem.methods import GradientDescent, Method, as_method
from batchgd.problem.methods.base import field_names

MAX_VALUES = 100_000


@dataclass(frozen=True)
class SweepGrid:
    """``values[k]`` are the swept hyperparameters, in the order of ``names``, of the k-th method of a sweep."""

    names: tuple[str, ...]
    values: NDArray[np.float64]
    make: Callable[..., Method]

    def __len__(self) -> int:
        return len(self.values)

    def method(self, repeats: int | None = None) -> Method:
        """Return one method for all: every value ``repeats`` times in a row, or once."""
        columns = self.values if repeats is None else np.repeat(self.values, repeats, axis=0)
        return self.make(**dict(zip(self.names, columns.T, strict=True)))


def parse_grid(method: Any, given: dict[str, Any], zipped: bool) -> SweepGrid:
    """Split hyperparameters into fixed ones and swept ones, and check all of them.

    One array of values is swept in ascending order, each value once; several give every combination (the last name
    varies fastest), or with ``zipped`` their k-th values together.

    >>> parse_grid(None, {"learning_rate": [0.2, 0.1]}, False).values.ravel().tolist()
    [0.1, 0.2]
    """
    make = _maker(method, given)
    swept = {name: _values(name, value) for name, value in given.items() if check.is_array(value)}
    fixed = {name: value for name, value in given.items() if name not in swept}
    if not swept:
        raise InputError("nothing to sweep: give an array of values, as in learning_rate=np.geomspace(1e-4, 1, 40)")
    if zipped:
        lengths = {name: len(values) for name, values in swept.items()}
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise InputError(f"zipped values must have the same length: {found}")
        if max(lengths.values()) > MAX_VALUES:
            raise InputError(f"the sweep has {max(lengths.values()):,} values: give at most {MAX_VALUES:,}")
        values = np.stack([*swept.values()], axis=1)
    else:
        sides = [np.unique(values) for values in swept.values()]
        count = math.prod(map(len, sides))
        if count > MAX_VALUES:
            raise InputError(f"the sweep has {count:,} values: give at most {MAX_VALUES:,}")
        values = np.array([*itertools.product(*sides)])
    grid = SweepGrid((*swept,), values, lambda **columns: make(**fixed, **columns))
    grid.method()
    return grid


def _values(name: str, value: Any) -> NDArray[np.float64]:
    array = check.reals(f"{name} holds", value, "give a list of numbers to sweep").astype(np.float64)
    if array.ndim != 1 or array.size == 0:
        raise InputError(f"{name} has shape {array.shape}: give a list of numbers to sweep")
    return array


def _maker(method: Any, given: dict[str, Any]) -> Callable[..., Method]:
    """Return a function from hyperparameters to the method: a name, a class or an instance with the others set."""
    if isinstance(method, str):
        return lambda **values: as_method(method, **values)
    kind = GradientDescent if method is None else method if isinstance(method, type) else type(method)
    if not issubclass(kind, Method):
        raise InputError(f"method is {told(method)}: give a method, as in method=bgd.GradientDescent, or its name")
    known = field_names(kind)
    for name in given:
        if name not in known:
            raise InputError(
                f"{kind.__name__} has no {told(name)}: {did_you_mean(name, known)}it has {', '.join(known)}"
            )
    if isinstance(method, Method):
        return lambda **values: dataclasses.replace(method, **values)
    return kind
