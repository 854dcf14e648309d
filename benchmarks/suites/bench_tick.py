"""The tick: nanoseconds of processor time per update on one thread, of rules with a constant rate."""

import time

import numpy as np

import batchgd as bgd

FUNCTIONS = {"rastrigin": (10, 5.12), "styblinski_tang": (8, 5.0), "himmelblau": (2, 6.0), "ackley": (5, 5.0)}
METHODS = {"constant": bgd.GradientDescent(1e-5), "heavy_ball": bgd.HeavyBall(1e-5), "adam": bgd.Adam(1e-5)}
UPDATES, REPEATS = 10_000, 5


class Tick:
    """Few starts and a rate too small to end: what is measured is the tick and not the loop around it."""

    params = ([*FUNCTIONS], [*METHODS], ["float64", "float32"])
    param_names = ("function", "method", "dtype")

    def setup(self, function, method, dtype):
        dim, side = FUNCTIONS[function]
        self.x0 = np.random.default_rng(0).uniform(-side, side, (256, dim))
        self.box = [(-side, side)] * dim
        self.run(function, method, dtype)

    def run(self, function, method, dtype):
        options = {"box": self.box, "maxiter": UPDATES, "gtol": 1e-30, "threads": 1, "dtype": dtype}
        return bgd.descend(function, self.x0, method=METHODS[method], **options)

    def track_ns_per_update(self, function, method, dtype):
        best = float("inf")
        for _ in range(REPEATS):
            began = time.process_time()
            updates = self.run(function, method, dtype).nit.sum()
            best = min(best, (time.process_time() - began) / updates)
        return 1e9 * best

    track_ns_per_update.unit = "ns"
