"""NumPy functions whose own code would compare or convert elements, written for traced values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from batchgd.compiler.trace.array import is_traced, plain_objects, to_fill, traced_array
from batchgd.compiler.trace.blank import settled
from batchgd.compiler.trace.complex_numbers import is_complex
from batchgd.compiler.trace.dispatch import axes_of, broadcasting, reduce
from batchgd.compiler.trace.elementary import choose
from batchgd.compiler.trace.escape import escape
from batchgd.compiler.trace.row_array import TracedRows, shape_of

_ANY = np._NoValue


def where(condition: Any, yes: Any, no: Any) -> Any:
    """Return ``yes`` where the condition holds, else ``no``; works on plain values and while a function is traced.

    f = yes if condition else no, element by element; the derivative follows the branch that is taken, and trouble in
    the other one (1/0, the log of a negative number) does not spoil it.

    Parameters
    ----------
    condition : bool or array_like of bool
        Combine comparisons with ``&``, ``|`` and ``~``.
    yes, no : float or array_like
        Both are computed; shapes broadcast with the condition.

    Returns
    -------
    float or array

    Examples
    --------
    >>> import batchgd as bgd
    >>> float(bgd.where(2.0 > 1.0, 3.0, 4.0))
    3.0
    >>> bgd.Objective(lambda x: bgd.where(x[0] > 0, x[0] ** 2, -x[0]), dim=1).gradient([-3.0])
    array([-1.])
    """
    condition, yes, no = settled((condition, yes, no))
    if not any(map(is_traced, (condition, yes, no))):
        return np.where(condition, yes, no)[()]
    return broadcasting(choose, condition, yes, no)


def _where(condition: Any, *branches: Any) -> Any:
    if not branches:
        return np.nonzero(traced_array(condition))
    return where(condition, *branches)


def _reducing(name: str) -> Callable[..., Any]:
    ufunc = getattr(np, name)

    def function(a: Any, axis: Any = None, dtype: Any = None, **kwargs: Any) -> Any:
        return reduce(ufunc, a, axis=axis, **kwargs)

    return function


def _count(a: Any, axis: Any) -> int:
    shape = shape_of(a)
    return int(np.prod([shape[i] for i in axes_of(axis, len(shape))], dtype=int))


def _mean(a: Any, axis: Any = None, dtype: Any = None, keepdims: Any = False, where: Any = True) -> Any:
    total = reduce(np.add, a, axis=axis, keepdims=keepdims, where=where)
    return total / (_count(a, axis) if where is True or where is _ANY else np.sum(where, axis=axis, keepdims=keepdims))


def _var(
    a: Any, axis: Any = None, dtype: Any = None, ddof: Any = 0, keepdims: Any = False, correction: Any = _ANY, **_: Any
) -> Any:
    off = traced_array(a) - _mean(a, axis, keepdims=True)
    off = np.abs(off) if has_complex(off) else off
    lost = ddof if correction is _ANY else correction
    return reduce(np.add, off * off, axis=axis, keepdims=keepdims) / (_count(a, axis) - lost)


def _std(a: Any, axis: Any = None, **kwargs: Any) -> Any:
    return np.sqrt(_var(a, axis, **kwargs))


def _average(a: Any, axis: Any = None, weights: Any = None, keepdims: Any = False) -> Any:
    if weights is None:
        return _mean(a, axis, keepdims=keepdims)
    total = reduce(np.add, traced_array(a) * weights, axis=axis, keepdims=keepdims)
    return total / np.sum(np.asarray(weights) if not is_traced(weights) else weights, axis=axis)


def _clip(a: Any, a_min: Any = _ANY, a_max: Any = _ANY, *, min: Any = _ANY, max: Any = _ANY, **_: Any) -> Any:
    result = traced_array(a)
    for limit in (a_min, min):
        if limit is not _ANY and limit is not None:
            result = np.maximum(result, limit)
    for limit in (a_max, max):
        if limit is not _ANY and limit is not None:
            result = np.minimum(result, limit)
    return result


def _ptp(a: Any, axis: Any = None, **kwargs: Any) -> Any:
    return reduce(np.maximum, a, axis=axis, **kwargs) - reduce(np.minimum, a, axis=axis, **kwargs)


def has_complex(array: Any) -> bool:
    """Whether an element of an array is a complex number."""
    return array.is_complex if isinstance(array, TracedRows) else any(map(is_complex, plain_objects(array).flat))


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """The vector norms, and the Frobenius norm of matrices."""
    array = traced_array(x)
    if has_complex(array):
        array = np.abs(array)
    ndim = len(shape_of(x))
    matrix = (ndim == 2 and axis is None) or isinstance(axis, tuple)
    if ord is None or (ord == "fro" and matrix) or (ord == 2 and not matrix):
        return np.sqrt(reduce(np.add, array * array, axis=axis, keepdims=keepdims))
    if not matrix and not isinstance(ord, str):
        size = np.abs(array)
        if ord in (np.inf, -np.inf):
            return reduce(np.maximum if ord > 0 else np.minimum, size, axis=axis, keepdims=keepdims)
        if ord == 1:
            return reduce(np.add, size, axis=axis, keepdims=keepdims)
        if ord != 0:
            return reduce(np.add, size**ord, axis=axis, keepdims=keepdims) ** (1.0 / ord)
    raise escape(f"np.linalg.norm with ord={ord!r} is not supported here", "use the 1, 2 or inf norm of a vector")


def _filled(value: float | None) -> Callable[..., Any]:
    """Arrays like x may be assigned to, so they stay object arrays."""

    def function(a: Any, fill: Any = value, dtype: Any = None, shape: Any = None, **_: Any) -> Any:
        result = np.empty(shape_of(a) if shape is None else shape, dtype=object)
        result[...] = fill
        return to_fill(result)

    if value is None:
        return function
    return lambda a, dtype=None, order="K", subok=True, shape=None, **_: function(a, value, shape=shape)


def _select(conditions: Sequence[Any], choices: Sequence[Any], default: Any = 0) -> Any:
    result = default
    for condition, choice in zip(reversed(list(conditions)), reversed(list(choices)), strict=True):
        result = where(condition, choice, result)
    return result


def _sinc(x: Any) -> Any:
    """sin(a)/a, a = pi x; for |a| < 1/4 its series, whose derivatives keep their digits at 0."""
    angle = np.pi * traced_array(x)
    near = abs(angle) < 0.25
    safe = where(near, 1.0, angle)
    series = np.polyval([(-1.0) ** k / math.factorial(2 * k + 1) for k in range(6, -1, -1)], angle * angle)
    return where(near, series, np.sin(safe) / safe)


SPECIAL: dict[str, Callable[..., Any]] = {
    "where": _where,
    "sum": _reducing("add"),
    "prod": _reducing("multiply"),
    "max": _reducing("maximum"),
    "min": _reducing("minimum"),
    "amax": _reducing("maximum"),
    "amin": _reducing("minimum"),
    "any": _reducing("logical_or"),
    "all": _reducing("logical_and"),
    "mean": _mean,
    "average": _average,
    "var": _var,
    "std": _std,
    "ptp": _ptp,
    "clip": _clip,
    "select": _select,
    "sinc": _sinc,
    "result_type": lambda *values: np.result_type(*(np.float64 if is_traced(value) else value for value in values)),
    "zeros_like": _filled(0.0),
    "empty_like": _filled(0.0),
    "ones_like": _filled(1.0),
    "full_like": _filled(None),
    "linalg.norm": _norm,
    "linalg.vector_norm": lambda x, ord=2, axis=None, keepdims=False: _norm(x, ord, axis, keepdims),
    "linalg.trace": lambda a, **kwargs: np.trace(a, **kwargs),
    "linalg.outer": lambda a, b: np.outer(a, b),
    "linalg.cross": lambda a, b, axis=-1: np.cross(a, b, axis=axis),
    "linalg.matmul": lambda a, b: np.matmul(a, b),
    "linalg.multi_dot": lambda arrays: _chain(arrays),
}


def _chain(arrays: Sequence[Any]) -> Any:
    result = arrays[0]
    for array in arrays[1:]:
        result = np.dot(result, array)
    return result
