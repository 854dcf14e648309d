"""The folder that keeps generated modules and their machine code from one process to the next."""

from __future__ import annotations

import os
import tempfile
import warnings
from functools import cache
from pathlib import Path


@cache
def cache_folder() -> Path:
    """Return ``$BATCHGD_CACHE_DIR``, else the platform's cache folder, else (with one warning) a temporary one."""
    import platformdirs

    chosen = os.environ.get("BATCHGD_CACHE_DIR")
    folder = Path(chosen) if chosen else Path(platformdirs.user_cache_dir("batchgd", appauthor=False))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        fallback = Path(tempfile.mkdtemp(prefix="batchgd-cache-"))
        warnings.warn(
            f"cannot write to the cache folder {folder} ({error.strerror}): compiled code is kept in {fallback} and "
            "compiled again by the next process; set BATCHGD_CACHE_DIR to a folder that can be written",
            RuntimeWarning,
            stacklevel=2,
        )
        return fallback
    return folder


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that no other process ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    os.replace(temporary, path)
