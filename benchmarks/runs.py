"""What a run in parts costs: time, memory; and whether it survives killed processes.

python benchmarks/runs.py cost      # how much of a run is spent on its folder, the best of 3
python benchmarks/runs.py memory    # the largest memory of a process, by the number of starts
python benchmarks/runs.py kills 200 # SIGKILL at random moments; the catalogues must be equal to the last bit
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import batchgd as bgd

CASES = {
    "himmelblau, 5e7 starts, minima": ("himmelblau", {"starts": 50_000_000, "keep": "minima"}),
    "rastrigin 5-D, 2e7 starts, minima": ("rastrigin", {"dim": 5, "starts": 20_000_000, "keep": "minima"}),
    "lennard_jones 15-D, 2e5 starts, rows": ("lennard_jones", {"atoms": 5, "starts": 200_000, "keep": "disk"}),
    "himmelblau, 1e7 starts, rows": ("himmelblau", {"starts": 10_000_000, "keep": "disk"}),
}


def cost(repeats: int = 3) -> None:
    """Print the share of a run's seconds in which its folder is written, and the ratio to a run without a folder."""
    from batchgd.api.runs.folder import RunFolder

    spent = {"seconds": 0.0}

    def timed(name: str) -> None:
        function = getattr(RunFolder, name)

        def call(*arguments, **options):
            began = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                spent["seconds"] += time.perf_counter() - began

        setattr(RunFolder, name, call)

    for name in ("write", "change", "parts", "reread"):
        timed(name)
    for name, (fun, settings) in CASES.items():
        without = settings | {"keep": "minima"}
        bgd.multistart(fun, **without | {"starts": 10_000})
        used, share = {"without": np.inf, "with": np.inf}, np.inf
        with tempfile.TemporaryDirectory(dir=os.environ.get("BATCHGD_BENCH_DIR")) as place:
            for k in range(repeats):
                worked = time.process_time()
                bgd.multistart(fun, **without)
                used["without"] = min(used["without"], time.process_time() - worked)
                began, worked, spent["seconds"] = time.perf_counter(), time.process_time(), 0.0
                result = bgd.multistart(fun, **settings, run=f"{place}/{k}")
                share = min(share, spent["seconds"] / (time.perf_counter() - began))
                used["with"] = min(used["with"], time.process_time() - worked)
                shutil.rmtree(f"{place}/{k}")
        more = 100 * (used["with"] / used["without"] - 1)
        print(f"{name}: {result.provenance['parts']} parts, {100 * share:.2f} % of the time to write them", end="")
        print(f", {more:+.1f} % of the processor's time ({used['without']:.2f} s without)", flush=True)


_CHILD = """
import resource, sys, batchgd as bgd
fun, starts, keep, folder = sys.argv[1], int(float(sys.argv[2])), sys.argv[3], sys.argv[4] or None
bgd.multistart(fun, starts=starts, keep=keep, run=folder)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def memory() -> None:
    """Print the largest memory of a process."""
    for starts, keep, in_parts in (
        (1e5, "minima", False),
        (1e6, "minima", True),
        (1e8, "minima", True),
        (1e6, "disk", True),
        (1e8, "disk", True),
    ):
        with tempfile.TemporaryDirectory(dir=os.environ.get("BATCHGD_BENCH_DIR")) as place:
            words = ["himmelblau", str(starts), keep, f"{place}/run" if in_parts else ""]
            done = subprocess.run([sys.executable, "-c", _CHILD, *words], check=True, capture_output=True, text=True)
            size = sum(file.stat().st_size for file in Path(place).rglob("*") if file.is_file())
        print(
            f"{starts:.0e} starts, keep={keep!r}: {done.stdout.strip()} MiB of memory, {size / 2**20:.1f} MiB of files"
        )


_KILLED = """
import sys, batchgd as bgd
with bgd.testing.forced(part=400):
    bgd.multistart("rastrigin", dim=3, starts=20_000, backend="numpy", maxiter=300, keep=sys.argv[2], run=sys.argv[1])
"""


def kills(wanted: int) -> None:
    """Kill a run at random moments until it is done, run after run; compare each with an undisturbed one."""
    from batchgd.api.testing import forced

    settings = {"dim": 3, "starts": 20_000, "backend": "numpy", "maxiter": 300}
    killed, runs, rng = 0, 0, random.Random(0)
    for keep in ("minima", "all"):
        whole = bgd.multistart("rastrigin", **settings, keep=keep)
        target = wanted // 2 if keep == "minima" else wanted
        while killed < target:
            runs += 1
            with tempfile.TemporaryDirectory() as place:
                folder = f"{place}/run"
                while True:
                    child = subprocess.Popen([sys.executable, "-c", _KILLED, folder, keep])
                    parts, since = len(list(Path(folder).rglob("*.npz"))), time.monotonic()
                    more = rng.randint(0, 12)
                    while child.poll() is None and time.monotonic() < since + 60:
                        if len(list(Path(folder).rglob("*.npz"))) >= parts + more:
                            break
                        time.sleep(0.001)
                    time.sleep(rng.uniform(0.0, 0.05))
                    if child.poll() is not None:
                        assert child.returncode == 0
                        break
                    child.send_signal(signal.SIGKILL)
                    child.wait()
                    killed += 1
                with forced(part=400):
                    result = bgd.multistart("rastrigin", **settings, keep=keep, run=folder)
                same = all(
                    np.array_equal(getattr(result.minima, name), getattr(whole.minima, name))
                    for name in ("x", "fun", "count", "kind")
                )
                same &= keep == "minima" or all(
                    getattr(result, name).tobytes() == getattr(whole, name).tobytes()
                    for name in ("x", "fun", "nit", "nfev", "status", "label")
                )
                print(f"run {runs}: {killed} kills so far, {'the same bits' if same else 'DIFFERENT'}", flush=True)
                assert same
    print(f"{killed} kills, {runs} runs, all the same bits; {resource.getrusage(resource.RUSAGE_SELF).ru_utime:.0f} s")


if __name__ == "__main__":
    if sys.argv[1:] == ["cost"]:
        cost()
    elif sys.argv[1:] == ["memory"]:
        memory()
    elif sys.argv[1:2] == ["kills"]:
        kills(int(sys.argv[2]) if sys.argv[2:] else 200)
    else:
        sys.exit(__doc__)
