"""The rows of a run, part by part: more starts than memory has room for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.api.runs.folder import RunFolder
from batchgd.api.runs.part import read_part, writing
from batchgd.api.runs.split import Range, cover
from batchgd.api.storage.codec import decode
from batchgd.api.storage.files import appearing, resolved
from batchgd.api.storage.typed import typed
from batchgd.kernels.plan import columns
from batchgd.problem import check
from batchgd.problem.box import Box
from batchgd.problem.coordinates import Coordinates
from batchgd.problem.domain import Domain
from batchgd.problem.errors import InputError, printable
from batchgd.problem.keywords import explained
from batchgd.problem.optional import require
from batchgd.problem.speaker import option, said
from batchgd.problem.wording import plural


@dataclass(frozen=True)
class _Settings:
    """The fields of a configuration that rows are read with."""

    box: list[NDArray[np.float64]]
    dtype: str
    domain: list[str] | None = None


@explained
def rows(run: str | Path) -> Rows:
    """Read the rows of a run in parts, one part after another in the order of the starts.

    Each part is a dict of arrays with one entry per start: ``start`` (its number), ``x`` (n, d), ``fun``, ``nit``,
    ``nfev`` and ``status``. Only one part is in memory at a time. Starts that are not done yet are left out.

    Parameters
    ----------
    run : path
        A folder that ``run=`` made, with ``keep="disk"`` or ``keep="all"``.

    Returns
    -------
    Rows
        An iterable of the parts, which reads them anew each time; ``to_parquet`` writes them into a file.

    Raises
    ------
    InputError
        If it has no rows, or a part is damaged.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from batchgd import multistart
    >>> with TemporaryDirectory() as folder:
    ...     result = multistart("himmelblau", starts=1000, keep="disk", run=folder)
    ...     sum(len(part["fun"]) for part in rows(folder)), len(result.x)
    (1000, 0)
    """
    folder = RunFolder.open(run)
    if not folder.manifest.rows:
        raise InputError(f"{folder.path} has no rows: make the run with {option('keep', 'disk')}")
    return Rows(folder)


class Rows:
    """The rows of a run, read part by part: see :func:`rows`.

    >>> from tempfile import TemporaryDirectory
    >>> from batchgd import multistart
    >>> with TemporaryDirectory() as folder:
    ...     result = multistart("himmelblau", starts=1000, keep="disk", run=folder)
    ...     print(rows(folder))
    rows of himmelblau: 1,000 of 1,000 starts in 1 part
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder
        configuration = folder.manifest.configuration
        settings = typed(decode(configuration), _Settings, f"{folder.path}: configuration")
        self._name = printable(str(configuration["function"].get("name")))
        if [side.ndim for side in settings.box] != [1, 1]:
            raise InputError(f"{folder.path} has a box that is not two ends")
        self._box = Box(*settings.box)
        if settings.domain is not None:
            self._box = Coordinates(self._box, domain=Domain.of(settings.domain, self._box)).inside_box
        self._dtype = "float64" if settings.dtype == "mixed" else settings.dtype

    def ranges(self) -> list[Range]:
        """The first start and the one after the last of each part there is."""
        n, there = self._folder.manifest.starts, set(self._folder.parts())
        return [part for part in cover(there, 0, n, n) if part in there] if n else []

    def __len__(self) -> int:
        """Return the number of rows."""
        return sum(stop - first for first, stop in self.ranges())

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Read one part after another."""
        for part in self.ranges():
            yield self._read(part)

    def to_parquet(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the rows into a Parquet file, one row group per part; only one part is in memory at a time.

        Columns: ``start``, ``x0`` to ``x{d-1}``, ``fun``, ``nit``, ``nfev`` and ``status``, a number
        (:class:`batchgd.Status` names it). DuckDB, Polars, pandas and Arrow read such files in pieces.

        Parameters
        ----------
        path : path
            The file, which appears complete or not at all.
        overwrite : bool
            Replace an existing file.

        Raises
        ------
        InputError
            If the file exists, or a part is damaged.
        ImportError
            Without pyarrow, which ``pip install "batchgd[rows]"`` installs.
        """
        arrow, parquet = require("pyarrow", "rows"), require("pyarrow.parquet", "rows")
        target, overwrite = resolved(path), check.flag("overwrite", overwrite)
        if not overwrite and target.exists():
            raise InputError(f"{target} exists: choose another name, or give {said('overwrite=True', '--overwrite')}")
        kinds = {"fun": self._dtype, "nit": "int64", "nfev": "int64", "status": "int8"}
        names = {"start": "int64", **{f"x{j}": self._dtype for j in range(self._box.dim)}, **kinds}
        schema = arrow.schema([(name, arrow.from_numpy_dtype(kind)) for name, kind in names.items()])
        with (
            writing(target, "choose a file that you can write"),
            appearing(target, overwrite) as file,
            parquet.ParquetWriter(file, schema) as writer,
        ):
            for part in self:
                x = part.pop("x")
                part |= {f"x{j}": x[:, j] for j in range(x.shape[1])}
                writer.write_table(arrow.table([part[name] for name in names], schema), len(x))
        return target

    def __repr__(self) -> str:
        """Return what there is, on one line."""
        parts, total = len(self.ranges()), self._folder.manifest.starts
        return f"rows of {self._name}: {len(self):,} of {total:,} starts in {plural(parts, 'part')}"

    def _read(self, part: Range) -> dict[str, Any]:
        folder = self._folder
        file = folder.file_of(part)
        try:
            found = read_part(file, self._box, self._dtype, folder.manifest.hash, part, rows=True).rows
        except InputError as error:
            raise InputError(f"{file} is damaged ({error}): repeat the call that made it") from None
        return {"start": np.arange(*part), **columns(found)}
