"""Recurrences in NumPy: one row after another, at many points at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.trace.graph import Axes, Node, joint_axes
from batchgd.compiler.trace.loops import interior, loop_of, places_of
from batchgd.compiler.trace.operations import OPERATIONS, REDUCTIONS

Array = NDArray[Any]


class ArrayLoop:
    """Computes all carries of a scan. Within, arrays have a dimension for the points and one per further axis."""

    def __init__(self, scan: Node):
        self.scan, self.loop, self.places = scan, loop_of(scan), places_of(scan)
        inner = interior(self.loop.following)
        own = self.loop.axis
        self.axes = tuple(axis for axis in joint_axes([scan, *scan.args, *inner]) if axis != own)
        self.axes = tuple(sorted({*self.axes, *(axis for node in inner for axis in node.bound)}))
        self.numbers: dict[int, int] = {}
        for node in (*self.loop.carries, *scan.args, *inner, *self.loop.following):
            self.numbers.setdefault(node.id, len(self.numbers))
        self.constants = {arg.id: arg for node in inner for arg in node.args if arg.op == "const"}
        self.constants.update({node.id: node for node in self.loop.following if node.op == "const"})
        for key in self.constants:
            self.numbers.setdefault(key, len(self.numbers))
        self.steps = [
            (self._operation(node), [self.numbers[arg.id] for arg in node.args], self.numbers[node.id])
            for node in inner
            if node.op != "carry"
        ]

    def _operation(self, node: Node) -> Callable[..., Any]:
        if node.op not in REDUCTIONS:
            return OPERATIONS[node.op].compute
        return partial(REDUCTIONS[node.op].reduce, axis=1 + self.axes.index(node.bound[0]), keepdims=True)

    def shaped(self, value: Any, axes: Axes) -> Any:
        """Return an array of points and these axes as one that has all axes."""
        if np.ndim(value) == 0:
            return value
        return value.reshape([len(value), *(axis.length if axis in axes else 1 for axis in self.axes)])

    def run(self, points: int, real: Any, arguments: Sequence[Any]) -> list[Array]:
        """Return, for each carry, an array of points, rows and one more, and the scan's axes.

        ``arguments`` are numbers, arrays of points and axes, or, with rows, such arrays for each row.
        """
        loop, count, own = self.loop, len(self.loop.carries), self.loop.axis
        values: list[Any] = [None] * len(self.numbers)
        for key, node in self.constants.items():
            values[self.numbers[key]] = real(node.value)
        moving = []
        for arg, value in zip(self.scan.args, arguments, strict=True):
            axes = tuple(axis for axis in arg.axes if axis != own)
            if own in arg.axes:
                moving.append((self.numbers[arg.id], [self.shaped(each, axes) for each in value]))
            else:
                values[self.numbers[arg.id]] = self.shaped(value, axes)
        shape = [axis.length if axis in self.scan.axes else 1 for axis in self.axes]
        kept = [np.empty((own.length + 1, points, *shape), real) for _ in range(count)]
        places = [self.numbers[leaf.id] for leaf in loop.carries]
        following = [self.numbers[node.id] for node in loop.following]
        current = [
            values[self.numbers[arg.id]] if arg.op != "const" else real(arg.value) for arg in self.scan.args[:count]
        ]
        for array, value in zip(kept, current, strict=True):
            array[self.places.first] = value
        order = range(own.length)[::-1] if loop.reverse else range(own.length)
        for row in order:
            for place, rows in moving:
                values[place] = rows[row]
            for place, value in zip(places, current, strict=True):
                values[place] = value
            for compute, operands, place in self.steps:
                values[place] = compute(*[values[each] for each in operands])
            current = [values[place] for place in following]
            at = self.places.leaving[row]
            for array, value in zip(kept, current, strict=True):
                array[at] = value
        lengths = [axis.length for axis in self.scan.axes]
        return [np.moveaxis(array.reshape(own.length + 1, points, *lengths), 0, 1) for array in kept]
