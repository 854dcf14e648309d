"""Linear algebra of small traced matrices, written out: elimination with pivots that are selected, and rotations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from batchgd.compiler.trace.array import plain_objects, traced_array
from batchgd.compiler.trace.elementary import choose
from batchgd.compiler.trace.escape import escape, is_guarded
from batchgd.compiler.trace.ordering import in_order

LARGEST = 32
"""The largest matrix that is eliminated; n of them take about n^3 operations."""

SWEEPS = 8
"""Rounds of rotations for eigenvalues: they converge quadratically, and 6 suffice for matrices of this size."""


class Sign(NamedTuple):
    """What np.linalg.slogdet returns."""

    sign: Any
    logabsdet: Any


def _square(a: Any, name: str) -> np.ndarray:
    matrix = plain_objects(a)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise escape(f"{name} of an array of shape {matrix.shape} cannot be traced", "pass one square matrix at a time")
    if len(matrix) > LARGEST:
        raise escape(f"{name} of {len(matrix)} rows cannot be traced", f"use at most {LARGEST} rows")
    return matrix


def _swapped(rows: np.ndarray, k: int, i: int) -> Any:
    """Bring the larger of two pivots into row k; returns -1 where rows are swapped."""
    swap = abs(rows[i, k]) > abs(rows[k, k])
    for j in range(k, rows.shape[1]):
        above, below = rows[k, j], rows[i, j]
        rows[k, j], rows[i, j] = choose(swap, below, above), choose(swap, above, below)
    return choose(swap, -1.0, 1.0)


def _eliminated(matrix: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, Any]:
    """Return [U | y] of a system, with partial pivoting, and the sign of the permutation."""
    rows, sign = np.concatenate([matrix, right], axis=1), 1.0
    n = len(rows)
    for k in range(n):
        for i in range(k + 1, n):
            sign = sign * _swapped(rows, k, i)
        for i in range(k + 1, n):
            factor = rows[i, k] / rows[k, k]
            rows[i, k] = 0.0
            for j in range(k + 1, rows.shape[1]):
                rows[i, j] = rows[i, j] - factor * rows[k, j]
    return rows, sign


def _substituted(upper: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solve an upper triangular system for each column."""
    result = right.copy()
    for i in range(len(upper) - 1, -1, -1):
        for k in range(i + 1, len(upper)):
            result[i] = result[i] - upper[i, k] * result[k]
        result[i] = result[i] / upper[i, i]
    return result


def solve(a: Any, b: Any) -> Any:
    """Solve A z = b for a vector or the columns of a matrix."""
    matrix, right = _square(a, "np.linalg.solve"), plain_objects(b)
    columns = right.reshape(len(matrix), -1)
    rows, _ = _eliminated(matrix, columns)
    return traced_array(_substituted(rows[:, : len(matrix)], rows[:, len(matrix) :]).reshape(right.shape))


def inverse(a: Any) -> Any:
    """Return the inverse of a matrix."""
    return solve(a, np.eye(len(plain_objects(a))))


def determinant(a: Any) -> Any:
    """Return a determinant: a polynomial up to 4 x 4, by elimination beyond."""
    matrix = _square(a, "np.linalg.det")
    if len(matrix) <= 4:
        return _expanded(matrix)
    rows, sign = _eliminated(matrix, matrix[:, :0])
    return sign * math.prod(rows.diagonal())


def _expanded(matrix: np.ndarray) -> Any:
    """Expansion by the first row."""
    if len(matrix) == 0:
        return 1.0
    total: Any = 0.0
    for column in range(len(matrix)):
        minor = _expanded(np.delete(matrix[1:], column, axis=1))
        total = total + (-1.0) ** column * matrix[0, column] * minor
    return total


def slogdet(a: Any) -> Sign:
    """Return the sign of a determinant and the logarithm of its size."""
    matrix = _square(a, "np.linalg.slogdet")
    rows, sign = _eliminated(matrix, matrix[:, :0])
    size: Any = 0.0
    for pivot in rows.diagonal():
        sign = sign * np.sign(pivot)
        size = size + np.log(np.abs(pivot))
    return Sign(sign, size)


def cholesky(a: Any, *, upper: bool = False) -> Any:
    """Return L of A = L L^T, NaN unless A is positive definite; only the lower triangle is read.

    Inside a ``try`` it forks the trace, and raises what NumPy raises on the path on which A is not positive definite.
    """
    matrix = _square(a, "np.linalg.cholesky")
    positive: Any = True
    low = np.full(matrix.shape, 0.0, dtype=object)
    for j in range(len(matrix)):
        for i in range(j, len(matrix)):
            rest = matrix[i, j]
            for k in range(j):
                rest = rest - low[i, k] * low[j, k]
            if i == j:
                positive = np.logical_and(positive, rest > 0.0)
            low[i, j] = np.sqrt(rest) if i == j else rest / low[j, j]
    if is_guarded() and not positive:
        raise np.linalg.LinAlgError("Matrix is not positive definite")
    return traced_array(low.T if upper else low)


def triangular(a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False, **_: Any) -> Any:
    """Solve a triangular system, as scipy.linalg.solve_triangular does."""
    matrix, right = _square(a, "solve_triangular").copy(), plain_objects(b)
    if unit_diagonal:
        np.fill_diagonal(matrix, 1.0)
    if trans not in (0, "N"):
        matrix, lower = matrix.T, not lower
    columns = right.reshape(len(matrix), -1)
    if lower:  # the same from the other end
        return traced_array(_substituted(matrix[::-1, ::-1], columns[::-1])[::-1].reshape(right.shape))
    return traced_array(_substituted(matrix, columns).reshape(right.shape))


def least_squares(a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, int, None]:
    """Return z of the least |A z - b| for A of full rank, and the sums of squares: modified Gram-Schmidt on [A b]."""
    rows, right = plain_objects(a).copy(), plain_objects(b)
    m, n = rows.shape
    columns = [*rows.T, *right.reshape(m, -1).T]
    upper = np.full((n, len(columns)), 0.0, dtype=object)
    for k in range(n):
        upper[k, k] = np.sqrt(np.dot(columns[k], columns[k]))
        unit = columns[k] / upper[k, k]
        for j in range(k + 1, len(columns)):
            upper[k, j] = np.dot(unit, columns[j])
            columns[j] = columns[j] - unit * upper[k, j]
    result = _substituted(upper[:, :n], upper[:, n:])
    squares = traced_array([np.dot(column, column) for column in columns[n:]])
    return traced_array(result.reshape((n, *right.shape[1:]))), squares, n, None


def pseudo_inverse(a: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the pseudo-inverse of a matrix of full rank."""
    matrix = plain_objects(a)
    if matrix.shape[0] < matrix.shape[1]:
        return pseudo_inverse(matrix.T).T
    return least_squares(matrix, np.eye(len(matrix)))[0]


def eigenvalues(a: Any, UPLO: str = "L") -> Any:
    """Return the eigenvalues of a symmetric matrix in ascending order, by cyclic Jacobi rotations."""
    matrix = _square(a, "np.linalg.eigvalsh").copy()
    n = len(matrix)
    for i in range(n):
        for j in range(i):
            matrix[j, i] = matrix[i, j] = matrix[i, j] if UPLO == "L" else matrix[j, i]
    for _ in range(1 if n == 2 else SWEEPS):
        for p in range(n - 1):
            for q in range(p + 1, n):
                _rotate(matrix, p, q)
    return traced_array(in_order(list(matrix.diagonal()), "np.linalg.eigvalsh"))


def _rotate(matrix: np.ndarray, p: int, q: int) -> None:
    """Make the element p, q of a symmetric matrix zero, by t = tan of the angle with |t| <= 1."""
    off = matrix[p, q]
    apart = matrix[q, q] - matrix[p, p]
    root = np.sqrt(apart * apart + 4.0 * off * off)
    below = apart + choose(apart >= 0.0, root, -root)
    t = choose(below == 0.0, 0.0, 2.0 * off / choose(below == 0.0, 1.0, below))
    c = 1.0 / np.sqrt(t * t + 1.0)
    s = t * c
    matrix[p, p], matrix[q, q] = matrix[p, p] - t * off, matrix[q, q] + t * off
    matrix[p, q] = matrix[q, p] = 0.0
    for k in range(len(matrix)):
        if k not in (p, q):
            first, second = matrix[k, p], matrix[k, q]
            matrix[k, p] = matrix[p, k] = c * first - s * second
            matrix[k, q] = matrix[q, k] = s * first + c * second


def exponential(a: Any) -> Any:
    """Return the exponential of a matrix: the series of A / 64 to A^14, squared six times."""
    matrix = traced_array(_square(a, "expm")) * (1.0 / 64.0)
    total = np.eye(len(matrix))
    for k in range(14, 0, -1):
        total = np.eye(len(matrix)) + (matrix @ total) * (1.0 / k)
    for _ in range(6):
        total = total @ total
    return total


LINALG: dict[str, Callable[..., Any]] = {
    "linalg.solve": solve,
    "linalg.inv": inverse,
    "linalg.det": determinant,
    "linalg.slogdet": slogdet,
    "linalg.cholesky": cholesky,
    "linalg.lstsq": least_squares,
    "linalg.pinv": pseudo_inverse,
    "linalg.eigvalsh": eigenvalues,
}
"""By NumPy's names."""


def _scipy_cholesky(a: Any, lower: bool = False, **_: Any) -> Any:
    return cholesky(a if lower else np.transpose(a), upper=not lower)


SCIPY_LINALG: dict[str, Callable[..., Any]] = {
    "solve": lambda a, b, **_: solve(a, b),
    "inv": lambda a, **_: inverse(a),
    "det": lambda a, **_: determinant(a),
    "cholesky": _scipy_cholesky,
    "cho_factor": lambda a, lower=False, **_: (_scipy_cholesky(a, lower), lower),
    "cho_solve": lambda factor, b, **_: triangular(
        factor[0], triangular(factor[0], b, 0 if factor[1] else 1, factor[1]), 1 if factor[1] else 0, factor[1]
    ),
    "solve_triangular": triangular,
    "lstsq": lambda a, b, *args, **_: least_squares(a, b),
    "pinv": lambda a, **_: pseudo_inverse(a),
    "eigvalsh": lambda a, **_: eigenvalues(a),
    "expm": exponential,
    "norm": lambda a, ord=None, axis=None, keepdims=False, **_: np.linalg.norm(traced_array(a), ord, axis, keepdims),
}
"""By the names of scipy.linalg."""
