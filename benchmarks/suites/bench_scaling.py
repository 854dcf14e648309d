"""Scaling: the same work over more starts, over more dimensions, over more threads."""

import batchgd as bgd

from .common import BACKENDS, constant_rate, need, solve

FEWER = {"cpu": 1, "numpy": 64, "cuda": 1}


class Starts:
    """Seconds per start should fall, then stay."""

    params = ([1_000, 10_000, 100_000, 1_000_000], list(BACKENDS))
    param_names = ("starts", "backend")
    timeout = 300

    def setup(self, starts, backend):
        need(backend)
        if backend == "numpy" and starts > 100_000:
            raise NotImplementedError("the plain reference is not meant for so many")
        self.time_multistart(starts, backend)

    def time_multistart(self, starts, backend):
        bgd.multistart("himmelblau", starts=starts, backend=backend)


class Dimension:
    """One descent of a hundred updates per start; the number of starts falls as the dimension grows."""

    params = ([2, 4, 8, 16, 32, 64], list(BACKENDS))
    param_names = ("dim", "backend")
    timeout = 300

    def setup(self, dim, backend):
        need(backend)
        self.starts = 262_144 // (dim * FEWER[backend])
        self.time_hundred_updates(dim, backend)

    def time_hundred_updates(self, dim, backend):
        rate = bgd.GradientDescent(1e-4)
        bgd.multistart("styblinski_tang", dim=dim, starts=self.starts, method=rate, maxiter=100, backend=backend)


class Threads:
    """The share of two cores that a second thread brings."""

    params = ([1, 2],)
    param_names = ("threads",)

    def setup(self, threads):
        self.time_solve(threads)

    def time_solve(self, threads):
        solve("styblinski_tang", 65_536, method=constant_rate("styblinski_tang"), backend="cpu", threads=threads)
