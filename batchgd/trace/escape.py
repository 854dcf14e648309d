"""What a trace cannot follow: the exception, and the line of the user's function that it is about."""

from __future__ import annotations

import linecache
import os
import re
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

import numpy as np

from batchgd.printable import printable


class Escape(Exception):
    """Raised inside the user's function; the tracer turns it into a TraceError with file and line.

    It is no ValueError, so that a function that catches those (``math.log`` of a negative number) does not swallow it.
    """

    def __init__(self, what: str, cure: str = ""):
        super().__init__(what)
        self.what, self.cure = what, cure


class _State(threading.local):
    """What the trace running in this thread, if any, has met."""

    depth = 0
    first: tuple[Escape, str] | None = None


_STATE = _State()


def tracing() -> bool:
    """Whether this thread is inside a trace."""
    return _STATE.depth > 0


@contextmanager
def watch() -> Iterator[_State]:
    """Note the first escape in the block, also one that the user's function swallows."""
    before = _STATE.first
    _STATE.depth, _STATE.first = _STATE.depth + 1, None
    try:
        yield _STATE
    finally:
        _STATE.depth, _STATE.first = _STATE.depth - 1, before


def escape(what: str, cure: str = "") -> Escape:
    """Return the exception to raise, having noted the line that is running."""
    error = Escape(what, cure)
    if _STATE.first is None:
        frame = _users_frame()
        place = f"{_short(frame.f_code.co_filename)}:{frame.f_lineno}" if frame else ""
        _STATE.first = (error, place)
    return error


def running_line() -> str:
    """Return the text of the user's line that is running, empty where it cannot be read."""
    frame = _users_frame()
    text = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip() if frame else ""
    return text if len(text) <= 80 else f"{text[:77]}..."


def _users_frame() -> FrameType | None:
    """Return the innermost frame of the user's code that runs inside the trace."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename != _TRACER:
        if is_users(frame.f_code.co_filename):
            return frame
        frame = frame.f_back
    return None


_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_OBJECTIVE = os.path.join(os.path.dirname(os.path.dirname(_HERE)), "objective.py")
_TRACER = _HERE + "tracer.py"
_STANDARD = os.path.realpath(sysconfig.get_paths()["stdlib"]) + os.sep
_NUMPY = os.path.dirname(np.__file__) + os.sep


def is_users(file: str) -> bool:
    """Whether a file is neither of the tracer, of NumPy, nor of another installed library."""
    return not is_inner(file) and "site-packages" not in file


def is_inner(file: str) -> bool:
    """Whether a file is of the tracer, of NumPy or of Python itself, where no line is worth pointing at."""
    if file.startswith((_HERE, _NUMPY, "<frozen")) or file == _OBJECTIVE:
        return True
    if not os.path.isabs(file):  # typed in, or of the working folder
        return False
    return os.path.realpath(file).startswith(_STANDARD) and "site-packages" not in file


def _short(file: str) -> str:
    """Return a path relative to the working directory where it lies below it."""
    try:
        folder = os.getcwd() + os.sep
    except OSError:  # the working directory was deleted
        return file
    return file[len(folder) :] if file.startswith(folder) else file


def line_of(traceback: TracebackType | None, fun: Any) -> str:
    """Return ``file:line`` of the last frame of an exception that is the user's, else a library's, else of ``fun``."""
    users = library = ""
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        place = f"{_short(file)}:{traceback.tb_lineno}"
        if is_users(file):
            users = place
        elif not is_inner(file):
            library = place
        traceback = traceback.tb_next
    return users or library or definition_of(fun)


def definition_of(fun: Any) -> str:
    """Return ``file:line`` of a function's definition, or its name."""
    inner = getattr(fun, "func", fun)  # of a functools.partial
    code = getattr(inner, "__code__", None) or getattr(vars(type(inner)).get("__call__"), "__code__", None)
    return f"{_short(code.co_filename)}:{code.co_firstlineno}" if code else name_of(fun)


def name_of(fun: Any) -> str:
    """Return what to call a function in messages."""
    name = getattr(fun, "__name__", None) or getattr(getattr(fun, "func", None), "__name__", type(fun).__name__)
    return printable(str(name))


def decision() -> Escape:
    """Return the error of a truth value that depends on x, with the cure that fits the line."""
    line = running_line()
    shown = f"`{line}` " if line else "a condition "
    if re.search(r"(?<![.\w])sorted\(|\.sort\(", line):
        return sorting("sorted")
    if re.search(r"(?<![.\w])(max|min)\(", line):
        what = f"{shown}uses Python's max or min, which compares values of x"
        return escape(what, "use np.maximum and np.minimum, or np.max and np.min")
    what = f"{shown}decides by the value of x, and a trace follows one branch only"
    return escape(what, "write bgd.where(condition, a, b), with & | ~ for and, or, not; np.maximum and np.minimum help")


def conversion(kind: str) -> Escape:
    """Return the error of a number that is wanted where only an expression is known, with the cure for the line."""
    line = running_line()
    shown = f"`{line}` " if line else "it "
    what = f"{shown}needs the number behind a traced value ({kind})"
    if re.match(r"[\w.]+(\[.*\]\s*=[^=]|(\[.*\])?\s*([-+*/@%]|\*\*|//)=)", line):
        cure = "start from np.zeros_like(x), or collect the parts in a list and join them with np.array or np.stack"
        return escape(f"{shown}puts a traced value into an array of plain numbers", cure)
    if kind != "float":
        return escape(what, "a whole number that depends on x cannot index or count; use np.floor, bgd.where")
    cure = "use NumPy's functions or math.cos with `import math` (not `from math import cos`), and no float() or dtype"
    return escape(what, cure)


def sorting(name: str) -> Escape:
    """Return the error of a function that orders values."""
    return escape(
        f"{name} orders values of x, which a trace cannot follow",
        "use np.maximum and np.minimum, or sums over all pairs",
    )
