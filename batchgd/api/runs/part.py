"""A part of a run: what is kept of a range of starts, and the file of it, which anybody may have made."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from batchgd.api.runs.split import Range
from batchgd.api.storage.archive import opened, read_arrays, read_head, write
from batchgd.api.storage.codec import decode, encode
from batchgd.api.storage.files import appearing
from batchgd.api.storage.typed import typed
from batchgd.engine.batch import Batch
from batchgd.kernels.plan import COLUMNS, Cells, Endpoints, columns
from batchgd.kernels.status import CUT, LOST, Status
from batchgd.minima.catalogue import Catalogue, Lowest
from batchgd.problem.box import Box
from batchgd.problem.errors import InputError, WriteError
from batchgd.problem.speaker import said

FORMAT, VERSION = "batchgd part", 1

_OF_CELLS = ("key", "count", "first", "x", "fun", "status")
_KINDS = dict(zip(_OF_CELLS, ("u8", "i8", "i8", "f8", "f8", "i1"), strict=True))
_OF_ROWS = {"nit": "i8", "nfev": "i8", "status": "i1"}

_FULL = {getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name)}


@dataclass
class Part:
    """What is kept of the starts from ``first`` to before ``stop``.

    Attributes
    ----------
    catalogue : Catalogue
        The occupied cells, with the numbers that starts have in the run.
    counts : dict
        How many starts ended with each status.
    rows : Endpoints or None
        One row per start, if they are kept.
    statistics : dict
        Seconds of work, backend, machine: what does not decide the result.
    """

    first: int
    stop: int
    catalogue: Catalogue
    counts: dict[Status, int]
    rows: Endpoints | None = None
    statistics: dict[str, Any] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether all its descents ended by themselves, not by a time limit or Ctrl-C."""
        return not any(self.counts.get(status) for status in CUT)


@dataclass(frozen=True)
class _Lowest:
    fun: float
    first: int
    x: list[float]
    status: int


@dataclass(frozen=True)
class _Head:
    """The fields of a part's JSON, checked when it is read."""

    format: str
    version: int
    configuration: str
    first: int
    stop: int
    cells_per_width: int
    excluded: int
    counts: dict[str, int]
    lowest: _Lowest | None
    rows: bool
    statistics: dict[str, bool | int | float | str | None]


def write_part(path: Path, part: Part | bytes, configuration: str) -> None:
    """Write a part, or its bytes, into a new file, which appears complete or not at all, and is then on the disk.

    Raises WriteError if it cannot be written.
    """
    with writing(path), appearing(path, overwrite=True, tidy=False) as file:
        if isinstance(part, bytes):
            file.write(part)
        else:
            put_part(file, part, configuration)


def put_part(file: BinaryIO, part: Part, configuration: str) -> None:
    """Write a part into an open file."""
    cells, lowest = part.catalogue, part.catalogue.lowest
    head = _Head(
        FORMAT,
        VERSION,
        configuration,
        part.first,
        part.stop,
        cells.cells_per_width,
        cells.excluded,
        {status.name: count for status, count in sorted(part.counts.items()) if count},
        None if lowest is None else _Lowest(lowest.fun, lowest.first, lowest.x.tolist(), lowest.status),
        part.rows is not None,
        part.statistics,
    )
    arrays = {f"cells.{name}": getattr(cells, name) for name in _OF_CELLS}
    if part.rows is not None:
        arrays |= {f"rows.{name}": column for name, column in columns(part.rows).items()}
    write(file, encode(head), arrays)


@contextlib.contextmanager
def writing(path: Path, remedy: str | None = None) -> Iterator[None]:
    """Turn an error of the disk into one line; complete parts stay in any case."""
    try:
        yield
    except OSError as error:
        remedy = remedy or f"{said('pass run= a folder', 'give --run a folder')} that you can write"
        if error.errno in _FULL:
            remedy = f"what is done is saved: make room, and repeat {said('the call', 'the line')}"
        raise WriteError(f"cannot write {path}: {error.strerror or error}; {remedy}") from error


def read_part(source: Path | bytes, box: Box, dtype: str, configuration: str, expected: Range, *, rows: bool) -> Part:
    """Read a part of a run in this box, with endpoints of this dtype, from its file or the bytes of it.

    Its rows are read only on request.

    Raises
    ------
    InputError
        If the file is damaged, or is not this part of this run.
    """
    if isinstance(source, Path) and source.is_symlink():
        raise InputError("it is a link")
    with opened(source) as archive:
        fields = read_head(archive)
        if not isinstance(fields, dict) or fields.get("format") != FORMAT or fields.get("version") != VERSION:
            raise InputError("it is not a part of a run in this version's format")
        head = typed(decode(fields), _Head, "part")
        if (head.configuration, head.first, head.stop) != (configuration, *expected):
            raise InputError("it belongs to another run, or was renamed")
        arrays = read_arrays(archive, None if rows else "cells.")
    counts = _counts(head)
    catalogue = _catalogue(head, arrays, box, counts)
    return Part(
        *expected, catalogue, counts, _rows(arrays, head, box.dim, dtype) if rows else None, dict(head.statistics)
    )


def _counts(head: _Head) -> dict[Status, int]:
    known = all(name in Status.__members__ and count > 0 for name, count in head.counts.items())
    if not known or sum(head.counts.values()) != head.stop - head.first:
        raise InputError("its counts are not those of its starts")
    return {Status[name]: count for name, count in head.counts.items()}


def _catalogue(head: _Head, arrays: dict[str, np.ndarray], box: Box, counts: dict[Status, int]) -> Catalogue:
    """Rebuild the cells, if they can be those of this range of starts."""
    catalogue = Catalogue(box)
    cells = _columns(arrays, "cells.", _KINDS, box.dim)
    width, total = head.cells_per_width, head.stop - head.first
    if width < 1 or width & (width - 1) or width > catalogue.finest:
        raise InputError(f"it has {width} cells along a side")
    within = (cells["first"] >= head.first) & (cells["first"] < head.stop) & (cells["count"] > 0)
    if not within.all() or not 0 <= head.excluded <= total or int(cells["count"].sum()) + head.excluded != total:
        raise InputError("its cells are not those of its starts")
    if not np.isin(cells["status"], [int(status) for status in counts if status not in LOST]).all():
        raise InputError("its cells have a status that none of its starts has")
    state = Cells(width, **cells)
    catalogue.take(state, head.excluded)
    if not np.array_equal(catalogue.keys(catalogue.x, catalogue.fun, catalogue.status), catalogue.key):
        raise InputError("its cells are in other places than their points")
    lowest = head.lowest
    if (lowest is None) != (len(cells["key"]) == 0):
        raise InputError("its lowest endpoint is missing")
    if lowest is not None:
        if len(lowest.x) != box.dim or not head.first <= lowest.first < head.stop:
            raise InputError("its lowest endpoint is not one of its starts")
        catalogue.lowest = Lowest(lowest.fun, lowest.first, np.array(lowest.x), lowest.status)
    return catalogue


def _rows(arrays: dict[str, np.ndarray], head: _Head, dim: int, dtype: str) -> Endpoints:
    if not head.rows:
        raise InputError("it has no rows")
    kinds = {"x": np.dtype(dtype).str[1:], "fun": np.dtype(dtype).str[1:], **_OF_ROWS}
    table = _columns(arrays, "rows.", kinds, dim, head.stop - head.first)
    codes, counts = np.unique(table["status"], return_counts=True)
    names = {int(status): name for name, status in Status.__members__.items()}
    if {names.get(int(code)): int(count) for code, count in zip(codes, counts, strict=True)} != head.counts:
        raise InputError("its rows have other statuses than it counts")
    return Endpoints(head.first, **table)


def _columns(
    arrays: dict[str, np.ndarray], prefix: str, kinds: dict[str, str], dim: int, length: int | None = None
) -> dict[str, np.ndarray]:
    """The columns of a table, each of its type and of the same length."""
    table = {}
    for name, kind in kinds.items():
        column = arrays.get(prefix + name)
        if column is None or column.dtype.str[1:] != kind:
            raise InputError(f"{prefix}{name} is missing or has another type")
        length = len(column) if length is None and column.ndim else length
        if column.shape != ((length, dim) if name == "x" else (length,)):
            raise InputError(f"{prefix}{name} has shape {column.shape}")
        table[name] = column
    return table


assert set(COLUMNS) == {"x", "fun", *_OF_ROWS}


def name_of(part: Range) -> str:
    """Return the name of a part's file.

    >>> name_of((0, 4096))
    '00000000000000-00000000004096.npz'
    """
    return f"{part[0]:014d}-{part[1]:014d}.npz"


def statistics(seconds: float, batch: Batch) -> dict[str, Any]:
    """Return what is noted about the making of a part."""
    return {"seconds": seconds, "backend": batch.backend.name, "threads": batch.threads, "machine": machine()}


def machine() -> str:
    """Return the name of this machine."""
    import platform

    return platform.node() or os.environ.get("HOSTNAME", "")
