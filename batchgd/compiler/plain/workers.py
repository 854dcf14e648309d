"""Calls in worker processes: points are handed out in pieces, to processes that have unpickled the functions once."""

from __future__ import annotations

import importlib
import importlib.util
import pickle
import signal
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchgd.compiler.plain.calls import Function, forget_runs, look
from batchgd.compiler.trace.escape import name_of
from batchgd.kernels.plan import Abandoned
from batchgd.problem.errors import InputError

Floats = NDArray[np.float64]
Answer = tuple[Floats, list[str]]

_PIECES = 4
"""Pieces per process: some points take longer than others."""

_SECONDS = 0.1
"""Between two looks at whether the run is to end."""


class Workers:
    """Worker processes that evaluate some functions; they are started by the first call.

    Raises
    ------
    InputError
        If a function cannot be sent to another process.
    """

    def __init__(self, count: int, functions: Sequence[Function]):
        self.count, self.name = count, name_of(functions[0].call)
        self._payload = _pickled(functions, f"workers={count}")
        self._pool: ProcessPoolExecutor | None = None

    def at(self, which: int, points: Floats, others: Sequence[Any]) -> Answer:
        """Return what ``Function.at`` of one of the functions returns."""
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self.count, initializer=_install, initargs=(self._payload,))
        pieces = np.array_split(points, min(len(points), _PIECES * self.count))
        try:
            futures = [self._pool.submit(_run, which, piece, others) for piece in pieces]
            answers = self._collected(futures)
        except BrokenProcessPool:
            self._pool = None
            raise InputError(
                f"a worker process that called {self.name} ended unexpectedly: in a script, begin with "
                "if __name__ == '__main__':; or omit workers="
            ) from None
        failed = next((answer for answer in answers if isinstance(answer, str)), None)
        if failed is not None:
            raise InputError(
                f"workers={self.count}: a worker process cannot load {self.name} ({failed}): define it in a module "
                "that can be imported, or install cloudpickle"
            )
        return np.concatenate([numbers for numbers, _ in answers]), [each for _, some in answers for each in some]

    def _collected(self, futures: list[Future[Any]]) -> list[Any]:
        """Wait for the pieces, and drop those not begun if the run is to end."""
        waiting: set[Future[Any]] = {*futures}
        try:
            while waiting:
                look()
                done, waiting = wait(waiting, _SECONDS, FIRST_EXCEPTION)
                for future in done:
                    future.result()
        except Abandoned:
            for future in waiting:
                future.cancel()
            raise
        except BaseException:
            self.stop()
            raise
        return [future.result() for future in futures]

    def stop(self) -> None:
        """End the processes, whatever they are doing."""
        if self._pool is not None:
            processes = [*(getattr(self._pool, "_processes", None) or {}).values()]
            self._pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.terminate()
        self._pool = None


def _pickled(functions: Sequence[Function], asked: str) -> bytes:
    package: Any = pickle
    if importlib.util.find_spec("cloudpickle") is not None:
        package = importlib.import_module("cloudpickle")
    try:
        return bytes(package.dumps(tuple(functions)))
    except Exception as error:  # whatever __reduce__ of a user's class raises
        names = ", ".join(name_of(each.call) for each in functions)
        with_it = "" if package is not pickle else ", or install cloudpickle, which sends lambdas and inner functions"
        raise InputError(
            f"{asked} sends {names} to other processes, which fails ({type(error).__name__}: "
            f"{' '.join(str(error).split())}): define it with def at the top of a module{with_it}, or omit workers="
        ) from None


# In a worker process

_functions: tuple[Function, ...] = ()
_failed = ""


def _install(payload: bytes) -> None:
    """Take the functions; Ctrl-C is for the process that hands out points."""
    global _functions, _failed
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    forget_runs()
    try:
        _functions = pickle.loads(payload)
    except Exception as error:
        _failed = f"{type(error).__name__}: {' '.join(str(error).split())}"


def _run(which: int, points: Floats, others: Sequence[Any]) -> Answer | str:
    return _failed or _functions[which].at(points, others)
