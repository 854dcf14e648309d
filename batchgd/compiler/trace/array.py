"""The traced array: an object array of traced numbers that NumPy's functions, operators and methods accept."""

from __future__ import annotations

from typing import Any

import numpy as np

from batchgd.compiler.trace.escape import escape, sorting
from batchgd.compiler.trace.scalar import Scalar
from batchgd.compiler.trace.substitutes import cure_for


class TracedArray(np.ndarray):
    """What ``x`` is while a function is traced: its elements are traced or plain numbers."""

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
        super().__setitem__(key, value)

    # NumPy's own methods run in C past __array_function__; these send them the way of the function of the same name.
    def sum(self, *args: Any, **kwargs: Any) -> Any:
        """Sum of elements."""
        return np.sum(self, *args, **kwargs)

    def prod(self, *args: Any, **kwargs: Any) -> Any:
        """Product of elements."""
        return np.prod(self, *args, **kwargs)

    def mean(self, *args: Any, **kwargs: Any) -> Any:
        """Mean of elements."""
        return np.mean(self, *args, **kwargs)

    def var(self, *args: Any, **kwargs: Any) -> Any:
        """Variance of elements."""
        return np.var(self, *args, **kwargs)

    def std(self, *args: Any, **kwargs: Any) -> Any:
        """Standard deviation of elements."""
        return np.std(self, *args, **kwargs)

    def max(self, *args: Any, **kwargs: Any) -> Any:
        """Greatest element."""
        return np.max(self, *args, **kwargs)

    def min(self, *args: Any, **kwargs: Any) -> Any:
        """Least element."""
        return np.min(self, *args, **kwargs)

    def clip(self, *args: Any, **kwargs: Any) -> Any:
        """Elements kept between two limits."""
        return np.clip(self, *args, **kwargs)

    def any(self, *args: Any, **kwargs: Any) -> Any:
        """Whether some element is true."""
        return np.any(self, *args, **kwargs)

    def all(self, *args: Any, **kwargs: Any) -> Any:
        """Whether every element is true."""
        return np.all(self, *args, **kwargs)

    def dot(self, *args: Any, **kwargs: Any) -> Any:
        """Dot product."""
        return np.dot(self, *args, **kwargs)

    def cumsum(self, *args: Any, **kwargs: Any) -> Any:
        """Running sums."""
        return np.cumsum(self, *args, **kwargs)

    def cumprod(self, *args: Any, **kwargs: Any) -> Any:
        """Running products."""
        return np.cumprod(self, *args, **kwargs)

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        """Copy for a real type; any other does not fit a traced value."""
        if np.dtype(dtype).kind not in "fO":
            raise escape(f"it converts x to {np.dtype(dtype).name}", "keep x a float array; np.floor rounds down")
        return self.copy()

    def sort(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: the order depends on x."""
        raise sorting(".sort()")

    def argsort(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: the order depends on x."""
        raise sorting("argsort")

    def argmax(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: the position depends on x."""
        raise sorting("argmax")

    def argmin(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: the position depends on x."""
        raise sorting("argmin")

    def round(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: only floor, ceil and trunc are known."""
        return np.round(self, *args, **kwargs)


def _check_index(key: Any) -> None:
    for part in key if isinstance(key, tuple) else (key,):
        traced = isinstance(part, Scalar) or (isinstance(part, TracedArray) and part.dtype == object)
        if traced and part.size > 0:
            raise escape("an index or mask depends on x", cure_for("mask"))


def traced_array(values: Any) -> Any:
    """Return an array of traced numbers; one number where there is no axis."""
    array = np.asarray(values, dtype=object)
    return array[()] if array.ndim == 0 else array.view(TracedArray)


def plain_objects(value: Any) -> np.ndarray:
    """Return an object array that NumPy's own code handles without asking back."""
    return np.asarray(value, dtype=object).view(np.ndarray)


def is_traced(value: Any) -> bool:
    """Whether a value is a traced number, holds one, or is a list of such."""
    if isinstance(value, (Scalar, TracedArray)):
        return True
    if isinstance(value, np.ndarray):
        return value.dtype == object and any(isinstance(item, Scalar) for item in value.flat)
    return isinstance(value, (list, tuple)) and any(map(is_traced, value))


def depends(value: Any) -> bool:
    """Whether some number in a value is not known yet."""
    if isinstance(value, Scalar):
        return not value.node.is_constant
    if isinstance(value, np.ndarray):
        return value.dtype == object and any(depends(item) for item in value.flat)
    return isinstance(value, (list, tuple)) and any(map(depends, value))
