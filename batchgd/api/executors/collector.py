"""The collector of a run on an executor: parts are ordered from the desk, checked, written, and taken."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from batchgd.api.executors.desk import Desk, Outcome, seconds_of
from batchgd.api.executors.memory import InMemory
from batchgd.api.executors.order import pack, versions
from batchgd.api.executors.worker import forget, know
from batchgd.api.runs.collector import PAUSE, PartsCollector
from batchgd.api.runs.folder import RunFolder
from batchgd.api.runs.part import Part, read_part
from batchgd.api.runs.split import Range, next_size
from batchgd.engine.batch import Batch
from batchgd.engine.progress import Watch
from batchgd.minima.collector import IntoCatalogue
from batchgd.problem.errors import BackendError, InputError, RunWarning, warn

_MOST_FAILED = 3
"""Parts that fail before any succeeds, after which the run is given up."""


class ExecutedCollector(PartsCollector):
    """Collects the parts of a run that workers make.

    Parameters
    ----------
    executor : Executor
        Who makes them.
    threads : int
        Threads for each of them.
    folder, batch, range_, coordinates, identity, ``**options``
        As for :class:`PartsCollector`.
    """

    def __init__(
        self, executor: Any, threads: int, folder: RunFolder, batch: Batch, *others: Any, **options: Any
    ) -> None:
        super().__init__(folder, batch, *others, **options)
        sent = replace(batch, compute=replace(batch.compute, threads=threads))
        packed = pack(sent, folder.manifest.hash)
        self._name = packed.name
        know(packed.name, sent)  # threads of this process find it
        self.desk = Desk(executor, packed, versions(batch), rows=folder.manifest.rows, opened=self._opened)
        self.failed: list[Outcome] = []

    def close(self) -> None:
        """Ask for nothing any more."""
        self.desk.close()
        forget(self._name)

    def _pass(self, todo: list[Range], watch: Callable[[], Watch]) -> list[Range]:
        """Collect what is left; returns the parts that other processes are computing."""
        began, whole = self.n, watch()
        whole.start()
        desk, left, aside = self.desk, [], []
        parts, more = self._split(todo, self.folder.parts()), True
        with ExitStack() as stack:
            claims: dict[Range, ExitStack] = {}
            while not self._over(watch()):
                while more and desk.has_room:
                    part = next(parts, None)
                    if part is None:
                        more = False
                    elif not self._read(part):
                        claims[part] = stack.enter_context(ExitStack())
                        if claims[part].enter_context(self.folder.claimed(part)) is not None:
                            left.append(part)
                        elif not self._read(part):
                            desk.send(part)
                if desk.idle and (not more or desk.broken):
                    break
                for outcome in desk.outcomes(PAUSE, last=not more):
                    claims.pop(outcome.part).pop_all().close()
                    if not outcome.made and not outcome.error:
                        aside.append(outcome)
                    else:
                        self._receive(outcome, watch())
                whole.report(self.n - began, 0, IntoCatalogue(self.catalogue).found)
        if desk.broken and not self._over(watch()):
            warn(f"the executor does not work any more ({desk.broken}): this process computes what is left", RunWarning)
        suspects = sorted(aside, key=lambda outcome: outcome.suspect)  # last: one of them may end this process too
        for part in [*parts, *(outcome.part for outcome in suspects)]:
            if self._over(watch()):
                break
            if not self._collect(part, watch()):
                left.append(part)
        return left

    def _receive(self, outcome: Outcome, watch: Watch) -> None:
        """Take what was made, or note that it cannot be."""
        if outcome.error:
            self.failed.append(outcome)
            if not self.desk.made and len(self.failed) >= _MOST_FAILED:
                self.refuse_if_nothing_was_made()
            return
        for part, content in outcome.made:
            self._add(part, content, worker=outcome.worker)
        if self.folder.manifest.part is None:
            done = [part for part, _ in outcome.made]
            batch, rows = self._batch, self.folder.manifest.rows
            starts, seconds = sum(part.stop - part.first for part in done), sum(map(seconds_of, done))
            size, known = next_size(batch, starts, seconds, rows=rows, shared=self._total)
            self._timed = size if known else max(size, self._timed)  # smaller ones may still be under way
            if known:
                self.folder.change(part=size)
        self._call_back(watch)

    def _opened(self, part: Range, contents: tuple[bytes, ...]) -> list[Part]:
        """Read what a worker made: one part, or several that together are this one."""
        made, first, name = [], part[0], self.folder.manifest.hash
        box, dtype, rows = self._batch.coordinates.inside_box, self._batch.dtype, self.folder.manifest.rows
        for content in contents:
            stop = part[1] if len(contents) == 1 else _stop_of(content)
            made.append(read_part(content, box, dtype, name, (first, stop), rows=rows))
            first = stop
        if first != part[1]:
            raise InputError("the answer is not the part that was ordered")
        if not all(each.complete for each in made):
            raise InputError("the answer is not complete")
        return made

    def refuse_if_nothing_was_made(self) -> None:
        """Raise BackendError if parts were ordered, and all of them failed."""
        if self.failed and not self.desk.made:
            raise BackendError(f"no part could be computed: {self.failed[0].error}")

    def failures(self) -> tuple[str, ...]:
        """Return a sentence for each part that no worker could make."""
        self.refuse_if_nothing_was_made()
        ranges = ((f"{each.part[0]:,} to {each.part[1] - 1:,}", each.error) for each in self.failed)
        return tuple(f"starts {part} were not computed: {error}" for part, error in ranges)

    def provenance(self) -> dict[str, Any]:
        """Return what is known about the run besides its result."""
        made = super().provenance()
        if isinstance(self.folder, InMemory):
            del made["run"], made["damaged"]
        return made | {"workers": len(self.desk.workers), "again": self.desk.again, "failed": len(self.failed)}


def _stop_of(content: bytes) -> int:
    """Where a part ends by its own account, which is checked when it is read."""
    from batchgd.api.storage.archive import opened, read_head

    with opened(content) as archive:
        head = read_head(archive)
    stop = head.get("stop") if isinstance(head, dict) else None
    if not isinstance(stop, int):
        raise InputError("the answer is not a part")
    return stop
