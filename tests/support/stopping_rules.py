"""Each stopping rule as its docstring states it, judged on a known path: what the kernels must agree with."""

from dataclasses import dataclass

import numpy as np

import batchgd as bgd
from batchgd import Status

CURVATURE, LEVEL = np.array([1.0, 0.3]), 3.0
BOX = [(-4.0, 4.0)] * 2
STARTS = np.random.default_rng(4).uniform(-4.0, 4.0, (6, 2))
PATIENT, MIN_DELTA = 4, 1e-3


def bowl(x):
    return LEVEL + 0.5 * np.sum(CURVATURE * x**2)


@dataclass
class Path:
    """The accepted points of one trajectory, with values and gradients."""

    x: np.ndarray
    f: np.ndarray
    g: np.ndarray

    def step(self, k):
        return np.linalg.norm(self.x[k + 1] - self.x[k])

    def change(self, k):
        return abs(self.f[k] - self.f[k - 1]) if k else np.inf


def size(x):
    return max(np.abs(x).max(), 8e-3)


def value_scale(path, k):
    return max(1.0, abs(path.f[k]), abs(path.f[k - 1]))


def waited(path, k):
    best, since = path.f[0], 0
    for i in range(1, k + 1):
        if path.f[i] < best - MIN_DELTA:
            best, since = path.f[i], i
    return k - since


def windowed(path, k):
    return k >= 2 and all(np.linalg.norm(path.g[i]) <= 0.4 for i in (k - 2, k - 1, k))


RULES = {
    "gradient, 2-norm": ({"gtol": 1e-3}, Status.GRADIENT, lambda p, k: np.linalg.norm(p.g[k]) <= 1e-3),
    "gradient, max-norm": (
        {"gtol": 1e-3, "norm": "max"},
        Status.GRADIENT,
        lambda p, k: np.abs(p.g[k]).max() <= 1e-3,
    ),
    "gradient, relative": (
        {"gtol": 0.0, "gtol_rel": 1e-2},
        Status.GRADIENT,
        lambda p, k: np.linalg.norm(p.g[k]) <= 1e-2 * np.linalg.norm(p.g[0]),
    ),
    "gradient, relative, max-norm": (
        {"gtol": 0.0, "gtol_rel": 1e-2, "norm": "max"},
        Status.GRADIENT,
        lambda p, k: np.abs(p.g[k]).max() <= 1e-2 * np.abs(p.g[0]).max(),
    ),
    "gradient, three in a row": ({"gtol": 0.4, "window": 3}, Status.GRADIENT, windowed),
    "value": (
        {"gtol": 0.0, "ftol": 1e-3},
        Status.VALUE,
        lambda p, k: k > 0 and p.change(k) < 1e-3 * value_scale(p, k),
    ),
    "value, absolute": ({"gtol": 0.0, "ftol_abs": 1e-3}, Status.VALUE, lambda p, k: p.change(k) < 1e-3),
    "value, relative": (
        {"gtol": 0.0, "ftol_rel": 0.3},
        Status.VALUE,
        lambda p, k: p.change(k) < 0.3 * abs(p.f[k]),
    ),
    "value, two in a row": (
        {"gtol": 0.0, "ftol_abs": 1e-2, "window": 2},
        Status.VALUE,
        lambda p, k: k > 1 and p.change(k) < 1e-2 and p.change(k - 1) < 1e-2,
    ),
    "target": ({"target": 3.2}, Status.TARGET, lambda p, k: p.f[k] <= 3.2),
    "patience": (
        {"gtol": 1e-300, "patience": PATIENT, "min_delta": MIN_DELTA},
        Status.PLATEAU,
        lambda p, k: waited(p, k) >= PATIENT,
    ),
}
"""Settings of ``Stopping``, the status that they end with, and whether point k of a path ends it."""

STEP_RULES = {
    "step": (
        {"gtol": 0.0, "xtol": 2e-2},
        Status.STEP,
        lambda p, k: p.step(k) < 2e-2 * (2e-2 + size(p.x[k])),
    ),
    "step, absolute": ({"gtol": 0.0, "xtol_abs": 1e-3}, Status.STEP, lambda p, k: p.step(k) < 1e-3),
    "step, relative": (
        {"gtol": 0.0, "xtol_rel": 0.2},
        Status.STEP,
        lambda p, k: p.step(k) < 0.2 * size(p.x[k]),
    ),
}
"""The same for rules that look at the step to come, which a line search may yet shorten."""


def paths(method, points, longest=60):
    """The accepted points of each trajectory, from runs that end after 0, 1, 2, ... updates."""
    objective = bgd.Objective(bowl, 2)
    options = {"box": BOX, "method": method, "gtol": 1e-300, "backend": "numpy"}
    x = np.array([bgd.descend(objective, points, maxiter=k, **options).x for k in range(longest)])
    f = LEVEL + 0.5 * np.sum(CURVATURE * x**2, axis=2)
    return [Path(x[:, i], f[:, i], CURVATURE * x[:, i]) for i in range(len(points))]


def first(path, holds):
    return next(k for k in range(len(path.x) - 1) if holds(path, k))
