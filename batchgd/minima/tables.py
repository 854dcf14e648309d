"""The tables of a result: minima, and the other points where descents came to rest; one row per point."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from batchgd.problem.optional import require


class Table:
    """Rows of points: ``len``, and the rows ``table[i]`` (one, as a dict), ``table[a:b]``, ``table[mask]``."""

    def __len__(self) -> int:
        return len(self.fun)  # type: ignore[attr-defined]

    def __getitem__(self, rows: Any) -> Any:
        if isinstance(rows, (int, np.integer)):
            return {name: column[rows] for name, column in self._columns().items()}
        chosen = {name: column[rows] for name, column in self._columns().items()}
        rest = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        return type(self)(**(rest | chosen))

    def to_dataframe(self) -> Any:
        """Return a pandas DataFrame, one row per point: ``x0 …``, the other columns, and ``eigenvalue0 …``.

        Raises
        ------
        ImportError
            Where pandas is not installed; with the command that installs it.
        """
        pandas = require("pandas", "frames")
        columns = self._columns()
        x, eigenvalues = columns.pop("x"), columns.pop("eigenvalues")
        frame = {f"x{j}": x[:, j] for j in range(x.shape[1])} | {
            name: column for name, column in columns.items() if column.ndim == 1
        }
        frame |= {f"eigenvalue{j}": eigenvalues[:, j] for j in range(x.shape[1])}
        return pandas.DataFrame(frame).rename_axis("label")

    def _columns(self) -> dict[str, NDArray]:
        found = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        return {name: value for name, value in found.items() if isinstance(value, np.ndarray)}


@dataclass(frozen=True, eq=False)
class Minima(Table):
    """The distinct minima, lowest value first; the row number is the label.

    Rows whose values agree to rounding, measured at neighbouring floats, are ordered by x, coordinate by coordinate.
    Row 0 is never worse than the lowest endpoint that came to rest, unless a row of ``stationary`` is as low.

    Attributes
    ----------
    x : (m, d), fun : (m,)
        The polished points and their values.
    count : (m,)
        Starts that ended there.
    fraction : (m,)
        ``count`` over *all* starts: the share of the box that drains there, as far as the method draws true basins. Of
        a run with a strategy, the share of the starts that were drawn from the box; NaN where none was.
    kind : (m,) of str
        ``"minimum"``, ``"kink"`` (not smooth there, as Ackley's), ``"degenerate"`` (isolated, but without curvature
        in some direction, as x^4), ``"valley"`` (a set of equal minima, as rotations and other symmetries make them),
        ``"flat"`` (a plateau with neither slope nor curvature, if nothing lower was found) or ``"unresolved"`` (the
        lowest endpoint of the run, where neither curvature nor values decide whether it is a minimum; row 0 at most).
        In an interrupted run also ``"unknown"``: the point was not polished or classified.
    eigenvalues : (m, d)
        Of the Hessian, ascending; NaN where it does not exist.
    inside : (m,) of bool
        Whether the point lies in the box of the starts.
    spread : (m,)
        Widest distance between polished copies of the point, or points of the set, in box widths.
    free : (m,) of int
        Directions in which a set of equal minima extends: 1 for a ring, d for a plateau; 0 for isolated minima. A set
        is one row, whose x is any of its points, in the box if one is. Sets are told apart by their values.
    fraction_low, fraction_high : (m,) or None
        Interval of each fraction at 95 %, given that the minimum was seen
        (:func:`batchgd.minima.fractions.seen_interval`); None where starts are not independent, for the reason
        ``interval_note`` tells.

    Examples
    --------
    >>> empty = Minima.empty(3)
    >>> len(empty), empty.x.shape, empty[:0].kind.shape
    (0, (0, 3), (0,))
    """

    x: NDArray[np.float64]
    fun: NDArray[np.float64]
    count: NDArray[np.int64]
    fraction: NDArray[np.float64]
    kind: NDArray[np.str_]
    eigenvalues: NDArray[np.float64]
    inside: NDArray[np.bool_]
    spread: NDArray[np.float64]
    free: NDArray[np.int64] = None  # type: ignore[assignment]
    fraction_low: NDArray[np.float64] | None = None
    fraction_high: NDArray[np.float64] | None = None
    interval_note: str | None = None

    def __post_init__(self) -> None:
        if self.free is None:  # as in results saved before there was the column
            object.__setattr__(self, "free", np.zeros(len(self.fun), np.int64))

    @classmethod
    def empty(cls, dim: int) -> Self:
        """A table without rows."""
        none, whole = np.empty(0), np.empty(0, np.int64)
        kind, inside = np.empty(0, "<U10"), np.empty(0, np.bool_)
        return cls(np.empty((0, dim)), none, whole, none, kind, np.empty((0, dim)), inside, none)


@dataclass(frozen=True, eq=False)
class Stationary(Table):
    """Points where descents came to rest that are no minima, lowest value first; their starts have label -1.

    Attributes
    ----------
    x : (m, d), fun : (m,), count : (m,), eigenvalues : (m, d)
        As in :class:`Minima`. Of plateaus and degenerate points one row stands for all of about that value: x is one of
        them and count all starts that ended there.
    kind : (m,) of str
        ``"saddle"``, ``"maximum"``, ``"degenerate"`` (a point without curvature in some direction that is no minimum),
        ``"flat"`` (a plateau with neither slope nor curvature, but not the lowest place) or ``"unbounded"`` (a singular
        point at which the value falls without bound, as log|x| at 0; ``fun`` is as far as descents fell).
    negative : (m,)
        Number of negative eigenvalues.

    Examples
    --------
    >>> len(Stationary.empty(2))
    0
    """

    x: NDArray[np.float64]
    fun: NDArray[np.float64]
    count: NDArray[np.int64]
    kind: NDArray[np.str_]
    eigenvalues: NDArray[np.float64]
    negative: NDArray[np.int64]

    @classmethod
    def empty(cls, dim: int) -> Self:
        """A table without rows."""
        none, whole = np.empty(0), np.empty(0, np.int64)
        return cls(np.empty((0, dim)), none, whole, np.empty(0, "<U10"), np.empty((0, dim)), whole)
