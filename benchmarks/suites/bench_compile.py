"""Compile: from a function to running code, in a process in which Numba itself is warm."""

import numpy as np

import batchgd as bgd

from .common import need


def _objective(terms, dim, shift):
    """A new function of about ten operations per term: the shift changes its text each time."""

    def fun(x):
        total = 0.0
        for k in range(terms):
            t = x[k % dim] - shift - 0.01 * k
            total = total + 0.5 * t * t + np.cos(t)
        return total

    return fun


class Compile:
    """Tracing, and the first run of a new function."""

    params = ([10, 50, 200], ["cpu", "cuda"])
    param_names = ("terms", "backend")
    number = 1
    repeat = 3
    warmup_time = 0
    timeout = 300

    def setup(self, terms, backend):
        need(backend)
        bgd.multistart("sphere", dim=2, starts=64, backend=backend)

    def time_first_run(self, terms, backend):
        fresh = float(np.random.default_rng().uniform(0.0, 1.0))
        fun = _objective(terms, 6, fresh)
        bgd.multistart(fun, box=[(-2.0, 2.0)] * 6, starts=64, maxiter=1, backend=backend)

    def time_trace(self, terms, backend):
        if backend != "cpu":
            raise NotImplementedError("the same for every backend")
        bgd.Objective(_objective(terms, 6, 0.5), 6)

    def track_operations(self, terms, backend):
        return bgd.Objective(_objective(terms, 6, 0.5), 6).counts.total
