"""optax: ``sgd`` (which is gradient descent when the gradient is exact), ``adam`` and ``lbfgs``, in a vmapped loop."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from .cases import Case
from .jax_while import compiled
from .table import Run
from .values import VALUES


def prepare(case: Case, dtype: str, starts: np.ndarray, variant: str) -> Run:
    """Return ``optax.sgd``, or what ``variant`` names, from all starts at once."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    real = jnp.dtype(dtype)
    descend = {"lbfgs": _lbfgs, "adam": _adam}.get(variant, _sgd)(case, real)
    return compiled(jax.vmap(descend), starts)


def _sgd(case: Case, real: Any) -> Any:
    import jax.numpy as jnp
    import optax
    from jax import lax

    rule = optax.sgd(real.type(case.learning_rate))
    gtol_squared = real.type(case.gtol[real.name] ** 2)

    def going(state):
        _, _, g, k = state
        return (jnp.sum(g * g) > gtol_squared) & (k < case.maxiter)

    def update(state):
        x, memory, g, k = state
        step, memory = rule.update(g, memory, x)
        x = optax.apply_updates(x, step)
        return x, memory, case.gradient(jnp, x), k + 1

    def descend(x):
        x, _, _, k = lax.while_loop(going, update, (x, rule.init(x), case.gradient(jnp, x), jnp.int32(0)))
        return x, k

    return descend


def _adam(case: Case, real: Any) -> Any:
    import jax.numpy as jnp
    import optax
    from jax import lax

    rule = optax.adam(real.type(case.learning_rate))

    def update(k, state):
        x, memory = state
        step, memory = rule.update(case.gradient(jnp, x), memory, x)
        return optax.apply_updates(x, step), memory

    def descend(x):
        x, _ = lax.fori_loop(0, case.maxiter, update, (x, rule.init(x)))
        return x, jnp.int32(case.maxiter)

    return descend


def _lbfgs(case: Case, real: Any) -> Any:
    import jax.numpy as jnp
    import optax
    from jax import lax

    rule = optax.lbfgs()
    gtol_squared = real.type(case.gtol[real.name] ** 2)
    value = partial(VALUES[case.scalar], jnp)
    with_gradient = optax.value_and_grad_from_state(value)

    def going(state):
        _, memory, k = state
        g = optax.tree.get(memory, "grad")
        return (k == 0) | ((jnp.sum(g * g) > gtol_squared) & (k < case.maxiter))

    def update(state):
        x, memory, k = state
        f, g = with_gradient(x, state=memory)
        step, memory = rule.update(g, memory, x, value=f, grad=g, value_fn=value)
        return optax.apply_updates(x, step), memory, k + 1

    def descend(x):
        x, _, k = lax.while_loop(going, update, (x, rule.init(x), jnp.int32(0)))
        return x, k

    return descend
