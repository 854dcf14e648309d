"""Philox against the published vectors, and the same bits from NumPy, compiled CPU code and arrays of any shape."""

import types

import numpy as np
import pytest
from numba import njit
from numba import types as nb
from scipy import stats

from batchgd.kernels import for_numba  # noqa: F401 - for what is compiled here
from batchgd.kernels.philox import permuted, philox4x32, place, random_words, uniform_pair

FLAGS = {"fastmath": {"contract"}, "error_model": "numpy"}

# Lines "philox4x32 10" of tests/kat_vectors in Random123 (D. E. Shaw Research): counter, key, result.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text):
    return [np.uint64(int(word, 16)) for word in text.split()]


@njit(**FLAGS)
def compiled_words(c0, c1, c2, c3, k0, k1):
    return philox4x32(c0, c1, c2, c3, k0, k1)


@njit(**FLAGS)
def compiled_starts(seed, first, lower, width, out):
    for i in range(out.shape[0]):
        for block in range((out.shape[1] + 1) // 2):
            u, v = uniform_pair(seed, first + i, block)
            out[i, 2 * block] = place(u, lower, width)
            if 2 * block + 1 < out.shape[1]:
                out[i, 2 * block + 1] = place(v, lower, width)


def numpy_starts(seed, index, lower, width, dim):
    pairs = [u for block in range((dim + 1) // 2) for u in uniform_pair(seed, index, block)]
    return np.stack([place(u, lower, width) for u in pairs[:dim]], axis=1)


@pytest.mark.parametrize(("counter", "key", "result"), KNOWN)
def test_known_answers(counter, key, result):
    inputs = words(counter) + words(key)
    assert list(philox4x32(*inputs)) == words(result)
    assert list(compiled_words(*inputs)) == words(result)
    arrays = philox4x32(*(np.full(3, word) for word in inputs))
    assert [word.tolist() for word in arrays] == [[word] * 3 for word in map(int, words(result))]


def test_seed_index_block_and_stream_fill_key_and_counter():
    counter, key, result = (words(text) for text in KNOWN[2])
    index = int(counter[1]) << 32 | int(counter[0])
    seed = int(key[1]) << 32 | int(key[0])
    assert list(random_words(seed, index, counter[2], counter[3])) == result
    u, v = uniform_pair(seed, index, counter[2], counter[3])
    assert u == ((int(result[0]) << 32 | int(result[1])) >> 11) / 2**53
    assert v == ((int(result[2]) << 32 | int(result[3])) >> 11) / 2**53


@pytest.mark.parametrize(("seed", "first"), [(0, 0), (2**63 + 5, 2**40), (7, 2**62)])
@pytest.mark.parametrize("dim", [1, 5])
def test_compiled_code_makes_the_bits_of_numpy(seed, first, dim):
    out = np.empty((1000, dim))
    compiled_starts(np.uint64(seed), first, -5.12, 10.24, out)
    np.testing.assert_array_equal(out, numpy_starts(seed, first + np.arange(1000), -5.12, 10.24, dim))


def test_compiled_code_takes_unsigned_indices_as_well():
    out = np.empty((10, 2))
    compiled_starts(np.uint64(3), np.uint64(2**40), 0.0, 1.0, out[:0])
    one = njit(**FLAGS)(lambda seed, i: uniform_pair(seed, i, 1))
    expected = uniform_pair(3, 2**63 + 1, 1)
    assert one(np.uint64(3), np.uint64(2**63 + 1)) == expected


def test_draws_are_uniform_and_uncorrelated():
    n = 200_000
    draws = numpy_starts(11, np.arange(n), 0.0, 1.0, 4)
    assert draws.min() >= 0.0
    assert draws.max() < 1.0
    # 5 standard errors of mean and variance of a uniform variable
    np.testing.assert_allclose(draws.mean(axis=0), 0.5, atol=5 * (1 / 12 / n) ** 0.5)
    np.testing.assert_allclose(draws.var(axis=0), 1 / 12, atol=5 * (1 / 180 / n) ** 0.5)
    assert np.abs(np.corrcoef(draws.T) - np.eye(4)).max() < 5 / n**0.5
    assert np.corrcoef(draws[1:, 0], draws[:-1, 0])[0, 1] < 5 / n**0.5
    for column in draws.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-3
    cells = np.ravel_multi_index((draws[:, :2] * 16).astype(int).T, (16, 16))
    assert stats.chisquare(np.bincount(cells, minlength=256)).pvalue > 1e-3


def test_streams_blocks_and_seeds_differ():
    draws = {uniform_pair(seed, 5, block, stream) for seed in (0, 1, 2**32) for block in (0, 1) for stream in (0, 1)}
    assert len(draws) == 12


@pytest.mark.parametrize("n", [1, 2, 3, 7, 64, 1000, 10_007])
def test_a_permutation_meets_each_value_once(n):
    image = permuted(3, 1, np.arange(n), n)
    np.testing.assert_array_equal(np.sort(image), np.arange(n))
    np.testing.assert_array_equal(permuted(3, 1, np.arange(n)[n // 2 :], n), image[n // 2 :])


def test_permutations_of_four_are_equally_likely():
    orders = [tuple(permuted(seed, 0, np.arange(4), 4).tolist()) for seed in range(2400)]
    counts = np.unique(np.array(orders) @ [64, 16, 4, 1], return_counts=True)[1]
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > 1e-3


def test_permutation_shows_no_trend():
    image = permuted(0, 0, np.arange(50_000), 50_000)
    assert abs(stats.spearmanr(image, np.arange(50_000)).statistic) < 5 / 50_000**0.5
    other = permuted(0, 1, np.arange(50_000), 50_000)
    assert abs(stats.spearmanr(image, other).statistic) < 5 / 50_000**0.5
    assert permuted(0, 0, np.array([2**62 - 1]), 2**62)[0] < 2**62


def test_cuda_code_has_no_local_memory(monkeypatch):
    cuda = pytest.importorskip("numba.cuda", reason="numba-cuda is not installed")
    dispatcher = pytest.importorskip("numba.cuda.dispatcher", reason="numba-cuda is not installed")
    if not hasattr(cuda, "compile_ptx") or cuda.config.ENABLE_CUDASIM:
        pytest.skip("the CUDA simulator compiles nothing")
    device = types.SimpleNamespace(compute_capability=(9, 0))
    monkeypatch.setattr(dispatcher, "get_current_device", lambda: device, raising=False)

    def kernel(seed, lower, width, out):
        i = cuda.grid(1)
        u, v = uniform_pair(seed, i, 0)
        out[i, 0] = place(u, lower, width)
        out[i, 1] = place(v, lower, width)

    signature = (nb.uint64, nb.float64, nb.float64, nb.float64[:, ::1])
    ptx, _ = cuda.compile_ptx(kernel, signature, cc=(9, 0))
    assert ".target sm_90" in ptx
    assert ".local" not in ptx
    assert "call" not in ptx
