"""Other units of an objective: those of its coordinates and of its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.problem.bounds import Bounds
from batchgd.problem.box import Box
from batchgd.problem.domain import LogScale

Sizes = float | NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Units:
    """What is measured: u -> factor (f(shift + scale u) - level), and f(exp(shift + scale u)) where ``log`` is true.

    >>> units = Units(scale=2.0, shift=1.0, factor=10.0)
    >>> units.then(units).at(5.0), units.at(units.at(5.0))
    (23.0, 23.0)
    >>> Units(log=np.array([True, False])).at(np.array([0.0, 3.0])).tolist()
    [1.0, 3.0]
    """

    scale: Sizes = 1.0
    shift: Sizes = 0.0
    factor: float = 1.0
    level: float = 0.0
    log: NDArray[np.bool_] | None = None

    def at(self, u: Any) -> Any:
        """Return the point x in the function's own coordinates; u may be traced."""
        x = self.scale * u + self.shift
        if self.log is None:
            return x
        return np.where(self.log, np.exp(np.where(self.log, x, 0.0)), x)

    def value(self, f: Any) -> Any:
        """Return the value from one of the function."""
        return self.factor * (f - self.level)

    @property
    def slope(self) -> Sizes:
        """What a derivative by x is multiplied by; where ``log`` is true, by x as well."""
        return self.factor * self.scale

    def slopes(self, u: Any, gradient: Any) -> Any:
        """Return derivatives by u from those by x, which may be traced."""
        if self.log is None:
            return self.slope * gradient
        return self.slope * np.where(self.log, self.at(u) * gradient, gradient)

    def then(self, units: Units) -> Units:
        """Return the units that others, which are linear, make of these."""
        assert units.log is None
        return Units(
            self.scale * units.scale,
            self.scale * units.shift + self.shift,
            units.factor * self.factor,
            self.level + units.level / self.factor,
            self.log,
        )

    def of_box(self, box: Box) -> Box:
        """Return a box in these coordinates.

        >>> Units(scale=np.array([4.0, 0.5])).of_box(Box([-4, 0], [4, 1]))
        Box([(-1.0, 1.0), (0.0, 2.0)])
        """
        lower, upper = (
            side if self.log is None else LogScale(self.log).inward(side) for side in (box.lower, box.upper)
        )
        return Box((lower - self.shift) / self.scale, (upper - self.shift) / self.scale)

    def of_own_box(self, box: Box | None) -> Box | None:
        """Return the box of an objective in these coordinates; None if it has none, or has none there."""
        if box is None or (self.log is not None and (self.log & (box.lower <= 0.0)).any()):
            return None
        return self.of_box(box)

    def of_bounds(self, bounds: Bounds) -> Bounds:
        """Return bounds in these coordinates, which are linear; exact for a scale of powers of two without a shift."""
        return Bounds((bounds.lower - self.shift) / self.scale, (bounds.upper - self.shift) / self.scale)
