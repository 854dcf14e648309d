"""The folder that keeps generated modules and their machine code from one process to the next.

One entry is one subfolder, named by a hash of everything its code depends on (see ``toolchain.py``). The least recently
used entries are dropped once all together take more than ``LIMIT_BYTES``. Nothing but our own files is ever deleted.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import re
import stat
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple, TypeVar

from batchgd.compiler.cache.owners import check_entry, command_for, is_private, problem_with
from batchgd.problem.errors import InputError

LIMIT_BYTES = 2**30
"""What the cache may take on disk; one specialisation takes about 200 kB."""

TEXT = "specialisation.py"
"""The file of an entry with the generated source."""

CODE_SUFFIX = ".code"
"""The suffix of files of machine code."""

KEY_DIGITS = 24

T = TypeVar("T")

_DIGEST_BYTES = hashlib.sha256().digest_size

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
            raise InputError(f"BATCHGD_CACHE_DIR is {chosen!r}, which cannot be resolved: give a full path") from None
    shared = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if shared.is_absolute():  # by the XDG specification, relative paths are ignored
        return shared / "batchgd"
    try:
        import platformdirs
    except ModuleNotFoundError:  # a checkout may run without its dependencies installed
        return Path.home() / ".cache" / "batchgd"
    return Path(platformdirs.user_cache_dir("batchgd", appauthor=False))


@cache
def cache_folder() -> Path | None:
    """Return the folder to use: the chosen one, else (with one warning) a temporary one, else None."""
    folder = chosen_folder()
    try:
        _make(folder)
        problem = problem_with(folder)
        if problem is None:
            with tempfile.TemporaryFile(dir=folder):
                return folder
        problem, cure = f"the cache folder {folder} {problem}", f"`{command_for(folder)}` if it is yours, or set"
    except OSError as error:
        problem, cure = f"cannot write to the cache folder {folder} ({error.strerror or error})", "set"
    fallback = _temporary_folder()
    place = "not kept" if fallback is None else f"kept in {fallback} until this process ends"
    warn_once(
        f"{problem}: compiled code is {place}, and compiled again by the next process; "
        f"{cure} BATCHGD_CACHE_DIR to a folder that only you can write to"
    )
    return fallback


def _make(folder: Path) -> None:
    """Make a folder, and those above it, for this user alone whatever the umask."""
    if not folder.is_dir():
        if folder.parent != folder:  # of a drive that does not exist
            _make(folder.parent)
        with contextlib.suppress(FileExistsError):  # another process was faster; anything else in the way shows later
            folder.mkdir(mode=0o700)
            folder.chmod(0o700)


_TEMPORARY = "batchgd-cache-"
_YOUNG_SECONDS = 60
"""A temporary folder this young may not be locked yet."""


def _temporary_folder() -> Path | None:
    """Make a folder that is deleted with this process; a lasting one would need a name that others could take first."""
    remove_stale()
    try:
        folder = Path(tempfile.mkdtemp(prefix=_TEMPORARY))
        if problem_with(folder) is not None:  # others may rename what is in $TMPDIR
            folder.rmdir()
            return None
    except OSError:
        return None
    _lock(folder)  # until this process ends, however it ends

    def remove(owner: int = os.getpid()) -> None:
        if os.getpid() == owner:  # and not a fork of it
            _remove_all(folder)

    atexit.register(remove)
    return folder


def _lock(folder: Path, *, alone: bool = False) -> int | None:
    """Lock a folder of this user as one that is in use, or ``alone`` as one that nobody uses; None if it cannot be."""
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        return None
    handle = None
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        if os.fstat(handle).st_uid == os.geteuid():
            fcntl.flock(handle, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            return handle
    except OSError:
        pass
    if handle is not None:
        os.close(handle)
    return None


def remove_stale() -> None:
    """Delete the temporary folders of processes that were killed: whoever uses one holds a lock on it."""
    with contextlib.suppress(OSError):
        for folder in Path(tempfile.gettempdir()).glob(f"{_TEMPORARY}*"):
            with contextlib.suppress(OSError):
                young = time.time() - folder.lstat().st_mtime < _YOUNG_SECONDS
                handle = None if young else _lock(folder, alone=True)
                if handle is not None:
                    _remove_all(folder)
                    os.close(handle)


def _remove_all(folder: Path) -> None:
    for entry in entries(folder):
        remove(entry)
    with contextlib.suppress(OSError):
        folder.rmdir()


def read(path: Path) -> bytes | None:
    """Return the content of a file of an entry; None if there is none, or if another user may have written it."""
    try:
        check_entry(path.parent)
        # Without waiting for the other end of a pipe.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | _BINARY)
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(handle)
            return file.read() if stat.S_ISREG(status.st_mode) and is_private(status) else None
    except OSError:
        return None


_BINARY = getattr(os, "O_BINARY", 0)


def write_atomically(path: Path, content: bytes) -> bool:
    """Write a file so that no process ever sees half of it; False, with one warning, if that is not possible."""
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
    _make(path.parent)
    check_entry(path.parent)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".batchgd-", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def code_path(entry: Path, name: str, what: str) -> Path:
    """Return the file of a function's code for these types."""
    return entry / f"{name}-{hashlib.sha256(what.encode()).hexdigest()[:16]}{CODE_SUFFIX}"


def read_code(path: Path, rebuilt: Callable[[bytes], T]) -> T | None:
    """Return what ``rebuilt`` makes of a file's content; None if there is none that can be trusted."""
    content = read(path)
    if content is None:
        return None
    try:
        payload = content[_DIGEST_BYTES:]
        if content[:_DIGEST_BYTES] != digest(path, payload):
            raise ValueError("the checksum does not match")
        return rebuilt(payload)
    except Exception:  # whatever a damaged file leads to
        with contextlib.suppress(OSError):
            path.unlink()
        return None


def write_code(path: Path, payload: bytes) -> None:
    """Store code for the next process, after a checksum: code that was cut short or altered is compiled again."""
    checksum = digest(path, payload)
    # To look at everything takes half a second once the cache is full; a file in 256 is often enough.
    if write_atomically(path, checksum + payload) and checksum[0] == 0:
        trim(path.parent.parent)


def digest(path: Path, payload: bytes) -> bytes:
    """The checksum of a file, which includes its name: a file in another one's place does not pass."""
    return hashlib.sha256(f"{path.parent.name}/{path.name}\n".encode() + payload).digest()


_WARNED: set[str] = set()


def warn_once(message: str) -> None:
    """Warn once in this process, whatever the warning filters say and whichever thread asks."""
    if message not in _WARNED:
        _WARNED.add(message)
        warnings.warn(message, RuntimeWarning, stacklevel=3)


def entries(folder: Path) -> list[Entry]:
    """Return the entries of the cache, least recently used first."""
    found = []
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if _ENTRY.fullmatch(path.name) and not path.is_symlink():
                with contextlib.suppress(OSError):  # it may be deleted while we look
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
    """Delete our files of one entry, and its folder once nothing else is in it; return the number of bytes freed."""
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
    """Drop the least recently used entries until the rest takes at most ``limit`` bytes; the newest one stays."""
    present = entries(folder)
    total = sum(entry.size for entry in present)
    for entry in present[:-1]:
        if total <= limit:
            break
        remove(entry)
        total -= entry.size
