"""Planes in d dimensions: an axis pair with the rest fixed, or the plane through three points; and grids of pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from batchgd.problem import check
from batchgd.problem.bounds import Bounds
from batchgd.problem.box import Box
from batchgd.problem.errors import InputError, quoted
from batchgd.problem.samplings import Starts

Floats = NDArray[np.float64]

_COLLINEAR = 1e-9  # distance of the third point from the line through the others, over its distance from the first
_MARGIN = 0.25  # around three points, of the wider of their two extents
_MOST_PIXELS = 2**30
_OUTSIDE = 1e-9  # box widths: a point less far outside the bounds is there by rounding
_ROWS = 64  # of pixels looked at together


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane in d dimensions: x = origin + u first + v second, with orthonormal directions.

    Attributes
    ----------
    origin, first, second : (d,)
        In units of x.
    names : pair of str
        Of the two coordinates: ``x0, x1`` of an axis pair, whose u and v are these coordinates; else ``u, v``.
    """

    origin: Floats
    first: Floats
    second: Floats
    names: tuple[str, str] = ("u", "v")

    @classmethod
    def axes(cls, pair: tuple[int, int], at: ArrayLike) -> Plane:
        """The plane along two coordinates through the point ``at``.

        >>> Plane.axes((0, 2), [9.0, 5.0, 9.0]).points(1.0, 3.0)
        array([1., 5., 3.])
        """
        origin = np.array(at, np.float64)
        unit = np.eye(len(origin))
        origin[list(pair)] = 0.0
        return cls(origin, unit[pair[0]], unit[pair[1]], (f"x{pair[0]}", f"x{pair[1]}"))

    @classmethod
    def through(cls, points: ArrayLike) -> Plane:
        """The plane through three points: the first is the origin, the second lies in direction u.

        Raises InputError for points on one line.
        """
        a, b, c = np.asarray(points, np.float64)
        first = b - a
        length = np.linalg.norm(first)
        first = first / length if length > 0 else first
        second = (c - a) - ((c - a) @ first) * first
        height = np.linalg.norm(second)
        if not height > _COLLINEAR * np.linalg.norm(c - a) or not length > 0:
            raise InputError("the three points of the plane lie on one line: give points that do not")
        second = second / height
        second -= (second @ first) * first  # once more: nearly collinear points leave few digits
        return cls(a, first, second / np.linalg.norm(second))

    def points(self, u: ArrayLike, v: ArrayLike) -> Floats:
        """The points of these coordinates, one more axis of length d."""
        u, v = np.asarray(u, np.float64)[..., None], np.asarray(v, np.float64)[..., None]
        return self.origin + u * self.first + v * self.second

    def coordinates(self, x: ArrayLike) -> tuple[Floats, Floats, Floats]:
        """u and v of points, and how far each is from the plane."""
        away = np.asarray(x, np.float64) - self.origin
        u, v = away @ self.first, away @ self.second
        return u, v, np.linalg.norm(away - u[..., None] * self.first - v[..., None] * self.second, axis=-1)


def parse_plane(plane: Any, at: Any, box: Box, bounds: Bounds | None = None) -> tuple[Plane, Floats]:
    """Return the plane that a user gave, and the window that suits it, ((u0, u1), (v0, v1)).

    >>> plane, window = parse_plane((0, 1), None, Box([0, 0, 0], [1, 2, 4]))
    >>> plane.origin.tolist(), window.tolist()
    ([0.0, 0.0, 2.0], [[0.0, 1.0], [0.0, 2.0]])
    """
    if plane is None and box.dim == 2:
        plane = (0, 1)
    if box.dim < 2:
        raise InputError("a map needs two coordinates or more, and this function has one")
    if plane is None:
        raise InputError(
            f"a map of {box.dim} dimensions needs a plane: give two axes, as plane=(0, 1) or --plane 0,1, or three "
            "points, by --through in the shell"
        )
    array = check.finite("plane holds", plane, "give finite real numbers")
    if array.shape == (2,):
        return _axes(plane, at, box, bounds)
    if array.shape != (3, box.dim):
        raise InputError(
            f"plane has shape {array.shape}: give two axes, as plane=(0, 1), or three points of {box.dim} coordinates"
        )
    if at is not None:
        raise InputError("at belongs to a plane of two axes, and three points fix the plane: leave it out")
    through = Plane.through(array)
    u, v, _ = through.coordinates(array)
    margin = _MARGIN * max(np.ptp(u), np.ptp(v))
    return through, np.array([[u.min() - margin, u.max() + margin], [v.min() - margin, v.max() + margin]])


def _axes(plane: Any, at: Any, box: Box, bounds: Bounds | None) -> tuple[Plane, Floats]:
    i, j = (check.whole("an axis of the plane", axis, 0, box.dim - 1) for axis in plane)
    if i == j:
        raise InputError(f"plane is {quoted(plane)}: give two different axes, or three points")
    point = box.center if at is None else check.finite("at holds", at, "give finite real numbers")
    if point.shape != (box.dim,):
        raise InputError(f"at has shape {point.shape}: give one number for each of the {box.dim} coordinates")
    if bounds is not None:
        point = bounds.clip(point) if at is None else point
        others = np.setdiff1d(np.arange(box.dim), (i, j))
        beyond = others[(point[others] < bounds.lower[others]) | (point[others] > bounds.upper[others])]
        if len(beyond):
            k = int(beyond[0])
            raise InputError(
                f"at has {point[k]:g} in coordinate {k}, outside its bounds ({bounds.lower[k]:g}, "
                f"{bounds.upper[k]:g}): give a point within the bounds"
            )
    return Plane.axes((i, j), point), np.stack([box.lower, box.upper], axis=1)[[i, j]]


def parse_window(window: Any) -> Floats:
    """Return a window ((u0, u1), (v0, v1)) as an array, or raise InputError."""
    array = check.finite("window holds", window, "give ((u0, u1), (v0, v1)) in finite real numbers")
    if array.shape != (2, 2) or not (array[:, 0] < array[:, 1]).all():
        raise InputError(f"window is {quoted(window)}: give ((u0, u1), (v0, v1)) with u0 < u1 and v0 < v1")
    return array


def parse_resolution(resolution: Any) -> tuple[int, int]:
    """Return the numbers of pixels along u and v."""
    sides = resolution if isinstance(resolution, tuple | list) else (resolution, resolution)
    if len(sides) != 2:
        raise InputError(f"resolution is {quoted(resolution)}: give a whole number of pixels a side, or two of them")
    width, height = (check.whole("resolution", side, 2, of="pixels a side") for side in sides)
    if width * height > _MOST_PIXELS:
        raise InputError(f"resolution is {quoted(resolution)}: give at most 32768 pixels a side, such as 512")
    return width, height


@dataclass(frozen=True, eq=False)
class PixelGrid:
    """Pixels over a window of a plane: pixel (row, column) is centred at v[row], u[column].

    Rows and columns beyond the shape continue the grid outside the window.
    """

    plane: Plane
    window: Floats
    shape: tuple[int, int]

    def along(self, axis: int, index: ArrayLike) -> Floats:
        """Centres of the pixels with these numbers along u (axis 0) or v (axis 1)."""
        (low, high), count = self.window[axis], self.shape[1 - axis]
        return low + (np.asarray(index, np.float64) + 0.5) * ((high - low) / count)

    def within(self, bounds: Bounds, box: Box) -> NDArray[np.bool_]:
        """Which pixels are within bounds, (rows, columns)."""
        columns = np.arange(self.shape[1])
        parts = [
            self.pixels_within(np.arange(first, min(first + _ROWS, self.shape[0]))[:, None], columns, bounds, box)
            for first in range(0, self.shape[0], _ROWS)
        ]
        return np.concatenate(parts)

    def pixels_within(self, row: NDArray, column: NDArray, bounds: Bounds, box: Box) -> NDArray[np.bool_]:
        """Which of these pixels are within bounds; those beyond the shape are where the last ones are."""
        u, v = self.along(0, np.minimum(column, self.shape[1] - 1)), self.along(1, np.minimum(row, self.shape[0] - 1))
        x, slack = self.plane.points(u, v), _OUTSIDE * box.width
        return np.asarray(((x >= bounds.lower - slack) & (x <= bounds.upper + slack)).all(axis=-1))

    @property
    def u(self) -> Floats:
        """Centres of the columns."""
        return self.along(0, np.arange(self.shape[1]))

    @property
    def v(self) -> Floats:
        """Centres of the rows."""
        return self.along(1, np.arange(self.shape[0]))


class PixelStarts(Starts):
    """Starts at the centres of some pixels of a grid."""

    name = "pixels"
    interval_note = "pixels of a map are not independent draws, so their shares have no interval"

    def __init__(self, grid: PixelGrid, row: NDArray[np.int64], column: NDArray[np.int64]) -> None:
        super().__init__(len(row), len(grid.plane.origin))
        self._grid, self._row, self._column = grid, row, column

    def points(self, first: int, stop: int) -> Floats:
        """Return the centres of pixels first..stop-1."""
        u, v = self._grid.along(0, self._column[first:stop]), self._grid.along(1, self._row[first:stop])
        return self._grid.plane.points(u, v)
