"""A program in NumPy: its operations one after another on whole arrays, a number of every lane in each.

This is the reference for what is compiled, the tick of the NumPy backend, and that of a lane in CUDA's simulator. What
has an axis over the coordinates has them in the first dimension, the lanes in the second.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial, reduce
from typing import Any

import numpy as np

from batchgd.compiler.codegen.program import ARRAYS, Place, Program
from batchgd.compiler.trace.graph import Node
from batchgd.compiler.trace.operations import OPERATIONS, REDUCTIONS
from batchgd.kernels import philox


class ArrayTick:
    """Does a program on ``ws`` of shape (slots, lanes), or (slots,) for one lane.

    It is called with the arrays of ``program.ARRAYS`` in this order, with one start per lane in ``index``. It renews
    ``ws``, and returns the output ``ended`` if there is one: whether each lane has ended.
    """

    def __init__(self, program: Program, dtype: str):
        self._real = np.dtype(dtype).type
        nodes, outputs = program.nodes, program.outputs
        places, count = _places(nodes, {node.id for node in outputs.values()})
        self._values: list[Any] = [None] * count
        for node in nodes:
            if node.is_constant:
                self._values[places[node.id]] = self._real(node.value)
        # What is written elsewhere is copied: its own slot may be renewed before.
        moved = {node.id for node in program.renewed.values()}
        self._reads = []
        for name, node in program.needed.items():
            place = program.reads[name]
            if place.array == "axis":
                self._values[places[node.id]] = np.arange(place.rows, dtype=dtype)[:, None]
            else:
                self._reads.append((places[node.id], ARRAYS.index(place.array), _element(place), node.id in moved))
        self._steps = [
            (self._operation(node), [places[arg.id] for arg in node.args], places[node.id])
            for node in nodes
            if node.args
        ]
        self._writes = [(_element(place), places[node.id]) for place, node in program.renewed.items()]
        self._ended = places[outputs["ended"].id] if "ended" in outputs else None

    def _operation(self, node: Node) -> Callable[..., Any]:
        if node.op == "uniform":
            pair = philox.uniform_pair if self._real is np.float64 else philox.uniform_pair_single
            counter = int(node.value)
            if len(node.args) == 4:
                return lambda seed, start, update, each: pair(seed, start, np.int64(update), np.int64(each))
            return lambda seed, start, update: pair(seed, start, np.int64(update), counter)
        if node.op == "part":
            number = int(node.value)
            return lambda numbers: numbers[number]
        if node.op in REDUCTIONS:
            return partial(reduce, REDUCTIONS[node.op])  # row by row, so that nothing depends on the number of lanes
        return OPERATIONS[node.op].compute

    def __call__(self, *arrays: Any) -> Any:
        """Do it once."""
        values = self._values.copy()
        for place, array, number, moved in self._reads:
            value = arrays[array] if number is None else arrays[array][number]
            values[place] = value.copy() if moved else value
        with np.errstate(all="ignore"):
            for compute, operands, place in self._steps:
                values[place] = compute(*[values[operand] for operand in operands])
        ws = arrays[0]
        for slot, place in self._writes:
            ws[slot] = values[place]
        return None if self._ended is None else values[self._ended]


def _element(place: Place) -> Any:
    """What an index into its array is, or None for the whole array."""
    if place.array in ("index", "seed"):
        return None
    if not place.rows:
        return place.number
    rows = slice(place.number, place.number + place.rows)
    return rows if place.array == "ws" else (rows, None)


def _places(nodes: Sequence[Node], kept: Collection[int]) -> tuple[dict[int, int], int]:
    """Number the values by the ids of their nodes; return how many numbers that takes.

    A result takes the place of one that nothing needs any more, which frees an array while it is in the cache.
    """
    last = {arg.id: node.id for node in nodes for arg in node.args}
    places = {node.id: number for number, node in enumerate(node for node in nodes if not node.args)}
    given, count, free = {*places}, len(places), list[int]()
    for node in nodes:
        if not node.args:
            continue
        over = {arg.id for arg in node.args if last[arg.id] == node.id and arg.id not in kept} - given
        free += sorted(places[number] for number in over)
        if not free:
            free.append(count)
            count += 1
        places[node.id] = free.pop()
    return places, count
