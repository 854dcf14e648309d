"""batchgd itself, through its public calls: everything that a user waits for is timed."""

from __future__ import annotations

from typing import Any

import numpy as np

from .cases import ADAM, SOLVE, Case
from .device import backend
from .table import Endpoints, Run


def prepare(case: Case, dtype: str, starts: np.ndarray, variant: str) -> Run:
    """Trace the function once; each run is one call of ``descend``, or of ``multistart`` for ``variant="minima"``."""
    import batchgd as bgd

    box = [case.box] * case.dim
    objective = bgd.as_objective(case.fun, box=box)
    limits: dict[str, Any] = {"gtol": case.gtol[dtype], "maxiter": case.maxiter, "dtype": dtype, "backend": backend()}
    method = quasi_newton() if case.kind == SOLVE else bgd.GradientDescent(case.learning_rate)
    if case.kind == ADAM:
        method = bgd.Adam(case.learning_rate)

    def descend() -> Endpoints:
        batch = bgd.descend(objective, starts, box=box, method=method, **limits)
        return Endpoints(batch.x, batch.nit)

    def multistart() -> Endpoints:
        result = bgd.multistart(objective, starts=starts, box=box, method=method, **limits)
        return Endpoints(result.x, result.nit, np.asarray(result.minima.count))

    return multistart if variant == "minima" else descend


def quasi_newton() -> Any:
    """Return L-BFGS if this version has it, otherwise the default method."""
    from batchgd.problem.methods import METHODS, as_method

    return as_method("lbfgs" if "lbfgs" in METHODS else None)
