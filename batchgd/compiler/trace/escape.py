"""What a trace cannot follow: the exception, and the line of the user's function that it is about."""

from __future__ import annotations

import dis
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

from batchgd.compiler.trace.blame import is_loop, library_call, library_cure, library_of, running, shortened
from batchgd.compiler.trace.substitutes import cure_for
from batchgd.problem.errors import printable


class Escape(Exception):
    """Raised inside the user's function; the tracer turns it into a TraceError with file and line.

    Not a ValueError, so that a function that catches those (``math.log`` of a negative number) does not swallow it.
    ``wrong`` is whether the function would be as wrong untraced.
    """

    def __init__(self, what: str, cure: str = "", *, wrong: bool = False):
        super().__init__(what)
        self.what, self.cure, self.wrong = what, cure, wrong


class _State(threading.local):
    """What the trace running in this thread, if any, has come across."""

    depth = 0
    first: tuple[Escape, str] | None = None
    graph: Any = None


_STATE = _State()


def tracing() -> bool:
    """Whether this thread is inside a trace."""
    return _STATE.depth > 0


def traced_graph() -> Any:
    """Return the graph that this thread's trace makes, None outside of one."""
    return _STATE.graph


@contextmanager
def watch(graph: Any) -> Iterator[_State]:
    """Note the first escape in a block that makes this graph, also one that the user's function swallows."""
    before = _STATE.first, _STATE.graph
    _STATE.depth, _STATE.first, _STATE.graph = _STATE.depth + 1, None, graph
    try:
        yield _STATE
    finally:
        _STATE.depth = _STATE.depth - 1
        _STATE.first, _STATE.graph = before


def escape(what: str, cure: str = "", *, wrong: bool = False) -> Escape:
    """Return the exception to raise, having noted the line that is running.

    Inside a library's function, it is the call of that function that cannot be traced, whatever it was doing. ``wrong``
    is whether the function would be as wrong untraced.
    """
    frames = _frames()
    called = library_call(frames)
    if called is not None:
        what, cure = f"{called[0]} cannot be traced", library_cure(called[0])
        frames = frames[: called[1]]
    error = Escape(what, cure, wrong=wrong)
    if _STATE.first is None:
        frame = _innermost(frames)
        place = f"{_short(frame.f_code.co_filename)}:{frame.f_lineno}" if frame else ""
        _STATE.first = (error, place)
    return error


def _frames() -> list[FrameType]:
    """Return the frames between the tracer and here, the user's function first."""
    frames = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename != _TRACER:
        frames.append(frame)
        frame = frame.f_back
    return frames[::-1]


def _innermost(frames: list[FrameType]) -> FrameType | None:
    return next((frame for frame in reversed(frames) if is_users_frame(frame)), None)


def _users_frame() -> FrameType | None:
    """Return the innermost frame of the user's code that runs inside the trace."""
    return _innermost(_frames())


_HERE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_OBJECTIVE = os.path.join(os.path.dirname(os.path.dirname(_HERE)), "objective.py")
_TRACER = _HERE + "tracer.py"
_STANDARD = os.path.realpath(sysconfig.get_paths()["stdlib"]) + os.sep
_NUMPY = os.path.dirname(np.__file__) + os.sep


def is_users(file: str) -> bool:
    """Whether a file belongs neither to the tracer, to NumPy, nor to another installed library."""
    return not is_inner(file) and "site-packages" not in file


def is_users_frame(frame: FrameType) -> bool:
    """Whether a frame runs the user's code; compiled libraries have frames in files that cannot be found."""
    return is_users(frame.f_code.co_filename) and not library_of(frame.f_globals.get("__name__"))


def is_inner(file: str) -> bool:
    """Whether a file belongs to the tracer, to NumPy or to Python itself, where no line is worth pointing at."""
    if file.startswith((_HERE, _NUMPY, "<frozen")) or file == _OBJECTIVE:
        return True
    if not os.path.isabs(file):  # typed in, or in the working folder
        return False
    return os.path.realpath(file).startswith(_STANDARD) and "site-packages" not in file


def _short(file: str) -> str:
    """Return a path relative to the working directory if it is below it."""
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
        if is_users_frame(traceback.tb_frame):
            users = place
        elif not is_inner(file) and not library_of(traceback.tb_frame.f_globals.get("__name__")):
            library = place
        traceback = traceback.tb_next
    return users or library or definition_of(fun)


def is_guarded() -> bool:
    """Whether some function of the user's that is running is inside a ``try``: what it may raise matters to it."""
    return any(is_users_frame(frame) and _inside_try(frame) for frame in _frames())


def _inside_try(frame: FrameType) -> bool:
    """Whether the instruction that runs is covered by an entry of the exception table."""
    parse = getattr(dis, "_parse_exception_table", None)
    if parse is None or not frame.f_code.co_exceptiontable:
        return bool(frame.f_code.co_exceptiontable)
    return any(entry.start <= frame.f_lasti < entry.end for entry in parse(frame.f_code))


def definition_of(fun: Any) -> str:
    """Return ``file:line`` of a function's definition, or its name."""
    inner = getattr(fun, "func", fun)  # of a functools.partial
    code = getattr(inner, "__code__", None) or getattr(vars(type(inner)).get("__call__"), "__code__", None)
    return f"{_short(code.co_filename)}:{code.co_firstlineno}" if code else name_of(fun)


def name_of(fun: Any) -> str:
    """Return what to call a function in messages."""
    name = getattr(fun, "__name__", None) or getattr(getattr(fun, "func", None), "__name__", type(fun).__name__)
    return printable(str(name))


def decision(paths: int) -> Escape:
    """Return the error of a condition that makes more paths than are followed, with the cure that fits it."""
    at = running(_users_frame())
    shown = shortened(at.text) or "a condition "
    if at.callee in ("sorted", "list.sort") or at.callee.endswith(".sort"):
        name = "sorted" if at.callee == "sorted" else ".sort()"
        return escape(f"{name} orders values of x in more ways than the {paths} paths of a trace", cure_for("sorted"))
    if is_loop(at.line) or at.breaks:
        what = f"{shown}has not ended its loop after {paths - 1} rounds, and a trace follows at most {paths} paths"
        return escape(what, cure_for("while"))
    what = f"{shown}decides by the value of x, which makes more than the {paths} paths that a trace follows"
    if at.callee in ("max", "min", "any", "all", "filter"):
        return escape(what, cure_for(at.callee))
    if at.masks:
        return escape(what, cure_for("mask"))
    return escape(what, cure_for("in" if re.search(r"\bin\b", at.text) else "branch"))


def forgetful() -> Escape:
    """Return the error of a function that asks other questions when it is called again."""
    shown = shortened(running(_users_frame()).text) or "the function "
    return escape(f"{shown}decides differently when the function is called again", cure_for("state"), wrong=True)


def conversion(kind: str) -> Escape:
    """Return the error of a number that is wanted where only an expression is known, with the cure for the call."""
    at = running(_users_frame())
    if at.library:
        return escape(f"{at.library} cannot be traced", library_cure(at.library))
    if at.fills:
        return escape(f"{shortened(at.line)}puts a traced value into an array of plain numbers", cure_for("fill"))
    shown = shortened(at.text) or "it "
    what = f"{shown}needs the number behind a traced value ({kind})"
    if kind == "index" and "*" in at.text and not at.callee:
        return escape(f"{shown}multiplies a list, which Python repeats instead", cure_for("list"))
    if kind != "float":
        return escape(what, cure_for("whole"))
    return escape(what, cure_for("text" if at.text.startswith(("'", '"')) else "number"))


def sorting(name: str) -> Escape:
    """Return the error of a function that orders more values than a network of comparisons is made for."""
    return escape(f"{name} orders more values of x than a trace can", cure_for(name))
