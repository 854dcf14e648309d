"""Everything that needs a GPU, in one command of under eight minutes: `python benchmarks/gpu.py`.

Correctness compared with the CPU, the bench table, curves over starts and dimensions, one warp compared with one thread
per trajectory, launch overhead, dtypes and streams, and the peers. Each part is a process of its own with a time limit,
so that a crash, a hang or a broken device affects only that part; what it has measured by then is kept. JSON goes to
`benchmarks/results/`, a short table to stdout. It runs from a checkout, without network and without an installed
batchgd. `--tiny` with NUMBA_ENABLE_CUDASIM=1 tests the script itself.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]  # this checkout, installed or not

TOTAL_SECONDS = 460.0
LIMITS = {
    "correctness": 105,
    "bench": 90,
    "launch": 15,
    "starts": 45,
    "dimensions": 45,
    "warps": 40,
    "ways": 30,
    "peers": 90,
}
"""Time limit of each part in seconds, in the order in which they run."""


def main(arguments: list[str] | None = None) -> int:
    """Run all parts; 0 when all went well, 1 when something failed, 2 without a GPU."""
    options = _parser().parse_args(arguments)
    if options.part:
        return _child(options.part, options.tiny)
    from batchgd.engine.backends import cuda_problem, simulated

    problem = cuda_problem()
    if problem is None and simulated() and not options.tiny:
        problem = "Numba's simulator is on: unset NUMBA_ENABLE_CUDASIM, or add --tiny"
    if problem is not None:
        print(f"no GPU to measure: {problem}", file=sys.stderr)
        return 2
    began = time.monotonic()
    report: dict[str, Any] = {"machine": _machine(), "tiny": options.tiny, "parts": {}}
    path = _path(options.out, report["machine"])
    for part in options.parts.split(",") if options.parts else LIMITS:
        left = TOTAL_SECONDS - (time.monotonic() - began)
        print(f"{part} ...", file=sys.stderr, flush=True)
        report["parts"][part] = _run(part, min(LIMITS[part], left), options.tiny)
        report["seconds"] = time.monotonic() - began
        path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(summary(report))
    print(f"\nwritten to {path}")
    return int(any(part["failures"] for part in report["parts"].values()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", help=f"run only these, separated by commas: {', '.join(LIMITS)}")
    parser.add_argument("--tiny", action="store_true", help="sizes for Numba's simulator, to test the script")
    parser.add_argument("--out", type=Path, help="the JSON file (default: benchmarks/results/<device>-<date>.json)")
    parser.add_argument("--part", choices=list(LIMITS), help=argparse.SUPPRESS)
    return parser


def _child(part: str, tiny: bool) -> int:
    """Run one part in this process: one line of JSON for each record."""
    import gpu_parts

    stdout, sys.stdout = sys.stdout, sys.stderr  # output of libraries is not a record
    for record in gpu_parts.PARTS[part](tiny):
        print(json.dumps(record), file=stdout, flush=True)
    return 0


def _run(part: str, seconds: float, tiny: bool) -> dict[str, Any]:
    """Run one part as a process; records that it printed before it failed or was stopped count."""
    if seconds < 5.0:
        return {"records": [], "failures": ["skipped: no time was left"], "seconds": 0.0}
    command = [sys.executable, str(HERE / "gpu.py"), "--part", part, *(["--tiny"] if tiny else [])]
    began, failures = time.monotonic(), []
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=out, stderr=errors, start_new_session=True)
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # and its children
            process.wait()
            code, failures = 0, [f"stopped after {seconds:.0f} s"]
        out.seek(0)
        records = [json.loads(line) for line in out if line.startswith("{") and line.endswith("}\n")]
        errors.seek(0)
        last = [line.strip() for line in errors if line.strip()][-1:]
    failures += [f"{record['name']}: {record['error']}" for record in records if "error" in record]
    failures += [f"{record['name']}: differs from the CPU" for record in records if record.get("agrees") is False]
    if code and not failures:
        failures.append(f"exit code {code}: {' '.join(last)}")
    return {"records": records, "failures": failures, "seconds": time.monotonic() - began}


def _machine() -> dict[str, Any]:
    from batchgd.analysis.bench.machine import describe
    from batchgd.engine.backends import simulated
    from batchgd.engine.compute import check_threads

    facts = describe(check_threads(None))
    facts["device"] = "simulator" if simulated() else (facts["devices"] or ["unknown GPU"])[0]
    return facts


def _path(asked: Path | None, machine: dict[str, Any]) -> Path:
    if asked is not None:
        return asked
    slug = re.sub(r"[^a-z0-9]+", "-", machine["device"].lower()).strip("-")
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    return folder / f"{slug}-{time.strftime('%Y-%m-%d-%H%M', time.gmtime())}.json"


def summary(report: dict[str, Any]) -> str:
    """Return the short table: one line for each part, and what failed."""
    import gpu_parts

    lines = [f"{report['machine']['device']}, {report['machine']['date']}, {report.get('seconds', 0.0):.0f} s", ""]
    for name, part in report["parts"].items():
        good = [record for record in part["records"] if "error" not in record]
        lines.append(f"{name:<12} {gpu_parts.SUMMARIES[name](good) if good else 'nothing measured'}")
        lines += [f"{'':<12} failed: {failure}" for failure in part["failures"]]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
