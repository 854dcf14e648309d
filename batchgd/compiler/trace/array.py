"""The traced array: an object array of traced numbers that NumPy's functions, operators and methods accept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from batchgd.compiler.trace.blank import Blank, settled
from batchgd.compiler.trace.escape import escape, sorting
from batchgd.compiler.trace.frames import PRIORITY
from batchgd.compiler.trace.row_array import TracedRows, involved, is_large
from batchgd.compiler.trace.scalar import Scalar
from batchgd.compiler.trace.substitutes import cure_for


class TracedArray(np.ndarray):
    """What ``x`` is while a function is traced: its elements are traced or plain numbers."""

    @property
    def __pandas_priority__(self) -> int:
        """Whether pandas' operators leave this array to us: if the result may have rows."""
        return PRIORITY if any(map(is_large, self.shape)) else 0

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from batchgd.compiler.trace.dispatch import call_ufunc

        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from batchgd.compiler.trace.dispatch import call_function

        return call_function(func, args, kwargs)

    def __getitem__(self, key: Any) -> Any:
        _check_index(key)
        return super().__getitem__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _check_index(key)
        value = settled(value)
        super().__setitem__(key, value.unrolled() if isinstance(value, TracedRows) else value)

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        """Copy for a real type; any other does not fit a traced value."""
        if np.dtype(dtype).kind not in "fO":
            raise escape(f"it converts x to {np.dtype(dtype).name}", "keep x a float array; np.floor rounds down")
        return self.copy()


def _by_function(name: str) -> Callable[..., Any]:
    function = getattr(np, name)

    def method(self: TracedArray, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    return method


def _refusing(name: str) -> Callable[..., Any]:
    def method(self: TracedArray, *args: Any, **kwargs: Any) -> Any:
        raise sorting(name)

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
]:
    setattr(TracedArray, _name, _by_function(_name))
for _name in ("sort", "argsort", "argmax", "argmin"):
    setattr(TracedArray, _name, _refusing(".sort()" if _name == "sort" else _name))


def _in_place(name: str, ufunc: np.ufunc) -> Callable[..., Any]:
    """What becomes rows is another array from now on: ``y = np.zeros(1000)`` and ``y += x[0] * t``."""
    plain = getattr(np.ndarray, name)

    def method(self: TracedArray, other: Any) -> Any:
        return ufunc(self, other) if involved((self, other)) else plain(self, other)

    return method


for _name, _ufunc in {
    "__iadd__": np.add,
    "__isub__": np.subtract,
    "__imul__": np.multiply,
    "__itruediv__": np.true_divide,
    "__ipow__": np.power,
}.items():
    setattr(TracedArray, _name, _in_place(_name, _ufunc))


def _check_index(key: Any) -> None:
    for part in key if isinstance(key, tuple) else (key,):
        traced = isinstance(part, (Scalar, TracedRows, Blank)) or (
            isinstance(part, TracedArray) and part.dtype == object
        )
        if traced and part.size > 0:
            raise escape("an index or mask depends on x", cure_for("mask"))


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
    if isinstance(value, (Scalar, TracedArray, TracedRows, Blank)):
        return True
    if isinstance(value, np.ndarray):
        return value.dtype == object and any(isinstance(item, Scalar) for item in value.flat)
    return isinstance(value, (list, tuple)) and any(map(is_traced, value))


def depends(value: Any) -> bool:
    """Whether some number in a value is not known yet."""
    value = settled(value)
    if isinstance(value, Scalar):
        return not value.node.is_constant
    if isinstance(value, TracedRows):
        return True
    if isinstance(value, np.ndarray):
        return value.dtype == object and any(depends(item) for item in value.flat)
    return isinstance(value, (list, tuple)) and any(map(depends, value))
