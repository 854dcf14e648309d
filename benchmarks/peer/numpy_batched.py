"""NumPy: blocks of trajectories advance in step on arrays (d, n); those that have ended are removed at once."""

from __future__ import annotations

import numpy as np

from .cases import Case
from .table import Endpoints, Run

BLOCK = 4096


def prepare(case: Case, dtype: str, starts: np.ndarray, variant: str) -> Run:
    """Return a run, block by block so that the arrays stay in the cache."""
    real = np.dtype(dtype).type
    rate, gtol_squared = real(case.learning_rate), real(case.gtol[dtype] ** 2)

    def descend(x: np.ndarray, out: np.ndarray, nit: np.ndarray) -> None:
        rows = np.arange(x.shape[1])
        for k in range(case.maxiter + 1):
            g = case.gradient(np, x)
            ended = np.einsum("ij,ij->j", g, g) <= gtol_squared
            if k == case.maxiter:
                ended[:] = True
            if ended.any():
                out[rows[ended]], nit[rows[ended]] = x[:, ended].T, k
                going = ~ended
                rows, x, g = rows[going], x[:, going], g[:, going]
                if rows.size == 0:
                    return
            g *= rate
            x -= g

    def run() -> Endpoints:
        out, nit = np.empty_like(starts), np.empty(len(starts), np.int64)
        for first in range(0, len(starts), BLOCK):
            block = slice(first, first + BLOCK)
            descend(starts[block].T.copy(), out[block], nit[block])
        return Endpoints(out, nit)

    return run
