"""From a kernel to the PTX that a device gets, by Numba and NVIDIA's linker, without a device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest import mock

from numba.cuda import codegen, dispatcher

from batchgd.kernels.cuda import assemble

CAPABILITY = (9, 0)


@cache
def shipped(kernel: Any, dtype: str, contract: bool = True) -> str:
    """Return the PTX that a device gets: Numba hands LTO-IR to the linker, which makes PTX and then machine code of it.

    That of ``assemble.ptx`` is what NVVM makes of the same LLVM IR, and need not be the same. With ``contract`` false
    the linker is asked to fuse no product with a sum.
    """
    return linked(_compiled(kernel, dtype), contract)


@cache
def _compiled(kernel: Any, dtype: str) -> Any:
    return compiled(kernel.py_func, assemble.signatures(dtype)[kernel.__name__], **kernel.targetoptions)


def compiled(function: Any, signature: Any, **options: Any) -> Any:
    """Compile a Python function as a kernel, up to what is linked."""
    with _no_device():
        return dispatcher._Kernel(function, signature, **options)._codelibrary


def linked(library: Any, contract: bool = True) -> str:
    """Return the PTX of what was compiled."""
    with _no_device():
        return str(library.get_lto_ptx()).rstrip("\0") if contract else _unfused(library.get_ltoir())


@contextmanager
def _no_device() -> Iterator[None]:
    context = SimpleNamespace(device=SimpleNamespace(compute_capability=CAPABILITY))
    devices = SimpleNamespace(get_context=lambda: context)
    with (
        mock.patch.object(dispatcher, "get_current_device", return_value=context.device),
        mock.patch.object(codegen, "devices", devices),
    ):
        yield


def _unfused(lto_ir: bytes) -> str:
    """Return PTX in which the linker has fused nothing: only what was written as ``fma`` is one.

    This is an option of the linker that Numba and cuda-core cannot pass on.
    """
    from cuda.bindings import nvjitlink

    linker = nvjitlink.create(4, ["-lto", "-ptx", "-fma=0", "-arch=sm_{}{}".format(*CAPABILITY)])
    nvjitlink.add_data(linker, nvjitlink.InputType.LTOIR, lto_ir, len(lto_ir), "kernel")
    nvjitlink.complete(linker)
    text = bytearray(nvjitlink.get_linked_ptx_size(linker))
    nvjitlink.get_linked_ptx(linker, text)
    nvjitlink.destroy(linker)
    return text.decode().rstrip("\0")
