"""Params per start: different problems of one shape, each with its own data, in one batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from batchgd.compiler.differentiable import Differentiable, Named, by_name
from batchgd.compiler.objective import Objective
from batchgd.compiler.trace.call import flat
from batchgd.kernels.plan import Problems
from batchgd.problem import check
from batchgd.problem.errors import InputError

Function = TypeVar("Function", bound=Objective)


class ParamsPerStart:
    """The params of every problem, checked, and which problem each start belongs to.

    >>> given = ParamsPerStart({"y": np.ones((3, 50)), "c": [1.0, 2.0, 3.0]}, None, 3)
    >>> given.one["y"].shape, given.one["c"].shape
    ((50,), ())
    """

    def __init__(self, params: Mapping[Any, Any], which: Any, starts: int):
        self.named: Named = by_name(params)
        lengths = {name: len(each) if each.ndim else None for name, each in self.named.items()}
        name, count = next(iter(lengths.items()))
        for other, length in lengths.items():
            if length is None or length != count:
                shown = f"params[{other!r}] has shape {self.named[other].shape}"
                first = f", and params[{name!r}] has {count} rows" if other != name else ""
                raise InputError(f"{shown}{first}: give one row per problem in each, and constants as args")
        self.count = int(count or 0)
        self.which = self._which(which, starts)

    def _which(self, which: Any, starts: int) -> Any:
        if which is None:
            if self.count != starts:
                raise InputError(
                    f"params has {self.count} rows, but there are {starts} starts: give a row for each start, or "
                    "which=, an array with the number of the row of each start"
                )
            return np.arange(starts)
        found = check.reals("which contains", which, "give one whole number per start, the row of params")
        if found.shape != (starts,) or found.dtype.kind not in "iu":
            raise InputError(
                f"which has shape {found.shape} and type {found.dtype}: give {starts} whole numbers, one per start"
            )
        if starts and not 0 <= int(found.min()) <= int(found.max()) < self.count:
            worst = int(found.min()) if found.min() < 0 else int(found.max())
            raise InputError(f"which contains {worst}, but params has {self.count} rows: count from 0")
        return found.astype(np.int64)

    @property
    def one(self) -> Named:
        """The params of one problem, of the first one without NaN if there is such."""
        row = next((row for row in range(self.count) if self._is_finite(row)), 0)
        return {name: each[row] for name, each in self.named.items()}

    def _is_finite(self, row: int) -> bool:
        return all(np.isfinite(each[row]).all() for each in self.named.values())

    def of(self, objective: Differentiable, dtype: str) -> Problems:
        """Return the params as rows for an objective that was traced with those of one problem."""
        if not isinstance(objective, Objective) or objective.shapes is None:
            raise InputError(
                f"params per start need a traced function with params by name, which {objective.name} is not: give a "
                "plain function, or bgd.LeastSquares(residuals, params={...})"
            )
        rows = flat(objective.named(self.named, (self.count,)), objective.shapes)
        return Problems(np.ascontiguousarray(rows, dtype), self.which)


def for_each(objective: Function, numbers: Any) -> Function:
    """Return what evaluates a function at as many points, each with its own params: rows of an array.

    >>> objective = Objective(lambda x, a: a * x[0] ** 2, dim=1, params=2.0)
    >>> for_each(objective, np.array([[5.0], [7.0]])).value([[1.0], [3.0]])
    array([ 5., 63.])
    """
    other: Function = object.__new__(type(objective))
    other.__dict__.update(objective.__dict__, _each=np.asarray(numbers, np.float64))
    return other


def function_of(objective: Differentiable, problems: Problems | None, rows: Any) -> Differentiable:
    """Return what evaluates the function at points that belong to these starts, in their order."""
    if problems is None:
        return objective
    assert isinstance(objective, Objective)
    return for_each(objective, problems.part(rows).of_starts)
