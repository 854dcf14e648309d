"""Merge runs: parts of one run that several machines made, and runs of other seeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchgd.api.result import MultistartResult
from batchgd.api.runs.configuration import Configuration, difference
from batchgd.api.runs.folder import RunFolder
from batchgd.api.runs.gathered import Gathered
from batchgd.api.runs.part import read_part
from batchgd.api.runs.restore import batch_of
from batchgd.api.runs.split import Range, cover
from batchgd.engine.batch import Batch
from batchgd.engine.interrupts import heeded
from batchgd.engine.progress import Progress, Watch
from batchgd.kernels.plan import Endpoints
from batchgd.minima.collect import collect
from batchgd.problem import check
from batchgd.problem.coordinates import Coordinates
from batchgd.problem.errors import InputError, RunWarning, quoted, warn
from batchgd.problem.identity import Identity, as_identity
from batchgd.problem.joined_starts import JoinedStarts
from batchgd.problem.keywords import explained
from batchgd.problem.samplings import Starts
from batchgd.problem.speaker import option, said


@explained
def merge(
    runs: str | Path | Sequence[str | Path],
    *,
    fun: Any = None,
    args: Any = (),
    identity: Identity | dict[str, Any] | None = None,
    keep: str | None = None,
    partial: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> MultistartResult:
    """Merge runs in parts into one result: shards of one run in several folders, and runs of different seeds.

    The result is that of one call with all these starts, to the last bit if there is one seed. Starts of another seed
    are further independent starts, so counts, fractions and coverage are those of all of them together; they are
    numbered by ascending seed, so the order of the folders does not matter.

    Parameters
    ----------
    runs : path, or sequence of paths
        Folders that ``run=`` made.
    fun : callable or Objective, optional
        The function of the runs; a library landscape is found by its name.
    args : tuple
        Further arguments of ``fun``, as in the runs.
    identity : Identity or dict, optional
        As in :func:`multistart`.
    keep : "all" or "minima", optional
        As in :func:`multistart`; default: ``"all"`` if the parts have rows.
    partial : bool
        Merge what there is; otherwise missing and damaged parts are an error.
    threads : int, optional
        Worker threads of the CPU backend, which polishes the minima.
    progress : callable, optional
        As in :func:`multistart`.

    Returns
    -------
    MultistartResult
        ``result.seed`` is None if there are several seeds; ``result.provenance`` lists them.

    Raises
    ------
    InputError
        If runs differ in anything but seed and number of starts: function, box, bounds, method, tolerances, dtype,
        backend, version of the arithmetic; the first difference is named. If parts are missing.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from batchgd import multistart
    >>> with TemporaryDirectory() as folder:
    ...     for k in (1, 2):
    ...         part = multistart("himmelblau", starts=1000, run=f"{folder}/{k}", shard=(k, 2))
    ...     merge([f"{folder}/1", f"{folder}/2"]).minima.count.sum()
    np.int64(1000)
    """
    watch = Watch(progress)
    identity, partial = as_identity(identity), check.flag("partial", partial)
    paths = [runs] if isinstance(runs, str | Path) else [*runs]
    if not paths:
        raise InputError("there is no run to merge: give the folders of some")
    folders = [RunFolder.open(path) for path in paths]
    rows = all(folder.manifest.rows for folder in folders)
    keep = check.one_of("keep", keep or ("all" if rows else "minima"), ("all", "minima"))
    if keep == "all" and not rows:
        raise InputError(f"not all of these runs keep rows: omit {option('keep', 'all')}")
    sources = _sources(folders, fun, args, threads, rows=keep == "all" and not partial)
    if not partial:
        _check_complete(sources)
    batch = sources[0].batch
    made: list[_Merged] = []

    def gather(coordinates: Coordinates, identity: Identity, *, keep: bool) -> _Merged:
        made.append(_Merged(sources, coordinates, identity, keep=keep, partial=partial))
        return made[0]

    with heeded():
        result = MultistartResult.of(collect(batch, identity, keep=keep == "all", watch=watch, gather=gather))
    _finish(result, sources, made[0])
    return result


@dataclass
class _Source:
    """The parts of one seed, which may be in several folders; its starts are numbered from ``offset`` on."""

    seed: int
    batch: Batch
    folders: list[RunFolder]
    offset: int

    @property
    def files(self) -> dict[Range, RunFolder]:
        """In which folder each part is."""
        return {part: folder for folder in self.folders for part in folder.parts()}

    def cover(self) -> list[Range]:
        """Ranges that cover all starts, whether or not there is a part of them."""
        n = self.batch.starts.n
        return list(cover(self.files, 0, n, n))


class _Merged(Gathered):
    """Collects the parts of several runs."""

    def __init__(
        self, sources: list[_Source], at: Coordinates, identity: Identity, *, keep: bool, partial: bool
    ) -> None:
        super().__init__(at, identity, sources[0].batch.dtype, keep=keep)
        self.sources, self.partial = sources, partial

    def run(self, part: Batch, watch: Watch | None = None) -> Endpoints:
        """Read all parts."""
        for source in self.sources:
            files = source.files
            for each in source.cover():
                if each in files:
                    self._read(source, files[each], each)
        return Endpoints.empty(0, 0, part.box.dim, part.dtype)

    def taken(self, starts: Starts) -> Starts:
        """The starts of all runs."""
        if len(self.sources) == 1:
            return super().taken(starts)
        joined = []
        for source in self.sources:
            begin, end = source.offset, source.offset + source.batch.starts.n
            of_source = sorted(each for each in self.ranges if begin <= each[0] < end)
            joined += [(source.batch.starts, first - begin, stop - begin) for first, stop in of_source]
        return JoinedStarts(joined)

    def _read(self, source: _Source, folder: RunFolder, part: Range) -> None:
        file, batch = folder.file_of(part), source.batch
        try:
            found = read_part(
                file, batch.coordinates.inside_box, batch.dtype, folder.manifest.hash, part, rows=self.keep
            )
        except InputError as error:
            message = f"{file} is damaged ({error})"
            if not self.partial:
                raise InputError(f"{message}: repeat the call that made it, or give {_partial()}") from None
            warn(f"{message}: it is left out", RunWarning)
            return
        self.take_read(found, source.offset)


def _sources(folders: list[RunFolder], fun: Any, args: Any, threads: int | None, *, rows: bool) -> list[_Source]:
    """Sort the folders by seed, and check that they fit."""
    first = folders[0].manifest.configuration
    by_seed: dict[int, list[RunFolder]] = {}
    for folder in folders:
        ours = _besides_seed(folder.manifest.configuration)
        changed = difference(_besides_seed(first), ours, f"in {folders[0].path}", f"in {folder.path}")
        if changed is not None:
            raise InputError(f"these runs do not fit: {changed}; merge them apart")
        by_seed.setdefault(folder.manifest.configuration["seed"], []).append(folder)
    if len(by_seed) > 1 and first["starts"] is not None:
        raise InputError(f"{quoted(first['sampling']['name'])} starts of several seeds do not add up to one run")
    sources: list[_Source] = []
    for seed, same in sorted(by_seed.items()):
        longest = max(same, key=lambda folder: folder.manifest.starts)
        offset = sources[-1].offset + sources[-1].batch.starts.n if sources else 0
        sources.append(_Source(seed, batch_of(longest, fun, args, threads, rows=rows), same, offset))
    return sources


def _besides_seed(configuration: Configuration) -> Configuration:
    return {name: value for name, value in configuration.items() if name != "seed"}


def _check_complete(sources: Iterable[_Source]) -> None:
    for source in sources:
        files = source.files
        gaps = [each for each in source.cover() if each not in files]
        if gaps:
            missing, n = sum(stop - first for first, stop in gaps), source.batch.starts.n
            shown = ", ".join(f"{first:,} to {stop - 1:,}" for first, stop in gaps[:3]) + (", ..." if gaps[3:] else "")
            raise InputError(
                f"{missing:,} of the {n:,} starts of seed {source.seed} are missing ({shown}): make them, or give "
                f"{_partial()} to merge what there is"
            )


def _partial() -> str:
    return said("partial=True", "--partial")


def _finish(result: MultistartResult, sources: list[_Source], collector: _Merged) -> None:
    """Note where the result comes from."""
    several = len(sources) > 1
    wanted = sum(source.batch.starts.n for source in sources)
    if several:
        result.seed = None
    result.seconds += collector.seconds_before
    if result.n < wanted:
        result.warnings += (f"not complete: {result.n:,} of {wanted:,} starts were merged",)
    result.__dict__["provenance"] = {
        **result.provenance,
        "run": ", ".join(str(folder.path) for source in sources for folder in source.folders),
        "configuration": sources[0].folders[0].manifest.hash,
        "seeds": ", ".join(str(source.seed) for source in sources),
        "parts": len(collector.ranges),
        "missing": wanted - result.n,
    }
