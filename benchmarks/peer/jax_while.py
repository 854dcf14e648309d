"""JAX: one trajectory as a ``lax.while_loop``, batched by ``vmap`` and compiled by ``jit``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .cases import Case
from .table import Endpoints, Run

BLOCK = 1024


def prepare(case: Case, dtype: str, starts: np.ndarray, variant: str) -> Run:
    """Return gradient descent from all starts at once, or block by block for ``variant="blocks"``."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    jax.config.update("jax_enable_x64", True)
    real = jnp.dtype(dtype)
    rate, gtol_squared = real.type(case.learning_rate), real.type(case.gtol[dtype] ** 2)

    def going(state):
        _, g, k = state
        return (jnp.sum(g * g) > gtol_squared) & (k < case.maxiter)

    def update(state):
        x, g, k = state
        x = x - rate * g
        return x, case.gradient(jnp, x), k + 1

    def descend(x):
        x, _, k = lax.while_loop(going, update, (x, case.gradient(jnp, x), jnp.int32(0)))
        return x, k

    return compiled(jax.vmap(descend), starts, BLOCK if variant == "blocks" else None)


def compiled(batched: Callable[[Any], Any], starts: np.ndarray, block: int | None = None) -> Run:
    """Return a run of a batched function ``starts -> (x, nit)``, with the starts already in JAX's memory."""
    import jax
    from jax import lax

    n, dim = starts.shape
    if block is None or n % block:
        function, points = jax.jit(batched), jax.device_put(starts)
    else:
        function, points = jax.jit(lambda x: lax.map(batched, x)), jax.device_put(starts.reshape(-1, block, dim))

    def run() -> Endpoints:
        x, k = jax.block_until_ready(function(points))
        return Endpoints(np.asarray(x).reshape(n, dim), np.asarray(k).ravel())

    return run
