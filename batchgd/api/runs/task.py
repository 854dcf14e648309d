"""The task of a run: (batch, first, stop) -> part. It depends on nothing else, so any process may do it, and again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from batchgd.api.runs.events import log
from batchgd.api.runs.part import Part, statistics
from batchgd.engine.batch import Batch
from batchgd.engine.progress import Watch
from batchgd.engine.run import run
from batchgd.engine.trouble import is_lost, is_out_of_memory
from batchgd.kernels.plan import Cells
from batchgd.minima.catalogue import Catalogue
from batchgd.minima.collector import IntoCatalogue
from batchgd.problem.errors import BackendError
from batchgd.problem.speaker import option

_LEAST = 256
"""Starts that a part is not halved below: what does not fit then does not fit at all."""


def compute(
    batch: Batch, first: int, stop: int, *, rows: bool, watch: Watch, before: Catalogue | None = None
) -> Iterator[Part]:
    """Descend from a range of the starts of a batch; yields several parts if the memory was too small for one.

    Each is to be saved before the next is asked for, so that it need not stay in memory.

    Parameters
    ----------
    batch : Batch
        The whole run.
    first, stop : int
        The range.
    rows : bool
        Keep one row per start.
    watch : Watch
        The watch of this part: after Ctrl-C or once time is up, the part is not ``complete``.
    before : Catalogue, optional
        What was found by other parts, for progress reports.

    Raises
    ------
    BackendError
        If the device is lost.
    """
    try:
        part = _compute(batch, first, stop, rows, watch, before)
    except Exception as error:
        if is_out_of_memory(error) and stop - first >= 2 * _LEAST:
            log("halved", first=first, stop=stop, error=str(error))
        elif is_lost(error):
            raise BackendError(
                f"the device was lost ({type(error).__name__}: {error}): what was done is saved; repeat the call, or "
                f"go on with {option('backend', 'cpu')}, whose last digits may differ"
            ) from error
        else:
            raise
    else:
        yield part
        return
    middle = first + (stop - first) // 2
    yield from compute(batch, first, middle, rows=rows, watch=watch, before=before)
    yield from compute(batch, middle, stop, rows=rows, watch=watch.part(middle - first, 0), before=before)


def _compute(batch: Batch, first: int, stop: int, rows: bool, watch: Watch, before: Catalogue | None) -> Part:
    catalogue, began = Catalogue(batch.coordinates.inside_box), watch.seconds
    part = replace(batch, starts=batch.starts.part(first, stop))
    keys = np.zeros(stop - first, np.uint64) if rows else None
    out = run(part, keep=rows, into=_Into(catalogue, first, keys, before), watch=watch)
    len(catalogue)  # merges its cells now, while too little memory is a reason to make a smaller part
    made = out.endpoints if rows else None
    if made is not None:
        made.first = first
    seconds = watch.seconds - began
    return Part(first, stop, catalogue, out.status_counts, made, statistics(seconds, batch))


@dataclass
class _Into(IntoCatalogue):
    """Gathers the endpoints of a part, and counts in progress reports what other parts found as well."""

    before: Catalogue | None = None

    def found(self) -> dict[str, Any]:
        """Fields of a ProgressUpdate."""
        if self.before is None or not len(self.before):
            return super().found()
        here, before = self.catalogue, self.before
        if len(here) + len(before) > 4000:
            return {"distinct": max(len(here), len(before))}
        both = Catalogue(here.box)
        for each in (before, here):
            both.take(Cells(each.cells_per_width, each.key, each.count, each.first, each.x, each.fun, each.status), 0)
        return IntoCatalogue(both).found()
