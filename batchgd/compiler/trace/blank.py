"""The large array that ``np.zeros`` makes while a function is traced: it may be filled by elements or with rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from batchgd.compiler.trace.frames import PRIORITY, is_frame, unframed
from batchgd.compiler.trace.row_array import TracedRows, as_rows, is_given
from batchgd.compiler.trace.scalar import Hooked

MOST_ELEMENTS = 32
"""After this many single-element assignments to rows, the array is unrolled."""


class Blank(Hooked, NDArrayOperatorsMixin):
    """An array to be filled. What it contains, ``array``, is unrolled until rows are assigned to it.

    Whatever is computed from it sees only ``array``, as :func:`settled` gives it.
    """

    __array_priority__ = 1000.0
    __pandas_priority__ = PRIORITY

    def __init__(self, array: Any):
        self.array, self.written = array, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.array, name)

    def __len__(self) -> int:
        return len(self.array)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.array)

    def __repr__(self) -> str:
        return repr(self.array)

    def __copy__(self) -> Blank:
        return Blank(self.array.copy())

    def __getitem__(self, key: Any) -> Any:
        return self.array[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        from batchgd.compiler.trace.row_index import replaced

        value = settled(value)
        if isinstance(value, TracedRows) and not isinstance(self.array, TracedRows) and is_given(self.array):
            self.array = as_rows(value.graph, self.array)
        if isinstance(self.array, TracedRows):
            self.written += not isinstance(value, TracedRows)
            if self.written <= MOST_ELEMENTS:
                self.array = replaced(self.array, key, value)
                return
            self.array = self.array.unrolled()
        self.array[key] = value


IN_PLACE = {
    "__iadd__": np.add,
    "__isub__": np.subtract,
    "__imul__": np.multiply,
    "__itruediv__": np.true_divide,
    "__ipow__": np.power,
}
"""The ufuncs of the operators that change an array in place."""


def _in_place(ufunc: np.ufunc) -> Callable[..., Any]:
    def method(self: Blank, other: Any) -> Blank:
        result = ufunc(self, other)
        if result.shape != self.array.shape:
            raise ValueError(f"an array of shape {self.array.shape} cannot contain one of shape {result.shape}")
        self.array = result
        return self

    return method


for _name, _ufunc in IN_PLACE.items():
    setattr(Blank, _name, _in_place(_ufunc))


def settled(value: Any) -> Any:
    """Return what an array to be filled, or a frame, contains now, also in lists; everything else as it is."""
    if isinstance(value, Blank):
        return value.array
    if is_frame(value):
        return unframed(value)
    if isinstance(value, (list, tuple)) and any(
        isinstance(each, (Blank, list, tuple)) or is_frame(each) for each in value
    ):
        return type(value)(settled(each) for each in value)
    return value
