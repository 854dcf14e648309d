"""Merge: from endpoints to occupied cells, and from those to minima."""

import numpy as np

from batchgd.minima import Catalogue, find_minima
from batchgd.problem.box import Box

from .common import endpoints


class Merge:
    """Artificial endpoints: a number of distinct minima, and a number of copies of each."""

    params = ([100, 10_000], [10, 100])
    param_names = ("minima", "copies")
    timeout = 300

    def setup(self, minima, copies):
        self.x, side = endpoints(minima, copies)
        self.box = Box.parse([(0.0, float(side))] * 2)
        self.fun, self.status = np.zeros(len(self.x)), np.ones(len(self.x), np.int8)
        self.half = len(self.x) // 2

    def _filled(self, rows, first=0):
        catalogue = Catalogue(self.box)
        catalogue.add(first, self.x[rows], self.fun[rows], self.status[rows])
        return catalogue

    def time_add(self, minima, copies):
        self._filled(slice(None))

    def time_add_and_merge_two(self, minima, copies):
        self._filled(slice(None, self.half)).merge(self._filled(slice(self.half, None), self.half))

    def time_find_minima(self, minima, copies):
        find_minima(self._filled(slice(None)), _Cosines(), self.box)


class _Cosines:
    """-cos 2π(x - ½) summed: a minimum in the middle of every unit square."""

    def value(self, x):
        return -np.cos(2.0 * np.pi * (x - 0.5)).sum(axis=1)

    def gradient(self, x):
        return 2.0 * np.pi * np.sin(2.0 * np.pi * (x - 0.5))

    def value_and_gradient(self, x):
        return self.value(x), self.gradient(x)

    def hessian(self, x):
        diagonal = 4.0 * np.pi**2 * np.cos(2.0 * np.pi * (x - 0.5))
        return diagonal[:, :, None] * np.eye(x.shape[1])
