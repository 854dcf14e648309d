"""A function of the user's as machine code: for Numba's callers, and for those that call by address.

``call(x, g, p) -> float`` is the user's function with any parameters, ``derivatives`` the same with second derivatives.
An entry computes both for points by rows, so that one compilation serves NumPy and the CPU's evaluation:
``entry(points, outputs, numbers, units, n)``, where a row of outputs has the gradient, the value and, if asked for, the
lower triangle of the Hessian. An exception in the function makes NaN of its point.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.plain.differences import EPS

Floats = NDArray[np.float64]

FAR = EPS ** (2 / 3)
"""The least step of a difference, relative to the coordinate."""


def jitted(function: Callable[..., Any]) -> Any:
    """Return a plain function as one of Numba's; one that is compiled already stays as it is."""
    from numba import njit

    return function if hasattr(function, "py_func") else njit(error_model="numpy")(function)


def is_plain() -> bool:
    """Whether Numba compiles nothing, so that everything is plain Python."""
    from numba import config

    return bool(getattr(config, "DISABLE_JIT", False))


def with_numbers(function: Any, shape: tuple[int, ...] | None) -> Any:
    """Return ``call(x, g, p)``, in which p has the parameters as numbers, one at least."""
    from numba import njit

    if shape is None:

        def call(x: Any, g: Any, p: Any) -> Any:
            return function(x, g)
    elif shape == ():

        def call(x: Any, g: Any, p: Any) -> Any:
            return function(x, g, p[0])
    elif len(shape) == 1:

        def call(x: Any, g: Any, p: Any) -> Any:
            return function(x, g, p)
    else:

        def call(x: Any, g: Any, p: Any) -> Any:
            return function(x, g, p.reshape(shape))

    return njit(error_model="numpy")(call)


def with_hessian(call: Any, steps: Floats) -> Any:
    """Return ``derivatives(x, g, up, down, hessian, p)``, whose Hessian is central differences of gradients."""
    from numba import njit

    n = len(steps)

    def derivatives(x: Any, g: Any, up: Any, down: Any, hessian: Any, p: Any) -> Any:
        for k in range(n * (n + 1) // 2):
            hessian[k] = 0.0
        for i in range(n):
            here = x[i]
            h = max(steps[i], FAR * abs(here))
            above, below = here + h, here - h
            for j in range(n):
                up[j], down[j] = 0.0, 0.0
            x[i] = above
            call(x, up, p)
            x[i] = below
            call(x, down, p)
            x[i] = here
            for j in range(n):
                slope = (up[j] - down[j]) / (above - below)
                row, column = max(i, j), min(i, j)
                hessian[row * (row + 1) // 2 + column] += slope if i == j else 0.5 * slope
        return call(x, g, p)

    return njit(error_model="numpy")(derivatives)


def entry_of(call: Any, derivatives: Any, dim: int, n_params: int) -> Any:
    """Return the entry as Numba's C function; ``derivatives`` is None for one without a Hessian."""
    from numba import carray, cfunc, types

    count, triangle = max(n_params, 1), 0 if derivatives is None else dim * (dim + 1) // 2
    both = derivatives is not None
    reals = types.CPointer(types.float64)

    def entry(points, outputs, numbers, units, n):
        xs, out = carray(points, (n, dim)), carray(outputs, (n, dim + 1 + triangle))
        p, u = carray(numbers, count), carray(units, 2 * dim + 2)
        factor, level = u[2 * dim], u[2 * dim + 1]
        spare = np.empty((2, dim if both else 0))
        for k in range(n):
            x, g, f, h = xs[k], out[k, :dim], np.nan, out[k, dim + 1 :]
            for i in range(dim):
                x[i] = u[i] * x[i] + u[dim + i]
                g[i] = 0.0
            try:
                if both:
                    f = derivatives(x, g, spare[0], spare[1], h, p)
                else:
                    f = call(x, g, p)
            except Exception:
                out[k, :] = np.nan
            out[k, dim] = factor * (f - level)
            for i in range(dim):
                g[i] *= factor * u[i]
                if both:
                    for j in range(i + 1):
                        h[i * (i + 1) // 2 + j] *= factor * u[i] * u[j]

    if is_plain():
        return entry
    return cfunc(types.void(reals, reals, reals, reals, types.intp), error_model="numpy")(entry)


def at_rows(entry: Any, points: Floats, width: int, numbers: Floats, units: Floats) -> Floats:
    """Return what an entry computes at points (n, dim), as (n, width)."""
    rows, out = np.array(points, np.float64, order="C"), np.empty((len(points), width))
    reals = ctypes.POINTER(ctypes.c_double)
    call = ctypes.CFUNCTYPE(None, *[reals] * 4, ctypes.c_ssize_t)(entry.address) if hasattr(entry, "address") else entry
    call(*(array.ctypes.data_as(reals) for array in (rows, out, numbers, units)), len(rows))
    return out


def table_at(entry: Any) -> NDArray[Any]:
    """Return an entry as a table that begins at its address: what is passed on is the address alone."""
    return np.ctypeslib.as_array((ctypes.c_uint8 * 1).from_address(entry.address))
