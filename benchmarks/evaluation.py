"""Time the evaluation of functions of data on the CPU: `python benchmarks/evaluation.py`.

For each function: seconds of one core until it is traced and compiled, and nanoseconds of one core for its value and
gradient, per lane and per lane and row. Time of the process counts, so that other work on the machine disturbs little.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import batchgd as bgd
from batchgd.compiler.cache.native import NativeCode, object_code
from batchgd.compiler.lower.evaluation import Evaluation, evaluation
from batchgd.compiler.lower.processor import this_processor
from batchgd.kernels.cpu_places import ALL_LANES, LINE, MEMORY, TABLES, TAIL

LANES = 64
REPEATS = 30
RNG = np.random.default_rng(0)
TIMES = np.linspace(0.0, 10.0, 1000)
DECAYS = 2.5 * np.exp(-0.7 * TIMES) + 1.1 * np.exp(-0.1 * TIMES) + 0.02 * RNG.normal(size=1000)
INPUTS = RNG.normal(size=(200, 3))
TARGETS = np.sin(INPUTS[:, 0]) + INPUTS[:, 1] * INPUTS[:, 2]
FEATURES = RNG.normal(size=(200, 100))
LABELS = np.sign(FEATURES @ RNG.normal(size=100))


def decays(p: Any) -> Any:
    """A fit of two exponentials to 1,000 points."""
    return np.sum((DECAYS - p[0] * np.exp(-p[1] * TIMES) - p[2] * np.exp(-p[3] * TIMES)) ** 2)


def lennard_jones(x: Any) -> Any:
    """The energy of atoms, from all pairs."""
    atoms = x.reshape(-1, 3)
    i, j = np.triu_indices(len(atoms), 1)
    inverse = 1.0 / np.sum((atoms[i] - atoms[j]) ** 2, axis=1) ** 3
    return np.sum(4.0 * (inverse**2 - inverse))


def network(w: Any) -> Any:
    """A network of 3, 8 and 1 neurons on 200 rows."""
    hidden = np.tanh(INPUTS @ w[:24].reshape(3, 8) + w[24:32])
    return np.mean((hidden @ w[32:40] + w[40] - TARGETS) ** 2)


def logistic(w: Any) -> Any:
    """A logistic regression in 100 dimensions on 200 rows."""
    return np.mean(np.log1p(np.exp(-LABELS * (FEATURES @ w)))) + 0.01 * np.sum(w**2)


def rosenbrock(x: Any) -> Any:
    """Rosenbrock's function."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


CASES: list[tuple[str, Callable[..., Any], int, int]] = [
    ("two exponentials, 1,000 points", decays, 4, 1000),
    ("LJ13", lennard_jones, 39, 78),
    ("LJ38", lennard_jones, 114, 703),
    ("network 3-8-1, 200 rows", network, 41, 200),
    ("logistic regression, 100-D, 200 rows", logistic, 100, 200),
    ("Rosenbrock, 1,000-D", rosenbrock, 1000, 999),
]


class _Block:
    """A compiled evaluation, with a block of lanes at random points."""

    def __init__(self, made: Evaluation, dim: int, dtype: str):
        code = object_code(made.text, this_processor())
        self.code = NativeCode(made.name, code, this_processor())
        self.ws = _aligned(2 * (dim + 1) * LANES, dtype)
        self.ws[: dim * LANES] = RNG.uniform(0.5, 1.5, dim * LANES)
        self.memory = _aligned(made.memory, "uint8")
        self.addresses = np.array([table.ctypes.data for table in made.tables] or [0])
        self.index = np.zeros(LANES + 1 + TAIL, np.int64)
        tail = self.index[-TAIL:]
        tail[TABLES], tail[MEMORY], tail[ALL_LANES] = self.addresses.ctypes.data, self.memory.ctypes.data, 1
        kind = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 4, ctypes.c_uint64, ctypes.c_void_p)
        self._call = kind(self.code.address)
        self._arguments = (None, None, self.ws.ctypes.data, self.index.ctypes.data, 0, None)

    def seconds(self) -> float:
        """The least time of the thread that a call took, several calls at a time."""
        calls = 1
        while self._time(calls) < 2e-3:
            calls *= 2
        return min(self._time(calls) for _ in range(REPEATS)) / calls

    def _time(self, calls: int) -> float:
        began = time.thread_time()
        for _ in range(calls):
            self._call(*self._arguments)
        return time.thread_time() - began


def _aligned(size: int, dtype: str) -> NDArray[Any]:
    raw = np.zeros(size + LINE, dtype)
    first = -raw.ctypes.data % LINE // raw.itemsize
    return raw[first : first + size]


def main() -> None:
    """Measure all cases in both precisions, and print a table."""
    print("| function | dtype | ready, s | per lane, ns | per lane and row, ns |\n|---|---|---|---|---|")
    this_processor()
    for name, function, dim, rows in CASES:
        for dtype in ("float64", "float32"):
            began = time.process_time()
            objective = bgd.Objective(function, box=[(0.5, 1.5)] * dim)
            outputs = dict(enumerate(objective.outputs("value_and_gradient"), dim))
            made = evaluation("evaluate", outputs, lanes=LANES, dtype=dtype, processor=this_processor())
            block = _Block(made, dim, dtype)
            ready = time.process_time() - began
            each = 1e9 * block.seconds() / LANES
            print(f"| {name} | {dtype} | {ready:.2f} | {each:.4g} | {each / rows:.3g} |", flush=True)


if __name__ == "__main__":
    main()
