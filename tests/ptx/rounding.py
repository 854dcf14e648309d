"""NumPy whose products and elementary functions are rounded up or down at random.

A compiler that fuses a product with a sum leaves out the rounding of the product, and a library's function is off by a
unit in the last place. What such differences do to a trajectory is seen from runs in which they are random (stochastic
arithmetic; Vignes 1993, doi:10.1016/0378-4754(93)90003-D).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np

from batchgd.kernels import launch_numpy
from ptx.arithmetic import fma

FUNCTIONS = (
    "sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "exp",
    "exp2", "expm1", "log", "log1p", "log2", "log10", "power", "float_power", "cbrt", "hypot", "erf", "erfc",
)  # fmt: skip
"""Names of ufuncs that are wrong by up to a unit in the last place."""

_GENERATORS: list[np.random.Generator] = []


class Loose(np.ndarray):
    """An array whose products, and functions of it, have a random last bit if they are not exact."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        plain = [_plain(each) for each in inputs]
        result = getattr(ufunc, method)(*plain, out=tuple(map(_plain, out)) if out else None, **options)
        if out or method != "__call__" or isinstance(result, tuple) or np.asarray(result).dtype.kind != "f":
            return _loose(result)
        if ufunc in (np.multiply, np.square):
            return _loose(_product(result, plain[0], plain[-1]))
        return _loose(_moved(result) if ufunc.__name__ in FUNCTIONS else result)

    def __array_function__(self, function: Any, kinds: Any, arguments: Any, options: Any) -> Any:
        return _loose(super().__array_function__(function, kinds, arguments, options))


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, Loose) else value


def _loose(value: Any) -> Any:
    return value.view(Loose) if type(value) is np.ndarray else value


def _product(near: Any, a: Any, b: Any) -> Any:
    """a b, whose nearest number is known, rounded up or down."""
    error = fma(np.asarray(a, near.dtype), np.asarray(b, near.dtype), -near)
    there = (error != 0) & np.isfinite(error) & _coins(near)
    return np.where(there, np.nextafter(near, np.copysign(np.inf, error).astype(near.dtype)), near)


def _moved(near: Any) -> Any:
    """A number that is not exact (0 and 1 are), or a neighbour."""
    up = np.where(_coins(near), np.inf, -np.inf).astype(near.dtype)
    there = np.isfinite(near) & (near != 0) & (np.abs(near) != 1) & _coins(near)
    return np.where(there, np.nextafter(near, up), near)


def _coins(like: Any) -> Any:
    return _GENERATORS[-1].random(np.shape(like)) < 0.5


@contextmanager
def random_rounding(seed: int) -> Iterator[None]:
    """Run ``backend="numpy"`` with such arrays."""
    plain = launch_numpy.launch

    def launch(module: Any, plan: Any, threads: int) -> None:
        tick = module.tick
        with mock.patch.object(module, "tick", lambda ws, *more: tick(ws.view(Loose), *more)):
            plain(module, plan, threads)

    _GENERATORS.append(np.random.default_rng(seed))
    try:
        with mock.patch.object(launch_numpy, "launch", launch):
            yield
    finally:
        _GENERATORS.pop()
