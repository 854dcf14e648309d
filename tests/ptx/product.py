"""The product's CUDA backend on the interpreter: its own launch code, with a stream whose device is ``Device``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np

from batchgd.engine import backends
from batchgd.kernels import assemble, launch_cuda
from batchgd.kernels.cuda import merge, recording
from batchgd.kernels.cuda.occupancy import Configuration
from batchgd.kernels.launch_cuda import threads_per_trajectory
from ptx.arithmetic import Approximations
from ptx.machine import Device

CAPABILITY = (9, 0)


class DeviceArray:
    """An array in the memory of the interpreter's device."""

    def __init__(self, device: Device, shape: tuple[int, ...], dtype: Any, address: int | None = None) -> None:
        self.device, self.shape, self.dtype = device, shape, np.dtype(dtype)
        self.nbytes = int(np.prod(shape)) * self.dtype.itemsize
        self.address = device.memory.allocate(self.nbytes) if address is None else address

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def on_host(self) -> np.ndarray:
        """What is in it, as the host sees it: written to, it is written."""
        return self.device.memory.view(self.address, self.nbytes).view(self.dtype).reshape(self.shape)

    def __setitem__(self, where: Any, value: Any) -> None:
        self.on_host()[where] = value

    def arguments(self) -> list[int]:
        """The parameters that Numba makes of an array: two references, sizes, the address, shape and strides."""
        strides = np.cumprod((self.dtype.itemsize, *self.shape[:0:-1]))[::-1]
        return [0, 0, int(np.prod(self.shape)), self.dtype.itemsize, self.address, *self.shape, *map(int, strides)]


class InterpretedStream:
    """Takes the place of ``kernels.cuda.stream.Stream``: everything is done at once."""

    device = Device()
    dtype = "float64"

    def __init__(self, device: int) -> None:
        self.multiprocessors = 2

    def empty(self, shape: Any, dtype: Any) -> DeviceArray:
        return DeviceArray(self.device, shape if isinstance(shape, tuple) else (int(shape),), dtype)

    def put(self, name: str, array: np.ndarray) -> DeviceArray:
        source = np.zeros((1,) * array.ndim, array.dtype) if array.size == 0 else np.ascontiguousarray(array)
        made = self.empty(source.shape, source.dtype)
        made.on_host()[...] = source
        return made

    def zero(self, array: DeviceArray) -> None:
        array.on_host()[...] = 0

    def fetch(self, name: str, array: DeviceArray, n: int) -> np.ndarray:
        return array.on_host()[:n].copy()

    def control(self, control: np.ndarray) -> DeviceArray:
        made = self.empty((1,), control.dtype)
        made[0] = control[0]
        return made

    def launch(self, kernel: Kernel, blocks: int, threads: int, *arguments: Any) -> None:
        flat: list[Any] = []
        for each in arguments:
            flat += each.arguments() if isinstance(each, DeviceArray) else [each]
        self.device.launch(kernel.text, blocks, threads, flat)

    def sweep(self, kernel: Kernel, n: int, *arguments: Any) -> None:
        self.launch(kernel, max(1, min(-(-n // 64), 4)), 64, *arguments)

    def mark(self) -> None: ...

    def ended(self) -> bool:
        return True

    def wait(self) -> None: ...

    def on_device(self, work: Callable[[], Any]) -> Any:
        return work()


@dataclasses.dataclass(frozen=True)
class Kernel:
    """A kernel as PTX."""

    text: str
    __name__: str = ""

    def compile(self, signature: Sequence[Any]) -> Kernel:
        """It is compiled."""
        return self


_TEXTS: dict[tuple[Any, str], str] = {}


def _kernel(function: Any, dtype: str, edit: Callable[[str, str], str]) -> Kernel:
    key = getattr(function, "py_func", function), dtype
    if key not in _TEXTS:
        _TEXTS[key] = assemble.ptx(function, dtype, CAPABILITY)
    return Kernel(edit(key[0].__name__, _TEXTS[key]), key[0].__name__)


@contextmanager
def interpreted(
    units: float = 0.0, threads: int = 64, edit: Callable[[str, str], str] = lambda name, text: text
) -> Iterator[Device]:
    """Run ``backend="cuda"`` on the interpreter.

    ``units`` is the share of the documented error that approximate instructions have, ``threads`` those of a block,
    ``edit(name of the kernel, PTX)`` changes a kernel before it runs.
    """
    device = Device(Approximations(units))
    stream = type("Stream", (InterpretedStream,), {"device": device})

    def kernels(module: Any, plan: Any) -> Any:
        merging = {} if plan.merge is None else {f.__name__: _kernel(f, plan.dtype, edit) for f in merge.KERNELS}
        descend, values = (_kernel(getattr(module, f"{n}_kernel"), plan.dtype, edit) for n in ("descend", "values"))
        return launch_cuda._Kernels(descend, values, merging, configuration(module))

    def configuration(module: Any, dtype: str = "") -> Configuration:
        width = threads_per_trajectory(module)
        return Configuration(threads if width == 1 else 2 * width, blocks_per_multiprocessor=1)

    def record(module: Any, plan: Any) -> None:
        names = "descend_kernel", "record_kernel", "values_kernel"
        texts = {name: _kernel(getattr(module, name), plan.dtype, edit) for name in names}
        recording.record(type("Module", (), texts), plan)

    row = dataclasses.replace(backends.BACKENDS["cuda"], problem=lambda: None)
    with (
        mock.patch.multiple(launch_cuda, Stream=stream, devices=lambda: 1, _kernels=kernels, record=record),
        mock.patch.multiple(launch_cuda, configuration=configuration, keeps_state_in_registers=lambda *_: True),
        mock.patch.object(recording, "Stream", stream),
        mock.patch.dict(backends.BACKENDS, cuda=row),
    ):
        yield device
