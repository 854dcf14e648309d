"""Who can write where: compiled code is run, so it is read only from places that this user alone can change.

A folder is safe if it belongs to this user, nobody else can write to it, and nobody else can put another folder in its
place: every folder above it belongs to this user or to the system, and others cannot write there or, as in ``/tmp``,
cannot rename what is not theirs. Access control lists are not looked at. On Windows, which has no such owners and
modes, nothing is checked.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def problem_with(folder: Path) -> str | None:
    """Return why the code in a folder must not be run, or None if it belongs to this user and to nobody else."""
    try:
        status = os.stat(folder)  # a link here is the user's choice: it is the target that counts
    except FileNotFoundError:
        return None
    if not stat.S_ISDIR(status.st_mode):
        return "is not a folder"
    if not is_private(status):
        return "belongs to another user or can be written by others, who could put code in"
    above = unsafe_above(folder)
    return None if above is None else f"is in {above}, where others could put another folder in its place"


def command_for(folder: Path) -> str:
    """Return the command that makes a folder with a problem safe, if it is the user's."""
    above = unsafe_above(folder) if is_private(os.stat(folder)) else None
    return f"chmod -R go-w {folder}" if above is None else f"chmod go-w {above}"


def unsafe_above(folder: Path) -> Path | None:
    """Return a folder above this one, by name or by its target if it is a link, in which others can rename; or None."""
    if not hasattr(os, "geteuid"):
        return None
    system = {0, os.geteuid(), os.stat(folder.anchor).st_uid}  # in a container, root may be seen as another number
    for place in dict.fromkeys((folder, Path(os.path.realpath(folder)))):
        for above in place.parents:
            status = os.stat(above)
            if status.st_uid not in system or (_others_write(status) and not status.st_mode & stat.S_ISVTX):
                return above
    return None


def is_private(status: os.stat_result) -> bool:
    """Whether something belongs to this user and nobody else may write to it."""
    if not hasattr(os, "geteuid"):  # Windows
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def check_entry(entry: Path) -> None:
    """Raise OSError unless an entry is a folder, and not a link to one, of this user alone."""
    status = os.lstat(entry)
    if not (stat.S_ISDIR(status.st_mode) and is_private(status)):
        raise PermissionError(errno.EPERM, f"{entry.name} is not a folder that belongs to you alone")


def _others_write(status: os.stat_result) -> bool:
    """Whether others may write to a folder; the group of the same name as its user, which many systems make, is not."""
    if status.st_mode & stat.S_IWOTH:
        return True
    return bool(status.st_mode & stat.S_IWGRP) and not _is_group_of_one(status.st_gid)


def _is_group_of_one(group: int) -> bool:
    import grp
    import pwd

    try:
        user, found = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    return user.pw_gid == group and user.pw_name == found.gr_name and {*found.gr_mem} <= {user.pw_name}
