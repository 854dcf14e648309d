"""Which call of the user's function a trace cannot follow, read off the running frames and the line's own text."""

from __future__ import annotations

import ast
import builtins
import linecache
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from dis import opname
from types import FrameType
from typing import Any

from batchgd.compiler.trace.substitutes import CURES, cure_for
from batchgd.problem.errors import printable

LIBRARIES = {
    "scipy": "SciPy",
    "numba": "Numba",
    "pandas": "pandas",
    "sklearn": "scikit-learn",
    "statsmodels": "statsmodels",
    "sympy": "SymPy",
    "mpmath": "mpmath",
    "torch": "PyTorch",
    "jax": "JAX",
    "autograd": "autograd",
    "lmfit": "lmfit",
    "numdifftools": "numdifftools",
}
"""Packages that compute by themselves: what they call, and is called from them, is not the user's to change."""

NUMBA_CURE = "write the plain function, `f.py_func` of f: it is compiled here"
_WRAPPERS = {"wrapper", "wrapped", "inner", "func", "f", "call", "__call__", "__init__", "__new__"}


def library_of(module: str | None) -> str:
    """Return what to call the library of a module, or nothing if it is not one of ``LIBRARIES``."""
    return LIBRARIES.get((module or "").split(".")[0], "")


def library_call(frames: Sequence[FrameType]) -> tuple[str, int] | None:
    """Return the first library function on a stack, such as ``SciPy's quad``, and its place there.

    The public name is looked for among the frames that follow: decorators and helpers come first.
    """
    for i, frame in enumerate(frames):
        library = library_of(frame.f_globals.get("__name__"))
        if library:
            if library == "Numba":
                return "Numba's compiled function", i
            names = [_public(each) for each in frames[i:] if library_of(each.f_globals.get("__name__")) == library]
            known = [name for name in names if name in CURES]
            plain = [name for name in names if not name.startswith("_") and name not in _WRAPPERS]
            return f"{library}'s {(known or plain or names)[0]}", i
    return None


def _public(frame: FrameType) -> str:
    """Return the name of a function as a user calls it: of a distribution and a spline with the object's name."""
    name, owner = frame.f_code.co_name, frame.f_locals.get("self")
    if owner is None:
        return name
    if name in ("__call__", "__init__"):
        return type(owner).__name__
    distribution = getattr(getattr(owner, "dist", owner), "name", None)
    if distribution is None and frame.f_globals.get("__name__", "").startswith("scipy.stats"):
        distribution = type(owner).__name__.removesuffix("_gen").removesuffix("_frozen")
    return f"{distribution}.{name}" if isinstance(distribution, str) else name


@dataclass(frozen=True)
class Running:
    """The expression that a frame is at: its text, and, if it is a call, what it calls, by name and as the object.

    ``fills``: it assigns to an element; ``masks``: it is an element whose index is computed; ``breaks``: if it
    holds, a loop ends.
    """

    text: str
    callee: str = ""
    function: Any = None
    line: str = ""
    fills: bool = False
    masks: bool = False
    breaks: bool = False

    @property
    def library(self) -> str:
        """``SciPy's erf`` if the function called belongs to a library and has no frame of its own."""
        owner = getattr(self.function, "__self__", None)
        modules: Iterable[Any] = (getattr(each, "__module__", None) for each in (self.function, owner, type(owner)))
        library = next(filter(None, map(library_of, filter(lambda name: isinstance(name, str), modules))), "")
        return f"{library}'s {self.callee.rsplit('.', 1)[-1]}" if library else ""


def running(frame: FrameType | None) -> Running:
    """Return the expression that runs in a frame, cut from its source; empty if that is not available."""
    if frame is None:
        return Running("")
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).split("  #")[0].strip()
    text = _segment(frame)
    fills = opname[frame.f_code.co_code[frame.f_lasti]] == "STORE_SUBSCR" or _IN_PLACE.match(text) is not None
    try:
        node = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError):  # a statement
        return Running(line, line=line, fills=fills)
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Call):
        node = node.func
    after = linecache.getline(frame.f_code.co_filename, frame.f_lineno + 1).strip()
    breaks = re.match(r"if\b", line) is not None and "break" in (line.split()[-1], after)
    if not isinstance(node, ast.Call):
        masks = isinstance(node, ast.Subscript) and not isinstance(node.slice, (ast.Constant, ast.UnaryOp))
        return Running(text, line=line, fills=fills, masks=masks, breaks=breaks)
    return Running(text, ast.unparse(node.func), _resolved(node.func, frame), line, breaks=breaks)


def _segment(frame: FrameType) -> str:
    """Return the source of the instruction that runs."""
    place = next((at for i, at in enumerate(frame.f_code.co_positions()) if i == frame.f_lasti // 2), (None,) * 4)
    first, last, begin, end = place
    if first is None or last is None or begin is None or end is None:
        return ""
    lines = [linecache.getline(frame.f_code.co_filename, i).encode() for i in range(first, last + 1)]
    if not lines[0]:
        return ""
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][begin:]
    return " ".join(b"".join(lines).decode(errors="replace").split())


def _resolved(node: ast.expr, frame: FrameType) -> Any:
    """Return the object that a name, or an attribute of one, refers to in a frame."""
    if isinstance(node, ast.Attribute):
        return getattr(_resolved(node.value, frame), node.attr, None)
    if isinstance(node, ast.Name):
        for names in (frame.f_locals, frame.f_globals, vars(builtins)):
            if node.id in names:
                return names[node.id]
    return None


def shortened(text: str) -> str:
    """Return code in backticks, of bounded length; nothing for no text.

    >>> shortened("x > 0")
    '`x > 0` '
    """
    return f"`{printable(text if len(text) <= 80 else f'{text[:77]}...')}` " if text else ""


def is_loop(line: str) -> bool:
    """Whether a line begins a while loop."""
    return re.match(r"while\b", line) is not None


_IN_PLACE = re.compile(r"[\w.]+(\[.*\])?\s*([-+*/@%]|\*\*|//)=")


def library_cure(called: str) -> str:
    """Return the substitute of ``SciPy's quad``."""
    library, name = called.split("'s ", 1)
    return NUMBA_CURE if library == "Numba" else cure_for(name)
