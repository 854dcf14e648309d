"""The evaluation of a finite sum whose updates see some of the rows, as a function that a CUDA kernel calls.

A thread whose lane is due for it computes the whole sum; another adds up the losses of the rows that it draws, which it
reads where they are. ``batches.py`` does the same on the CPU.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import types

from batchgd.compiler.codegen.program import ARRAYS
from batchgd.compiler.finite_sum import HEAD
from batchgd.compiler.lower.batches import Draw
from batchgd.compiler.lower.device_call import Call, device_function
from batchgd.compiler.lower.device_code import OneByOne, Tables, numbers
from batchgd.compiler.lower.vectors import integer
from batchgd.compiler.trace.graph import Node
from batchgd.kernels.vecmath.ir import Real, select

if TYPE_CHECKING:
    from batchgd.compiler.finite_sum import FiniteSum


def batch_evaluation_of(
    objective: FiniteSum,
    whole: Mapping[int, Node],
    element: Mapping[int, Node],
    slots: Mapping[str, int],
    tables: Tables,
) -> Any:
    """Return ``evaluate``, with the outputs of the whole sum and of the loss of a row by their slots."""

    def append(call: Call) -> None:
        vectors, builder = call.vectors, call.vectors.builder
        nit = vectors.load(call.at("ws", integer(slots["nit"])))
        every = vectors.uniform(call.at("p", integer(2)))
        due = ((nit / every).floor() * every).equals(nit)
        flag = select(due, vectors.number(1.0), vectors.number(0.0))
        vectors.store(flag, call.at("ws", integer(slots["whole"])))
        with builder.if_else(due.value) as (of_all, of_some):
            with of_all:
                _store(call, whole, numbers(call, whole.values(), tables, _of_the_lane(call), kind=OneByOne))
            with of_some:
                _store(call, element, _batch(call, nit))

    def _batch(call: Call, nit: Real) -> list[Real]:
        vectors, builder = call.vectors, call.vectors.builder
        share, last_share = (vectors.uniform(call.at("p", integer(place))) for place in (3, 4))
        start = builder.load(call.at("index", integer(0)))
        draw = Draw(vectors, objective, (start, call.values["seed"]), nit, (share, last_share))
        params = objective.n_params

        def turn(number: ir.Value, sums: list[Real]) -> list[Real]:
            row, weight = draw.row(number)
            begin = builder.add(builder.mul(row.value, integer(objective.width)), integer(HEAD + params))

            def leaf(node: Node) -> ir.Value:
                number = int(node.value)
                if node.op == "x":
                    return call.element("ws", number)
                if number < objective.width:
                    return builder.load(call.at("p", builder.add(begin, integer(number))))
                return call.element("p", HEAD + number - objective.width)

            losses = numbers(call, element.values(), tables, leaf)
            return [total + weight * loss for total, loss in zip(sums, losses, strict=True)]

        return vectors.loop(0, objective.batch_size or 0, 1, [vectors.number(0.0)] * len(element), turn)

    return device_function("evaluate", ARRAYS[:4], types.none, append)


def _of_the_lane(call: Call) -> Any:
    return lambda node: call.element("ws" if node.op == "x" else "p", int(node.value))


def _store(call: Call, outputs: Mapping[int, Node], values: list[Any]) -> None:
    for slot, value in zip(outputs, values, strict=True):
        call.vectors.store(value, call.at("ws", integer(slot)))
