"""Time batchgd and other ways to run a batch of descents: `python benchmarks/peers.py --markdown docs/peers.md`.

Peers that are not installed are marked in their rows; `pip install 'batchgd[bench]' torch` installs them all.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

# One peer's idle threads must not spin on the cores while the next one is timed.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# L-BFGS-B calls BLAS on vectors of ten numbers: with threads, on busy cores, SciPy was 10 to 100 times slower.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# The folder of this file, so that it can be imported from anywhere.
sys.path.insert(0, str(Path(__file__).resolve().parent))

from peer.cases import CASES
from peer.device import BACKENDS, use
from peer.measure import Row, compare, peers_of
from peer.report import machine, markdown
from peer.table import PEERS
from peer.whole import PROBLEMS, timed

COMMANDS = ("run rastrigin --dim 2 --starts 1000000",)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print a table, and write the requested files."""
    options = _parser().parse_args(arguments)
    use(options.backend)
    facts = machine()
    dtypes = [options.dtype] if options.dtype else ["float64", "float32"]
    only = set(options.only.split(",")) if options.only else None
    rows: list[Row] = []
    commands: list[dict[str, Any]] = []
    problems: list[dict[str, Any]] = []

    def write() -> str:
        text = markdown(rows, facts, _shown(arguments), commands, problems)
        if options.markdown:
            Path(options.markdown).write_text(text, encoding="utf-8")
        if options.json:
            report = {
                "machine": facts,
                "rows": [row.as_dict() for row in rows],
                "commands": commands,
                "problems": problems,
            }
            Path(options.json).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        return text

    for name in options.problems.split(",") if options.problems else PROBLEMS if options.problems is None else ():
        _tell(f"{name}, whole")
        problems.append(timed(name))
        write()
    for name in options.cases.split(",") if options.cases else CASES if options.cases is None else ():
        for dtype in dtypes:
            peers = peers_of(CASES[name], dtype, only)
            rows += compare(CASES[name], dtype, options.starts, options.repeats, peers, _tell)
            write()  # after each table, so that nothing measured is lost
    commands += [] if options.no_commands else [_command(command) for command in COMMANDS]
    print(write())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dtype", choices=("float64", "float32"), help="one dtype (default: both)")
    parser.add_argument("--starts", type=int, default=65_536)
    parser.add_argument("--repeats", type=int, default=7, help="runs of each peer, interleaved")
    parser.add_argument("--backend", choices=BACKENDS, default="cpu", help="cuda: batchgd, JAX and PyTorch on a GPU")
    parser.add_argument("--only", help=f"peers, separated by commas: {', '.join(peer.name for peer in PEERS)}")
    parser.add_argument("--cases", help=f"cases, separated by commas: {', '.join(CASES)}")
    parser.add_argument("--problems", help=f"whole problems, separated by commas: {', '.join(PROBLEMS)}")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables to this file")
    parser.add_argument("--json", metavar="FILE", help="write every number to this file")
    parser.add_argument("--no-commands", action="store_true", help="skip the timing of whole commands")
    return parser


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _command(line: str) -> dict[str, Any]:
    """Time a command line in a new process, with its compiled code in the cache."""
    call = [sys.executable, "-c", "import sys; from batchgd.cli import main; sys.exit(main())", *line.split()]
    seconds = []
    for _ in range(4):
        began = time.perf_counter()
        subprocess.run(call, check=True, capture_output=True)
        seconds.append(time.perf_counter() - began)
    return {"command": f"batchgd {line}", "seconds": sorted(seconds[1:])[1], "first": seconds[0]}


def _shown(arguments: list[str] | None) -> str:
    return " ".join(["python benchmarks/peers.py", *(sys.argv[1:] if arguments is None else arguments)])


if __name__ == "__main__":
    sys.exit(main())
