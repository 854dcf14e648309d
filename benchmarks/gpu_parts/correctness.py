"""What must be right: starts, labels, merge, paths, interrupts, every method and landscape, one warp a trajectory."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from gpu_parts.compared import SHOWN, Case, compare
from gpu_parts.place import Place
from gpu_parts.workers import Record, Work

DTYPES = ("float64", "float32")
CELLS = ("key", "count", "first", "x", "fun", "status", "starts", "excluded")


def basics(place: Place) -> dict[str, Work]:
    """One of everything, so that the first seconds show whether the backend works at all."""
    count = place.of(4000, 12)
    short = {} if place.real else {"maxiter": 30}
    items: dict[str, Work] = {}
    for dtype in DTYPES:
        items[f"starts {dtype}"] = partial(_starts, place.of(100_000, 64), dtype)
    for dtype in (*DTYPES, "mixed"):
        case = Case("himmelblau", count, {"dtype": dtype, **short})
        items[f"himmelblau {dtype}"] = partial(compare, case, place.reference)
    for dtype in DTYPES:
        items[f"minima merged on the device {dtype}"] = partial(_merged, place.of(200_000, 64), dtype)
    points = np.random.default_rng(1).uniform(-5.0, 5.0, (count, 2))
    given = Case("himmelblau", count, short, points=points)
    items["given starts"] = partial(compare, given, place.reference)
    items["paths"] = partial(_paths, place.reference)
    items["Ctrl-C within a launch"] = partial(_interrupted, place.of(100_000, 64))
    for case in place.of(_merge_cases(), _merge_cases()[2:3]):
        items[f"every kind of endpoint merged, {case}"] = partial(_table, case)
    return items


def methods(place: Place) -> dict[str, Work]:
    """Every option that has code of its own, then every method in both dtypes, then trajectories shared by a warp."""
    import simulated_cuda

    from batchgd.problem.methods import METHODS

    cases = {name: Case(*case) for name, case in simulated_cuda.CASES.items()}
    cases = {name: Case(case.fun, _number(case, place), case.options) for name, case in cases.items()}
    options: dict[str, Any] = {"maxiter": place.of(300, 6)}
    for dtype in DTYPES:
        for name in METHODS:
            how = {"method": METHODS[name].example(), "dtype": dtype, **options}
            cases[f"{name} {dtype}"] = Case("himmelblau", place.of(1000, 6), how)
    warps = {} if place.name == "simulator" else _by_warps(place)
    if not place.real:
        kept = ("rates per start", "batches of a sum", "gradient_descent float64", "lbfgs float32")
        cases, warps = {name: cases[name] for name in kept}, dict(list(warps.items())[:1])
    return {name: partial(compare, case, place.reference) for name, case in {**cases, **warps}.items()}


def landscapes(place: Place) -> dict[str, Work]:
    """Every landscape, whose elementary functions and derivatives these are, with the default method."""
    import batchgd as bgd

    names = bgd.landscapes.names() if place.real else ["ackley", "branin"]
    dtypes = (*DTYPES, "mixed") if place.real else ("float32",)
    options = {"maxiter": place.of(300, 6)}
    return {
        f"{name} {dtype}": partial(compare, Case(name, place.of(1000, 6), {"dtype": dtype, **options}), place.reference)
        for dtype in dtypes
        for name in names
    }


def _number(case: Case, place: Place) -> int:
    """Return how many starts a case takes: as many as it has hyperparameters per start."""
    per_start = any(isinstance(each, np.ndarray) for each in vars(case.options.get("method", case)).values())
    return case.starts if per_start else place.of(1000, 6)


def _by_warps(place: Place) -> dict[str, Case]:
    import batchgd as bgd

    rules: Iterable[tuple[str, str, int, Any]] = (
        ("the default method", "rosenbrock", 64, None),
        ("a history", "styblinski_tang", 33, bgd.LBFGS()),
        ("Adam", "rastrigin", 64, bgd.Adam(0.01)),
        ("noise, sums within sums", "ackley", 40, bgd.Adam(0.05, noise=0.1, clip_norm=1.0)),
    )
    options: dict[str, Any] = {"maxiter": place.of(100, 2)}
    return {
        f"one warp: {what}, {dtype}": Case(
            name, place.of(256, 4), {"dim": dim, "method": method, "dtype": dtype, **options}, warp=32
        )
        for what, name, dim, method in rules
        for dtype in DTYPES
    }


def _starts(count: int, dtype: str) -> Record:
    """Compare the starts that the kernel draws with those of the host, in units in the last place of the box."""
    import batchgd as bgd

    box = bgd.landscapes.get("himmelblau").box()
    still = {"method": bgd.GradientDescent(1e-300 if dtype == "float64" else 1e-35), "maxiter": 1, "dtype": dtype}
    seen = bgd.multistart("himmelblau", starts=count, backend="cuda", **still).x
    wanted = np.asarray(bgd.start(0, np.arange(count), box, dtype=dtype), dtype)
    ulp = np.spacing(np.max(np.abs([box.lower, box.upper]), axis=0).astype(dtype))
    apart = np.max(np.abs(np.asarray(seen, np.float64) - wanted) / ulp, axis=1)
    wrong = np.flatnonzero(~(apart <= 1.0))
    shown = [
        {
            "start": int(i),
            "x0": wanted[i].tolist(),
            "got": {"x": seen[i].tolist()},
            "expected": {"x": wanted[i].tolist()},
        }
        for i in wrong[:SHOWN]
    ]
    figures = {"trajectories": count, "apart": float(np.max(apart)), "wrong_count": int(wrong.size)}
    return {"agrees": wrong.size == 0, **figures, "wrong": shown}


def _merged(count: int, dtype: str) -> Record:
    """Compare cells that were merged on the device with the catalogue's of the same endpoints, bit for bit."""
    from batchgd.compiler.resolve import Problem
    from batchgd.engine.batch import make_batch
    from batchgd.engine.compute import Compute
    from batchgd.engine.run import run
    from batchgd.minima import Catalogue
    from batchgd.minima.collector import IntoCatalogue

    batch = make_batch(Problem("himmelblau"), Compute.of("cuda", dtype), starts=count)
    merged, plain = Catalogue(batch.box), Catalogue(batch.box)
    lean = run(batch, keep=False, into=IntoCatalogue(merged))
    ends = run(batch).endpoints
    plain.add(0, ends.x, ends.fun, ends.status)
    counted = {status.name: int(np.sum(ends.status == status)) for status in lean.status_counts}
    wrong = [_first_difference(name, getattr(merged, name), getattr(plain, name)) for name in CELLS]
    tally = {status.name: n for status, n in lean.status_counts.items()}
    wrong += [f"statuses {tally}, expected {counted}"] if tally != counted else []
    return judged([text for text in wrong if text], trajectories=count, cells=len(plain))


def _first_difference(name: str, got: Any, expected: Any) -> str:
    got, expected = np.atleast_1d(got), np.atleast_1d(expected)
    if got.shape != expected.shape:
        return f"{name} has {len(got)} rows, expected {len(expected)}"
    equal = (got == expected) | ((got != got) & (expected != expected))
    if np.all(equal):
        return ""
    at = int(np.argwhere(~equal)[0][0])
    return f"{name} of cell {at} is {got[at]!r}, expected {expected[at]!r}"


def _merge_cases() -> tuple[str, ...]:
    import simulated_cuda

    return simulated_cuda.MERGED


def _table(case: str) -> Record:
    """Merge endpoints of every kind in tables of a size, too small ones included, and compare with the catalogue."""
    import simulated_cuda

    dtype, cells, table = case.split()
    found = simulated_cuda.merged_on_the_device(dtype, int(cells), int(table))
    wrong = [f"{name} differs from the catalogue's" for name, same in found.items() if same is False]
    return judged(wrong, cells=found["cells"])


def _paths(reference: str) -> Record:
    """Compare recorded paths, point by point."""
    import batchgd as bgd

    x0 = [[-4.0, 1.0], [2.0, 0.5], [0.0, -3.0]]
    seen, wanted = (
        bgd.path("himmelblau", x0, max_points=8, maxiter=60, backend=backend) for backend in ("cuda", reference)
    )
    wrong = []
    for i, (one, other) in enumerate(zip(seen, wanted, strict=True)):
        if not np.array_equal(one.nit, other.nit):
            wrong.append(f"path {i} has updates {list(one.nit)}, expected {list(other.nit)}")
            continue
        apart = np.max(np.abs(one.x - other.x), axis=1)
        if not np.all(apart <= 1e-10):
            k = int(np.flatnonzero(~(apart <= 1e-10))[0])
            wrong.append(f"path {i}, update {one.nit[k]}: x {one.x[k].tolist()}, expected {other.x[k].tolist()}")
    return judged(wrong, trajectories=len(x0))


def _interrupted(count: int) -> Record:
    """End a launch that would take hours by Ctrl-C, which threads see at their next look."""
    import batchgd as bgd

    options = {"method": bgd.GradientDescent(1e-12), "gtol": 1e-30, "backend": "cuda"}
    bgd.multistart("himmelblau", starts=count, maxiter=1, **options)  # compiled, and the device is awake
    pressed = []

    def press() -> None:
        pressed.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.7, press)
    timer.start()
    found = bgd.multistart("himmelblau", starts=count, maxiter=10**10, **options)
    ended = time.perf_counter()
    timer.cancel()
    wrong = [] if found.interrupted else [f"it ended by itself: {found.message}"]
    moved = float(np.max(np.abs(found.x - found.x0)))
    if not moved < 1e-2:
        wrong.append(f"a trajectory moved by {moved:g}")
    return judged(wrong, trajectories=count, seconds_to_end=ended - pressed[0] if pressed else None)


def judged(wrong: list[str], **figures: Any) -> Record:
    found = [{"what": text} for text in wrong[:SHOWN]]
    return {"agrees": not wrong, **figures, "wrong": found, "wrong_count": len(wrong)}
