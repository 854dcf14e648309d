"""The folder of a run: a manifest ``run.json`` and the files of its parts, in which anybody may have written.

Every file appears complete or not at all. Only names that :func:`batchgd.api.runs.part.name_of` makes are read, no
link in the folder is followed, and the manifest is changed only to add starts or the size of the parts.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from batchgd.api.runs.claims import claimed, remove_void
from batchgd.api.runs.configuration import Configuration, configuration_of, difference, hash_of, versions
from batchgd.api.runs.part import Part, name_of, read_part, write_part, writing
from batchgd.api.runs.split import Range
from batchgd.api.storage.archive import read_json
from batchgd.api.storage.files import appearing, locked_file, make_folder, remove_abandoned, resolved
from batchgd.api.storage.typed import typed
from batchgd.engine.batch import Batch
from batchgd.problem.errors import InputError, RunWarning, quoted, warn
from batchgd.problem.speaker import option

FORMAT, VERSION = "batchgd run", 1
MANIFEST, PARTS, LOCK = "run.json", "parts", ".lock"

_PART = re.compile(r"(\d{14,19})-(\d{14,19})\.npz", re.ASCII)
_CHECKSUM = "checksum"
_MOST_BYTES = 1 << 26
"""Largest size of a manifest: a box and parameters of a million numbers."""


@dataclass(frozen=True)
class Manifest:
    """What a run is: its configuration, and how far it goes.

    Attributes
    ----------
    configuration : dict
        What decides its endpoints; ``hash`` is its name.
    rows : bool
        Whether the parts contain one row per start.
    starts : int
        The largest number of starts that was asked for.
    part : int or None
        Starts per part, once the speed has been measured.
    made_with : dict
        Versions and platform of the process that began the run, for a reader.
    """

    format: str
    version: int
    hash: str
    configuration: dict[str, Any]
    rows: bool
    starts: int
    part: int | None
    made_with: dict[str, str]


@dataclass(frozen=True)
class _Outline:
    """The types of what is looked up in a configuration before all of it is checked."""

    function: dict[str, Any]
    sampling: dict[str, Any]
    arithmetic: dict[str, Any]
    backend: str
    seed: int
    starts: int | None


class RunFolder:
    """A run on disk. ``RunFolder.open`` reads one; ``RunFolder.of`` begins one, or finds it as it was left.

    Raises InputError if the folder is something else.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path, self.manifest = path, manifest

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """Read the manifest of a run."""
        folder = resolved(path)
        with _reading(folder):
            if not (folder / MANIFEST).is_file():
                raise InputError(f"{folder} is not a run: give a folder that {option('run')} made")
        return cls(folder, _read_manifest(folder))

    @classmethod
    def of(cls, path: str | Path, batch: Batch, *, rows: bool, starts: int) -> RunFolder:
        """Begin a run of this many starts in a new or an empty folder, or go on with one of the same configuration.

        A run that ends when enough is covered begins with none, and extends itself.

        Raises InputError that names the first difference if the folder has another run; WriteError if the folder
        cannot be written.
        """
        folder = resolved(path)
        configuration = configuration_of(batch)
        made = Manifest(FORMAT, VERSION, hash_of(configuration), configuration, rows, starts, None, versions())
        with writing(folder):
            if not folder.exists():
                make_folder(folder)
            _check_place(folder)
            if not (folder / MANIFEST).exists():
                with contextlib.suppress(FileExistsError):  # another process was faster
                    _write_manifest(folder, made, overwrite=False)
            make_folder(folder / PARTS)
        found = cls(folder, _read_manifest(folder))
        found.check(configuration, starts or found.manifest.starts, rows=rows, asked=batch.compute.asked)
        remove_abandoned(folder / PARTS)
        if starts > found.manifest.starts:
            found.change(starts=starts)
        return found

    def check(self, configuration: Configuration, starts: int, *, rows: bool, asked: bool) -> None:
        """Raise InputError unless a call with this configuration can go on here.

        Another backend may go on if it was ``asked`` for by name, with a warning: its last digits may differ.
        """
        manifest = self.manifest
        changed = difference(manifest.configuration, configuration)
        begun, backend = manifest.configuration["backend"], configuration["backend"]
        if changed is not None and begun != backend:
            changed = difference(_on_any_backend(manifest.configuration), _on_any_backend(configuration))
            if changed is None and not asked:
                raise InputError(
                    f"{self.path} was begun with {option('backend', begun)}, and this call would use {backend}: give "
                    f"one of them by name; the last digits of {backend}'s parts may differ"
                )
            if changed is None:
                warn(
                    f"{self.path} was begun with {begun} and goes on with {backend}: last digits may differ", RunWarning
                )
        if changed is not None:
            raise InputError(
                f"{self.path} contains another run: {changed}; give what it was begun with, or another folder"
            )
        if rows and not manifest.rows:
            raise InputError(f"{self.path} keeps no row per start: give {option('keep', 'minima')}, or another folder")
        if starts < manifest.starts:
            raise InputError(
                f"{self.path} has {manifest.starts:,} starts, more than {starts:,}: give {option('starts')} at least "
                "as many, or another folder"
            )

    def change(self, **fields: int) -> None:
        """Write a larger number of starts, or the size of parts if no other process did, into the manifest."""
        with writing(self.path):
            (self.path / LOCK).touch()
            with locked_file(self.path / LOCK, wait=True):
                now = _read_manifest(self.path)
                starts, part = max(now.starts, fields.get("starts", 0)), now.part or fields.get("part")
                self.manifest = replace(now, starts=starts, part=part)
                if self.manifest != now:
                    _write_manifest(self.path, self.manifest, overwrite=True)

    def reread(self) -> Manifest:
        """Read the manifest again, which other processes may have changed."""
        self.manifest = _read_manifest(self.path)
        return self.manifest

    def parts(self) -> list[Range]:
        """Return the ranges of the parts there are, by their names."""
        names: list[str] = []
        with _reading(self.path), contextlib.suppress(FileNotFoundError):
            names = os.listdir(self.path / PARTS)
        matches = filter(None, map(_PART.fullmatch, names))
        return sorted((int(match[1]), int(match[2])) for match in matches if int(match[1]) < int(match[2]))

    def file_of(self, part: Range) -> Path:
        """Return the file of a part."""
        return self.path / PARTS / name_of(part)

    # Parts

    def has(self, part: Range) -> bool:
        """Whether there is a file of a part."""
        return os.path.lexists(self.file_of(part))

    def read(self, part: Range, batch: Batch, *, rows: bool) -> Part:
        """Read a part; InputError if its file is damaged."""
        box = batch.coordinates.inside_box
        return read_part(self.file_of(part), box, batch.dtype, self.manifest.hash, part, rows=rows)

    def write(self, range_: Range, part: Part | bytes) -> None:
        """Write a part, or its bytes; WriteError if that fails."""
        write_part(self.file_of(range_), part, self.manifest.hash)

    def claimed(self, part: Range) -> AbstractContextManager[str | None]:
        """Claim a part, see :func:`batchgd.api.runs.claims.claimed`."""
        return claimed(self.file_of(part))

    def tidy(self) -> None:
        """Remove what processes that have ended left behind."""
        remove_void(self.path / PARTS)


def _on_any_backend(configuration: Configuration) -> Configuration:
    """The configuration without what another backend changes."""
    version = {"batchgd": configuration["arithmetic"].get("batchgd")}
    return {**configuration, "backend": None, "arithmetic": version}


def _check_place(folder: Path) -> None:
    """Refuse a folder that is something else, or in which a link leads elsewhere."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: give {option('run')} another name")
    for name in (MANIFEST, PARTS, LOCK):
        if (folder / name).is_symlink():
            raise InputError(f"{folder / name} is a link, which a run does not follow: give another folder")
    if not (folder / MANIFEST).exists():
        others = [
            entry for entry in os.listdir(folder) if entry not in (PARTS, LOCK) and not entry.endswith(".partial")
        ]
        if others:
            raise InputError(
                f"{folder} contains {quoted(sorted(others)[0])} and is not a run: give a new or an empty folder"
            )


def _read_manifest(folder: Path) -> Manifest:
    try:
        fields = read_json(folder / MANIFEST, _MOST_BYTES)
        if not isinstance(fields, dict) or fields.get("format") != FORMAT:
            raise InputError("it is not the manifest of a run")
        if fields.get("version") != VERSION:
            raise InputError(f"it has format version {quoted(fields.get('version'))}, but this batchgd reads {VERSION}")
        if fields.pop(_CHECKSUM, None) != checksum(fields):
            raise InputError("it is damaged, or was altered by hand")
        manifest = typed(fields, Manifest, "run")
        configuration = {**fields["configuration"]}
        typed(configuration, _Outline, "configuration")
        if hash_of(configuration) != manifest.hash:
            raise InputError("its configuration was altered")
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / MANIFEST} cannot be read: {error}; restore it, or give another folder") from None
    return replace(manifest, configuration=configuration)


def _write_manifest(folder: Path, manifest: Manifest, *, overwrite: bool) -> None:
    with appearing(folder / MANIFEST, overwrite) as file:
        fields = asdict(manifest)
        file.write(json.dumps({**fields, _CHECKSUM: checksum(fields)}, indent=1, allow_nan=False).encode())


def checksum(fields: dict[str, Any]) -> str:
    """Return what shows damage: a number of starts with one wrong digit would still be one."""
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]


@contextlib.contextmanager
def _reading(folder: Path) -> Iterator[None]:
    """Turn an error of the disk into one line."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror or error}") from None
