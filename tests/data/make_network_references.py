"""Write network_references.json: losses and derivatives of networks by JAX in float64, for tests/test_networks.py.

Needs jax, which the tests do not: ``python tests/data/make_network_references.py``.
"""

import json
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

ROWS = 200
INPUTS = np.random.default_rng(12).normal(size=(ROWS, 3))
TARGETS = np.sin(INPUTS[:, 0]) + INPUTS[:, 1] * INPUTS[:, 2]


def small(w):
    """3-8-1, tanh, squared errors."""
    hidden = jnp.tanh(INPUTS @ w[:24].reshape(3, 8) + w[24:32])
    return jnp.mean((hidden @ w[32:40] + w[40] - TARGETS) ** 2)


def deep(w):
    """3-5-4-2, softplus and ReLU, cross entropy of two classes, a ridge."""
    first = jax.nn.softplus(INPUTS @ w[:15].reshape(3, 5) + w[15:20])
    second = jax.nn.relu(first @ w[20:40].reshape(5, 4) + w[40:44])
    scores = second @ w[44:52].reshape(4, 2) + w[52:54]
    of_class = jnp.where(TARGETS > 0, scores[:, 1], scores[:, 0])
    return jnp.mean(jax.scipy.special.logsumexp(scores, axis=1) - of_class) + 0.01 * jnp.sum(w**2)


def case(loss, size, seed):
    """The loss at a point, its gradient, and the Hessian times a vector."""
    rng = np.random.default_rng(seed)
    w, along = rng.normal(size=size), rng.normal(size=size)
    product = jax.jvp(jax.grad(loss), (w,), (along,))[1]
    numbers = {"w": w, "along": along, "gradient": jax.grad(loss)(w), "hessian_times_along": product}
    return {"value": float(loss(w)), **{name: np.asarray(each).tolist() for name, each in numbers.items()}}


if __name__ == "__main__":
    made = {"jax": jax.__version__, "small": case(small, 41, 1), "deep": case(deep, 54, 2)}
    Path(__file__).with_name("network_references.json").write_text(json.dumps(made, indent=0) + "\n")
