"""From a kernel to the PTX that a device gets, by Numba and NVIDIA's linker, without a device."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest import mock

from numba.cuda import codegen, dispatcher

from batchgd.kernels.cuda import assemble

CAPABILITY = (9, 0)


@cache
def shipped(kernel: Any, dtype: str, contract: bool = True) -> str:
    """Return the PTX that a device gets; with ``contract`` false the linker is asked to fuse no product with a sum."""
    return linked(_compiled(kernel, dtype), contract)


@cache
def _compiled(kernel: Any, dtype: str) -> Any:
    return assemble.compiled(kernel, dtype, CAPABILITY)


def of_function(function: Any, signature: Any, contract: bool) -> str:
    """Return the PTX of a Python function as a kernel."""
    device = SimpleNamespace(compute_capability=CAPABILITY)
    devices = SimpleNamespace(get_context=lambda: SimpleNamespace(device=device))
    with (
        mock.patch.object(dispatcher, "get_current_device", return_value=device),
        mock.patch.object(codegen, "devices", devices),
    ):
        return linked(dispatcher._Kernel(function, signature, lto=True).library, contract)


def linked(library: Any, contract: bool) -> str:
    """Return the PTX of what was compiled."""
    return assemble.ptx(library, CAPABILITY) if contract else _unfused(library.get_ltoir((*CAPABILITY, "a")))


def _unfused(lto_ir: bytes) -> str:
    """Return PTX in which the linker has fused nothing: only what was written as ``fma`` is one.

    This is an option of the linker that Numba and cuda-core cannot pass on.
    """
    from cuda.bindings import nvjitlink

    linker = nvjitlink.create(4, ["-lto", "-ptx", "-fma=0", "-arch=sm_{}{}a".format(*CAPABILITY)])
    nvjitlink.add_data(linker, nvjitlink.InputType.LTOIR, lto_ir, len(lto_ir), "kernel")
    nvjitlink.complete(linker)
    text = bytearray(nvjitlink.get_linked_ptx_size(linker))
    nvjitlink.get_linked_ptx(linker, text)
    nvjitlink.destroy(linker)
    return text.decode().rstrip("\0")
