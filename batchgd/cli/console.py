"""What the shell writes and where: results on stdout, everything else on stderr, and the exit codes.

Commands print; ``app.py`` holds back what they print on stdout until they are over, so that files are saved first.
"""

import contextlib
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from batchgd.problem.errors import did_you_mean, printable

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended: 128 + SIGINT
EXIT_READER_LEFT = 141  # ... and for one that writes into a pipe nobody reads: 128 + SIGPIPE


def one_line(text: str) -> str:
    """Fold a message into one line that a terminal shows as it is.

    >>> one_line("first\\n    second")
    'first second'
    """
    return printable(" ".join(text.split()))


def nearest(word: str, names: Sequence[str]) -> str:
    """Return a hint which of the names was probably meant, or a list of them if none is close.

    >>> nearest("himelblau", ["himmelblau", "levy"])
    "did you mean 'himmelblau'?"
    >>> nearest("zzz", ["a", "b"])
    'available: a, b'
    >>> nearest("zzz", [])
    'available: none'
    """
    near = did_you_mean(word, names)
    if near:
        return near.strip()
    shown = ", ".join(sorted(names)[:12]) + (", ..." if len(names) > 12 else "")
    return f"available: {shown or 'none'}"


class Console:
    """Messages for the user, on stderr; silent if ``quiet``."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet

    def say(self, message: str) -> None:
        """Print one line."""
        if not self.quiet:
            print(one_line(message), file=sys.stderr, flush=True)

    @contextlib.contextmanager
    def guard_stdout(self) -> Iterator[None]:
        """Send what is printed inside to stderr, and each warning as one line: stdout is for the result alone."""
        with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.showwarning = self._show_warning
            yield

    @contextlib.contextmanager
    def progress(self) -> Iterator[Any]:
        """Yield what to pass as ``progress=``: a printer, or None if messages are not wanted."""
        from batchgd.cli.progress import ProgressPrinter

        if self.quiet:
            yield None
        else:
            with ProgressPrinter() as printer:
                yield printer

    def _show_warning(self, message: Warning | str, *_: Any, **__: Any) -> None:
        self.say(f"warning: {message}")


def show(options: dict[str, Any], text: Callable[[], str], record: Callable[[], Any]) -> None:
    """Print what a command found, with at most ``limit`` rows of a table: as text, or as one JSON object."""
    from batchgd.problem.limits import printoptions

    with printoptions(limit=options.get("limit")):
        if options.get("json"):
            print_json(record())
        else:
            print(text())


def print_json(value: Any) -> None:
    """Print one JSON object on stdout; numbers that JSON does not have (NaN, infinities) are null.

    It is ASCII, with escapes for the rest: a redirected file is valid JSON whatever the encoding of the terminal.
    """
    from batchgd.output.json_text import json_pieces

    sys.stdout.writelines(json_pieces(value))
    print()
