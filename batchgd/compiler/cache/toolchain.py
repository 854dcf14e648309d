"""The name of the entry of a CUDA module: a hash of everything that its machine code depends on.

No cache of machine code notices when a function in another file has changed, so our sources are part of it. The device
is part of each file's name.
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

PACKAGES = ("numba", "llvmlite", "numpy", "numba-cuda", "nvidia-nvvm", "nvidia-nvjitlink", "cuda-toolkit")


def key_of(text: str) -> str:
    """Return the name of the entry for the code of a text."""
    return hashlib.sha256("\n".join([text, *toolchain()]).encode()).hexdigest()[:KEY_DIGITS]


@cache
def toolchain() -> tuple[str, ...]:
    """Everything besides its own text that machine code depends on: our sources, and the compilers."""
    import numba

    from batchgd import kernels

    config: Any = numba.config  # its attributes are made at run time
    found = []
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found.append(f"{name} {metadata.version(name)}")
    assert kernels.__file__ is not None
    return (
        sources_digest(Path(kernels.__file__).parent, Path(__file__).parent.parent),
        f"optimisation {config.OPT}, bounds {config.BOUNDSCHECK}",
        f"{platform.python_implementation()} {platform.python_version()}",
        *found,
    )


def sources_digest(*folders: Path) -> str:
    """Return a hash of every Python file in some folders, names and bytes."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(folder)} {len(content)}\n".encode() + content)
    return digest.hexdigest()
