"""The rows of a run, part by part: more starts than memory has room for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.api.runs.folder import RunFolder
from batchgd.api.runs.part import read_part
from batchgd.api.runs.split import cover
from batchgd.api.storage.codec import decode
from batchgd.api.storage.typed import typed
from batchgd.kernels.plan import columns
from batchgd.problem.box import Box
from batchgd.problem.coordinates import Coordinates
from batchgd.problem.domain import Domain
from batchgd.problem.errors import InputError
from batchgd.problem.keywords import explained
from batchgd.problem.speaker import option


@dataclass(frozen=True)
class _Settings:
    """The fields of a configuration that rows are read with."""

    box: list[NDArray[np.float64]]
    dtype: str
    domain: list[str] | None = None


@explained
def rows(run: str | Path) -> Iterator[dict[str, Any]]:
    """Read the rows of a run in parts, one part after another in the order of the starts.

    Each part is a dict of arrays with one entry per start: ``start`` (its number), ``x`` (n, d), ``fun``, ``nit``,
    ``nfev`` and ``status``. Only one part is in memory at a time. Starts that are not done yet are left out.

    Parameters
    ----------
    run : path
        A folder that ``run=`` made, with ``keep="disk"`` or ``keep="all"``.

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
    manifest = folder.manifest
    if not manifest.rows:
        raise InputError(f"{folder.path} has no rows: make the run with {option('keep', 'disk')}")
    settings = typed(decode(manifest.configuration), _Settings, f"{folder.path}: configuration")
    box = Box(*settings.box)
    if settings.domain is not None:
        box = Coordinates(box, domain=Domain.of(settings.domain, box)).inside_box
    return _parts(folder, box, "float64" if settings.dtype == "mixed" else settings.dtype)


def _parts(folder: RunFolder, box: Box, dtype: str) -> Iterator[dict[str, Any]]:
    have, n = folder.parts(), folder.manifest.starts
    there = set(have)
    for part in cover(have, 0, n, n):
        if part in there:
            file = folder.file_of(part)
            try:
                found = read_part(file, box, dtype, folder.manifest.hash, part, rows=True).rows
            except InputError as error:
                raise InputError(f"{file} is damaged ({error}): repeat the call that made it") from None
            yield {"start": np.arange(*part), **columns(found)}
