"""The launch configuration from assembled resources: known occupancy figures, register bounds, grids."""

import pytest

from batchgd.kernels.cuda.assemble import Resources
from batchgd.kernels.cuda.occupancy import configure, grid, limits_of, occupancy, register_bounds, resident_blocks

HOPPER, AMPERE, CONSUMER = limits_of((9, 0)), limits_of((8, 0)), limits_of((8, 6))


@pytest.mark.parametrize(
    ("registers", "share"), [(24, 1.0), (32, 1.0), (33, 0.75), (64, 0.5), (128, 0.25), (168, 0.1875), (255, 0.125)]
)
def test_occupancy_falls_with_registers(registers, share):
    assert occupancy(registers, 128, HOPPER) == share
    assert occupancy(registers, 128, AMPERE) == share


# Figures of NVIDIA's occupancy calculator: (capability, registers, threads, bytes of shared memory) -> blocks.
@pytest.mark.parametrize(
    ("capability", "registers", "threads", "shared", "blocks"),
    [
        ((8, 0), 32, 32, 0, 32),  # blocks bound it
        ((8, 6), 32, 32, 0, 16),
        ((8, 6), 32, 128, 0, 12),  # threads
        ((8, 9), 32, 64, 0, 24),
        ((7, 5), 32, 256, 0, 4),
        ((8, 0), 40, 256, 0, 6),  # registers
        ((8, 0), 65, 1024, 0, 0),
        ((9, 0), 255, 256, 0, 1),
        ((8, 0), 32, 128, 48 * 1024, 3),  # shared memory, of which each block costs 1 KiB more
        ((9, 0), 32, 128, 48 * 1024, 4),
        ((7, 0), 32, 128, 48 * 1024, 2),
    ],
)
def test_blocks_of_a_multiprocessor(capability, registers, threads, shared, blocks):
    assert resident_blocks(registers, threads, limits_of(capability), shared) == blocks


def test_an_unknown_device_has_the_limits_of_the_last_known_one_before_it():
    assert limits_of((8, 8)) == limits_of((8, 7))
    assert limits_of((99, 0)) == limits_of((12, 0))
    assert limits_of((5, 2)) == limits_of((7, 0))


def assembled(free, spills_below):
    """What an assembler would say of a kernel of ``free`` registers that spills under any bound below another."""

    def needs(bound):
        registers = free if bound is None else min(free, bound)
        spilled = 0 if registers >= min(free, spills_below) else 16
        return Resources(registers, 0, spilled, spilled)

    return needs


def test_a_register_bound_is_taken_where_it_gains_threads_and_spills_nothing():
    how = configure(assembled(140, spills_below=90), HOPPER)
    assert (how.max_registers, how.threads, how.blocks_per_multiprocessor) == (96, 128, 5)


def test_a_register_bound_that_spills_is_refused():
    how = configure(assembled(140, spills_below=140), HOPPER)
    assert (how.max_registers, how.blocks_per_multiprocessor) == (None, 3)


def test_nothing_is_assembled_again_where_half_of_the_threads_are_resident():
    tried = []

    def needs(bound):
        tried.append(bound)
        return Resources(64, 0, 0, 0)

    assert configure(needs, HOPPER).blocks_per_multiprocessor == 8
    assert tried == [None]


@pytest.mark.parametrize("registers", [72, 96, 128, 200, 255])
def test_each_register_bound_gains_threads(registers):
    shares = [occupancy(r, 128, HOPPER) for r in (registers, *register_bounds(registers, HOPPER))]
    assert shares == sorted(set(shares))


def test_a_grid_holds_all_threads_or_all_starts():
    how = configure(assembled(32, 32), CONSUMER)
    assert grid(10**8, how, 80) == (80 * 12, 128)
    blocks, threads = grid(5000, how, 80)
    assert threads == 32  # spread over the 80 multiprocessors rather than on 40 of them
    assert 5000 <= blocks * threads < 5000 + threads
    assert grid(1, how, 80) == (1, 32)
