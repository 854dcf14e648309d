"""Whole problems as users write them, each timed in a new process with an empty cache: `python whole.py NAME` runs one.

Functions over data, pairs of atoms and time steps, with the default method and everything that follows the descents.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def bi_exponential():
    """1,000 points of two decays."""
    rng = np.random.default_rng(0)
    t = np.linspace(0.0, 10.0, 1000)
    y = 3.0 * np.exp(-0.4 * t) + 2.0 * np.exp(-2.1 * t) + 0.01 * rng.standard_normal(1000)

    def misfit(p):
        a, b, c, d = p
        return np.sum((y - a * np.exp(-b * t) - c * np.exp(-d * t)) ** 2)

    return misfit, [(0, 5)] * 4, 2000


def lennard_jones_loop():
    """13 atoms, as a loop over pairs."""

    def energy(p):
        total = 0.0
        for i in range(13):
            for j in range(i):
                square = sum((p[3 * i + k] - p[3 * j + k]) ** 2 for k in range(3))
                inverse = 1.0 / square**3
                total = total + 4.0 * (inverse * inverse - inverse)
        return total

    return energy, [(-2, 2)] * 39, 500


def lennard_jones_array():
    """13 atoms, as arrays."""
    first, second = np.triu_indices(13, 1)

    def energy(p):
        points = p.reshape(13, 3)
        apart = points[first] - points[second]
        inverse = 1.0 / np.sum(apart**2, axis=1) ** 3
        return np.sum(4.0 * (inverse * inverse - inverse))

    return energy, [(-2, 2)] * 39, 500


def logistic():
    """A ridge logistic regression with 200 rows and 100 features: one minimum, 0.162356540."""
    rng = np.random.default_rng(7)
    features = rng.standard_normal((200, 100))
    labels = np.where(features @ rng.standard_normal(100) + rng.standard_normal(200) > 0, 1.0, -1.0)

    def nll(w):
        z = labels * (features @ w)
        return np.mean(np.log(1 + np.exp(-z))) + 0.005 * np.dot(w, w)

    return nll, [(-3, 3)] * 100, 1000


def oscillator():
    """Two numbers of an oscillator from 50 measurements, by 490 steps of Runge and Kutta."""
    times, h = np.linspace(0.0, 10.0, 50), 10.0 / 490.0

    def path(a, b):
        y, v, found = 0.0005, 0.2, [0.0005]
        for step in range(490):
            k1, l1 = v, a * y + b * v
            k2, l2 = v + h / 2 * l1, a * (y + h / 2 * k1) + b * (v + h / 2 * l1)
            k3, l3 = v + h / 2 * l2, a * (y + h / 2 * k2) + b * (v + h / 2 * l2)
            k4, l4 = v + h * l3, a * (y + h * k3) + b * (v + h * l3)
            y, v = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), v + h / 6 * (l1 + 2 * l2 + 2 * l3 + l4)
            if step % 10 == 9:
                found.append(y)
        return found

    noisy = np.array(path(-2.0, -0.1)) + 0.01 * np.random.default_rng(9167819).standard_normal(len(times))

    def misfit(p):
        return sum((y - z) ** 2 for y, z in zip(path(p[0], p[1]), noisy, strict=True))

    return misfit, [(-10, 0), (-2, 0.5)], 100


PROBLEMS: dict[str, tuple[str, float, Callable[[], Any]]] = {
    "fit": ("bi-exponential fit of 1,000 points, 2,000 starts", 3.0, bi_exponential),
    "lj13_loop": ("LJ13 as a double loop, 500 starts", 3.0, lennard_jones_loop),
    "lj13_array": ("LJ13 as arrays, 500 starts", 1.0, lennard_jones_array),
    "logistic": ("100-D logistic regression, 200 rows, 1,000 starts", 3.0, logistic),
    "oscillator": ("oscillator by 490 steps of Runge-Kutta, 100 starts", 3.0, oscillator),
}
"""Title, the seconds that it should take, and what makes function, box and number of starts; by name."""


def timed(name: str) -> dict[str, Any]:
    """Run a problem in a process of its own."""
    title, wanted, _ = PROBLEMS[name]
    with tempfile.TemporaryDirectory() as folder:
        before, began = _cpu(), time.perf_counter()
        call = [sys.executable, str(Path(__file__)), name]
        done = subprocess.run(call, env=os.environ | {"BATCHGD_CACHE_DIR": folder}, capture_output=True, text=True)
        seconds, cpu = time.perf_counter() - began, _cpu() - before
    result = done.stdout.strip() if done.returncode == 0 else f"failed: {done.stderr.strip().splitlines()[-1]}"
    return {"title": title, "wanted": wanted, "seconds": seconds, "cpu": cpu, "result": result}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _run(name: str) -> None:
    import batchgd as bgd

    fun, box, starts = PROBLEMS[name][2]()
    result = bgd.multistart(fun, box=box, starts=starts, seed=0)
    print(f"best {result.minima.fun[0]:.9g}, {len(result.minima.fun)} minima, {np.mean(result.nfev):.0f} evaluations")


if __name__ == "__main__":
    _run(sys.argv[1])
