"""Ctrl-C, pressed as a run starts."""

import itertools
import signal

import batchgd as bgd


def press_at_run(number):
    """While entered, Ctrl-C is pressed as the batch of this number, counted from 1, is about to run."""
    numbers = itertools.count(1)
    return bgd.testing.watched(lambda batch: next(numbers) == number and signal.raise_signal(signal.SIGINT))
