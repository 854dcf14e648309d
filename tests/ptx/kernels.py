"""Tiny kernels around a few instructions: one thread for each row of the inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptx.arithmetic import Approximations
from ptx.machine import Device
from ptx.parse import DTYPES

KIND = {
    np.dtype(name): kind
    for name, kind in zip(
        ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"),
        ("s8", "u8", "s16", "u16", "s32", "u32", "s64", "u64", "f32", "f64"),
        strict=True,
    )
}

TEXT = """
.version 9.0
.target sm_90
.address_size 64
{before}
.visible .entry kernel({parameters})
{{
    .reg .pred %p, %q;
    .reg .b16 %h<4>;
    .reg .b32 %r<8>;
    .reg .b64 %rd<8>;
    .reg .f32 %f<4>;
    .reg .f64 %fd<4>;
    .reg .b32 %tid;
    .reg .b64 %to, %row;
{head}
    mov.u32 %tid, %tid.x;
    cvt.u64.u32 %row, %tid;
{loads}
{code}
{stores}
    ret;
}}
"""


def run(
    code: str, kind: str, *inputs: Any, device: Device | None = None, before: str = "", head: str = ""
) -> NDArray[Any]:
    """Return register ``%x`` of each thread after some instructions, with the inputs in ``%a``, ``%b``, ``%c``, ...

    ``%p`` and ``%q`` are predicates, ``%r``, ``%rd``, ``%f``, ``%fd`` and ``%h`` other registers, each with a number;
    ``%at0``, ``%at1``, ... are the addresses of each thread's inputs. ``before`` stands before the kernel, ``head`` at
    its beginning.
    """
    device = device or Device()
    n = max(len(each) for each in inputs)
    arrays = [np.ascontiguousarray(np.broadcast_to(each, n)) for each in inputs]
    places = []
    for array in (*arrays, np.zeros(n, DTYPES[kind])):
        places.append(device.memory.allocate(array.nbytes))
        device.memory.view(places[-1], array.nbytes)[:] = array.view(np.uint8)
    loads = ""
    for k, array in enumerate(arrays):
        name, of = "abcdefgh"[k], KIND[array.dtype]
        head += f"    .reg .{_register(of)} %{name};\n"
        loads += _address(k, array.itemsize, f"%at{k}") + f"    ld.global.{of} %{name}, [%at{k}];\n"
    head += f"    .reg .b64 %at<{len(arrays)}>;\n"
    head += f"    .reg .{_register(kind)} %x;\n"
    stores = _address(len(arrays), DTYPES[kind].itemsize, "%to") + f"    st.global.{kind} [%to], %x;\n"
    parameters = ", ".join(f".param .u64 kernel_param_{k}" for k in range(len(places)))
    text = TEXT.format(before=before, parameters=parameters, head=head, loads=loads, code=code, stores=stores)
    device.launch(text, 1, n, places)
    return device.memory.view(places[-1], n * DTYPES[kind].itemsize).view(DTYPES[kind]).copy()


def _register(kind: str) -> str:
    return kind if kind[0] == "f" else "b16" if kind[1:] == "8" else f"b{kind[1:]}"


def _address(k: int, size: int, register: str) -> str:
    return f"    ld.param.u64 {register}, [kernel_param_{k}];\n    mad.lo.s64 {register}, %row, {size}, {register};\n"


def run_wrong(units: float, code: str, kind: str, *inputs: Any) -> NDArray[Any]:
    """Return the same where approximate instructions have this share of their documented error."""
    return run(code, kind, *inputs, device=Device(Approximations(units)))
