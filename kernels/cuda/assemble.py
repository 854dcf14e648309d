"""CUDA kernels as code: compiled and assembled without a device (PTX, registers, stack, spills), and as bytes."""

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from numba import types

from batchgd.kernels.plan import Ends, Numbers, Starts, Trails
from batchgd.kernels.stopping_tests import LIMITS

ComputeCapability = tuple[int, int]

MOST_HYPERPARAMETERS = 32
"""So that kernels of all rules take the same arguments."""
SIDES = 3
"""Numbers of a cubic box."""


@dataclass(frozen=True)
class Resources:
    """What one thread of an assembled kernel needs: registers, and bytes of stack and of spills."""

    registers: int
    stack: int
    spill_stores: int
    spill_loads: int


@dataclass(frozen=True)
class MachineCode:
    """An assembled kernel: what a device is given, and what a thread of it needs."""

    cubin: bytes
    resources: Resources


def compiled(kernel: Any, dtype: str, capability: ComputeCapability) -> Any:
    """Compile one of the kernels of ``signatures`` as for a launch; needs numba-cuda, but neither driver nor device.

    Returns Numba's code library, which has LTO-IR in it: the linker optimises that once more, together with what else
    is linked, and makes PTX and machine code of it. The PTX that Numba shows (``inspect_asm``) is not on this way.
    """
    from numba import cuda
    from numba.cuda.dispatcher import _Kernel

    made = kernel if hasattr(kernel, "targetoptions") else cuda.jit(kernel)
    with _stand_in_device(capability):
        return _Kernel(made.py_func, signatures(dtype)[made.__name__], **made.targetoptions).library


def capabilities() -> list[ComputeCapability]:
    """Return what kernels can be assembled for, by the packages that are installed."""
    from numba.cuda.cudadrv import nvrtc

    supported: Any = nvrtc
    return [(major, minor) for major, minor in supported.get_supported_ccs()]


def ptx(library: Any, capability: ComputeCapability) -> str:
    """Return the PTX of which the linker makes the machine code of a compiled kernel."""
    text, _ = _linked(library, capability, "ptx", ptx=True)
    return text.decode().rstrip("\0")


def machine_code(library: Any, capability: ComputeCapability, max_registers: int | None = None) -> MachineCode:
    """Link and assemble a compiled kernel, under a bound on registers if given."""
    cubin, log = _linked(library, capability, "cubin", ptxas_options=["-v"], max_register_count=max_registers)

    def number(pattern: str) -> int:
        found = re.search(pattern, log)
        if found is None:
            raise RuntimeError(f"the assembler's report has no {pattern!r}: {log}")
        return int(found.group(1))

    resources = Resources(
        number(r"Used (\d+) registers"),
        number(r"(\d+) bytes stack frame"),
        number(r"(\d+) bytes spill stores"),
        number(r"(\d+) bytes spill loads"),
    )
    return MachineCode(cubin, resources)


def _linked(library: Any, capability: ComputeCapability, kind: str, **options: Any) -> tuple[bytes, str]:
    """Do what Numba's linker does at a launch; return the code and the report."""
    from cuda.core import Linker, LinkerOptions, ObjectCode

    target = (*capability, "a" if capability >= (9, 0) else "")  # Numba's choice: code for this kind of device only
    arch = "sm_{}{}{}".format(*target)
    code = ObjectCode.from_ltoir(library.get_ltoir(target))
    linker = Linker(code, options=LinkerOptions(arch=arch, link_time_optimization=True, **options))
    return linker.link(kind).code, linker.get_info_log()


def by_value(numbers: Numbers) -> Numbers:
    """Return the numbers with hyperparameters and limits as tuples, of the lengths that kernels take."""
    if len(numbers.h) > MOST_HYPERPARAMETERS:
        raise ValueError(f"a rule with {len(numbers.h)} hyperparameters: CUDA kernels take {MOST_HYPERPARAMETERS}")
    h = [*numbers.h, *[numbers.h.dtype.type(0)] * (MOST_HYPERPARAMETERS - len(numbers.h))]
    return numbers._replace(h=tuple(h), limits=tuple(numbers.limits))


def signatures(dtype: str) -> dict[str, tuple[Any, ...]]:
    """Return the types of the arguments of every kernel, in their order."""
    real = getattr(types, dtype)
    whole, double = types.int64, types.float64

    def array(kind: Any, ndim: int = 1) -> Any:
        return types.Array(kind, ndim, "C")

    def group(kind: Any, *members: Any) -> Any:
        return types.BaseTuple.from_types(members, kind)

    starts = group(Starts, array(whole), types.uint64, *[array(real)] * 2, *[array(real, 2)] * 2, whole, array(whole))
    given = types.UniTuple(real, MOST_HYPERPARAMETERS), types.UniTuple(real, len(LIMITS) + SIDES)
    numbers, control = group(Numbers, array(real), array(real), *given), array(types.int32)
    ends = group(Ends, array(real, 2), array(real), array(whole), array(whole), array(types.int8))
    table = array(types.uint64), array(whole), array(whole)
    box = array(double), array(double), double
    trails = group(Trails, array(real, 3), array(real, 2), array(whole, 2), array(whole, 2))
    return {
        "descend_kernel": (starts, numbers, control, ends),
        "record_kernel": (starts, numbers, control, ends, trails),
        "values_kernel": (array(real, 2), whole, array(real), array(whole), array(real)),
        "clear_kernel": table,
        "merge_kernel": (ends, whole, whole, *box, *table, array(whole), array(whole), array(types.uint64)),
        "compact_kernel": (*table, whole, *table, array(whole)),
        "pick_kernel": (array(whole), whole, ends, ends),
    }


@contextmanager
def _stand_in_device(capability: ComputeCapability) -> Any:
    """Whatever is compiled asks the driver for its compute capability: return this one in its place."""
    from numba.cuda import codegen, dispatcher

    linking: Any = codegen
    device = SimpleNamespace(compute_capability=capability)
    devices = SimpleNamespace(get_context=lambda: SimpleNamespace(device=device))
    originals = dispatcher.get_current_device, linking.devices
    dispatcher.get_current_device, linking.devices = lambda: device, devices
    try:
        yield
    finally:
        dispatcher.get_current_device, linking.devices = originals


def current_capability() -> ComputeCapability:
    """Return the compute capability of the current device."""
    from numba.cuda import dispatcher

    capability: ComputeCapability = dispatcher.get_current_device().compute_capability
    return capability


_OF_LIBRARY = ("name", "entry_name", "max_registers", "nvvm_options", "needs_cudadevrt", "use_cooperative", "lto")
_OF_KERNEL = ("cooperative", "name", "lineinfo", "shared_memory_carveout", "launch_config_sensitive")


def kernel_to_bytes(compiled: Any) -> bytes:
    """Return a compiled kernel as bytes: one line of JSON with its PTX, and the machine code assembled from it."""
    kernel = compiled._reduce_states()
    library = kernel["codelibrary"]._reduce_states()
    if kernel["debug"] or kernel["extensions"] or library["nrt"]:
        raise ValueError(f"{kernel['name']} is not a kernel of batchgd")
    cubins = {cc: code if isinstance(code, bytes) else code.code for cc, code in library["cubin_cache"].items()}
    head = {
        "kernel": {name: kernel[name] for name in _OF_KERNEL},
        "library": {name: library[name] for name in _OF_LIBRARY},
        "ptx": [*library["ptx_cache"].items()],
        "cubins": [(cc, len(cubin)) for cc, cubin in cubins.items()],
    }
    return b"\n".join([json.dumps(head).encode(), b"".join(cubins.values())])


def kernel_from_bytes(payload: bytes, signature: Any) -> Any:
    """Return the kernel for a signature from what ``kernel_to_bytes`` returned; raises if the driver refuses it.

    Nothing in the bytes is unpickled: they are JSON, and machine code for the device.
    """
    from cuda.core import ObjectCode
    from numba.core import sigutils
    from numba.core.typing import signature as typed
    from numba.cuda.codegen import CUDACodeLibrary
    from numba.cuda.dispatcher import _Kernel

    text, _, code = payload.partition(b"\n")
    head = json.loads(text)
    cubins, at = {}, 0
    for cc, length in head["cubins"]:
        cubins[tuple(cc)] = ObjectCode.from_cubin(code[at : at + length])
        at += length
    rebuild: Any = CUDACodeLibrary._rebuild
    library = rebuild(
        **head["library"],
        codegen=None,
        llvm_strs=[],
        ptx_cache={tuple(cc): ptx for cc, ptx in head["ptx"]},
        cubin_cache=cubins,
        linkerinfo_cache={},
        nrt=False,
    )
    arguments, _ = sigutils.normalize_signature(signature)
    kernel = _Kernel._rebuild(
        **head["kernel"],
        signature=typed(types.void, *arguments),
        codelibrary=library,
        debug=False,
        call_helper=None,
        extensions=[],
    )
    kernel.bind()
    return kernel
