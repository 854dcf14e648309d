"""The scheduler of launches over streams and devices, on a stand-in for the device with a clock of its own."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from batchgd.kernels.cuda.schedule import FIRST_LAUNCH, LAUNCH_SECONDS, Pace, drive


class World:
    """A clock, and devices that each run one launch after the other at a known rate."""

    def __init__(self, n, rates, streams=2, most=1 << 22):
        self.now, self.log, self.taken, self.paused = 0.0, [], [], 0
        self.plan = SimpleNamespace(n=n, control=np.zeros(1, np.int32), pause=self.pause, pause_seconds=0.1)
        devices = [SimpleNamespace(rate=rate, free=0.0, pace=Pace(most)) for rate in rates]
        self.flights = [Flight(self, device) for _ in range(streams) for device in devices]

    def pause(self):
        self.paused += 1

    def run(self):
        drive(self.plan, self.flights, clock=lambda: self.now, nap=self.nap)

    def nap(self, seconds):
        self.now += seconds


class Flight:
    def __init__(self, world, device):
        self.world, self.device, self.pace = world, device, device.pace
        self.told, self.waited = [], 0

    def begin(self, first, stop):
        self.range = first, stop
        begun = max(self.world.now, self.device.free)
        self.end = self.device.free = begun + (stop - first) / self.device.rate
        self.world.log.append((self.device, begun, self.end, stop - first))

    def ended(self):
        return self.world.now >= self.end

    def take(self):
        self.world.now += 0.01  # the host's share
        self.world.taken.append(self.range)

    def tell(self, control):
        self.told.append(control)

    def wait(self):
        self.waited += 1


def covered(world):
    ranges = sorted(world.taken)
    return ranges[0][0] == 0 and all(a[1] == b[0] for a, b in itertools.pairwise(ranges)), ranges[-1][1]


@pytest.mark.parametrize("rates", [[1e6], [3e6, 1e6], [1e5, 1e6, 1e7]], ids=str)
@pytest.mark.parametrize("streams", [1, 2, 3])
@pytest.mark.parametrize("n", [1, FIRST_LAUNCH, 5 * FIRST_LAUNCH + 17, 30_000_000])
def test_every_start_is_taken_once(rates, streams, n):
    world = World(n, rates, streams)
    world.run()
    assert covered(world) == (True, n)


def test_launches_come_to_last_about_a_second():
    world = World(40_000_000, [1e6])
    world.run()
    seconds = [end - begun for _, begun, end, _ in world.log[6:-1]]
    assert 0.9 * LAUNCH_SECONDS < min(seconds) <= max(seconds) < 1.1 * LAUNCH_SECONDS


def test_a_device_is_never_idle_while_the_host_takes_results_in():
    world = World(20_000_000, [1e6])
    world.run()
    ends = [0.0, *(end for _, _, end, _ in world.log)]
    assert all(begun == before for (_, begun, _, _), before in zip(world.log, ends, strict=False))


def test_a_single_stream_leaves_the_device_idle_in_between():
    world = World(20_000_000, [1e6], streams=1)
    world.run()
    assert any(second[1] > first[2] for first, second in itertools.pairwise(world.log))


def test_devices_share_the_starts_by_their_speed():
    world = World(100_000_000, [4e6, 1e6])
    world.run()
    fast, slow = (sum(n for device, _, _, n in world.log if device.rate == rate) for rate in (4e6, 1e6))
    assert 3.5 < fast / slow < 4.5


def test_an_end_is_reported_to_what_is_in_flight_and_nothing_more_is_launched():
    world = World(100_000_000, [1e5])

    def pause():
        if world.now > 1.0:
            world.plan.control[0] = 6

    world.plan.pause = pause
    world.run()
    assert len(world.log) == 2
    assert [flight.told for flight in world.flights] == [[6], [6]]
    assert sorted(world.taken) == [(0, FIRST_LAUNCH), (FIRST_LAUNCH, 2 * FIRST_LAUNCH)]


def test_the_host_looks_at_the_clock_while_it_waits():
    world = World(FIRST_LAUNCH, [1e4])
    world.run()
    assert world.paused > 200


def test_a_failure_ends_what_is_in_flight_before_it_is_raised():
    world = World(100_000_000, [1e6])

    def fail():
        raise ValueError("no")

    world.flights[0].take = fail
    with pytest.raises(ValueError, match="no"):
        world.run()
    assert world.flights[1].told == [-1]
    assert all(flight.waited == 1 for flight in world.flights)
