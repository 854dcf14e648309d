"""Evaluations at many points that belong to different problems: compiled, on all threads, or in NumPy."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.objective import Objective
from batchgd.engine.compute import Compute
from batchgd.engine.evaluator import Function
from batchgd.kernels.plan import Problems

Array = NDArray[np.float64]

_LEAST = 2048
"""Points from which on a thread of its own takes less time."""


@lru_cache(maxsize=64)
def _function(objective: Objective, what: Any) -> Function:
    return Function(objective.outputs(what), objective.dim, own=True)


def evaluated(objective: Objective, what: Any, x: Array, problems: Problems, compute: Compute) -> Array:
    """Return the outputs of this name, (outputs, n), at points x, (n, dim), each with the params of its problem."""
    if compute.backend.name == "numpy":
        return objective.program(what)(x.T, problems.of_starts.T)
    function, n = _function(objective, what), len(x)
    out, places = np.empty((n, function.outputs)), problems.places(0, n)
    parts = [part for part in np.array_split(np.arange(n), max(1, min(compute.threads, n // _LEAST))) if part.size]

    def work(part: NDArray[np.intp]) -> None:
        rows = slice(int(part[0]), int(part[-1]) + 1)
        function.run(x[rows], problems.numbers, (out[rows],), places[rows])

    if len(parts) < 2:
        for part in parts:
            work(part)
    else:
        with ThreadPoolExecutor(len(parts)) as pool:
            list(pool.map(work, parts))
    return np.ascontiguousarray(out.T)
