"""The coordinates u of a descent: those of x, with logarithms in place of positive coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from batchgd.problem.bounds import Bounds
from batchgd.problem.box import Box
from batchgd.problem.domain import Domain, LogScale


@dataclass(frozen=True, eq=False)
class Coordinates:
    """What takes points from x to u and back: box and bounds in x, and a domain; u is x without positive coordinates.

    ``dtype`` is the coarsest in which points are computed.

    >>> domain = Domain(("positive",), np.array([1.0]), np.array([np.inf]))
    >>> at = Coordinates(Box([1.0], [np.e]), Bounds.parse([(1.0, None)]), domain)
    >>> at.inside_box, at.outward(at.inward(np.array([[2.0], [1.0]]))).tolist()
    (Box([(0.0, 1.0)]), [[2.0], [1.0]])
    """

    box: Box
    bounds: Bounds | None = None
    domain: Domain | None = None
    dtype: str = "float64"

    @property
    def scale(self) -> LogScale | None:
        """The logarithms; None if u is x."""
        return None if self.domain is None else self.domain.scale

    @property
    def inside_box(self) -> Box:
        """The box in u."""
        scale = self.scale
        return self.box if scale is None else Box(scale.inward(self.box.lower), scale.inward(self.box.upper))

    @property
    def inside_bounds(self) -> Bounds | None:
        """The bounds in u; those of logarithms are finite, so that exp neither overflows nor is 0."""
        scale = self.scale
        if scale is None:
            return self.bounds
        assert self.bounds is not None  # a positive coordinate has some
        kind = np.finfo(self.dtype)
        lower = np.where(scale.mask, np.maximum(self.bounds.lower, kind.tiny), self.bounds.lower)
        upper = np.where(scale.mask, np.minimum(self.bounds.upper, kind.max), self.bounds.upper)
        return Bounds(*scale.ends(lower, upper, self.dtype))

    def inward(self, x: Any) -> Any:
        """Return u at points x, (..., d)."""
        return x if self.scale is None else self.scale.inward(x).astype(x.dtype)

    def outward(self, u: Any, numbers: Any = None) -> Any:
        """Return x at points u, (..., d); those of bounds per start belong to the starts with these numbers."""
        scale, bounds, inside = self.scale, self.bounds, self.inside_bounds
        if scale is None or bounds is None or inside is None:
            return u
        if numbers is not None:
            bounds, inside = bounds.of(numbers), inside.of(numbers)
        name = u.dtype.name
        return scale.outward(u, inside.in_dtype(name), bounds.in_dtype(name)).astype(name)
