"""Landscapes: objectives with known minima, and the table of all of them."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from batchgd.problem import check
from batchgd.problem.errors import InputError, quoted
from batchgd.problem.registry import Registry

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from batchgd.problem.box import Box
    from batchgd.problem.symmetry import Symmetry

LISTED_AT_MOST = 4096  # minima of a product grid that are written out; beyond, only the global one is

LANDSCAPES: Registry[Landscape] = Registry("landscape", "landscapes", "`batchgd list` shows all")
"""Every landscape by name."""


@dataclass(frozen=True, eq=False)
class Landscape:
    """One objective with what is known about it.

    A plain attribute applies to every dimension; what depends on the dimension is a method that takes `dim` (None: the
    default one) and refuses a dimension that the function is not defined in.

    Attributes
    ----------
    name : the key in the library
    fun : the plain NumPy function of one point, shape (d,) -> float
    title : the name as written in prose
    source : paper or report, year, and which published variant this is
    dims : (least, greatest) dimension; greatest None if there is no limit
    default_dim : the dimension if none is given
    size : what the dimension counts, coordinates for each, and further ones: ("atoms", 3, 0); None if there is nothing
    remarks : what a user should know (plateaus, drift, minima outside the box); may be empty

    Example
    -------
    >>> from batchgd import landscapes
    >>> himmelblau = landscapes.get("himmelblau")
    >>> himmelblau.n_minima(), himmelblau.global_value(), himmelblau.is_complete()
    (4, 0.0, True)
    >>> himmelblau.minima()[0].tolist()
    [3.0, 2.0]
    """

    name: str
    fun: Callable[[Any], Any]
    title: str
    source: str
    dims: tuple[int, int | None]
    default_dim: int
    remarks: str
    _box: Any = field(repr=False)
    _minima: Callable[[int], ArrayLike] = field(repr=False)
    _n_minima: Callable[[int], int | None] = field(repr=False)
    _global_value: Callable[[int], float | None] = field(repr=False)
    _kinks: Callable[[int], ArrayLike] = field(repr=False)
    _saddles: Callable[[int], ArrayLike] = field(repr=False)
    _symmetry: Any = field(repr=False)
    size: tuple[str, int, int] | None = None

    def __reduce__(self) -> Any:
        # By name if it is in the library: what depends on the dimension may be a lambda, which cannot be pickled.
        return (get, (self.name,)) if LANDSCAPES.get(self.name) is self else super().__reduce__()

    def check_dim(self, dim: int | None = None) -> int:
        """Return the dimension as an int, the default for None; raise InputError if there is no such dimension."""
        if dim is None:
            return self.default_dim
        from batchgd.problem.box import check_dimension

        number = check_dimension(dim)
        least, greatest = self.dims
        if greatest is None and number < least:
            raise InputError(f"landscape '{self.name}' needs dim >= {least}, not {number}")
        if greatest is not None and not least <= number <= greatest:
            span = f"{least}" if least == greatest else f"{least} to {greatest}"
            remedy = f"pass dim={least} or leave dim out" if least == greatest else "choose dim in that range"
            raise InputError(f"landscape '{self.name}' is defined for dim {span} only, not {number}; {remedy}")
        if self.size is not None:
            word, each, more = self.size
            if (number - more) % each:
                rule = f"{each} n" + (f" + {more}" if more else "")
                raise InputError(f"landscape '{self.name}' needs dim = {rule} for n {word}, not {number}")
        return number

    def sized(self, **counts: Any) -> int:
        """The dimension of a landscape with this many of what it counts, as in ``sized(atoms=8)``.

        >>> get("lennard_jones").sized(atoms=8)
        24
        """
        word, each, more = self.size or ("", 1, 0)
        given = {name: count for name, count in counts.items() if count is not None}
        if [*given] != [word]:
            counted = f"counts {word}" if word else "has dim alone"
            raise InputError(f"{', '.join(given)} was given with the landscape {self.name}, which {counted}: give dim")
        return self.check_dim(each * check.whole(word, given[word], 1) + more)

    @property
    def bounds(self) -> tuple[tuple[float, float], ...]:
        """One (lower, upper) pair for all coordinates, or one pair for each, in the default dimension."""
        return self._bounds(self.default_dim)

    def _bounds(self, dim: int) -> tuple[tuple[float, float], ...]:
        pairs = np.atleast_2d(np.asarray(_at(self._box, dim), dtype=np.float64))
        return tuple((float(lower), float(upper)) for lower, upper in pairs)

    def box(self, dim: int | None = None) -> Box:
        """The region in which starts are drawn unless another is given."""
        from batchgd.problem.box import Box

        number = self.check_dim(dim)
        pairs = self._bounds(number)
        return Box.parse(list(pairs * number if len(pairs) == 1 else pairs))

    def symmetry(self, dim: int | None = None) -> Symmetry | None:
        """Transformations that leave the function as it is, up to which its minima are counted; None: none."""
        symmetry: Symmetry | None = _at(self._symmetry, self.check_dim(dim))
        return symmetry

    def minima(self, dim: int | None = None) -> NDArray[np.float64]:
        """Known minima strictly inside the box, (m, d), best first, kinks included; all of them if `is_complete`."""
        return self._points(self._minima, dim)

    def kinks(self, dim: int | None = None) -> NDArray[np.float64]:
        """Those of `minima` where the function has no derivative, (k, d)."""
        return self._points(self._kinks, dim)

    def saddles(self, dim: int | None = None) -> NDArray[np.float64]:
        """Known saddles inside the box, (s, d); empty means that none are known, not that there are none."""
        return self._points(self._saddles, dim)

    def n_minima(self, dim: int | None = None) -> int | None:
        """The number of minima strictly inside the box, kinks included; None if not known."""
        return self._n_minima(self.check_dim(dim))

    def global_value(self, dim: int | None = None) -> float | None:
        """The least value in the box; None if not known."""
        return self._global_value(self.check_dim(dim))

    def is_complete(self, dim: int | None = None) -> bool:
        """Whether `minima(dim)` lists every minimum inside the box."""
        return len(self.minima(dim)) == self.n_minima(dim)

    @property
    def description(self) -> str:
        """The docstring of the function: one line, then the formula and what follows from it."""
        return inspect.cleandoc(self.fun.__doc__ or self.title)

    def _points(self, source: Callable[[int], ArrayLike], dim: int | None) -> NDArray[np.float64]:
        number = self.check_dim(dim)
        points = np.array(source(number), dtype=np.float64).reshape(-1, number)
        values = np.array([float(self.fun(point)) for point in points])
        # Rounded, because minima of equal value should stay in the order in which they were declared.
        return points[np.argsort(np.round(values, 9), kind="stable")]


def landscape(
    title: str,
    *,
    source: str,
    box: Callable[[int], Any] | Sequence[float] | Sequence[Sequence[float]],
    dims: int | tuple[int, int | None],
    minima: Callable[[int], ArrayLike] | ArrayLike,
    n_minima: Callable[[int], int | None] | int | None,
    global_value: Callable[[int], float | None] | float | None,
    kinks: Callable[[int], ArrayLike] | ArrayLike = (),
    saddles: Callable[[int], ArrayLike] | ArrayLike = (),
    remarks: str = "",
    symmetry: Callable[[int], Symmetry | None] | Symmetry | None = None,
    size: tuple[str, int, int] | None = None,
    default_dim: int | None = None,
) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Enter the decorated function in the library under its own name; the function itself stays as it is.

    This is ``bgd.register_landscape``: landscapes of other packages are entered in the same way, and are then found by
    name everywhere. A package may name its module in an entry point of the group ``batchgd.landscapes``; it is then
    imported when one of its landscapes is asked for.

    Parameters
    ----------
    title, source, remarks : see `Landscape`
    box : (lower, upper) for all coordinates, or a pair for each; or a function of the dimension
    dims : the one dimension, or (least, greatest), greatest None for no limit; two is the default in this range
    minima, n_minima, global_value, kinks, saddles : what is known, as a value or as a function of the dimension
    symmetry : see `bgd.symmetry`, or a function of the dimension; `minima` has one point of each class
    size, default_dim : see `Landscape`

    Returns
    -------
    The decorator. Raises InputError if the name is taken.

    Example
    -------
    >>> import batchgd as bgd
    >>> @bgd.register_landscape("Two wells", source="", box=(-2, 2), dims=1, minima=[[-1], [1]], n_minima=2,
    ...                         global_value=0)
    ... def two_wells(x):
    ...     return (x[0] ** 2 - 1.0) ** 2
    >>> len(bgd.multistart("two-wells", starts=100).minima)
    2
    """
    span = (dims, dims) if isinstance(dims, int) else dims

    def enter(fun: Callable[[Any], Any]) -> Callable[[Any], Any]:
        entry = Landscape(
            name=fun.__name__,
            fun=fun,
            title=title,
            source=source,
            dims=span,
            default_dim=max(span[0], min(2, span[1] or 2)) if default_dim is None else default_dim,
            remarks=remarks,
            size=size,
            _box=box,
            _symmetry=symmetry,
            _minima=_by_dim(minima),
            _n_minima=_by_dim(n_minima),
            _global_value=_by_dim(global_value),
            _kinks=_by_dim(kinks),
            _saddles=_by_dim(saddles),
        )
        LANDSCAPES.register(fun.__name__, entry, fun)
        return fun

    return enter


def also_named(name: str, existing: str) -> None:
    """Enter a second name for a landscape of the library."""
    entry = LANDSCAPES[existing]
    LANDSCAPES.register(name, replace(entry, name=name), entry.fun)


def get(name: str) -> Landscape:
    """The landscape of that name; case does not matter, and `-` may stand for `_`.

    Raises
    ------
    InputError for an unknown name, with the nearest known one.

    Example
    -------
    >>> get("six-hump-camel").title
    'Six-hump camel'
    """
    if not isinstance(name, str):
        raise InputError(f"the name of a landscape is {quoted(name)}: give it as a string")
    return LANDSCAPES.find(name)


def names() -> list[str]:
    """The names in the library, sorted."""
    return sorted(LANDSCAPES)


def product_grid(coordinates: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """The minima of a separable function from those of its one-dimensional terms, the best of each term listed first.

    Returns
    -------
    Every combination, (m, d), as long as there are no more than `LISTED_AT_MOST`; beyond that, the global minimum
    alone.
    """
    if np.prod([float(len(points)) for points in coordinates]) > LISTED_AT_MOST:
        return np.array([[points[0] for points in coordinates]])
    return np.array(list(itertools.product(*coordinates)))


def _at(value: Any, dim: int) -> Any:
    return value(dim) if callable(value) else value


def _by_dim(value: Any) -> Callable[[int], Any]:
    return value if callable(value) else lambda dim: value
