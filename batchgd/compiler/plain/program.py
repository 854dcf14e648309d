"""What NumPy's tick calls for an objective without an expression: a function of points and parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class CalledProgram:
    """Computes outputs of an objective by a call, as ``ArrayProgram`` does those of a graph.

    Parameters
    ----------
    shape : tuple of int or None
        The shape of the parameters, if there are any.
    call : callable
        ``call(points, params)`` returns the outputs at points (n, dim), as (outputs, n).
    """

    def __init__(self, shape: tuple[int, ...] | None, call: Callable[[Floats, Floats | None], Floats]):
        self._shape, self._call = shape, call

    def __call__(self, x: Any, p: Any = ()) -> Any:
        """Return an array (outputs, points) for x of shape (dim, points) and the params as numbers."""
        shape = self._shape
        params = None if shape is None else np.asarray(p[: int(np.prod(shape))], np.float64).reshape(shape)
        return self._call(np.ascontiguousarray(x.T, np.float64), params).astype(x.dtype)
