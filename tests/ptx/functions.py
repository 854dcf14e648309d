"""The elementary functions of the device, as functions of NumPy arrays: their PTX, run by the interpreter."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest import mock

import numpy as np
from numba import cuda, types

from batchgd.compiler.codegen import array_module, loading
from batchgd.compiler.lower import array_block
from batchgd.compiler.lower.array_tick import ArrayTick
from batchgd.compiler.trace.emit import sine_cosine_pairs
from batchgd.compiler.trace.graph import reachable
from batchgd.compiler.trace.operations import OPERATIONS
from batchgd.kernels import (
    for_numba,  # noqa: F401 - for what is compiled here
    launch_numpy,
    vecmath,
)
from ptx import counts
from ptx.machine import Device
from ptx.product import DeviceArray
from ptx.shipping import of_function

NAMES = [name for name in vecmath.CUDA_MATH if name not in vecmath.SIMPLE]


class DeviceFunction:
    """One of them: takes and returns arrays of one dtype."""

    def __init__(self, name: str, contract: bool = False, edit: Any = lambda name, text: text) -> None:
        self.name, self.contract, self.edit, self.device = name, contract, edit, Device()

    def __call__(self, *operands: Any) -> Any:
        arrays = np.broadcast_arrays(*operands)
        dtype = np.result_type(*(each for each in operands if isinstance(each, np.ndarray | np.generic)))
        device, n, outputs = self.device, max(arrays[0].size, 1), 2 if self.name == "sincos" else 1
        held = [DeviceArray(device, (n,), dtype) for _ in range(len(arrays) + outputs)]
        for one, array in zip(held, arrays, strict=False):
            one[...] = array.ravel()
        threads = min(n, 64)
        parameters = [number for each in held for number in each.parameters()]
        device.launch(
            self.edit(self.name, _text(self.name, str(dtype), len(arrays), self.contract)),
            -(-n // threads),
            threads,
            parameters,
        )
        counts.ran(device.modules, device.instructions)
        device.instructions = 0
        results = [each.on_host().reshape(arrays[0].shape)[()].copy() for each in held[len(arrays) :]]
        return tuple(results) if outputs == 2 else results[0]


@cache
def _text(name: str, dtype: str, count: int, contract: bool) -> str:
    theirs = vecmath.CUDA_MATH[name]
    function: Callable[..., Any] = getattr(math, theirs) if theirs else getattr(vecmath, name)

    def one(x: Any, out: Any) -> None:
        i = cuda.grid(1)
        if i < out.size:
            out[i] = function(x[i])

    def of_two(x: Any, y: Any, out: Any) -> None:
        i = cuda.grid(1)
        if i < out.size:
            out[i] = function(x[i], y[i])

    def pair(x: Any, out: Any, other: Any) -> None:
        i = cuda.grid(1)
        if i < out.size:
            out[i], other[i] = function(x[i])

    kernel = pair if name == "sincos" else of_two if count == 2 else one
    array = types.Array(getattr(types, dtype), 1, "C")
    return of_function(kernel, (array,) * kernel.__code__.co_argcount, contract)


FUNCTIONS = {name: DeviceFunction(name) for name in NAMES}
PAIR = {"sin": lambda t: FUNCTIONS["sincos"](t)[0], "cos": lambda t: FUNCTIONS["sincos"](t)[1]}


class DeviceTick(ArrayTick):
    """A tick in NumPy with the functions of the device: a sine and a cosine of one number are computed at once."""

    def __init__(self, program: Any, dtype: str) -> None:
        self._pairs = sine_cosine_pairs(program.nodes)
        super().__init__(program, dtype)

    def _operation(self, node: Any) -> Any:
        functions = PAIR if node.id in self._pairs else FUNCTIONS
        return functions[node.op] if node.op in functions else super()._operation(node)


@contextmanager
def of_the_device() -> Iterator[None]:
    """Run ``backend="numpy"`` with the elementary functions of the device."""
    plain, paired = launch_numpy.launch, False

    def launch(module: Any, plan: Any, threads: int) -> None:
        held = vars(module)
        names = {name: FUNCTIONS[name] for name in NAMES if name in held}
        every = {**FUNCTIONS, **(PAIR if paired else {})}
        operations = {
            name: dataclasses.replace(OPERATIONS[name], compute=every[name]) for name in {*OPERATIONS} & {*NAMES}
        }
        with mock.patch.dict(held, names), mock.patch.dict(OPERATIONS, operations):
            plain(module, plan, threads)

    def made(of: Any, rule: Any) -> Any:
        nonlocal paired
        paired = bool(sine_cosine_pairs(reachable(of.function.outputs("value"))))
        return array_module.array_module(of)

    with (
        mock.patch.object(launch_numpy, "launch", launch),
        mock.patch.object(array_module, "ArrayTick", DeviceTick),
        mock.patch.object(array_block, "ArrayTick", DeviceTick),
        mock.patch.object(loading, "_arrays", made),
    ):
        yield
