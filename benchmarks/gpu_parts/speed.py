"""How fast: the standard kernels alone, the host's share, drawing, merging, and whole calls."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any

import many_data
import numpy as np

from gpu_parts.correctness import DTYPES
from gpu_parts.launched import Launched, batch_of, most_starts
from gpu_parts.place import Place
from gpu_parts.workers import Record, Work

FITTED: dict[str, Any] = {
    "decays": (many_data.decay, many_data.TIMES, many_data.DECAY_LIMITS, many_data.decays),
    "spots": (many_data.spot, many_data.PIXELS, many_data.SPOT_LIMITS, many_data.spots),
}
SETTINGS = "clocks.sm,clocks.max.sm,clocks.mem,power.draw,power.limit,temperature.gpu,clocks_event_reasons.active"


def standard(place: Place) -> list[tuple[str, Any, str, str]]:
    """Return the standard kernels, those that matter most first: name, case, method, dtype."""
    from batchgd.analysis.bench.cases import CASES, METHODS, QUICK

    cases = [*QUICK, *(case for case in CASES if case not in QUICK)]
    found = [
        (f"{case.landscape} {case.dim} {method} {dtype}", case, method, dtype)
        for case in cases
        for dtype in DTYPES
        for method in METHODS
    ]
    return found if place.real else found[:2]


def kernels(place: Place) -> dict[str, Work]:
    """Updates per second of the standard kernels, alone on the device, and of two of them on this machine's CPU."""
    items: dict[str, Work] = {name: partial(_kernel, place, *rest) for name, *rest in standard(place)}
    items |= {f"{name}, all cores of the CPU": partial(_on_cpu, place, *rest) for name, *rest in standard(place)[1:4:2]}
    return items


def _kernel(place: Place, case: Any, method: str, dtype: str) -> Record:
    from batchgd.kernels.status import Status

    launched = Launched(batch_of(place, case, method, dtype))
    n = launched.enough(place)
    record = {**launched.rate(n, place.of(3, 1)), **launched.needs()}
    statuses = launched.column("status", n)
    return {**record, "at_a_minimum": float(np.mean(np.array([status.success for status in Status])[statuses]))}


def _on_cpu(place: Place, case: Any, method: str, dtype: str) -> Record:
    from batchgd.analysis.bench.measure import batch_of
    from batchgd.engine.compute import check_threads
    from batchgd.engine.run import run

    if place.reference != "cpu":
        return {"note": "Numba compiles nothing here"}
    case = case if place.real else replace(case, maxiter=4)
    batch = batch_of(case, method, "cpu", dtype, place.of(1 << 16, 64), check_threads(None))
    updates = int(np.sum(run(batch).endpoints.nit))
    seconds = seconds_of(lambda: run(batch, keep=False), place.of(3, 1))
    return {"updates_per_s": updates / seconds, "threads": batch.threads}


def rates(place: Place) -> dict[str, Work]:
    """Everything around the updates: calls, drawing, merging, and the ceilings of the device."""
    items: dict[str, Work] = {
        "a call of descend, one start, one update": partial(_call, place, "descend"),
        "a call of multistart, one start, one update": partial(_call, place, "multistart"),
        "a small kernel, and wait": partial(_small_kernel, place),
    }
    for dtype in DTYPES:
        items[f"starts drawn {dtype}"] = partial(_draw, place, dtype)
        items[f"endpoints merged, few cells {dtype}"] = partial(_merge, place, dtype, False)
        items[f"endpoints merged, a cell each {dtype}"] = partial(_merge, place, dtype, True)
    if place.real:
        items |= {f"ceilings {dtype}": partial(_ceilings, dtype) for dtype in DTYPES}
        items["clocks under load"] = partial(_under_load, place)
    return items


def _call(place: Place, name: str) -> Record:
    import batchgd as bgd

    one: dict[str, Any] = {"maxiter": 1, "backend": "cuda"}
    calls: dict[str, Callable[[], Any]] = {
        "descend": lambda: bgd.descend("himmelblau", np.zeros((1, 2)), **one),
        "multistart": lambda: bgd.multistart("himmelblau", starts=1, **one),
    }
    return {"seconds": seconds_of(calls[name], place.of(100, 1))}


def _small_kernel(place: Place) -> Record:
    """One thread evaluates the function at one point: what a launch takes at least."""
    from batchgd.analysis.bench.cases import CASES

    launched = Launched(batch_of(place, CASES[0], "default", "float64"))
    launched.once(1)
    return {"seconds": seconds_of(lambda: launched.values(1), place.of(200, 1))}


def _himmelblau(place: Place, dtype: str, *, still: bool) -> Launched:
    """Return descents on Himmelblau's function; still ones end where they start."""
    from batchgd.analysis.bench.cases import CASES

    case = next(case for case in CASES if case.landscape == "himmelblau")
    batch = batch_of(place, case, "default", dtype)
    if still:  # any gradient is small enough
        batch = replace(batch, stopping=replace(batch.stopping, gtol=float(np.finfo(dtype).max) ** 0.4))
    return Launched(batch)


def _draw(place: Place, dtype: str) -> Record:
    """Trajectories that end where they start: drawn, evaluated once, and stored."""
    launched = _himmelblau(place, dtype, still=True)
    n = most_starts(place, 2, dtype)
    launched.once(n)
    seconds = median(launched.once(n) for _ in range(place.of(5, 1)))
    written = n * (2 * np.dtype(dtype).itemsize + 17)
    return {"starts": n, "seconds": seconds, "per_s": n / seconds, "bytes_per_s": written / seconds}


def _merge(place: Place, dtype: str, apart: bool) -> Record:
    """Merge endpoints that are on the device, the tables made large enough beforehand, and bring the cells home."""
    from batchgd.kernels.cuda.merge import Merger, jitted
    from batchgd.kernels.plan import Merge

    launched = _himmelblau(place, dtype, still=apart)
    n = place.of(1 << 22, 16)
    launched.once(n)
    launched.values(n)
    box = launched.plan
    lower, width = np.asarray(box.lower, np.float64), np.asarray(box.width, np.float64)
    merger = Merger(launched.stream, Merge(lower, width, lambda: 1 << 20, lambda *_: None), jitted())
    cells = 0

    def call() -> None:
        nonlocal cells
        merger.begin(launched.rows, n, 0)
        launched.stream.wait()
        cells = len(merger.take()[0].key)

    seconds = seconds_of(call, place.of(3, 1))
    read = n * (3 * np.dtype(dtype).itemsize + 1)
    return {"endpoints": n, "cells": cells, "seconds": seconds, "per_s": n / seconds, "bytes_per_s": read / seconds}


def _ceilings(dtype: str) -> Record:
    """Fused multiply-adds, a copy within the device, and single slow operations of CUDA's library."""
    try:
        import cupy  # noqa: F401
    except ImportError:
        return {"note": "not measured: CuPy is not installed"}
    from batchgd.analysis.bench.ceiling_cuda import measure_cuda

    found = measure_cuda(dtype, ("divides", "sqrt", "sincos", "exp", "log"), repeats=3)
    return {
        "operations_per_s": found.operations,
        "copied_bytes_per_s": found.copied,
        "functions_per_s": found.functions,
        "steadiness": found.steadiness,
    }


def _under_load(place: Place) -> Record:
    """Read the clocks while a kernel runs, which predictions assume to be the largest."""
    name, case, method, dtype = standard(place)[0]
    launched = Launched(batch_of(place, case, method, dtype))
    n = launched.enough(place)
    began = time.perf_counter()
    process = subprocess.Popen(_query(SETTINGS), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    while process.poll() is None and time.perf_counter() - began < 10.0:
        launched.once(n)
    out, _ = process.communicate()
    return {"kernel": name, **_answers(SETTINGS, out)}


def device_facts() -> Record:
    """Return what the driver says about the device; nothing if it has no nvidia-smi."""
    names = "name,driver_version,memory.total"
    for asked in (f"{names},mig.mode.current,ecc.mode.current,{SETTINGS}", names):  # old ones do not know every name
        try:
            done = subprocess.run(_query(asked), capture_output=True, text=True, check=True, timeout=20)
        except (OSError, subprocess.SubprocessError):
            continue
        return _answers(asked, done.stdout)
    return {}


def _answers(names: str, text: str) -> Record:
    first = (text.splitlines() or [""])[0]
    return dict(zip(names.split(","), map(str.strip, first.split(",")), strict=False))


def _query(names: str) -> list[str]:
    return ["nvidia-smi", f"--query-gpu={names}", "--format=csv,noheader"]


def calls(place: Place) -> dict[str, Work]:
    """Whole calls over the number of starts, then a large one in each dtype, with and without a row per start."""
    counts = place.of((10**2, 10**4, 10**6, 10**7, 10**8), (8,))
    items: dict[str, Work] = {f"himmelblau, {n:.0e} starts": partial(_minima, n, place.of(2, 1)) for n in counts}
    name, dim, count = place.of(("styblinski_tang", 10, 1 << 22), ("himmelblau", 2, 6))
    for dtype in (*DTYPES, "mixed") if place.real else ("mixed",):
        for keep in ("all", "minima"):
            call = partial(_large, place, name, {"dim": dim, "starts": count, "dtype": dtype, "keep": keep})
            items[f"{name} {dim} {dtype}, keep={keep!r}"] = call
    for what in place.of(("decays", "spots"), ("decays",)):
        items[f"many fits: {what}"] = partial(_fits, place, what)
    one = {"dim": dim, "starts": count, "dtype": "float64", "keep": "all"}
    items["the same in float64, keep='all', one launch in flight"] = partial(_large, place, name, one, streams=1)
    return items


def _minima(n: int, repeats: int) -> Record:
    import batchgd as bgd

    found = bgd.multistart("himmelblau", starts=min(n, 1000), backend="cuda", keep="minima")
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        found = bgd.multistart("himmelblau", starts=n, backend="cuda", keep="minima")
        seconds.append(time.perf_counter() - began)
    return {"starts": n, "seconds": min(seconds), "per_s": n / min(seconds), "minima": len(found.minima)}


def _fits(place: Place, what: str) -> Record:
    """Fit data sets from one start each, and the same on the CPU."""
    import batchgd as bgd

    model, x, limits, make = FITTED[what]
    y = make(place.of(1 << 17, 2))
    call = partial(bgd.fit, model, x, y, parameters=many_data.starting(limits), starts=0)
    found = call(backend="cuda")
    seconds = {backend: seconds_of(partial(call, backend=backend), 1) for backend in ("cuda", place.reference)}
    rates = {"per_s": len(y) / seconds["cuda"], "per_s_on_the_cpu": len(y) / seconds[place.reference]}
    return {"data_sets": len(y), "seconds": seconds["cuda"], **rates, "fitted": float(np.mean(found.success))}


def _large(place: Place, name: str, options: dict[str, Any], streams: int = 2) -> Record:
    import batchgd as bgd
    from batchgd.kernels import launch_cuda

    launch_cuda.STREAMS = streams
    options = {**options, **({} if place.real else {"maxiter": 6})}
    minima = 0

    def call() -> None:
        nonlocal minima
        minima = len(bgd.multistart(name, backend="cuda", **options).minima)

    try:
        seconds = seconds_of(call, place.of(2, 1))
    finally:
        launch_cuda.STREAMS = 2
    return {"starts": options["starts"], "seconds": seconds, "per_s": options["starts"] / seconds, "minima": minima}


def seconds_of(call: Callable[[], Any], repeats: int) -> float:
    """Return the median time of a call, once it is warm."""
    call()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return median(seconds)
