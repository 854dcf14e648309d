"""What every launch needs: a range of starts, the arrays that describe the problem, and where results go."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = Any


@dataclass
class Plan:
    """One batch of descents, from start ``first`` to before ``stop``.

    ``points(first, stop)`` gives the starts of a shard, or is None where the kernel makes them from ``seed``;
    ``per_start`` holds the hyperparameters that differ per start, one row each. The output arrays have one row per
    start. ``control[0]``, once not 0, ends everything with that status. ``done(first, stop)`` is called from the main
    thread for every finished shard.
    """

    n: int
    dim: int
    dtype: str
    shard: int
    seed: int
    lower: Array
    width: Array
    points: Callable[[int, int], Array] | None
    per_start: Array
    p: Array
    box: Array
    h: Array
    limits: Array
    x: Array
    fun: Array
    nit: Array
    nfev: Array
    status: Array
    control: Array
    done: Callable[[int, int], None]
    pause: Callable[[], None]
    pause_seconds: float = 0.1

    def shards(self) -> Iterator[tuple[int, int]]:
        """Ranges of starts that cover the batch."""
        for first in range(0, self.n, self.shard):
            yield first, min(first + self.shard, self.n)

    def inputs(self, first: int, stop: int) -> tuple[Array, Array]:
        """Return the starts and the per-start hyperparameters of a shard; both may have no rows."""
        if self.points is None:
            points = np.empty((0, self.dim), self.dtype)
        else:
            points = np.ascontiguousarray(self.points(first, stop), self.dtype)
        return points, self.per_start[first:stop]

    def outputs(self, first: int, stop: int) -> tuple[Array, Array, Array, Array]:
        """Return the rows of a shard: x, nit, nfev, status."""
        rows = slice(first, stop)
        return self.x[rows], self.nit[rows], self.nfev[rows], self.status[rows]
