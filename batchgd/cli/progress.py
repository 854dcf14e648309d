"""Show the progress of a run on stderr: one line that is rewritten on a terminal, occasional lines elsewhere."""

from __future__ import annotations

import math
import shutil
import sys
from typing import TextIO

from batchgd.cli.discovery import Discovery
from batchgd.engine.progress import DESCENDING, ProgressUpdate, percent
from batchgd.problem.wording import duration, minima_counted, quantity

SHOW_AFTER = 1.0  # seconds: a shorter run prints nothing
CURVE_AFTER = 10.0  # seconds: a longer run shows on a terminal how what it found has grown
SPARSE_SECONDS = 10.0  # a stream that is not a terminal gets a line at most this often ...
SPARSE_SHARE = 0.1  # ... and in long runs at most one per tenth of the elapsed time, so that a log grows with log(time)


def format_update(update: ProgressUpdate, curve: str = "") -> str:
    """Write an update as one line; with a curve, which is put at its end, the line is shorter.

    >>> format_update(ProgressUpdate(done=430_000, total=1_000_000, seconds=0.36, minima=4))
    'trajectories 430,000 / 1,000,000 (43 %)  1.19 M/s  about 1 s left  4 minima so far'
    >>> format_update(ProgressUpdate(9, 9, 2.0, phase="polishing", phase_done=3, phase_total=8))
    'polishing 3 / 8 points (37 %)'
    >>> format_update(ProgressUpdate(done=430_000, total=1_000_000, seconds=12.0, distinct=90), "▂▅▇█")
    '43 %  35.8 k/s  about 16 s left  90 distinct endpoints  ▂▅▇█'
    """
    if update.phase != DESCENDING:
        share = percent(update.phase_done, update.phase_total)
        return f"{update.phase} {update.phase_done:,} / {update.phase_total:,} points ({share} %)"
    how_far, so_far = f"trajectories {update.done:,} / {update.total:,} ({update.percent} %)", " so far"
    if curve:
        how_far, so_far = f"{update.percent} %", f"  {curve}"
    parts = [how_far]
    if update.done:
        parts.append(quantity(update.rate, "/s"))
    if update.done < update.total and update.remaining is not None:
        parts.append(f"about {duration(max(1, math.ceil(update.remaining)))} left")
    if update.minima is not None:
        parts.append(f"{minima_counted(update.minima)}{so_far}")
    elif update.distinct is not None:
        parts.append(f"{update.distinct:,} distinct endpoints{so_far}")
    return "  ".join(parts)


class ProgressPrinter:
    """Show updates on a stream: one line that is rewritten on a terminal, occasional lines elsewhere.

    Runs shorter than a second show nothing; those longer than 10 seconds also show, on a terminal, the discovery curve:
    the number of minima (or of distinct endpoints) against the starts so far. Use it as a context manager, which clears
    the line at the end.

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
        self._curves: dict[str, Discovery] = {}  # one of minima, one of distinct endpoints

    def __call__(self, update: ProgressUpdate, /) -> None:
        """Show one update, if it is time to."""
        curve = self._curve(update)
        if update.seconds < self._next:
            return
        line = format_update(update, curve if self._rewrites and update.seconds > CURVE_AFTER else "")
        if self._rewrites:
            line = line[: max(1, (self._columns or shutil.get_terminal_size().columns) - 1)]
            self._write("\r" + line.ljust(self._shown))
            self._shown = len(line)
        else:
            self._next = update.seconds + max(SPARSE_SECONDS, SPARSE_SHARE * update.seconds)
            self._write(line + "\n")

    def _curve(self, update: ProgressUpdate) -> str:
        """The curve of what the update counts; empty if it counts nothing."""
        name = "distinct" if update.minima is None else "minima"
        found = getattr(update, name)
        if found is None or update.phase != DESCENDING:
            return ""
        curve = self._curves.setdefault(name, Discovery())
        curve.add(update.done, found)
        return str(curve)

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
