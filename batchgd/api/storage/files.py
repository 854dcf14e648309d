"""A file that appears complete or not at all, and replaces another one only on request.

It is written as ``.NAME.xxxxxxxx.partial`` next to its target, flushed, and takes the target's name in one step: by a
rename, which replaces, or by a link, which fails if the name is taken, so that of several processes that save to one
new name exactly one succeeds. A process that is killed leaves the partial file behind, but not the lock that it had on
it: the next save to that name removes partial files that are not locked. Without such locks (Windows, some network
disks) they stay.
"""

import contextlib
import hashlib
import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from batchgd.problem import check
from batchgd.problem.errors import InputError, quoted

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


def resolved(path: str | Path) -> Path:
    """Return the absolute path of a file, which may not exist, with links resolved."""
    try:
        return Path(os.path.realpath(check.path("the path", path)))
    except OSError as error:  # the working folder is gone
        raise InputError(f"the path is {quoted(path)}: {error.strerror}; give it in full") from None


@contextlib.contextmanager
def appearing(target: Path, overwrite: bool, *, tidy: bool = True) -> Iterator[BinaryIO]:
    """Yield a new file to write to, which takes the target's name if all goes well and is removed if not.

    ``tidy=False`` does not look for what killed processes left behind, for folders of many files: see
    :func:`remove_abandoned`. Raises FileExistsError if another process took the name first.
    """
    if tidy:
        remove_abandoned(target.parent, target.name)
    with _partial(target) as partial:
        with open(partial, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            os.replace(partial, target)
        else:
            _rename_to_new(partial, target)
    _flush_folder(target.parent)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, if they do not exist; they are on the disk when this returns."""
    new = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in reversed(new):
        _flush_folder(folder.parent)


def _rename_to_new(partial: Path, target: Path) -> None:
    """Give a file a new name; raises FileExistsError if it is taken."""
    if os.name == "nt":
        os.rename(partial, target)
        return
    try:
        os.link(partial, target)
    except FileExistsError:
        raise
    except OSError:  # a disk without hard links
        if os.path.lexists(target):
            raise FileExistsError from None
        os.rename(partial, target)


def _short(name: str) -> str:
    """The name itself, or a hash if the name is too long to append an ending."""
    return name if len(os.fsencode(name)) <= 200 else hashlib.sha256(os.fsencode(name)).hexdigest()[:32]


@contextlib.contextmanager
def _partial(target: Path) -> Iterator[Path]:
    """Make an empty file next to the target, lock it, and remove it if it still has this name at the end."""
    while True:
        partial = target.with_name(f".{_short(target.name)}.{uuid.uuid4().hex[:8]}.partial")
        partial.touch(exist_ok=False)
        with locked_file(partial, wait=True):
            if partial.exists():  # otherwise another save removed it before it was locked
                try:
                    yield partial
                finally:
                    partial.unlink(missing_ok=True)
                return


def remove_abandoned(folder: Path, target: str | None = None) -> None:
    """Remove partial files that killed processes left behind: those of one target, or all in the folder."""
    name = re.compile(rf"\.{'.+' if target is None else re.escape(_short(target))}\.[0-9a-f]{{8}}\.partial")
    with contextlib.suppress(OSError):  # a folder that may not be listed
        for partial in folder.iterdir():
            if name.fullmatch(partial.name):
                with locked_file(partial, wait=False) as locked:
                    if locked:
                        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def locked_file(file: Path, *, wait: bool) -> Iterator[bool]:
    """Lock a file; yields False if another process has locked it, it is gone, or there are no such locks."""
    locked = False
    with contextlib.ExitStack() as stack:
        if fcntl is not None:
            with contextlib.suppress(OSError):
                handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
                stack.callback(os.close, handle)
                locked = lock(handle, wait=wait)
        yield locked


def lock(handle: int, *, wait: bool = False) -> bool:
    """Lock an open file, until it is closed or the process ends; False if another has it, or there are no locks."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _flush_folder(folder: Path) -> None:
    """Flush the folder's entries to disk; on Windows, where folders cannot be opened, do nothing."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
