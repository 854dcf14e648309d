"""The folder of a stored result: it appears complete or not at all, and is never replaced unless that was asked for.

A result is written into ``.NAME.xxxxxxxx.partial`` beside its target, which then takes the target's name in one
rename. A folder cannot be renamed onto one that holds anything, so of several savers to one new name exactly one
succeeds. To replace a result takes two renames, as no portable call swaps two folders: the old one steps aside as
``.NAME.xxxxxxxx.partial.old``. A process that is killed in between leaves it there, and whoever next looks for NAME,
to load it or to save to it, gives it its name back (:func:`settle`).

The saver of a partial folder holds a lock on it, which ends with the process. The next save to that name removes those
that nobody holds; where there are no such locks (Windows, some network disks) they stay.
"""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from batchgd.problem.errors import InputError

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

HEAD = "result.json"
_MOVED = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT)


def check_target(target: Path, overwrite: bool) -> None:
    """Raise InputError unless a result can take this name."""
    if not target.parent.is_dir():
        raise InputError(f"{target.parent} is not a folder; make it first, or save elsewhere")
    try:
        held = os.listdir(target)  # looked at once: another save may take it away meanwhile
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise InputError(f"{target} is a file; give a folder that does not exist yet") from None
    if held and HEAD not in held:
        raise InputError(f"{target} is not empty and holds no batchgd result; give a folder that does not exist yet")
    if held and not overwrite:
        raise InputError(f"{target} holds a result already; pass overwrite=True or give another folder")


def settle(target: Path) -> None:
    """Give an earlier result its name back if a process was killed while it was being replaced."""
    if not os.path.lexists(target) and target.parent.is_dir():
        for aside in sorted(_leftovers(target, "partial.old"), key=os.path.getmtime)[-1:]:
            with contextlib.suppress(OSError):
                os.rename(aside, target)


@contextlib.contextmanager
def appearing(target: Path, overwrite: bool) -> Iterator[Path]:
    """Yield an empty folder to write into, which takes the target's name if all goes well and vanishes if not."""
    settle(target)
    check_target(target, overwrite)
    _remove_abandoned(target)
    with _partial(target) as staging:
        yield staging
        _flush(staging)
        replaced = _leftovers(target, "partial.old") + _move_into_place(staging, target, overwrite)
        _flush(target.parent)
    for aside in replaced:  # not those of a save that has begun to replace this one
        shutil.rmtree(aside, ignore_errors=True)


def _move_into_place(staging: Path, target: Path, overwrite: bool) -> list[Path]:
    """Give the finished folder its name; returns where an earlier result is now, which comes back if that fails."""
    aside: list[Path] = []
    try:
        while True:  # once more only if another save took or gave up the name in the meantime
            check_target(target, overwrite)
            try:
                if _occupied(target):
                    earlier = _beside(target, "partial.old")
                    os.rename(target, earlier)
                    aside.append(earlier)
                elif target.is_dir():
                    target.rmdir()
                os.rename(staging, target)
                return aside
            except OSError as error:
                if error.errno not in _MOVED or not staging.is_dir():
                    raise
    except BaseException:
        if aside:
            with contextlib.suppress(OSError):
                os.rename(aside[-1], target)
        raise


def _occupied(target: Path) -> bool:
    try:
        return bool(os.listdir(target))
    except (FileNotFoundError, NotADirectoryError):
        return False


def _short(name: str) -> str:
    """The name itself, or a hash in place of one that leaves no room for an ending."""
    return name if len(os.fsencode(name)) <= 200 else hashlib.sha256(os.fsencode(name)).hexdigest()[:32]


def _beside(target: Path, ending: str) -> Path:
    return target.with_name(f".{_short(target.name)}.{uuid.uuid4().hex[:8]}.{ending}")


def _leftovers(target: Path, ending: str) -> list[Path]:
    """The folders that :func:`_beside` named; none where the parent may not be listed."""
    name = re.compile(rf"\.{re.escape(_short(target.name))}\.[0-9a-f]{{8}}\.{re.escape(ending)}")
    try:
        return [entry for entry in target.parent.iterdir() if name.fullmatch(entry.name)]
    except OSError:
        return []


@contextlib.contextmanager
def _partial(target: Path) -> Iterator[Path]:
    """Make a folder to write into, hold its lock, and remove it unless it has got another name by then."""
    while True:
        staging = _beside(target, "partial")
        staging.mkdir()
        with _locked(staging, wait=True):
            if staging.is_dir():  # else another save has removed it before it was locked
                try:
                    yield staging
                finally:
                    shutil.rmtree(staging, ignore_errors=True)
                return


def _remove_abandoned(target: Path) -> None:
    """Remove what killed processes have written of results of this name."""
    for partial in _leftovers(target, "partial"):
        with _locked(partial, wait=False) as locked:
            if locked:
                shutil.rmtree(partial, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path, *, wait: bool) -> Iterator[bool]:
    """Hold a lock on a folder; yields False if another process holds it, it is gone, or there are no such locks."""
    locked = False
    with contextlib.ExitStack() as held:
        if fcntl is not None:
            with contextlib.suppress(OSError):
                handle = os.open(folder, os.O_RDONLY)
                held.callback(os.close, handle)
                fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                locked = True
        yield locked


def _flush(folder: Path) -> None:
    """Ask the disk to keep the folder's entries; where folders cannot be opened (Windows) there is nothing to ask."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
