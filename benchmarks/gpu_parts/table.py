"""The parts in the order in which they run, what we need most to know first, and the line that sums up each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from gpu_parts import choices, correctness, fits, peers, ready, speed
from gpu_parts.place import Place
from gpu_parts.workers import Record, Work


@dataclass(frozen=True)
class Part:
    """A list of items that are measured in processes of their own.

    ``seconds`` is the most that all of them may take, ``each`` the most for one. Items of a part with ``together`` are
    measured side by side on several cores: nearly all of their time is compilation, and none is timed. ``line`` gives
    the key figures of the records that did not fail.
    """

    name: str
    what: str
    seconds: float
    each: float
    items: Callable[[Place], dict[str, Work]]
    line: Callable[[Sequence[Record]], str]
    together: bool = False

    @property
    def checks(self) -> bool:
        """Whether it compares results with known ones."""
        return self.line is _checked


def _quantity(number: float, unit: str = "") -> str:
    from batchgd.problem.wording import quantity

    return quantity(number, unit)


def _checked(records: Sequence[Record]) -> str:
    judged = [record for record in records if "agrees" in record]
    right = sum(record["agrees"] for record in judged)
    decided = sum(record.get("decided_by_rounding", 0) for record in judged)
    number = sum(record.get("trajectories", 0) for record in judged)
    other = sum(record.get("differ", 0) for record in judged) - decided
    counts = f"{number} trajectories, {decided} decided by rounding, {other} others differ"
    return f"{right} of {len(judged)} right; {counts}"


def _ready(records: Sequence[Record]) -> str:
    first = [record for record in records if "first_seconds" in record]
    return "; ".join(f"first run {r['first_seconds']:.2f} s, second {r['second_seconds']:.3f} s" for r in first)


def _compiled(records: Sequence[Record]) -> str:
    plain = [record for record in records if "block" in record]
    spilled = sum(record.get("local_bytes", 0) > 0 for record in plain)
    slowest = max(record["seconds"] for record in records)
    one = plain[0]["seconds"]
    return f"{len(plain)} kernels, {spilled} with local memory; {one:.1f} s for the first, at most {slowest:.1f} s"


def _kernels(records: Sequence[Record]) -> str:
    rows = [record for record in records if "updates_per_s" in record]
    return "; ".join(f"{row['name']} {_quantity(row['updates_per_s'])}/s" for row in rows[:4])


def _rates(records: Sequence[Record]) -> str:
    found = {record["name"]: record for record in records}
    parts = [f"{name} {1e6 * r['seconds']:.0f} µs" for name, r in found.items() if name.startswith("a ")]
    parts += [f"{name} {_quantity(r['per_s'])}/s" for name, r in found.items() if "per_s" in r and "float64" in name]
    copied = [r["copied_bytes_per_s"] for r in found.values() if r.get("copied_bytes_per_s")]
    return "; ".join(parts + [f"copy {_quantity(each, 'B/s')}" for each in copied[:1]])


def _chosen(records: Sequence[Record]) -> str:
    ratios = [(record["chosen_over_best"], record["name"]) for record in records if "chosen_over_best" in record]
    worst, name = min(ratios)
    return f"chosen over best: median {median(ratio for ratio, _ in ratios):.2f}, least {worst:.2f} ({name})"


def _calls(records: Sequence[Record]) -> str:
    return "; ".join(f"{record['name']} {record['seconds']:.3g} s" for record in records if "seconds" in record)


def _peers(records: Sequence[Record]) -> str:
    rows = [row for record in records for row in record.get("rows", []) if row.get("ratio")]
    faster = [f"{row['title']} {row['dtype']} {row['ratio']:.3g}x" for row in rows if row["peer"] != "batchgd"]
    return "; ".join(faster) or next((record["note"] for record in records if "note" in record), "none is installed")


PARTS = (
    Part("ready", "the device, and a first run", 35, 30, ready.ready, _ready),
    Part("basics", "starts, labels, merge, paths, Ctrl-C", 45, 30, correctness.basics, _checked, together=True),
    Part("methods", "every method and option, warps", 60, 40, correctness.methods, _checked, together=True),
    Part("landscapes", "every landscape", 50, 30, correctness.landscapes, _checked, together=True),
    Part("fits", "least squares, bounds, params per start", 40, 30, fits.fits, _checked, together=True),
    Part("compile", "what is measured below, predicted", 35, 25, ready.compiled, _compiled, together=True),
    Part("kernels", "updates per second, and predicted", 50, 20, speed.kernels, _kernels),
    Part("rates", "calls, drawing, merging, ceilings", 40, 15, speed.rates, _rates),
    Part("choices", "blocks, registers, warps: chosen or best", 45, 20, choices.choices, _chosen),
    Part("calls", "whole calls", 35, 15, speed.calls, _calls),
    Part("peers", "other libraries, if installed", 25, 20, peers.peers, _peers),
)
