"""The landscape: whole multi-start runs over their descents alone, from the same starts."""

import time

import batchgd as bgd

CASES = {
    "rastrigin 10-D": ("rastrigin", 10, 100_000),
    "rastrigin 5-D": ("rastrigin", 5, 200_000),
    "griewank 5-D": ("griewank", 5, 100_000),
    "schwefel 6-D": ("schwefel", 6, 100_000),
    "michalewicz 5-D": ("michalewicz", 5, 100_000),
    "rastrigin 100-D": ("rastrigin", 100, 2_000),
    "rastrigin 2-D": ("rastrigin", 2, 1_000_000),
}
"""Name, dimension and starts: from 121 minima of a million starts to a minimum of its own for each start."""

REPEATS = 5


class Landscape:
    """Ratios, each the best of several runs that take turns, because times alone depend on the machine's load."""

    params = ([*CASES],)
    param_names = ("case",)
    timeout = 600

    def setup(self, case):
        name, dim, starts = CASES[case]
        self.whole = lambda: bgd.multistart(name, dim=dim, starts=starts, seed=0)
        points = self.whole().x0
        self.alone = lambda: bgd.descend(name, points)
        self.alone()

    def track_whole_over_descent(self, case):
        best = {self.whole: float("inf"), self.alone: float("inf")}
        for _ in range(REPEATS):
            for run in best:
                began = time.perf_counter()
                run()
                best[run] = min(best[run], time.perf_counter() - began)
        return best[self.whole] / best[self.alone]

    def time_whole(self, case):
        self.whole()


class ManyMinima:
    """A million starts, nearly all of them in basins of their own, kept as minima alone."""

    timeout = 900

    def setup(self):
        self.peakmem_minima()

    def peakmem_minima(self):
        bgd.multistart("rastrigin", dim=10, starts=1_000_000, keep="minima")

    def time_minima(self):
        self.peakmem_minima()
