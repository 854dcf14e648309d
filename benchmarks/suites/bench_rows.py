"""Functions over data: nanoseconds of processor time per lane, evaluation and row."""

import time

import numpy as np

import batchgd as bgd

STARTS, UPDATES, REPEATS = 512, 50, 5


def two_decays(rows):
    """A sum of squares with two exponentials in every row; its dimension is 4."""
    t = np.linspace(0.0, 10.0, rows)
    y = 3.0 * np.exp(-0.4 * t) + 2.0 * np.exp(-2.1 * t)
    return lambda p: np.sum((y - p[0] * np.exp(-p[1] * t) - p[2] * np.exp(-p[3] * t)) ** 2), 4


def logistic(rows):
    """A logistic regression with 100 features, whose products are loops in loops."""
    rng = np.random.default_rng(7)
    features, labels = rng.standard_normal((rows, 100)), np.sign(rng.standard_normal(rows))
    return lambda w: np.mean(np.log(1.0 + np.exp(-labels * (features @ w)))) + 0.005 * np.dot(w, w), 100


def network(rows):
    """A 3-8-1 tanh network; its dimension is 41."""
    inputs = np.random.default_rng(0).uniform(-2.0, 2.0, (rows, 3))
    targets = np.sin(inputs[:, 0]) * inputs[:, 1]

    def loss(w):
        hidden = np.tanh(inputs @ w[:24].reshape(3, 8) + w[24:32])
        return np.mean((hidden @ w[32:40] + w[40] - targets) ** 2)

    return loss, 41


FUNCTIONS = {"two_decays": two_decays, "logistic": logistic, "network": network}


class Rows:
    """A constant rate too small to end, so that every lane is busy for all updates."""

    params = ([*FUNCTIONS], [200, 1000])
    param_names = ("function", "rows")
    timeout = 300

    def setup(self, function, rows):
        fun, dim = FUNCTIONS[function](rows)
        self.objective, self.x0 = bgd.Objective(fun, dim), np.random.default_rng(1).uniform(0.1, 1.0, (STARTS, dim))
        self.run()

    def run(self):
        method = bgd.GradientDescent(1e-6)
        return bgd.descend(self.objective, self.x0, method=method, maxiter=UPDATES, gtol=1e-300, threads=1)

    def track_ns_per_row(self, function, rows):
        best = float("inf")
        for _ in range(REPEATS):
            began = time.process_time()
            evaluations = self.run().nfev.sum()
            best = min(best, (time.process_time() - began) / evaluations)
        return 1e9 * best / rows

    track_ns_per_row.unit = "ns"
