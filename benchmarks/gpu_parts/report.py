"""What a run has found: on disk after every item, and as a table at the end."""

from __future__ import annotations

import json
import math
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from gpu_parts.compared import in_words
from gpu_parts.table import PARTS
from gpu_parts.workers import Record

LINES = {part.name: part.line for part in PARTS}
CHECKS = {part.name for part in PARTS if part.checks}


def write(path: Path, report: Record) -> None:
    """Replace a file, so that it is whole whenever the process ends."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with open(fresh, "w", encoding="utf-8") as file:
        file.write(json.dumps(_finite(report), indent=1) + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)


def _finite(value: Any) -> Any:
    """Return the value with what JSON has no number for as text."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def default_path(folder: Path, device: str) -> Path:
    """Return where the report of a device goes."""
    slug = re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-")
    return folder / f"{slug}-{time.strftime('%Y-%m-%d-%H%M', time.gmtime())}.json"


def with_prediction(record: Record, parts: list[Found]) -> Record:
    """Return the record of a kernel with the prediction of the one of this name, and what was measured over it.

    A prediction counts ticks, each of which is one evaluation.
    """
    expected = next((r for part in parts for r in part.records if r["name"] == record["name"] and "block" in r), {})
    if "evaluations_per_s" not in record or not expected.get("predicted"):
        return record
    ratio = record["evaluations_per_s"] / expected["predicted"]
    found = {"predicted": expected["predicted"], "bound_by": expected["bound_by"]}
    return {**record, **found, "measured_over_predicted": ratio}


def wrong_in(record: Record) -> list[str]:
    """Return what is wrong in a record, a line each."""
    if "error" in record:
        return [f"{record['name']}: {record['error']}"]
    if record.get("agrees", True):
        return []
    shown = [f"{record['name']}: {in_words(each)}" for each in record["wrong"]]
    more = record["wrong_count"] - len(shown)
    return shown + ([f"{record['name']}: and {more} more"] if more > 0 else [])


@dataclass
class Found:
    """The records of one part, as they come."""

    name: str
    items: int
    records: list[Record]
    seconds: float = 0.0
    ended: str | None = None

    def result(self) -> str:
        """Return ``ok``, ``WRONG``, ``FAILED`` (an item crashed, hung or raised) or ``cut`` (no time was left)."""
        if any(record.get("agrees") is False for record in self.records):
            return "WRONG"
        if any("error" in record for record in self.records):
            return "FAILED"
        done = [record for record in self.records if "skipped" not in record]
        return "ok" if len(done) == self.items else "cut"

    def right(self) -> bool:
        """Whether nothing failed, and, if results were to be checked, all of them were."""
        return self.result() == "ok" or (self.result() == "cut" and self.name not in CHECKS)

    def to_dict(self) -> Record:
        """Return it, ready for JSON."""
        wrong = [line for record in self.records for line in wrong_in(record)]
        found: Record = {"result": self.result(), "seconds": self.seconds, "items": self.items, "failures": wrong}
        return {**found, **({"ended": self.ended} if self.ended else {}), "records": self.records}


def summary(parts: list[Found], real: bool) -> str:
    """Return the table at the end, what is wrong, and measured over predicted of each kernel."""
    from batchgd.problem.tables import TextTable

    table = str(TextTable([_row(part) for part in parts], ("part", "result", "key figures")))
    wrong = [f"{part.result()} in {part.name}: {line}" for part in parts for r in part.records for line in wrong_in(r)]
    heading = "" if real else "REHEARSAL: every time and rate below is meaningless.\n\n"
    blocks = [heading + table, "\n".join(wrong), *([_kernels(parts)] if real else [])]
    return "\n\n".join(block for block in blocks if block)


def _row(part: Found) -> dict[str, str]:
    good = [record for record in part.records if not {"error", "skipped"} & record.keys()]
    skipped = part.items - len([record for record in part.records if "skipped" not in record])
    ratios = [record["measured_over_predicted"] for record in good if record.get("measured_over_predicted")]
    figures = LINES[part.name](good) if good else "nothing"
    return {
        "part": part.name,
        "result": part.result(),
        "s": f"{part.seconds:.0f}",
        "measured/predicted": f"{median(ratios):.2f}" if ratios else "–",
        "key figures": figures + (f"; {skipped} of {part.items} not done" if skipped else ""),
    }


def _kernels(parts: list[Found]) -> str:
    """Return a table of the standard kernels."""
    from batchgd.problem.tables import TextTable
    from batchgd.problem.wording import quantity

    def cells(record: Record) -> dict[str, Any]:
        ratio = record.get("measured_over_predicted")
        return {
            "kernel": record["name"],
            "updates/s": quantity(record["updates_per_s"]),
            "evaluations/s": quantity(record.get("evaluations_per_s")),
            "predicted": quantity(record["predicted"]) if ratio else "no prediction",
            "measured/predicted": f"{ratio:.2f}" if ratio else "–",
            "bound by": record.get("bound_by", "–"),
            "registers": str(record.get("registers", "–")),
            "local": str(record.get("local_bytes", "–")),
        }

    records = [record for part in parts if part.name == "kernels" for record in part.records]
    return str(TextTable([cells(r) for r in records if "updates_per_s" in r], ("kernel", "bound by")))
