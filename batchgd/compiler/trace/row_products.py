"""Products of arrays with large axes: sums of products over the dimensions that two arrays have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from batchgd.compiler.trace.escape import escape
from batchgd.compiler.trace.row_array import shape_of


def contract(operands: Sequence[Any], labels: Sequence[str], out: str) -> Any:
    """Multiply arrays whose dimensions have labels, and sum over all labels that ``out`` lacks, as ``einsum`` does."""
    values, names = [*operands], [*labels]
    while len(values) > 2:
        later = {*out, *"".join(names[2:])}
        joint = "".join(dict.fromkeys(label for label in names[0] + names[1] if label in later))
        values[:2], names[:2] = [contract(values[:2], names[:2], joint)], [joint]
    for k, label in enumerate(names):
        repeated = next((each for each in label if label.count(each) > 1), None)
        if repeated is not None:
            first, second = [d for d, each in enumerate(label) if each == repeated][:2]
            diagonal = np.moveaxis(np.diagonal(values[k], axis1=first, axis2=second), -1, first)
            names[k] = label[:second] + label[second + 1 :]
            return contract([*values[:k], diagonal, *values[k + 1 :]], names, out)
    sums = "".join(dict.fromkeys(each for each in "".join(names) if each not in out))
    sizes = _sizes(values, names)
    shaped = [_dimensions(value, name, out + sums) for value, name in zip(values, names, strict=True)]
    total = shaped[0] if len(shaped) == 1 else np.multiply(*shaped)
    full = tuple(sizes[label] for label in out + sums)
    if shape_of(total) != full:
        total = np.broadcast_to(total, full)
    return np.sum(total, axis=tuple(range(len(out), len(out + sums)))) if sums else total


def _sizes(values: Sequence[Any], names: Sequence[str]) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for value, name in zip(values, names, strict=True):
        shape = shape_of(value)
        if len(shape) != len(name):
            raise ValueError(f"operand of shape {shape} does not have the subscripts {name}")
        for label, n in zip(name, shape, strict=True):
            if sizes.setdefault(label, n) != n and 1 not in (n, sizes[label]):
                raise ValueError(f"dimensions do not match: {n} and {sizes[label]}")
            sizes[label] = max(n, sizes[label])
    return sizes


def _dimensions(value: Any, name: str, wanted: str) -> Any:
    """Return an array with its dimensions in another order, and one of length 1 for each label that it lacks."""
    order = [name.index(label) for label in wanted if label in name]
    shape = shape_of(value)
    lengths = [shape[name.index(label)] if label in name else 1 for label in wanted]
    return np.reshape(np.transpose(value, order), lengths) if lengths else value


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def matmul(a: Any, b: Any) -> Any:
    """Return ``a @ b``."""
    m, n = len(shape_of(a)), len(shape_of(b))
    if not m or not n:
        raise ValueError("matmul: an operand is a single number")
    batch = max(m - 2, n - 2, 0)
    stack = _LETTERS[:batch]
    first = stack[batch - max(m - 2, 0) :] + ("y" if m > 1 else "") + "z"
    second = stack[batch - max(n - 2, 0) :] + "z" + ("Y" if n > 1 else "")
    return contract([a, b], [first, second], stack + ("y" if m > 1 else "") + ("Y" if n > 1 else ""))


def dot(a: Any, b: Any) -> Any:
    """Return ``np.dot(a, b)``."""
    m, n = len(shape_of(a)), len(shape_of(b))
    if not m or not n:
        return np.multiply(a, b)
    return tensordot(a, b, ([m - 1], [max(n - 2, 0)]))


def inner(a: Any, b: Any) -> Any:
    """Return ``np.inner(a, b)``."""
    m, n = len(shape_of(a)), len(shape_of(b))
    return tensordot(a, b, ([m - 1], [n - 1])) if m and n else np.multiply(a, b)


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Return ``np.tensordot(a, b, axes)``."""
    m, n = len(shape_of(a)), len(shape_of(b))
    if isinstance(axes, (int, np.integer)):
        axes = (list(range(m - int(axes), m)), list(range(int(axes))))
    ours, theirs = ([int(i) for i in np.atleast_1d(each)] for each in axes)
    first, second = [*_LETTERS[:m]], [*_LETTERS[m : m + n]]
    for i, j in zip(ours, theirs, strict=True):
        second[j % n] = first[i % m]
    shared = {first[i % m] for i in ours}
    out = [label for label in first + second if label not in shared]
    return contract([a, b], ["".join(first), "".join(second)], "".join(out))


def einsum(subscripts: Any, *operands: Any, **kwargs: Any) -> Any:
    """Return ``np.einsum(...)`` for subscripts in text."""
    if not isinstance(subscripts, str) or "..." in subscripts:
        raise escape(
            "np.einsum with an ellipsis or lists of axes", "write its subscripts out: np.einsum('ij,j->i', A, x)"
        )
    inputs, arrow, out = subscripts.replace(" ", "").partition("->")
    names = inputs.split(",")
    if not arrow:
        out = "".join(sorted(label for label in {*inputs} - {","} if inputs.count(label) == 1))
    return contract([*operands], names, out)


def vdot(a: Any, b: Any) -> Any:
    """Return the sum of all products with conjugates of the first numbers."""
    return np.sum(np.multiply(np.conjugate(np.ravel(a)), np.ravel(b)))


def outer(a: Any, b: Any) -> Any:
    """Return all products of two vectors."""
    return np.multiply(np.reshape(a, (-1, 1)), np.reshape(b, (1, -1)))
