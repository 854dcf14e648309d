"""Merge endpoints into cells on the device: a hash table in global memory, so that only distinct cells travel.

The resulting state is a function of the set of endpoints: counts and lowest start indices are integers that any
order of atomic operations leaves the same, and the representative of a cell is its lowest start's endpoint.
"""

import math
from functools import cache
from typing import Any

import numba.cuda
import numpy as np
from numba import njit

from batchgd.kernels import for_numba  # noqa: F401 - `cell_key`
from batchgd.kernels.cuda.stream import Stream, simulated
from batchgd.kernels.plan import Cells, Endpoints, Ends, Merge
from batchgd.kernels.splitmix import GOLDEN, cell_key
from batchgd.kernels.status import LOST, Status

Array = Any
cuda: Any = numba.cuda

PROBES = 64
"""Slots that are tried for a key before the table counts as full."""
GROWTH = 4

_NO_START = np.int64(np.iinfo(np.int64).max)
_EMPTY, _LEAST_KEY = np.uint64(0), np.uint64(1)
_RUNNING, _ESCAPED, _NONFINITE = (np.int64(s) for s in (Status.RUNNING, Status.ESCAPED, Status.NONFINITE))
_LEFT, _FOUND, _FULL = len(Status), len(Status) + 1, len(Status) + 2
_COUNTERS = len(Status) + 3
_DIVERGED = np.int64(Status.DIVERGED)
assert set(LOST) == {Status.DIVERGED, Status.NONFINITE, Status.ESCAPED}


# With scalars only: the simulator, whose arrays Numba does not know, runs it as CPU code.
_along = njit(error_model="numpy")(cell_key)


@cuda.jit(device=True)
def row_key(x, i, lower, width, cells):
    """Return the key of row i of ``x``, which is never 0."""
    key = GOLDEN
    for k in range(x.shape[1]):
        key = np.uint64(_along(key, np.float64(x[i, k]), lower[k], width[k], cells))
    return max(key, _LEAST_KEY)


@cuda.jit(device=True)
def defined(x, fun, i):
    """Whether the point and the value of row i are finite."""
    good = math.isfinite(fun[i])
    for k in range(x.shape[1]):
        good = good & math.isfinite(x[i, k])
    return good


def clear_kernel(key, count, lowest):
    """Empty the table."""
    for slot in range(cuda.grid(1), key.shape[0], cuda.gridsize(1)):
        key[slot] = _EMPTY
        count[slot] = 0
        lowest[slot] = _NO_START


def merge_kernel(ends, n, first, lower, width, cells, key, count, lowest, left, counters, keys):
    """Count every endpoint in its cell; those that the host must look at go to ``left``.

    ``keys`` gets the key of each, if it has room for more than one.
    """
    x, fun, status = ends.x, ends.fun, ends.status
    mask = key.shape[0] - 1
    wants_keys = keys.shape[0] > 1
    for i in range(cuda.grid(1), n, cuda.gridsize(1)):
        code = np.int64(status[i])
        if code != _RUNNING and not defined(x, fun, i):
            code = _NONFINITE
            status[i] = code
        if wants_keys:
            keys[i] = _EMPTY
        if (code == _RUNNING) | (code == _ESCAPED):
            left[cuda.atomic.add(counters, _LEFT, 1)] = i
            continue
        cuda.atomic.add(counters, code, 1)
        if (code == _NONFINITE) | (code == _DIVERGED):
            continue
        mine = row_key(x, i, lower, width, cells)
        if wants_keys:
            keys[i] = mine
        slot = np.int64(mine & np.uint64(mask))
        placed = False
        for _ in range(PROBES):
            seen = key[slot]
            if seen == _EMPTY:
                seen = cuda.atomic.cas(key, slot, _EMPTY, mine)
            if (seen == _EMPTY) | (seen == mine):
                cuda.atomic.add(count, slot, 1)
                # A look first: the lowest index only falls, and soon nearly none is lower.
                if first + i < lowest[slot]:
                    cuda.atomic.min(lowest, slot, first + i)
                placed = True
                break
            slot = (slot + 1) & mask
        if not placed:
            counters[_FULL] = 1


def compact_kernel(key, count, lowest, first, out_key, out_count, row, counters):
    """List the occupied slots, and the row that represents each."""
    for slot in range(cuda.grid(1), key.shape[0], cuda.gridsize(1)):
        if key[slot] != _EMPTY:
            k = cuda.atomic.add(counters, _FOUND, 1)
            out_key[k] = key[slot]
            out_count[k] = count[slot]
            row[k] = lowest[slot] - first


def pick_kernel(row, n, ends, out):
    """Gather some rows of the endpoints."""
    for k in range(cuda.grid(1), n, cuda.gridsize(1)):
        i = row[k]
        for j in range(ends.x.shape[1]):
            out.x[k, j] = ends.x[i, j]
        out.fun[k] = ends.fun[i]
        out.nit[k] = ends.nit[i]
        out.nfev[k] = ends.nfev[i]
        out.status[k] = ends.status[i]


KERNELS = (clear_kernel, merge_kernel, compact_kernel, pick_kernel)


@cache
def jitted() -> dict[str, Any]:
    """Return the kernels by name; each is compiled when it is first launched."""
    return {function.__name__: cuda.jit(function) for function in KERNELS}


class Merger:
    """The table of one stream: ``begin`` queues the merge of a shard, ``take`` brings the result to the host."""

    def __init__(self, stream: Stream, merge: Merge, kernels: dict[str, Any], size: int | None = None) -> None:
        self._stream, self._merge, self._kernels = stream, merge, kernels
        self._lower, self._width = stream.put("lower64", merge.lower), stream.put("width64", merge.width)
        self._counters = stream.empty(_COUNTERS, np.int64)
        self._make_table(size or (1 << 8 if simulated() else 1 << 16))
        self._rows = 0
        self._left: Array = None
        self._keys = stream.empty(1, np.uint64)
        self._picked: Ends | None = None

    def begin(self, rows: Ends, n: int, first: int) -> None:
        """Queue the merge of n endpoints, which are on the device."""
        self._job = rows, n, first, self._merge.cells_per_width()
        if n > self._rows:
            self._rows, self._left = n, self._stream.empty(n, np.int64)
            if self._merge.keys is not None:
                self._keys = self._stream.empty(max(n, 2), np.uint64)
        self._queue()

    def take(self) -> tuple[Cells, Array, Endpoints]:
        """Return the cells, the number of endpoints by status, and the endpoints that the host must look at.

        Call it once the stream has finished what ``begin`` queued.
        """
        while self._seen[_FULL] != 0:
            self._make_table(GROWTH * self._size)
            self._queue()
            self._stream.wait()
        (_, _, first, resolution), found, left = self._job, int(self._seen[_FOUND]), int(self._seen[_LEFT])
        tally = self._seen[: len(Status)].copy()
        if self._merge.keys is not None:
            self._merge.keys[first : first + len(self._told)] = self._told
        fetched = [self._stream.fetch(f"cell {k}", a, found) for k, a in enumerate(self._table_out)]
        ends = self._pick("representative", self._table_out[2], found)
        self._stream.wait()
        key, count, row = (array.copy() for array in fetched)
        cells = Cells(resolution, key, count, first + row, ends.x.copy(), ends.fun.copy(), ends.status.copy())
        return cells, tally, self._leave(first, left)

    def _leave(self, first: int, left: int) -> Endpoints:
        rows = self._stream.fetch("left", self._left, left)
        ends = self._pick("left", self._left, left)
        self._stream.wait()
        left_over = Endpoints(first, *(column.copy() for column in ends))
        left_over.ids = first + np.asarray(rows, np.int64)
        return left_over

    def _queue(self) -> None:
        ends, n, first, resolution = self._job
        stream, kernels, table = self._stream, self._kernels, self._table
        stream.zero(self._counters)
        stream.sweep(kernels["clear_kernel"], self._size, *table)
        where = self._lower, self._width, float(resolution)
        stream.sweep(kernels["merge_kernel"], n, ends, n, first, *where, *table, self._left, self._counters, self._keys)
        stream.sweep(kernels["compact_kernel"], self._size, *table, first, *self._table_out, self._counters)
        self._seen = stream.fetch("counters", self._counters, _COUNTERS)
        if self._merge.keys is not None:
            self._told = stream.fetch("keys", self._keys, n)

    def _make_table(self, size: int) -> None:
        def columns() -> list[Array]:
            return [self._stream.empty(size, dtype) for dtype in (np.uint64, np.int64, np.int64)]

        self._size = size
        self._table, self._table_out = columns(), columns()

    def _pick(self, name: str, row: Array, n: int) -> Ends:
        """Begin to copy the endpoints of n rows to the host."""
        ends = self._job[0]
        if self._picked is None or len(self._picked.fun) < n:
            room = 1 << max(8, (n - 1).bit_length())
            self._picked = Ends(*(self._stream.empty((room, *a.shape[1:]), a.dtype) for a in ends))
        if n > 0:
            self._stream.sweep(self._kernels["pick_kernel"], n, row, n, ends, self._picked)
        return Ends(*(self._stream.fetch(f"{name} {k}", a, n) for k, a in enumerate(self._picked)))
