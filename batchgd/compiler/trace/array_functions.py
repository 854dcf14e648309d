"""NumPy functions of small traced arrays that are formulas of others: interpolation, statistics, filling, Fourier."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from batchgd.compiler.trace.array import plain_objects, traced_array
from batchgd.compiler.trace.complex_numbers import angle, conjugate
from batchgd.compiler.trace.dispatch import broadcasting, elementwise
from batchgd.compiler.trace.elementary import choose
from batchgd.compiler.trace.escape import escape
from batchgd.compiler.trace.linalg import least_squares
from batchgd.compiler.trace.reductions import has_complex, where
from batchgd.compiler.trace.row_array import involved, shape_of


def interpolate(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    """Return the line through points at x: the first value, and what each interval adds."""
    if period is not None:
        raise escape("np.interp with period=", "append the first point, a period later, and write np.mod(x, period)")
    knots, values = list(plain_objects(xp)), list(plain_objects(fp))

    def at(s: Any) -> Any:
        total = values[0]
        for i in range(len(knots) - 1):
            slope = (values[i + 1] - values[i]) / (knots[i + 1] - knots[i])
            total = total + slope * (np.clip(traced_array(s), knots[i], knots[i + 1]) - knots[i])
        if left is not None:
            total = choose(s < knots[0], left, total)
        return total if right is None else choose(s > knots[-1], right, total)

    return broadcasting(at, x)


def pieces(coefficients: Any, knots: Any) -> Callable[[Any], Any]:
    """Return a function of piecewise polynomials (c[k, i], highest power first), the outer ones going on."""
    last = len(knots) - 2

    def at(s: Any) -> Any:
        total: Any = 0.0
        for i in range(last + 1):
            low, high = (-math.inf if i == 0 else knots[i]), (math.inf if i == last else knots[i + 1])
            inside = np.clip(traced_array(s), low, high) - knots[i]
            total = total + np.polyval(coefficients[:, i], inside) - (coefficients[-1, i] if i else 0.0)
        return total

    return lambda s: broadcasting(at, s)


def _piecewise(x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
    conditions = list(condlist) if isinstance(condlist, (list, tuple)) or np.ndim(condlist) > np.ndim(x) else [condlist]
    values = [each(x, *args, **kwargs) if callable(each) else each for each in funclist]
    result: Any = values[len(conditions)] if len(values) > len(conditions) else 0.0
    for condition, value in zip(conditions, values, strict=False):  # the last one that holds counts
        result = where(condition, value, result)
    return result


def _gradient(f: Any, *spacing: Any, axis: Any = None, edge_order: int = 1) -> Any:
    a = traced_array(f)
    if a.ndim != 1 or edge_order != 1 or len(spacing) > 1:
        raise escape("np.gradient is supported for one axis", "write the differences of slices")
    at = np.arange(len(a)) * 1.0 if not spacing else spacing[0]
    h = np.diff(np.arange(len(a)) * at if np.ndim(at) == 0 else at)
    before, after = h[:-1], h[1:]
    rise, fall = a[2:] - a[1:-1], a[1:-1] - a[:-2]
    inner = (rise * before / after + fall * after / before) / (before + after)
    return np.concatenate([[(a[1] - a[0]) / h[0]], inner, [(a[-1] - a[-2]) / h[-1]]])


def _unwrap(p: Any, discont: Any = None, axis: int = -1, *, period: float = 2.0 * math.pi) -> Any:
    a = traced_array(p)
    if a.ndim != 1 or discont is not None:
        raise escape("np.unwrap is supported for one axis, without discont=", "unwrap the rows one by one")
    step, half = np.diff(a), 0.5 * period
    inside = np.mod(step + half, period) - half
    inside = where((inside == -half) & (step > 0.0), half, inside)
    return np.concatenate([a[:1], a[1:] + np.cumsum(where(abs(step) < half, 0.0, inside - step))])


def _nan_to_num(x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    largest = np.finfo(np.float64).max
    top, bottom = largest if posinf is None else posinf, -largest if neginf is None else neginf

    def finite(a: Any) -> Any:
        return choose(a != a, nan, choose(a == math.inf, top, choose(a == -math.inf, bottom, a)))

    return broadcasting(finite, x)


def _without_nan(a: Any, instead: float) -> Any:
    return broadcasting(lambda value: choose(value != value, instead, value), a)


def _nanmean(a: Any, axis: Any = None, **kwargs: Any) -> Any:
    count = np.sum(broadcasting(lambda value: choose(value != value, 0.0, 1.0), a), axis=axis)
    return np.sum(_without_nan(a, 0.0), axis=axis) / count


def _close(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    a, b = traced_array(a), traced_array(b)
    return (abs(a - b) <= atol + rtol * abs(b)) | (a == b)


def _covariance(m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: Any = None, **_: Any) -> Any:
    rows = np.atleast_2d(traced_array(m))
    rows = rows if rowvar or len(rows) == 1 else rows.T
    if y is not None:
        other = np.atleast_2d(traced_array(y))
        rows = np.concatenate([rows, other if rowvar or len(other) == 1 else other.T])
    off = rows - np.mean(rows, axis=1, keepdims=True)
    lost = (0 if bias else 1) if ddof is None else ddof
    return traced_array(np.squeeze(plain_objects(off @ off.T / (rows.shape[1] - lost))))


def _correlation(x: Any, y: Any = None, rowvar: bool = True, **_: Any) -> Any:
    covariance = _covariance(x, y, rowvar)
    size = np.sqrt(np.diag(covariance))
    return covariance / size[:, None] / size[None, :]


def _along_axis(function: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    moved = np.moveaxis(traced_array(arr), axis, -1)
    rows = [np.asarray(function(moved[index], *args, **kwargs), dtype=object) for index in np.ndindex(moved.shape[:-1])]
    result = np.stack(rows).reshape(moved.shape[:-1] + rows[0].shape)
    return traced_array(np.moveaxis(result, -1, axis) if rows[0].ndim else result)


def _fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    places = range(min(a.shape))
    for i, value in zip(places, np.resize(plain_objects(val), len(places)), strict=True):
        a[(i,) * a.ndim] = value


def _bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    places = np.asarray(x, dtype=int)
    result = [0.0] * max(int(places.max(initial=-1)) + 1, minlength)
    for place, weight in zip(places, plain_objects(weights), strict=True):
        result[place] = result[place] + weight
    return traced_array(result)


def _polyfit(x: Any, y: Any, deg: int, rcond: Any = None, full: bool = False, w: Any = None, cov: bool = False) -> Any:
    if full or cov:
        raise escape("np.polyfit with full= or cov=", "write np.polyfit(x, y, deg)")
    powers, values = np.vander(traced_array(x), int(deg) + 1), traced_array(y)
    if w is not None:
        powers, values = powers * np.asarray(w)[:, None], values * w
    return least_squares(powers, values)[0]


def _fourier(a: Any, sign: float) -> Any:
    """Return sum_j a_j exp(sign 2 pi i j k / n), halving the length while it is even."""
    values = plain_objects(a)
    n = len(values)
    if n % 2 == 0 and n > 2:
        even, odd = _fourier(values[::2], sign), _fourier(values[1::2], sign)
        turned = odd * _roots(n, sign)[: n // 2]
        return np.concatenate([even + turned, even - turned])
    turns = np.outer(np.arange(n), np.arange(n)) % n
    return traced_array(values) @ _roots(n, sign)[turns]


def _roots(n: int, sign: float) -> Any:
    roots = np.exp(sign * 2j * np.pi * np.arange(n) / n)
    exact = {0: 1.0, n / 4: sign * 1j, n / 2: -1.0, 3 * n / 4: -sign * 1j}
    return np.array([exact.get(k, root) for k, root in enumerate(roots)], dtype=complex)


def _transform(kind: str) -> Callable[..., Any]:
    """Return one of NumPy's transforms of one axis."""

    def function(a: Any, n: Any = None, axis: int = -1, norm: Any = None, **_: Any) -> Any:
        if len(shape_of(a)) == 1 and norm in (None, "backward") and involved([a]):
            length = n or (2 * (shape_of(a)[0] - 1) if kind == "irfft" else shape_of(a)[0])
            if length * _odd(length) > MOST_HALVED:
                return _transform_of_rows(kind, a, length)
        values = plain_objects(a)
        if values.ndim != 1 or norm not in (None, "backward"):
            raise escape(f"np.fft.{kind} is traced along one axis and with norm='backward'", "transform the rows")
        if kind == "irfft":
            length = 2 * (len(values) - 1) if n is None else n
            half = list(values[: length // 2 + 1])
            rest = [conjugate(value) for value in half[1 : (length + 1) // 2][::-1]]
            return (_fourier([*half, *rest], 1.0) / length).real
        length = len(values) if n is None else n
        padded = [*values[:length], *[0.0] * (length - len(values))]
        if kind == "ifft":
            return _fourier(padded, 1.0) / length
        whole = _fourier(padded, -1.0)
        return whole[: length // 2 + 1] if kind == "rfft" else whole

    return function


MOST_HALVED = 256
"""Length of a transform times its odd factor up to which rows are written out and halved; longer ones are sums."""

MOST_TRANSFORMED = 2048
"""The longest transform of rows, whose sums take a table of all roots."""


def _odd(n: int) -> int:
    return n // (n & -n)


def _transform_of_rows(kind: str, a: Any, n: int) -> Any:
    """Return a transform as sums over the rows."""
    if n > MOST_TRANSFORMED:
        raise escape(f"np.fft.{kind} of {n:,} rows", f"transform at most {MOST_TRANSFORMED:,}")
    used = min(shape_of(a)[0], n // 2 + 1 if kind == "irfft" else n)
    found = n // 2 + 1 if kind == "rfft" else n
    sign = 1.0 if kind in ("ifft", "irfft") else -1.0
    matrix = _roots(n, sign)[np.outer(np.arange(found), np.arange(used)) % n] / (n if sign > 0.0 else 1.0)
    if kind == "irfft":  # the other half is conjugate
        matrix[:, 1 : (n + 1) // 2] *= 2.0
    result = matrix @ a[:used]
    return result.real if kind == "irfft" else result


def _round(a: Any, decimals: int = 0, **_: Any) -> Any:
    return np.rint(traced_array(a) * 10.0**decimals) / 10.0**decimals if decimals else np.rint(a)


def _deciding(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of a mask that asks for the truth of each element, which forks the trace."""

    def decided(a: Any) -> Any:
        mask = plain_objects(a)
        return function(np.array([bool(each) for each in mask.flat], dtype=bool).reshape(mask.shape))

    return decided


nonzero = _deciding(np.nonzero)


def _part(name: str) -> Callable[[Any], Any]:
    def function(a: Any) -> Any:
        if isinstance(a, (list, tuple)):
            a = traced_array(a)
        return getattr(a, name)

    return function


def _angle(z: Any, deg: bool = False) -> Any:
    return broadcasting(lambda value: angle(value) * (180.0 / math.pi if deg else 1.0), z)


def apply_at(ufunc: Any, array: Any, indices: Any, values: Any) -> None:
    """Do what ufunc.at does on an array of traced numbers: repeated places add up."""
    chosen = np.arange(array.size).reshape(array.shape)[indices]
    for place, value in zip(chosen.ravel(), np.broadcast_to(plain_objects(values), chosen.shape).ravel(), strict=True):
        index = np.unravel_index(place, array.shape)
        array[index] = elementwise(ufunc, array[index], value)


ARRAY_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "interp": interpolate,
    "piecewise": _piecewise,
    "gradient": _gradient,
    "unwrap": _unwrap,
    "nan_to_num": _nan_to_num,
    "nansum": lambda a, axis=None, **_: np.sum(_without_nan(a, 0.0), axis=axis),
    "nanprod": lambda a, axis=None, **_: np.prod(_without_nan(a, 1.0), axis=axis),
    "nanmax": lambda a, axis=None, **_: np.max(_without_nan(a, -math.inf), axis=axis),
    "nanmin": lambda a, axis=None, **_: np.min(_without_nan(a, math.inf), axis=axis),
    "nanmean": _nanmean,
    "isclose": _close,
    "allclose": lambda *args, **options: np.all(_close(*args, **options)),
    "nonzero": nonzero,
    "flatnonzero": _deciding(np.flatnonzero),
    "argwhere": _deciding(np.argwhere),
    "count_nonzero": lambda a, axis=None, **_: np.sum(traced_array(a) != 0.0, axis=axis),
    "cov": _covariance,
    "corrcoef": _correlation,
    "apply_along_axis": _along_axis,
    "fill_diagonal": _fill_diagonal,
    "bincount": _bincount,
    "polyfit": _polyfit,
    "around": _round,
    "round": _round,
    "fix": lambda x, **_: np.trunc(x),
    "real": _part("real"),
    "imag": _part("imag"),
    "angle": _angle,
    "iscomplexobj": has_complex,
    "isrealobj": lambda a: not has_complex(a),
    **{f"fft.{kind}": _transform(kind) for kind in ("fft", "ifft", "rfft", "irfft")},
}
"""By NumPy's names."""
