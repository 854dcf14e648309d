"""A multi-start in parts: the arguments ``run``, ``shard`` and ``callback``, checked, and what gathers the parts."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np

from batchgd.analysis.strategies.base import Strategy
from batchgd.api.executors.choice import check_executor, started
from batchgd.api.executors.collector import ExecutedCollector
from batchgd.api.executors.memory import InMemory
from batchgd.api.result import MultistartResult
from batchgd.api.runs.collector import PartsCollector
from batchgd.api.runs.configuration import differs_per_start
from batchgd.api.runs.folder import RunFolder
from batchgd.api.runs.partial import Partial
from batchgd.api.runs.split import Range, share
from batchgd.engine.batch import Batch
from batchgd.engine.compute import Compute
from batchgd.problem import check
from batchgd.problem.coordinates import Coordinates
from batchgd.problem.errors import InputError, quoted
from batchgd.problem.identity import Identity
from batchgd.problem.speaker import option, said
from batchgd.problem.starts import check_memory


def kept(keep: Any, run: Any) -> str:
    """Check the argument ``keep``."""
    keep = check.one_of("keep", keep, ("all", "disk", "minima"))
    if keep == "disk" and run is None:
        instead = option("keep", "minima")
        raise InputError(f"{option('keep', 'disk')} needs {option('run')}, a folder: add it, or give {instead}")
    return keep


@dataclass(frozen=True)
class Parts:
    """How a run is made in parts.

    Attributes
    ----------
    path : str or Path
        The folder.
    shard : (int, int) or None
        Which shard of how many.
    callback : callable or None
        Called with a :class:`Partial` after each part.
    executor : Executor, function, int or None
        Who makes the parts: an executor, a function that makes one, or a number of processes on this machine.
    threads : int or None
        Threads of each worker.
    """

    path: str | Path | None
    shard: tuple[int, int] | None = None
    callback: Callable[[Partial], Any] | None = None
    executor: Any = None
    threads: int | None = None

    @classmethod
    def of(cls, run: Any, shard: Any, callback: Any, executor: Any, threads: Any) -> Parts | None:
        """Check the arguments of a call; None if the run is not made in parts."""
        executor = None if executor is None else check_executor(executor)
        if run is None and callback is not None and executor is None:
            raise InputError(
                "callback needs run, a folder: give both, or progress=, called about twice a second, without; "
                "bgd.path returns every point of a path"
            )
        if run is None and shard is not None:
            raise InputError(f"{option('shard')} needs {option('run')}, a folder: add it, or omit {option('shard')}")
        if run is None and executor is None:
            return None
        callback = check.function("callback", callback, "a function of what was found so far")
        path = None if run is None else check.path(option("run"), run)
        return cls(path, None if shard is None else _shard(shard), callback, executor, threads)

    @property
    def _asked(self) -> str:
        return option("run") if self.path is not None else said("executor", "--workers or --scheduler")

    def refuse(self, compute: Compute, strategy: Strategy | None) -> None:
        """Raise InputError for options that do not go with parts."""
        if compute.device:
            raise InputError(f"device=True does not go with {self._asked}: omit one of them")
        if strategy is not None:
            raise InputError(f"{self._asked} does not go with {strategy.name}: {strategy.resumes}; omit one of them")

    def gathering(self, batch: Batch, keep: str, *, until: bool) -> Gathering:
        """Open the folder, and return what makes the collector of a run.

        Raises InputError if the folder has another run, or if the batch cannot be made in parts.
        """
        if differs_per_start(batch):
            raise InputError(f"{self._asked} needs one value of each hyperparameter for all starts: omit it")
        if until and self.shard is not None:
            raise InputError(f"{option('until')} looks at all starts, so it has no shards: omit {option('shard')}")
        n = batch.starts.n
        number, of = self.shard or (1, 1)
        first, stop = share(n, number, of)
        if keep == "all" and not until:
            check_memory(stop - first, batch.box.dim, np.dtype(batch.dtype))
        if first == stop:
            raise InputError(f"shard is {number}/{of}, which has none of the {n} starts: give fewer shards")
        rows = keep != "minima"
        if self.path is None:
            folder: RunFolder = InMemory(batch, rows=rows)
        else:
            folder = RunFolder.of(self.path, batch, rows=rows, starts=0 if until else n)
        return Gathering(folder, batch, (first, stop), self.callback, self.executor, self.threads)


@dataclass
class Gathering:
    """Makes the collector of a run in parts, and knows afterwards what it did."""

    folder: RunFolder
    batch: Batch
    range: Range
    callback: Callable[[Partial], Any] | None
    executor: Any = None
    threads: int | None = None
    collector: PartsCollector | None = None
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def __call__(self, coordinates: Coordinates, identity: Identity, *, keep: bool) -> PartsCollector:
        """Make the collector."""
        arguments = (self.folder, self.batch, self.range, coordinates, identity)
        if self.executor is None:
            self.collector = PartsCollector(*arguments, keep=keep, callback=self.callback)
        else:
            executor, threads = started(self.executor, self.threads, self.batch, self._stack)
            self.collector = ExecutedCollector(executor, threads, *arguments, keep=keep, callback=self.callback)
            self._stack.callback(self.collector.close)
        return self.collector

    def finish(self, result: MultistartResult) -> None:
        """Note in the result where it comes from, and what is missing."""
        assert self.collector is not None
        done, missing = self.collector.n, self.collector.missing
        result.seconds += self.collector.seconds_before
        result.__dict__["provenance"] = {**result.provenance, **self.collector.provenance()}
        if isinstance(self.collector, ExecutedCollector):
            result.warnings += self.collector.failures()
        if missing and result.stopped is None:
            again = said("; the same call does the rest", "; the same line does the rest")
            rest = "" if isinstance(self.folder, InMemory) else again
            result.warnings += (f"the run is not complete: {done:,} of {done + missing:,} starts are done{rest}",)


def _shard(given: Any) -> tuple[int, int]:
    """Read a shard: a pair of numbers, or text as "3/16"."""
    wanted = f"give one such as {said('(3, 16)', '3/16')}, the third of sixteen"
    if isinstance(given, str):
        match = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", given)
        if match is None:
            raise InputError(f"shard is {quoted(given)}: {wanted}")
        given = (int(match[1]), int(match[2]))
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise InputError(f"shard is {quoted(given)}: {wanted}")
    number, of = (check.whole("shard", each, 0) for each in given)
    if not 1 <= number <= of:
        raise InputError(f"shard is {number}/{of}: shards are counted from 1 to {of}; {wanted}")
    return number, of
