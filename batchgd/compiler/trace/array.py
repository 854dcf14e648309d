"""The traced array: an object array of traced numbers that NumPy's functions, operators and methods accept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from batchgd.compiler.trace.blank import IN_PLACE, Blank, settled
from batchgd.compiler.trace.complex_numbers import Complex, is_complex
from batchgd.compiler.trace.escape import conversion, escape
from batchgd.compiler.trace.frames import PRIORITY
from batchgd.compiler.trace.graph import Node
from batchgd.compiler.trace.row_array import TracedRows, involved, is_large
from batchgd.compiler.trace.rows import pick
from batchgd.compiler.trace.scalar import Hooked, Number, Place, Scalar, node_of
from batchgd.compiler.trace.substitutes import cure_for


class TracedArray(Hooked, np.ndarray):
    """What ``x`` is while a function is traced: its elements are traced or plain numbers."""

    @property
    def __pandas_priority__(self) -> int:
        """Whether pandas' operators leave this array to us: if the result may have rows."""
        return PRIORITY if any(map(is_large, self.shape)) else 0

    def __getitem__(self, key: Any) -> Any:
        if _is_place(key):
            return _picked(self, key)
        return super().__getitem__(_decided(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        value = settled(value)
        value = value.unrolled() if isinstance(value, TracedRows) else value
        if _is_condition(key) and np.ndim(value) == 0:
            from batchgd.compiler.trace.reductions import where

            mask = plain_objects(key)
            value = where(mask.reshape(mask.shape + (1,) * (self.ndim - mask.ndim)), value, self)
            key = ...
        super().__setitem__(_decided(key), value)

    @property  # type: ignore[misc]
    def real(self) -> Any:
        """The real parts."""
        return _parts(self, "real")

    @property  # type: ignore[misc]
    def imag(self) -> Any:
        """The imaginary parts."""
        return _parts(self, "imag")

    def conj(self) -> Any:
        """Return the complex conjugates."""
        return np.conjugate(self)

    conjugate = conj

    def sort(self, axis: int = -1, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Sort in place."""
        self[...] = np.sort(self, axis)

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        """Copy for a real or complex type; toward zero for a whole one."""
        if np.dtype(dtype).kind in "iu":
            return np.trunc(self)
        if np.dtype(dtype).kind not in "fcOb":
            raise escape(f"it converts x to {np.dtype(dtype).name}", "keep x a float array")
        return self.copy()


def _by_function(name: str) -> Callable[..., Any]:
    function = getattr(np, name)

    def method(self: TracedArray, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    return method


# NumPy's own methods run in C past __array_function__; these are replaced by the function of the same name.
for _name in [
    "sum",
    "prod",
    "mean",
    "var",
    "std",
    "max",
    "min",
    "clip",
    "any",
    "all",
    "dot",
    "cumsum",
    "cumprod",
    "round",
    "argsort",
    "argmax",
    "argmin",
]:
    setattr(TracedArray, _name, _by_function(_name))


def _in_place(name: str, ufunc: np.ufunc) -> Callable[..., Any]:
    """What becomes rows is another array from now on: ``y = np.zeros(1000)`` and ``y += x[0] * t``."""
    plain = getattr(np.ndarray, name)

    def method(self: TracedArray, other: Any) -> Any:
        return ufunc(self, other) if involved((self, other)) else plain(self, other)

    return method


for _name, _ufunc in IN_PLACE.items():
    setattr(TracedArray, _name, _in_place(_name, _ufunc))


def _elements(key: Any) -> list[Any]:
    """Return the traced numbers of an index."""
    if isinstance(key, Scalar):
        return [key]
    return list(key.flat) if isinstance(key, np.ndarray) and key.dtype == object else []


def _is_place(key: Any) -> bool:
    """Whether an index consists of traced positions, not all of them known."""
    found = _elements(key)
    return any(isinstance(each, Place) for each in found) and not all(map(_is_known, found))


def _is_known(value: Any) -> bool:
    return not isinstance(value, Scalar) or value.node.is_constant


def _is_condition(key: Any) -> bool:
    """Whether an index consists of truth values that depend on x."""
    found = _elements(key)
    return any(isinstance(each, Scalar) and each.node.is_boolean for each in found)


def _picked(array: TracedArray, key: Any) -> Any:
    """Return the elements at traced positions, as selections."""
    from batchgd.compiler.trace.elementary import choose

    def chosen(place: Any) -> Any:
        result = rows[-1]
        for k in range(len(rows) - 2, -1, -1):
            result = np.vectorize(choose, otypes=[object])(place == float(k), rows[k], result)[()]
        return result

    rows = list(plain_objects(array))
    if isinstance(key, Number) and key.node.op == "data" and all(map(_is_picked, plain_objects(array).flat)):
        return traced_array(_by_number(plain_objects(array), key.node))
    if isinstance(key, Scalar):
        return traced_array(chosen(key))
    places = plain_objects(key)
    picked = [np.asarray(chosen(place), dtype=object) for place in places.flat]
    return traced_array(np.stack(picked).reshape(places.shape + picked[0].shape))


def _by_number(array: np.ndarray, numbers: Node) -> np.ndarray:
    """Return the elements, or rows, of an array that the data of each row name."""
    result = np.empty(array.shape[1:], dtype=object)
    for place in np.ndindex(result.shape):
        nodes = [node_of(numbers.graph, each) for each in array[(slice(None), *place)]]
        result[place] = Scalar(pick(numbers.graph, nodes, numbers.table.astype(np.int64), numbers.axes))
    return result


def _is_picked(value: Any) -> bool:
    """Whether rows may pick a value: a single number, the same in all rows."""
    return not isinstance(value, Scalar) or not value.node.axes


def _decided(key: Any) -> Any:
    """Return an index without traced numbers: the truth of each condition is asked, which forks the trace."""
    if isinstance(key, tuple):
        return tuple(map(_decided, key))
    if isinstance(key, (TracedRows, Blank)):
        raise escape("a mask with rows depends on x", cure_for("mask"))
    found = _elements(key)
    if not found or not any(isinstance(each, Scalar) for each in found):
        return key
    if _is_condition(key):
        mask = plain_objects(key)
        return np.array([bool(each) for each in mask.flat]).reshape(mask.shape)
    if all(isinstance(each, Place) or _is_known(each) for each in found):
        return np.array([int(each) for each in found]).reshape(np.shape(key))[()]
    raise conversion("index")


def _parts(array: TracedArray, name: str) -> Any:
    result = plain_objects(array).copy()
    for i, value in enumerate(result.flat):
        result.flat[i] = getattr(value, name) if is_complex(value) else value if name == "real" else 0.0
    return traced_array(result)


def to_fill(array: np.ndarray) -> Any:
    """Return an object array as one that traced values may be assigned to."""
    result = array.view(TracedArray)
    return Blank(result) if any(map(is_large, array.shape)) else result


def traced_array(values: Any) -> Any:
    """Return an array of traced numbers; one number if there is no axis."""
    values = settled(values)
    if isinstance(values, TracedRows):
        return values
    if isinstance(values, (list, tuple)) and any(isinstance(each, TracedRows) for each in values):
        return np.stack([traced_array(each) for each in values])
    array = np.asarray(values, dtype=object)
    return array[()] if array.ndim == 0 else array.view(TracedArray)


def plain_objects(value: Any) -> np.ndarray:
    """Return an object array that NumPy's own code handles without asking back."""
    value = settled(value)
    if isinstance(value, TracedRows):
        value = value.unrolled()
    return np.asarray(value, dtype=object).view(np.ndarray)


def is_traced(value: Any) -> bool:
    """Whether a value is a traced number, contains one, or is a list of such."""
    if isinstance(value, (Scalar, Complex, TracedArray, TracedRows, Blank)):
        return True
    if isinstance(value, np.ndarray):
        return value.dtype == object and any(isinstance(item, (Scalar, Complex)) for item in value.flat)
    return isinstance(value, (list, tuple)) and any(map(is_traced, value))


def depends(value: Any) -> bool:
    """Whether some number in a value is not known yet."""
    value = settled(value)
    if isinstance(value, Scalar):
        return not value.node.is_constant
    if isinstance(value, TracedRows):
        return True
    if isinstance(value, Complex):
        return depends(value.real) or depends(value.imag)
    if isinstance(value, np.ndarray):
        return value.dtype == object and any(depends(item) for item in value.flat)
    return isinstance(value, (list, tuple)) and any(map(depends, value))
