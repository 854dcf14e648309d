"""Time one update with bounds against one without, on the same trajectories: `python benchmarks/bounds.py`.

Nothing reaches the bounds, which are wide, so both make the same updates; a start is in the middle of many. One thread,
processor time, both in turn; the ratio is that of the best times.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import batchgd as bgd

FUNCTIONS = {"rastrigin": (10, 5.12), "styblinski_tang": (8, 5.0), "himmelblau": (2, 6.0), "ackley": (5, 5.0)}
METHODS = {
    "GradientDescent": bgd.GradientDescent(1e-5),
    "HeavyBall": bgd.HeavyBall(1e-5),
    "Nesterov": bgd.Nesterov(1e-5),
    "Adam": bgd.Adam(1e-5),
    "RMSprop": bgd.RMSprop(1e-5),
}
STARTS, UPDATES = 256, 2000
SETTINGS = {"maxiter": UPDATES, "gtol": 1e-30, "threads": 1, "backend": "cpu"}


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dtype", choices=("float64", "float32"), default="float64")
    parser.add_argument("--repeats", type=int, default=25)
    given = parser.parse_args()
    print("| function | method | ns per update | with bounds | ratio | one pair per start | ratio |")
    print("|---|---|---|---|---|---|---|")
    for function in FUNCTIONS:
        for method in METHODS:
            free, within, each = times(function, method, given.dtype, given.repeats)
            row = [f"{1e9 * free:.1f}", f"{1e9 * within:.1f}", f"{within / free:.2f}"]
            print(f"| {' | '.join([function, method, *row, f'{1e9 * each:.1f}', f'{each / free:.2f}'])} |", flush=True)


def times(function: str, method: str, dtype: str = "float64", repeats: int = 25) -> list[float]:
    """Return seconds per update: without bounds, with them, with a pair per start."""
    dim, side = FUNCTIONS[function]
    x0 = np.random.default_rng(0).uniform(-side, side, (STARTS, dim))
    pairs = [(-10.0 * side, 10.0 * side)] * dim
    kinds = [None, pairs, np.broadcast_to(pairs, (STARTS, dim, 2))]
    best = [float("inf")] * len(kinds)
    for turn in range(repeats + 1):
        for k, bounds in enumerate(kinds):
            began = time.process_time()
            result = bgd.descend(
                function, x0, box=[(-side, side)] * dim, bounds=bounds, method=METHODS[method], dtype=dtype, **SETTINGS
            )
            seconds = (time.process_time() - began) / result.nit.sum()
            best[k] = min(best[k], seconds) if turn else best[k]  # the first call compiles
    return best


if __name__ == "__main__":
    main()
