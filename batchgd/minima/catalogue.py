"""The catalogue: the occupied fine cells of a run, an associative and commutative summary of its endpoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from batchgd.kernels.plan import Cells
from batchgd.kernels.splitmix import GOLDEN, cell_key
from batchgd.kernels.status import LOST
from batchgd.minima.grouping import group_keys, sorted_groups
from batchgd.problem.box import Box
from batchgd.problem.errors import InputError

_ROWS = 1 << 16  # rows hashed at a time: all temporaries then stay in the L2 cache
_COARSEST = 1 << 12  # cells per width below which the cap no longer coarsens: two minima could share a cell


@dataclass(frozen=True)
class Lowest:
    """The endpoint of lowest value: that value, the start index, the place and the status."""

    fun: float
    first: int
    x: NDArray[np.float64]
    status: int

    def rank(self) -> tuple[float, int]:
        """The key by which endpoints are ordered."""
        return self.fun, self.first


class Catalogue:
    r"""The set of occupied fine cells of a run: what is left of a million endpoints when copies are dropped.

    The cell of an endpoint is ``floor((x - lower) / width * cells_per_width)`` per coordinate. Per occupied cell the
    catalogue holds a key, the number of starts that ended there, the lowest start index, and the endpoint, value and
    status of that start. It also holds the endpoint of lowest value (of equal ones, that of the lowest start index),
    because one cell of a rough function can contain many values. This state is a function of the *set* of endpoints:
    any order, sharding or number of workers gives the same arrays, bit for bit.

    Parameters
    ----------
    box : Box
        The box of the starts; endpoints may be outside it.
    cells_per_width : int
        Cells along one side of the box, a power of two. Two minima in one cell cannot be told apart; finer cells cost
        memory if endpoints scatter (a loose ``gtol``).
    cap : int
        The number of cells (33 + 8 d bytes each while they are sorted) beyond which the catalogue halves
        ``cells_per_width``, down to 4096. Nothing computed is lost: counts are kept, cells merge. Cells are nested, so
        the final resolution is the finest one at which the whole set of endpoints fits, in whatever order they came.
        If even the coarsest cells exceed the cap, the catalogue keeps growing, and ``find_minima`` reports it.

    Notes
    -----
    Keys are 64-bit hashes of the cell's coordinates (``kernels.splitmix.cell_key``, chained over them). Two of m
    cells share a key with probability of about ``m^2 / 2^65``: 3e-8 for a million cells. Key 0 means "excluded".

    Examples
    --------
    >>> import numpy as np
    >>> from batchgd.problem.box import Box
    >>> catalogue = Catalogue(Box([0.0], [1.0]))
    >>> keys = catalogue.add(0, np.array([[0.25], [0.75], [0.25], [np.nan]]), np.zeros(4), np.array([1, 1, 4, 8]))
    >>> len(catalogue), catalogue.starts, catalogue.excluded, sorted(catalogue.count.tolist())
    (2, 4, 1, [1, 2])
    >>> bool(keys[0] == keys[2]), int(keys[3])
    (True, 0)
    """

    def __init__(self, box: Box, cells_per_width: int = 1 << 20, cap: int = 2_000_000) -> None:
        if cells_per_width < 1 or cells_per_width & (cells_per_width - 1) or cells_per_width > 1 << 40:
            raise InputError(f"cells_per_width is {cells_per_width}: give a power of two up to 2**40")
        self.box = box
        self.finest = cells_per_width
        self.cells_per_width = cells_per_width
        self.cap = cap
        self.starts = 0
        self.excluded = 0
        self.lowest: Lowest | None = None
        self._cells = _Rows.none(box.dim)
        self._waiting: list[_Rows] = []

    def __len__(self) -> int:
        return len(self.key)

    @property
    def coarsened(self) -> bool:
        """Whether the cap made the cells coarser than asked for."""
        self._settle()
        return self.cells_per_width < self.finest

    @property
    def key(self) -> NDArray[np.uint64]:
        """The key of each occupied cell, ascending, (k,)."""
        return self._settle().key

    @property
    def count(self) -> NDArray[np.int64]:
        """Starts that ended in each cell."""
        return self._settle().count

    @property
    def first(self) -> NDArray[np.int64]:
        """The lowest of them."""
        return self._settle().first

    @property
    def x(self) -> NDArray[np.float64]:
        """Where that one ended, (k, d)."""
        return self._settle().x

    @property
    def fun(self) -> NDArray[np.float64]:
        """The value there."""
        return self._settle().fun

    @property
    def status(self) -> NDArray[np.int8]:
        """Why it ended."""
        return self._settle().status

    def add(
        self, indices: int | Sequence[int] | NDArray[np.integer], x: ArrayLike, fun: ArrayLike, status: ArrayLike
    ) -> NDArray[np.uint64]:
        """Add endpoints: (n, d) points, (n,) values and status codes.

        ``indices`` is the start index of the first row (the others follow on), or one index per row; each start belongs
        in one catalogue, once. Diverged, non-finite and escaped endpoints are counted but not listed. Returns each
        start's key, 0 for those excluded; call ``keys`` again if the cap has coarsened the cells since.
        """
        x = np.asarray(x, dtype=np.float64)
        fun = np.asarray(fun, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != self.box.dim or fun.shape != (len(x),):
            raise InputError(f"endpoints of shape {x.shape} with values of shape {fun.shape}: pass (n, d) and (n,)")
        key = self.keys(x, fun, status)
        ids = np.asarray(indices, dtype=np.int64)
        ids = np.arange(int(ids), int(ids) + len(x)) if ids.ndim == 0 else ids
        self.starts += len(x)
        self.excluded += int(np.count_nonzero(key == 0))
        distinct, count, first, row = group_keys(key, ids)
        at = self.cells_per_width
        codes = np.broadcast_to(np.asarray(status), len(x))[row].astype(np.int8)
        self._absorb(_Rows(distinct, count, first, x[row], fun[row], codes))
        self._see(key, ids, x, fun, status)
        return key if at == self.cells_per_width else self.keys(x, fun, status)

    def merge(self, other: Catalogue) -> Catalogue:
        """Add everything that another catalogue of the same box contains; return this one."""
        if other.box != self.box or other.finest != self.finest or other.cap != self.cap:
            raise InputError("these catalogues differ in box, cells_per_width or cap: build both with the same ones")
        state = other._settle()
        self.take(Cells(other.cells_per_width, **vars(state)), other.excluded)
        self.lowest = min((seen for seen in (self.lowest, other.lowest) if seen), key=Lowest.rank, default=None)
        return self

    def take(self, cells: Cells, excluded: int) -> None:
        """Add endpoints that were merged elsewhere, as ``add`` would, and the number of those it would exclude."""
        self.starts += int(cells.count.sum()) + excluded
        self.excluded += excluded
        at = min(self.cells_per_width, cells.cells_per_width)
        self._coarsen_to(at)
        x = np.asarray(cells.x, np.float64)
        key = cells.key if cells.cells_per_width == at else _hash(x, self.box, at)
        fun = np.asarray(cells.fun, np.float64)
        self._absorb(_Rows(key, cells.count, cells.first, x, fun, cells.status))
        self._see(key, cells.first, x, fun, cells.status)

    def keys(self, x: ArrayLike, fun: ArrayLike, status: ArrayLike) -> NDArray[np.uint64]:
        """The keys that these endpoints have at the catalogue's current resolution; 0 for those excluded."""
        points, values = np.asarray(x, dtype=np.float64), np.asarray(fun)
        key = _hash(points, self.box, self.cells_per_width)
        out = ~np.isfinite(values)
        for column in points.T:
            out |= ~np.isfinite(column)
        for code in LOST:
            out |= np.asarray(status) == int(code)
        key[out] = 0
        return key

    def _see(self, key: NDArray, ids: NDArray, x: NDArray, fun: NDArray, status: ArrayLike) -> None:
        """Remember the lowest of these endpoints if none was lower before."""
        rows = np.flatnonzero(key != 0)
        if len(rows) == 0:
            return
        rows = rows[fun[rows] == fun[rows].min()]
        row = rows[np.argmin(ids[rows])]
        code = int(np.broadcast_to(np.asarray(status), len(x))[row])
        seen = Lowest(float(fun[row]), int(ids[row]), x[row].copy(), code)
        if self.lowest is None or seen.rank() < self.lowest.rank():
            self.lowest = seen

    def _absorb(self, rows: _Rows) -> None:
        """Take rows into the state, at once or, if they are few, together with later ones."""
        self._waiting.append(rows)
        waiting, cells = sum(len(each.key) for each in self._waiting), len(self._cells.key)
        if waiting > max(_ROWS, cells) or waiting + cells > self.cap:
            self._settle()

    def _settle(self) -> _Rows:
        """Merge what waits into the state, lowest start index first, and keep to the cap."""
        if self._waiting:
            parts, self._waiting = [self._cells, *self._waiting], []
            self._cells = _Rows.joined(parts).merged()
            if len(self._cells.key) > self.cap and self.cells_per_width > _COARSEST:
                self._coarsen_to(self.cells_per_width // 2)
        return self._cells

    def _coarsen_to(self, cells: int) -> None:
        """Halve the resolution until it is ``cells``; its representative assigns a cell to a larger one."""
        if self.cells_per_width > cells:
            state = self._settle()
            if self.cells_per_width > cells:
                self.cells_per_width = cells
                self._waiting = [replace(state, key=_hash(state.x, self.box, cells))]
                self._cells = state.take(slice(0))
                self._settle()


@dataclass(frozen=True)
class _Rows:
    """Occupied cells: key, count, lowest start index, and where that start ended."""

    key: NDArray[np.uint64]
    count: NDArray[np.int64]
    first: NDArray[np.int64]
    x: NDArray[np.float64]
    fun: NDArray[np.float64]
    status: NDArray[np.int8]

    @classmethod
    def none(cls, dim: int) -> Self:
        whole, real = np.empty(0, np.int64), np.empty(0)
        return cls(whole.astype(np.uint64), whole, whole, np.empty((0, dim)), real, whole.astype(np.int8))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def take(self, rows: Any) -> Self:
        return replace(self, **{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def merged(self) -> Self:
        """One row for each key, in their order."""
        order, head = sorted_groups(self.key, self.first)
        total = np.add.reduceat(self.count[order], head) if len(head) else self.count
        return replace(self.take(order[head]), count=total)


def _hash(x: NDArray[np.float64], box: Box, cells: int) -> NDArray[np.uint64]:
    """One non-zero key per point."""
    key = np.empty(len(x), np.uint64)
    with np.errstate(all="ignore"):  # NaN rows are excluded by the caller
        for begin in range(0, len(x), _ROWS):
            rows = x[begin : begin + _ROWS]
            h = np.full(len(rows), GOLDEN)
            for axis in range(x.shape[1]):
                h = cell_key(h, rows[:, axis], box.lower[axis], box.width[axis], float(cells))
            key[begin : begin + _ROWS] = h
    key[key == 0] = 1
    return key
