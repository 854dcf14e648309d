"""Arrays, copies and launches, in order, on one stream of a device; in the simulator everything is done at once."""

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numba.cuda
import numpy as np
from numba import config

from batchgd.kernels.cuda.occupancy import Configuration
from batchgd.kernels.plan import Ends, Numbers, Plan, Starts, Trails

Array = Any
Tuple = TypeVar("Tuple", Starts, Numbers, Ends, Trails)
cuda: Any = numba.cuda

SIMULATED = Configuration(threads=32, blocks_per_multiprocessor=1)
"""The simulator runs a thread of the machine for each thread of a block, one block after the other."""


def simulated() -> bool:
    """Whether Numba's CUDA simulator stands in for a device."""
    return bool(getattr(config, "ENABLE_CUDASIM", 0))


class Stream:
    """One stream, with page-locked host memory for what it brings back.

    Numba's own arrays, because a CuPy array that is passed to a Numba kernel makes the host wait for its stream.
    """

    def __init__(self, device: int) -> None:
        self._device = cuda.gpus[device]
        with self._device:
            self._stream = cuda.stream()
            self._event = None if simulated() else cuda.event(timing=False)
            self.multiprocessors = multiprocessors()
        self._host: dict[str, Array] = {}
        self._put: dict[str, tuple[Array, Array]] = {}

    def empty(self, shape: Any, dtype: Any) -> Array:
        """Make room on the device."""
        with self._device:
            return cuda.device_array(shape, dtype)

    def put(self, name: str, array: Array) -> Array:
        """Copy an array to the device, into what was last put there under this name if it fits.

        An array without elements becomes one of one element, which kernels never read.
        """
        source = np.zeros((1,) * array.ndim, array.dtype) if array.size == 0 else np.ascontiguousarray(array)
        with self._device:
            buffer = self._put.get(name)
            if buffer is None or buffer[1].shape != source.shape:
                target = cuda.device_array(source.shape, source.dtype)
            else:
                target = buffer[1]
            target.copy_to_device(source, stream=self._stream)
        self._put[name] = source, target  # the copy may still be under way
        return target

    def put_all(self, arrays: Tuple) -> Tuple:
        """Copy the arrays of a named tuple to the device; numbers stay as they are."""
        copies = (
            self.put(f"{type(arrays).__name__}.{name}", value) if isinstance(value, np.ndarray) else value
            for name, value in zip(arrays._fields, arrays, strict=True)
        )
        return type(arrays)(*copies)

    def zero_ends(self, n: int, plan: Plan) -> Ends:
        """Make room on the device for n endpoints; rows of starts that an interrupt leaves are read, too."""
        wide = self.empty((n, plan.dim), plan.dtype), self.empty(n, plan.dtype)
        ends = Ends(*wide, self.empty(n, np.int64), self.empty(n, np.int64), self.empty(n, np.int8))
        for array in ends:
            self.zero(array)
        return ends

    def zero(self, array: Array) -> None:
        """Set every byte to zero."""
        if simulated():
            array[:] = 0
            return
        from numba.cuda.cudadrv.driver import device_memset

        with self._device:
            device_memset(array, 0, array.nbytes, stream=self._stream)

    def fetch(self, name: str, array: Array, n: int) -> Array:
        """Begin to copy the first n rows to the host; the returned array contains them once the stream has ended."""
        with self._device:
            host = self._host.get(name)
            if host is None or len(host) < n:
                self._host[name] = host = cuda.pinned_array(array.shape, array.dtype)
            if n > 0:
                array[:n].copy_to_host(host[:n], stream=self._stream)
        return host[:n]

    def control(self, control: Array) -> Array:
        """Return one number that kernels can see while they run; ``control[0]`` is what they see first.

        The host writes to it; the simulator looks at ``control`` itself.
        """
        if simulated():
            from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray

            return FakeCUDAArray(control)
        with self._device:
            mapped = cuda.mapped_array(1, control.dtype)
        mapped[0] = control[0]
        return mapped

    def launch(self, kernel: Any, blocks: int, threads: int, *arguments: Any) -> None:
        """Launch a kernel after what the stream has been given so far."""
        with warnings.catch_warnings():
            # Numba warns about every grid of fewer than 128 blocks, but a few starts need no more.
            warnings.filterwarnings("ignore", message="Grid size")
            configured = kernel[blocks, threads, self._stream]
        with self._device:
            configured(*arguments)

    def sweep(self, kernel: Any, n: int, *arguments: Any) -> None:
        """Launch a kernel that goes through n items with a stride of the grid's size."""
        threads = SIMULATED.threads if simulated() else 256
        most = self.multiprocessors * (1 if simulated() else 8)
        self.launch(kernel, max(1, min(-(-n // threads), most)), threads, *arguments)

    def mark(self) -> None:
        """Note that everything up to here belongs to what ``ended`` asks for."""
        if self._event is not None:
            with self._device:
                self._event.record(self._stream)

    def ended(self) -> bool:
        """Whether everything up to the last mark is done."""
        if self._event is None:
            return True
        with self._device:
            return bool(self._event.query())

    def wait(self) -> None:
        """Wait for everything."""
        with self._device:
            self._stream.synchronize()

    def on_device(self, work: Callable[[], Any]) -> Any:
        """Call something with this device as the current one."""
        with self._device:
            return work()


def wake() -> None:
    """Make the current device ready; raises if it does not respond."""
    cuda.current_context()


def multiprocessors() -> int:
    """Return how many the current device has."""
    return 2 if simulated() else cuda.get_current_device().MULTIPROCESSOR_COUNT


def devices() -> int:
    """Return how many devices there are (those that CUDA_VISIBLE_DEVICES leaves)."""
    return len(cuda.gpus)
