"""Compile a CUDA specialisation and assemble it without a device: registers, stack, spills, and the PTX itself."""

import re
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

from numba import types

ComputeCapability = tuple[int, int]


@dataclass(frozen=True)
class Resources:
    """What one thread of an assembled kernel needs: registers, and bytes of stack and of spills."""

    registers: int
    stack: int
    spill_stores: int
    spill_loads: int


def ptx(module: ModuleType, dtype: str, capability: ComputeCapability) -> str:
    """Compile a specialisation's ``descend_kernel`` to PTX; needs numba-cuda but neither driver nor device."""
    from numba import cuda

    with _stand_in_device(capability):
        text, _ = cuda.compile(
            module.descend_kernel.py_func, _signature(dtype), cc=capability, device=False, abi="numba"
        )
    return text.decode() if isinstance(text, bytes) else text


def resources(text: str, capability: ComputeCapability) -> Resources:
    """Assemble PTX with nvJitLink and read what the assembler reports."""
    from cuda.core import Linker, LinkerOptions, ObjectCode

    architecture = f"sm_{capability[0]}{capability[1]}"
    linker = Linker(ObjectCode.from_ptx(text.encode()), options=LinkerOptions(arch=architecture, ptxas_options=["-v"]))
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


def _signature(dtype: str) -> tuple[Any, ...]:
    """The types of ``descend_kernel``'s arguments, in their order."""
    real = getattr(types, dtype)

    def array(kind: Any, ndim: int = 1) -> Any:
        return types.Array(kind, ndim, "C")

    starts = (array(types.int64), types.uint64, array(real), array(real), array(real, 2), array(real, 2))
    problem = (array(real), array(real), array(real), array(real), array(types.int32))
    outputs = (array(real, 2), array(types.int64), array(types.int64), array(types.int8), types.int64)
    return starts + problem + outputs


@contextmanager
def _stand_in_device(capability: ComputeCapability) -> Any:
    """Nested device functions ask the driver for its compute capability: answer in its place."""
    from numba.cuda import dispatcher

    original = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=capability)
    try:
        yield
    finally:
        dispatcher.get_current_device = original
