"""A name of a function's code and of all that it refers to, by which machine code of it can be found again."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

_UNSAVED = "unsaved"
_numbers = itertools.count()

_LIBRARIES = {"math", "cmath", "builtins", "operator", "numpy", "numba", "scipy", "llvmlite"}


class _Unknown(Exception):
    """Something whose content cannot be told."""


def name_of_content(function: Any, *others: Any) -> str:
    """Return a name that is the same for the same code with the same constants, globals and closures.

    If a function refers to something of another kind, the name is one that no other process uses.

    >>> name_of_content(lambda x: x + 1) == name_of_content(lambda x: x + 1) != name_of_content(lambda x: x + 2)
    True
    """
    digest = hashlib.blake2b(digest_size=16)
    try:
        for part in _parts((function, others), set()):
            digest.update(part)
    except _Unknown:
        return f"{_UNSAVED} {os.getpid()} {next(_numbers)}"
    return digest.hexdigest()


def is_kept(name: str) -> bool:
    """Whether a name is that of a content, so that machine code may be kept under it."""
    return not name.startswith(_UNSAVED)


def _parts(value: Any, seen: set[int]) -> Iterator[bytes]:
    if value is None or value is Ellipsis or isinstance(value, (bool, int, float, complex, str, bytes)):
        yield f"{type(value).__name__} {value!r};".encode()
    elif isinstance(value, (tuple, list)):
        yield f"{type(value).__name__} {len(value)};".encode()
        for each in value:
            yield from _parts(each, seen)
    elif isinstance(value, frozenset):
        yield from _parts(sorted(value, key=repr), seen)
    elif isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufc":
        array = np.ascontiguousarray(value)
        yield f"{array.dtype.str} {np.shape(value)};".encode() + array.tobytes()
    elif isinstance(value, CodeType):
        yield value.co_code + f"{value.co_argcount} {value.co_names} {value.co_varnames};".encode()
        yield from _parts(value.co_consts, seen)
    elif hasattr(value, "py_func"):
        yield repr(sorted(getattr(value, "targetoptions", {}).items())).encode()
        yield from _parts(value.py_func, seen)
    elif isinstance(value, FunctionType) and not _is_of_library(value.__module__):
        if id(value) not in seen:
            seen.add(id(value))
            yield from _function(value, seen)
    elif isinstance(value, (ModuleType, BuiltinFunctionType, FunctionType, np.ufunc, type)):
        yield _named(value)
    else:
        raise _Unknown


def _function(function: FunctionType, seen: set[int]) -> Iterator[bytes]:
    yield from _parts((function.__code__, function.__defaults__), seen)
    try:
        yield from _parts([cell.cell_contents for cell in function.__closure__ or ()], seen)
    except ValueError:  # a cell that is still empty
        raise _Unknown from None
    for name in sorted(_names(function.__code__)):
        if name in function.__globals__:
            yield f"global {name};".encode()
            yield from _parts(function.__globals__[name], seen)


def _names(code: CodeType) -> set[str]:
    inner = (_names(each) for each in code.co_consts if isinstance(each, CodeType))
    return set(code.co_names).union(*inner)


def _is_of_library(module: Any) -> bool:
    return str(module).partition(".")[0] in _LIBRARIES


def _named(value: Any) -> bytes:
    """The name of what belongs to a library, whose version the cache knows."""
    module = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None) or "numpy"
    if not _is_of_library(module):
        raise _Unknown
    return f"{module} {getattr(value, '__name__', '')};".encode()
