"""Bounds: intervals that no coordinate leaves, in SciPy's forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.problem import check
from batchgd.problem.box import Box
from batchgd.problem.errors import InputError, quoted
from batchgd.problem.samplings import Points, Starts

_FORMS = (
    "give bounds=[(lo, hi), ...] with None or infinity for a side without a bound, or scipy.optimize.Bounds(lb, ub)"
)


@dataclass(frozen=True, eq=False)
class Bounds:
    """The interval of each coordinate: ``lower[i] <= x[i] <= upper[i]``; ends may be infinite, or equal.

    >>> Bounds.parse([(0, None), (2, 2)])
    Bounds([(0.0, inf), (2.0, 2.0)])
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]

    def __post_init__(self) -> None:
        for axis, (lo, hi) in enumerate(zip(self.lower.tolist(), self.upper.tolist(), strict=True)):
            side = f"the bounds of coordinate {axis} are ({lo:g}, {hi:g})"
            if lo != lo or hi != hi:
                raise InputError(f"{side}: NaN is no bound; write None, or an infinity, for a side without one")
            if lo > hi:
                raise InputError(f"{side}, which is reversed: write ({hi:g}, {lo:g})")
            if lo == np.inf or hi == -np.inf:
                raise InputError(f"{side}, between which there is no number: write (-inf, inf) for a free coordinate")
        for ends in (self.lower, self.upper):
            ends.setflags(write=False)

    @classmethod
    def parse(cls, bounds: Any, dim: int | None = None) -> Bounds:
        """Make bounds from any of SciPy's forms; one number or pair is for every coordinate if ``dim`` is given.

        Parameters
        ----------
        bounds : sequence of (lo, hi), (d, 2) array, or scipy.optimize.Bounds
            None and infinities stand for sides without a bound.
        dim : int, optional
            The number of coordinates.

        Raises
        ------
        InputError
            If they cannot be read, are reversed or NaN, or are not as many as there are coordinates.

        >>> from types import SimpleNamespace
        >>> Bounds.parse(SimpleNamespace(lb=0.0, ub=[1.0, np.inf]), dim=2)
        Bounds([(0.0, 1.0), (0.0, inf)])
        """
        if isinstance(bounds, cls):
            lower, upper = bounds.lower, bounds.upper
        elif hasattr(bounds, "lb") and hasattr(bounds, "ub"):
            lower, upper = (np.atleast_1d(_numbers(side)) for side in (bounds.lb, bounds.ub))
            if lower.ndim > 1 or upper.ndim > 1 or len({len(lower), len(upper)} - {1}) > 1:
                raise InputError(
                    f"bounds has lb of shape {lower.shape} and ub of shape {upper.shape}: give one number of each per "
                    "coordinate"
                )
            lower, upper = np.broadcast_arrays(lower, upper)
        else:
            lower, upper = _pairs(bounds)
        if dim is not None and len(lower) == 1:
            lower, upper = np.repeat(lower, dim), np.repeat(upper, dim)
        if dim is not None and len(lower) != dim:
            raise InputError(
                f"bounds are given for {len(lower)} coordinates, and there are {dim}: give one pair for each"
            )
        return cls(np.array(lower), np.array(upper))

    @property
    def dim(self) -> int:
        """The number of coordinates."""
        return len(self.lower)

    @property
    def fixed(self) -> NDArray[np.bool_]:
        """Which coordinates have equal ends."""
        return self.lower == self.upper

    def box(self, otherwise: Box | None = None) -> Box:
        """Return the box in which starts are drawn: the bounds, and sides of another box where they are infinite.

        A fixed coordinate gets a side as wide as the others are on average, because steps are measured by it.

        Raises
        ------
        InputError
            If a coordinate has an infinite bound and there is no other box.
        """
        if otherwise is not None and otherwise.dim != self.dim:
            raise InputError(
                f"bounds are given for {self.dim} coordinates, and there are {otherwise.dim}: give one pair for each"
            )
        lower, upper, fixed = self.lower.copy(), self.upper.copy(), self.fixed
        if otherwise is None:
            infinite = ~(np.isfinite(lower) & np.isfinite(upper))
            if infinite.any():
                axis = int(np.argmax(infinite))
                raise InputError(
                    f"the bounds of coordinate {axis} are ({lower[axis]:g}, {upper[axis]:g}), where starts cannot be "
                    "drawn: give box=[(lo, hi), ...] as well"
                )
        else:
            below, above = np.isfinite(lower), np.isfinite(upper)
            lower, upper = np.where(below, lower, otherwise.lower), np.where(above, upper, otherwise.upper)
            apart = (lower >= upper) & ~fixed  # the other box is beyond the only bound
            upper = np.where(apart & below, lower + otherwise.width, upper)
            lower = np.where(apart & ~below, upper - otherwise.width, lower)
        if fixed.any():
            widths = (upper - lower)[~fixed]
            half = 0.5 * np.exp(np.log(widths).mean()) if len(widths) else 0.5
            middle = self.lower[fixed]
            half = np.maximum(half, 1e-6 * np.abs(middle))
            lower[fixed], upper[fixed] = middle - half, middle + half
        return Box(lower, upper)

    def check_box(self, box: Box) -> None:
        """Refuse a box that reaches beyond the bounds; the side of a fixed coordinate only measures steps."""
        beyond = ((box.lower < self.lower) | (box.upper > self.upper)) & ~self.fixed
        if beyond.any():
            axis = int(np.argmax(beyond))
            raise InputError(
                f"the box ({box.lower[axis]:g}, {box.upper[axis]:g}) of coordinate {axis} reaches beyond its bounds "
                f"({self.lower[axis]:g}, {self.upper[axis]:g}): give a box within the bounds, or leave box out"
            )

    def check_points(self, points: NDArray[Any]) -> None:
        """Refuse given starts that are outside."""
        outside = (points < self.lower) | (points > self.upper)
        if outside.any():
            row, axis = (int(k[0]) for k in np.nonzero(outside))
            raise InputError(
                f"coordinate {axis} of start {row} is {points[row, axis]:g}, outside its bounds "
                f"({self.lower[axis]:g}, {self.upper[axis]:g}): give starts within the bounds, "
                "as in np.clip(x0, lower, upper)"
            )

    def in_dtype(self, dtype: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return lower and upper ends in a precision, rounded inwards, if there is a number between them."""
        kind = np.dtype(dtype).type
        with np.errstate(over="ignore"):
            lower, upper = self.lower.astype(dtype), self.upper.astype(dtype)
        inner_lower = np.where(lower < self.lower, np.nextafter(lower, kind(np.inf)), lower)
        inner_upper = np.where(upper > self.upper, np.nextafter(upper, kind(-np.inf)), upper)
        none = inner_lower > inner_upper
        return np.where(none, lower, inner_lower), np.where(none, lower, inner_upper)

    def clip(self, points: NDArray[Any]) -> NDArray[Any]:
        """Return points, each coordinate moved to the nearest end of its interval if it is outside."""
        return np.clip(points, *self.in_dtype(points.dtype.name))

    def __repr__(self) -> str:
        return f"Bounds({list(zip(self.lower.tolist(), self.upper.tolist(), strict=True))})"


class StartsWithin(Starts):
    """Starts moved into the bounds: drawing rounds, and a normal distribution has no ends."""

    def __init__(self, whole: Starts, bounds: Bounds) -> None:
        super().__init__(whole.n, whole.dim)
        self._whole, self._bounds = whole, bounds
        self.name, self.number, self.independent = whole.name, whole.number, whole.independent  # type: ignore[misc]
        self.interval_note, self.open_ended = whole.interval_note, whole.open_ended

    def settings(self) -> dict[str, Any]:
        """What decides the starts before they are moved."""
        return self._whole.settings()

    def points(self, first: int, stop: int) -> Points:
        """Return starts first..stop-1."""
        return self._bounds.clip(self._whole.points(first, stop))

    def rows(self, first: int, stop: int) -> NDArray[Any]:
        """Return the same in their stored precision."""
        return self._bounds.clip(self._whole.rows(first, stop))


def _numbers(values: Any) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        return check.reals("bounds contains", values, _FORMS).astype(np.float64)


def _pairs(bounds: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Split pairs into their lower and upper ends."""
    if isinstance(bounds, str | bytes | dict | set | frozenset) or not check.is_array(bounds):
        raise InputError(f"bounds is {quoted(bounds)}: {_FORMS}")
    if hasattr(bounds, "__array__"):
        pairs = _numbers(bounds)
    else:
        pairs = _numbers([_ends(pair) for pair in _one_or_more(bounds)])
    if pairs.shape == (2,):
        pairs = pairs[None, :]
    if pairs.ndim != 2 or pairs.shape[1] != 2 or len(pairs) == 0:
        raise InputError(f"bounds has shape {pairs.shape}, not (d, 2): {_FORMS}")
    return pairs[:, 0], pairs[:, 1]


def _one_or_more(bounds: Any) -> list[Any]:
    """Return pairs as a list, also if there is only one, which is no list of pairs."""
    try:
        listed = list(bounds)
    except TypeError:
        raise InputError(f"bounds is {quoted(bounds)}: {_FORMS}") from None
    single = len(listed) == 2 and all(each is None or np.ndim(each) == 0 for each in listed)
    return [listed] if single else listed


def _ends(pair: Any) -> Any:
    """Return a pair with infinities in place of None."""
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        return pair
    return [default if end is None else end for end, default in zip(pair, (-np.inf, np.inf), strict=True)]
