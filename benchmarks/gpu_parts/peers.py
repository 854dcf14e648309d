"""Other libraries on the same device, if they are installed: the tables of `peers.py` at few repeats."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from gpu_parts.place import ROOT, Place
from gpu_parts.workers import Record, Work

CASES, DTYPES = ("rastrigin", "styblinski_tang"), ("float32", "float64")


def peers(place: Place) -> dict[str, Work]:
    """One case in one dtype after another."""
    return {f"{case} {dtype}": partial(_table, place, case, dtype) for case in CASES for dtype in DTYPES}


def _table(place: Place, case: str, dtype: str) -> Record:
    if not place.real:
        return {"note": "no peer runs in a rehearsal"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "peers.json"
        command = [sys.executable, str(ROOT / "benchmarks" / "peers.py"), "--json", str(path)]
        command += ["--no-commands", "--problems", "", "--repeats", "3", "--backend", "cuda"]
        command += ["--cases", case, "--dtype", dtype]
        done = subprocess.run([*command, "--only", "batchgd,jax,torch"], capture_output=True, text=True, check=False)
        if not path.exists():
            last = done.stderr.strip().splitlines()[-1:]
            return {"error": f"peers.py wrote no numbers, exit code {done.returncode}: {' '.join(last)}"}
        return {"table": done.stdout, **json.loads(path.read_text(encoding="utf-8"))}
