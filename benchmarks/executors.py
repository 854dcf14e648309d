"""Runs on executors: speed with two workers, cost of a part, and workers that are killed.

python benchmarks/executors.py workers     # two local workers against one and against none, in turns, wall and CPU time
python benchmarks/executors.py parts 1000  # milliseconds per part on each kind of executor, none and Dask included
python benchmarks/executors.py kills 50    # SIGKILL to workers at random moments; results equal to the last bit
"""

from __future__ import annotations

import contextlib
import os
import random
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

import batchgd as bgd
from batchgd.api.executors.local import LocalWorkers
from batchgd.api.testing import forced

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

from same_results import differing


def workers(starts: int = 20_000_000, repeats: int = 3) -> None:
    """Print how much faster two workers are than one, each on a core of its own, and than this process on one core.

    Without that a single worker uses more than one core, because it merges endpoints while others descend.
    """
    settings: dict[str, Any] = {"dim": 3, "starts": starts, "keep": "minima"}
    best = dict.fromkeys(("none", "one", "two"), (np.inf, np.inf))
    with LocalWorkers(1) as one, LocalWorkers(2) as two:
        executors = {"none": None, "one": one, "two": two}
        for executor in executors.values():  # start and compile
            bgd.multistart("rastrigin", **settings | {"starts": 50_000}, executor=executor, threads=1)
        for executor in (one, two):
            for core, pid in enumerate(executor.processes):
                os.sched_setaffinity(pid, {core})
        for _ in range(repeats):
            for how, executor in executors.items():
                os.sched_setaffinity(0, {0} if executor is None else {0, 1})
                pids = [os.getpid(), *(executor.processes if executor else ())]
                began, work = time.perf_counter(), _processor(pids)
                bgd.multistart("rastrigin", **settings, executor=executor, threads=1)
                best[how] = min(best[how], (time.perf_counter() - began, _processor(pids) - work))
    for how, (seconds, work) in best.items():
        print(f"{how:4}: {seconds:.2f} s, {work:.2f} s of processor time")
    print(f"two workers against one: {best['one'][0] / best['two'][0]:.2f}x")
    print(f"processor time with two workers against none: {best['two'][1] / best['none'][1]:.3f}x")


def _processor(pids: list[int]) -> float:
    """The processor time of some processes, in seconds."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def _dask() -> Iterator[Any]:
    import distributed

    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client.get_executor()


@contextlib.contextmanager
def _loky() -> Iterator[Any]:
    import loky

    executor = loky.get_reusable_executor(2)
    yield executor
    executor.shutdown(kill_workers=True)


def parts(count: int = 1000) -> None:
    """Print what a part costs: parts of one start, two workers."""
    kinds: dict[str, Any] = {
        "none": contextlib.nullcontext,
        "threads": lambda: ThreadPoolExecutor(2),
        "local workers": lambda: LocalWorkers(2),
        "process pool": lambda: ProcessPoolExecutor(2, get_context("spawn")),
        "loky": _loky,
        "dask": _dask,
    }
    with forced(part=16):
        whole = bgd.multistart("himmelblau", starts=16 * count, threads=1)
        for name, make in kinds.items():
            with make() as executor:
                bgd.multistart("himmelblau", starts=160, executor=executor, threads=1)
                began = time.perf_counter()
                result = bgd.multistart("himmelblau", starts=16 * count, executor=executor, threads=1)
                seconds = time.perf_counter() - began
            assert differing(result, whole) == []
            print(f"{name:13}: {seconds:.2f} s, {1000 * seconds / count:.2f} ms per part", flush=True)


def _note(done: threading.Event, _: Any) -> None:
    done.set()


def kills(wanted: int = 50) -> None:
    """Kill workers at random moments of runs that they make, and compare the results with undisturbed ones."""
    settings: dict[str, Any] = {"dim": 3, "starts": 20_000, "backend": "numpy", "maxiter": 300}
    rng, killed, runs, again = random.Random(0), 0, 0, 0
    whole = bgd.multistart("rastrigin", **settings)
    while killed < wanted:
        over, done = threading.Event(), threading.Event()
        with LocalWorkers(2) as pool, forced(part=500):

            def kill(pool: LocalWorkers = pool, over: threading.Event = over, done: threading.Event = done) -> None:
                """Kill one of the workers up to a second after a part was done, again and again."""
                nonlocal killed
                while killed < wanted and not over.is_set():
                    if done.wait(0.1) and not over.wait(rng.uniform(0.0, 1.0)):
                        done.clear()
                        with contextlib.suppress(ProcessLookupError, IndexError):
                            os.kill(rng.choice(pool.processes), signal.SIGKILL)
                            killed += 1

            killer = threading.Thread(target=kill)
            killer.start()
            try:
                told = partial(_note, done)
                result = bgd.multistart("rastrigin", **settings, executor=pool, callback=told)
            finally:
                over.set()
                killer.join()
        runs, again = runs + 1, again + result.provenance["again"]
        assert differing(result, whole) == [], result.warnings
        print(f"run {runs}: {killed} kills, {again} orders repeated so far, the same bits", flush=True)
    print(f"{killed} kills in {runs} runs, nothing lost; {resource.getrusage(resource.RUSAGE_SELF).ru_utime:.0f} s")


if __name__ == "__main__":
    command, *numbers = sys.argv[1:] or [""]
    if command not in ("workers", "parts", "kills"):
        sys.exit(__doc__)
    globals()[command](*map(int, numbers))
