"""Shared by the suites: the standard batch, backends that skip themselves, a folder without compiled code."""

import tempfile
from pathlib import Path

import numpy as np

import batchgd as bgd

BACKENDS = ("cpu", "numpy", "cuda")
LANDSCAPES = {"rastrigin": (10, 0.0025), "styblinski_tang": (8, 0.01)}
"""Name: dimension and a constant rate that is safe in the box."""


def need(backend):
    """Skip the benchmark if this backend cannot run, by the exception that asv expects."""
    from batchgd.engine.backends import BACKENDS as table
    from batchgd.engine.backends import simulated

    problem = table[backend].problem()
    if problem is not None or (backend == "cuda" and simulated()):
        raise NotImplementedError(problem or "the simulator is not a device")


def constant_rate(name):
    """The landscape's method with a constant learning rate."""
    return bgd.GradientDescent(LANDSCAPES[name][1])


def solve(name, starts, **options):
    """A multi-start run of the standard set, warm or not."""
    return bgd.multistart(name, dim=LANDSCAPES[name][0], starts=starts, **options)


def endpoints(minima, copies, scatter=1e-7, seed=0):
    """Artificial endpoints around the integer points of a square, like those of a run with that number of minima."""
    rng = np.random.default_rng(seed)
    side = int(np.sqrt(minima))
    points = np.stack(np.divmod(rng.integers(0, side * side, minima * copies), side), axis=1) + 0.5
    return points + scatter * rng.normal(size=points.shape), side


def fresh_folder():
    """An empty folder for compiled code."""
    return Path(tempfile.mkdtemp(prefix="batchgd-asv-"))
