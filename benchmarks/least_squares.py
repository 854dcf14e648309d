"""Time a fit of two exponentials to 1,000 points from 2,000 starts: `python benchmarks/least_squares.py`.

batchgd from all starts, SciPy one after the other from the first of them, both on one core. Time of the process counts,
so that other work on the machine disturbs little, and the quickest of five runs. Prints one Markdown table.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

import batchgd as bgd

STARTS, OF_SCIPY = 2_000, 100
BOX = [(0.0, 5.0), (0.01, 5.0), (0.0, 5.0), (0.01, 5.0)]
TIMES = np.linspace(0.0, 10.0, 1000)
VALUES = 2.5 * np.exp(-0.4 * TIMES) + np.exp(-2.0 * TIMES) + 0.01 * np.random.default_rng(0).normal(size=1000)

PARAMETERS = dict(zip("akbm", BOX, strict=True))

Floats = NDArray[np.float64]


def residuals(p: Any) -> Any:
    """Model minus data."""
    return p[0] * np.exp(-p[1] * TIMES) + p[2] * np.exp(-p[3] * TIMES) - VALUES


def model(t: Any, a: Any, k: Any, b: Any, m: Any) -> Any:
    """The model, for ``bgd.fit``."""
    return a * np.exp(-k * t) + b * np.exp(-m * t)


def jacobian(p: Floats) -> Floats:
    """The derivatives, by hand."""
    one, two = np.exp(-p[1] * TIMES), np.exp(-p[3] * TIMES)
    return np.stack([one, -p[0] * TIMES * one, two, -p[2] * TIMES * two], axis=1)


def main() -> None:
    """Print the table."""
    lower, upper = np.array(BOX).T
    starts = np.random.default_rng(1).uniform(lower, upper, (STARTS, 4))
    fit = bgd.LeastSquares(residuals, box=BOX)
    best = least_squares(residuals, [2.5, 0.4, 1.0, 2.0], jac=jacobian, xtol=1e-14, ftol=1e-14, gtol=1e-14).cost
    print(
        "| solver | starts | evaluations a start | at the best fit | milliseconds a start |\n|---|---:|---:|---:|---:|"
    )

    def show(name: str, seconds: float, nfev: Any, costs: Any) -> None:
        reached = 100.0 * np.mean(np.array(costs) < best * (1.0 + 1e-6))
        each = 1e3 * seconds / len(costs)
        print(f"| {name} | {len(costs):,} | {np.mean(nfev):.1f} | {reached:.1f} % | {each:.3f} |", flush=True)

    how: dict[str, Any] = {"box": BOX, "threads": 1, "backend": "cpu"}
    for name, method in {"Levenberg-Marquardt": bgd.LevenbergMarquardt(), "default": None}.items():
        calls: dict[str, Callable[[], Any]] = {
            "`descend`": lambda method=method: bgd.descend(fit, starts, method=method, **how),
            "`multistart`": lambda method=method: bgd.multistart(fit, starts=starts, method=method, **how),
            "`multistart`, bounded": lambda method=method: bgd.multistart(
                fit, starts=starts, method=method, bounds=BOX, **how
            ),
        }
        for call, run in calls.items():
            seconds, result = shortest(run)
            show(f"batchgd, {name}, {call}", seconds, result.nfev, result.fun)
    seconds, result = shortest(
        lambda: bgd.fit(model, TIMES, VALUES, parameters=PARAMETERS, starts=STARTS, threads=1, backend="cpu")
    )
    show("batchgd, `fit`, bounded", seconds, result.landscape.nfev, result.landscape.fun)
    bounded = {"bounds": (lower, upper)}
    for name, given in {
        "`lm`, Jacobian by hand": {"method": "lm", "jac": jacobian},
        "`lm`": {"method": "lm"},
        "`trf`, Jacobian by hand": {"method": "trf", "jac": jacobian},
        "`trf`, bounded": {"method": "trf", **bounded},
    }.items():
        seconds, found = shortest(lambda given=given: [least_squares(residuals, p, **given) for p in starts[:OF_SCIPY]])
        show(f"SciPy, {name}", seconds, [each.nfev for each in found], [each.cost for each in found])


def shortest(run: Callable[[], Any]) -> tuple[float, Any]:
    """Return the least seconds of five calls after a first one, which compiles, and the result."""
    run()
    times = [timed(run) for _ in range(5)]
    return min(seconds for seconds, _ in times), times[0][1]


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds of the process that a call takes, and its result."""
    begin = time.process_time()
    result = run()
    return time.process_time() - begin, result


if __name__ == "__main__":
    main()
