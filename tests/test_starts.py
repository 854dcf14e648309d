"""Starts: the same points for any shard, the distribution each kind promises, and one line for each bad input."""

import pickle
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from numba import njit
from scipy import stats

from batchgd import BackendError, Box, InputError, Normal, multistart, start
from batchgd.kernels import for_numba  # noqa: F401 - for what is compiled here
from batchgd.kernels.philox import place, uniform_pair, uniform_pair_single
from batchgd.problem.samplings import SAMPLINGS
from batchgd.problem.starts import Starts, parse_seed, parse_starts

BOX = Box([-5.12, 0.0, 1.0], [5.12, 1.0, 3.0])
NORMAL = Normal([0.0, 1.0, 2.0], [1.0, 0.5, 2.0])
N = 729  # a cube, for the grid, and not a power of two
KINDS = [*SAMPLINGS, NORMAL]
NAMES = [*SAMPLINGS, "normal"]


def parse(starts=N, sampling="uniform", box=BOX, seed=3, dtype="float64", **options):
    return parse_starts(starts, sampling, box, None if box is None else box.dim, seed, dtype, **options)


@pytest.mark.parametrize("sampling", KINDS, ids=NAMES)
def test_any_shard_holds_the_same_points(sampling):
    whole = parse(sampling=sampling).points(0, N)
    assert whole.shape == (N, 3)
    assert whole.dtype == np.float64
    for size in (1, 64, 500):
        made = parse(sampling=sampling)
        shards = [made.points(first, min(first + size, N)) for first in range(0, N, size)]
        np.testing.assert_array_equal(np.concatenate(shards), whole)
        backwards = [made.points(first, min(first + size, N)) for first in range(0, N, size)[::-1]]
        np.testing.assert_array_equal(np.concatenate(backwards[::-1]), whole)
    assert parse(sampling=sampling).points(5, 5).shape == (0, 3)
    assert parse(sampling=sampling).points(0, 0).shape == (0, 3)


@pytest.mark.parametrize("sampling", KINDS, ids=NAMES)
def test_every_kind_is_what_it_says(sampling):
    made = parse(sampling=sampling)
    assert made.n == len(made) == N
    assert made.dim == 3
    assert made.name == NAMES[KINDS.index(sampling)]
    assert made.independent is (made.name in ("uniform", "normal"))
    assert made.in_kernel is (made.name == "uniform")
    assert (made.interval_note is None) is made.independent
    copy = pickle.loads(pickle.dumps(made))
    np.testing.assert_array_equal(copy.points(10, 20), made.points(10, 20))
    assert parse_starts(made, "uniform", BOX, 3, 0, "float64") is made


@pytest.mark.parametrize("sampling", list(SAMPLINGS))
def test_starts_lie_in_the_box(sampling):
    points = parse(sampling=sampling).points(0, N)
    assert np.all((points >= BOX.lower) & (points < BOX.upper))


@pytest.mark.parametrize("sampling", KINDS, ids=NAMES)
def test_the_seed_decides(sampling):
    first, again, other = (parse(sampling=sampling, seed=seed).points(0, N) for seed in (3, 3, 2**64 - 1))
    np.testing.assert_array_equal(first, again)
    assert np.array_equal(first, other) is (sampling == "grid")


def test_start_makes_each_uniform_start_again():
    points = parse().points(0, N)
    np.testing.assert_array_equal(start(3, np.arange(N), BOX), points)
    np.testing.assert_array_equal(start(3, 17, BOX), points[17])
    assert start(3, 17, BOX).shape == (3,)
    assert start(3, [], (0, 1)).shape == (0, 1)


@pytest.mark.parametrize("i", [2**40, 2**63, 2**64 - 1])
def test_counters_have_64_bits(i):
    point = start(0, i, (-1, 1), dim=2)
    assert np.all(np.abs(point) < 1.0)
    assert not np.array_equal(point, start(0, i & 0xFFFFFFFF, (-1, 1), dim=2))
    if i == 2**40:
        far = parse(2**41, resident=False).points(i, i + 2)
        np.testing.assert_array_equal(far[0], start(3, i, BOX))


def test_compiled_code_makes_the_same_starts():
    for dtype, pair in (("float64", uniform_pair), ("float32", uniform_pair_single)):

        @njit(fastmath={"contract"}, error_model="numpy")
        def fill(seed, lower, width, out, pair=pair):
            for i in range(out.shape[0]):
                for block in range(2):
                    u, v = pair(seed, i, block)
                    out[i, 2 * block] = place(u, lower[2 * block], width[2 * block])
                    if 2 * block + 1 < 3:
                        out[i, 2 * block + 1] = place(v, lower[2 * block + 1], width[2 * block + 1])

        out = np.empty((N, 3), dtype)
        fill(3, BOX.lower.astype(dtype), BOX.width.astype(dtype), out)
        np.testing.assert_array_equal(out, parse(dtype=dtype).points(0, N).astype(dtype))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n", [1, 17, 1500])
def test_the_loop_draws_the_same_starts_in_vectors(n, dtype):
    """With no updates a start is its endpoint: in blocks of 16 and 64 lanes, in even and odd dimensions."""
    for dim in (1, 2, 5):
        box = [(-1.0, 2.0), (3.0, 3.5)] * 3
        result = multistart(
            lambda x: np.sum(x),
            box=box[:dim],
            starts=n,
            seed=2**63 + 5,
            maxiter=0,
            backend="cpu",
            dtype=dtype,
            scale=None,
        )
        assert (result.nit == 0).all()
        lower, width = np.array(box[:dim], dtype)[:, 0], np.diff(box[:dim], axis=1)[:, 0].astype(dtype)
        pair = uniform_pair if dtype == "float64" else uniform_pair_single
        pairs = [pair(2**63 + 5, np.arange(n), block) for block in range(3)]
        units = np.stack([u for both in pairs for u in both], axis=1)[:, :dim]
        np.testing.assert_array_equal(result.x, place(units, lower, width))


def test_sobol_is_scipys_sequence_and_fills_evenly():
    from scipy.stats import qmc

    unit = (parse(1024, "sobol").points(0, 1024) - BOX.lower) / BOX.width
    expected = qmc.Sobol(3, scramble=True, bits=32, rng=np.random.default_rng(3)).random(1024)
    np.testing.assert_allclose(unit, expected, rtol=0, atol=1e-15)
    for column in unit.T:  # each of 1024 equal slices holds one point
        np.testing.assert_array_equal(np.sort((column * 1024).astype(int)), np.arange(1024))


@pytest.mark.parametrize("n", [1, 2, 10, N])
def test_latin_hypercube_holds_one_start_in_each_slice(n):
    unit = (parse(n, "latin_hypercube").points(0, n) - BOX.lower) / BOX.width
    for column in unit.T:
        np.testing.assert_array_equal(np.sort(np.floor(column * n + 1e-9).astype(int)), np.arange(n))


def test_latin_hypercube_needs_no_memory():
    assert parse(2**50, "latin_hypercube", resident=False).points(2**49, 2**49 + 3).shape == (3, 3)


def test_grid_starts_are_cell_centres():
    made = parse((2, 1, 4), "grid")
    assert made.n == 8
    expected = [[x, 0.5, z] for x in (-2.56, 2.56) for z in (1.25, 1.75, 2.25, 2.75)]
    np.testing.assert_allclose(made.points(0, 8), expected, rtol=1e-15)
    assert parse(8, "grid").points(0, 8).tolist() == parse([2, 2, 2], "grid").points(0, 8).tolist()
    for k in (1, 3, 10, 99, 1000, 2**20):  # cube roots are not exact
        assert parse(k**3, "grid", resident=False).counts == (k, k, k)


def test_normal_has_its_moments():
    points = parse(100_000, NORMAL).points(0, 100_000)
    for column, mean, std in zip(points.T, NORMAL.mean, NORMAL.std, strict=True):
        assert stats.kstest((column - mean) / std, "norm").pvalue > 1e-3
    assert parse(5, Normal(1.0, 0.1)).points(0, 5).shape == (5, 3)


@pytest.mark.parametrize(
    "array", [[[1, 2, 3], [4, 5, 6]], np.arange(6, dtype=np.uint8).reshape(2, 3), np.eye(3, dtype="f4")]
)
def test_arrays_come_back_as_they_were_given(array):
    made = parse(array)
    np.testing.assert_array_equal(made.points(0, made.n), array)
    assert made.points(0, 1).dtype == np.float64
    assert (made.name, made.independent, made.in_kernel) == ("array", False, False)
    assert "array" in made.interval_note


def test_an_array_needs_no_box_and_is_copied():
    array = np.zeros((2, 2))
    made = parse_starts(array, "uniform", None, None, 0, "float64")
    array[0] = 7.0
    points = made.points(0, 2)
    assert points.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    points[0] = 7.0  # what is handed out is the caller's
    assert made.points(0, 1).tolist() == [[0.0, 0.0]]
    assert made.dim == 2


class DLPackOnly:
    """An array of another library: DLPack and nothing else."""

    def __init__(self, array, device=1):
        self.array, self.device = array, device

    def __len__(self):
        return len(self.array)

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return (self.device, 0)


class OnTheGPU:
    """Looks like an array on a CUDA device."""

    def __init__(self, array):
        self.array = array
        self.__cuda_array_interface__ = array.__array_interface__

    def __len__(self):
        return len(self.array)


def test_arrays_of_other_libraries(monkeypatch):
    array = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(parse(DLPackOnly(array)).points(0, 2), array)
    cupy = SimpleNamespace(asnumpy=lambda given: given.array, from_dlpack=lambda given: given)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    np.testing.assert_array_equal(parse(OnTheGPU(array)).points(0, 2), array)
    np.testing.assert_array_equal(parse(DLPackOnly(array, device=2)).points(0, 2), array)
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(BackendError, match="on a GPU and is read with CuPy, which is not installed"):
        parse(OnTheGPU(array))


def test_counts_in_other_number_types():
    for count in (10, 1e1, np.int32(10), np.float32(10), np.array(10)):
        assert parse(count).n == 10


NAN = np.array([[0.0, 0.0, 0.0], [0.0, np.nan, 0.0]])
BAD = [
    ({"starts": 0}, "starts is 0: give at least 1"),
    ({"starts": -5}, "starts is -5: give at least 1"),
    ({"starts": 0.5}, "starts is 0.5: give at least 1"),
    ({"starts": 10.5}, "starts is 10.5: give a whole number"),
    ({"starts": np.nan}, "starts is nan"),
    ({"starts": np.inf}, "at most 2\\*\\*62"),
    ({"starts": 2**62 + 1}, f"from 1 to {2**62}"),
    ({"starts": 10**400}, "which float64 cannot hold: give a whole number"),
    ({"starts": 10**15}, "starts take .* GB and this machine has .* GB: use at most"),
    ({"starts": True}, "starts is True: give a whole number"),
    ({"starts": None}, "starts is None: give a whole number"),
    ({"starts": "many"}, "starts is 'many': give a whole number"),
    ({"starts": 1j}, "starts is 1j: give a whole number"),
    ({"sampling": "sobel"}, "unknown sampling 'sobel': did you mean 'sobol'"),
    ({"sampling": "xyz"}, "unknown sampling 'xyz': choose 'uniform'"),
    ({"sampling": "normal"}, r"pass sampling=bgd.Normal\(mean, std\)"),
    ({"sampling": Normal}, r"write Normal\(mean, std\)"),
    ({"sampling": None}, "sampling is None: give one of"),
    ({"starts": 2**33, "sampling": "sobol", "resident": False}, r"at most 2\*\*32 starts"),
    (
        {"starts": 100, "sampling": "grid"},
        r"grid of 100 starts does not fit 3 dimensions: give 64 or 125, or one count",
    ),
    ({"starts": (2, 3), "sampling": "grid"}, "a grid in 3 dimensions needs 3 counts"),
    ({"starts": (2, 0, 3), "sampling": "grid"}, "starts is 0: give at least 1"),
    ({"starts": (2**30,) * 3, "sampling": "grid"}, "at most 2\\*\\*62"),
    ({"starts": [(1, 2), (3,)], "sampling": "grid"}, "a grid in 3 dimensions needs 3 counts"),
    ({"starts": [2, (3,), 2], "sampling": "grid"}, r"starts is \(3,\): give a whole number"),
    ({"sampling": Normal([0, 0], 1)}, "mean of Normal has 2 numbers for 3 dimensions: give 1 or 3"),
    ({"starts": np.zeros((4, 3)), "sampling": "sobol"}, "leave out one of the two"),
    ({"starts": np.zeros(3)}, r"shape \(3,\), not \(n, d\): for one start write x0\[None, :\]"),
    ({"starts": (2, 2, 2)}, "for counts per axis, add sampling='grid'"),
    ({"starts": np.zeros((1, 2, 3))}, r"shape \(1, 2, 3\), not \(n, d\)"),
    ({"starts": np.zeros((4, 2))}, r"shape \(4, 2\) but there are 3 variables: give \(n, 3\)"),
    ({"starts": np.zeros((0, 3))}, "contains no start"),
    ({"starts": NAN}, r"start point 1 contains NaN or infinity \(1 such row\)"),
    ({"starts": NAN - np.inf}, r"start point 0 contains NaN or infinity \(2 such rows\)"),
    ({"starts": np.full((1, 3), 1e39), "dtype": "float32"}, "start point 0 is outside the range of float32"),
    ({"starts": np.full((1, 3), 1j)}, "contain complex numbers"),
    ({"starts": np.full((1, 3), True)}, "contain true/false values"),
    ({"starts": [["a", "b", "c"]]}, "contain text"),
    ({"starts": [[None, 1.0, 2.0]]}, "contain something that is not a real number"),
    ({"starts": [[1.0], [1.0, 2.0]]}, "rows of different lengths: give an"),
    ({"starts": np.ma.masked_equal(np.eye(3), 1.0)}, "masked entries"),
    ({"box": None}, r"the start points are 729: give them as an array of shape \(n, d\)"),
    ({"seed": -1}, "the seed is -1: give a whole number from 0"),
    ({"seed": 2**64}, "give a whole number from 0"),
    ({"seed": 1.0}, "the seed is 1.0"),
    ({"seed": True}, "the seed is True"),
    ({"seed": "0"}, "the seed is '0'"),
    ({"box": Box(0, 1e39), "dtype": "float32"}, "float32 cannot hold the box .* on axis 0: use dtype='float64'"),
    ({"box": Box(1e9, 1e9 + 1), "dtype": "float32"}, "float32 cannot hold the box"),
]


@pytest.mark.parametrize(("given", "message"), BAD, ids=[f"{i}-{'-'.join(row[0])}" for i, row in enumerate(BAD)])
def test_bad_input_gives_one_line(given, message):
    with pytest.raises(InputError, match=message) as caught:
        parse(**given)
    assert "\n" not in str(caught.value)


def test_a_box_of_another_dimension():
    with pytest.raises(InputError, match="box has 3 dimensions but the function has 2"):
        parse_starts(10, "uniform", BOX, 2, 0, "float64")


@pytest.mark.parametrize(
    ("mean", "std", "message"),
    [
        (0, 0, "std of Normal is 0: give finite positive numbers"),
        (0, [1, -1], "std of Normal"),
        (0, np.nan, "std of Normal"),
        (np.inf, 1, "mean of Normal is inf, which contains NaN or infinity: give finite numbers"),
        ("a", 1, "mean of Normal is 'a', which contains text: give finite numbers"),
        (np.zeros((2, 2)), 1, "mean of Normal"),
    ],
)
def test_bad_normals(mean, std, message):
    with pytest.raises(InputError, match=message):
        Normal(mean, std)


@pytest.mark.parametrize("i", [-1, 0.5, "a", None, [[1]], [0, -1], True])
def test_starts_that_do_not_exist(i):
    with pytest.raises(InputError, match=r"start number .* give a whole number from 0"):
        start(0, i, (0, 1))


def test_a_random_seed_is_reported_and_reproducible():
    seed, other = parse_seed(None), parse_seed(None)
    assert isinstance(seed, int)
    assert 0 <= seed < 2**53
    assert seed != other
    assert parse_seed(np.uint64(2**64 - 1)) == 2**64 - 1


def test_a_new_kind_must_make_points():
    with pytest.raises(NotImplementedError):
        Starts(1, 1).points(0, 1)
