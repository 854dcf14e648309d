"""The box: the region in which starts are drawn. Trajectories may leave it; it is not a constraint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.problem import check
from batchgd.problem.errors import InputError, quoted
from batchgd.problem.keywords import Explained

_FORMS = "give box=[(lo, hi), ...] with one pair per dimension, or one pair (lo, hi) together with dim"
MOST_DIMENSIONS = 100_000
"""A trace and the code made from it take about 70 KB per coordinate: 7 GB at this limit, and more than a minute."""

_NARROWEST = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, eq=False)
class Box(Explained):
    """A box in d dimensions: ``lower[i] <= x[i] <= upper[i]``, where starts are drawn.

    Parameters
    ----------
    lower, upper : (d,) array_like
        The two ends of each side, finite, ``lower < upper`` on every axis. A single number makes a 1-D box.

    Raises
    ------
    InputError
        If a side is reversed, has no width, or is not a finite real number; the message names the axis.

    Examples
    --------
    >>> box = Box([-1, 0], [1, 4])
    >>> box.dim, box.volume, box.contains([0.5, 4.0])
    (2, 8.0, True)
    >>> box
    Box([(-1.0, 1.0), (0.0, 4.0)])
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]

    def __post_init__(self) -> None:
        lower, upper = (
            _numbers("the lower end of the box contains", self.lower),
            _numbers("the upper end of the box contains", self.upper),
        )
        if lower.ndim > 1 or upper.ndim > 1:
            raise InputError(
                "the box has lower or upper ends that are not lists of numbers: give one number per dimension"
            )
        lower, upper = np.atleast_1d(lower), np.atleast_1d(upper)
        if len(lower) != len(upper) or len(lower) == 0:
            raise InputError(
                f"the box has {len(lower)} lower and {len(upper)} upper ends: give one (lo, hi) pair per dimension"
            )
        _check_sides(lower, upper)
        for name, value in (("lower", lower), ("upper", upper)):
            value.setflags(write=False)
            object.__setattr__(self, name, value)

    @classmethod
    def parse(cls, box: Any, dim: int | None = None) -> Box:
        """Make a box from any of the forms that users write.

        Parameters
        ----------
        box : Box, sequence of (lo, hi) pairs, (d, 2) array, or one (lo, hi) pair
            A single pair is used on every axis when ``dim`` is given, and is a box in one dimension otherwise.
        dim : int, optional
            The number of dimensions; must agree with the box.

        Raises
        ------
        InputError
            If the box cannot be used, or contradicts ``dim``; one line with the cause and the remedy.

        Examples
        --------
        >>> Box.parse((-5, 5), dim=2)
        Box([(-5.0, 5.0), (-5.0, 5.0)])
        >>> Box.parse([(0, 1), (2, 3)]).center
        array([0.5, 2.5])
        """
        wanted = None if dim is None else check_dimension(dim)
        if isinstance(box, cls):
            lower, upper = box.lower, box.upper
        else:
            lower, upper = _ends(box)
        if wanted is not None and len(lower) != wanted:
            if len(lower) != 1 or isinstance(box, cls):
                raise InputError(f"the box has {len(lower)} dimensions but dim is {wanted}: leave out dim, or {_FORMS}")
            lower, upper = np.repeat(lower, wanted), np.repeat(upper, wanted)
        return cls(lower, upper)

    @property
    def dim(self) -> int:
        """The number of dimensions."""
        return len(self.lower)

    @property
    def width(self) -> NDArray[np.float64]:
        """The length of each side, ``upper - lower``."""
        return self.upper - self.lower

    @property
    def center(self) -> NDArray[np.float64]:
        """The middle of the box."""
        return self.lower + 0.5 * self.width

    @property
    def volume(self) -> float:
        """The product of the sides (``inf`` or 0 if it is outside the range of float64)."""
        with np.errstate(over="ignore", under="ignore"):
            return float(np.prod(self.width))

    def contains(self, x: Any) -> Any:
        """Return which points are in the box or on its faces: ``(n, d)`` gives ``(n,)`` booleans, ``(d,)`` a bool."""
        points = check.reals("x contains", x, f"give points of shape (n, {self.dim})")
        if points.ndim == 0 or points.shape[-1] != self.dim:
            raise InputError(
                f"points of shape {points.shape} do not fit a box in {self.dim} dimensions: pass (n, {self.dim})"
            )
        inside = np.all((points >= self.lower) & (points <= self.upper), axis=-1)
        return bool(inside) if points.ndim == 1 else inside

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Box):
            return NotImplemented
        return np.array_equal(self.lower, other.lower) and np.array_equal(self.upper, other.upper)

    def __hash__(self) -> int:
        # Adding zero makes -0.0 and 0.0, which are equal, hash alike.
        return hash(((self.lower + 0.0).tobytes(), (self.upper + 0.0).tobytes()))

    def __repr__(self) -> str:
        return f"Box({list(zip(self.lower.tolist(), self.upper.tolist(), strict=True))})"


def check_dimension(dim: Any) -> int:
    """Return ``dim`` as a positive int, or raise InputError."""
    return check.whole("dim", dim, 1, MOST_DIMENSIONS, of="coordinates")


def _numbers(subject: str, values: Any) -> NDArray[np.float64]:
    """Return a float64 copy of ``values``, or raise InputError if they are not numbers."""
    with np.errstate(over="ignore"):  # wider types may overflow: the end is then infinite
        return check.reals(subject, values, _FORMS).astype(np.float64)


def _ends(box: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Split any accepted form but a Box into its lower and upper ends."""
    if box is None:
        raise InputError(f"the box is missing: {_FORMS}")
    if hasattr(box, "lb") and hasattr(box, "ub"):
        raise InputError(
            f"the box is a {type(box).__name__}, which constrains x, but a box does not: give it as bounds=, or "
            "box=list(zip(bounds.lb, bounds.ub)) to draw starts there"
        )
    if isinstance(box, (str, bytes, dict, set, frozenset)):
        raise InputError(f"the box is {quoted(box)}, which is not a list of numbers: {_FORMS}")
    listed = hasattr(box, "__iter__") and not hasattr(box, "__array__")
    pairs = _numbers("the box contains", list(box) if listed else box)
    _refuse_two_lists(box, pairs)
    if pairs.shape == (2,):
        pairs = pairs[None, :]
    if pairs.ndim != 2 or pairs.shape[1] != 2 or len(pairs) == 0:
        raise InputError(f"the box has shape {pairs.shape}, not (d, 2): {_FORMS}")
    return pairs[:, 0], pairs[:, 1]


def _refuse_two_lists(box: Any, rows: NDArray[np.float64]) -> None:
    """Refuse lower and upper ends in two lists, ``scipy.optimize.least_squares``' form, unless only pairs make sense.

    ``([0, 5], [10, 20])`` could be either; a list or array of two pairs, or a tuple of tuples, is read as pairs, unless
    neither pair has a width.
    """
    lists = isinstance(box, tuple) and len(box) == 2 and all(isinstance(row, list | np.ndarray) for row in box)
    if rows.ndim != 2 or len(rows) != 2 or not (rows[0] < rows[1]).all():
        return
    flat = rows.shape[1] == 2 and (rows[:, 0] == rows[:, 1]).all()
    if not (lists or rows.shape[1] > 2 or flat):
        return
    by_ends = [*zip(*rows.tolist(), strict=True)]
    if rows.shape[1] != 2 or not (rows[:, 0] < rows[:, 1]).all():
        shown = str(by_ends) if len(by_ends) <= 6 else "list(zip(lower, upper))"
        raise InputError(f"the box is two lists of ends, lower and upper: write one pair per dimension, box={shown}")
    raise InputError(
        f"the box {quoted(box)} can be read in two ways: write box={by_ends} for these lower and upper ends, or "
        f"box={[tuple(row) for row in rows.tolist()]} for these two pairs"
    )


def _check_sides(lower: NDArray[np.float64], upper: NDArray[np.float64]) -> None:
    """Raise for the first axis whose side is not a finite interval."""
    for axis, (lo, hi) in enumerate(zip(lower.tolist(), upper.tolist(), strict=True)):
        side = f"the box on axis {axis} is ({lo:g}, {hi:g})"
        if np.isnan(lo) or np.isnan(hi):
            raise InputError(f"{side}: NaN is not the end of an interval; give two finite numbers lo < hi")
        if np.isinf(lo) or np.isinf(hi):
            raise InputError(f"{side}: starts cannot be drawn in an infinite box; give two finite numbers lo < hi")
        if lo > hi:
            raise InputError(f"{side}, which is reversed: write ({hi:g}, {lo:g})")
        if lo == hi:
            raise InputError(f"{side}, which has no width: give lo < hi, or leave this variable out of the function")
        if hi - lo == np.inf:
            raise InputError(f"{side}, which is wider than float64 can hold: give a narrower box")
        if hi - lo < _NARROWEST:
            raise InputError(f"{side}, which is narrower than float64 can divide by: rescale the variable")
