"""An executor that is made again when it breaks: a pool of Python's processes ends for good with one of them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any

MOST = 6
"""Executors that break one after another, before any of them has returned something, until no other one is made."""


class Remade(Executor):
    """An executor that is made by a function, and again when it breaks.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> with Remade(lambda: ThreadPoolExecutor(1)) as executor:
    ...     executor.submit(divmod, 7, 2).result()
    (3, 1)
    """

    def __init__(self, make: Callable[[], Any], first: Any = None) -> None:
        self._make, self._broken = make, 0
        self._executor = make() if first is None else first

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit a call; raises BrokenExecutor if the executor breaks whenever it is made."""
        while True:
            try:
                future: Future[Any] = self._executor.submit(fn, *args, **kwargs)
            except BrokenExecutor:
                self._broken += 1
                if self._broken >= MOST:
                    raise
                self._executor = self._make()
            else:
                future.add_done_callback(self._note)
                return future

    def _note(self, future: Future[Any]) -> None:
        if not future.cancelled() and future.exception() is None:
            self._broken = 0

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the latest executor."""
        self._executor.shutdown(wait=wait)
