"""Ctrl-C, pressed as a run starts."""

import itertools
import signal

import batchgd as bgd


def press_at_run(number, of=lambda batch: True):
    """While entered, Ctrl-C is pressed as the batch of this number, counted from 1, among those is about to run."""
    numbers = itertools.count(1)

    def press(batch):
        if of(batch) and next(numbers) == number:
            signal.raise_signal(signal.SIGINT)

    return bgd.testing.watched(press)
