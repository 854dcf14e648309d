"""What a solver says while it runs, and the printer that shows it on stderr."""

from __future__ import annotations

import math
import shutil
import sys
import time
from dataclasses import dataclass
from typing import Protocol, TextIO

from batchgd.engine.interrupts import Interrupt
from batchgd.problem.wording import duration, minima_counted, quantity

SECONDS = 0.5  # between two updates
DESCENDING, POLISHING, MERGING = "descending", "polishing", "merging"
CLASSIFYING, MEASURING = "classifying", "measuring"

SHOW_AFTER = 1.0  # seconds: a shorter run prints nothing
SPARSE_SECONDS = 10.0  # a stream that is no terminal gets a line this often at most ...
SPARSE_SHARE = 0.1  # ... and in long runs one per tenth of the time gone by, so that a log grows with log(time)


@dataclass(frozen=True, slots=True)
class ProgressUpdate:
    """How far a run is.

    Parameters
    ----------
    done, total : int
        Trajectories ended, and all of them.
    seconds : float
        Time since the run began.
    minima : int or None
        Distinct minima so far; None where they are not known before the end, or are too many to be counted on the way.
    distinct : int or None
        Distinct endpoints so far, told apart to a millionth of the box: at least as many as minima.
    phase : str
        ``"descending"``; then, with all trajectories ended, ``"polishing"``, ``"merging"``, ``"classifying"`` and
        ``"measuring"`` (eigenvalues, and the distance of the nearest two minima).
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
        """Trajectories per second since the run began; 0 before the first one has ended."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def remaining(self) -> float | None:
        """Seconds left if the rate stays as it is; None while it is not known."""
        return (self.total - self.done) / self.rate if self.rate > 0 else None

    @property
    def percent(self) -> int:
        """Share of the trajectories that have ended; 100 only when all have."""
        return _percent(self.done, self.total)


def _percent(done: int, total: int) -> int:
    return 100 if done >= total else 100 * done // total


class Progress(Protocol):
    """What ``progress=`` takes: called about twice a second from the thread that started the run."""

    def __call__(self, update: ProgressUpdate, /) -> None:
        """Take one update."""


class Watch:
    """What long work asks between its blocks: it reports how far the work is, and says when to leave off.

    Parameters
    ----------
    progress : callable, optional
        Called with a ProgressUpdate, at most twice a second.
    n : int
        The trajectories behind the work, all of them ended.
    began : float, optional
        ``time.perf_counter()`` when the run began; now when not given.
    interrupt : Interrupt, optional
        Ctrl-C, which ends the work early.

    Attributes
    ----------
    cut : str or None
        The phase in which the work was told to leave off.

    >>> watch = Watch()
    >>> watch.go_on(POLISHING, 0, 100), watch.cut
    (True, None)
    """

    def __init__(
        self,
        progress: Progress | None = None,
        n: int = 0,
        began: float | None = None,
        interrupt: Interrupt | None = None,
    ) -> None:
        self.cut: str | None = None
        self._progress, self._n = progress, n
        self._told = time.perf_counter()
        self._began = self._told if began is None else began
        self._interrupt = Interrupt() if interrupt is None else interrupt

    def go_on(self, phase: str, done: int, total: int) -> bool:
        """Report that a phase has done some of its points; whether it is to go on. Once it is not, it stays so."""
        now = time.perf_counter()
        if self._progress is not None and now - self._told > SECONDS:
            self._told = now
            seconds = now - self._began
            self._progress(ProgressUpdate(self._n, self._n, seconds, phase=phase, phase_done=done, phase_total=total))
        if self.cut is None and self._interrupt.overdue:
            self.cut = phase
        return self.cut is None


UNWATCHED = Watch()
"""For work that always goes to its end."""


def format_update(update: ProgressUpdate) -> str:
    """Write an update as one line.

    >>> format_update(ProgressUpdate(done=430_000, total=1_000_000, seconds=0.36, minima=4))
    'trajectories 430,000 / 1,000,000 (43 %)  1.19 M/s  about 1 s left  4 minima so far'
    >>> format_update(ProgressUpdate(9, 9, 2.0, phase=POLISHING, phase_done=3, phase_total=8))
    'polishing 3 / 8 points (37 %)'
    """
    if update.phase != DESCENDING:
        percent = _percent(update.phase_done, update.phase_total)
        return f"{update.phase} {update.phase_done:,} / {update.phase_total:,} points ({percent} %)"
    parts = [f"trajectories {update.done:,} / {update.total:,} ({update.percent} %)"]
    if update.done:
        parts.append(quantity(update.rate, "/s"))
    if update.done < update.total and update.remaining is not None:
        parts.append(f"about {duration(max(1, math.ceil(update.remaining)))} left")
    if update.minima is not None:
        parts.append(f"{minima_counted(update.minima)} so far")
    elif update.distinct is not None:
        parts.append(f"{update.distinct:,} distinct endpoints so far")
    return "  ".join(parts)


class ProgressPrinter:
    """Show updates on a stream: one line that is rewritten on a terminal, a line now and then elsewhere.

    Runs shorter than a second show nothing. Use it as a context manager: leaving clears the line.

    Parameters
    ----------
    stream : text stream, optional
        Where to write; stderr when not given.
    columns : int, optional
        Width to cut a rewritten line to (a wrapped line cannot be rewritten); the terminal's when not given.

    >>> with ProgressPrinter(sys.stdout) as printer:
    ...     printer(ProgressUpdate(done=10, total=100, seconds=0.5))
    ...     printer(ProgressUpdate(done=50, total=100, seconds=2.5))
    trajectories 50 / 100 (50 %)  20 /s  about 3 s left
    """

    def __init__(self, stream: TextIO | None = None, *, columns: int | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._rewrites = self._stream.isatty()
        self._columns = columns
        self._shown = 0  # characters of the line that stands on the terminal
        self._next = SHOW_AFTER

    def __call__(self, update: ProgressUpdate, /) -> None:
        """Show one update, if it is time to."""
        if update.seconds < self._next:
            return
        line = format_update(update)
        if self._rewrites:
            line = line[: max(1, (self._columns or shutil.get_terminal_size().columns) - 1)]
            self._write("\r" + line.ljust(self._shown))
            self._shown = len(line)
        else:
            self._next = update.seconds + max(SPARSE_SECONDS, SPARSE_SHARE * update.seconds)
            self._write(line + "\n")

    def close(self) -> None:
        """Clear the line that stands on the terminal."""
        if self._shown:
            self._write("\r" + " " * self._shown + "\r")
            self._shown = 0

    def __enter__(self) -> ProgressPrinter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
