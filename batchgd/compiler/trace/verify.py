"""Compare a trace with the plain function at a few points, before anything relies on it."""

from __future__ import annotations

from collections.abc import Callable
from traceback import walk_tb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.trace.blame import library_call, library_cure
from batchgd.compiler.trace.escape import definition_of, line_of, name_of
from batchgd.compiler.trace.fork import is_of_a_point
from batchgd.compiler.trace.substitutes import UNTRACED, cure_for
from batchgd.problem.errors import TraceError

POINTS = 8
"""How many points at which the function is finite are compared."""

ATTEMPTS = 64
"""How many points are tried to find them; a function that is finite at none of these passes."""

PATH_POINTS = 1024
"""How many points are looked through for some on each path through a function that decides by x."""

NUMERIC = (ArithmeticError, ValueError)
"""What ``math.log(-1)`` and ``1 / 0`` raise: in a run, such points are statuses."""

VALUE_RTOL, VALUE_ATOL = 1e-8, 1e-10
"""Tolerances of the value: sums run in another order, and small differences of large terms lose digits."""

GRADIENT_RTOL = 1e-6

Floats = NDArray[np.float64]


def sample(lower: Floats, upper: Floats, n: int) -> Floats:
    """Return n points of a box, the same ones every time."""
    return np.random.Generator(np.random.Philox(2718)).uniform(lower, upper, (n, len(lower)))


def on_each_path(points: Floats, routes: Floats, each: int = 2) -> Floats:
    """Return a few of the points that take each path through a function, and then the first ones.

    >>> on_each_path(np.arange(4.0)[:, None], np.array([0.0, 0.0, 0.0, 1.0]), each=1)[:2, 0]
    array([0., 3.])
    """
    chosen = [np.flatnonzero(routes == route)[:each] for route in np.unique(routes)]
    return points[np.concatenate([*chosen, np.arange(min(ATTEMPTS, len(points)))])]


def plain(fun: Callable[..., Any], x: Floats, params: Floats | None, decides: bool = False) -> Any:
    """Call the plain function on a copy of a point; NaN if it fails numerically, or raises if it decides by x.

    Raises
    ------
    TraceError
        If the function raises anything else, with its line.
    """
    arguments = _arguments(x, params)
    with np.errstate(all="ignore"):
        try:
            return fun(*arguments)
        except NUMERIC as error:
            wrong = isinstance(error, ValueError) and not _is_domain_error(error)
            if wrong and not (decides and is_of_a_point(error)):
                raise TraceError(raised(fun, error)) from None
            return np.nan
        except Exception as error:
            if not (decides and is_of_a_point(error)):
                raise TraceError(raised(fun, error)) from None
            return np.nan


def _arguments(x: Floats, params: Floats | None) -> list[Any]:
    """Return copies of what the function is called with: it may change them."""
    return [x.copy()] if params is None else [x.copy(), params.copy() if params.ndim else float(params)]


def _is_domain_error(error: ValueError) -> bool:
    """Whether a ValueError is one that ``math`` or ``np.linalg`` raises for numbers outside a function's domain."""
    if isinstance(error, np.linalg.LinAlgError):
        return True
    return any(words in str(error) for words in ("domain", "expected a", "cannot convert float"))


def raised(fun: Callable[..., Any], error: Exception) -> str:
    """Return the sentence about a function that raises."""
    message = " ".join(str(error).split())
    place = line_of(error.__traceback__, fun)
    return f"{place}: {name_of(fun)} raises {type(error).__name__}: {message}: correct it, or check its arguments"


def untraceable(fun: Callable[..., Any], error: Exception) -> str:
    """Return the sentence about a function that works on numbers but not on traced ones."""
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    called = library_call(frames)
    place = line_of(error.__traceback__, fun)
    if called is not None:
        return f"{place}: {called[0]} cannot be traced: {library_cure(called[0])}{UNTRACED}"
    message = " ".join(str(error).split())
    if isinstance(error, IndexError) and "indices" in message:
        return f"{place}: a mask that depends on x selects from an array of plain numbers: {cure_for('mask')}{UNTRACED}"
    return (
        f"{place}: {name_of(fun)} cannot be traced ({type(error).__name__}: {message}): "
        f"use NumPy's functions, arithmetic and loops on x{UNTRACED}"
    )


def check_plain(fun: Callable[..., Any], points: Floats, params: Floats | None) -> None:
    """Call the plain function at one point after its trace has raised, to see whose fault it is."""
    arguments = _arguments(points[0], params)
    with np.errstate(all="ignore"):
        try:
            fun(*arguments)
        except Exception as error:
            raise TraceError(raised(fun, error)) from None


def verify_value(
    fun: Callable[..., Any],
    traced: Callable[[Floats], Floats],
    points: Floats,
    params: Floats | None,
    least: int = 0,
) -> None:
    """Compare the value of the trace with the plain function at ``POINTS`` points, and at the first ``least``.

    These are points on the paths of a function that decides by x, and may raise an exception on some of them.

    Raises
    ------
    TraceError
        If they differ, or the function gives two values at one point.
    """
    compared: list[tuple[Floats, float]] = []
    for i, x in enumerate(points):
        value = _number(plain(fun, x, params, least > 0))
        again = _number(plain(fun, x, params, least > 0))
        if value != again and not (np.isnan(value) and np.isnan(again)):
            raise TraceError(
                f"{definition_of(fun)}: {name_of(fun)} returns {value:.17g} and then {again:.17g} at the same x: "
                f"{cure_for('state')}"
            )
        if np.isfinite(value):
            compared.append((x, value))
        if len(compared) >= POINTS and i + 1 >= least:
            break
    if not compared:
        return
    wanted = np.array([value for _, value in compared])
    found = traced(np.array([x for x, _ in compared]))
    allowed = VALUE_RTOL * np.abs(wanted) + VALUE_ATOL * np.max(np.abs(wanted))
    wrong = ~(np.abs(found - wanted) <= allowed)
    if np.any(wrong):
        i = int(np.argmax(wrong))
        raise TraceError(
            f"{definition_of(fun)}: {name_of(fun)} returns {wanted[i]:.10g} at x = {_shown(compared[i][0])}, but its "
            f"trace returns {found[i]:.10g}: the function must do the same for every x, "
            f"whatever its type and other state{UNTRACED}"
        )


def verify_gradient(jac: Callable[..., Any], wanted: Floats, found: Floats, points: Floats) -> None:
    """Compare a hand-written gradient with the derivative of the trace."""
    finite = np.all(np.isfinite(wanted), axis=1)
    allowed = GRADIENT_RTOL * np.max(np.abs(wanted), axis=1, initial=1e-8, keepdims=True)
    wrong = ~(np.abs(found - wanted) <= allowed) & finite[:, None]
    if np.any(wrong):
        row, i = (int(k) for k in np.argwhere(wrong)[0])
        raise TraceError(
            f"{definition_of(jac)}: the gradient {name_of(jac)} returns {found[row, i]:.10g} in component {i} at "
            f"x = {_shown(points[row])}, but the derivative of the function is {wanted[row, i]:.10g}: correct it, or "
            "leave out jac and let the function be differentiated"
        )


def _number(value: Any) -> float:
    """Return a plain result as a float, NaN if it is complex."""
    if isinstance(value, (complex, np.complexfloating)):
        return np.nan
    return float(np.asarray(value, dtype=np.float64).reshape(-1)[0])


def _shown(x: Floats) -> str:
    numbers = ", ".join(f"{value:.6g}" for value in x[:6])
    return f"[{numbers}{', ...' if len(x) > 6 else ''}]"
