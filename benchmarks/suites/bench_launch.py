"""Launch: the cost of a call with almost nothing to do."""

import numpy as np

import batchgd as bgd

from .common import BACKENDS, need


class Launch:
    """One or a few trajectories of one update."""

    params = ([1, 64, 1000], list(BACKENDS))
    param_names = ("starts", "backend")

    def setup(self, starts, backend):
        need(backend)
        self.x0 = np.zeros((starts, 2))
        self.time_descend(starts, backend)
        self.time_multistart(starts, backend)

    def time_descend(self, starts, backend):
        bgd.descend("himmelblau", self.x0, maxiter=1, backend=backend)

    def time_multistart(self, starts, backend):
        bgd.multistart("himmelblau", starts=starts, maxiter=1, backend=backend)
