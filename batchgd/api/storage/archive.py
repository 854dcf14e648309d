"""Arrays and JSON in one ``.npz`` file: written, and read on the assumption that anybody may have made it.

The members are stored uncompressed, each with a CRC-32, as ``np.savez`` writes them. Reading takes no more memory
than the file has bytes: the size in an array's header must match its member, and the members must fit in the file.
"""

import contextlib
import io
import json
import math
import os
import stat
import textwrap
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from batchgd.problem.errors import InputError, printable, quoted

HEAD = "result.json"
_ARRAY = ".npy"

_MOST_JSON = 1 << 28
"""Largest size of the JSON in bytes: ten million numbers, which only hyperparameters per start come near."""

_MOST_BRACKETS = 100_000
"""Largest number of lists and objects in the JSON: each takes sixty bytes of memory for two in the file."""

_AT_ONCE = 1 << 20
"""Bytes read at once, which also limits the list of members: in memory it takes ten times its size."""

_CHUNK = 1 << 18
"""Bytes of a member read at once: they stay in the processor's cache until they are copied to their place."""

_READ_ONLY = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)


def write(file: BinaryIO, head: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Write JSON and arrays."""
    body = json.dumps(head, indent=1, allow_nan=False).encode()
    if len(body) > _MOST_JSON:
        raise InputError(f"the settings take {len(body):,} bytes, limit {_MOST_JSON:,}: set result.method = None")
    with zipfile.ZipFile(file, "w") as archive:
        with archive.open(HEAD, "w") as member:
            member.write(body)
        for name, array in arrays.items():
            with archive.open(name + _ARRAY, "w", force_zip64=True) as member:
                npy.write_array(member, array, allow_pickle=False)


class _File(io.FileIO):
    """A file that is never read in large pieces, whatever sizes the archive claims."""

    def read(self, size: int | None = -1) -> bytes:
        """Read bytes; raise InputError if there are too many."""
        left = os.fstat(self.fileno()).st_size - self.tell()
        size = left if size is None or size < 0 else min(size, left)
        if size > _AT_ONCE:
            raise InputError("it has more members than a result")
        return super().read(size) or b""


@contextlib.contextmanager
def opened(source: Path | bytes) -> Iterator[zipfile.ZipFile]:
    """Open an archive, a file or its content, whose members together are no larger; InputError for anything else."""
    with io.BytesIO(source) if isinstance(source, bytes) else _open(source) as file:
        with _refused("it is not a complete archive"):
            archive = zipfile.ZipFile(file)
        members = archive.infolist()
        size = len(source) if isinstance(source, bytes) else os.fstat(file.fileno()).st_size
        packed = any(member.file_size != member.compress_size for member in members)
        if packed or sum(member.file_size for member in members) > size:
            raise InputError("its members are not stored uncompressed")
        unknown = [name for name in archive.namelist() if name != HEAD and not name.endswith(_ARRAY)]
        if unknown:  # an array under a damaged name would be missing without a word
            raise InputError(f"it has a member {quoted(unknown[0])}, which is not an array")
        yield archive


def read_head(archive: zipfile.ZipFile) -> Any:
    """Read the JSON; None if there is none."""
    if HEAD not in archive.namelist():
        return None
    size = archive.getinfo(HEAD).file_size
    if size > _MOST_JSON:
        raise InputError(f"{HEAD} has {size:,} bytes, limit {_MOST_JSON:,}")
    with _refused(f"{HEAD} is damaged"), archive.open(HEAD) as member:
        return _parsed(_take(member, size).tobytes(), HEAD)


def read_json(path: Path, most: int) -> Any:
    """Read a JSON file of at most so many bytes, under the same limits."""
    with _open(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise InputError(f"it has {size:,} bytes, limit {most:,}")
        content = np.empty(size, np.uint8)
        read = file.readinto(content.data)
    return _parsed(content[:read].tobytes(), "it")


def _parsed(text: bytes, name: str) -> Any:
    """Return what JSON stands for, unless it is nested or branched more than any file of ours."""
    if text.count(b"[") + text.count(b"{") > _MOST_BRACKETS:
        raise InputError(f"{name} has more than {_MOST_BRACKETS:,} lists and objects")
    try:
        return json.loads(text.decode("utf-8"))
    except RecursionError:
        raise InputError(f"{name} is nested too deeply") from None
    except ValueError as error:
        raise InputError(f"{name} is not JSON ({error})") from None


def read_arrays(archive: zipfile.ZipFile, prefix: str | None = None) -> dict[str, np.ndarray]:
    """Read the arrays whose names begin with the prefix, by default all; pickled objects are refused."""
    arrays = {}
    for name in archive.namelist():
        if name.endswith(_ARRAY) and name.startswith(prefix or ""):
            with _refused(f"{printable(name)} is damaged"), archive.open(name) as member:
                arrays[name.removesuffix(_ARRAY)] = _array(member, printable(name), archive.getinfo(name).file_size)
    return arrays


def _array(member: IO[bytes], name: str, size: int) -> np.ndarray:
    if npy.read_magic(member) != (1, 0):
        raise InputError(f"{name} is not an array of format 1.0")
    shape, by_column, dtype = npy.read_array_header_1_0(member)
    size -= member.tell()
    if dtype.kind != "U" and (dtype.kind not in "biuf" or dtype.itemsize > 8):
        raise InputError(f"{name} has type {dtype}, neither numbers nor text")
    if math.prod(shape) * dtype.itemsize != size or not dtype.itemsize:
        raise InputError(f"{name} has {size:,} bytes for an array of shape {quoted(shape)} and type {dtype}")
    array = np.ndarray(shape, dtype, buffer=_take(member, size), order="F" if by_column else "C")
    return array.astype(dtype.newbyteorder("="), copy=False)


def _take(member: IO[bytes], size: int) -> memoryview:
    """Read this many bytes; the archive's checksum is compared at the end."""
    content = np.empty(size, np.uint8).data
    at = 0
    while at < size:
        chunk = member.read(_CHUNK)
        if not chunk:
            raise InputError("it was cut short")
        content[at : at + len(chunk)] = chunk
        at += len(chunk)
    return content


def _open(path: Path) -> _File:
    try:
        file = _File(path, opener=lambda name, _: os.open(name, _READ_ONLY))
    except FileNotFoundError:
        raise InputError("it does not exist") from None
    except IsADirectoryError:
        raise InputError("it is a folder") from None
    except OSError as error:
        raise InputError(f"it cannot be opened ({error.strerror or error})") from None
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise InputError("it is not a regular file")
    return file


@contextlib.contextmanager
def _refused(what: str) -> Iterator[None]:
    """Raise InputError for whatever the readers of archives and arrays raise, which is a dozen kinds of exceptions."""
    try:
        yield
    except (InputError, MemoryError):
        raise
    except Exception as error:
        reason = textwrap.shorten(printable(" ".join(str(error).split())), 120, placeholder="...")
        raise InputError(f"{what} ({reason})") from None
