"""Losses of small networks over 200 rows: values, gradients and Hessians against those that JAX computed.

``tests/data/make_network_references.py`` wrote them.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import batchgd as bgd

REFERENCES = json.loads((Path(__file__).parent / "data" / "network_references.json").read_text())

INPUTS = np.random.default_rng(12).normal(size=(200, 3))
TARGETS = np.sin(INPUTS[:, 0]) + INPUTS[:, 1] * INPUTS[:, 2]


def small(w):
    """3-8-1, tanh, squared errors."""
    hidden = np.tanh(INPUTS @ w[:24].reshape(3, 8) + w[24:32])
    return np.mean((hidden @ w[32:40] + w[40] - TARGETS) ** 2)


def deep(w):
    """3-5-4-2, softplus and ReLU, cross entropy of two classes, a ridge."""
    first = np.logaddexp(0.0, INPUTS @ w[:15].reshape(3, 5) + w[15:20])
    second = np.maximum(first @ w[20:40].reshape(5, 4) + w[40:44], 0.0)
    scores = second @ w[44:52].reshape(4, 2) + w[52:54]
    of_class = np.where(TARGETS > 0, scores[:, 1], scores[:, 0])
    return np.mean(np.logaddexp.reduce(scores, axis=1) - of_class) + 0.01 * np.sum(w**2)


def by_row(w, row):
    """The small network's error of one row."""
    hidden = np.tanh(row[:3] @ w[:24].reshape(3, 8) + w[24:32])
    return (hidden @ w[32:40] + w[40] - row[3]) ** 2


NETWORKS = {
    "small": lambda: bgd.Objective(small, 41),
    "deep": lambda: bgd.Objective(deep, 54),
    "small, by rows": lambda: bgd.FiniteSum(by_row, np.column_stack([INPUTS, TARGETS]), dim=41),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_value_gradient_and_hessian_are_those_of_jax(name):
    objective, wanted = NETWORKS[name](), REFERENCES[name.partition(",")[0]]
    w, along = np.array(wanted["w"]), np.array(wanted["along"])
    assert objective.value(w) == pytest.approx(wanted["value"], rel=1e-13)
    np.testing.assert_allclose(objective.gradient(w), wanted["gradient"], rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(objective.hessian(w) @ along, wanted["hessian_times_along"], rtol=1e-10, atol=1e-11)


def test_a_step_on_the_cpu_is_along_the_gradient_of_jax():
    w, wanted = np.array(REFERENCES["small"]["w"]), np.array(REFERENCES["small"]["gradient"])
    moved = bgd.descend(
        bgd.Objective(small, 41), x0=w[None], method=bgd.GradientDescent(1e-3), maxiter=1, backend="cpu"
    )
    np.testing.assert_allclose((w - moved.x[0]) / 1e-3, wanted, rtol=1e-9, atol=1e-12)
