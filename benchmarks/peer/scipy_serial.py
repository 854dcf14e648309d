"""SciPy: ``minimize(method="L-BFGS-B")`` from one start after another, on a sample of the starts.

L-BFGS-B tests the largest component of the gradient, so it gets gtol / sqrt(d), which implies the norm; its test on
the value is switched off.
"""

from __future__ import annotations

import math

import numpy as np

from .cases import Case
from .table import Endpoints, Run
from .values import VALUES


def prepare(case: Case, dtype: str, starts: np.ndarray, variant: str) -> Run:
    """Return a serial run over the starts given."""
    from scipy.optimize import minimize

    value = VALUES[case.scalar]
    options = {"gtol": case.gtol[dtype] / math.sqrt(case.dim), "ftol": 0.0, "maxiter": case.maxiter, "maxfun": 10**9}

    def both(x: np.ndarray) -> tuple[float, np.ndarray]:
        return value(np, x), case.gradient(np, x)

    def run() -> Endpoints:
        ends = [minimize(both, start, jac=True, method="L-BFGS-B", options=options) for start in starts]
        return Endpoints(np.array([end.x for end in ends]), np.array([end.nit for end in ends]))

    return run
