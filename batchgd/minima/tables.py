"""The tables of a result: minima, and the other points where descents came to rest; one row per point."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from batchgd.minima.eigen import HessianEigenvalues, lazy
from batchgd.problem.limits import cut, rows_shown
from batchgd.problem.optional import require
from batchgd.problem.tables import WIDTH, TextTable, records
from batchgd.problem.wording import format_points, format_values, minima_counted, plural


class Points:
    """Rows of points: ``len``, and the rows ``table[i]`` (one, as a dict), ``table[a:b]``, ``table[mask]``.

    It prints as a text table of its first rows: ``text_table``.
    """

    def __len__(self) -> int:
        return len(self.fun)  # type: ignore[attr-defined]

    def __getitem__(self, rows: Any) -> Any:
        if isinstance(rows, (int, np.integer)):
            row = range(len(self))[rows]
            one = self[row : row + 1]
            return {name: column[0] for name, column in one._columns().items()}
        kept = {field.name: vars(self)[field.name] for field in fields(self)}  # type: ignore[arg-type]
        chosen = (np.ndarray, HessianEigenvalues)
        return type(self)(**{name: each[rows] if isinstance(each, chosen) else each for name, each in kept.items()})

    def to_dataframe(self) -> Any:
        """Return a pandas DataFrame, one row per point: ``x0 …``, the other columns, and ``eigenvalue0 …``.

        With bounds also ``active0 …`` and, for minima, ``multiplier0 …``.

        Raises
        ------
        ImportError
            If pandas is not installed; the message shows the command that installs it.
        """
        pandas = require("pandas", "frames")
        columns = self._columns()
        x, eigenvalues = columns.pop("x"), columns.pop("eigenvalues")
        bounded = {name: columns.pop(name) for name in ("active", "multipliers") if name in columns}
        frame = {f"x{j}": x[:, j] for j in range(x.shape[1])} | {
            name: column for name, column in columns.items() if column.ndim == 1
        }
        for name, column in bounded.items():
            frame |= {f"{name.removesuffix('s')}{j}": column[:, j] for j in range(x.shape[1])}
        frame |= {f"eigenvalue{j}": eigenvalues[:, j] for j in range(x.shape[1])}
        return pandas.DataFrame(frame).rename_axis("label")

    def text_table(self) -> TextTable:
        """Return the first rows as a text table."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{self._counted()}\n\n{self.text_table()}" if len(self) else self._counted()

    def _repr_html_(self) -> str:
        return f"<div>{self._counted()}</div>{self.text_table().html()}"

    def _counted(self) -> str:
        return plural(len(self), "point")

    def _columns(self) -> dict[str, NDArray]:
        found = {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]
        return {name: value for name, value in found.items() if isinstance(value, np.ndarray)}


@lazy("eigenvalues")
@dataclass(frozen=True, eq=False, repr=False)
class Minima(Points):
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
        ``count`` over *all* starts: the share of the box that is in its basin, as far as the method reproduces true
        basins. For a run with a strategy, the share of the starts that were drawn from the box; NaN if none was.
    kind : (m,) of str
        ``"minimum"``, ``"kink"`` (not smooth there, like Ackley's), ``"degenerate"`` (isolated, but without curvature
        in some direction, like x^4), ``"valley"`` (a set of equal minima, due to rotations or other symmetries),
        ``"flat"`` (a plateau with neither slope nor curvature, if nothing lower was found) or ``"unresolved"`` (the
        lowest endpoint of the run, where neither curvature nor values decide whether it is a minimum; row 0 at most).
        In an interrupted run also ``"unknown"``: the point was not polished or classified.
    eigenvalues : (m, d)
        Of the Hessian, ascending; NaN if it does not exist. They are computed when read for the first time.
    inside : (m,) of bool
        Whether the point is in the box of the starts; always true up to rotations or translations.
    spread : (m,)
        Widest distance between polished copies of the point, or points of the set, in box widths.
    free : (m,) of int
        Directions in which a set of equal minima extends: 1 for a ring, d for a plateau; 0 for isolated minima. A set
        is one row, whose x is any of its points, in the box if one is. Sets are distinguished by their values.
    fraction_low, fraction_high : (m,) or None
        Interval of each fraction at 95 %, given that the minimum was seen
        (:func:`batchgd.minima.fractions.seen_interval`); None if starts are not independent, for the reason in
        ``interval_note``.
    active : (m, d) of int, or None
        With bounds: -1 where the point is on the lower bound of a coordinate (or the coordinate is fixed), 1 on the
        upper one, 0 between them, as SciPy's ``active_mask``. ``eigenvalues`` are then those of the coordinates that
        no bound holds, followed by NaN for each of the others.
    multipliers : (m, d), or None
        With bounds: the derivative of the value by each coordinate on a bound, and so by the bound itself; 0 for the
        others, and for a coordinate that is on its bound without a slope (``weak``).

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
    active: NDArray[np.int8] | None = None
    multipliers: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if self.free is None:  # as in results saved before the column existed
            object.__setattr__(self, "free", np.zeros(len(self.fun), np.int64))

    @classmethod
    def empty(cls, dim: int) -> Self:
        """A table without rows."""
        floats, integers = np.empty(0), np.empty(0, np.int64)
        kind, inside = np.empty(0, "<U10"), np.empty(0, np.bool_)
        return cls(np.empty((0, dim)), floats, integers, floats, kind, np.empty((0, dim)), inside, floats)

    @property
    def weak(self) -> NDArray[np.bool_] | None:
        """Which coordinates are weakly active, (m, d): on a bound, without a slope that pushes them against it."""
        if self.active is None or self.multipliers is None:
            return None
        return np.asarray((self.active != 0) & (self.multipliers == 0.0))

    def text_table(self, scale: Any = 0.0, numbered: str = "row") -> TextTable:
        """Return the first rows as a text table; if there are more, those inside the box come first.

        Parameters
        ----------
        scale : float or (d,) array
            The box widths: coordinates that are rounding noise compared with them are printed as 0.
        numbered : str
            The name of the column of row numbers.
        """
        shown, most = np.arange(len(self)), rows_shown(len(self))
        if most < len(shown):
            shown = shown[np.argsort(~np.asarray(self.inside, bool), kind="stable")][:most]
        rows = shown.tolist()
        columns = {numbered: [str(k) for k in rows], "value": format_values(self.fun[shown])}
        if not np.isnan(self.fraction).any():
            columns["share"] = [self._share(k)[0] for k in rows]
        if self.fraction_low is not None:
            columns["95 % interval"] = [self._share(k)[1] for k in rows]
        columns["starts"] = [f"{self.count[k]:,}" for k in rows]
        columns["kind"] = [self._kind(k) for k in rows]
        return points_table(columns, self.x[shown], scale, self._left_out(shown), ("kind",))

    def _share(self, k: int) -> tuple[str, str]:
        """The share of the starts and its interval in per cent, with the digits that the interval supports."""
        share = 100 * float(self.fraction[k])
        if self.fraction_low is None or self.fraction_high is None:
            return f"{share:.3f} %", ""
        low, high = 100 * float(self.fraction_low[k]), 100 * float(self.fraction_high[k])
        decimals = min(6, max(1, 1 - math.floor(math.log10(max(high - low, 1e-9)))))
        return f"{share:.{decimals}f} %", f"{low:.{decimals}f} to {high:.{decimals}f} %"

    def _kind(self, k: int) -> str:
        """The kind of a row, the free directions of a set of equal minima, and the bounds that it rests on."""
        bounds = _on_bounds(self.active, self.weak, k)
        free = f", {plural(int(self.free[k]), 'free direction')}" if self.free[k] else ""
        return f"{self.kind[k]}{free}{bounds}" + ("" if self.inside[k] else ", outside")

    def _left_out(self, shown: NDArray[np.int64]) -> str:
        line = cut(len(self), "minimum", "minima")
        outside = int(np.count_nonzero(~np.delete(np.asarray(self.inside, bool), shown))) if line else 0
        return f"{line} (not shown: {outside:,} outside the box)" if outside else line

    def _counted(self) -> str:
        return minima_counted(len(self)) if len(self) else "no minimum"


@lazy("eigenvalues")
@dataclass(frozen=True, eq=False, repr=False)
class Stationary(Points):
    """Points where descents came to rest that are not minima, lowest value first; their starts have label -1.

    Attributes
    ----------
    x : (m, d), fun : (m,), count : (m,), eigenvalues : (m, d)
        As in :class:`Minima`. One row represents all plateaus or degenerate points of about that value: x is one of
        them, and count covers all starts that ended there.
    kind : (m,) of str
        ``"saddle"``, ``"maximum"``, ``"degenerate"`` (not a minimum, without curvature in some direction),
        ``"flat"`` (a plateau with neither slope nor curvature, but not the lowest place) or ``"unbounded"`` (a singular
        point at which the value falls without bound, like log|x| at 0; ``fun`` is the lowest value reached).
    negative : (m,)
        Number of negative eigenvalues.
    active : (m, d) of int, or None
        As in :class:`Minima`: a saddle of a face is one for the coordinates that no bound holds.

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
    active: NDArray[np.int8] | None = None

    @classmethod
    def empty(cls, dim: int) -> Self:
        """A table without rows."""
        floats, integers = np.empty(0), np.empty(0, np.int64)
        return cls(np.empty((0, dim)), floats, integers, np.empty(0, "<U10"), np.empty((0, dim)), integers)

    def text_table(self) -> TextTable:
        """Return the first rows as a text table."""
        shown = self[: rows_shown(len(self))]
        columns = {
            "row": [str(k) for k in range(len(shown))],
            "value": format_values(shown.fun),
            "starts": [f"{count:,}" for count in shown.count],
            "kind": [f"{kind}{_on_bounds(shown.active, None, k)}" for k, kind in enumerate(shown.kind)],
            "negative eigenvalues": [str(count) for count in shown.negative],
        }
        return points_table(columns, shown.x, 0.0, cut(len(self)), ("kind",))

    def _counted(self) -> str:
        return plural(len(self), "stationary point that is not a minimum", "stationary points that are not minima")


def _on_bounds(active: NDArray | None, weak: NDArray | None, k: int) -> str:
    """What a kind is followed by: the number of bounds that the point of row k is on."""
    on = 0 if active is None else int(np.count_nonzero(active[k]))
    weakly = 0 if weak is None else int(np.count_nonzero(weak[k]))
    if on == 0:
        return ""
    some = f", {weakly} weakly" if 0 < weakly < on else ""
    return f", {'weakly ' if weakly == on else ''}on {plural(on, 'bound')}{some}"


def points_table(
    columns: dict[str, list[str]], points: NDArray[np.float64], scale: Any, below: str, words: tuple[str, ...] = ()
) -> TextTable:
    """Return a text table whose last column ``x`` has as many coordinates of the points as the line has room for."""
    used = sum(max(map(len, [name, *cells])) + 2 for name, cells in columns.items())
    columns = columns | {"x": format_points(points, scale, WIDTH - used)}
    return TextTable(records(columns), (*words, "x"), below)
