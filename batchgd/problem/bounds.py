"""Bounds: intervals that no coordinate leaves, in SciPy's forms, the same for all starts or one for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.problem import check
from batchgd.problem.box import Box
from batchgd.problem.errors import InputError, quoted
from batchgd.problem.samplings import Points, Starts, UniformStarts

_FORMS = (
    "give bounds=[(lo, hi), ...] with None or infinity for a side without a bound, or scipy.optimize.Bounds(lb, ub)"
)


@dataclass(frozen=True, eq=False)
class Bounds:
    """The interval of each coordinate: ``lower[i] <= x[i] <= upper[i]``; ends may be infinite, or equal.

    With one pair per start, both ends have a row for each start.

    >>> Bounds.parse([(0, None), (2, 2)])
    Bounds([(0.0, inf), (2.0, 2.0)])
    >>> Bounds.parse([[(0, 1), (2, 2)], [(0, 1), (3, 3)]], starts=2)
    Bounds(2 starts in [(0.0, 1.0), (2.0, 3.0)])
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]

    def __post_init__(self) -> None:
        lower, upper = self.lower, self.upper
        wrong = ~(lower <= upper) | (lower == np.inf) | (upper == -np.inf)
        if wrong.any():
            *row, axis = (int(k[0]) for k in np.nonzero(wrong))
            lo, hi = float(lower[(*row, axis)]), float(upper[(*row, axis)])
            of_start = f" of start {row[0]}" if row else ""
            side = f"the bounds of coordinate {axis}{of_start} are ({lo:g}, {hi:g})"
            if lo != lo or hi != hi:
                raise InputError(f"{side}: NaN is no bound; write None, or an infinity, for a side without one")
            if lo > hi:
                raise InputError(f"{side}, which is reversed: write ({hi:g}, {lo:g})")
            raise InputError(f"{side}, between which there is no number: write (-inf, inf) for a free coordinate")
        for ends in (lower, upper):
            ends.setflags(write=False)

    @classmethod
    def parse(cls, bounds: Any, dim: int | None = None, starts: int | None = None) -> Bounds:
        """Make bounds from any of SciPy's forms; one number or pair is for every coordinate if ``dim`` is given.

        Parameters
        ----------
        bounds : sequence of (lo, hi), (d, 2) array, or scipy.optimize.Bounds
            None and infinities stand for sides without a bound. For one pair per start an (n, d, 2) array, or ends of
            shape (n, d).
        dim : int, optional
            The number of coordinates.
        starts : int, optional
            The number of starts; without it, bounds per start are refused.

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
            lower, upper = _two_sides(bounds)
        else:
            lower, upper = _pairs(bounds)
        if lower.ndim == 2:
            _check_rows(len(lower), starts)
        if dim is not None and lower.shape[-1] == 1:
            lower, upper = (np.repeat(side, dim, axis=-1) for side in (lower, upper))
        if dim is not None and lower.shape[-1] != dim:
            raise InputError(
                f"bounds are given for {lower.shape[-1]} coordinates, and there are {dim}: give one pair for each"
            )
        return cls(np.array(lower), np.array(upper))

    @property
    def dim(self) -> int:
        """The number of coordinates."""
        return self.lower.shape[-1]

    @property
    def per_start(self) -> bool:
        """Whether each start has its own."""
        return self.lower.ndim == 2

    @property
    def hull(self) -> Bounds:
        """The narrowest intervals, the same for all starts, that contain those of every start."""
        return Bounds(self.lower.min(axis=0), self.upper.max(axis=0)) if self.per_start else self

    def of(self, starts: Any) -> Bounds:
        """Return the bounds of some starts, given as a slice or by their numbers."""
        return Bounds(self.lower[starts], self.upper[starts]) if self.per_start else self

    @property
    def fixed(self) -> NDArray[np.bool_]:
        """Which coordinates have equal ends."""
        return self.lower == self.upper

    def box(self, otherwise: Box | None = None) -> Box:
        """Return the box in which starts are drawn: the bounds, and sides of another box where they are infinite.

        A fixed coordinate gets a side as wide as the others are on average, because steps are measured by it. Of
        bounds per start it is the box around all of them.

        Raises
        ------
        InputError
            If a coordinate has an infinite bound and there is no other box.
        """
        if self.per_start:
            return self.hull.box(otherwise)
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
        """Refuse a box that reaches beyond the bounds.

        The side of a fixed coordinate only measures steps, as all sides do if bounds differ per start.
        """
        beyond = ((box.lower < self.lower) | (box.upper > self.upper)) & ~self.fixed
        if beyond.any() and not self.per_start:
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
            lower, upper = (np.broadcast_to(side, points.shape)[row, axis] for side in (self.lower, self.upper))
            raise InputError(
                f"coordinate {axis} of start {row} is {points[row, axis]:g}, outside its bounds "
                f"({lower:g}, {upper:g}): give starts within the bounds, as in np.clip(x0, lower, upper)"
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
        hull = self.hull
        rows = f"{len(self.lower)} starts in " if self.per_start else ""
        return f"Bounds({rows}{list(zip(hull.lower.tolist(), hull.upper.tolist(), strict=True))})"


def kept_within(bounds: Bounds | None, points: NDArray[Any]) -> NDArray[Any]:
    """Return points moved into the bounds, if there are any; the k-th into those of start k, modulo their number."""
    if bounds is None:
        return points
    return (bounds.of(np.arange(len(points)) % len(bounds.lower)) if bounds.per_start else bounds).clip(points)


def are_inside(starts: Starts, bounds: Bounds) -> bool:
    """Whether starts that a kernel draws are inside, whatever is drawn, in the precision in which it places them."""
    if not isinstance(starts, UniformStarts) or bounds.per_start:
        return False
    from batchgd.kernels.philox import place

    most = np.nextafter(np.ones((), starts.dtype), np.zeros((), starts.dtype))
    first, width = starts.box.lower.astype(starts.dtype), starts.box.width.astype(starts.dtype)
    lower, upper = bounds.in_dtype(starts.dtype)
    return bool((first >= lower).all() and (place(most, first, width) <= upper).all())


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
        return self._bounds.of(slice(first, stop)).clip(self._whole.points(first, stop))

    def rows(self, first: int, stop: int) -> NDArray[Any]:
        """Return the same in their stored precision."""
        return self._bounds.of(slice(first, stop)).clip(self._whole.rows(first, stop))


def _numbers(values: Any) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        return check.reals("bounds contains", values, _FORMS).astype(np.float64)


def _two_sides(bounds: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return lb and ub, each broadcast to the shape of the other."""
    lower, upper = (np.atleast_1d(_numbers(side)) for side in (bounds.lb, bounds.ub))
    try:
        lower, upper = np.broadcast_arrays(lower, upper)
    except ValueError:
        lower = upper[None, None]  # of no shape that bounds can have
    if lower.ndim > 2:
        raise InputError(
            f"bounds has lb of shape {np.shape(bounds.lb)} and ub of shape {np.shape(bounds.ub)}: give one number of "
            "each per coordinate, or one row of them per start"
        )
    return lower, upper


def _check_rows(rows: int, starts: int | None) -> None:
    """Refuse bounds per start where there are none, or of another number of starts."""
    if starts is None:
        raise InputError("bounds are given per start, which only bgd.descend takes: give one pair per coordinate")
    if rows != starts:
        raise InputError(f"bounds have {rows} rows for {starts} starts: give one row of pairs per start")


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
    if pairs.ndim not in (2, 3) or pairs.shape[-1] != 2 or pairs.size == 0:
        raise InputError(f"bounds has shape {pairs.shape}, not (d, 2), or (n, d, 2) for one pair per start: {_FORMS}")
    return pairs[..., 0], pairs[..., 1]


def _one_or_more(bounds: Any) -> list[Any]:
    """Return pairs as a list, also if there is only one, which is no list of pairs."""
    try:
        listed = list(bounds)
    except TypeError:
        raise InputError(f"bounds is {quoted(bounds)}: {_FORMS}") from None
    single = len(listed) == 2 and all(each is None or np.ndim(each) == 0 for each in listed)
    return [listed] if single else listed


def _ends(pair: Any) -> Any:
    """Return a pair, or pairs of one start, with infinities in place of None."""
    if isinstance(pair, list | tuple) and pair and all(isinstance(each, list | tuple) for each in pair):
        return [_ends_of_one(each) for each in pair]
    return _ends_of_one(pair)


def _ends_of_one(pair: Any) -> Any:
    """Return one pair with infinities in place of None; what is not a pair as it is."""
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        return pair
    return [default if end is None else end for end, default in zip(pair, (-np.inf, np.inf), strict=True)]
