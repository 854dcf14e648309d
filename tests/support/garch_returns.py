"""Returns with a variance that follows GARCH(1,1)."""

import numpy as np


def _returns(n=300, omega=0.1, alpha=0.15, beta=0.75, seed=11):
    rng = np.random.default_rng(seed)
    r, v = np.zeros(n), omega / (1 - alpha - beta)
    for t in range(n):
        r[t] = np.sqrt(v) * rng.standard_normal()
        v = omega + alpha * r[t] ** 2 + beta * v
    return r


RETURNS = _returns()
