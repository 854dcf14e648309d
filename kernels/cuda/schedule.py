"""What is launched when: several launches in flight over the streams of all devices, from one counter of starts.

Written against two small protocols, so it can be run and tested without a device. One thread drives all
devices: launches only queue work, and the host does its own share of it while others are in flight.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from batchgd.kernels.plan import Plan

LAUNCH_SECONDS = 1.0
FIRST_LAUNCH = 1 << 18
_SHORTEST_NAP, _LONGEST_NAP = 2e-5, 5e-3


class Pace:
    """How many starts a launch on one device takes, so that it lasts about a second."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.size = min(most, FIRST_LAUNCH)
        self._free = 0.0  # since when the device has had nothing to do but the launch that ends next

    def note(self, n: int, begun: float, ended: float) -> None:
        """Take note of a launch of n starts; while another one had the device, it only waited."""
        seconds = ended - max(begun, self._free)
        self._free = ended
        if n == self.size:
            self.size = next_launch(self.size, seconds, self.most)


def next_launch(size: int, seconds: float, most: int) -> int:
    """Return how many starts the next launch takes, so that it lasts about a second.

    Displays and watchdogs want short launches, and the host takes in the results of one while the next one runs. A
    launch grows or shrinks fourfold at most.

    >>> next_launch(1000, 0.5, 10**6), next_launch(1000, 0.001, 10**6), next_launch(1000, 60.0, 10**6)
    (2000, 4000, 250)
    """
    return max(1, min(most, int(size * min(4.0, max(0.25, LAUNCH_SECONDS / max(seconds, 1e-9))))))


class Flight(Protocol):
    """One stream and its buffers: at most one launch at a time."""

    pace: Pace
    """Shared by the flights of one device."""

    def begin(self, first: int, stop: int) -> None:
        """Queue the descents from these starts, and the copies of the results."""

    def ended(self) -> bool:
        """Whether they are done."""

    def take(self) -> None:
        """Pass the results to the plan."""

    def tell(self, control: int) -> None:
        """Let the descents that are running end with this status."""

    def wait(self) -> None:
        """Wait for what is queued."""


def drive(
    plan: Plan,
    flights: Sequence[Flight],
    clock: Callable[[], float] = time.perf_counter,
    nap: Callable[[float], None] = time.sleep,
) -> None:
    """Descend from every start of the plan, with as many launches in flight as there are flights."""
    free = deque(flights)
    flying: list[tuple[Flight, int, float]] = []
    following, sent = 0, 0
    paused, rest = clock(), _SHORTEST_NAP
    try:
        while True:
            while free and following < plan.n and plan.control[0] == 0:
                flight = free.popleft()
                stop = min(following + flight.pace.size, plan.n)
                flying.append((flight, stop - following, clock()))
                flight.begin(following, stop)
                following = stop
            if not flying:
                return
            if plan.control[0] != sent:
                sent = int(plan.control[0])
                for flight, *_ in flying:
                    flight.tell(sent)
            landed = [launch for launch in flying if launch[0].ended()]
            for launch in landed:
                flight, n, begun = launch
                flight.pace.note(n, begun, clock())
                flight.take()
                flying.remove(launch)
                free.append(flight)
            if not landed:
                nap(rest)
                rest = min(2.0 * rest, _LONGEST_NAP)
            else:
                rest = _SHORTEST_NAP
            if landed or clock() - paused >= plan.pause_seconds:
                paused = clock()
                plan.pause()
    except BaseException:
        plan.control[0] = -1
        for flight, *_ in flying:
            flight.tell(-1)
        for flight, *_ in flying:
            flight.wait()
        raise
