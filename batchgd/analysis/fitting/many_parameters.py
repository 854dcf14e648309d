"""The parameters of many fits of one model: limits, values and starts that may differ from data set to data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.analysis.fitting.parameters import AROUND, Parameter, ParameterSet
from batchgd.problem.box import Box
from batchgd.problem.errors import InputError
from batchgd.problem.samplings import uniform_in_box

Floats = NDArray[np.float64]
Given = dict[Any, Parameter]


def split(parameters: Any, count: int) -> tuple[Any, Given]:
    """Return parameters with one number in place of each array, and those that have arrays, by name or place.

    The limits in place of arrays contain all of them.

    >>> one, several = split({"a": ([0.0, 1.0], 5.0), "k": (0, 3)}, 2)
    >>> one["a"].min, one["a"].max, one["k"], several["a"].min
    (0.0, 5.0, (0, 3), array([0., 1.]))
    """
    named = isinstance(parameters, Mapping)
    if not named and not isinstance(parameters, Sequence):
        return parameters, {}
    items = list(parameters.items() if named else enumerate(parameters))
    found = {key: _with_arrays(key, each, count) for key, each in items}
    several = {key: each for key, each in found.items() if each is not None}
    one = {key: each if found[key] is None else _hull(several[key]) for key, each in items}
    return (one if named else [*one.values()]), several


def _with_arrays(key: Any, given: Any, count: int) -> Parameter | None:
    """Return a parameter that has an array, checked; None for any other."""
    if isinstance(given, tuple | list) and len(given) == 2 and any(np.ndim(end) for end in given):
        given = Parameter(min=given[0], max=given[1])
    if not isinstance(given, Parameter):
        return None
    ends = {name: getattr(given, name) for name in ("value", "min", "max")}
    arrays = {name: each for name, each in ends.items() if isinstance(each, np.ndarray)}
    subject = f"parameter {key!r}"
    for name, each in arrays.items():
        if each.shape != (count,):
            what = "values" if name == "value" else f"{name} limits"
            raise InputError(f"{subject} has {len(each)} {what}, but there are {count} data sets: give one for each")
    if not arrays:
        return None
    sides = (given.min, given.max, np.nan if given.value is None else given.value)
    low, high, value = (np.broadcast_to(side, (count,)) for side in sides)
    for wrong, what in ((low > high, "reversed"), (low == high, "equal")):
        if given.vary and wrong.any():
            k = int(np.argmax(wrong))
            raise InputError(f"{subject} has the limits ({low[k]:g}, {high[k]:g}) in data set {k}, which are {what}")
    outside = (value < low) | (value > high)
    if given.vary and outside.any():
        k = int(np.argmax(outside))
        raise InputError(
            f"{subject} has the value {value[k]:g} outside its limits ({low[k]:g}, {high[k]:g}) in data set {k}"
        )
    return given


def _hull(given: Parameter) -> Parameter:
    """Return a parameter with one number in place of each array."""
    value = None if given.value is None else float(np.median(given.value))
    return replace(given, value=value, min=float(np.min(given.min)), max=float(np.max(given.max)))


class ManyParameters:
    """What is known of the parameters of N data sets: as in a ParameterSet, with rows where data sets differ.

    ``bounds``, ``limits`` and ``region`` have the shape (free, 2), or (N, free, 2) if some parameter has arrays.
    """

    def __init__(self, one: ParameterSet, several: Given, count: int):
        self.one, self.count, self.free = one, count, one.free
        named = {one.names[key] if isinstance(key, int) else key: each for key, each in several.items()}
        self.fixed: dict[str, Any] = {name: each.value for name, each in named.items() if not each.vary}
        self.guesses = self._guesses(named)
        self.limits, self.region = one.limits, one.region
        differing = {name: each for name, each in named.items() if name in self.free}
        if differing:
            self.limits, self.region = (np.tile(each, (count, 1, 1)) for each in (one.limits, one.region))
            for name, each in differing.items():
                k = self.free.index(name)
                self.limits[:, k, 0], self.limits[:, k, 1] = each.min, each.max
                self.region[:, k] = self._region(each, self.limits[:, k], one.region[k])
        self.bounds = one.within(self.limits)

    def _guesses(self, named: Given) -> Floats | None:
        """The given values of the free parameters, (N, free), NaN for those without; None if there are none."""
        given = [named.get(name, self.one.given[name]).value for name in self.free]
        if all(value is None for value in given):
            return None
        columns = [np.broadcast_to(np.nan if value is None else value, (self.count,)) for value in given]
        return np.stack(columns, axis=1).astype(np.float64)

    @staticmethod
    def _region(given: Parameter, limits: Floats, one: Floats) -> Floats:
        """Where starts of a parameter are drawn, as in ``Parameter.region``."""
        if given.box is not None or given.value is None:
            return np.where(np.isfinite(limits), limits, one) if given.box is None else one
        far, value = AROUND * np.abs(given.value), given.value
        around = (value / AROUND, far) if given.scale == "log" else (value - far, value + far)
        return np.where(np.isfinite(limits), limits, np.stack(np.broadcast_arrays(*around), axis=-1))

    def rows(self, array: Floats, rows: Any) -> Floats:
        """Return the part of limits, bounds or region that belongs to some data sets."""
        return array[rows] if array.ndim == 3 else array

    @property
    def box(self) -> Floats:
        """The region of all starts in the coordinates u, (free, 2)."""
        region = np.moveaxis(self.region, -1, 0).reshape(2, -1, len(self.free))
        low, high = self.one.inward(np.stack([region[0].min(axis=0), region[1].max(axis=0)]))
        ends = np.moveaxis(self.bounds, -1, 0).reshape(2, -1, len(self.free))
        return np.stack([np.maximum(low, ends[0].min(axis=0)), np.minimum(high, ends[1].max(axis=0))], axis=-1)

    def starts(self, first: int, stop: int, drawn: int, seed: int) -> Floats:
        """Return the starts of some data sets, (sets, starts, free), in u: the given values first, if there are any.

        Start s of a data set is the same function of the seed and of both numbers, whatever is fitted besides.
        """
        rows, p = slice(first, stop), len(self.free)
        low, high = np.moveaxis(self.rows(self.bounds, rows), -1, 0)
        region = np.clip(self.one.inward(np.moveaxis(self.rows(self.region, rows), -1, 0)), low, high)
        begin, width = (each.reshape(-1, 1, p) for each in (region[0], region[1] - region[0]))
        number = np.arange(first * drawn, stop * drawn, dtype=np.uint64)
        unit = uniform_in_box(seed, number, Box(np.zeros(p), np.ones(p)), "float64")
        points = begin + width * unit.reshape(stop - first, drawn, p)
        if self.guesses is not None:
            known = self.one.inward(self.guesses[rows])
            centre = np.broadcast_to(region.mean(axis=0), known.shape)
            points = np.concatenate([np.where(np.isnan(known), centre, known)[:, None], points], axis=1)
        return np.clip(points, low.reshape(-1, 1, p), high.reshape(-1, 1, p))

    def at_limit(self, u: Floats, rows: Any) -> NDArray[np.int8]:
        """Return -1, 1 or 0 for each coordinate: at its lower bound, at its upper one, or at neither."""
        return self.one.at_limit(u, self.rows(self.bounds, rows))

    def outward(self, u: Floats, rows: Any) -> Floats:
        """Return the values of the free parameters at coordinates u; at a bound that is the limit itself."""
        return self.one.outward(u, self.rows(self.bounds, rows), self.rows(self.limits, rows))
