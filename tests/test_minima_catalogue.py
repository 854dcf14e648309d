"""The catalogue: exact counts, any order and sharding bit for bit, exclusions, and the cap."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchgd import Box, InputError, Status
from batchgd.minima import Catalogue
from batchgd.minima.grouping import group_keys

BOX = Box([-6.0, 0.0], [6.0, 1e-3])


def same(a, b):
    names = ("key", "count", "first", "x", "fun", "status")
    return all(getattr(a, name).tobytes() == getattr(b, name).tobytes() for name in names) and (
        a.starts,
        a.excluded,
        a.cells_per_width,
    ) == (b.starts, b.excluded, b.cells_per_width)


def endpoints(seed, n, places=7, noise=1e-9):
    rng = np.random.default_rng(seed)
    centers = BOX.lower + BOX.width * rng.uniform(-0.5, 1.5, (places, 2))
    x = centers[rng.integers(0, places, n)] + noise * BOX.width * rng.normal(size=(n, 2))
    status = rng.choice([int(s) for s in Status if s is not Status.RUNNING], n)
    fun = rng.normal(size=n)
    fun[rng.random(n) < 0.1] = np.nan
    return x, fun, status


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    n=st.integers(0, 80),
    cuts=st.lists(st.integers(0, 80), max_size=5),
    noise=st.sampled_from([0.0, 1e-9, 1e-3]),
    cap=st.sampled_from([3, 20, 10**6]),
)
def test_any_order_and_sharding_gives_the_same_state(seed, n, cuts, noise, cap):
    x, fun, status = endpoints(seed, n, noise=noise)
    whole = Catalogue(BOX, cap=cap)
    whole.add(0, x, fun, status)
    order = np.random.default_rng(seed + 1).permutation(n)
    shards = np.split(order, sorted(min(c, n) for c in cuts))
    left, right = Catalogue(BOX, cap=cap), Catalogue(BOX, cap=cap)
    for k, rows in enumerate(shards):
        if k % 2:
            other = Catalogue(BOX, cap=cap)
            other.add(rows, x[rows], fun[rows], status[rows])
            right = other.merge(right)
        else:
            left.add(rows, x[rows], fun[rows], status[rows])
    assert same(whole, left.merge(right))


@pytest.mark.parametrize("noise", [1e-9, 1e-2])
def test_counts_equal_a_naive_count(noise):
    n = 9000  # more than 4096 cells at the larger noise: both ways of grouping
    x, fun, status = endpoints(3, n, noise=noise)
    catalogue = Catalogue(BOX)
    key = catalogue.add(100, x, fun, status)
    naive = {}
    lost = (Status.NONFINITE, Status.DIVERGED, Status.ESCAPED)
    cells = np.floor((x - BOX.lower) / BOX.width * 2**20)
    for i in range(n):
        if np.isfinite(fun[i]) and status[i] not in lost:
            naive.setdefault(tuple(cells[i]), []).append(i)
    assert len(catalogue) == len(naive)
    assert sorted(catalogue.count) == sorted(len(rows) for rows in naive.values())
    by_first = {int(first): row for row, first in enumerate(catalogue.first)}
    for rows in naive.values():
        row = by_first[rows[0] + 100]
        assert catalogue.count[row] == len(rows)
        assert (catalogue.x[row] == x[rows[0]]).all()
        assert catalogue.status[row] == status[rows[0]]
        assert (key[rows] == catalogue.key[row]).all()
    assert catalogue.starts == n
    assert catalogue.excluded == n - catalogue.count.sum() == np.count_nonzero(key == 0)


def test_lost_trajectories_have_key_zero_and_others_do_not():
    n = len(Status)
    x, fun = np.tile([0.0, 5e-4], (n, 1)), np.zeros(n)
    key = Catalogue(BOX).add(0, x, fun, np.array([int(s) for s in Status]))
    assert [Status(i).name for i in np.flatnonzero(key == 0)] == ["DIVERGED", "NONFINITE", "ESCAPED"]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_points_that_are_not_finite_are_left_out(bad):
    catalogue = Catalogue(BOX)
    key = catalogue.add(0, [[bad, 0.0], [0.0, bad], [0.0, 0.0]], [0.0, 0.0, bad], [1, 1, 1])
    assert key.tolist() == [0, 0, 0]
    assert len(catalogue) == 0
    assert catalogue.excluded == 3


def test_points_far_outside_the_box_are_kept():
    catalogue = Catalogue(BOX)
    key = catalogue.add(0, [[1e300, 0.0], [-1e300, 0.0], [100.0, 0.0]], np.zeros(3), np.ones(3, int))
    assert len(set(key.tolist())) == 3
    assert 0 not in key.tolist()


@pytest.mark.parametrize("cap", [150, 300, 600, 1200])
def test_the_cap_coarsens_no_more_than_it_must_and_loses_no_count(cap):
    rng = np.random.default_rng(0)
    u = rng.random((3000, 2)) * 10.0 ** rng.uniform(-6, -3, (3000, 1))
    x, fun, status = BOX.lower + u * BOX.width, np.zeros(3000), np.ones(3000, int)
    catalogue = Catalogue(BOX, cap=cap)
    key = catalogue.add(0, x, fun, status)
    assert catalogue.coarsened
    assert len(catalogue) <= cap < len(np.unique(np.floor(u * 2 * catalogue.cells_per_width), axis=0))
    assert catalogue.count.sum() == 3000
    assert np.isin(key, catalogue.key).all()
    assert (key == catalogue.keys(x, fun, status)).all()


def test_the_cap_never_coarsens_beyond_a_4096th_of_the_box():
    x = np.random.default_rng(0).random((500, 2)) * BOX.width + BOX.lower
    catalogue = Catalogue(BOX, cap=10)
    catalogue.add(0, x, np.zeros(500), np.ones(500, int))
    assert catalogue.cells_per_width == 4096
    assert len(catalogue) > 490


def test_group_keys_gives_the_first_row_of_the_lowest_index():
    key = np.array([5, 0, 5, 9, 9], np.uint64)
    distinct, count, first, row = group_keys(key, np.array([8, 1, 2, 7, 3]))
    assert (distinct.tolist(), count.tolist(), first.tolist(), row.tolist()) == ([5, 9], [2, 2], [2, 3], [2, 4])
    assert [len(part) for part in group_keys(np.zeros(3, np.uint64), np.arange(3))] == [0, 0, 0, 0]


def test_bad_input_is_told():
    with pytest.raises(InputError, match="power of two"):
        Catalogue(BOX, cells_per_width=1000)
    with pytest.raises(InputError, match=r"pass \(n, d\)"):
        Catalogue(BOX).add(0, np.zeros((3, 3)), np.zeros(3), np.ones(3))
    with pytest.raises(InputError, match="differ in box"):
        Catalogue(BOX).merge(Catalogue(Box([0.0], [1.0])))


def naive_key(x, box, cells):
    """The key of a point in whole numbers of Python."""
    key, golden, mask = 0x9E3779B97F4A7C15, 0x9E3779B97F4A7C15, 2**64 - 1
    for value, lower, width in zip(x, box.lower.tolist(), box.width.tolist(), strict=True):
        cell = math.floor(min(max((value - lower) / width * cells, -(2.0**62)), 2.0**62))
        key = ((key ^ (cell & mask)) + golden) & mask
        key = ((key ^ (key >> 30)) * 0xBF58476D1CE4E5B9) & mask
        key = ((key ^ (key >> 27)) * 0x94D049BB133111EB) & mask
        key ^= key >> 31
    return max(key, 1)


@pytest.mark.parametrize("cells", [1 << 12, 1 << 20, 1 << 40])
def test_keys_against_whole_numbers_of_python(cells):
    box = Box([-5.12, 0.1, -3.0], [5.12, 7.7, 1e3])
    rng = np.random.default_rng(1)
    x = np.concatenate(
        [rng.uniform(-1.0, 2.0, (40, 3)) * box.width + box.lower, [[1e300, -1e200, 0.1], [-0.0, 0.0, 5.0]]]
    )
    catalogue = Catalogue(box, cells)
    keys = catalogue.keys(x, np.zeros(len(x)), np.ones(len(x)))
    assert keys.tolist() == [naive_key(point, box, cells) for point in x.tolist()]


@pytest.mark.parametrize("different", [1, 5, 300, 3000])
@pytest.mark.parametrize("ascending", [True, False])
def test_keys_are_grouped_alike_by_a_table_and_by_a_sort(different, ascending):
    rng = np.random.default_rng(different)
    known = rng.integers(0, 2**64, different, np.uint64)
    known[0] = 0
    known[1:3] = [1 << 40, 1 << 41][: len(known[1:3])]  # alike in their lowest bits
    key, ids = rng.choice(known, 8000), np.arange(8000) + 5 if ascending else rng.permutation(8000)
    distinct, count, first, row = group_keys(key, ids)
    assert distinct.tolist() == sorted({*key.tolist()} - {0})
    assert [len(part) for part in (count, first, row)] == [len(distinct)] * 3
    for each, times, least, at in list(zip(distinct, count, first, row, strict=True))[:40]:
        rows = np.flatnonzero(key == each)
        assert (times, least, ids[at]) == (len(rows), ids[rows].min(), least)
