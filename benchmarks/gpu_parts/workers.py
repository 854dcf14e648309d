"""Processes that measure, one item after another: one that hangs or crashes loses its item and nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Record = dict[str, Any]
Work = Callable[[], Record]


def guarded(name: str, work: Work) -> Record:
    """Return the record of one item, or that of its failure."""
    began = time.perf_counter()
    try:
        record = work()
    except Exception as error:
        text = f"{type(error).__name__}: {' '.join(str(error).split())}"
        record = {"error": text, "traceback": traceback.format_exc()[-4000:]}
    return {"name": name, **record, "took": time.perf_counter() - began}


def serve(items: Callable[[str], dict[str, Work]]) -> None:
    """Do what stdin asks for, a part and an item a line, and print one line of JSON for each.

    Ends with the process that asks, and after a failure: a device whose kernel crashed refuses all that follows.
    """
    asked: queue.SimpleQueue[str] = queue.SimpleQueue()
    lines = sys.stdin

    def listen() -> None:
        for line in lines:
            asked.put(line)
        os.killpg(os.getpid(), signal.SIGKILL)  # and the children of this process

    threading.Thread(target=listen, daemon=True).start()
    stdout, sys.stdout = sys.stdout, sys.stderr  # output of libraries is not a record
    while True:
        part, name = json.loads(asked.get())
        record = guarded(name, items(part)[name])
        print(json.dumps(record), file=stdout, flush=True)
        if "error" in record:
            stdout.flush()
            os._exit(1)


class Workers:
    """The processes that measure one part; ``close`` ends them.

    Parameters
    ----------
    command : sequence of str
        Starts a process that calls ``serve``.
    environment : dict
        Of the processes.
    count : int
        Processes at once.
    """

    def __init__(self, command: Sequence[str], environment: dict[str, str], count: int) -> None:
        self._command, self._environment, self._count = [*command], environment, count
        self._alive: set[_Process] = set()
        self._closed = threading.Event()

    def records(self, part: str, names: Sequence[str], seconds: float, each: float) -> Iterator[Record]:
        """Yield the record of each item as it is done; ``seconds`` for all of them, at most ``each`` for one."""
        until, todo, done = time.monotonic() + seconds, deque(names), queue.SimpleQueue[Record]()

        def work() -> None:
            process = None
            while not self._closed.is_set():
                try:
                    name = todo.popleft()
                except IndexError:
                    break
                left = until - time.monotonic()
                if left <= 0.0:
                    done.put({"name": name, "skipped": "no time was left"})
                    continue
                process = process or self._start()
                record = process.ask(part, name, min(each, left))
                if "error" in record:
                    self._end(process)
                    process = None
                done.put(record)
            if process is not None:
                self._end(process)

        for _ in range(min(self._count, len(names))):
            threading.Thread(target=work, daemon=True).start()
        for _ in names:
            yield done.get()

    def close(self) -> None:
        """End all processes, and theirs."""
        self._closed.set()
        for process in list(self._alive):
            self._end(process)

    def _start(self) -> _Process:
        process = _Process(self._command, self._environment)
        self._alive.add(process)
        return process

    def _end(self, process: _Process) -> None:
        process.end()
        self._alive.discard(process)


class _Process:
    """One process that serves."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._popen = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=True,
        )

    def ask(self, part: str, name: str, seconds: float) -> Record:
        """Return the record of one item, or that of a failure if there is none in time."""
        until, came = time.monotonic() + seconds, b""
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        try:
            self._popen.stdin.write((json.dumps([part, name]) + "\n").encode())
            self._popen.stdin.flush()
        except OSError:
            return {"name": name, "error": self._ending()}
        while not came.endswith(b"\n"):
            left = until - time.monotonic()
            if left <= 0.0 or not select.select([self._popen.stdout], [], [], left)[0]:
                return {"name": name, "error": f"stopped after {seconds:.0f} s", "took": seconds}
            some = os.read(self._popen.stdout.fileno(), 1 << 16)
            if not some:
                return {"name": name, "error": self._ending()}
            came += some
        record: Record = json.loads(came)
        return record

    def end(self) -> None:
        """Kill the process and its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
        for file in (self._popen.stdin, self._popen.stdout, self._errors):
            if file is not None:
                with contextlib.suppress(OSError):  # what was not sent
                    file.close()

    def _ending(self) -> str:
        """Return how the process ended."""
        code = self._popen.wait()
        self._errors.seek(0)
        last = [line.strip() for line in self._errors if line.strip()][-1:]
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return ": ".join([f"its process crashed ({how})", *last])
