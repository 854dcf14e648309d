"""Run by test_cuda_simulator in a process where Numba's CUDA simulator is on: prints what it saw as JSON."""

import json
import os
import signal
import sys
import threading
import time
from dataclasses import replace
from types import SimpleNamespace
from unittest.mock import patch

import numba
import numpy as np

import batchgd as bgd
from batchgd import Box, Status, Stopping
from batchgd.compiler.resolve import Problem
from batchgd.engine.backends import choose
from batchgd.engine.batch import make_batch
from batchgd.engine.compute import Compute
from batchgd.engine.interrupts import heeded
from batchgd.engine.run import run
from batchgd.kernels.plan import Ends, Merge
from batchgd.kernels.status import LOST
from batchgd.minima import Catalogue
from batchgd.minima.collector import IntoCatalogue

METHODS = bgd.methods.METHODS

LINE_ROWS = np.random.default_rng(3).normal(size=(7, 2))


def squared(x, row):
    """The square of what a line through the origin and a constant miss a row by."""
    return (x[0] + x[1] * row[0] - row[1]) ** 2


LINE = bgd.FiniteSum(squared, LINE_ROWS, box=[(-3.0, 3.0)] * 2)
SOME_OF_LINE = bgd.FiniteSum(squared, LINE_ROWS, box=[(-3.0, 3.0)] * 2, batch_size=3, full_every=5)

ROWS = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, -1.0], [1.0, 1.0, -0.5], [1.0, -1.0, 1.5], [0.5, 0.5, -0.25]])


def misfit(x, row):
    """What a line through the origin of the plane misses a row by, squared: all rows lie on (0.5, -1)."""
    return (x[0] * row[0] + x[1] * row[1] - row[2]) ** 2


TIMES = np.linspace(0.0, 3.0, 8)
FIT = bgd.LeastSquares(lambda p: p[0] * np.exp(-p[1] * TIMES) - 2.0 * np.exp(-TIMES), box=[(0.5, 4.0), (0.3, 2.0)])

ROBUST = {
    loss: bgd.LeastSquares(FIT.residuals, box=[(0.5, 4.0), (0.3, 2.0)], loss=loss, f_scale=0.1)
    for loss in ("huber", "arctan")
}


def ring(x, a, c):
    """A quadratic around c, and a term that couples neighbours."""
    return np.sum((x - c) ** 2) + a * np.sum((x[1:] - x[:-1] ** 2) ** 2)


def trace(p, y):
    """What a decay misses data by."""
    return p[0] * np.exp(-p[1] * TIMES) - y


RNG = np.random.default_rng(5)
OWN = {"a": RNG.uniform(0.1, 1.0, 6), "c": RNG.uniform(-1.0, 1.0, 6)}
DATA = RNG.uniform(1.0, 3.0, (6, 1)) * np.exp(-RNG.uniform(0.5, 1.5, (6, 1)) * TIMES)
DATA[4] = np.nan
LOWER = RNG.uniform(0.0, 1.0, (12, 2))
OF_SIX = np.array([1, 0, 2, 1, 0, 2, 5, 3, 4, 4, 3, 5])
PROBLEMS = {
    "one program": (ring, RNG.uniform(-1.0, 1.0, (12, 3)), {"params": OWN}),
    "a matrix, in float32": (
        ring,
        RNG.uniform(-1.0, 1.0, (12, 3)),
        {"params": OWN, "method": bgd.Newton(), "dtype": "float32", "gtol": 1e-3},
    ),
    "data sets, and bounds per start": (
        bgd.LeastSquares(trace, 2, params={"y": DATA[0]}, box=[(0.0, 4.0)] * 2),
        LOWER + 0.5,
        {"params": {"y": DATA}, "bounds": np.stack([LOWER, LOWER + 1.0], 2), "method": bgd.LevenbergMarquardt()},
    ),
    "shared by threads": (ring, RNG.uniform(-1.0, 1.0, (4, 9)), {"params": OWN, "maxiter": 8}),
}
"""Starts that have their own params, in order that is not that of the problems: function, starts and options."""


def wells(x, g, p):
    """Four minima, at the roots of p: a function for ``bgd.compiled``."""
    total = 0.0
    for i in range(2):
        off = x[i] * x[i] - p[i]
        total += off * off
        g[i] = 4.0 * x[i] * off
    return total


CASES = {
    "barzilai_borwein": ("himmelblau", 80, {}),
    "rates per start": ("himmelblau", 40, {"method": bgd.GradientDescent(np.linspace(0.005, 0.015, 40))}),
    "armijo in float32": ("himmelblau", 40, {"method": bgd.Armijo(), "dtype": "float32"}),
    "adam with a schedule": ("himmelblau", 12, {"method": bgd.Adam(bgd.Cosine(0.2, 50), clip_norm=50.0)}),
    "l-bfgs": ("himmelblau", 16, {"method": bgd.LBFGS(memory=2)}),
    "newton": ("himmelblau", 4, {"method": bgd.Newton()}),
    "levenberg-marquardt": (FIT, 12, {"method": bgd.LevenbergMarquardt()}),
    "levenberg-marquardt in float32": (FIT, 12, {"method": bgd.LevenbergMarquardt(), "dtype": "float32"}),
    **{f"loss {loss}": (fit, 6, {"method": bgd.LevenbergMarquardt()}) for loss, fit in ROBUST.items()},
    "gradient flow": ("himmelblau", 12, {"method": bgd.GradientFlow(1e-3)}),
    "value test": ("six_hump_camel", 60, {"ftol": 1e-12, "gtol": 0.0}),
    "stopping rules of every kind": (
        "himmelblau",
        24,
        {
            "stopping": bgd.Stopping(
                norm="max", window=2, gtol_rel=1e-4, xtol_rel=1e-9, target=1e-9, maxfev=40, patience=9
            )
        },
    ),
    "stopping with two points remembered": (
        "himmelblau",
        24,
        {
            "method": bgd.GradientDescent(np.linspace(0.005, 0.03, 24)),
            "stopping": bgd.Stopping(oscillation=5, f_growth=10.0, x_growth=3.0, ftol_rel=1e-9, maxiter=200),
        },
    ),
    "bounds": ("himmelblau", 24, {"bounds": [(-2.0, 2.5), (-1.0, 4.0)]}),
    "bounds and newton": ("himmelblau", 12, {"bounds": [(-2.0, 2.5), (-1.0, 4.0)], "method": bgd.Newton()}),
    "bounds and a sum": (LINE, 12, {"bounds": [(-3.0, 0.0), (-3.0, 3.0)]}),
    "normal starts": ("branin", 40, {"sampling": bgd.Normal(2.0, 2.0)}),
    "three dimensions": ("hartmann3", 40, {}),
    "a sum over rows": (LINE, 24, {}),
    "batches of a sum": (SOME_OF_LINE, 24, {"method": bgd.GradientDescent(0.05, noise=1e-3), "maxiter": 60}),
    "mixed": ("himmelblau", 24, {"dtype": "mixed"}),
    "batches of rows": (
        bgd.FiniteSum(misfit, ROWS, box=[(-2, 2)] * 2, batch_size=2, full_every=6),
        4,
        {"method": bgd.GradientDescent(0.3), "gtol": 1e-4},
    ),
}


COMPILED = ("barzilai_borwein",)
"""Held against the compiled CPU code; the others against NumPy.

The functions of a lane run as plain Python: to compile them one by one took a quarter of a minute for each case.
"""


class Allocations(dict):
    """The shared arrays of a block by the place that asks for them: whoever asks first makes one, the others wait.

    Numba's simulator looks and stores without a lock, so that two threads may each get an array of their own.
    """

    def __init__(self):
        super().__init__()
        self.lock, self.making = threading.Lock(), set()

    def get(self, place):
        with self.lock:
            if place not in self.making:
                self.making.add(place)
                return None
        while place not in self:
            time.sleep(0)
        return self[place]


def agree_on_shared_arrays():
    """Let the threads of a simulated block share what they ask for together."""
    from numba.cuda.simulator.kernelapi import FakeCUDAShared

    plain = FakeCUDAShared.__init__

    def prepared(self, *arguments):
        plain(self, *arguments)
        self._allocations = Allocations()

    FakeCUDAShared.__init__ = prepared


def plain_python():
    """Run the functions of a lane as they are from here on."""
    numba.config.DISABLE_JIT = 1
    np.seterr(all="ignore")


def compare(name, starts, options, other=None):
    cuda = bgd.multistart(name, starts=starts, backend="cuda", **options)
    other = other or bgd.multistart(name, starts=starts, backend="numpy", **options)
    return {
        "labels": bool(np.array_equal(cuda.label, other.label)),
        "minima": float(np.abs(cuda.minima.x - other.minima.x).max()),
        "statuses": bool(np.array_equal(cuda.status, other.status)),
        "updates": float(np.mean(cuda.nit == other.nit)),
        "backend": cuda.backend,
    }


class OnDevice(np.ndarray):
    """Stands in for CuPy's array: known by its ``get``."""

    def get(self):
        return np.array(self)


def left_on_the_device():
    """Run with ``device=True`` where arrays of the device are made by a stand-in for CuPy."""
    sys.modules["cupy"] = SimpleNamespace(asarray=lambda array: np.array(array).view(OnDevice))
    result = bgd.multistart("himmelblau", starts=40, backend="cuda", device=True)
    arrays = [getattr(result, name) for name in ("x", "fun", "nit", "nfev", "status", "success", "label")]
    best = result[result.label == 0]
    return {
        "on the device": all(isinstance(array, OnDevice) for array in [*arrays, best.x]),
        "counts": [len(best), int(result.minima.count[0])],
        "on the host": type(result[3].x) is type(result.jac) is np.ndarray,
        "text": str(result),
    }


def merged_on_the_device(dtype, cells, table):
    """Random endpoints of every kind, merged by the kernels in three shards, and by the catalogue."""
    from batchgd.kernels.cuda.merge import Merger, jitted
    from batchgd.kernels.cuda.stream import Stream

    rng, box, n = np.random.default_rng(3), Box([-5.0, 0.1, -1e3], [5.0, 3.3, 1e3]), 240
    sites = rng.uniform(-1.0, 2.0, (9, 3)) * box.width + box.lower
    x = (sites[rng.integers(9, size=n)] * (1.0 + 1e-9 * rng.integers(-2, 2, (n, 3)))).astype(dtype)
    fun = rng.normal(size=n).astype(dtype)
    status = rng.choice([0, 1, 1, 1, 4, 5, 6, 8, 9, 10], n).astype(np.int8)
    x[7], x[8, 1], x[9, 0], x[10, 2], x[11, 0], fun[12], fun[13] = 0.0, np.nan, np.inf, -3e38, 3e38, np.nan, -np.inf
    status[7:14] = 1
    at_first, tally, left = Catalogue(box, cells), np.zeros(len(Status), np.int64), []
    stream = Stream(0)
    keys = np.full(n, 7, np.uint64)
    merge = Merge(box.lower, box.width, lambda: cells, lambda *_: None, keys)
    merger = Merger(stream, merge, jitted(), table)
    for first, stop in ((160, 240), (0, 100), (100, 160)):
        rows = slice(first, stop)
        nit = np.arange(first, stop)
        ends = stream.put_all(Ends(x[rows], fun[rows], nit, nit + 1, status[rows]))
        merger.begin(ends, stop - first, first)
        stream.wait()
        found, counted, others = merger.take()
        tally += counted
        left += others.ids.tolist()
        assert np.array_equal(others.x, x[others.ids], equal_nan=True)
        assert np.array_equal(others.nit, others.ids)
        assert np.array_equal(others.nfev, others.ids + 1)
        assert np.array_equal(others.status, status[others.ids])
        at_first.take(found, int(counted[list(LOST)].sum()))
    plain, seen = Catalogue(box, cells), (status != 0) & (status != 9)
    defined = np.isfinite(fun) & np.isfinite(x).all(axis=1)
    seen |= (status == 9) & ~defined
    judged = np.where(defined, status, Status.NONFINITE)
    made = plain.add(np.flatnonzero(seen), x[seen], fun[seen], judged[seen])
    names = ("key", "count", "first", "x", "fun", "status", "starts", "excluded")
    return {
        **{name: bool(np.array_equal(getattr(at_first, name), getattr(plain, name))) for name in names},
        "keys": bool(np.array_equal(keys[seen], made)) and not keys[~seen].any(),
        "cells": len(plain),
        "left": sorted(left) == np.flatnonzero(~seen).tolist(),
        "tally": bool(np.array_equal(tally, np.bincount(judged[seen], minlength=len(Status)))),
    }


MERGED = ("float64 1048576 256", "float32 1048576 256", "float64 4096 4", "float64 1099511627776 2")


def only_minima(name, starts, **options):
    """What is left without entries per start: merged on the device, and from all endpoints by NumPy."""
    lean, rows, full = (
        bgd.multistart(name, starts=starts, backend=backend, keep=keep, **options)
        for backend, keep in (("cuda", "minima"), ("cuda", "all"), ("numpy", "all"))
    )
    return {
        "rows": all(np.array_equal(getattr(rows, k), getattr(full, k)) for k in ("label", "status", "nit", "nfev")),
        "counts": lean.minima.count.tolist() == full.minima.count.tolist(),
        "minima": float(np.abs(lean.minima.x - full.minima.x).max()),
        "statuses": lean.status_counts() == full.status_counts(),
        "lost": sum(n for name, n in full.status_counts().items() if Status[name] in LOST),
    }


def part_of_the_starts():
    """Some starts of a run, drawn in the kernel by their own numbers."""
    whole = make_batch(Problem("himmelblau"), Compute.of("numpy"), starts=50)
    part = replace(whole, compute=Compute.of("cuda"), starts=whole.starts.part(20, 40))
    return float(np.abs(run(part).endpoints.x - run(whole).endpoints.x[20:40]).max())


def interrupted_within_a_launch(keep):
    """A launch that would take hours, ended by Ctrl-C; the starts that were not taken up are counted too."""
    batch = make_batch(
        Problem("himmelblau"),
        Compute.of("cuda"),
        starts=200,
        method=bgd.GradientDescent(1e-12),
        stopping=Stopping(gtol=1e-30, maxiter=10**9),
    )
    catalogue = Catalogue(batch.box)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with heeded():
        out = run(batch, keep=keep, into=IntoCatalogue(catalogue, keys=np.zeros(200, np.uint64) if keep else None))
    ends = out.endpoints.x if keep else batch.starts.points(0, 200)
    return {
        "statuses": {status.name: n for status, n in out.status_counts.items()},
        "starts": catalogue.starts,
        "moved": float(np.abs(ends - batch.starts.points(0, 200)).max()),
    }


def swept():
    """Whether a sweep says the same as by NumPy: shares of the regimes (turns included) and median updates."""
    rates = [0.002, 0.01, 0.02, 0.05]
    cuda, plain = (
        bgd.sweep("himmelblau", starts=8, learning_rate=rates, maxiter=200, fidelity=False, backend=backend)
        for backend in ("cuda", "numpy")
    )
    names = ("slow", "monotone", "oscillating", "lost", "nit_median")
    return all(np.array_equal(getattr(cuda, name), getattr(plain, name), equal_nan=True) for name in names)


SHARED = {
    "barzilai_borwein": ("rosenbrock", 9, {}),
    "l-bfgs, an oblong box": (
        "ellipsoid",
        7,
        {"method": bgd.LBFGS(memory=2), "box": [(-5.0, 5.0 + k) for k in range(7)], "stopping": {"norm": "max"}},
    ),
    "adam, sums within sums": ("ackley", 10, {"method": bgd.Adam(0.05, noise=0.1, clip_norm=1.0)}),
    "rates per start, float32": (
        "styblinski_tang",
        8,
        {"method": bgd.GradientDescent(np.array([0.01, 0.05])), "dtype": "float32"},
    ),
}
"""Trajectories that four threads share: landscape, dimensions and options."""


def shared_by_threads(name, dim, options):
    """Two starts, each descended from by a block of four threads, against NumPy."""
    chosen = {"gtol": 1e-2, "maxiter": 10, **options.get("stopping", {})}
    options = {**options, "starts": 2, "dim": dim, "stopping": Stopping(**chosen)}
    with bgd.testing.forced(warp=4):
        cuda = bgd.multistart(name, backend="cuda", **options)
    plain = bgd.multistart(name, backend="numpy", **options)
    same = all(np.array_equal(getattr(cuda, key), getattr(plain, key)) for key in ("nit", "nfev", "status"))
    return {"apart": float(np.abs(cuda.x - plain.x).max()), "same": same}


def problems(case):
    """Starts with their own params, in launches of at most a few, against NumPy."""
    from batchgd.kernels import launch_cuda

    fun, x0, options = PROBLEMS[case]
    options = {"gtol": 1e-9, "maxiter": 60, "which": OF_SIX[: len(x0)], **options}
    several = patch.object(launch_cuda, "BUFFER_BYTES", 400)
    with several, bgd.testing.forced(warp=4 if case == "shared by threads" else None):
        cuda = bgd.descend(fun, x0, backend="cuda", **options)
    plain = bgd.descend(fun, x0, backend="numpy", **options)
    same = all(np.array_equal(getattr(cuda, key), getattr(plain, key)) for key in ("nit", "nfev", "status"))
    apart = [np.nanmax(np.abs(getattr(cuda, key) - getattr(plain, key))) for key in ("x", "fun", "jac")]
    return {"apart": float(max(apart)), "same": same, "lost": int((cuda.status == Status.NONFINITE).sum())}


def recorded():
    """Which methods have the same endpoints, bit for bit, whether their paths are recorded or not."""
    x0 = np.array([[-4.0, 1.0], [2.0, 0.5], [0.0, -3.0]])
    same = {}
    for name, row in METHODS.items():
        options = {"method": row.example(), "maxiter": 12, "backend": "cuda"}
        batch, paths = (
            bgd.descend("himmelblau", x0, **options),
            bgd.path("himmelblau", x0, max_points=5, **options),
        )
        arrays = [(getattr(batch, key), getattr(paths.result, key)) for key in ("x", "fun", "nit", "nfev", "status")]
        ends = all(np.array_equal(path.x[-1], x) for path, x in zip(paths, batch.x, strict=True))
        starts = all(np.array_equal(path.x[0], x) for path, x in zip(paths, x0, strict=True))
        same[name] = starts and ends and all(np.array_equal(*pair) for pair in arrays)
    return same


if __name__ == "__main__":
    automatic = choose("auto")[0].name
    compiled = {}
    for case in COMPILED:
        name, starts, options = CASES[case]
        compiled[case] = bgd.multistart(name, starts=starts, backend="cpu", **options)
    plain_python()
    seen = {"automatic": automatic, **{case: compare(*setup, compiled.get(case)) for case, setup in CASES.items()}}
    from another_package import AdaBelief

    seen["compiled"] = compare(bgd.compiled(wells, 2, box=[(-2.0, 2.0)] * 2, params=[1.0, 0.25]), 12, {})
    seen["foreign"] = compare("himmelblau", 12, {"method": AdaBelief(0.3)})
    for case in MERGED:
        dtype, cells, table = case.split()
        seen[f"merged {case}"] = merged_on_the_device(dtype, int(cells), int(table))
    seen["only minima"] = only_minima("himmelblau", 30)
    steep = bgd.GradientDescent(0.02)  # throws some starts out
    seen["only minima, some escaped"] = only_minima("himmelblau", 30, method=steep, maxiter=60)
    seen["part"] = part_of_the_starts()
    seen["swept"] = swept()
    agree_on_shared_arrays()
    sys.setswitchinterval(2e-5)  # threads that wait for each other poll
    seen |= {f"shared {case}": shared_by_threads(*setup) for case, setup in SHARED.items()}
    seen |= {f"problems {case}": problems(case) for case in PROBLEMS}
    sys.setswitchinterval(5e-3)
    seen["interrupted"] = [interrupted_within_a_launch(keep) for keep in (False, True)]
    print(json.dumps({**seen, "device": left_on_the_device(), "recorded": recorded()}))
