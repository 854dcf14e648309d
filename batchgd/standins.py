"""Small things a result leans on: arrays brought to the host, starts held as rows, and a function that is not there."""

from collections.abc import Callable
from typing import Any

import numpy as np

from batchgd.errors import InputError
from batchgd.speaker import said


def host(array: Any) -> np.ndarray:
    """Return the array as NumPy: a CuPy array is copied from the device, anything else passes through.

    >>> host([1.0, 2.0])
    array([1., 2.])
    """
    return array.get() if hasattr(array, "get") and hasattr(array, "device") else np.asarray(array)


class StartRows:
    """Some rows of a set of starts, made when asked for: the starts of ``result[rows]``.

    >>> StartRows(StoredStarts(np.arange(8.0).reshape(4, 2)), np.array([3, 0])).points(0, 1)
    array([[6., 7.]])
    """

    def __init__(self, starts: Any, rows: np.ndarray) -> None:
        self._starts, self._rows = starts, rows

    def points(self, first: int, stop: int) -> np.ndarray:
        """Return the chosen start points first..stop-1."""
        rows = self._rows[first:stop]
        if len(rows) == 0:
            return host(self._starts.points(0, 0))
        lowest = int(rows.min())
        if int(rows.max()) - lowest < 4 * len(rows) + 1024:
            return host(self._starts.points(lowest, int(rows.max()) + 1))[rows - lowest]
        return np.concatenate([host(self._starts.points(int(i), int(i) + 1)) for i in rows])


class StoredStarts:
    """Start points that lie in an array, such as those read back from a folder.

    >>> StoredStarts(np.zeros((5, 2))).points(1, 3).shape
    (2, 2)
    """

    def __init__(self, points: np.ndarray, name: str = "array") -> None:
        self._points, self.name = points, name

    def points(self, first: int, stop: int) -> np.ndarray:
        """Return the start points first..stop-1."""
        return self._points[first:stop]


def not_stored(function: str) -> InputError:
    """The error of a result whose function is not at hand."""
    return InputError(
        f"{function} is not stored with this result: "
        f"{said('load it with bgd.load(folder, fun=...)', 'give it by --fun (of connect: TARGET)')}"
    )


class MissingFunction:
    """Stands where a function would: it has the name and the dimension, and says how to get the rest.

    >>> MissingFunction("mine", 2).value(0.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    batchgd.errors.InputError: the function 'mine' is not stored with this result: load it with bgd.load(folder, ...
    """

    def __init__(self, name: str, dim: int) -> None:
        self.name, self.dim = name, dim

    def _missing(self, *_: Any) -> Any:
        raise not_stored(f"the function {self.name!r}")

    value: Callable[..., Any] = _missing
    gradient: Callable[..., Any] = _missing
    value_and_gradient: Callable[..., Any] = _missing
    hessian: Callable[..., Any] = _missing
