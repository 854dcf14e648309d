"""The folder that keeps generated modules and their machine code from one process to the next.

One entry is one subfolder, named by a hash of everything its code depends on (see ``module.py``). The entries least
recently used are dropped once all together take more than ``LIMIT_BYTES``. Nothing but our own files is ever deleted.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import shutil
import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import NamedTuple

from batchgd.errors import InputError

LIMIT_BYTES = 2**30
"""What the cache may take on disk; one specialisation takes about 200 kB."""

TEXT = "specialisation.py"
"""The file of an entry that holds the generated source."""

CODE_SUFFIX = ".code"
"""How files of machine code end."""

KEY_DIGITS = 24

_ENTRY = re.compile(rf"[0-9a-f]{{{KEY_DIGITS}}}")
_OURS = re.compile(rf"{re.escape(TEXT)}|\w+-[0-9a-f]+{re.escape(CODE_SUFFIX)}|\.batchgd-.*\.tmp")


class Entry(NamedTuple):
    """One specialisation on disk; ``used`` is when it was last loaded, in seconds since 1970."""

    path: Path
    size: int
    used: float


def chosen_folder() -> Path:
    """Return where the cache belongs: ``$BATCHGD_CACHE_DIR``, ``$XDG_CACHE_HOME/batchgd``, or the platform's place."""
    chosen = os.environ.get("BATCHGD_CACHE_DIR")
    if chosen:
        try:
            return Path(chosen).expanduser().absolute()
        except (OSError, RuntimeError):  # no working folder, no such user
            raise InputError(f"BATCHGD_CACHE_DIR is {chosen!r}, which leads nowhere: give a full path") from None
    shared = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if shared.is_absolute():  # the XDG specification has relative paths ignored
        return shared / "batchgd"
    try:
        import platformdirs
    except ModuleNotFoundError:  # a checkout may run where nothing was installed for it
        return Path.home() / ".cache" / "batchgd"
    return Path(platformdirs.user_cache_dir("batchgd", appauthor=False))


@cache
def cache_folder() -> Path | None:
    """Return the folder to use: the chosen one, else (with one warning) a temporary one, else None."""
    folder = chosen_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        reason = error.strerror or str(error)
    fallback = _temporary_folder()
    place = "not kept" if fallback is None else f"kept in {fallback} until this process ends"
    warn_once(
        f"cannot write to the cache folder {folder} ({reason}): compiled code is {place}, and compiled again by the "
        "next process; set BATCHGD_CACHE_DIR to a folder that can be written"
    )
    return fallback


def _temporary_folder() -> Path | None:
    """Make a folder that goes with this process; a lasting one would need a name that others could take first."""
    try:
        folder = tempfile.mkdtemp(prefix="batchgd-cache-")
    except OSError:
        return None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def write_atomically(path: Path, content: bytes) -> bool:
    """Write a file so that no process ever sees half of it; False, with one warning, where that is not possible."""
    try:
        try:
            _write(path, content)
        except FileNotFoundError:  # another process dropped the folder just now
            _write(path, content)
    except OSError as error:
        warn_once(
            f"cannot write to the cache folder {path.parent.parent} ({error.strerror or error}): the next process "
            "compiles again; `batchgd cache --clear` frees space, BATCHGD_CACHE_DIR names another folder"
        )
        return False
    return True


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".batchgd-", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


_WARNED: set[str] = set()


def warn_once(message: str) -> None:
    """Warn once in this process, whatever the warning filters say and whichever thread asks."""
    if message not in _WARNED:
        _WARNED.add(message)
        warnings.warn(message, RuntimeWarning, stacklevel=3)


def entries(folder: Path) -> list[Entry]:
    """Return what the cache holds, least recently used first."""
    found = []
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if _ENTRY.fullmatch(path.name) and not path.is_symlink():
                with contextlib.suppress(OSError):  # it may go while we look
                    size = sum(file.stat().st_size for file in _own_files(path))
                    found.append(Entry(path, size, path.stat().st_mtime))
    return sorted(found, key=lambda entry: entry.used)


def _own_files(entry: Path) -> list[Path]:
    return [file for file in entry.iterdir() if _OURS.fullmatch(file.name) and file.is_file()]


def touch(entry: Path) -> None:
    """Note that an entry is in use."""
    with contextlib.suppress(OSError):
        os.utime(entry)


def remove(entry: Entry) -> int:
    """Delete our files of one entry, and its folder once nothing else is in it; the number of bytes freed."""
    freed = 0
    with contextlib.suppress(OSError):
        for file in _own_files(entry.path):
            with contextlib.suppress(OSError):
                size = file.stat().st_size
                file.unlink()
                freed += size
        entry.path.rmdir()
    return freed


def trim(folder: Path, limit: int = LIMIT_BYTES) -> None:
    """Drop the entries least recently used until the rest takes at most ``limit`` bytes; the newest one stays."""
    held = entries(folder)
    total = sum(entry.size for entry in held)
    for entry in held[:-1]:
        if total <= limit:
            break
        remove(entry)
        total -= entry.size
