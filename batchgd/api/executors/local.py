"""Worker processes on this machine, as an executor: children that take calls on their standard input.

In contrast to ``ProcessPoolExecutor`` a child that dies fails its own call only and is replaced, one that hangs can be
ended, and children import no ``__main__``: scripts need no guard, and notebooks work.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import queue
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from typing import Any, BinaryIO

_LENGTH = struct.Struct("<Q")

_SERVE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from batchgd.api.executors.local import serve; serve()"
)


class WorkerDied(RuntimeError):
    """A worker process ended before it had answered."""


class LocalWorkers(Executor):
    """Worker processes on this machine; ``shutdown`` ends them, whatever they are doing.

    Parameters
    ----------
    count : int
        How many.
    devices : sequence of str
        Values of ``CUDA_VISIBLE_DEVICES``, which workers take in turns.

    >>> with LocalWorkers(1) as workers:
    ...     workers.submit(divmod, 7, 2).result()
    (3, 1)
    """

    def __init__(self, count: int, devices: Sequence[str] = ()) -> None:
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._children: dict[int, _Child] = {}
        self._threads: list[threading.Thread] = []
        for k in range(count):
            environment = {"CUDA_VISIBLE_DEVICES": devices[k % len(devices)]} if devices else {}
            arguments = {"args": (k, environment), "name": f"batchgd-worker-{k}", "daemon": True}
            self._threads.append(threading.Thread(target=self._serve, **arguments))  # type: ignore[arg-type]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a function, which is sent by its name, with arguments that can be pickled."""
        if self._closed:
            raise RuntimeError("the workers have been ended")
        call = _Call(pickle.dumps((fn, args, kwargs), 5))
        self._calls.put(call)
        return call

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End all workers."""
        with self._lock:
            self._closed = True
            for child in self._children.values():
                child.end()
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def _serve(self, number: int, environment: dict[str, str]) -> None:
        """Pass calls on to one child, and to the next if it ends."""
        while (call := self._calls.get()) is not None:
            if self._closed:
                call.cancel()
            if not call.set_running_or_notify_cancel():
                continue
            try:
                answer = self._child(number, environment).call(call)
            except Exception as error:
                call.set_exception(error)
            else:
                call.set_result(answer)
        with self._lock:
            child = self._children.pop(number, None)
        if child is not None:
            child.close()

    def _child(self, number: int, environment: dict[str, str]) -> _Child:
        with self._lock:
            if self._closed:
                raise WorkerDied("the workers have been ended")
            child = self._children.get(number)
            if child is None or not child.lives:
                if child is not None:
                    child.close()
                child = self._children[number] = _Child(environment)
            return child

    @property
    def processes(self) -> list[int]:
        """The numbers of the processes that live."""
        with self._lock:
            return [child.process.pid for child in self._children.values() if child.lives]


class _Call(Future[Any]):
    """A call; ``cancel`` ends the child that is at work on it."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.content = content
        self.child: _Child | None = None

    def cancel(self) -> bool:
        """Cancel the call, or end the child."""
        if super().cancel():
            return True
        child = self.child
        if child is not None and not self.done():
            child.end()
        return False


class _Child:
    """One process."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **environment},
            start_new_session=True,  # Ctrl-C is for the process that collects
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._to, self._from = self.process.stdin, self.process.stdout

    @property
    def lives(self) -> bool:
        return self.process.poll() is None

    def call(self, call: _Call) -> Any:
        """Return what a call returned, or raise what it raised."""
        call.child = self
        try:
            _write(self._to, call.content)
            good, value = pickle.loads(_read(self._from))
        except (OSError, EOFError):
            self.end()
            code = self.process.wait()
            raise WorkerDied(f"the worker process {self.process.pid} ended with exit code {code}") from None
        finally:
            call.child = None
        if not good:
            raise value
        return value

    def end(self) -> None:
        """End the process."""
        with contextlib.suppress(OSError):
            self.process.kill()

    def close(self) -> None:
        """End the process, and give back what it took."""
        self.end()
        self.process.wait()
        for pipe in (self._to, self._from):
            with contextlib.suppress(OSError):
                pipe.close()


def _write(file: BinaryIO | Any, content: bytes) -> None:
    file.write(_LENGTH.pack(len(content)))
    file.write(content)
    file.flush()


def _read(file: BinaryIO | Any) -> bytes:
    head = file.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(head)
    content = file.read(length)
    if len(content) < length:
        raise EOFError
    return bytes(content)


def serve() -> None:
    """Answer calls until the process that sends them has ended; what they print goes to stderr."""
    calls, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    while True:
        try:
            content = _read(calls)
        except EOFError:
            return
        try:
            function, args, kwargs = pickle.loads(content)
            answer = pickle.dumps((True, function(*args, **kwargs)), 5)
        except BaseException as error:
            try:
                answer = pickle.dumps((False, error), 5)
            except Exception:
                answer = pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")), 5)
        try:
            _write(answers, answer)
        except BrokenPipeError:
            os._exit(0)  # nobody waits for it; what is buffered has nowhere to go
