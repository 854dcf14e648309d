"""Two ways to trace what is done with every coordinate: one number each, or all of them in a row of a loop.

``each``, ``total`` and the others take vectors; what is not a vector is the same for all coordinates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from batchgd.compiler.trace.graph import Axis
from batchgd.compiler.trace.rows import reduced
from batchgd.compiler.trace.scalar import Scalar
from batchgd.kernels import stopping_tests as kernel


class Unrolled:
    """Vectors are lists with a number for each coordinate."""

    def __init__(self, dim: int):
        self.dim = dim

    def each(self, function: Callable[..., Any], *values: Any) -> Any:
        """Return the vector of what a function gives for each coordinate, or a tuple of them."""
        results = [function(*(_at(value, i) for value in values)) for i in range(self.dim)]
        if not isinstance(results[0], tuple):
            return results
        return tuple(list(column) for column in zip(*results, strict=True))

    def total(self, terms: Sequence[Any]) -> Any:
        """Return the sum over the coordinates."""
        return added_in_pairs(terms)

    def largest(self, terms: Sequence[Any], least: Any = None) -> Any:
        """Return the largest number, but at least ``least``."""
        first, *others = terms
        return reduce(kernel.larger, others, first if least is None else kernel.larger(first, least))

    def smallest(self, terms: Sequence[Any]) -> Any:
        """Return the smallest number."""
        return reduce(kernel.smaller, terms)

    def anywhere(self, truths: Sequence[Any]) -> Any:
        """Return whether something is true of a coordinate."""
        return reduce(lambda a, b: a | b, truths)


class Looped:
    """Vectors are numbers with an axis, over which code loops; sums are those of the graph."""

    def __init__(self, dim: int):
        self.rows = Axis(dim)

    def each(self, function: Callable[..., Any], *values: Any) -> Any:
        """Return the vector of what a function gives for each coordinate, or a tuple of them."""
        return function(*values)

    def total(self, terms: Scalar) -> Scalar:
        """Return the sum over the coordinates."""
        return self._reduced("sum", terms)

    def largest(self, terms: Scalar, least: Any = None) -> Any:
        """Return the largest number, but at least ``least``."""
        largest = self._reduced("greatest", terms)
        return largest if least is None else kernel.larger(largest, least)

    def smallest(self, terms: Scalar) -> Scalar:
        """Return the smallest number."""
        return self._reduced("least", terms)

    def anywhere(self, truths: Scalar) -> Any:
        """Return whether something is true of a coordinate."""
        return self._reduced("greatest", truths) > 0.5

    def _reduced(self, op: str, terms: Scalar) -> Scalar:
        return Scalar(reduced(op, terms.node, self.rows))


class Whole:
    """A whole number that is traced as a real one, with the operators of the random numbers for each coordinate."""

    def __init__(self, real: Scalar):
        self.real = real

    def __rshift__(self, bits: int) -> Whole:
        return Whole(np.floor(self.real * 0.5**bits))

    def __lshift__(self, bits: int) -> Whole:
        return Whole(self.real * 2.0**bits)

    def __and__(self, one: int) -> Whole:
        assert one == 1
        return Whole(self.real - 2.0 * (self >> 1).real)

    def __or__(self, low: int) -> Whole:
        """Put bits where the number has none."""
        return Whole(self.real + float(low))

    def __eq__(self, other: object) -> Any:
        return self.real == other

    __hash__ = None  # type: ignore[assignment]


def added_in_pairs(terms: Sequence[Any]) -> Any:
    """Return a sum that is as shallow as possible: an addition takes four cycles, and the next one waits for it.

    >>> added_in_pairs([1.0, 2.0, 3.0])
    6.0
    """
    terms = list(terms)
    while len(terms) > 1:
        terms = [terms[k] if k + 1 == len(terms) else terms[k] + terms[k + 1] for k in range(0, len(terms), 2)]
    return terms[0]


def _at(value: Any, i: int) -> Any:
    return value[i] if isinstance(value, list) else value
