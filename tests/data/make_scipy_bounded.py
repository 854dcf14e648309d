"""Write scipy_bounded.json: what SciPy's bounded solvers find on the problems of tests/support/bounded_problems.py.

``python tests/data/make_scipy_bounded.py``: the best of eight starts of ``least_squares(method="trf")`` and of
``minimize(method="L-BFGS-B")``; the stored value is the sum of the squared residuals.
"""

import json
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import least_squares, minimize

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "support"))
from bounded_problems import PROBLEMS  # noqa: E402


def solved(problem):
    lower, upper = np.array(problem.bounds, float).T
    random, found = np.random.default_rng(0), {"trf": [], "L-BFGS-B": []}
    for k in range(8):
        x0 = random.uniform(np.maximum(lower, -10), np.minimum(upper, 10))
        x0 = np.clip(problem.x0, lower + 1e-9, upper - 1e-9) if k == 0 else x0
        one = least_squares(
            problem.residuals, x0, bounds=(lower, upper), xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=5000
        )
        two = minimize(
            lambda x: np.sum(problem.residuals(x) ** 2), x0, method="L-BFGS-B", bounds=problem.bounds,
            options={"maxiter": 20_000, "maxfun": 100_000, "ftol": 1e-16, "gtol": 1e-12},
        )  # fmt: skip
        found["trf"].append((2.0 * one.cost, one.x.tolist()))
        found["L-BFGS-B"].append((float(two.fun), two.x.tolist()))
    return {name: dict(zip(("fun", "x"), min(runs), strict=True)) for name, runs in found.items()}


if __name__ == "__main__":
    with np.errstate(all="ignore"):
        text = json.dumps({name: solved(problem) for name, problem in PROBLEMS.items()}, indent=1)
    (HERE / "scipy_bounded.json").write_text(text + "\n")
