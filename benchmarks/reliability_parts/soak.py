"""A process that does everything again and again: resident memory, open files and threads, minute by minute."""

import os
import shutil
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

import batchgd as bgd

SETTINGS = {"dim": 2, "starts": 3000, "backend": "cpu"}


def soak(minutes: int = 30) -> None:
    """Compile, descend, fit, save, load, run in parts, merge and refuse bad input, each round with a new function."""
    began, rounds, next_line = time.monotonic(), 0, 0.0
    with tempfile.TemporaryDirectory() as scratch:
        while (worked := time.monotonic() - began) < 60 * minutes:
            if worked >= next_line:
                print(f"{worked / 60:5.1f} min  {rounds:6d} rounds  {state()}", flush=True)
                next_line = worked + 60 * minutes / 15
            _round(rounds, Path(scratch))
            rounds += 1
    print(f"{minutes:5.1f} min  {rounds:6d} rounds  {state()}", flush=True)


def state() -> str:
    """Resident memory, open files and threads of this process, in words."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    files = len(os.listdir("/proc/self/fd"))
    return (
        f"{pages * os.sysconf('SC_PAGE_SIZE') / 2**20:.0f} MiB resident, {files} files open, "
        f"{threading.active_count()} threads"
    )


def _round(number: int, scratch: Path) -> None:
    shift = 1e-3 * number
    found = bgd.multistart(
        lambda x: (x[0] - shift) ** 2 + np.cos(3 * x[0]) + x[1] ** 4, box=[(-3, 3)] * 2, starts=500, backend="cpu"
    )
    assert len(found.save(scratch / "result.npz", overwrite=True).read_bytes()) > 0
    assert np.array_equal(bgd.load(scratch / "result.npz").x, found.x)
    for k in (1, 2):
        with bgd.testing.forced(part=700):
            bgd.multistart("rastrigin", **SETTINGS, seed=number, run=scratch / f"{k}", shard=(k, 2))
    assert bgd.merge([scratch / "1", scratch / "2"]).n == 3000
    for k in (1, 2):
        shutil.rmtree(scratch / f"{k}")
    x = np.linspace(0, 4, 40)
    fit = bgd.fit(
        "a*exp(-k*x) + c", x, 2 * np.exp(-(1 + shift % 1) * x) + 0.5, starts=50,
        parameters={"a": (0, 5), "k": (0, 3), "c": (-1, 1)},
    )  # fmt: skip
    assert fit.chisqr < 1e-9
    bgd.multistart("himmelblau", starts=300, bounds=[(-1, 2), (-4, 4)], backend="numpy", seed=number)
    try:
        bgd.multistart("himmelblau", starts=300, box=[(2, 1)] * 2)
    except bgd.InputError:
        return
    raise AssertionError("a reversed box was accepted")
