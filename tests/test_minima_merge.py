"""Identity of minima against a naive reference, and intervals of fractions against published values."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from batchgd import Identity, InputError
from batchgd.minima import Clustering, seen_interval, wilson
from batchgd.minima.merge import nearest_pair


def naive(u, fun, x_tol, f_tol):
    label = list(range(len(u)))
    for a, b in itertools.combinations(range(len(u)), 2):
        near = np.abs(u[a] - u[b]).max() <= x_tol
        if near and abs(fun[a] - fun[b]) <= f_tol * max(1, abs(fun[a]), abs(fun[b])):
            old, new = max(label[a], label[b]), min(label[a], label[b])
            label = [new if k == old else k for k in label]
    return np.unique(label, return_inverse=True)[1]


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.integers(1, 60), d=st.integers(1, 4), spread=st.sampled_from([0.5, 2.0, 6.0]))
def test_components_equal_the_naive_ones_and_do_not_depend_on_order(seed, n, d, spread):
    rng = np.random.default_rng(seed)
    # On a lattice of 1/4 of the tolerance: no pair lies so near the limit that thinning could decide.
    u = np.floor(rng.uniform(0, spread, (n, d)) * 1e-3 / 2.5e-4) * 2.5e-4 + 1e-5
    fun = rng.choice([0.0, 1.0, 100.0], n)
    clustering = Clustering(Identity(1.1e-3, 1e-9))
    expected = naive(u, fun, 1.1e-3, 1e-9)
    found = clustering.components(u, fun)
    assert (found == np.unique(found, return_inverse=True)[1]).all()
    assert (found[:, None] == found).tolist() == (expected[:, None] == expected).tolist()
    order = rng.permutation(n)
    again = clustering.components(u[order], fun[order])
    assert ((again[:, None] == again) == (expected[order][:, None] == expected[order])).all()


def test_a_ring_around_a_point_stays_apart_from_it():
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    u = np.r_[0.5 + 0.01 * np.stack([np.cos(angle), np.sin(angle)], 1), [[0.5, 0.5]]]
    found = Clustering(Identity(2e-4, 1e-9)).components(u, np.zeros(401))
    assert found.tolist() == [0] * 400 + [1]


def test_two_minima_further_apart_than_the_tolerance_are_not_fused():
    rng = np.random.default_rng(0)
    u = np.repeat([[0.5, 0.5], [0.5 + 2.5e-6, 0.5]], 500, axis=0) + 1e-9 * rng.normal(size=(1000, 2))
    found = Clustering(Identity(1e-6, 1e-9)).components(u, np.zeros(1000))
    assert found.tolist() == [0] * 500 + [1] * 500
    assert set(Clustering(Identity(3e-6, 1e-9)).components(u, np.zeros(1000))) == {0}


@pytest.mark.parametrize("level", [0.0, 1.0, 1e6, -1e300])
def test_value_is_compared_relative_to_its_size(level):
    u = np.full((3, 1), 0.5)
    fun = np.array([level, level * (1 + 2e-11) + 2e-11, level * (1 + 1e-8) + 1e-8])
    assert Clustering(Identity()).components(u, fun).tolist() == [0, 0, 1]


def test_nearest_pair():
    assert nearest_pair(np.zeros((1, 2))) == (np.inf, -1, -1)
    assert nearest_pair(np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.25], [5.0, 5.0]])) == (0.25, 1, 2)
    assert nearest_pair(np.zeros((2, 1))) == (0.0, 0, 1)


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_reproduces_newcombes_table(count, n, low, high):
    found = wilson(count, n)
    assert [round(float(v), 4) for v in found] == [low, high]


@given(n=st.integers(1, 10**9), share=st.floats(0, 1), confidence=st.floats(0.5, 0.999))
def test_wilson_ends_solve_the_score_equation(n, share, confidence):
    from statistics import NormalDist

    count = round(share * n)
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    for end in wilson(count, n, confidence):
        assert 0 <= end <= 1
        assert (count / n - end) ** 2 == pytest.approx(z * z * end * (1 - end) / n, rel=1e-4, abs=1e-13)


@pytest.mark.parametrize("n", [1, 2, 10, 1000])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.9999])
def test_intervals_hold_given_that_the_minimum_was_seen(n, confidence):
    """The exact chance, over the counts from 1 to n, for shares from far below 1 / n to almost 1."""
    count = np.arange(1, n + 1)
    low, high = seen_interval(count, n, confidence)
    for share in np.concatenate([np.geomspace(1e-6 / n, 0.999, 60), low[1:3], high[:2]]):
        chance = binom.pmf(count, n, share)
        assert chance[(low <= share) & (share <= high)].sum() >= confidence * chance.sum() * (1 - 1e-9)


def test_intervals_of_minima_solve_their_equations():
    n, half = 500, 0.025
    count = np.array([2, 3, 10, 40, 250, 499])
    low, high = seen_interval(count, n)
    np.testing.assert_allclose(binom.sf(count - 1, n, low) / -np.expm1(n * np.log1p(-low)), half, rtol=1e-9)
    np.testing.assert_allclose(binom.cdf(count, n, high), half, rtol=1e-9)
    ends = seen_interval([0, 1, n], n)
    assert (ends[0][0], ends[0][1], ends[1][2]) == (0.0, 0.0, 1.0)
    assert seen_interval(7, n)[0].shape == ()
    assert seen_interval([[1], [2]], 10**9)[1].shape == (2, 1)


def test_intervals_tell_bad_confidence_and_survive_no_starts():
    with pytest.raises(InputError, match="probability between 0 and 1"):
        seen_interval(1, 2, 0.0)
    assert [float(v) for v in seen_interval(0, 0)] == [0.0, 1.0]


def test_wilson_tells_bad_confidence_and_survives_no_starts():
    with pytest.raises(InputError, match="between 0 and 1"):
        wilson(1, 2, 1.0)
    assert [float(v) for v in wilson(0, 0)] == [0.0, 1.0]
