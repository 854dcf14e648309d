"""What every launch needs: a range of starts, the arrays that describe the problem, and where results go."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

Array = Any


class Abandoned(Exception):
    """Raised by an evaluation that takes long if the run is to end: the tick that it belongs to was not made."""


class Ends(NamedTuple):
    """What is known about every endpoint: the place, its value, the updates and evaluations made, and why it ended."""

    x: Array
    fun: Array
    nit: Array
    nfev: Array
    status: Array


COLUMNS = Ends._fields


def columns(source: Any, each: Callable[[Array], Array] = lambda column: column) -> dict[str, Array]:
    """Return the endpoint columns of anything that has them, each passed through a function."""
    return {name: each(getattr(source, name)) for name in COLUMNS}


class Starts(NamedTuple):
    """The starts of one call of the compiled loop: ``queue = [next, stop]``, and how each of them is made.

    These groups, ``Ends`` and ``Trails`` are the arguments of that call on every target, and of CUDA's kernels
    (``cuda/assemble.py`` has their types). Starts are drawn in the box of ``lower`` and ``width`` from ``seed``, or are
    the rows of ``points``; row 0 of ``points`` and ``per_start``, and of the endpoints, is that of start ``base``.
    ``places`` are where in ``p`` the parameters of the objective begin for each start, if it has its own.
    """

    queue: Array
    seed: Any
    lower: Array
    width: Array
    points: Array
    per_start: Array
    base: int
    places: Array


class Numbers(NamedTuple):
    """What a tick reads: the objective's numbers ``p``, the box's sides, hyperparameters ``h``, and limits of tests.

    The sides of a cubic box are one number each, and behind the limits. On CUDA ``h`` and ``limits`` are tuples: what a
    kernel is given by value is in constant memory, where an instruction finds an operand at no cost.
    """

    p: Array
    box: Array
    h: Array
    limits: Array


class Problems(NamedTuple):
    """Different problems of one shape: ``numbers`` has a row of parameters of the objective for each, (problems, k).

    ``which``, (n,), is the row of each start.
    """

    numbers: Array
    which: Array

    @property
    def of_starts(self) -> Array:
        """The parameters of each start, (n, k): a copy."""
        return self.numbers[self.which]

    def in_dtype(self, dtype: str) -> "Problems":
        """Return the same in another precision."""
        return self._replace(numbers=self.numbers.astype(dtype, copy=False))

    def places(self, first: int, stop: int) -> Array:
        """Return where in ``numbers`` the parameters of these starts are."""
        return self.which[first:stop] * self.numbers.shape[1]

    def part(self, rows: Any) -> "Problems":
        """Return the problems of some of the starts, sharing memory."""
        return Problems(self.numbers, self.which[rows])

    def without_others(self) -> "Problems":
        """Return the same without problems that no start has; nothing is copied if there are few such in between."""
        first, stop = int(self.which.min()), int(self.which.max()) + 1
        if stop - first <= len(self.which):
            return Problems(self.numbers[first:stop], self.which - first)
        used, which = np.unique(self.which, return_inverse=True)
        return Problems(self.numbers[used], which)


@dataclass
class Endpoints:
    """Where the descents from start ``first`` on ended: one row per start, status 0 for one that was never taken up.

    ``ids`` is the start of each row, if they are not consecutive; ``turned``, if the run records it, is whether some
    update turned against the one before.
    """

    first: int
    x: Array
    fun: Array
    nit: Array
    nfev: Array
    status: Array
    ids: Array | None = None
    turned: Array | None = None

    @classmethod
    def empty(cls, first: int, stop: int, dim: int, dtype: str) -> "Endpoints":
        """Make room for the starts from ``first`` to before ``stop``."""
        n = stop - first
        return cls(
            first,
            x=np.empty((n, dim), dtype),
            fun=np.full(n, np.nan, dtype),
            nit=np.zeros(n, np.int64),
            nfev=np.zeros(n, np.int64),
            status=np.zeros(n, np.int8),
        )

    @classmethod
    def concatenate(cls, parts: "Sequence[Endpoints]") -> "Endpoints":
        """Return the rows of several parts, one after another, as those of the starts from 0 on."""
        tables = [columns(part) for part in parts]
        return cls(0, **{name: np.concatenate([table[name] for table in tables]) for name in COLUMNS})

    def take(self, rows: Array) -> "Endpoints":
        """Return copies of these rows, as those of the starts from 0 on."""
        return Endpoints(0, **columns(self, lambda column: column[rows]))

    def __len__(self) -> int:
        return len(self.status)

    @property
    def ends(self) -> Ends:
        """The columns, as kernels take them."""
        return Ends(self.x, self.fun, self.nit, self.nfev, self.status)

    def starts(self, rows: Array) -> Array:
        """Return which start each of these rows belongs to."""
        return self.first + rows if self.ids is None else self.ids[rows]

    def into(self, whole: "Endpoints") -> "Endpoints":
        """Copy the rows to where they belong in those of all starts, and return them there."""
        rows = whole.part(self.first, self.first + len(self))
        for name, column in columns(self).items():
            getattr(rows, name)[:] = column
        if rows.turned is not None:
            rows.turned[:] = self.turned
        return rows

    def scatter(self, others: "Endpoints") -> None:
        """Copy the rows, which are those of ``ids``, over the ones that belong to the same starts."""
        rows = self.starts(slice(None)) - others.first
        for name, column in columns(self).items():
            getattr(others, name)[rows] = column

    def part(self, first: int, stop: int) -> "Endpoints":
        """Return the rows of some starts, sharing memory."""
        rows = slice(first - self.first, stop - self.first)
        part = Endpoints(first, **columns(self, lambda column: column[rows]))
        part.turned = None if self.turned is None else self.turned[rows]
        return part


@dataclass
class Cells:
    """The occupied fine cells of some endpoints: what is left of them when copies are dropped.

    For each cell its key, the number of starts that ended there, and the lowest of these with its endpoint, value and
    status.
    """

    cells_per_width: int
    key: Array
    count: Array
    first: Array
    x: Array
    fun: Array
    status: Array


@dataclass
class Merge:
    """Asks a launch to merge endpoints into cells where they are, so that only distinct ones travel.

    ``lower`` and ``width`` are the box, in float64; ``cells_per_width()`` is the resolution to merge at. ``done(cells,
    tally)`` is called from the main thread with the merged endpoints of a shard, ``tally[status]`` of them in all,
    those without a cell (``status.LOST``) included. Starts that were never taken up and those that escaped are not
    among them: they go to ``Plan.done``, which looks at them one by one. If rows are kept, ``keys`` has room for the
    key of each start.
    """

    lower: Array
    width: Array
    cells_per_width: Callable[[], int]
    done: Callable[[Cells, Array], None]
    keys: Array | None = None


class Trails(NamedTuple):
    """The paths that a recording launch writes: one row per start, with room for R points and one more.

    The last of the R + 1 places is the latest accepted point. The first ``kept[:, 0]`` places are those of updates
    0, s, 2 s, ... with s = ``kept[:, 1]``, which doubles, while every second point is dropped, when R are not enough.
    ``moved`` (n, R + 1) is the squared length of the update that led to a point (n, R + 1, d), ``updates`` (n, R + 1)
    how many had been made by then.
    """

    points: Array
    moved: Array
    updates: Array
    kept: Array

    @classmethod
    def empty(cls, n: int, room: int, every: int, dim: int, dtype: str) -> "Trails":
        """Make room for ``room`` points of each of n paths, ``every`` updates apart at first."""
        kept = np.zeros((n, 2), np.int64)
        kept[:, 1] = every
        return cls(
            np.zeros((n, room + 1, dim), dtype),
            np.zeros((n, room + 1), dtype),
            np.zeros((n, room + 1), np.int64),
            kept,
        )

    def part(self, first: int, stop: int) -> "Trails":
        """Return the paths of some starts, sharing memory."""
        return Trails(*(array[first:stop] for array in self))


@dataclass
class Plan:
    """One batch of descents, from start 0 to before ``n``.

    ``shard`` is the largest number of starts handed out at once. ``points(first, stop)`` gives those of a shard in any
    precision, or is None if the kernel makes them from ``seed`` and their numbers, ``number`` being that of the
    first one;
    ``per_start`` holds the hyperparameters that differ per start, one row each. ``rows(first, stop)`` gives the arrays
    that a shard's endpoints are written to: parts of larger ones, or fresh ones that are gone once ``done(rows)``,
    called from the main thread for every finished shard, has looked at them. ``ready()`` is called once the code is
    compiled and work begins, ``pause()`` now and then while it goes on. ``control[0]``, once not 0, ends
    everything with that status. ``merge`` is for launches that can merge where the endpoints are; others ignore it.
    With ``trails`` the paths are recorded, with ``problems`` each start has its own parameters of the objective.
    """

    n: int
    dim: int
    dtype: str
    shard: int
    seed: int
    number: int
    lower: Array
    width: Array
    points: Callable[[int, int], Array] | None
    per_start: Array
    numbers: Numbers
    control: Array
    rows: Callable[[int, int], Endpoints]
    ready: Callable[[], None]
    done: Callable[[Endpoints], None]
    pause: Callable[[], None]
    pause_seconds: float = 0.1
    merge: Merge | None = None
    trails: Trails | None = None
    problems: Problems | None = None

    def shards(self) -> Iterator[tuple[int, int]]:
        """Ranges of starts that cover the batch."""
        for first in range(0, self.n, self.shard):
            yield first, min(first + self.shard, self.n)

    def starts(self, first: int, stop: int) -> Starts:
        """Return the starts of a shard, with a queue of all of them; points and rates per start may have no rows."""
        if self.points is None:
            points = np.empty((0, self.dim), self.dtype)
        else:
            points = np.ascontiguousarray(self.points(first, stop), self.dtype)
        base, seed = self.number + first, np.uint64(self.seed)
        queue = np.array([base, self.number + stop], np.int64)
        places = np.empty(0, np.int64) if self.problems is None else self.problems.places(first, stop)
        return Starts(queue, seed, self.lower, self.width, points, self.per_start[first:stop], base, places)

    def shipped(self, first: int, stop: int) -> tuple[Starts, Array]:
        """Return the starts of a shard, and ``p`` with the parameters of these starts alone, if they have their own."""
        starts = self.starts(first, stop)
        if self.problems is None:
            return starts, self.numbers.p
        few = self.problems.part(slice(first, stop)).without_others()
        places = len(self.numbers.p) + few.places(0, stop - first)
        return starts._replace(places=places), np.concatenate([self.numbers.p, few.numbers.ravel()])
