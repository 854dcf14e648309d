"""Check a user's compiled function before anything relies on it: that it compiles, and that its gradient is right."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.own.code import UserCode
from batchgd.compiler.own.entry import is_plain, jitted
from batchgd.compiler.plain.differences import EPS, relative_step
from batchgd.compiler.trace.escape import definition_of, name_of
from batchgd.compiler.trace.verify import raised, sample
from batchgd.problem import check
from batchgd.problem.errors import InputError

Floats = NDArray[np.float64]

_TRIED, _WANTED = 64, 3
"""Points of the box that are tried, in search of some at which the function is finite."""

_MOST = 1000
"""Coordinates whose derivatives are checked."""

_WRONG = 1e-3
"""The error of a derivative, relative to the largest one, from which it counts as wrong."""


def plain_function(function: Any) -> Callable[..., Any]:
    """Return the Python function behind one of Numba's."""
    found: Callable[..., Any] = getattr(function, "py_func", function)
    return found


def check_signature(function: Any, has_params: bool) -> None:
    """Raise InputError if the function cannot be called as it will be, or not from several threads."""
    check.takes("value_and_gradient", plain_function(function), ["x", "g", "p"] if has_params else ["x", "g"])
    if getattr(function, "targetoptions", {}).get("parallel"):
        raise InputError(
            f"{name_of(plain_function(function))} is compiled with parallel=True, but trajectories run in parallel "
            "already: leave it out"
        )


def compile_it(code: UserCode) -> None:
    """Compile the function, or raise InputError with Numba's reason."""
    from numba import types

    if is_plain():
        return
    function = plain_function(code.function)
    vector = types.Array(types.float64, 1, "C")
    kinds: list[Any] = [vector, vector]
    if code.shape is not None:
        kinds.append(types.Array(types.float64, len(code.shape), "C") if code.shape else types.float64)
    try:
        made = jitted(code.function)
        if made._can_compile:
            made.compile(tuple(kinds))
        returned = made.nopython_signatures[-1].return_type
        if not isinstance(returned, (types.Float, types.Integer, types.Boolean)):
            raise InputError(f"{definition_of(function)}: {name_of(function)} returns {returned}: return the value")
        code.entry(hessian=False)
    except InputError:
        raise
    except Exception as error:  # Numba's are of many kinds
        place, reason = _place(function, str(error)), _reason(str(error))
        raise InputError(f"{place}: {name_of(function)} cannot be compiled by Numba: {reason}") from None


def _reason(message: str) -> str:
    """What Numba's message of many lines says, in one."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in message.splitlines()]
    said = [line for line in lines if line and not line.startswith(("Failed in ", "During:", "Enable logging"))]
    return " ".join(said[:2]).rstrip(":.") if said else "no reason given"


def _place(function: Callable[..., Any], message: str) -> str:
    lines = re.findall(r'File "([^"]+)", line (\d+)', message)
    file = getattr(getattr(function, "__code__", None), "co_filename", "")
    own = [line for path, line in lines if path and file.endswith(path.lstrip("."))]
    return f"{file}:{own[0]}" if own else definition_of(function)


def check_values(code: UserCode, lower: Floats, upper: Floats, params: Floats | None, *, given: bool) -> None:
    """Raise InputError if the function is finite nowhere in a box that is ``given``, or its gradient is wrong."""
    points = sample(lower, upper, _TRIED)
    with np.errstate(all="ignore"):
        rows = code.at(points, params, hessian=False)
    finite = np.flatnonzero(np.isfinite(rows[:, code.dim]))[:_WANTED]
    if len(finite) == 0 and given:
        raise InputError(_nowhere(code, points[0], params))
    for x, row in zip(points[finite], rows[finite], strict=True):
        _check_point(code, x, params)
        _check_gradient(code, x, row[: code.dim], upper - lower, params)


def _nowhere(code: UserCode, x: Floats, params: Floats | None) -> str:
    function = plain_function(code.function)
    try:
        with np.errstate(all="ignore"):
            value = function(x.copy(), np.zeros(code.dim), *_others(params))
    except Exception as error:
        return raised(function, error)
    return (
        f"{definition_of(function)}: {name_of(function)} returns {value!r} at x = {_shown(x)}, and no finite number at "
        f"{_TRIED} points of the box: correct it, or choose another box"
    )


def _others(params: Floats | None) -> tuple[Any, ...]:
    return () if params is None else (params.copy() if params.ndim else float(params),)


def _check_point(code: UserCode, x: Floats, params: Floats | None) -> None:
    """Raise if the function changes its point, which the next call relies on."""
    given = x.copy()
    numbers = np.zeros(1) if params is None else params.ravel().copy()
    code.call(given, np.zeros(code.dim), numbers)
    changed = np.flatnonzero(given != x)
    if len(changed):
        function = plain_function(code.function)
        raise InputError(
            f"{definition_of(function)}: {name_of(function)} changes x[{changed[0]}]: work on a copy, x.copy()"
        )


def _check_gradient(code: UserCode, x: Floats, slopes: Floats, widths: Floats, params: Floats | None) -> None:
    """Compare the gradient at a point with central differences, which are trusted as far as two steps agree."""
    dim = code.dim
    chosen = np.arange(dim) if dim <= _MOST else np.sort(np.random.default_rng(dim).choice(dim, _MOST, replace=False))
    h = relative_step(EPS, 3) * widths[chosen]
    moved = np.repeat(x[None], 4 * len(chosen), axis=0).reshape(4, len(chosen), dim)
    for step, rows in zip((1, -1, 2, -2), moved, strict=True):
        rows[np.arange(len(chosen)), chosen] += step * h
    with np.errstate(all="ignore"):
        values = code.at(moved.reshape(-1, dim), params, hessian=False)[:, dim]
        up, down, up2, down2 = values.reshape(4, -1)
        near, far = (up - down) / (2 * h), (up2 - down2) / (4 * h)
        rough = 4 * np.abs(near - far) + 4 * EPS * np.maximum(np.abs(up), np.abs(down)) / h
        size = max(np.nanmax(np.abs(near * h), initial=0.0), np.nanmax(np.abs(slopes[chosen] * h), initial=0.0)) / h
        wrong = ~(np.abs(slopes[chosen] - near) <= _WRONG * size + rough) & np.isfinite(near)
    if wrong.any():
        function, i = plain_function(code.function), int(np.argmax(wrong))
        raise InputError(
            f"{definition_of(function)}: {name_of(function)} writes {slopes[chosen[i]]:.6g} into g[{chosen[i]}] at x = "
            f"{_shown(x)}, but its values have the slope {near[i]:.6g} along x[{chosen[i]}]: correct the gradient"
        )


def _shown(x: Floats) -> str:
    return f"[{', '.join(f'{each:.6g}' for each in x[:6])}{', ...' if len(x) > 6 else ''}]"
