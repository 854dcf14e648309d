"""Everything that needs a GPU, in one command of under eight minutes: `python benchmarks/gpu.py`.

First what must be right, compared with the CPU; then how fast it is, compared with what was predicted; then whether
what is chosen automatically is the best choice; then other libraries. Every part runs in processes of its own with time
limits, so that a crash, a hang or a broken kernel costs one item. JSON goes to `benchmarks/results/`, rewritten after
each item, and a table to stdout. It runs from a checkout, without network and without an installed batchgd.

`--rehearse simulator` and `--rehearse interpreter` run through all parts without a device.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE), str(HERE.parent / "tests" / "support")]  # this checkout, installed or not

from gpu_parts import ready, report  # noqa: E402
from gpu_parts.place import REHEARSALS, Place  # noqa: E402
from gpu_parts.table import PARTS, Part  # noqa: E402
from gpu_parts.workers import Record, Workers, serve  # noqa: E402

TOTAL_SECONDS = 460.0
ALL_RIGHT, WRONG, NO_DEVICE = 0, 1, 2
MOST_TOGETHER = 12
"""Processes that check results side by side."""
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Ended(BaseException):
    """A signal asks for the end."""


def main(arguments: list[str] | None = None) -> int:
    """Run all parts; 0 if all is right, 1 if something is wrong or failed, 2 without a GPU, 128 + n after signal n."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.spoil and options.rehearse != "interpreter":
        parser.error("--spoil changes what the interpreter runs: add --rehearse interpreter")
    place = Place(options.rehearse or "device", options.spoil)
    if options.serve:
        with place.standing_in():
            serve(cache(lambda part: next(each for each in PARTS if each.name == part).items(place)))
    for number in SIGNALS:
        signal.signal(number, _end)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(options, place, folder)
        try:
            missing = run.missing()
            if missing is not None:
                print(f"no GPU to measure: {missing}", file=sys.stderr)
                return NO_DEVICE
            print(run.plan(), flush=True)
            ended = run.all_parts()
        except Ended as end:
            ended = run.end(int(end.args[0]))
    print("\n" + report.summary(run.found, place.real))
    if run.path is not None:
        print(f"\nwritten to {run.path}")
    if ended:
        return 128 + ended
    return ALL_RIGHT if all(part.right() for part in run.found) else WRONG


def _end(number: int, frame: Any) -> None:
    raise Ended(number)


def _parser() -> argparse.ArgumentParser:
    names = ", ".join(part.name for part in PARTS)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", metavar="PARTS", help=f"run only these, separated by commas: {names}")
    parser.add_argument("--items", metavar="TEXT", default="", help="run only items whose names contain this")
    parser.add_argument("--out", type=Path, help="the JSON file (default: benchmarks/results/<device>-<date>.json)")
    parser.add_argument("--commit", help="the commit that is measured, if this is a copy without Git's files")
    parser.add_argument("--seconds", type=float, help="the most that each part may take, in place of its own limit")
    parser.add_argument("--rehearse", choices=REHEARSALS, help="small sizes, with this in place of a device")
    parser.add_argument("--spoil", metavar="PATTERN=TEXT", help="change the descent kernel's PTX in the interpreter")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser


class Run:
    """One run under way: what it does, and what it has found."""

    def __init__(self, options: argparse.Namespace, place: Place, folder: str) -> None:
        chosen = options.parts.split(",") if options.parts else [part.name for part in PARTS]
        if unknown := {*chosen} - {part.name for part in PARTS}:
            sys.exit(f"--parts has {', '.join(sorted(unknown))}: choose from {', '.join(part.name for part in PARTS)}")
        self.options, self.place = options, place
        self.parts = [part for part in PARTS if part.name in chosen]
        self.found: list[report.Found] = []
        self.path: Path | None = options.out
        self._environment = place.environment(folder if place.real else None)
        self._command = [sys.executable, str(HERE / "gpu.py"), "--serve"]
        self._command += ["--rehearse", place.name] if not place.real else []
        self._command += ["--spoil", place.spoil] if place.spoil else []
        self._report: Record = {}
        self._began = time.monotonic()

    def missing(self) -> str | None:
        """Find out what the device is, in a process of its own; returns what is missing if there is none."""
        found: Record = {"device": self.place.name}
        if self.place.real:
            with closing(Workers(self._command, self._environment, 1)) as workers:
                (found,) = workers.records("ready", [ready.DEVICE], 90.0, 90.0)
        machine = ready.machine(found)
        if self.path is None and self.place.real:
            folder = HERE / "results"
            folder.mkdir(exist_ok=True)
            self.path = report.default_path(folder, machine["device"])
        self._report = {"commit": self.options.commit or ready.commit(), "machine": machine}
        self._report |= {"rehearsal": None if self.place.real else self.place.name, "complete": False, "parts": {}}
        missing: str | None = found.get("missing") or found.get("error")
        return missing

    def plan(self) -> str:
        """Say what will be done, and how long it may take."""
        machine, where = self._report["machine"], f"to {self.path}" if self.path else "nowhere"
        lines = [
            f"{machine['device']}, driver {machine['details'].get('driver_version', '–')}; {machine['date']}; "
            f"commit {self._report['commit'] or 'unknown'}",
            ", ".join(f"{name} {version}" for name, version in machine["versions"].items()),
            f"at most {min(TOTAL_SECONDS, sum(map(self._limit, self.parts))):.0f} s; written {where}",
            *(f"PROBLEM: {line}" for line in ready.problems()),
            *(f"  {part.name:<11} at most {self._limit(part):3.0f} s  {part.what}" for part in self.parts),
        ]
        return "\n".join(lines)

    def all_parts(self) -> int:
        """Run them, and return 0."""
        for part in self.parts:
            self._run(part)
            if any(found.name == "ready" and not found.right() for found in self.found):
                return 0  # nothing else would work
        self._report["complete"] = True
        self._write()
        return 0

    def end(self, number: int) -> int:
        """Take note of the signal that ended the run, and return its number."""
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        if self.found:
            self.found[-1].ended = signal.Signals(number).name
            self._write()
        return number

    def _limit(self, part: Part) -> float:
        return self.options.seconds or part.seconds

    def _run(self, part: Part) -> None:
        began = time.monotonic()
        names = [name for name in part.items(self.place) if self.options.items in name]
        if not names:
            return
        found = report.Found(part.name, len(names), [])
        self.found.append(found)
        left = TOTAL_SECONDS - (began - self._began) if self.place.real else float("inf")
        cores = max(1, min(MOST_TOGETHER, (os.cpu_count() or 1) * 3 // 4))
        each = part.each if self.place.real else 10.0 * part.each
        seconds = min(left, self.options.seconds or (part.seconds if self.place.real else 20.0 * part.seconds))
        count = cores if part.together else 1
        with closing(Workers(self._command, self._environment, count)) as workers:
            for record in workers.records(part.name, names, seconds, each):
                found.records.append(report.with_prediction(record, self.found[:-1]))
                found.seconds = time.monotonic() - began
                for line in report.wrong_in(record):
                    print(f"{part.name}: {line}", file=sys.stderr, flush=True)
                self._write()
        print(f"{part.name}: {found.result()}, {found.seconds:.0f} s", file=sys.stderr, flush=True)

    def _write(self) -> None:
        self._report["seconds"] = time.monotonic() - self._began
        self._report["parts"] = {part.name: part.to_dict() for part in self.found}
        if self.path is not None:
            report.write(self.path, self._report)


if __name__ == "__main__":
    sys.exit(main())
