"""How far a point is from the border of its basin: by direction, and the largest ball that stays inside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from batchgd.minima.mapper import Labelling, Mapper
from batchgd.minima.results import LandscapeData
from batchgd.problem import check
from batchgd.problem.bounds import Bounds
from batchgd.problem.errors import InputError
from batchgd.problem.limits import cut, rows_shown
from batchgd.problem.speaker import a_run
from batchgd.problem.starts import parse_seed
from batchgd.problem.tables import TextTable, listed, records
from batchgd.problem.wording import format_values

_GROWTH = 1.25  # ratio of successive radii along a direction, going out
_LOOKS = 40  # number of radii, up to the largest: the first is 1.7e-4 of it
_ROUNDS, _TRIES = 6, 8  # of the search for the nearest border around the best direction
_MOST_DIRECTIONS = 1_000_000
_HALVINGS = 60
_ANGLE = 0.5  # how far directions are turned in the first round of that search; half as far in each next one


def bisect(
    label: Labelling, a: NDArray[np.float64], b: NDArray[np.float64], side: NDArray, tolerance: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Halve each segment from a to b, (n, d), until its ends are ``tolerance`` apart in every coordinate.

    A middle with the label ``side`` of a replaces a, any other replaces b: so the end at a keeps its label,
    and a border of its basin stays between the ends.

    >>> a, b = bisect(lambda x: (x[:, 0] > 0.3).astype(int), np.array([[0.0]]), np.array([[1.0]]), np.array([0]), 1e-3)
    >>> bool(a[0, 0] <= 0.3 < b[0, 0] <= a[0, 0] + 1e-3)
    True
    """
    a, b = a.copy(), b.copy()
    for _ in range(_HALVINGS):
        wide = np.flatnonzero((np.abs(b - a) > tolerance).any(axis=1))
        if len(wide) == 0:
            break
        middle = 0.5 * (a[wide] + b[wide])
        same = label(middle) == side[wide]
        a[wide[same]], b[wide[~same]] = middle[same], middle[~same]
    return a, b


def border_distance(
    label: Labelling,
    x: ArrayLike,
    way: ArrayLike,
    largest: float,
    tolerance: float = 1e-5,
    bounds: Bounds | None = None,
) -> NDArray[np.float64]:
    """Return how far each point can go along each of its directions before its label changes, (n, k).

    Radii grow by a quarter up to ``largest``; between the last with the label of the point and the first with another,
    bisection finds the border. A tongue of another basin that is thinner than a quarter of its distance can be stepped
    over.

    Parameters
    ----------
    label : function
        Labels, (n,), of points, (n, d).
    x : (n, d)
        The points.
    way : (n, k, d)
        Unit vectors.
    largest : float
        The largest distance searched; infinity is returned if the label did not change.
    tolerance : float
        Of the distance, relative to ``largest``.
    bounds : Bounds, optional
        A direction is followed as far as these.

    Examples
    --------
    >>> import numpy as np
    >>> disc = lambda x: (np.linalg.norm(x, axis=1) < 0.3).astype(int)
    >>> border_distance(disc, [[0.1, 0.0]], [[[1.0, 0.0], [-1.0, 0.0]]], 1.0, 1e-9).round(6).tolist()
    [[0.2, 0.4]]
    """
    points, ways = np.asarray(x, np.float64), np.asarray(way, np.float64)
    n, k, d = ways.shape
    x0, along = np.repeat(points, k, axis=0), ways.reshape(-1, d)
    own = np.repeat(label(points), k)
    inner, outer = np.zeros(n * k), np.full(n * k, np.inf)
    reach = _reach(x0, along, largest, bounds)
    rest = np.flatnonzero(reach > 0.0)
    for radius in largest * _GROWTH ** np.arange(1.0 - _LOOKS, 1.0):
        at = np.minimum(radius, reach[rest])
        same = label(x0[rest] + at[:, None] * along[rest]) == own[rest]
        inner[rest[same]], outer[rest[~same]] = at[same], at[~same]
        rest = rest[same & (at < reach[rest])]
        if len(rest) == 0:
            break
    left = np.flatnonzero(np.isfinite(outer))
    a, b = (x0[left] + radius[left, None] * along[left] for radius in (inner, outer))
    a, b = bisect(label, a, b, own[left], tolerance * largest)
    outer[left] = np.sqrt(((0.5 * (a + b) - x0[left]) ** 2).sum(axis=1))
    return outer.reshape(n, k)


def _reach(
    x: NDArray[np.float64], way: NDArray[np.float64], largest: float, bounds: Bounds | None
) -> NDArray[np.float64]:
    """How far each point can go along its direction within the bounds, ``largest`` at most."""
    if bounds is None:
        return np.full(len(x), largest)
    with np.errstate(divide="ignore", invalid="ignore"):
        ahead = np.where(way > 0.0, bounds.upper - x, bounds.lower - x) / way
    return np.minimum(largest, np.where(way == 0.0, np.inf, ahead).min(axis=1, initial=np.inf))


def _inwards(ways: NDArray[np.float64], x: NDArray[np.float64], bounds: Bounds | None) -> NDArray[np.float64]:
    """The directions for each point, (n, k, d): components that leave a bound on which it is are reversed."""
    every = np.broadcast_to(ways, (len(x), *ways.shape))
    if bounds is None:
        return every
    leaves = ((x <= bounds.lower)[:, None] & (every < 0.0)) | ((x >= bounds.upper)[:, None] & (every > 0.0))
    free = np.where(bounds.fixed, 0.0, np.where(leaves, -every, every))
    return free / np.maximum(np.sqrt((free**2).sum(axis=-1, keepdims=True)), np.finfo(np.float64).tiny)


@dataclass(frozen=True, eq=False, repr=False)
class Stability:
    """How far each minimum of a result is from the border of its basin: ``result.stability()``.

    Attributes
    ----------
    radius : (m,)
        Radius of the largest ball around each minimum that stays in its basin, as far as the directions show: an upper
        bound. Infinity if no direction left the basin.
    nearest : (m, d)
        The border point found nearest to it; NaN if there is none.
    escape_radius : (m, k)
        Distance to the border along each direction.
    directions : (k, d)
        Unit vectors, the same for all minima: both ways along each axis, and random ones. With bounds they are followed
        as far as these, and for a minimum that rests on a bound, components that leave it are reversed.
    minima_fun : (m,)
        Values of the minima.
    """

    radius: NDArray[np.float64]
    nearest: NDArray[np.float64]
    escape_radius: NDArray[np.float64]
    directions: NDArray[np.float64]
    minima_fun: NDArray[np.float64]

    def to_dict(self) -> dict[str, Any]:
        """The radii for JSON."""
        median = np.median(self.escape_radius, axis=1)
        columns = {"fun": self.minima_fun, "radius": self.radius, "median_escape_radius": median}
        return {"directions": len(self.directions), **listed(minima=columns | {"nearest_border": self.nearest})}

    def __repr__(self) -> str:
        most = rows_shown(len(self.radius))
        median = np.median(self.escape_radius[:most], axis=1)
        columns = {
            "label": [str(k) for k in range(len(median))],
            "value": format_values(self.minima_fun[:most]),
            "ball radius": [f"{radius:.4g}" for radius in self.radius[:most]],
            "median distance": [f"{radius:.4g}" for radius in median],
        }
        table = TextTable(records(columns), below=cut(len(self.radius), "minimum", "minima"))
        return (
            f"{table}\ndistances in x to the border of each basin, along {len(self.directions)} directions; "
            "the ball reaches to the nearest border point"
        )


def stability(result: LandscapeData, directions: int = 32, *, seed: int = 0) -> Stability:
    """Measure how far each minimum can be displaced, in any direction, before descents lead elsewhere.

    Along each direction the border is found by going out and bisecting, with descents of the result's own method. Then
    the nearest border is searched for around the direction in which it was nearest, in rounds of smaller angles.

    Parameters
    ----------
    result : LandscapeData
        With its function.
    directions : int
        Random directions besides both ways along each axis, at least 1. In many dimensions use more: the ball is as
        large as the nearest border point that was found.
    seed : int
        Of the directions.

    Returns
    -------
    Stability

    Raises
    ------
    InputError
        If the result has no minima or no function, or ``directions`` is not a number of directions.

    Examples
    --------
    Wells at -1 and 2 with the barrier at 0: the balls reach as far as the barrier.

    >>> import batchgd as bgd
    >>> wells = bgd.multistart(lambda x: x[0] ** 4 / 4 - x[0] ** 3 / 3 - x[0] ** 2, box=[(-3, 3)], starts=50)
    >>> wells.minima.x.ravel().round(6).tolist(), wells.stability().radius.round(2).tolist()
    ([2.0, -1.0], [2.0, 1.0])

    References
    ----------
    The radius is the size of the smallest perturbation that leaves the basin, the "minimal fatal shock" of L. Halekotte
    and U. Feudel, Sci. Rep. 10, 11783 (2020).
    """
    if not isinstance(result, LandscapeData) or len(result.minima) == 0:
        raise InputError(f"stability is measured around minima, and this result has none: run {a_run()}")
    directions = check.whole("directions", directions, 1, _MOST_DIRECTIONS)
    rng = np.random.default_rng(parse_seed(seed))
    mapper = Mapper.of(result)
    x, dim = result.minima.x, result.dim
    largest = float(np.linalg.norm(mapper.batch.box.width))
    unit = np.eye(dim)
    ways = np.concatenate([unit, -unit, _units(rng.normal(size=(directions if dim > 1 else 0, dim)))])
    every = _inwards(ways, x, result.bounds)
    found = border_distance(mapper, x, every, largest, bounds=result.bounds)
    best = found.argmin(axis=1)
    radius, way = found.min(axis=1), every[np.arange(len(x)), best]
    if dim > 1:
        radius, way = _closer(mapper, x, radius, way, largest, rng, result.bounds)
    nearest = np.where(
        np.isfinite(radius)[:, None], x + np.where(np.isfinite(radius), radius, 0.0)[:, None] * way, np.nan
    )
    return Stability(radius, nearest, found, ways, np.asarray(result.minima.fun))


def _closer(
    label: Labelling,
    x: NDArray,
    radius: NDArray,
    way: NDArray,
    largest: float,
    rng: np.random.Generator,
    bounds: Bounds | None,
) -> tuple[NDArray, NDArray]:
    """Turn each direction a little, in random ways, and keep those that meet the border sooner."""
    for angle in _ANGLE * 0.5 ** np.arange(_ROUNDS):
        tries = _units(way[:, None, :] + angle * rng.normal(size=(len(x), _TRIES, x.shape[1])))
        found = border_distance(label, x, tries, largest, bounds=bounds)
        best = found.argmin(axis=1)
        rows = np.arange(len(x))
        sooner = found[rows, best] < radius
        radius = np.where(sooner, found[rows, best], radius)
        way = np.where(sooner[:, None], tries[rows, best], way)
    return radius, way


def _units(ways: NDArray[np.float64]) -> NDArray[np.float64]:
    return ways / np.sqrt((ways**2).sum(axis=-1, keepdims=True))
