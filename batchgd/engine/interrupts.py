"""Ctrl-C: the first one ends a run with what was found so far, the second one ends it at once."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from batchgd.kernels.status import Status

GRACE = 0.5
"""Seconds after Ctrl-C for which the work after the descents goes on; what is not done by then is skipped."""


class Interrupt:
    """Whether Ctrl-C was pressed while the outermost ``heeded`` block ran."""

    def __init__(self) -> None:
        self._pressed: float | None = None
        self._controls: list[np.ndarray] = []

    @property
    def seen(self) -> bool:
        """Whether it was pressed: no new descent begins."""
        return self._pressed is not None

    @property
    def overdue(self) -> bool:
        """Whether it was pressed more than ``GRACE`` ago: stop, and return what there is."""
        return self._pressed is not None and time.perf_counter() - self._pressed >= GRACE

    def press(self, *_: object) -> None:
        """Take note of Ctrl-C; raise KeyboardInterrupt at the second one."""
        if self.seen:
            raise KeyboardInterrupt
        self._pressed = time.perf_counter()
        for control in self._controls:
            control[0] = Status.INTERRUPTED

    @contextmanager
    def ends(self, control: np.ndarray) -> Iterator[None]:
        """While entered, Ctrl-C ends the descents that read this control word; at once if it was pressed before."""
        self._controls.append(control)
        if self.seen:
            control[0] = Status.INTERRUPTED
        try:
            yield
        finally:
            self._controls.pop()


_active: Interrupt | None = None  # of the main thread, the only one that signals reach


def current() -> Interrupt:
    """The interrupt of the block around the caller; outside any block, and in other threads, one that never occurs."""
    return _active if _active is not None and _in_main_thread() else Interrupt()


@contextmanager
def heeded() -> Iterator[Interrupt]:
    """While entered, Ctrl-C is noted instead of raised: for work that can end early with what it has.

    Blocks nest: inner ones share the interrupt of the outermost, which restores the handler. Where signals do not
    arrive (in other threads, or when another language has installed the handler) the block changes nothing.
    """
    global _active
    if not _in_main_thread() or _active is not None or signal.getsignal(signal.SIGINT) is None:
        yield current()
        return
    interrupt = Interrupt()
    previous = signal.signal(signal.SIGINT, interrupt.press)
    _active = interrupt
    try:
        yield interrupt
    finally:
        _active = None
        signal.signal(signal.SIGINT, previous)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
