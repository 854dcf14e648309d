"""Eigenvalues of many small symmetric matrices, and of the Hessians at many points.

LAPACK's threads are switched off: for matrices of 25 rows and more OpenBLAS starts them anew for each one, and 2,000
matrices of 30 rows take 12.6 s on two busy cores, against 0.22 s with one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from batchgd.engine.progress import MEASURING, UNWATCHED, Watch

if TYPE_CHECKING:
    from batchgd.minima.scale import Derivable

T = TypeVar("T")

_ENTRIES = 1 << 20  # Hessian entries in memory at a time


def hessian_eigenvalues(objective: Derivable, x: NDArray[np.float64], watch: Watch = UNWATCHED) -> NDArray[np.float64]:
    """Eigenvalues of the Hessian in each x, (n, d), ascending; NaN if not finite or not reached.

    With bounds they are those of the coordinates that these do not hold, and NaN, in the last places, for each other.
    """
    out = np.full(x.shape, np.nan)
    for rows, hessian in _hessians(objective, x, watch):
        held = _held(objective, x[rows])
        out[rows] = _without(held, eigvalsh(_apart(hessian, held)))
    return out


class HessianEigenvalues:
    """The eigenvalues of the Hessian in each x, (n, d), computed when they are asked for."""

    def __init__(self, objective: Derivable, x: NDArray[np.float64]) -> None:
        self._objective, self._x = objective, x

    def __len__(self) -> int:
        return len(self._x)

    def __getitem__(self, rows: Any) -> HessianEigenvalues:
        return HessianEigenvalues(self._objective, self._x[rows])

    def computed(self) -> NDArray[np.float64]:
        """Return them."""
        return hessian_eigenvalues(self._objective, self._x)

    def __reduce__(self) -> tuple[Any, ...]:
        return np.asarray, (self.computed(),)


def lazy(name: str) -> Callable[[type[T]], type[T]]:
    """Let a field of a dataclass be :class:`HessianEigenvalues`, which are computed when it is first read."""

    def decorate(table: type[T]) -> type[T]:
        setattr(table, name, _Lazy(name))
        return table

    return decorate


class _Lazy:
    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, table: Any, owner: type) -> Any:
        if table is None:
            return self
        value = vars(table)[self._name]
        if isinstance(value, HessianEigenvalues):
            value = vars(table)[self._name] = value.computed()
        return value

    def __set__(self, table: Any, value: Any) -> None:
        vars(table)[self._name] = value


def hessian_modes(objective: Derivable, x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The same eigenvalues, and the unit eigenvector of the lowest one, (n, d)."""
    values, lowest = np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    for rows, hessian in _hessians(objective, x):
        held = _held(objective, x[rows])
        value, vector = eigh(_apart(hessian, held))
        values[rows], lowest[rows] = _without(held, value), vector[:, :, 0]
    return values, lowest


def _held(objective: Any, x: NDArray[np.float64]) -> NDArray[np.bool_] | None:
    """Which coordinates the bounds of an objective hold; None without any."""
    held = getattr(objective, "held", None)
    return None if held is None else held(x)


def _apart(hessian: NDArray[np.float64], held: NDArray[np.bool_] | None) -> NDArray[np.float64]:
    """Hessians with an eigenvalue above all others for each coordinate that is held."""
    if held is None:
        return hessian
    out, (row, axis) = hessian.copy(), np.nonzero(held)
    out[row, axis, axis] = 1.0 + 2.0 * np.abs(np.where(held[:, :, None], 0.0, hessian)).sum(axis=(1, 2))[row]
    return out


def _without(held: NDArray[np.bool_] | None, value: NDArray[np.float64]) -> NDArray[np.float64]:
    """Eigenvalues, ascending, with NaN in place of those that :func:`_apart` put last."""
    if held is None:
        return value
    return np.where(np.arange(value.shape[1]) >= (~held).sum(axis=1, keepdims=True), np.nan, value)


def _hessians(
    objective: Derivable, x: NDArray[np.float64], watch: Watch = UNWATCHED
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """The Hessians of one block of points after another, with their rows, until the watch ends the work."""
    step = max(1, _ENTRIES // (x.shape[1] ** 2 + 1))
    for begin in range(0, len(x), step):
        if not watch.go_on(MEASURING, begin, len(x)):
            return
        rows = slice(begin, begin + step)
        with np.errstate(all="ignore"):
            hessian = np.asarray(objective.hessian(x[rows]))
        yield rows, hessian


def eigh(matrices: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return eigenvalues, ascending, and eigenvectors of (m, d, d) matrices; NaN for one that is not finite.

    >>> eigh(np.array([[[2.0, 0.0], [0.0, 1.0]], [[np.inf, 0.0], [0.0, 1.0]]]))[0]
    array([[ 1.,  2.],
           [nan, nan]])
    """
    diagonal = _diagonal(matrices)
    if diagonal is not None:
        order = np.argsort(diagonal, axis=1)
        unit = np.broadcast_to(np.eye(diagonal.shape[1]), matrices.shape)
        return np.take_along_axis(diagonal, order, 1), np.take_along_axis(unit, order[:, None, :], 2)
    finite, clean = _finite(matrices)
    with single_threaded():
        value, vector = np.linalg.eigh(clean)
    value[~finite] = np.nan
    return value, vector


def eigvalsh(matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the eigenvalues alone."""
    diagonal = _diagonal(matrices)
    if diagonal is not None:
        return np.sort(diagonal, axis=1)
    finite, clean = _finite(matrices)
    with single_threaded():
        value = np.asarray(np.linalg.eigvalsh(clean), np.float64)
    value[~finite] = np.nan
    return value


def _diagonal(matrices: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """The entries of matrices that are all diagonal, as the Hessians of separable functions are, and finite."""
    m, d = len(matrices), matrices.shape[1]
    flat = matrices.reshape(m, d * d)
    off, diagonal = flat[:, 1:].reshape(m, d - 1, d + 1)[:, :, :-1], np.array(flat[:, :: d + 1])
    other = off[:1].any() or off.any() or not np.isfinite(diagonal).all()
    return None if other else diagonal


def single_threaded() -> Any:
    """Keep LAPACK from starting threads, within a ``with`` block."""
    return _threads().limit(limits=1, user_api="blas")


def _finite(matrices: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(matrices).all(axis=(1, 2)))
    return finite, matrices if finite.all() else np.where(finite[:, None, None], matrices, np.eye(matrices.shape[1]))


@cache
def _threads() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
