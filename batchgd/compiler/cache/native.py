"""Functions that are written as LLVM text: compiled without Numba, and kept as object code on disk and in memory.

LLVM compiles what it is given and nothing else, so the text, LLVM and the processor determine the code. It releases
Python's lock meanwhile, but compiles one module at a time.
"""

from __future__ import annotations

import hashlib
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
from numpy.typing import NDArray

from batchgd.compiler.cache.folder import KEY_DIGITS, cache_folder, code_path, read_code, touch, write_code
from batchgd.compiler.lower.processor import Processor, this_processor

LOADED = 256
"""How many functions a process keeps; the least recently used go first, and those in use live on."""


class Native:
    """A function in an engine of its own, which is freed with it."""

    def __init__(self, symbol: str, code: bytes, processor: Processor, *, compiled: bool = False):
        self.compiled = compiled
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), processor.machine())
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        self.address: int = self._engine.get_function_address(symbol)
        if not self.address:
            raise ValueError(f"the code has no {symbol}")


class ByText:
    """A function that is compiled, or read from the cache, when its address is first asked for.

    ``tables`` are the arrays whose addresses it expects, ``memory`` the bytes that it needs besides.
    """

    def __init__(self, text: str, symbol: str, tables: tuple[NDArray[Any], ...] = (), memory: int = 0):
        self.tables, self.memory = tables, memory
        self._text, self._symbol = text, symbol
        self._native: Native | None = None

    def address(self, arguments: Any) -> int:
        """Return the address of the function, valid as long as this object lives."""
        if self._native is None:
            self._native = native(self._text, self._symbol, this_processor())
        return self._native.address


def native(text: str, symbol: str, processor: Processor) -> Native:
    """Return the function of this name of a text, loaded once in a process, and compiled once for a folder."""
    with _LOCK:
        lock = _LOCKS.setdefault(key := _key(text, processor), threading.Lock())
    with lock:  # two threads that ask for the same one
        return _native(key, text, symbol, processor)


def forget() -> None:
    """Forget all that is loaded."""
    _native.cache_clear()
    _LOCKS.clear()


_LOCK = threading.Lock()
_LOCKS: dict[str, threading.Lock] = {}


@lru_cache(maxsize=LOADED)
def _native(key: str, text: str, symbol: str, processor: Processor) -> Native:
    folder = cache_folder()
    path: Path | None = None if folder is None else code_path(folder / key, symbol, processor.triple)
    if path is not None:
        found = read_code(path, lambda code: Native(symbol, code, processor))
        if found is not None:
            touch(path.parent)
            return found
    code = object_code(text, processor)
    if path is not None:
        write_code(path, code)
    return Native(symbol, code, processor, compiled=True)


def object_code(text: str, processor: Processor) -> bytes:
    """Compile a text for a processor, this one or another."""
    machine = processor.machine()
    module = llvm.parse_assembly(text)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    # What is to be done together is written so; loops are the size that they should have.
    options.loop_vectorization = options.slp_vectorization = options.loop_interleaving = options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    manager: Any = builder.getModulePassManager()
    manager.run(module, builder)
    return machine.emit_object(module)


def _key(text: str, processor: Processor) -> str:
    """The name of the entry: a hash of all that the code depends on."""
    llvm_version = ".".join(map(str, llvm.llvm_version_info))
    parts = (text, f"LLVM {llvm_version}", processor.triple, processor.name, processor.features)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:KEY_DIGITS]
