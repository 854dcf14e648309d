"""Rotations in space on traced values: what scipy.spatial.transform.Rotation is while a function is traced."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from batchgd.compiler.trace.array import is_traced, plain_objects, traced_array
from batchgd.compiler.trace.escape import escape
from batchgd.compiler.trace.reductions import where

_AXES = {"x": 0, "y": 1, "z": 2}


def _turn(axis: int, angle: Any) -> Any:
    """Return the matrix of a rotation about a coordinate axis."""
    matrix = np.eye(3).astype(object)
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix[i, i] = matrix[j, j] = np.cos(angle)
    matrix[j, i], matrix[i, j] = np.sin(angle), -np.sin(angle)
    return traced_array(matrix)


def _even_wave(square: Any, start: int) -> Any:
    """Return sum_k (-square)^k / (2k + start)!: sin(h)/h and (1 - cos(h))/h^2 of h^2, with their derivatives at 0."""
    near = square < 0.1
    h = np.sqrt(where(near, 1.0, square))
    far = np.sin(h) / h if start == 1 else (1.0 - np.cos(h)) / (h * h)
    return where(near, np.polyval([(-1.0) ** k / math.factorial(2 * k + start) for k in range(8, -1, -1)], square), far)


class Turned:
    """One rotation, as a matrix."""

    def __init__(self, matrix: Any):
        self._matrix = matrix

    def as_matrix(self) -> Any:
        """Return the matrix, shape (3, 3)."""
        return self._matrix

    def apply(self, vectors: Any, inverse: bool = False) -> Any:
        """Rotate a vector, or each row."""
        return traced_array(vectors) @ (self._matrix if inverse else self._matrix.T)

    def inv(self) -> Turned:
        """Return the inverse."""
        return Turned(self._matrix.T)

    def __mul__(self, other: Any) -> Turned:
        return Turned(self._matrix @ other.as_matrix())

    def __rmul__(self, other: Any) -> Turned:
        return Turned(other.as_matrix() @ self._matrix)

    def magnitude(self) -> Any:
        """Return the angle, accurate for small and large ones."""
        m = self._matrix
        twice = traced_array([m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1]])
        return np.arctan2(np.sqrt(np.sum(twice * twice)), np.trace(m) - 1.0)


class Rotations:
    """The class Rotation: its constructors take traced numbers, of one rotation."""

    def __init__(self, real: Any):
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Make a rotation of a quaternion."""
        return self._real(*args, **kwargs)

    def from_rotvec(self, rotvec: Any, degrees: bool = False) -> Any:
        """Rodrigues' formula."""
        if not is_traced(rotvec):
            return self._real.from_rotvec(rotvec, degrees)
        v = _one(rotvec, 3) * (math.pi / 180.0 if degrees else 1.0)
        square = np.sum(v * v)
        cross = traced_array([[0.0, -v[2], v[1]], [v[2], 0.0, -v[0]], [-v[1], v[0], 0.0]])
        return Turned(np.eye(3) + cross * _even_wave(square, 1) + (cross @ cross) * _even_wave(square, 2))

    def from_euler(self, seq: str, angles: Any, degrees: bool = False) -> Any:
        """Return the product of rotations about axes: extrinsic for lower-case letters, intrinsic for capitals."""
        if not is_traced(angles):
            return self._real.from_euler(seq, angles, degrees)
        parts = np.atleast_1d(traced_array(angles)) * (math.pi / 180.0 if degrees else 1.0)
        matrix: Any = np.eye(3)
        for axis, angle in zip(seq.lower(), parts, strict=True):
            turn = _turn(_AXES[axis], angle)
            matrix = turn @ matrix if seq.islower() else matrix @ turn
        return Turned(matrix)

    def from_quat(self, quat: Any, *, scalar_first: bool = False) -> Any:
        """Return the rotation of a quaternion of any length but 0."""
        if not is_traced(quat):
            return self._real.from_quat(quat, scalar_first=scalar_first)
        q = _one(quat, 4)
        q = q / np.sqrt(np.sum(q * q))
        w, x, y, z = q if scalar_first else (q[3], q[0], q[1], q[2])
        cross = traced_array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
        return Turned(np.eye(3) + 2.0 * w * cross + 2.0 * (cross @ cross))

    def from_matrix(self, matrix: Any) -> Any:
        """Take a rotation matrix as it is."""
        return Turned(traced_array(matrix)) if is_traced(matrix) else self._real.from_matrix(matrix)


def _one(values: Sequence[Any], length: int) -> Any:
    array = plain_objects(values)
    if array.shape != (length,):
        raise escape(f"Rotation of an array of shape {array.shape} cannot be traced", "make one rotation at a time")
    return traced_array(array)
