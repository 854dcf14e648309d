"""The parts of `gpu.py`: generators of records, one dictionary each; one record's failure is a record with an error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

Record = dict[str, Any]
HERE = Path(__file__).resolve().parent
MINIMA_AGREE = 1e-10  # box widths
LABELS_AGREE = 0.999  # of the starts: on a border between basins one rounding decides
BENCH = {("rastrigin", 10), ("styblinski_tang", 8), ("himmelblau", 2), ("hartmann6", 6)}
MERGED = "merged"
"""Used in place of a landscape for the comparison of merged cells."""
SHARED = "styblinski_tang 64"
"""A landscape, and dimensions in which one warp runs a trajectory."""
BY_WARPS = ("barzilai_borwein", "adam", "lbfgs")
Check = tuple[str, str | None, int, str | None, str]
"""Name, landscape (None: starts), number of starts, method (None: the default), dtype."""


def guarded(name: str, work: Callable[[], Record]) -> Record:
    """Return the record of one measurement, or the record of its failure."""
    try:
        return {"name": name, **work()}
    except Exception as error:
        return {"name": name, "error": f"{type(error).__name__}: {' '.join(str(error).split())}"}


def checks(tiny: bool) -> list[Check]:
    """Starts, merge, every method on Himmelblau's function, every landscape with the default method."""
    import batchgd as bgd
    from batchgd.problem.methods import METHODS

    count = 6 if tiny else 4000
    names, methods = bgd.landscapes.names(), list(METHODS)
    dtypes = ["float64", "float32", "mixed"]
    if tiny:  # in the simulator most of the time goes into compiling what a thread does, once per method and function
        names, methods, dtypes = ["himmelblau"], methods[:1], ["mixed"]
    return [
        *((f"starts {dtype}", None, count, None, dtype) for dtype in ("float64", "float32")),
        *((f"merge {dtype}", MERGED, count, None, dtype) for dtype in ("float64", "float32")),
        *((f"{method} on himmelblau", "himmelblau", count, method, "float64") for method in methods),
        *((f"{name} {dtype}", name, count, None, dtype) for dtype in dtypes for name in names),
        *((f"{method} by warps", SHARED, count // 20, method, "float64") for method in ([] if tiny else BY_WARPS)),
    ]


def correctness(tiny: bool) -> Iterator[Record]:
    """Run every check: CUDA against the CPU."""
    if tiny:
        yield from (_check(check, "numpy", maxiter=20) for check in checks(tiny))
        return
    workers = max(1, min(8, (os.cpu_count() or 1) // 2))  # nearly all of the time is compilation
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(_check, check) for check in checks(tiny)]):
            yield future.result()


def bench(tiny: bool) -> Iterator[Record]:
    """The table of `batchgd bench`, on the device and, for comparison, two landscapes on this machine's CPU."""
    from batchgd.analysis.bench import measure
    from batchgd.analysis.bench.cases import CASES, Case

    def say(line: str) -> None:
        print(line, file=sys.stderr)

    if tiny:
        case = Case("himmelblau", 2, 0.004, maxiter=20)
        report = measure(["cuda"], ["float64"], starts=24, repeats=1, chosen=[case], say=say)
    else:
        chosen = [case for case in CASES if (case.landscape, case.dim) in BENCH]
        report = measure(["cuda"], repeats=3, chosen=chosen, say=say)
    yield _bench_record("cuda", report)
    if not tiny:
        yield _bench_record("cpu", measure(["cpu"], quick=True, say=say))


def launch(tiny: bool) -> Iterator[Record]:
    """The cost of a call with almost nothing to do, and an empty kernel for comparison."""
    import batchgd as bgd

    x0, repeats = np.zeros((1, 2)), 1 if tiny else 200
    one = {"maxiter": 1, "backend": "cuda"}
    calls = {
        "descend, one start, one update": lambda: bgd.descend("himmelblau", x0, **one),
        "multistart, one start, one update": lambda: bgd.multistart("himmelblau", starts=1, **one),
    }
    for name, call in calls.items():
        yield guarded(name, lambda call=call: {"seconds": _median_seconds(call, repeats)})
    if not tiny:
        yield guarded("empty kernel and wait", lambda: {"seconds": _median_seconds(_empty_kernel(), repeats)})


def starts(tiny: bool) -> Iterator[Record]:
    """Seconds over the number of starts, keeping only minima."""
    import batchgd as bgd

    last = 0.0
    bgd.multistart("himmelblau", starts=16 if tiny else 1000, backend="cuda", keep="minima")
    for n in (8, 32) if tiny else tuple(10**k for k in range(2, 9)):
        if last > 4.0:  # the next one would take ten times as long
            yield {"name": f"{n} starts", "error": f"skipped: it would take about {10 * last:.0f} s"}
            return

        def solve(n: int = n) -> Record:
            began = time.perf_counter()
            result = bgd.multistart("himmelblau", starts=n, backend="cuda", keep="minima")
            seconds = time.perf_counter() - began
            return {"starts": n, "seconds": seconds, "starts_per_s": n / seconds, "minima": len(result.minima)}

        record = guarded(f"{n} starts", solve)
        last = record.get("seconds", last)
        yield record


def dimensions(tiny: bool) -> Iterator[Record]:
    """Updates per second and the needs of a thread over the dimension: a hundred updates at a constant rate."""
    for dtype in ("float64",) if tiny else ("float64", "float32"):
        for dim in (2,) if tiny else (2, 4, 8, 16, 32, 64, 128, 256):
            yield guarded(f"{dim}-D {dtype}", partial(_updates, dim, dtype, tiny))


def warps(tiny: bool) -> Iterator[Record]:
    """The same with one thread and with one warp per trajectory (in the simulator: two threads, few dimensions)."""
    import batchgd as bgd

    for dim in (4,) if tiny else (16, 32, 64):
        for dtype in ("float64",) if tiny else ("float32", "float64"):
            for threads in (2,) if tiny else (1, 32):
                name = f"{dim}-D {dtype} {threads} thread{'s' if threads > 1 else ''}"
                with bgd.testing.forced(warp=threads):
                    record = guarded(name, partial(_updates, dim, dtype, tiny))
                yield record


def _updates(dim: int, dtype: str, tiny: bool) -> Record:
    """Measure a hundred updates at a constant rate."""
    from batchgd.analysis.bench.cases import Case
    from batchgd.analysis.bench.measure import batch_of, measure_batch

    case = Case("styblinski_tang", dim, 1e-4, maxiter=3 if tiny else 100)
    count = 2 if tiny else min(1 << 22, (1 << 25) // dim)
    batch = batch_of(case, "constant rate", "cuda", dtype, count, 1)
    row = measure_batch(batch, case, "constant rate", 1 if tiny else 3)
    return {**row.to_dict(None), "coordinates_per_s": dim * row.iterations / row.median_seconds}


def ways(tiny: bool) -> Iterator[Record]:
    """One batch in each dtype, with and without rows to keep, and with one launch in flight instead of two."""
    import batchgd as bgd
    from batchgd.kernels import launch_cuda

    name, dim, count, repeats = ("himmelblau", 2, 4, 1) if tiny else ("styblinski_tang", 10, 1 << 22, 3)
    options = {"dim": dim, "starts": count, "backend": "cuda", "maxiter": 20 if tiny else 10_000}

    def solve(dtype: str, keep: str) -> Record:
        def call() -> Any:
            return bgd.multistart(name, dtype=dtype, keep=keep, **options)

        result = call()
        record = {"seconds": _median_seconds(call, repeats), "minima": len(result.minima)}
        if keep == "all":
            record["gradient_norm"] = float(
                np.median(np.linalg.norm(result.objective.gradient(result.x[:4096]), axis=1))
            )
        return record

    for dtype in ("float64", "float32", "mixed"):
        for keep in ("all", "minima"):
            yield guarded(f"{dtype} {keep}", lambda dtype=dtype, keep=keep: solve(dtype, keep))
    launch_cuda.STREAMS = 1
    yield guarded("float64 all, one stream", lambda: solve("float64", "all"))


def peers(tiny: bool) -> Iterator[Record]:
    """The table of `peers.py`, at few repeats."""
    if tiny:
        yield {"name": "peers", "note": "skipped: no peer runs in the simulator"}
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "peers.json"
        command = [sys.executable, str(HERE / "peers.py"), "--json", str(path), "--no-commands", "--repeats", "3"]
        command += ["--backend", "cuda", "--cases", "rastrigin,styblinski_tang"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=sys.stderr, text=True, check=False)
        if not path.exists():
            yield {"name": "peers", "error": f"peers.py wrote no numbers, exit code {done.returncode}"}
            return
        yield {"name": "peers", "table": done.stdout, **json.loads(path.read_text(encoding="utf-8"))}


PARTS: dict[str, Callable[[bool], Iterator[Record]]] = {
    "correctness": correctness,
    "bench": bench,
    "launch": launch,
    "starts": starts,
    "dimensions": dimensions,
    "warps": warps,
    "ways": ways,
    "peers": peers,
}


# One line of the short table for each part


def _correctness_line(records: list[Record]) -> str:
    right = sum(record["agrees"] for record in records)
    wrong = [record["name"] for record in records if not record["agrees"]]
    return f"{right} of {len(records)} agree with the CPU" + (f"; not {', '.join(wrong)}" if wrong else "")


def _bench_line(records: list[Record]) -> str:
    rows = [row for record in records for row in record["rows"]]
    best = max(rows, key=lambda row: row["iterations_per_s"])
    rate = best["iterations_per_s"] / 1e6
    where = f"{best['backend']} {best['dtype']} {best['landscape']} {best['dim']} {best['method']}"
    return f"{len(rows)} rows; fastest {rate:.3g} M updates/s ({where})"


def _launch_line(records: list[Record]) -> str:
    return "; ".join(f"{record['name']} {1e6 * record['seconds']:.0f} µs" for record in records)


def _starts_line(records: list[Record]) -> str:
    return ", ".join(f"{record['starts']:.0e}: {record['seconds']:.3g} s" for record in records)


def _dimensions_line(records: list[Record]) -> str:
    return ", ".join(f"{record['name']} {record['iterations_per_s'] / 1e6:.3g} M/s" for record in records)


def _ways_line(records: list[Record]) -> str:
    return ", ".join(f"{record['name']} {record['seconds']:.3g} s" for record in records)


def _peers_line(records: list[Record]) -> str:
    return records[0].get("note") or "\n" + records[0]["table"]


SUMMARIES: dict[str, Callable[[list[Record]], str]] = {
    "correctness": _correctness_line,
    "bench": _bench_line,
    "launch": _launch_line,
    "starts": _starts_line,
    "dimensions": _dimensions_line,
    "warps": _dimensions_line,
    "ways": _ways_line,
    "peers": _peers_line,
}


# The building blocks of the parts


def _check(check: Check, reference: str = "cpu", **options: Any) -> Record:
    """Run one comparison; in a process of its own."""
    from batchgd.problem.methods import METHODS

    name, landscape, count, method, dtype = check
    if landscape is None:
        return guarded(name, lambda: _same_starts(count, dtype))
    options = {"maxiter": 2000, **options, "dtype": dtype, "gtol": 1e-3 if dtype == "float32" else 1e-6}
    if landscape == MERGED:
        return guarded(name, lambda: _same_merged(count, **options))
    options["method"] = METHODS[method].example() if method else None
    if landscape == SHARED:
        landscape, dim = landscape.split()
        options["dim"] = int(dim)
    return guarded(name, lambda: _same(landscape, count, reference, **options))


def _same(landscape: str, count: int, reference: str, **options: Any) -> Record:
    """Compare a run on the device with the same run elsewhere."""
    import batchgd as bgd

    cuda, cpu = (bgd.multistart(landscape, starts=count, backend=backend, **options) for backend in ("cuda", reference))
    width = float(np.max(bgd.landscapes.get(landscape).box().width))
    alike = len(cuda.minima) == len(cpu.minima)
    apart = float(np.max(np.abs(cuda.minima.x - cpu.minima.x), initial=0.0)) / width if alike else None
    labels = float(np.mean(cuda.label == cpu.label))
    return {
        "agrees": bool(alike and apart <= MINIMA_AGREE and labels >= LABELS_AGREE),
        "minima": [len(cuda.minima), len(cpu.minima)],
        "apart": apart,
        "labels": labels,
        "starts_labelled_otherwise": int(np.sum(cuda.label != cpu.label)),
        "status": float(np.mean(cuda.status == cpu.status)),
        "nit": [float(np.mean(cuda.nit)), float(np.mean(cpu.nit))],
    }


def _same_merged(count: int, **options: Any) -> Record:
    """Compare cells that were merged on the device with the catalogue's of the same endpoints, bit for bit."""
    from batchgd.compiler.resolve import Problem
    from batchgd.engine.batch import make_batch
    from batchgd.engine.compute import Compute
    from batchgd.engine.run import run
    from batchgd.minima import Catalogue
    from batchgd.minima.collector import IntoCatalogue
    from batchgd.problem.stopping import Stopping

    dtype, stopping = options["dtype"], Stopping(gtol=options["gtol"], maxiter=options["maxiter"])
    batch = make_batch(Problem("himmelblau"), Compute.of("cuda", dtype), starts=count, stopping=stopping)
    merged, plain = Catalogue(batch.box), Catalogue(batch.box)
    lean = run(batch, keep=False, into=IntoCatalogue(merged))
    ends = run(batch).endpoints
    plain.add(0, ends.x, ends.fun, ends.status)
    names = ("key", "count", "first", "x", "fun", "status", "starts", "excluded")
    differing = [name for name in names if not np.array_equal(getattr(merged, name), getattr(plain, name))]
    counts = (
        np.bincount(ends.status).tolist()
        == np.bincount([int(status) for status in lean.status_counts], list(lean.status_counts.values())).tolist()
    )
    return {"agrees": counts and not differing, "cells": [len(merged), len(plain)], "differing": differing}


def _same_starts(count: int, dtype: str) -> Record:
    """Compare the starts that the kernel draws with those of the host, in units in the last place of the box."""
    import batchgd as bgd

    box = bgd.landscapes.get("himmelblau").box()
    # Any gradient is small enough: a trajectory ends where it starts.
    seen = bgd.multistart("himmelblau", starts=count, gtol=1e15, backend="cuda", dtype=dtype).x
    wanted = bgd.start(0, np.arange(count), box, dtype=dtype)
    ulp = np.spacing(np.max(np.abs([box.lower, box.upper]), axis=0).astype(dtype))
    apart = float(np.max(np.abs(np.asarray(seen, np.float64) - wanted) / ulp))
    return {"agrees": apart <= 1.0, "apart": apart}


def _bench_record(name: str, report: Any) -> Record:
    record = {"name": name, "table": str(report), **report.to_dict()}
    return {**record, "error": "; ".join(report.failures)} if report.failures and not report.rows else record


def _median_seconds(call: Callable[[], Any], repeats: int) -> float:
    call()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return median(seconds)


def _empty_kernel() -> Callable[[], None]:
    import cupy

    kernel = cupy.RawKernel('extern "C" __global__ void nothing() {}', "nothing")

    def call() -> None:
        kernel((1,), (32,), ())
        cupy.cuda.get_current_stream().synchronize()

    return call
