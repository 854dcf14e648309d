"""From FUN to the function to minimise: the name of a landscape, or FILE.py:NAME of a function or an objective."""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batchgd.cli.console import nearest, one_line
from batchgd.problem.errors import InputError

if TYPE_CHECKING:
    from batchgd.compiler.differentiable import Differentiable

SavedRun = Annotated[str, typer.Argument(metavar="RUN", help="A saved run (--out of `batchgd run`).")]
FunctionOfRun = Annotated[
    str | None, typer.Option("--fun", metavar="FUN", help="The run's function, if it is not a landscape.")
]


def load_target(target: str | None) -> str | Callable[..., Any] | Differentiable:
    """Return the landscape's name, or the function or the objective that the file defines.

    Raises
    ------
    InputError
        If nothing is named, the landscape is unknown, or the file does not exist, does not parse, raises when it is
        loaded, or lacks the function; the message then names the nearest one.
    """
    if target is None:
        raise InputError("FUN is missing: give a landscape (`batchgd list` shows them) or FILE.py:FUNCTION")
    file, colon, name = target.rpartition(":")
    if colon:
        return _function(_load_module(file), file, name)
    if target.endswith(".py") or os.sep in target:
        raise InputError(f"{target} names no function: write {target}:FUNCTION")
    from batchgd.problem import landscapes

    return landscapes.get(target).name


def _load_module(file: str) -> ModuleType:
    """Run the file as a module of its own; from then on, files in its folder can be imported."""
    path = Path(file)
    try:
        wrong = (
            "is a folder"
            if path.is_dir()
            else ""
            if path.is_file()
            else "is not a file"
            if path.exists()
            else "does not exist"
        )
    except OSError as error:
        wrong = f"cannot be read: {error.strerror}"
    if wrong:
        raise InputError(f"{file} {wrong}; give the name of a landscape or FILE.py:FUNCTION")
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)  # last: a queue.py in that folder must not replace Python's
    private = f"_batchgd_target_{path.stem}"
    spec = importlib.util.spec_from_loader(private, loader=None, origin=str(path))
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(path)
    sys.modules[private] = module  # before it runs: dataclasses and pickle look up their module by name
    try:
        # Compiled from the text each time: a stored .pyc is compared by seconds and size alone, so it can be stale.
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    except BaseException as error:
        del sys.modules[private]
        if isinstance(error, KeyboardInterrupt):
            raise
        raise InputError(_why(error, file)) from error
    return module


def _why(error: BaseException, file: str) -> str:
    if isinstance(error, SyntaxError):
        return f"{error.filename or file} does not parse, line {error.lineno}: {error.msg}"
    if isinstance(error, OSError) and error.filename == file:
        return f"{file} cannot be read: {error.strerror}"
    lines = [entry.lineno for entry in traceback.extract_tb(error.__traceback__) if entry.filename == file]
    place = f" in line {lines[-1]}" if lines else ""
    return f"{file} raised {type(error).__name__}{place} when it was loaded: {one_line(str(error))}"


def _function(module: ModuleType, file: str, name: str) -> Callable[..., Any] | Differentiable:
    from batchgd.compiler.differentiable import Differentiable

    def is_target(value: Any) -> bool:
        return callable(value) or isinstance(value, Differentiable)

    if not hasattr(module, name):
        names = [key for key, value in vars(module).items() if is_target(value) and not key.startswith("_")]
        raise InputError(f"{file} has no function {name!r}; {nearest(name, names)}")
    function = getattr(module, name)
    if not is_target(function):
        raise InputError(f"{name!r} in {file} is a {type(function).__name__}, not a function or an objective")
    return function
