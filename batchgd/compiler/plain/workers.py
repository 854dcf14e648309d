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


_at_work: list[Workers] = []
"""Those whose processes run."""


class Workers:
    """Worker processes that evaluate some functions; the first call starts them, and ends idle ones of others.

    Raises
    ------
    InputError
        If a function cannot be sent to another process.
    """

    def __init__(self, count: int, functions: Sequence[Function]):
        self.count, self.name = count, name_of(functions[0].call)
        self._payload = _pickled(functions, f"workers={count}")
        self._pool: ProcessPoolExecutor | None = None
        self._calls = 0  # under way

    def at(self, which: int, points: Floats, others: Sequence[Any]) -> Answer:
        """Return what ``Function.at`` of one of the functions returns."""
        pool = self._started()
        pieces = np.array_split(points, min(len(points), _PIECES * self.count))
        self._calls += 1
        try:
            answers = self._collected([pool.submit(_run, which, piece, others) for piece in pieces])
        except BrokenProcessPool:
            self.close()
            raise InputError(
                f"a worker process that called {self.name} ended unexpectedly: in a script, begin with "
                "if __name__ == '__main__':; or omit workers="
            ) from None
        finally:
            self._calls -= 1
        failed = next((answer for answer in answers if isinstance(answer, str)), None)
        if failed is not None:
            raise InputError(
                f"workers={self.count}: a worker process cannot load {self.name} ({failed}): define it in a module "
                "that can be imported, or install cloudpickle"
            )
        return np.concatenate([numbers for numbers, _ in answers]), [each for _, some in answers for each in some]

    def _started(self) -> ProcessPoolExecutor:
        for other in [each for each in _at_work if each is not self and not each._calls]:
            other.close()
        if self._pool is None:
            self._pool = ProcessPoolExecutor(self.count, initializer=_install, initargs=(self._payload,))
            _at_work.append(self)
        return self._pool

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
            self.close(at_once=True)
            raise
        return [future.result() for future in futures]

    def close(self, *, at_once: bool = False) -> None:
        """End the processes; at once: whatever they are doing."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        _at_work.remove(self)
        processes = [*(getattr(pool, "_processes", None) or {}).values()]
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes if at_once else ():
            process.terminate()


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
