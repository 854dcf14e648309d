"""The scan of one parameter: the optima found at each of its values, which of them continue one another, the lowest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SAME = 1e-3
"""Optima at one value are one if their chi-squares differ by less than this, in variances or relative to the rise."""

EQUAL = 1e-9
"""Two values are one if they are closer than this, in standard errors."""

FOLLOWED = 4
"""How many optima of each value, the lowest, are starts at the values next to it."""


@dataclass
class Optimum:
    """An optimum with the parameter held at a value; ``rise`` is its chi-square above the best, over the variance."""

    number: int
    rise: float
    point: Floats


@dataclass(frozen=True)
class Start:
    """A start with the parameter held at a value: from an optimum next to it, or (-1) from elsewhere."""

    coordinate: int
    value: float
    origin: int
    point: Floats


class Scan:
    """The values of coordinate k, in order, and the optima at each of them.

    Optima continue one another if a fit from either at the value of the other ends there. Those that do are a branch:
    a basin of the model, followed along the parameter.
    """

    def __init__(self, k: int, low: float, high: float, step: float):
        self.k, self.low, self.high, self.step = k, low, high, step
        self.optima: dict[float, list[Optimum]] = {}
        self._fresh: set[float] = set()
        self._followed: set[tuple[int, float]] = set()
        self._arrows: dict[tuple[int, float], int] = {}
        self._value: dict[int, float] = {}
        self._count = 0

    @property
    def values(self) -> list[float]:
        """The values scanned so far, in order."""
        return sorted(self.optima)

    def add(self, values: Iterable[float]) -> None:
        """Add values within the limits that are not yet there."""
        for value in values:
            value = float(min(max(value, self.low), self.high))
            if np.isfinite(value) and not any(abs(value - other) <= EQUAL * self.step for other in self.optima):
                self.optima[value] = []
                self._fresh.add(value)

    def starts(self, elsewhere: Any) -> Iterator[Start]:
        """Yield the starts not yet made: at new values those of ``elsewhere()``, and optima at the values next to them.

        What is yielded counts as made.
        """
        values = self.values
        for value in sorted(self._fresh):
            for point in elsewhere():
                yield self._start(value, -1, point)
        self._fresh.clear()
        for before, after in pairwise(values):
            for here, there in ((before, after), (after, before)):
                for optimum in self.optima[here][:FOLLOWED]:
                    if (optimum.number, there) not in self._followed:
                        self._followed.add((optimum.number, there))
                        yield self._start(there, optimum.number, optimum.point)

    def _start(self, value: float, origin: int, point: Floats) -> Start:
        return Start(self.k, value, origin, point)

    def take(self, start: Start, rise: float, point: Floats) -> None:
        """Keep the optimum that a start led to."""
        if not np.isfinite(rise):
            return
        here = self.optima[start.value]
        for optimum in here:
            if abs(optimum.rise - rise) <= SAME * (1.0 + abs(min(rise, optimum.rise))):
                break
        else:
            optimum = Optimum(self._count, rise, point)
            self._value[self._count] = start.value
            self._count += 1
            here.append(optimum)
        if rise < optimum.rise:
            optimum.rise, optimum.point = rise, point
        here.sort(key=lambda each: each.rise)
        if start.origin >= 0:
            self._arrows[start.origin, start.value] = optimum.number

    def lowest(self) -> tuple[Floats, Floats]:
        """Return the values at which there is an optimum, and the lowest rise at each: the profile."""
        values = [value for value in self.values if self.optima[value]]
        return np.array(values), np.array([self.optima[value][0].rise for value in values])

    def branches(self, best: float) -> dict[int, int]:
        """Return the branch of each optimum: 0 for that of the best value, then those of the profile, then others."""
        parent = list(range(self._count))

        def root(number: int) -> int:
            while parent[number] != number:
                number = parent[number]
            return number

        for (origin, _), found in self._arrows.items():
            if self._arrows.get((found, self._value[origin])) == origin:
                parent[root(found)] = root(origin)
        lowest: dict[int, tuple[int, float]] = {}
        for value, here in self.optima.items():
            for k, optimum in enumerate(here):
                order = (0 if k == 0 and value == best else 1 if k == 0 else 2, optimum.rise)
                at = root(optimum.number)
                lowest[at] = min(lowest.get(at, order), order)
        rank = {at: k for k, at in enumerate(sorted(lowest, key=lowest.__getitem__))}
        return {number: rank[root(number)] for number in range(self._count)}

    def everything(self) -> Iterator[Optimum]:
        """Yield all optima."""
        for here in self.optima.values():
            yield from here
