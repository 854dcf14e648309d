"""Turn the text of a specialisation into a module that runs, and keep its machine code for the next process.

An entry of the cache is named by a hash of everything that its code depends on, because no cache of machine code sees
when a function in another file has changed. The text lies beside the code, to be opened and read.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import linecache
import platform
import sys
import weakref
from functools import cache, lru_cache, partial
from importlib import metadata
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from batchgd.compiler.cache.folder import KEY_DIGITS, TEXT, cache_folder, read, touch, write_atomically
from batchgd.compiler.codegen.cpu_modules import BY_ADDRESS, ENTRIES, texts
from batchgd.compiler.codegen.module import KERNELS, Specialisation
from batchgd.compiler.codegen.slots import slots_of
from batchgd.kernels.straight import SOURCE

LOADED = 256
"""How many modules that know an objective or a method a process keeps: those least recently used go first.

On the CPU a part takes about 0.1 MB, a module of NumPy code as much. What a run uses lives on until the run is over.
"""


def load(specialisation: Specialisation) -> Any:
    """Return what a launch needs of a specialisation; it is compiled, or read from the cache, when first called.

    For CUDA and NumPy that is one module. On the CPU the parts of ``parts.py`` are put together, each of them loaded
    once for all specialisations that share it.
    """
    target, made = specialisation.target, _texts(specialisation, specialisation.read.module)
    if target != "cpu":
        return _module(_key(made["module"], target), made["module"], target)
    found = {
        name: (_function if name in BY_ADDRESS else _shared)(_key(text, target), text, name)
        for name, text in made.items()
    }
    return SimpleNamespace(
        W=specialisation.lanes,
        slots=slots_of(specialisation),
        **{name: function for functions in found.values() for name, function in functions.items()},
    )


@lru_cache(maxsize=LOADED)
def _module(key: str, text: str, target: str) -> ModuleType:
    """The module of a text for CUDA or NumPy.

    A CUDA module gets two functions for further kernels: by ``keep(kernel, variant)`` they lie beside its own on disk,
    by ``keep_shared(kernel)`` in an entry for all specialisations.
    """
    entry = _entry(key, text)
    module = _run(key, text, entry)
    weakref.finalize(module, _forget_lines, key).atexit = False
    if target == "cuda" and entry is not None:
        from batchgd.compiler.cache.machine_code import keep_kernel

        vars(module)["keep"] = partial(keep_kernel, folder=entry)
        vars(module)["keep_shared"] = partial(keep_kernel, folder=_shared_entry(entry.parent))
        for name in KERNELS:
            if hasattr(module, name):
                keep_kernel(getattr(module, name), entry)
    return module


@lru_cache(maxsize=LOADED)
def _function(key: str, text: str, part: str) -> dict[str, Any]:
    """The function of a part that is called by its address."""
    from batchgd.compiler.cache.object_code import ByAddress

    entry = _entry(key, text)
    (name,) = ENTRIES[part]
    return {name: ByAddress(text, name, _file(key, None), entry)}


@cache
def _shared(key: str, text: str, part: str) -> dict[str, Any]:
    """The functions of a part that all objectives share: a few dozen texts at most, which Numba never frees."""
    from batchgd.compiler.cache.machine_code import hasten, keep

    entry = _entry(key, text)
    module = _run(key, text, entry)
    sys.modules[module.__name__] = module  # machine code finds its globals by this name
    functions = {name: getattr(module, name) for name in ENTRIES[part]}
    for function in functions.values():
        hasten(function)
        if entry is not None:
            keep(function, entry)
    return functions


def forget() -> None:
    """Forget all that is loaded, as a new process would find it."""
    for kept in (_module, _function, _shared):
        kept.cache_clear()


def _key(text: str, target: str) -> str:
    """The name of an entry: a hash of everything that its code depends on."""
    tools = (*toolchain(), *(cuda_toolchain() if target == "cuda" else ()))
    return hashlib.sha256("\n".join([text, *tools]).encode()).hexdigest()[:KEY_DIGITS]


@lru_cache(maxsize=256)  # writing it anew for each run of the same objective took 15 ms
def _texts(specialisation: Specialisation, rule: ModuleType) -> dict[str, str]:
    """The texts of a specialisation, whose rule another package may register anew under the same name."""
    return texts(specialisation) if specialisation.target == "cpu" else {"module": specialisation.source()}


def _run(key: str, text: str, entry: Path | None) -> ModuleType:
    """Run the text as a module. It comes from memory: what lies in the file is for readers, and cannot do harm."""
    module = ModuleType(f"batchgd_generated_{key}")
    module.__file__ = _file(key, entry)
    execute(text, vars(module), module.__file__)
    return module


def _entry(key: str, text: str) -> Path | None:
    """The entry of the cache on disk, with the text in it; None without a cache."""
    folder = cache_folder()
    if folder is None:
        return None
    _leave_text(folder / key / TEXT, text.encode())
    return folder / key


def _forget_lines(key: str) -> None:
    """Drop the lines that tracebacks and compilers have read of a module."""
    for file in [file for file in linecache.cache if key in file]:
        linecache.cache.pop(file, None)


def _file(key: str, entry: Path | None) -> str:
    return str(entry / TEXT) if entry else f"<batchgd_generated_{key}>"


def execute(text: str, names: dict[str, Any], file: str) -> None:
    """Run a text with these global names, among which it stands itself, whatever lies in the file."""
    import numpy as np

    names[SOURCE] = text
    with np.errstate(over="ignore", under="ignore"):  # constants beyond float32 are infinite or 0 there
        exec(compile(text, file, "exec"), names)


def _shared_entry(folder: Path) -> Path:
    """The entry of the kernels that are the same for every function and method."""
    from batchgd.kernels.cuda import merge

    text = inspect.getsource(merge)
    entry = folder / _key(text, "cuda")
    _leave_text(entry / TEXT, text.encode())
    return entry


def _leave_text(path: Path, content: bytes) -> None:
    if read(path) == content:
        touch(path.parent)
    else:
        write_atomically(path, content)


@cache
def toolchain() -> tuple[str, ...]:
    """Everything beside its own text that machine code depends on: our sources, the compiler, the processor."""
    import llvmlite.binding
    import numba
    import numpy

    from batchgd import kernels

    config: Any = numba.config  # its attributes are made at run time
    settings = (config.OPT, config.LOOP_VECTORIZE, config.SLP_VECTORIZE, config.BOUNDSCHECK)
    assert kernels.__file__ is not None
    return (
        sources_digest(Path(kernels.__file__).parent, Path(__file__).parent.parent),
        f"numba {numba.__version__} {settings}",
        f"llvmlite {llvmlite.__version__}",
        f"numpy {numpy.__version__}",
        f"{platform.python_implementation()} {platform.python_version()}",
        f"{platform.machine()} {config.CPU_NAME or llvmlite.binding.get_host_cpu_name()}",
        config.CPU_FEATURES or llvmlite.binding.get_host_cpu_features().flatten(),
    )


@cache
def cuda_toolchain() -> tuple[str, ...]:
    """What the code of CUDA kernels depends on beside that; the device is told apart in each file's name."""
    packages = ("numba-cuda", "nvidia-nvvm", "nvidia-nvjitlink", "cuda-toolkit")
    found = []
    for name in packages:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found.append(f"{name} {metadata.version(name)}")
    return tuple(found)


def sources_digest(*folders: Path) -> str:
    """Return a hash of every Python file in some folders, names and bytes."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(folder)} {len(content)}\n".encode() + content)
    return digest.hexdigest()
