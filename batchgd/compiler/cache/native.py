"""Functions that are written as LLVM text: compiled without Numba, and kept as object code.

LLVM compiles what it is given and nothing else, so the text, LLVM and the processor determine the code. It releases
Python's lock meanwhile, but compiles one module at a time.
"""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
from llvmlite.binding import newpassmanagers as passes

from batchgd.compiler.cache.folder import KEY_DIGITS, code_path, read_code, write_code
from batchgd.compiler.lower.processor import Processor, this_processor


class ByText:
    """A function of a text, compiled when its address is first asked for, or read from the cache.

    Parameters
    ----------
    text : str
        The module, as LLVM reads it.
    name : str
        The function's name in it.
    entry : Path or None
        The entry of the cache.

    ``compiled`` is whether it was not found there.
    """

    def __init__(self, text: str, name: str, entry: Path | None):
        self._text, self._name, self._entry = text, name, entry
        self.compiled = False
        self._code: NativeCode | None = None
        self._lock = threading.Lock()

    def address(self) -> int:
        """Return the address of the function, valid as long as this object lives."""
        with self._lock:
            if self._code is None:
                self._code = self._found() or self._compiled()
            return self._code.address

    def _path(self) -> Path | None:
        return None if self._entry is None else code_path(self._entry, self._name, self._entry.name)

    def _found(self) -> NativeCode | None:
        path = self._path()
        return None if path is None else read_code(path, lambda code: NativeCode(self._name, code, this_processor()))

    def _compiled(self) -> NativeCode:
        code, path = object_code(self._text, this_processor()), self._path()
        self.compiled = True
        if path is not None:
            write_code(path, code)
        return NativeCode(self._name, code, this_processor())


class NativeCode:
    """Object code in an engine of its own; both are freed together."""

    def __init__(self, name: str, code: bytes, processor: Processor):
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), processor.machine())
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        self.address: int = self._engine.get_function_address(name)
        if not self.address:
            raise ValueError(f"the code has no {name}")


def object_code(text: str, processor: Processor) -> bytes:
    """Compile a text for a processor, this one or another."""
    return bytes(processor.machine().emit_object(optimised(text, processor)))


def optimised(text: str, processor: Processor) -> llvm.ModuleRef:
    """Return the module of a text as LLVM rewrites it for a processor."""
    machine = processor.machine()
    module = llvm.parse_assembly(text)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    # What is to be done together is written so, and loops have the size that they should have.
    options.loop_vectorization = options.slp_vectorization = options.loop_interleaving = options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    manager: Any = freed(builder.getModulePassManager())
    manager.run(module, builder)
    return module


def native_key(text: str) -> str:
    """Return the name of the entry for the code of a text on this processor: a hash of all that it depends on."""
    processor, version = this_processor(), ".".join(map(str, llvm.llvm_version_info))
    parts = (text, f"LLVM {version}", processor.triple, processor.name, processor.features)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:KEY_DIGITS]


def freed(manager: Any) -> Any:
    """Have a pass manager freed with its object: llvmlite 0.50 hides the method that does so, which leaks 0.7 MiB."""
    manager.__class__ = _FREED[type(manager)]
    return manager


_FREED = {
    kind: type(kind.__name__, (kind,), {"_dispose": passes.NewPassManager._dispose})
    for kind in (passes.ModulePassManager, passes.FunctionPassManager)
}
