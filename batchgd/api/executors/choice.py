"""The argument ``executor``: an executor as it is, or worker processes of our own."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Any

from batchgd.api.executors.local import LocalWorkers
from batchgd.api.executors.remade import Remade
from batchgd.engine.backends import simulated
from batchgd.engine.batch import Batch
from batchgd.engine.compute import check_threads
from batchgd.problem import check
from batchgd.problem.errors import InputError, quoted
from batchgd.problem.speaker import said

MOST_WORKERS = 4096


def check_executor(given: Any) -> Any:
    """Return an executor, a function that makes one, or a number of processes; raise InputError for anything else.

    >>> check_executor(2)
    2
    >>> check_executor("two")
    Traceback (most recent call last):
    ...
    batchgd.problem.errors.InputError: executor is 'two': give a concurrent.futures.Executor, or a number of processes
    """
    if isinstance(given, type) and not hasattr(given, "submit"):
        raise InputError(f"executor is the class {given.__name__}: give a concurrent.futures.Executor")
    if hasattr(given, "get_executor"):
        raise InputError(f"executor is a {type(given).__name__}: give client.get_executor()")
    if callable(getattr(given, "submit", None)) or callable(given):
        return given
    if isinstance(given, int | float) and not isinstance(given, bool):
        return check.whole(said("executor", "--workers"), given, 1, MOST_WORKERS)
    raise InputError(f"executor is {quoted(given)}: give a concurrent.futures.Executor, or a number of processes")


def started(executor: Any, threads: int | None, batch: Batch, stack: ExitStack) -> tuple[Any, int]:
    """Return the executor and the threads for each part; processes of our own end with the stack."""
    if not isinstance(executor, int):
        if isinstance(executor, type) or not hasattr(executor, "submit"):
            executor = _made(executor, stack)
        return executor, 1 if threads is None else batch.threads
    workers = stack.enter_context(LocalWorkers(executor, _devices(batch)))
    return workers, max(1, check_threads(None) // executor) if threads is None else batch.threads


def _made(make: Any, stack: ExitStack) -> Remade:
    """Return an executor that a function makes, and makes again when it breaks; the latest ends with the stack."""
    first = make()
    if not callable(getattr(first, "submit", None)):
        raise InputError(f"executor() returned {quoted(first)}: let it return a concurrent.futures.Executor")
    made = Remade(make, first)
    stack.callback(made.shutdown, wait=False)
    return made


def _devices(batch: Batch) -> list[str]:
    """What each worker sees of the GPUs: one of them."""
    if batch.backend.name != "cuda" or simulated():
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [each for each in visible.split(",") if each]
    from batchgd.kernels.cuda.stream import devices

    return [str(k) for k in range(devices())]
