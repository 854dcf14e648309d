"""Write optax_references.json: trajectories of optax's rules in float64, which tests/test_methods.py compares with.

Needs optax (and jax), which the tests do not: ``python tests/data/make_optax_references.py``.
"""

import json
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402

UPDATES = 25
STARTS = [[1.3, -0.7], [-3.1, 2.2], [0.4, 4.3], [-2.6, -4.4]]

# Each case: the rule of optax; batchgd's method and settings.
CASES = {
    "gradient_descent": (optax.sgd(0.01), "gradient_descent", {"learning_rate": 0.01}),
    "polyak": (optax.polyak_sgd(max_learning_rate=1e9, f_min=-0.5), "polyak", {"optimum": -0.5}),
    "heavy_ball": (optax.sgd(0.004, momentum=0.8), "heavy_ball", {"learning_rate": 0.004, "momentum": 0.8}),
    "nesterov": (
        optax.sgd(0.004, momentum=0.8, nesterov=True),
        "nesterov",
        {"learning_rate": 0.004, "momentum": 0.8},
    ),
    # optax adds to the sum of squares what the paper adds to its root: with (almost) nothing added they agree.
    "adagrad": (
        optax.adagrad(0.3, initial_accumulator_value=0.0, eps=0.0),
        "adagrad",
        {"learning_rate": 0.3, "epsilon": 1e-300},
    ),
    "adadelta": (optax.adadelta(1.0, rho=0.9, eps=1e-2), "adadelta", {"decay": 0.9, "epsilon": 1e-2}),
    "rmsprop": (
        optax.rmsprop(0.05, decay=0.9, eps=1e-3, eps_in_sqrt=False),
        "rmsprop",
        {"learning_rate": 0.05, "epsilon": 1e-3},
    ),
    "rmsprop_momentum": (
        optax.rmsprop(0.05, decay=0.8, eps=1e-8, eps_in_sqrt=False, momentum=0.7),
        "rmsprop",
        {"learning_rate": 0.05, "decay": 0.8, "momentum": 0.7},
    ),
    "rmsprop_centred": (
        optax.rmsprop(0.05, decay=0.9, eps=1e-2, eps_in_sqrt=False, centered=True),
        "rmsprop",
        {"learning_rate": 0.05, "epsilon": 1e-2, "centred": True},
    ),
    "adam": (optax.adam(0.1, b1=0.8, b2=0.95, eps=1e-6), "adam", {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-6}),
    "amsgrad": (optax.amsgrad(0.1, b1=0.8, b2=0.9), "amsgrad", {"beta1": 0.8, "beta2": 0.9}),
    "adamax": (optax.adamax(0.1, b1=0.8, b2=0.9), "adamax", {"beta1": 0.8, "beta2": 0.9}),
    "nadam": (optax.nadam(0.1, b1=0.8, b2=0.9), "nadam", {"beta1": 0.8, "beta2": 0.9}),
    "adamw": (optax.adamw(0.1, b2=0.9, weight_decay=0.2), "adamw", {"beta2": 0.9, "weight_decay": 0.2}),
    "lion": (optax.lion(0.1, b1=0.8, b2=0.9, weight_decay=0.1), "lion", {"beta1": 0.8, "beta2": 0.9}),
    # Rprop is compared with tests/support/naive.py: optax 0.2.8 applies the step of the update before.
    "signsgd": (optax.sign_sgd(0.1), "signsgd", {}),
    "clipped by norm": (
        optax.chain(optax.clip_by_global_norm(30.0), optax.sgd(0.01, momentum=0.8)),
        "heavy_ball",
        {"learning_rate": 0.01, "momentum": 0.8, "clip_norm": 30.0},
    ),
    "clipped by value": (
        optax.chain(optax.clip(20.0), optax.adam(0.1)),
        "adam",
        {"clip_value": 20.0},
    ),
}
CASES["lion"][2]["weight_decay"] = 0.1
for _name in ("adam", "amsgrad", "adamax", "nadam", "adamw", "lion", "signsgd", "clipped by value"):
    CASES[_name][2]["learning_rate"] = 0.1


def himmelblau(x):
    """The function of the tests."""
    return (x[0] ** 2 + x[1] - 11.0) ** 2 + (x[0] + x[1] ** 2 - 7.0) ** 2


def trajectory(rule, start):
    """Return x after 0, 1, ... updates."""
    x = jnp.asarray(start)
    state = rule.init(x)
    path = [x]
    for _ in range(UPDATES):
        value, gradient = jax.value_and_grad(himmelblau)(x)
        step, state = optax.with_extra_args_support(rule).update(gradient, state, x, value=value)
        x = optax.apply_updates(x, step)
        path.append(x)
    return np.asarray(path).tolist()


if __name__ == "__main__":
    cases = {
        name: {"method": method, "settings": settings, "paths": [trajectory(rule, start) for start in STARTS]}
        for name, (rule, method, settings) in CASES.items()
    }
    source = f"optax {optax.__version__}, jax {jax.__version__}, float64"
    target = Path(__file__).with_name("optax_references.json")
    target.write_text(json.dumps({"source": source, "starts": STARTS, "cases": cases}) + "\n")
