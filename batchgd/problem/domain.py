"""Domains: what each coordinate ranges over, as box, bounds, period and scale together.

A positive coordinate is descended in as its logarithm, u = ln x: the box is one of logarithms, so starts are drawn
uniformly in them, and steps, tolerances and distances between minima are measured there. The derivative is
∂f/∂u = x ∂f/∂x. An angle has no change of coordinates: its period is the width of the box, endpoints are moved into
the box by whole periods, and points that differ by some are one (``symmetry.periods``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.problem.bounds import Bounds
from batchgd.problem.box import Box
from batchgd.problem.errors import InputError, did_you_mean, quoted
from batchgd.problem.symmetry import Symmetry
from batchgd.problem.symmetry.parts import periods

Floats = NDArray[np.float64]

FREE, BOUNDED, PERIODIC, POSITIVE = KINDS = ("free", "bounded", "periodic", "positive")

SMALLEST, LARGEST = float(np.finfo(np.float64).tiny), float(np.finfo(np.float64).max)

_FORMS = "give 'free', 'positive', 'periodic' or a pair (lo, hi) for each coordinate, or one of them for all"


class LogScale:
    """Coordinates u of x: ln x where ``mask`` is true, x itself elsewhere.

    >>> scale = LogScale(np.array([True, False]))
    >>> scale.inward(np.array([1.0, 2.0])).tolist()
    [0.0, 2.0]
    >>> ends, limits = (np.array([-1.0, -9.0]), np.array([1.0, 9.0])), (np.array([0.3, -9.0]), np.array([3.0, 9.0]))
    >>> scale.outward(np.array([[0.0, 2.0], [1.0, 9.0]]), ends, limits).tolist()
    [[1.0, 2.0], [3.0, 9.0]]
    """

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        self.mask = mask

    def inward(self, x: Floats) -> Floats:
        """Return the coordinates u of points x, (..., d); -inf of what is 0 or less."""
        with np.errstate(divide="ignore"):
            return np.where(self.mask, np.log(np.where(self.mask, np.maximum(x, 0.0), 1.0)), x)

    def outward(self, u: Floats, ends: tuple[Floats, Floats], limits: tuple[Floats, Floats]) -> Floats:
        """Return the points x at coordinates u, (..., d); one that is at an end of u is at the limit of x itself."""
        with np.errstate(over="ignore"):
            x = np.where(self.mask, np.exp(np.where(self.mask, u, 0.0)), u)
        return np.where(u <= ends[0], limits[0], np.where(u >= ends[1], limits[1], x))

    def ends(self, lower: Floats, upper: Floats, dtype: str = "float64") -> tuple[Floats, Floats]:
        """Return the ends of u for limits of x, those of logarithms moved inside by what exp may round to."""
        rounding = 4.0 * float(np.finfo(dtype).eps)
        low, high = (self.inward(np.asarray(limit, np.float64)) for limit in (lower, upper))
        inside = [np.where(self.mask & np.isfinite(u), rounding * np.maximum(1.0, np.abs(u)), 0.0) for u in (low, high)]
        apart = low + inside[0] <= high - inside[1]  # equal limits stay equal
        return np.where(apart, low + inside[0], low), np.where(apart, high - inside[1], low)


@dataclass(frozen=True, eq=False)
class Domain:
    """What each coordinate ranges over: one of ``KINDS``, and for angles the beginning and the length of the period.

    ``kinds`` has a word per coordinate; ``begin`` and ``period``, (d,), are those of the box, the latter infinite for
    coordinates without a period.
    """

    kinds: tuple[str, ...]
    begin: Floats
    period: Floats

    @classmethod
    def of(cls, kinds: Sequence[str], box: Box) -> Domain:
        """Return the domain of these kinds in a box; raise InputError if they do not fit it."""
        if len(kinds) != box.dim or not {*kinds} <= {*KINDS}:
            raise InputError(f"domain is {quoted([*kinds])}, not one of {', '.join(KINDS)} for each coordinate")
        wrong = (box.lower <= 0.0) & positive(kinds)
        if wrong.any():
            axis = int(np.argmax(wrong))
            low, high = box.lower[axis], box.upper[axis]
            raise InputError(
                f"coordinate {axis} is positive, and its logarithm is drawn, but its box is ({low:g}, {high:g}): give "
                f"a box with a positive lower end, such as (1e-3, {high:g})"
            )
        return cls(tuple(kinds), box.lower, np.where(angles(kinds), box.width, np.inf))

    @property
    def scale(self) -> LogScale | None:
        """The logarithms in which positive coordinates are descended in; None if there are no such coordinates."""
        return LogScale(positive(self.kinds)) if POSITIVE in self.kinds else None

    @property
    def inside(self) -> Domain:
        """The domain in the coordinates of the descent: logarithms are bounded."""
        kinds = tuple(BOUNDED if kind == POSITIVE else kind for kind in self.kinds)
        return Domain(kinds, self.begin, self.period)

    @property
    def angles(self) -> NDArray[np.int64]:
        """The numbers of the periodic coordinates."""
        return np.flatnonzero(np.isfinite(self.period))

    @property
    def symmetry(self) -> Symmetry | None:
        """The shifts by whole periods; None if nothing is periodic."""
        which = self.angles
        return periods(self.period[which], which) if len(which) else None

    def wrap(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return points with their angles moved into the box by whole periods; the others are not changed.

        >>> Domain(("periodic",), np.array([0.0]), np.array([1.0])).wrap(np.array([[2.75], [0.5], [-0.25]])).tolist()
        [[0.75], [0.5], [0.75]]
        """
        which = self.angles
        if not len(which):
            return x
        out, begin, period = x.copy(), self.begin[which], self.period[which]
        with np.errstate(invalid="ignore"):
            turns = np.floor((x[..., which] - begin) / period)
        out[..., which] = np.where(turns == 0.0, x[..., which], x[..., which] - turns * period)
        return out

    def __repr__(self) -> str:
        return f"Domain({list(self.kinds)})"


def positive(kinds: Sequence[str]) -> NDArray[np.bool_]:
    """Which coordinates are positive."""
    return np.array([kind == POSITIVE for kind in kinds])


def angles(kinds: Sequence[str]) -> NDArray[np.bool_]:
    """Which coordinates are periodic."""
    return np.array([kind == PERIODIC for kind in kinds])


def parse_domain(domain: Any, dim: int | None) -> tuple[tuple[str, ...], Floats]:
    """Return the kind of each coordinate and its interval, (d, 2), infinite for those that bring none.

    Raises
    ------
    InputError
        If it cannot be read, or is for another number of coordinates.

    >>> kinds, pairs = parse_domain(["free", "positive", (0, 1)], 3)
    >>> kinds, pairs[2].tolist()
    (('free', 'positive', 'bounded'), [0.0, 1.0])
    """
    entries = entries_of(domain)
    if len(entries) == 1 and dim is not None:
        entries *= dim
    elif isinstance(domain, str):
        raise InputError(f"domain is {quoted(domain)}, and the number of coordinates is unknown: give dim or box")
    if not entries or (dim is not None and len(entries) != dim):
        raise InputError(f"domain is given for {len(entries)} coordinates, and there are {dim}: give one for each")
    read = [_kind_of(axis, entry) for axis, entry in enumerate(entries)]
    return tuple(kind for kind, _ in read), np.array([pair for _, pair in read])


def entries_of(domain: Any) -> list[Any]:
    """Return what is given for each coordinate, or for all of them.

    >>> entries_of((0, 1)), entries_of([(0, 1), "free"])
    ([(0, 1)], [(0, 1), 'free'])
    """
    if isinstance(domain, Domain):
        return list(domain.kinds)
    if not isinstance(domain, str | list | tuple) and not (isinstance(domain, np.ndarray) and domain.ndim):
        raise InputError(f"domain is {quoted(domain)}: {_FORMS}")
    pair = not isinstance(domain, str) and len(domain) == 2 and all(map(_is_end, domain))
    return [domain] if pair or isinstance(domain, str) else list(domain)


def settle(
    domain: Any, box: Any, bounds: Any, dim: int | None, *, otherwise: Box | None = None, starts: int | None = None
) -> tuple[Domain, Box, Bounds | None]:
    """Return a domain with the box and the bounds that it gives, together with those of the call.

    ``otherwise`` has the sides of the box for coordinates without any; ``starts`` is how many may have bounds each.

    Raises
    ------
    InputError
        If they contradict one another, or do not show where starts are drawn.
    """
    kinds, pairs = parse_domain(domain, dim)
    given = None if bounds is None else Bounds.parse(bounds, len(kinds), starts)
    whole = _bounds(kinds, pairs, given)
    region = _box(kinds, box, whole, otherwise)
    if whole is not None and POSITIVE in kinds:
        whole = Bounds(np.where(positive(kinds), np.maximum(whole.lower, SMALLEST), whole.lower), whole.upper)
    return Domain.of(kinds, region), region, whole


def check_positive(kinds: tuple[str, ...], points: NDArray[Any]) -> None:
    """Refuse starts that are not positive where they must be."""
    wrong = ~(points > 0.0) & positive(kinds)
    if wrong.any():
        row, axis = (int(k[0]) for k in np.nonzero(wrong))
        raise InputError(
            f"coordinate {axis} of start {row} is {points[row, axis]:g}, and its domain is positive: give a positive "
            "start"
        )


def _is_end(end: Any) -> bool:
    return end is None or isinstance(end, int | float | np.number)


def _kind_of(axis: int, entry: Any) -> tuple[str, tuple[float, float]]:
    """The kind of one coordinate, and its interval."""
    if entry is None:
        return FREE, (-np.inf, np.inf)
    if isinstance(entry, str):
        word = entry.strip().lower()
        if word not in KINDS:
            hint = did_you_mean(word, KINDS)
            raise InputError(f"the domain of coordinate {axis} is {quoted(entry)}: {hint}{_FORMS}")
        return word, (-np.inf, np.inf)
    try:
        pair = Bounds.parse([entry])
    except InputError:
        pair = None
    if pair is None or pair.dim != 1:
        raise InputError(f"the domain of coordinate {axis} is {quoted(entry)}: {_FORMS}")
    return BOUNDED, (float(pair.lower[0]), float(pair.upper[0]))


def _bounds(kinds: tuple[str, ...], pairs: Floats, given: Bounds | None) -> Bounds | None:
    """The intervals of the domain and those of the call; None if nothing is bounded."""
    lower, upper = pairs.T
    if given is not None:
        finite = (np.isfinite(given.lower) | np.isfinite(given.upper)).reshape(-1, len(kinds)).any(axis=0)
        twice, angle = finite & np.isfinite(pairs).any(axis=1), finite & angles(kinds)
        for wrong, what in ((twice, "has an interval in domain, and one"), (angle, "is periodic, and has an interval")):
            if wrong.any():
                raise InputError(f"coordinate {int(np.argmax(wrong))} {what} in bounds: omit one of the two")
        lower, upper = np.maximum(lower, given.lower), np.minimum(upper, given.upper)
    beyond = (upper <= 0.0) & positive(kinds)
    if beyond.any():
        axis = int(np.nonzero(beyond)[-1][0])
        raise InputError(
            f"coordinate {axis} is positive and has an upper bound of {np.min(upper[..., axis]):g}: give a positive one"
        )
    if not (np.isfinite(lower).any() or np.isfinite(upper).any() or POSITIVE in kinds):
        return None
    return Bounds(np.array(lower), np.array(upper))


def _box(kinds: tuple[str, ...], box: Any, bounds: Bounds | None, otherwise: Box | None) -> Box:
    """The box of the call, or its sides from bounds, periods and elsewhere."""
    if box is None:
        sides = np.full((len(kinds), 2), np.nan)
        if otherwise is not None:
            sides = np.stack([otherwise.lower, otherwise.upper], axis=1)
        for axis, kind in enumerate(kinds):
            if np.isnan(sides[axis, 0]) and kind == PERIODIC:
                sides[axis] = -math.pi, math.pi
            elif np.isnan(sides[axis, 0]) and bounds is not None:
                sides[axis] = bounds.hull.lower[axis], bounds.hull.upper[axis]
            if not np.isfinite(sides[axis]).all():
                raise InputError(
                    f"coordinate {axis} is {kind}, and the range of its starts is missing: give box=[(lo, hi), ...]; "
                    "in the shell, --box LO HI for each"
                )
        equal = sides[:, 0] == sides[:, 1]
        sides[equal] += [-0.5, 0.5]  # bounds that fix a coordinate give it a side
        region = Box(*sides.T)
        region = region if bounds is None else bounds.box(region)
    else:
        region = Box.parse(box, len(kinds))
    return region
