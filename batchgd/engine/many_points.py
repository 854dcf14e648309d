"""Evaluations at many points that belong to different problems, compiled or in NumPy, and work on all threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.objective import Objective
from batchgd.engine.evaluator import Function
from batchgd.kernels.plan import Problems

Array = NDArray[np.float64]

PART = 4096
"""Points that are worked on together: their arrays stay in the cache."""


@lru_cache(maxsize=64)
def _function(objective: Objective, what: Any) -> Function:
    return Function(objective.outputs(what), objective.dim, own=True)


def evaluated(objective: Objective, what: Any, x: Array, problems: Problems, *, compiled: bool) -> Array:
    """Return the outputs of this name, (outputs, n), at points x, (n, dim), each with the params of its problem."""
    if not compiled:
        return objective.program(what)(x.T, problems.of_starts.T)
    function, n = _function(objective, what), len(x)
    out = np.empty((n, function.outputs))
    function.run(x, problems.numbers, (out,), problems.places(0, n))
    return np.ascontiguousarray(out.T)


def in_threads(threads: int, n: int, work: Callable[[slice], None]) -> None:
    """Do work on some of n points after the other, on some threads; what one raises is raised."""
    parts = [slice(first, min(first + PART, n)) for first in range(0, n, PART)]
    if min(threads, len(parts)) == 1:
        for part in parts:
            work(part)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, parts))
