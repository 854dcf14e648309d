"""A fit as arrays and plain fields next to those of its run, and back; a Python function is not among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from batchgd.analysis.fitting.calls import FormulaCall, MissingModel
from batchgd.analysis.fitting.data import Data, Variables
from batchgd.analysis.fitting.exchange import Exchange
from batchgd.analysis.fitting.model import Model
from batchgd.analysis.fitting.parameters import Parameter
from batchgd.analysis.fitting.sets import Joined
from batchgd.analysis.fitting.solutions import Outcome, Solution
from batchgd.compiler.losses import Loss
from batchgd.problem.errors import InputError

PREFIX = "fit."
"""What the names of its arrays begin with."""

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class FitRecord:
    """The fields of ``fit`` in ``result.json``."""

    name: str
    formula: bool
    names: list[str]
    given: dict[str, Parameter]
    shared: list[str] | None
    exchangeable: list[list[str]]
    swapped: list[list[str]] | None
    loss: str
    f_scale: float
    absolute_sigma: bool
    dropped: int
    columns: list[list[str]]
    guess: int | None


@dataclass(frozen=True)
class Parts:
    """What a fit is made of besides its run."""

    model: Model
    data: Data
    outcome: Outcome
    loss: Loss
    absolute_sigma: bool


def split(fit: Any) -> tuple[Arrays, dict[str, Any]]:
    """Return the arrays and the record of a fit."""
    model, data, outcome = fit.model, fit.data, fit.outcome
    call = model.call.call if isinstance(model.call, Joined) else model.call
    sets = data.x if model.several else [data.x]
    arrays = {"y": data.y, "residual": outcome.residual, "jac": outcome.jac}
    arrays |= {} if data.sigma is None else {"sigma": data.sigma}
    for i, each in enumerate(sets):
        columns = each.values() if isinstance(each, dict) else [each]
        arrays |= {f"x.{i}.{j}": column for j, column in enumerate(columns)}
    solutions = outcome.solutions
    for name in ("free", "at_limit", "chisqr", "cost", "count", "kind"):
        arrays[f"solutions.{name}"] = np.array([getattr(each, name) for each in solutions])
    exchange = outcome.exchange
    record = FitRecord(
        name=model.name,
        formula=isinstance(call, FormulaCall),
        names=model.names,
        given={name: Parameter.parse(name, each) for name, each in model.given.items()},
        shared=None if model.shared is None else _listed(model.shared),
        exchangeable=[_listed(group) for group in exchange.named(model.parameters)] if exchange.groups else [],
        swapped=None if outcome.swapped is None else [_listed(group) for group in outcome.swapped],
        loss=fit.loss.name,
        f_scale=fit.loss.f_scale,
        absolute_sigma=fit.absolute_sigma,
        dropped=data.dropped,
        columns=[list(each) if isinstance(each, dict) else [] for each in sets],
        guess=outcome.guess,
    )
    return {PREFIX + name: array for name, array in arrays.items()}, vars(record)


def join(record: FitRecord, arrays: Arrays, n: int, fun: Any = None) -> Parts:
    """Rebuild the parts of a fit of n starts, with its model if it is a formula or given; InputError for misfits."""
    given = _Arrays({name.removeprefix(PREFIX): array for name, array in arrays.items()})
    m = len(given.reals("y", (-1,)))
    data = Data(_variables(record, given, m), given.reals("y", (m,)), _sigma(given, m), record.dropped)
    several = record.shared is not None
    if several != isinstance(data.x, list) or record.dropped < 0:
        raise InputError("fit.columns does not fit fit.shared")
    model = _model(record, data, fun)
    p = len(model.parameters.free)
    exchange = Exchange.parse(record.exchangeable or None, model.parameters)
    solutions = _solutions(given, model, n)
    if record.guess is not None and not -1 <= record.guess < len(solutions):
        raise InputError(f"fit.guess is {record.guess}, of {len(solutions)} solutions")
    swapped = None if record.swapped is None else [_named(group) for group in record.swapped]
    residual, jac = given.reals("residual", (m,), finite=False), given.reals("jac", (m, p), finite=False)
    outcome = Outcome(solutions, record.guess, swapped, residual, jac, exchange)
    return Parts(model, data, outcome, Loss.parse(record.loss, record.f_scale), record.absolute_sigma)


def is_same_model(parts: Parts) -> bool:
    """Whether the model has the stored residuals at the best solution."""
    best = parts.outcome.solutions[0].free
    found = parts.model.residuals(parts.data, coordinates=False).jacobian(best)[0]
    size = np.abs(parts.data.y if parts.data.sigma is None else parts.data.y / parts.data.sigma).max()
    return bool(np.allclose(found, parts.outcome.residual, rtol=1e-9, atol=1e-9 * size, equal_nan=True))


def _listed(group: Any) -> list[str]:
    return [group] if isinstance(group, str) else list(group)


def _named(group: list[str]) -> Any:
    return group[0] if len(group) == 1 else tuple(group)


class _Arrays:
    """The arrays of a fit, which may come from anybody."""

    def __init__(self, arrays: Arrays):
        self.arrays = arrays

    def reals(self, name: str, shape: tuple[int, ...], *, finite: bool = True) -> np.ndarray:
        """Return real numbers of this shape, in which -1 is any size."""
        found = self.of_shape(name, "fiu", shape).astype(np.float64)
        if finite and not np.isfinite(found).all():
            raise InputError(f"fit.{name} contains numbers that are not finite")
        return found

    def of_shape(self, name: str, kinds: str, shape: tuple[int, ...]) -> np.ndarray:
        """Return an array whose type is of one of these kinds."""
        if name not in self.arrays:
            raise InputError(f"it lacks fit.{name}")
        found = self.arrays[name]
        fits = found.ndim == len(shape) and all(k in (-1, own) for k, own in zip(shape, found.shape, strict=True))
        if not fits or found.dtype.kind not in kinds or found.size == 0:
            raise InputError(f"fit.{name} has shape {found.shape} and type {found.dtype}, which do not fit the rest")
        return found


def _variables(record: FitRecord, given: _Arrays, m: int) -> Any:
    """Return x as the model takes it."""
    sets, total = [], 0
    for i, names in enumerate(record.columns):
        columns = []
        for j in range(max(1, len(names))):
            column = given.arrays.get(f"x.{i}.{j}")
            shape = (-1,) * (1 if column is None else column.ndim)
            columns.append(given.reals(f"x.{i}.{j}", shape))
        if len({column.shape[-1] for column in columns}) > 1:
            raise InputError(f"fit.x.{i} has columns of different lengths")
        total += columns[0].shape[-1]
        each: Variables = dict(zip(names, columns, strict=True)) if names else columns[0]
        sets.append(each)
    if total != m:
        raise InputError(f"fit.x has {total} points and fit.y has {m}")
    return sets if record.shared is not None else sets[0]


def _sigma(given: _Arrays, m: int) -> np.ndarray | None:
    if "sigma" not in given.arrays:
        return None
    found = given.reals("sigma", (m,))
    if not (found > 0.0).all():
        raise InputError("fit.sigma contains numbers that are not positive")
    return found


def _model(record: FitRecord, data: Data, fun: Any) -> Model:
    model = record.name if fun is None and record.formula else fun
    if model is None:
        missing = MissingModel(record.name)
        return Model(record.name, missing, record.names, dict(record.given), data.x, record.shared)
    return Model.parse(model, record.given, data.x, record.shared)


def _solutions(given: _Arrays, model: Model, n: int) -> list[Solution]:
    parameters = model.parameters
    free = given.reals("solutions.free", (-1, len(parameters.free)))
    s = len(free)
    at_limit = given.of_shape("solutions.at_limit", "i", free.shape)
    count, kind = given.of_shape("solutions.count", "i", (s,)), given.of_shape("solutions.kind", "U", (s,))
    if np.abs(at_limit).max() > 1 or count.min() < 0 or count.sum() > n:
        raise InputError("fit.solutions has counts or limits that cannot be")
    chisqr, cost = (given.reals(f"solutions.{name}", (s,), finite=False) for name in ("chisqr", "cost"))
    found = []
    for k in range(s):
        values = dict(zip(parameters.names, map(float, parameters.values(free[k])), strict=True))
        numbers = float(chisqr[k]), float(cost[k]), int(count[k]), int(count[k]) / n
        found.append(Solution(values, *numbers, str(kind[k]), free[k], at_limit[k].astype(np.int8)))
    return found
