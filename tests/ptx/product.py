"""The product's CUDA backend on the interpreter: its own launch code, with a stream whose device is ``Device``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np

from batchgd.engine import backends
from batchgd.kernels import launch_cuda
from batchgd.kernels.cuda import merge
from batchgd.kernels.cuda import stream as streams
from batchgd.kernels.cuda.occupancy import Configuration
from ptx import counts
from ptx.arithmetic import Approximations
from ptx.machine import Device
from ptx.shipping import shipped


class DeviceArray:
    """An array in the memory of the interpreter's device."""

    def __init__(self, device: Device, shape: tuple[int, ...], dtype: Any) -> None:
        self.device, self.shape, self.dtype = device, shape, np.dtype(dtype)
        self.nbytes = int(np.prod(shape)) * self.dtype.itemsize
        self.address = device.memory.allocate(self.nbytes)

    def __len__(self) -> int:
        return self.shape[0]

    def on_host(self) -> np.ndarray:
        """What is in it, as the host sees it: written to, it is written."""
        return self.device.memory.view(self.address, self.nbytes).view(self.dtype).reshape(self.shape)

    def __setitem__(self, where: Any, value: Any) -> None:
        self.on_host()[where] = value

    def parameters(self) -> list[int]:
        """What Numba passes of an array: two references, number and size of elements, address, shape, strides."""
        strides = np.cumprod((self.dtype.itemsize, *self.shape[:0:-1]))[::-1]
        return [0, 0, int(np.prod(self.shape)), self.dtype.itemsize, self.address, *self.shape, *map(int, strides)]


def _flat(arguments: Any) -> list[Any]:
    """Return arguments with tuples taken apart, in order."""
    return [each for a in arguments for each in (_flat(a) if isinstance(a, tuple) else [a])]


def _dtype(arguments: list[Any]) -> str:
    """Return what a kernel is compiled for: the type of its first array of real numbers."""
    kinds = (each.dtype for each in arguments if isinstance(each, DeviceArray))
    return next((str(kind) for kind in kinds if kind.kind == "f"), "float64")


class InterpretedStream(streams.Stream):
    """A stream whose device is the interpreter: everything is done at once."""

    device: Device
    edit: Callable[[str, str], str]
    contract: bool

    def __init__(self, device: int) -> None:
        self.multiprocessors = 2

    def empty(self, shape: Any, dtype: Any) -> DeviceArray:
        return DeviceArray(self.device, shape if isinstance(shape, tuple) else (int(shape),), dtype)

    def put(self, name: str, array: np.ndarray) -> DeviceArray:
        source = np.zeros((1,) * array.ndim, array.dtype) if array.size == 0 else np.ascontiguousarray(array)
        made = self.empty(source.shape, source.dtype)
        made[...] = source
        return made

    def zero(self, array: DeviceArray) -> None:
        array[...] = 0

    def fetch(self, name: str, array: DeviceArray, n: int) -> np.ndarray:
        return array.on_host()[:n].copy()

    def control(self, control: np.ndarray) -> DeviceArray:
        made = self.put("control", control[:1])

        def show() -> None:
            made[0] = control[0]

        self.device.between.append(show)
        return made

    def launch(self, kernel: Any, blocks: int, threads: int, *arguments: Any) -> None:
        flat = _flat(arguments)
        text = self.edit(kernel.__name__, shipped(kernel, _dtype(flat), self.contract))
        parameters = [each.parameters() if isinstance(each, DeviceArray) else [each] for each in flat]
        self.device.launch(text, blocks, threads, [number for some in parameters for number in some])

    def sweep(self, kernel: Any, n: int, *arguments: Any) -> None:
        self.launch(kernel, max(1, min(-(-n // 64), 4)), 64, *arguments)

    def mark(self) -> None: ...

    def ended(self) -> bool:
        return True

    def wait(self) -> None: ...

    def on_device(self, work: Callable[[], Any]) -> Any:
        return work()


@contextmanager
def interpreted(
    units: float = 0.0,
    threads: int = 16,
    edit: Callable[[str, str], str] = lambda name, text: text,
    contract: bool = True,
) -> Iterator[Device]:
    """Run ``backend="cuda"`` on the interpreter, launched as in Numba's simulator, whose place it takes.

    ``units`` is the share of the documented error that approximate instructions have. There are two blocks of so many
    ``threads``, fewer than most runs have starts, so that threads take a second one. ``edit(name of the kernel, PTX)``
    changes a kernel before it runs. ``contract`` is that of ``shipped``.
    """
    device = Device(Approximations(units))
    members = {"device": device, "edit": staticmethod(edit), "contract": contract}
    stream = type("Stream", (InterpretedStream,), members)

    def configuration(module: Any, dtype: str) -> Configuration:
        width = launch_cuda.threads_per_trajectory(module)
        return Configuration(threads if width == 1 else 2 * width, blocks_per_multiprocessor=1)

    def answer(value: Any) -> Callable[..., Any]:
        return lambda *_: value

    works = dataclasses.replace(backends.BACKENDS["cuda"], problem=answer(None))
    with (
        mock.patch.multiple(launch_cuda, Stream=stream, devices=answer(1), configuration=configuration),
        mock.patch.multiple(launch_cuda, simulated=answer(True), keeps_state_in_registers=answer(True)),
        mock.patch.object(streams, "Stream", stream),
        mock.patch.object(merge, "simulated", answer(True)),
        mock.patch.dict(backends.BACKENDS, cuda=works),
    ):
        try:
            yield device
        finally:
            counts.ran(device.modules, device.instructions)
