"""The collector of a run in parts: what is in the folder is read, what is missing is computed and written there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from batchgd.api.runs.events import log
from batchgd.api.runs.folder import RunFolder
from batchgd.api.runs.gathered import Gathered
from batchgd.api.runs.part import Part, machine
from batchgd.api.runs.partial import Partial
from batchgd.api.runs.split import Range, cover, first_size, next_size
from batchgd.api.runs.task import compute
from batchgd.engine.batch import Batch
from batchgd.engine.interrupts import current
from batchgd.engine.progress import Watch
from batchgd.kernels.plan import Endpoints
from batchgd.problem.coordinates import Coordinates
from batchgd.problem.errors import InputError, RunWarning, warn
from batchgd.problem.identity import Identity

PAUSE = 0.2
"""Seconds between two looks for the parts that other processes are computing."""


class PartsCollector(Gathered):
    """Collects the parts of a run, from its folder or by computing them.

    Parameters
    ----------
    folder : RunFolder
        Where parts are.
    batch : Batch
        The whole run.
    range_ : (int, int)
        The starts to collect: all, or those of a shard.
    callback : callable, optional
        Called with a :class:`Partial` after each part that was computed; if it returns True, the run ends there.
    """

    def __init__(
        self,
        folder: RunFolder,
        batch: Batch,
        range_: Range,
        coordinates: Coordinates,
        identity: Identity,
        *,
        keep: bool,
        callback: Callable[[Partial], Any] | None = None,
    ) -> None:
        super().__init__(coordinates, identity, batch.dtype, keep=keep)
        self.folder, self.callback = folder, callback
        self._batch, self._next, self._stop = batch, range_[0], range_[1]
        self._total = range_[1] - range_[0]
        self._ended = False
        self._timed = first_size(batch)
        folder.tidy()
        self.made: list[Range] = []
        self.damaged: list[str] = []

    def run(self, part: Batch, watch: Watch | None = None) -> Endpoints:
        """Collect as many starts as this batch has, from where the last call ended; ``endpoints`` has their rows."""
        watch = Watch() if watch is None else watch
        first, stop = self._next, min(self._next + part.starts.n, self._stop)
        self._next, before = stop, self.n
        if stop > self.folder.manifest.starts:
            self.folder.change(starts=stop)
        todo: list[Range] = [(first, stop)]
        while todo and not self._over(watch):
            found = self.n
            todo = self._pass(todo, lambda: watch.part(self.n - before, stop - first))
            if todo and self.n == found:
                time.sleep(PAUSE)  # other processes have what is left
        return Endpoints.empty(0, 0, self._batch.objective.dim, self._batch.dtype)

    @property
    def missing(self) -> int:
        """Starts of the range that were not collected."""
        return self._total - self.n

    # Parts

    def _pass(self, todo: list[Range], watch: Callable[[], Watch]) -> list[Range]:
        """Collect what is left, part after part; returns those that other processes are computing."""
        left: list[Range] = []
        for each in self._split(todo, self.folder.parts()):
            if self._over(watch()):
                break
            if not self._collect(each, watch()):
                left.append(each)
        return left

    def _split(self, todo: list[Range], have: list[Range]) -> Iterator[Range]:
        """Split what is left into parts; the size of those to compute is known once the first has been timed."""
        for first, stop in todo:
            while first < stop and (self.folder.manifest.part or self.folder.reread().part) is None:
                for begin, end in cover(have, first, stop, stop):
                    there = (begin, end) in have
                    first = end if there else min(end, begin + self._timed)
                    yield begin, first
                    if not there:
                        break
            yield from cover(have, first, stop, self.folder.manifest.part or 1)

    def _collect(self, part: Range, watch: Watch) -> bool:
        """Read or compute a part; False if another process is computing it."""
        if self._read(part):
            return True
        with self.folder.claimed(part) as holder:
            if holder is not None:
                log("waiting", first=part[0], stop=part[1], holder=holder)
                return False
            if not self._read(part):
                self._compute(part, watch)
            return True

    def _read(self, part: Range) -> bool:
        """Take a part from its file; a damaged one is reported, and computed again."""
        if not self.folder.has(part):
            return False
        try:
            found = self.folder.read(part, self._batch, rows=self.keep)
        except InputError as error:
            file = self.folder.file_of(part)
            if str(file) not in self.damaged:
                self.damaged.append(str(file))
                warn(f"{file} is damaged ({error}): it is computed again", RunWarning)
                log("damaged", first=part[0], stop=part[1], error=str(error))
            return False
        self.take_read(found)
        return True

    def _compute(self, part: Range, watch: Watch) -> None:
        """Compute a part and write it, unless the run ended before it was complete."""
        folder, rows, n = self.folder, self.folder.manifest.rows, part[1] - part[0]
        complete, seconds = True, 0.0
        for each in compute(self._batch, *part, rows=rows, watch=watch, before=self.catalogue):
            complete, seconds = complete and each.complete, seconds + each.statistics["seconds"]
            if each.complete:
                self._add(each, each)
            else:
                self.take(each)
        if folder.manifest.part is None and complete:
            self._timed, known = next_size(self._batch, n, seconds, rows=rows)
            if known:
                folder.change(part=self._timed)
        self._call_back(watch)

    def _add(self, part: Part, written: Part | bytes, **fields: Any) -> None:
        """Write a part that was computed, and take it."""
        self.folder.write((part.first, part.stop), written)
        self.made.append((part.first, part.stop))
        log("part", first=part.first, stop=part.stop, cells=len(part.catalogue), **fields, **part.statistics)
        self.take(part)

    def _call_back(self, watch: Watch) -> None:
        if self.callback is not None and not self._over(watch):
            self._ended = self.callback(Partial(self, self._batch, watch)) is True

    def _over(self, watch: Watch) -> bool:
        return self._ended or watch.over(self._batch.stopping.max_time) or current().seen

    def provenance(self) -> dict[str, Any]:
        """Return what is known about the run besides its result."""
        return {
            "run": str(self.folder.path),
            "configuration": self.folder.manifest.hash,
            "machine": machine(),
            "parts": len(self.ranges),
            "computed": len(self.made),
            "damaged": len(self.damaged),
            "missing": self.missing,
        }
