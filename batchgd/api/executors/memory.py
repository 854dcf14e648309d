"""A run without a folder: its parts are kept by the collector alone."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

from batchgd.api.runs.configuration import configuration_of, hash_of
from batchgd.api.runs.folder import FORMAT, VERSION, Manifest, RunFolder
from batchgd.api.runs.part import Part
from batchgd.api.runs.split import Range
from batchgd.engine.batch import Batch


class InMemory(RunFolder):
    """Takes the place of a folder."""

    def __init__(self, batch: Batch, *, rows: bool) -> None:
        configuration = configuration_of(batch)
        super().__init__(Path(), Manifest(FORMAT, VERSION, hash_of(configuration), configuration, rows, 0, None, {}))

    def change(self, **fields: int) -> None:
        """Note the number of starts, or the size of parts."""
        now = self.manifest
        self.manifest = replace(now, starts=fields.get("starts", now.starts), part=now.part or fields.get("part"))

    def reread(self) -> Manifest:
        """Return the manifest."""
        return self.manifest

    def parts(self) -> list[Range]:
        """Return no parts, since nothing is on disk."""
        return []

    def has(self, part: Range) -> bool:
        """Return False."""
        return False

    def write(self, range_: Range, part: Part | bytes) -> None:
        """Write nothing."""

    def claimed(self, part: Range) -> AbstractContextManager[str | None]:
        """Claim a part, which nobody else computes."""
        return nullcontext()

    def tidy(self) -> None:
        """Do nothing."""
