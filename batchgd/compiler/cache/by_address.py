"""Functions that compiled code calls by their address: kept as object code, loaded into an engine of their own.

Numba puts all code of a process into one engine, which never frees any of it: 1.8 MiB for every new objective, most of
it LLVM's form of the code, which is never read again. Here Numba only compiles. What stays is the object code, about 10
kB, in an engine that is freed with the last reference to it.
"""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numba
from numba import types
from numba.core import compiler
from numba.core.codegen import AOTCodeLibrary, JITCPUCodegen
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.core.runtime import rtsys

from batchgd.compiler.cache.folder import code_path, read_code, write_code
from batchgd.compiler.cache.native import freed
from batchgd.compiler.cache.numba_cache import undisturbed
from batchgd.kernels.cpu_intrinsics import arguments_of
from batchgd.kernels.jitable import SOURCE


class ByAddress:
    """One function of a text, compiled for pointers when its address is first asked for, or read from the cache.

    Parameters
    ----------
    text : str
        The module's source.
    name : str
        The function's name in it.
    file : str
        What tracebacks call the text.
    entry : Path or None
        The entry of the cache.
    """

    def __init__(self, text: str, name: str, file: str, entry: Path | None):
        self.name = name
        self.codes: dict[str, Code] = {}
        self._text, self._file, self._entry = text, file, entry
        self._lock = threading.Lock()

    def address(self, dtype: str) -> int:
        """Return the address of the function for numbers of this type, valid as long as this object lives."""
        with self._lock:
            if dtype not in self.codes:
                self.codes[dtype] = self._code(arguments_of(self.name, dtype))
            return self.codes[dtype].address

    def _code(self, arguments: tuple[Any, ...]) -> Code:
        path = None if self._entry is None else code_path(self._entry, self.name, str(arguments))
        code = None if path is None else read_code(path, Code)
        if code is None:
            names: dict[str, Any] = {SOURCE: self._text}
            exec(compile(self._text, self._file, "exec"), names)
            payload, lasting = object_code(names[self.name], arguments)
            code = Code(payload, compiled=True)
            if path is not None and lasting:
                write_code(path, payload)
        return code


class Code:
    """Object code in an engine of its own; both are freed together."""

    def __init__(self, payload: bytes, *, compiled: bool = False):
        self.compiled = compiled
        symbol, code = payload.split(b"\n", 1)
        rtsys.initialize(cpu_target.target_context)  # what the code may call
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target_machine())
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        self.address = self._engine.get_function_address(symbol.decode())


def object_code(function: Any, arguments: tuple[Any, ...]) -> tuple[bytes, bool]:
    """Compile a Numba function; return its symbol, a line break and its object code, and whether others may run it."""
    flags: Any = compiler.Flags()
    cpu_target.options.parse_as_flags(flags, function.targetoptions)
    flags.no_compile = True  # into no engine
    with global_compiler_lock, undisturbed():
        typing, target = cpu_target.typing_context, _context()
        compiled = compiler.compile_extra(typing, target, function.py_func, arguments, None, flags, {})
        # What is called by address is not checked again.
        assert compiled.signature.return_type in (types.int32, types.none)
        payload = f"{compiled.fndesc.llvm_func_name}\n".encode() + compiled.library.emit_native_object()
    return payload, not compiled.library.has_dynamic_globals


class _Codegen(JITCPUCodegen):
    """Numba's code generator for this processor, which puts no code into an engine."""

    _library_class: Any = AOTCodeLibrary

    def _add_module(self, module: Any) -> None:
        pass

    def _module_pass_manager(self, **options: Any) -> Any:
        manager, builder = super()._module_pass_manager(**options)
        return freed(manager), builder

    def _function_pass_manager(self, **options: Any) -> Any:
        manager, builder = super()._function_pass_manager(**options)
        return freed(manager), builder


@cache
def _context() -> Any:
    return cpu_target.target_context.subtarget(_internal_codegen=_Codegen("batchgd"))


def _target_machine() -> Any:
    """Return the machine that Numba compiles for; an engine takes it over."""
    generator = _context().codegen()
    config: Any = numba.config  # its attributes are made at run time
    options = {"opt": config.OPT}
    generator._customize_tm_options(options)
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(**options)
