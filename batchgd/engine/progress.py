"""The watch over a run, shared by all its parts: its clock, the progress it reports, and what ends it early."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from time import perf_counter as now
from typing import Any

import numpy as np

from batchgd.engine.interrupts import current
from batchgd.kernels.status import Status
from batchgd.problem import check

SECONDS = 0.5  # between two updates
DESCENDING, POLISHING, MERGING = "descending", "polishing", "merging"
CLASSIFYING, MEASURING = "classifying", "measuring"


@dataclass(frozen=True, slots=True)
class ProgressUpdate:
    """How far a run is.

    Parameters
    ----------
    done, total : int
        Trajectories ended, and all of them.
    seconds : float
        Seconds of work; compiling does not count.
    minima : int or None
        Distinct minima so far; None if they are not known before the end, or are too many to be counted on the way.
    distinct : int or None
        Distinct endpoints so far, distinguished to a millionth of the box: at least as many as minima.
    phase : str
        ``"descending"``; then, with all trajectories ended, ``"polishing"``, ``"merging"``, ``"classifying"`` and
        ``"measuring"`` (the distance of the nearest two minima; for a ``bgd.Callback`` also eigenvalues).
    phase_done, phase_total : int
        Points that this phase has done, and all of them; 0 of 0 while descending.

    >>> update = ProgressUpdate(done=250, total=1000, seconds=2.0, minima=4)
    >>> update.rate, update.remaining
    (125.0, 6.0)
    """

    done: int
    total: int
    seconds: float
    minima: int | None = None
    distinct: int | None = None
    phase: str = DESCENDING
    phase_done: int = 0
    phase_total: int = 0

    @property
    def rate(self) -> float:
        """Trajectories per second of work; 0 before the first one has ended."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def remaining(self) -> float | None:
        """Seconds left if the rate stays as it is; None while the rate is not known."""
        return (self.total - self.done) / self.rate if self.rate > 0 else None

    @property
    def percent(self) -> int:
        """Share of the trajectories that have ended; 100 only when all have."""
        return percent(self.done, self.total)


def percent(done: int, total: int) -> int:
    """Return done of total in whole percent; 100 only when all are done."""
    return 100 if done >= total else 100 * done // total


Progress = Callable[[ProgressUpdate], object]
"""What ``progress=`` takes: called about twice a second from the thread that started the run."""


class _Clock:
    """The seconds that a run has worked; stopped until work begins, and while code is compiled."""

    def __init__(self) -> None:
        self.began = now()
        self.reported = 0.0  # seconds at the latest update
        self._worked = 0.0
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        return self._worked + (0.0 if self._since is None else now() - self._since)

    def start(self) -> None:
        if self._since is None:
            self._since = now()

    def stop(self) -> None:
        self._worked, self._since = self.seconds, None


class Watch:
    """What a run and all its parts share: the clock, the progress function, and whether the run is to end early.

    A run in parts makes one watch and passes it to every part; parts of parts share it as well. So ``max_time`` and the
    seconds of a progress update are those of the whole run, and once time is up for one part it is for those that
    follow.

    Parameters
    ----------
    progress : callable, optional
        Called with a ProgressUpdate, at most twice a second.

    Attributes
    ----------
    control : (1,) array
        0, or the status that ends the run early; compiled code reads it.
    cut : str or None
        The phase after the descents that was left unfinished.
    finish : float or None
        The seconds of work after which these phases are left.

    >>> watch = Watch()
    >>> watch.go_on(POLISHING, 0, 100), watch.cut, watch.over(max_time=60.0)
    (True, None, False)
    """

    def __init__(self, progress: Progress | None = None) -> None:
        self.control = np.zeros(1, np.int32)
        self.cut: str | None = None
        self.finish: float | None = None
        self._progress = check.function("progress", progress, "a function of one ProgressUpdate")
        self._clock = _Clock()
        self._before, self._total = 0, 0

    # The clock

    @property
    def elapsed(self) -> float:
        """Seconds since the watch was made, compiling included."""
        return now() - self._clock.began

    @property
    def seconds(self) -> float:
        """Seconds of work: since the first ``start``, without the time between each ``stop`` and the next ``start``."""
        return self._clock.seconds

    def start(self) -> None:
        """Let the clock run: the code is compiled, and work begins."""
        self._clock.start()

    def stop(self) -> None:
        """Stop the clock: code is compiled, which counts neither towards ``max_time`` nor towards the rate."""
        self._clock.stop()

    # What ends the run early

    @property
    def ended_by(self) -> Status | None:
        """MAXTIME or INTERRUPTED if that ended the run early, else None."""
        if current().seen:
            return Status.INTERRUPTED
        return Status(int(self.control[0])) if self.control[0] > 0 else None

    def over(self, max_time: float | None) -> bool:
        """Whether the run is to end: it has worked longer than ``max_time``, or Ctrl-C was pressed."""
        if max_time is not None and self.control[0] == 0 and self.seconds > max_time:
            self.control[0] = Status.MAXTIME
        return self.ended_by is not None

    @property
    def late(self) -> bool:
        """Whether the work has taken longer than ``finish``."""
        return self.finish is not None and self.seconds > self.finish

    # Progress

    def part(self, first: int, total: int) -> Watch:
        """Return the watch for a part of the run: its trajectories follow ``first`` others, of ``total`` in all."""
        part = copy(self)
        part._before, part._total = self._before + first, self._total or total
        return part

    def silent(self) -> Watch:
        """Return the watch for a part that reports nothing."""
        part = copy(self)
        part._progress = None
        return part

    def report(self, done: int, n: int, found: Callable[[], dict[str, Any]] | None) -> None:
        """Report how many of this part's n trajectories have ended; ``found()`` gives further fields."""
        if self._due():
            self._notify(self._before + done, self._total or n, **(found() if found and done else {}))

    def go_on(self, phase: str, done: int, total: int) -> bool:
        """Report that a phase has done some of its points; return whether to go on. Once False, it stays False."""
        self.start()
        if self._due():
            self._notify(self._before, self._before, phase=phase, phase_done=done, phase_total=total)
        if self.cut is None and (current().overdue or self.late):
            self.cut = phase
        return self.cut is None

    def _due(self) -> bool:
        return self._progress is not None and self.seconds - self._clock.reported > SECONDS

    def _notify(self, done: int, total: int, **fields: Any) -> None:
        assert self._progress is not None
        self._clock.reported = self.seconds
        self._progress(ProgressUpdate(done, total, self.seconds, **fields))


class _Unwatched(Watch):
    def go_on(self, phase: str, done: int, total: int) -> bool:
        return True


UNWATCHED = _Unwatched()
"""For work that always runs to the end."""
