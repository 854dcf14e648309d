"""Show the progress of a run on stderr: one line that is rewritten on a terminal, occasional lines elsewhere."""

from __future__ import annotations

import math
import shutil
import sys
from typing import TextIO

from batchgd.cli.curve import Curve
from batchgd.engine.progress import DESCENDING, ProgressUpdate, percent
from batchgd.problem.wording import duration, minima_counted, quantity

SHOW_AFTER = 1.0  # seconds: a shorter run prints nothing
CURVE_AFTER = 10.0  # seconds after which a terminal also gets the discovery curve, if the line has room for it
CURVE_WIDTH = 16  # characters
SPARSE_SECONDS = 10.0  # a stream that is not a terminal gets a line at most this often ...
SPARSE_SHARE = 0.1  # ... and in long runs at most one per tenth of the elapsed time, so that a log grows with log(time)


def format_update(update: ProgressUpdate) -> str:
    """Write an update as one line.

    >>> format_update(ProgressUpdate(done=430_000, total=1_000_000, seconds=0.36, minima=4))
    'trajectories 430,000 / 1,000,000 (43 %)  1.19 M/s  about 1 s left  4 minima so far'
    >>> format_update(ProgressUpdate(9, 9, 2.0, phase="polishing", phase_done=3, phase_total=8))
    'polishing 3 / 8 points (37 %)'
    """
    if update.phase != DESCENDING:
        share = percent(update.phase_done, update.phase_total)
        return f"{update.phase} {update.phase_done:,} / {update.phase_total:,} points ({share} %)"
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
    """Show updates on a stream: one line that is rewritten on a terminal, occasional lines elsewhere.

    Runs shorter than a second show nothing. From ten seconds on, the line on a terminal ends with the discovery curve:
    minima found against starts. Use it as a context manager, which clears the line at the end.

    Parameters
    ----------
    stream : text stream, optional
        Where to write; default: stderr.
    columns : int, optional
        Width to which a rewritten line is cut (a wrapped line cannot be rewritten); default: that of the terminal.

    >>> with ProgressPrinter(sys.stdout) as printer:
    ...     printer(ProgressUpdate(done=10, total=100, seconds=0.5))
    ...     printer(ProgressUpdate(done=50, total=100, seconds=2.5))
    trajectories 50 / 100 (50 %)  20 /s  about 3 s left
    """

    def __init__(self, stream: TextIO | None = None, *, columns: int | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._rewrites = self._stream.isatty()
        self._columns = columns
        self._shown = 0  # characters of the line on the terminal
        self._next = SHOW_AFTER
        self._curve = Curve()

    def __call__(self, update: ProgressUpdate, /) -> None:
        """Show one update, if it is time to."""
        self._curve.add(update)
        if update.seconds < self._next:
            return
        line = format_update(update)
        if self._rewrites:
            room = max(1, (self._columns or shutil.get_terminal_size().columns) - 1)
            if update.phase == DESCENDING and update.seconds >= CURVE_AFTER and room >= len(line) + 2 + CURVE_WIDTH:
                line = f"{line}  {self._curve.line(CURVE_WIDTH)}".rstrip()
            line = line[:room]
            self._write("\r" + line.ljust(self._shown))
            self._shown = len(line)
        else:
            self._next = update.seconds + max(SPARSE_SECONDS, SPARSE_SHARE * update.seconds)
            self._write(line + "\n")

    def close(self) -> None:
        """Clear the line on the terminal."""
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
