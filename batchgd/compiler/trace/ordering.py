"""NumPy functions that order a few values: networks of comparisons, each of which selects."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from batchgd.compiler.trace.array import plain_objects, traced_array
from batchgd.compiler.trace.elementary import choose
from batchgd.compiler.trace.escape import sorting
from batchgd.compiler.trace.scalar import Place, Scalar, node_of

LARGEST = 64
"""The longest array that is sorted; a network of n values has n (n - 1) / 2 comparisons."""


def _network(n: int, name: str) -> list[int]:
    """Return the places i, in order, at which i and i + 1 are compared: odd-even transposition."""
    if n > LARGEST:
        raise sorting(name)
    return [i for k in range(n) for i in range(k % 2, n - 1, 2)]


def in_order(values: Sequence[Any], name: str = "sorted") -> list[Any]:
    """Return numbers in ascending order."""
    values = list(values)
    for i in _network(len(values), name):
        a, b = values[i], values[i + 1]
        swap = b < a
        values[i], values[i + 1] = choose(swap, b, a), choose(swap, a, b)
    return values


def order_of(values: Sequence[Any]) -> list[Any]:
    """Return the places of numbers in ascending order."""
    values, places = list(values), [float(i) for i in range(len(values))]
    graph = next((value.node.graph for value in values if isinstance(value, Scalar)), None)
    for i in _network(len(values), "np.argsort"):
        swap = values[i + 1] < values[i]
        for row in (values, places):
            row[i], row[i + 1] = choose(swap, row[i + 1], row[i]), choose(swap, row[i], row[i + 1])
    return [int(place) if graph is None else Place(node_of(graph, place), len(values)) for place in places]


def place_of(values: Sequence[Any], before: Callable[[Any, Any], Any]) -> Any:
    """Return the place of the first number that none comes ``before``."""
    best, place = values[0], 0.0
    for i, value in enumerate(values[1:], 1):
        better = before(value, best)
        best, place = choose(better, value, best), choose(better, float(i), place)
    return Place(place.node, len(values)) if isinstance(place, Scalar) else int(place)


def along(function: Callable[[list[Any]], Any], a: Any, axis: int | None) -> Any:
    """Apply a function of a list along an axis, None for all elements; it returns a list or a number."""
    array = plain_objects(a)
    if axis is None:
        array, axis = array.ravel(), 0
    moved = np.moveaxis(array, axis, -1)
    rows = [function(list(row)) for row in moved.reshape(-1, moved.shape[-1])]
    several = bool(rows) and isinstance(rows[0], list)
    result = np.empty((len(rows), len(rows[0])) if several else len(rows), dtype=object)
    for i, row in enumerate(rows):
        result[i] = row
    result = result.reshape(moved.shape[:-1] + result.shape[1:])
    return traced_array(np.moveaxis(result, -1, axis) if several else result)


def _sorted(values: list[Any]) -> list[Any]:
    return in_order(values, "np.sort")


def _extreme(name: str, before: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def function(a: Any, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Any:
        return along(lambda row: place_of(row, before), a, axis)

    return function


def _quantile(a: Any, q: Any, axis: Any = None, method: str = "linear", **_: Any) -> Any:
    if method != "linear" or axis is not None or np.ndim(q) > 1:
        raise sorting("np.quantile")
    ordered = in_order(list(plain_objects(a).ravel()), "np.quantile")
    if np.ndim(q) == 1:
        return traced_array([_between(ordered, float(each)) for each in q])
    return _between(ordered, float(q))


def _between(ordered: list[Any], q: float) -> Any:
    place = q * (len(ordered) - 1)
    low = min(math.floor(place), len(ordered) - 2) if len(ordered) > 1 else 0
    rest = place - low
    return ordered[low] if rest == 0.0 else ordered[low] + (ordered[low + 1] - ordered[low]) * rest


def _median(values: list[Any]) -> Any:
    ordered, n = in_order(values, "np.median"), len(values)
    return ordered[n // 2] if n % 2 else (ordered[n // 2 - 1] + ordered[n // 2]) * 0.5


def _searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    knots = list(plain_objects(a))

    def place(value: Any) -> Any:
        total = sum((choose(knot < value if side == "left" else knot <= value, 1.0, 0.0) for knot in knots), 0.0)
        return Place(total.node, len(knots) + 1) if isinstance(total, Scalar) else int(total)

    values = plain_objects(v)
    return place(values[()]) if values.ndim == 0 else along(lambda row: [place(each) for each in row], values, -1)


def _digitize(x: Any, bins: Any, right: bool = False) -> Any:
    return _searchsorted(bins, x, "left" if right else "right")


ORDERING: dict[str, Callable[..., Any]] = {
    "sort": lambda a, axis=-1, **_: along(_sorted, a, axis),
    "partition": lambda a, kth, axis=-1, **_: along(_sorted, a, axis),
    "argsort": lambda a, axis=-1, **_: along(order_of, a, axis),
    "argmin": _extreme("argmin", lambda a, b: a < b),
    "argmax": _extreme("argmax", lambda a, b: a > b),
    "nanargmin": _extreme("argmin", lambda a, b: a < b),
    "median": lambda a, axis=None, **_: along(_median, a, axis),
    "quantile": _quantile,
    "percentile": lambda a, q, **options: _quantile(a, np.asarray(q) / 100.0, **options),
    "searchsorted": _searchsorted,
    "digitize": _digitize,
}
"""By NumPy's names."""
