"""Assemble CUDA kernels of functions of data, without a device: `python benchmarks/cuda_rows.py`.

For each function, what a thread of the default method needs on sm_90: registers, and bytes of stack and of spills; for
fits of many data sets, what one of Levenberg and Marquardt's method with limits needs.
"""

from __future__ import annotations

from typing import Any

import many_data
import numpy as np
from evaluation import CASES

import batchgd as bgd
from batchgd.compiler.codegen.loading import load
from batchgd.compiler.codegen.specialisation import Specialisation
from batchgd.kernels.cuda import assemble

CAPABILITY = (9, 0)
LARGEST = 100
"""Dimensions of the cases that are assembled: the state of a thread in more is in local memory anyway."""
SHOCKS = np.random.default_rng(0).normal(size=500) ** 2
PLACES = np.linspace(0.0, 1.0, 100_000)


def volatility(x: Any) -> Any:
    """The log-likelihood of GARCH(1,1), a recurrence."""
    base, shocks, memory = 0.1 + x[0] ** 2, 0.3 * x[1] ** 2, 0.5 * x[2] ** 2

    def step(variance: Any, shock: Any) -> Any:
        variance = base + shocks * shock + memory * variance
        return variance, variance

    _, variances = bgd.scan(step, 1.0, SHOCKS)
    return np.sum(np.log(variances) + SHOCKS / variances)


def parabola(x: Any) -> Any:
    """A fit of one number to 100,000 points."""
    return np.sum((PLACES - x[0] * PLACES**2) ** 2)


MORE = [("GARCH(1,1) by bgd.scan, 500 rows", volatility, 3, 500), ("parabola, 100,000 points", parabola, 1, 100_000)]


def fit(model: Any, x: Any, limits: many_data.Limits, y: Any) -> bgd.LeastSquares:
    """A fit in which each start has its own data."""
    box = [each[1:] for each in limits.values()]
    return bgd.LeastSquares(lambda p, y: model(x, *p) - y, params={"y": y}, box=box, name=model.__name__)


FITS = (
    ("many decays", (many_data.decay, many_data.TIMES, many_data.DECAY_LIMITS, many_data.decays(1)[0])),
    ("many spots", (many_data.spot, many_data.PIXELS, many_data.SPOT_LIMITS, many_data.spots(1)[0])),
)
OF_FITS: Any = {"in_kernel": False, "bounded": True, "own": True, "cubic": False}


def main() -> None:
    """Assemble all of them in both precisions, and print a table."""
    print("| function | dtype | registers | stack | spills |\n|---|---|---|---|---|")
    cases = [
        (name, bgd.Objective(function, box=[(0.5, 1.5)] * dim), "barzilai_borwein", {})
        for name, function, dim, _ in [*MORE, *CASES]
        if dim <= LARGEST
    ]
    cases += [(name, fit(*given), "levenberg_marquardt", OF_FITS) for name, given in FITS]
    for name, objective, rule, options in cases:
        for dtype in ("float64", "float32"):
            module = load(Specialisation(objective, rule, dtype, "cuda", lanes=1, tests=("gtol",), **options))
            library = assemble.compiled(module.descend_kernel, dtype, CAPABILITY)
            needs = assemble.machine_code(library, CAPABILITY).resources
            print(f"| {name} | {dtype} | {needs.registers} | {needs.stack} | {needs.spill_stores} |", flush=True)


if __name__ == "__main__":
    main()
