"""The exceptions and warnings of batchgd, each with one line that gives the cause and the remedy."""

import difflib
import os
import sys
import warnings
from collections.abc import Iterable

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep


class InputError(ValueError):
    """What was passed in cannot be used; raised before any work starts."""


class ArgumentError(InputError, TypeError):
    """A call does not fit the signature: an unknown keyword, too many arguments, or one missing."""


class WriteError(InputError):
    """What was computed cannot be written: the disk is full, or the folder went away meanwhile."""


class TraceError(InputError):
    """A Python function could not be turned into an expression graph, or the graph disagrees with it."""


class BackendError(InputError):
    """The backend that was asked for does not work on this machine."""


class TraceSizeWarning(UserWarning):
    """A traced function is so large that a kernel made of it compiles slowly and keeps its state in memory."""


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the line outside batchgd that called in, however deep the call is."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def told(value: object) -> str:
    """Return what was passed in as it is written, in one line of bounded length.

    >>> told("many"), told([[1.0],\t[2.0]]), told(list(range(100)))
    ("'many'", '[[1.0], [2.0]]', '[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16...')
    """
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a number of more than 4,300 digits, or whatever a class of the caller's does
        text = f"<{type(value).__name__}>"
    return text if len(text) <= 60 else f"{text[:57]}..."


def did_you_mean(name: object, names: Iterable[str]) -> str:
    """Return "did you mean 'x'? " for the nearest of some names, or nothing where none is near.

    >>> did_you_mean("rastrign", ["ackley", "rastrigin"])
    "did you mean 'rastrigin'? "
    """
    by_lower_case = {known.lower(): known for known in names}
    near = difflib.get_close_matches(name[:100].lower(), by_lower_case, n=1) if isinstance(name, str) else []
    return f"did you mean {by_lower_case[near[0]]!r}? " if near else ""
