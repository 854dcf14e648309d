"""The name of an entry: a hash of everything that its machine code depends on.

No cache of machine code notices when a function in another file has changed, so our sources are part of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import platform
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from batchgd.compiler.cache.folder import KEY_DIGITS


def key_of(text: str, target: str) -> str:
    """Return the name of the entry for the code of a text."""
    tools = (*toolchain(), *(cuda_toolchain() if target == "cuda" else ()))
    return hashlib.sha256("\n".join([text, *tools]).encode()).hexdigest()[:KEY_DIGITS]


@cache
def toolchain() -> tuple[str, ...]:
    """Everything besides its own text that machine code depends on: our sources, the compiler, the processor."""
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
    """What the code of CUDA kernels depends on in addition; the device is part of each file's name."""
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
