"""Other units of an objective: those of its coordinates and of its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.problem.bounds import Bounds
from batchgd.problem.box import Box

Sizes = float | NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Units:
    """What is measured: u -> factor (f(shift + scale u) - level).

    >>> units = Units(scale=2.0, shift=1.0, factor=10.0)
    >>> units.then(units).at(5.0), units.at(units.at(5.0))
    (23.0, 23.0)
    """

    scale: Sizes = 1.0
    shift: Sizes = 0.0
    factor: float = 1.0
    level: float = 0.0

    def at(self, u: Any) -> Any:
        """Return the point x in the function's own coordinates."""
        return self.scale * u + self.shift

    def value(self, f: Any) -> Any:
        """Return the value from one of the function."""
        return self.factor * (f - self.level)

    @property
    def slope(self) -> Sizes:
        """What a derivative by x is multiplied by."""
        return self.factor * self.scale

    def then(self, units: Units) -> Units:
        """Return the units that others make of these."""
        return Units(
            self.scale * units.scale,
            self.scale * units.shift + self.shift,
            units.factor * self.factor,
            self.level + units.level / self.factor,
        )

    def of_box(self, box: Box) -> Box:
        """Return a box in these coordinates.

        >>> Units(scale=np.array([4.0, 0.5])).of_box(Box([-4, 0], [4, 1]))
        Box([(-1.0, 1.0), (0.0, 2.0)])
        """
        return Box((box.lower - self.shift) / self.scale, (box.upper - self.shift) / self.scale)

    def of_bounds(self, bounds: Bounds) -> Bounds:
        """Return bounds in these coordinates; exact for a scale of powers of two without a shift."""
        return Bounds((bounds.lower - self.shift) / self.scale, (bounds.upper - self.shift) / self.scale)
