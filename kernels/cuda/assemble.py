"""CUDA kernels as code: compiled and assembled without a device (PTX, registers, stack, spills), and as bytes."""

import pickle
import re
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from numba import types

from batchgd.kernels.plan import Ends, Numbers, Starts, Trails

ComputeCapability = tuple[int, int]


@dataclass(frozen=True)
class Resources:
    """What one thread of an assembled kernel needs: registers, and bytes of stack and of spills."""

    registers: int
    stack: int
    spill_stores: int
    spill_loads: int


def ptx(kernel: Any, dtype: str, capability: ComputeCapability) -> str:
    """Compile one of the kernels of ``signatures`` to PTX; needs numba-cuda, but neither driver nor device."""
    from numba import cuda

    function = getattr(kernel, "py_func", kernel)
    with _stand_in_device(capability):
        text, _ = cuda.compile(function, signatures(dtype)[function.__name__], cc=capability, device=False, abi="numba")
    return text.decode() if isinstance(text, bytes) else text


def resources(text: str, max_registers: int | None = None) -> Resources:
    """Assemble PTX for its own target, under a bound on registers if given, and read what the assembler reports."""
    from cuda.core import Linker, LinkerOptions, ObjectCode

    target = re.search(r"^\.target\s+(\w+)", text, re.MULTILINE)
    if target is None:
        raise RuntimeError("the PTX names no target")
    options = LinkerOptions(arch=target.group(1), ptxas_options=["-v"], max_register_count=max_registers)
    linker = Linker(ObjectCode.from_ptx(text.encode()), options=options)
    linker.link("cubin")
    log = linker.get_info_log()

    def number(pattern: str) -> int:
        found = re.search(pattern, log)
        if found is None:
            raise RuntimeError(f"the assembler's report has no {pattern!r}: {log}")
        return int(found.group(1))

    return Resources(
        number(r"Used (\d+) registers"),
        number(r"(\d+) bytes stack frame"),
        number(r"(\d+) bytes spill stores"),
        number(r"(\d+) bytes spill loads"),
    )


def signatures(dtype: str) -> dict[str, tuple[Any, ...]]:
    """Return the types of the arguments of every kernel, in their order."""
    real = getattr(types, dtype)
    whole, double = types.int64, types.float64

    def array(kind: Any, ndim: int = 1) -> Any:
        return types.Array(kind, ndim, "C")

    def group(kind: Any, *members: Any) -> Any:
        return types.BaseTuple.from_types(members, kind)

    starts = group(Starts, array(whole), types.uint64, *[array(real)] * 2, *[array(real, 2)] * 2, whole)
    numbers, control = group(Numbers, *[array(real)] * 4), array(types.int32)
    ends = group(Ends, array(real, 2), array(real), array(whole), array(whole), array(types.int8))
    table = array(types.uint64), array(whole), array(whole)
    box = array(double), array(double), double
    trails = group(Trails, array(real, 3), array(real, 2), array(whole, 2), array(whole, 2))
    return {
        "descend_kernel": (starts, numbers, control, ends),
        "record_kernel": (starts, numbers, control, ends, trails),
        "values_kernel": (array(real, 2), whole, array(real), array(real)),
        "clear_kernel": table,
        "merge_kernel": (ends, whole, whole, *box, *table, array(whole), array(whole), array(types.uint64)),
        "compact_kernel": (*table, whole, *table, array(whole)),
        "pick_kernel": (array(whole), whole, ends, ends),
    }


@contextmanager
def _stand_in_device(capability: ComputeCapability) -> Any:
    """Nested device functions ask the driver for its compute capability: return this one in its place."""
    from numba.cuda import dispatcher

    original = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=capability)
    try:
        yield
    finally:
        dispatcher.get_current_device = original


def current_capability() -> ComputeCapability:
    """Return the compute capability of the current device."""
    from numba.cuda import dispatcher

    capability: ComputeCapability = dispatcher.get_current_device().compute_capability
    return capability


def kernel_to_bytes(compiled: Any) -> bytes:
    """Return a compiled kernel as bytes: its PTX and the machine code that was assembled from it."""
    from numba.cuda.serialize import dumps

    payload: bytes = dumps(compiled._reduce_states())
    return payload


def kernel_from_bytes(payload: bytes) -> Any:
    """Return the kernel from the bytes that ``kernel_to_bytes`` returned; raises if the driver refuses to load it."""
    from numba.cuda.dispatcher import _Kernel

    kernel = _Kernel._rebuild(**pickle.loads(payload))
    kernel.bind()
    return kernel
