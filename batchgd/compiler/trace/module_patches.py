"""Puts stand-ins into the globals and closures of the user's functions, while they are traced, and takes them out."""

from __future__ import annotations

import builtins
import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from batchgd.compiler.trace.blame import library_of
from batchgd.compiler.trace.builtin_functions import BUILTINS
from batchgd.compiler.trace.call import WithArgs
from batchgd.compiler.trace.escape import is_inner, is_users, is_users_frame, tracing
from batchgd.compiler.trace.stand_ins import StandIn, stand_in

_LOCK = threading.RLock()

_UNDO: list[Callable[[], None]] = []
"""What puts the originals back, for everything that is swapped at the moment; guarded by the lock."""


def running(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate a function of ours with the user's functions that it runs, so that they are traced as by themselves."""

    def mark(function: Callable[..., Any]) -> Callable[..., Any]:
        vars(function)["__runs__"] = functions
        return function

    return mark


@contextmanager
def patched_modules(*functions: Any) -> Iterator[None]:
    """Put the stand-ins into the globals and closures that the functions, and the functions they call, see."""
    with _LOCK:
        before = len(_UNDO)
        try:
            _patch_imports()
            for function in _called(functions):
                _patch_globals(function)
                _patch_defaults(function)
                for cell in function.__closure__ or ():
                    _patch_cell(cell)
            yield
        finally:
            _restore(before)


def _restore(kept: int = 0) -> None:
    """Undo all swaps except the first ones."""
    while len(_UNDO) > kept:
        _UNDO[-1]()
        del _UNDO[-1]


def _after_fork() -> None:
    """Give a forked child, in which no other thread lives on, a free lock and the modules that other threads swapped.

    A child that was forked inside a trace goes on with that trace.
    """
    global _LOCK
    if not tracing():
        _LOCK = threading.RLock()
        _restore()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _patch_imports() -> None:
    """Let an import inside a function that is traced give the stand-in; those of a module's own stay as they are."""
    real = builtins.__import__

    @functools.wraps(real)
    def traced_import(*args: Any, **kwargs: Any) -> Any:
        module, frame = real(*args, **kwargs), sys._getframe(1)
        inside = tracing() and frame.f_code.co_name != "<module>" and is_users_frame(frame)
        return stand_in(module) if inside else module

    _UNDO.append(functools.partial(setattr, builtins, "__import__", real))
    builtins.__import__ = traced_import


def _patch_globals(function: FunctionType) -> None:
    names = function.__globals__
    modules = [name for name, value in list(names.items()) if isinstance(value, ModuleType)]
    for name in {*modules, *_names(function.__code__)}:
        if name in names:
            value = names[name]
            ours = stand_in(value)
            if ours is not value:
                _UNDO.append(functools.partial(names.__setitem__, name, value))  # first: a fork may come in between
                names[name] = ours
        elif name in BUILTINS:
            _UNDO.append(functools.partial(names.pop, name, None))
            names[name] = BUILTINS[name]


def _patch_defaults(function: FunctionType) -> None:
    before = function.__defaults__
    ours = tuple(map(stand_in, before or ()))
    if any(new is not old for new, old in zip(ours, before or (), strict=True)):
        _UNDO.append(functools.partial(setattr, function, "__defaults__", before))
        function.__defaults__ = ours


def _patch_cell(cell: CellType) -> None:
    value = _content(cell)
    ours = stand_in(value)
    if ours is not value:
        _UNDO.append(functools.partial(setattr, cell, "cell_contents", value))
        cell.cell_contents = ours


def _patch_instances(value: Any) -> None:
    """Patch the attributes of the objects whose methods calling a value may run: a model that contains a spline."""
    if isinstance(value, functools.partial):
        for part in (value.func, *value.args, *value.keywords.values()):
            _patch_instances(part)
    owner = value.__self__ if isinstance(value, MethodType) else value
    names = getattr(owner, "__dict__", None)
    if not isinstance(names, dict) or isinstance(owner, (FunctionType, ModuleType, type)) or not _is_users(type(owner)):
        return
    for name, attribute in list(names.items()):
        ours = stand_in(attribute)
        if ours is not attribute:
            _UNDO.append(functools.partial(names.__setitem__, name, attribute))
            names[name] = ours


def _is_users(kind: type) -> bool:
    """Whether a class is written in a file of the user's."""
    return is_users(getattr(sys.modules.get(kind.__module__), "__file__", None) or "")


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # the name is bound after the function is made
        return None


def _called(functions: Any) -> list[FunctionType]:
    """Return the functions that can be reached by name from some of them, except those of NumPy and Python.

    Objects and functions of ours that call functions of the user have these in ``__runs__``.
    """
    found: dict[int, FunctionType] = {}
    stack = [function for function in functions if function is not None]
    while stack and len(found) < 1000:
        value = stack.pop()
        _patch_instances(value)
        stack.extend(each for each in _run_by(value) if each is not None)
        for function in _functions_in(value):
            if id(function) not in found and not is_inner(function.__code__.co_filename):
                found[id(function)] = function
                stack.extend(_referenced(function))
    return list(found.values())


def _run_by(value: Any) -> tuple[Any, ...]:
    """Return what an object or a wrapper of ours calls that belongs to the user."""
    if isinstance(value, WithArgs):
        return (value.func, *value.args)
    if isinstance(value, FunctionType):
        return (getattr(value, "__wrapped__", None), *getattr(value, "__runs__", ()))
    return () if isinstance(value, type) else getattr(value, "__runs__", ())


def _functions_in(value: Any) -> list[FunctionType]:
    """Return the functions that calling a value would run."""
    if isinstance(value, FunctionType):
        return [value, *_functions_in(getattr(value, "__wrapped__", None))]
    if isinstance(value, MethodType):
        return [*_functions_in(value.__func__), *_functions_in(type(value.__self__))]
    if isinstance(value, functools.partial):
        return [each for part in (value.func, *value.args, *value.keywords.values()) for each in _functions_in(part)]
    if isinstance(value, WithArgs):
        return [each for part in (value.func, *value.args) for each in _functions_in(part)]
    if isinstance(value, np.vectorize):
        return _functions_in(value.pyfunc)
    if isinstance(value, (staticmethod, classmethod)):
        return _functions_in(value.__func__)
    if isinstance(value, property):
        return _functions_in(value.fget)
    if isinstance(value, type):
        return [
            each
            for base in value.__mro__
            for part in vars(base).values()
            if isinstance(part, (FunctionType, staticmethod, classmethod, property))
            for each in _functions_in(part)
        ]
    if isinstance(value, (list, tuple)) and len(value) <= 100:
        return [each for part in value if callable(part) for each in _functions_in(part)]
    if value is None or isinstance(value, ModuleType) or type(value).__module__ in ("builtins", "numpy"):
        return []
    return [] if library_of(type(value).__module__) else _functions_in(type(value))


def _referenced(function: FunctionType) -> list[Any]:
    """Return what a function's code names: globals, attributes of modules, and what its closure contains."""
    names = _names(function.__code__)
    values = [function.__globals__[name] for name in names if name in function.__globals__]
    for module in [value for value in values if isinstance(value, ModuleType) and not isinstance(value, StandIn)]:
        if is_users(getattr(module, "__file__", None) or "site-packages"):
            values += [vars(module)[name] for name in names if name in vars(module)]
    values += [_content(cell) for cell in function.__closure__ or ()]
    return [*values, *(function.__defaults__ or ())]


def _names(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names(constant)
    return names
