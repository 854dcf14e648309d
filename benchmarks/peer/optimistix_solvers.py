"""optimistix: ``GradientDescent`` and ``BFGS``, vmapped over the starts.

Neither stops on the gradient norm: both use Cauchy's test on the step and on the change of the value. For gradient
descent the step is η g, so a tolerance of η gtol on its norm is nearly the same rule.
"""

from __future__ import annotations

import numpy as np

from .cases import Case
from .jax_while import compiled
from .table import Run
from .values import VALUES

BFGS_TOLERANCE = {"float64": 1e-7, "float32": 1e-4}


def prepare(case: Case, dtype: str, starts: np.ndarray, variant: str) -> Run:
    """Return a run of the solver from all starts at once."""
    import jax
    import jax.numpy as jnp
    import optimistix

    jax.config.update("jax_enable_x64", True)
    value = VALUES[case.scalar]
    gtol = case.gtol[dtype]
    if variant == "bfgs":
        tolerance = BFGS_TOLERANCE[dtype]
        solver = optimistix.BFGS(rtol=tolerance, atol=tolerance)
    else:
        rate = case.learning_rate
        solver = optimistix.GradientDescent(rate, rtol=0.0, atol=rate * gtol, norm=optimistix.two_norm)

    def descend(x):
        solution = optimistix.minimise(
            lambda point, _: value(jnp, point), solver, x, max_steps=case.maxiter, throw=False
        )
        return solution.value, solution.stats["num_steps"]

    return compiled(jax.vmap(descend), starts)
