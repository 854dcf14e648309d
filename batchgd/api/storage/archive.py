"""The files of a stored result: written with a checksum, and read as what anybody may have made.

Only regular files are read, once, and no further than their size. What is made of the bytes is never larger than they
are: an array's header must account for its file, and the members of an archive lie in it uncompressed.
"""

import io
import json
import math
import os
import stat
import textwrap
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from batchgd.problem.errors import InputError, told
from batchgd.problem.printable import printable

MOST_JSON = 1 << 28
"""Bytes of a JSON file at most: ten million numbers, which only hyperparameters that differ per start come near."""

_MOST_BRACKETS = 100_000
"""Lists and objects in a JSON file at most: each takes sixty bytes of memory for two in the file."""

_MOST_HEADER = 1 << 14
"""Bytes of an array's header at most; NumPy reads none of more than ten thousand characters."""

_READ_ONLY = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class _Sink:
    """A file that is being written, and the CRC-32 of what was."""

    def __init__(self, out: Any) -> None:
        self._out, self.crc = out, 0

    def write(self, data: Any) -> None:
        self.crc = zlib.crc32(data, self.crc)
        self._out.write(data)


def write(path: Path, fill: Callable[[Any], Any]) -> int:
    """Write one new file, flush it to the disk, and return its CRC-32; ``fill`` calls ``write`` of what it is given."""
    with open(path, "xb") as out:
        sink = _Sink(out)
        fill(sink)
        out.flush()
        os.fsync(out.fileno())
    return sink.crc


def write_array(path: Path, array: np.ndarray) -> int:
    """Write a ``.npy`` file; returns its CRC-32."""
    # Not into the file itself: NumPy would report a full disk as "100000 requested and 61936 written".
    return write(path, lambda out: npy.write_array(out, array, allow_pickle=False))


def write_columns(path: Path, columns: Mapping[str, Any]) -> int:
    """Write an ``.npz`` file, uncompressed; returns its CRC-32."""
    archive = io.BytesIO()
    np.savez(archive, allow_pickle=False, **columns)
    return write(path, lambda out: out.write(archive.getbuffer()))


def read_json(path: Path) -> Any:
    """Read a JSON file; raise InputError where it is none, or larger than anything that is written here."""
    text = _read(path, MOST_JSON).tobytes()
    if text.count(b"[") + text.count(b"{") > _MOST_BRACKETS:
        raise InputError(f"has more than {_MOST_BRACKETS:,} lists and objects")
    try:
        return json.loads(text.decode("utf-8"))
    except RecursionError:
        raise InputError("is nested too deeply") from None
    except ValueError as error:
        raise InputError(f"is not JSON ({error})") from None


def read_array(path: Path, crc: int) -> np.ndarray:
    """Read a ``.npy`` file of that CRC-32."""
    return _array(_read_checked(path, crc))


def read_columns(path: Path, crc: int) -> dict[str, np.ndarray]:
    """Read an ``.npz`` file of that CRC-32."""
    raw = _read_checked(path, crc)
    try:
        with zipfile.ZipFile(io.BytesIO(raw.tobytes())) as archive:
            members = archive.infolist()
            packed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
            if packed or sum(member.file_size for member in members) > len(raw):
                raise InputError("holds columns that are not stored as they are")
            stored = {member.filename: np.frombuffer(bytearray(archive.read(member)), np.uint8) for member in members}
    except InputError:
        raise
    except Exception as error:  # zipfile raises a dozen kinds for what it cannot read, encrypted members included
        raise InputError(f"is not an archive of columns ({_said(error)})") from None
    columns = {}
    for member, column in stored.items():
        name = member.removesuffix(".npy")
        try:
            columns[name] = _array(column)
        except InputError as error:
            raise InputError(f"has a column {told(name)} that {error}") from None
    return columns


def _read_checked(path: Path, crc: int) -> np.ndarray:
    raw = _read(path)
    if zlib.crc32(raw.data) != crc:
        raise InputError("was altered or cut short since it was saved")
    return raw


def _read(path: Path, most: int | None = None) -> np.ndarray:
    """Return the bytes of a regular file, (size,) uint8; a pipe, a device or a folder is refused without waiting."""
    try:
        with open(path, "rb", buffering=0, opener=lambda name, _: os.open(name, _READ_ONLY)) as source:
            found = os.fstat(source.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise InputError("is not a regular file")
            if most is not None and found.st_size > most:
                raise InputError(f"has {found.st_size:,} bytes, and at most {most:,} are read")
            raw = np.empty(found.st_size, np.uint8)
            rest = raw.data
            while rest and (count := source.readinto(rest)):
                rest = rest[count:]
            if rest:
                raise InputError("was cut short while it was read")
            return raw
    except FileNotFoundError:
        raise InputError("is missing") from None
    except IsADirectoryError:
        raise InputError("is not a regular file") from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})") from None
    except MemoryError:
        raise InputError(f"has {found.st_size:,} bytes, more than there is memory for") from None


def _array(raw: np.ndarray) -> np.ndarray:
    """Return the array that a ``.npy`` file holds, in the file's own bytes; pickled objects are refused."""
    source = io.BytesIO(raw[:_MOST_HEADER].tobytes())
    try:
        version = npy.read_magic(source)
        if version not in _HEADERS:
            raise ValueError(f"version {version}")
        shape, by_column, dtype = _HEADERS[version](source)
    except Exception as error:  # of NumPy's reader, which evaluates the header as a Python literal
        raise InputError(f"is not an array ({_said(error)})") from None
    body = raw[source.tell() :]
    if dtype.kind != "U" and (dtype.kind not in "biuf" or dtype.itemsize > 8):
        raise InputError(f"holds {dtype}, neither numbers nor text")
    try:
        if math.prod(shape) * dtype.itemsize != len(body):
            raise ValueError
        array = body.view(dtype).reshape(tuple(map(int, shape)), order="F" if by_column else "C")
    except (ValueError, OverflowError):
        raise InputError(f"has {len(body):,} bytes for an array of shape {told(shape)} and type {dtype}") from None
    return np.require(array, dtype.newbyteorder("="), ["ALIGNED", "WRITEABLE"])


def _said(error: Exception) -> str:
    """What a reader reports, which may quote the file, in one short line."""
    return textwrap.shorten(printable(" ".join(str(error).split())), 120, placeholder="...")
