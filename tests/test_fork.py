"""Children forked while another thread is inside a trace: they end, and see the modules themselves."""

import math
import os
import signal
import threading
import warnings

import numpy as np
import pytest

import batchgd as bgd

CHILDREN, SECONDS = 12, 30


def slow(x):
    """Takes a trace some time, so that most forks fall into it."""
    total = 0.0
    for k in range(300):
        total = total + np.cos(k * x[0]) * math.exp(x[1])
    return total


def forked(work):
    """Exit code of a child that does the work; -14 if the alarm ended it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: threads are alive
        child = os.fork()
    if child == 0:
        signal.alarm(SECONDS)
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def traces():
    found = bgd.Objective(lambda x: np.sum(x**2) + math.cos(x[0]), 2)
    return found.value([0.0, 2.0]) == 5.0 and type(np) is type(os) is type(math) and math is slow.__globals__["math"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
@pytest.mark.filterwarnings("ignore::batchgd.TraceSizeWarning")
def test_a_child_traces_whatever_another_thread_was_at():
    bgd.Objective(slow, 2)  # Python itself hangs in a child that was forked while a thread imported
    enough = threading.Event()

    def others():
        while not enough.is_set():
            bgd.Objective(slow, 2)

    thread = threading.Thread(target=others)
    thread.start()
    try:
        codes = [forked(traces) for _ in range(CHILDREN)]
    finally:
        enough.set()
        thread.join()
    assert codes == [0] * CHILDREN


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform does not fork")
def test_a_child_forked_inside_a_trace_goes_on_with_it():
    codes = []

    def forks(x):
        if not codes and isinstance(x, np.ndarray) and x.dtype == object:
            inner = os.getpid()
            codes.append(forked(lambda: math.sqrt(x[0] * x[0] + 1.0) is not None and os.getpid() != inner))
        return x[0] ** 2

    bgd.Objective(forks, 1)
    assert codes == [0]
