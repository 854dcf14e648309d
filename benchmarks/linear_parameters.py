"""Compare fits with and without the parameters in which the model is linear: `python benchmarks/linear_parameters.py`.

Those are computed from the others within the residuals. The same starts, Levenberg-Marquardt on one core; time of the
process, the shortest of three. Prints one Markdown table, and takes a quarter of a minute.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from least_squares import TIMES, VALUES

import batchgd as bgd

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
import nist

STARTS = 2_000
Functions = Callable[[Any], list[Any]]
Box = Sequence[tuple[float, float]]


def with_all(functions: Functions, y: Any, n: int) -> Callable[[Any], Any]:
    """Return residuals of the n linear parameters, followed by the others."""
    return lambda p: sum(p[k] * each for k, each in enumerate(functions(p[n:]))) - y


def eliminated(functions: Functions, y: Any) -> Callable[[Any], Any]:
    """Return residuals of the others, at the best values of the linear ones."""

    def residuals(q: Any) -> Any:
        columns = functions(q)
        matrix = np.array([[np.sum(a * b) for b in columns] for a in columns])
        best = np.linalg.solve(matrix, np.array([np.sum(a * y) for a in columns]))
        return sum(best[k] * each for k, each in enumerate(columns)) - y

    return residuals


def problems() -> dict[str, tuple[Functions, Any, Box, Box]]:
    """Return the functions that are added up, the data, and the boxes of the linear parameters and of the others."""
    lanczos, gauss, enso = (nist.read(nist.FOLDER / f"{name}.dat") for name in ("Lanczos3", "Gauss3", "ENSO"))

    def waves(period: Any) -> list[Any]:
        return [f(2.0 * np.pi * enso.x / period) for f in (np.cos, np.sin)]

    def peak(place: Any, width: Any) -> Any:
        return np.exp(-(((gauss.x - place) / width) ** 2))

    return {
        "two exponentials": (
            lambda q: [np.exp(-each * TIMES) for each in (q[0], q[1])],
            VALUES,
            [(0.0, 5.0)] * 2,
            [(0.01, 5.0)] * 2,
        ),
        "three exponentials (Lanczos3)": (
            lambda q: [np.exp(-each * lanczos.x) for each in (q[0], q[1], q[2])],
            lanczos.y,
            [(0.0, 3.0)] * 3,
            [(0.0, 8.0)] * 3,
        ),
        "two peaks on a decay (Gauss3)": (
            lambda q: [np.exp(-q[0] * gauss.x), peak(q[1], q[2]), peak(q[3], q[4])],
            gauss.y,
            [(0.0, 200.0)] * 3,
            [(0.0, 0.05), *[(50.0, 250.0), (5.0, 50.0)] * 2],
        ),
        "three cycles (ENSO)": (
            lambda q: [1.0 + 0.0 * enso.x, *waves(12.0), *waves(q[0]), *waves(q[1])],
            enso.y,
            [(-10.0, 15.0)] * 7,
            [(15.0, 60.0)] * 2,
        ),
    }


def main() -> None:
    """Print the table."""
    print("| model | parameters | evaluations a start | at the best fit | µs a start |\n|---|---:|---:|---:|---:|")
    for name, (functions, y, linear, others) in problems().items():
        box = [*linear, *others]
        x0 = np.random.default_rng(1).uniform(*np.array(box).T, (STARTS, len(box)))
        runs = {
            len(box): (with_all(functions, y, len(linear)), box, x0),
            len(others): (eliminated(functions, y), others, x0[:, len(linear) :]),
        }
        found = {count: timed(*run) for count, run in runs.items()}
        best = min(np.nanmin(batch.fun) for batch, _ in found.values())
        for count, (batch, seconds) in found.items():
            reached = 100.0 * np.mean(batch.fun < best * (1.0 + 1e-4) + 1e-9)
            each = 1e6 * seconds / STARTS
            print(f"| {name} | {count} | {batch.nfev.mean():.1f} | {reached:.1f} % | {each:.0f} |", flush=True)


def timed(residuals: Any, box: Box, x0: Any) -> tuple[Any, float]:
    """Return the descents from these starts, and the seconds of the process that they take."""
    fit = bgd.LeastSquares(residuals, box=box)
    how: dict[str, Any] = {"box": box, "method": bgd.LevenbergMarquardt(), "threads": 1, "backend": "cpu"}
    times = []
    for _ in range(4):  # the first compiles
        begin = time.process_time()
        batch = bgd.descend(fit, x0, stopping={"escape": 1e6, "maxiter": 300}, **how)
        times.append(time.process_time() - begin)
    return batch, min(times[1:])


if __name__ == "__main__":
    main()
